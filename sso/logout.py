"""Log-out that a client begins (OpenID Connect RP-Initiated Logout 1.0), and telling clients that a session ended."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from hub.bus.transport import Carrier
from hub.http import HttpSettings, Limits, Transport
from hub.store import sso_clients
from hub.store.sso_clients import Ask
from hub.store.sso_ends import SUBJECT
from sso.authorize import WAITS, Refused, back, hinted
from sso.ground import Provider, digest, fresh
from sso.idtokens import logout_token
from sso.server import Request


def leaving(here: Provider, request: Request) -> str:
    """Check what a client asks and keep it; answers the text by which its page finds it. ``Refused``: a hint that is
    none, an address that is not the client's."""
    data = request.payload.data
    name, hint, address = (data.get(one) for one in ("client_id", "id_token_hint", "post_logout_redirect_uri"))
    client = here.client(name)
    if name is not None and client is None:
        raise Refused("invalid_request", "there is no such client")
    shown = hinted(here, client, hint)
    if shown is not None and client is None:
        client = here.client(str(shown["aud"]))
    if address is not None and (shown is None or client is None or address not in client.file.logout.redirect_uris):
        raise Refused("invalid_request", "the client has not registered this post_logout_redirect_uri")
    text = fresh("ask")
    to = back(address, state=data.get("state", "")) if address else ""
    kept = {"logout": True, "sub": shown["sub"] if shown else None, "to": to}
    called = client.name if client else ""
    sso_clients.ask(here.hub.database, Ask(digest(text), called, kept, here.now(), here.after(WAITS)))
    return text


def is_his(here: Provider, ask: Ask, person: uuid.UUID) -> bool:
    """Whether the client showed an ID token of the person who is logged in: then nobody needs to be asked."""
    named = here.person(person)
    sub = ask.asked["sub"]
    return bool(sub) and named is not None and sso_clients.known_subject(here.hub.database, ask.client, named) == sub


class Telling:
    """The bus of the worker, with clients that are told of sessions' ends: a subject ``sso:CLIENT`` is one of them,
    everything else goes its way. The token is made for each try: it lives two minutes."""

    def __init__(self, inner: Carrier, here: Provider) -> None:
        self._inner, self._here = inner, here

    def subscribers(self, subject: str) -> list[str]:
        """The client, if it has an address to be told at; else nobody needs to be."""
        if not subject.startswith(SUBJECT):
            return self._inner.subscribers(subject)
        file = self._here.hub.workspace.clients.get(subject.removeprefix(SUBJECT))
        return [f"client:{file.client}"] if file is not None and file.logout.backchannel else []

    def send(self, subscriber: str, event: Mapping[str, Any]) -> None:
        """Tell a client; any answer but 2xx raises."""
        if not str(event["subject"]).startswith(SUBJECT):
            self._inner.send(subscriber, event)
            return
        name, told = subscriber.removeprefix("client:"), event["data"]
        file = self._here.hub.workspace.clients[name]
        body = urlencode({"logout_token": logout_token(self._here, name, told["sub"], told["sid"])}).encode()
        settings = HttpSettings(url=str(file.logout.backchannel), limits=Limits(timeout=10.0, retries=0))
        transport = Transport(settings, f"client:{name}")
        try:
            transport.request("POST", "", data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        finally:
            transport.close()

    def wake(self, subject: str) -> None:
        self._inner.wake(subject)

    def close(self) -> None:
        self._inner.close()
