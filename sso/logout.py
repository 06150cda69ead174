"""Log-out that a client begins (OpenID Connect RP-Initiated Logout 1.0), and telling clients that a session ended."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from hub.bus.transport import Carrier
from hub.errors import HubError
from hub.http import HttpSettings, Limits, Transport
from hub.store import sso_clients, sso_grants
from hub.store.database import new_id
from hub.store.sso_clients import Ask
from hub.store.sso_ends import SERVICE, SUBJECT
from hub.workspace.services import parsed
from sso.authorize import WAITS, Refused, back, hinted
from sso.cas import opened, serves
from sso.cas_answers import ended
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
        raise Refused("invalid_request", "there is no such client", cause="client")
    shown = hinted(here, client, hint)
    if shown is not None and client is None:
        client = here.client(str(shown["aud"]))
    if address is not None and (shown is None or client is None or address not in client.file.logout.redirect_uris):
        told = "the client has not registered this post_logout_redirect_uri"
        raise Refused("invalid_request", told, cause="leave")
    text = fresh("ask")
    to = back(address, state=data.get("state", "")) if address else ""
    kept = {"logout": True, "sub": shown["sub"] if shown else None, "to": to}
    called = client.name if client else ""
    sso_clients.ask(here.hub.database, Ask(digest(text), called, kept, here.now(), here.after(WAITS)))
    return text


def is_his(here: Provider, ask: Ask, person: uuid.UUID) -> bool:
    """Whether the client showed an ID token of the person who is logged in, or asked by CAS: then nobody needs to be
    asked."""
    if ask.asked.get("at_once"):
        return True
    named = here.person(person)
    sub = ask.asked["sub"]
    return bool(sub) and named is not None and sso_clients.known_subject(here.hub.database, ask.client, named) == sub


TAKEN: Final = ("http.redirect", "auth.login_page")
"""mod_auth_cas takes the message, and leads to its log-in all the same."""


class Telling:
    """The bus of the worker, with clients that are told of sessions' ends: a subject ``sso:CLIENT`` or ``cas:CLIENT``
    is one of them, everything else goes its way. A token is made for each try: it lives two minutes."""

    def __init__(self, inner: Carrier, here: Provider) -> None:
        self._inner, self._here = inner, here

    def subscribers(self, subject: str) -> list[str]:
        """The client, if it has an address to be told at; else nobody needs to be."""
        kind, clients = subject[: len(SUBJECT)], self._here.hub.workspace.clients
        if kind not in (SUBJECT, SERVICE):
            return self._inner.subscribers(subject)
        file = clients.get(subject.removeprefix(kind))
        if file is None:
            return []
        told = file.logout.backchannel if kind == SUBJECT else file.cas is not None and file.cas.logout
        return [f"client:{file.client}"] if told else []

    def send(self, subscriber: str, event: Mapping[str, Any]) -> None:
        """Tell a client; any answer but 2xx raises."""
        name, told = subscriber.removeprefix("client:"), event["data"]
        if str(event["subject"]).startswith(SUBJECT):
            file = self._here.hub.workspace.clients[name]
            token = logout_token(self._here, name, told["sub"], told["sid"])
            _post(name, str(file.logout.backchannel), {"logout_token": token})
        elif str(event["subject"]).startswith(SERVICE):
            self._tell_service(name, told["ticket"])
        else:
            self._inner.send(subscriber, event)

    def _tell_service(self, name: str, digest_: str) -> None:
        """By the ticket that it knows the session by, at the address that it logged in with, if that is still its
        own."""
        here = self._here
        found = sso_grants.service_ticket(here.hub.database, digest_)
        if found is None:
            return
        ticket, family = found
        place = parsed(ticket.service)
        file = None if place is None else serves(here, place)
        if file is not None and file.client == name:
            user = family.name or family.sub or ""
            message = ended(str(new_id()), here.now(), user, opened(here, ticket))
            try:
                _post(name, ticket.service.partition("#")[0], {"logoutRequest": message})
            except HubError as error:
                if error.code not in TAKEN:
                    raise

    def wake(self, subject: str) -> None:
        self._inner.wake(subject)

    def close(self) -> None:
        self._inner.close()


def _post(name: str, address: str, fields: Mapping[str, str]) -> None:
    """A form to a client, at an address of its file; any answer but 2xx raises."""
    home = HttpSettings(url=address.partition("?")[0], limits=Limits(timeout=10.0, retries=0))
    transport = Transport(home, f"client:{name}")
    try:
        body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        transport.request("POST", address, data=body, headers={"Content-Type": kind})
    finally:
        transport.close()
