"""Systems ask whose ticket it is: once, within its minute, each for its own."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError

from hub.store import sso_tickets
from sso.clients import Client
from sso.ground import Provider, digest
from sso.jwts import Expected, NotTaken, decode
from sso.server import AUTH, Request, Server
from sso.tickets import audited
from sso.tickets.broker import TYPE


def redeem(here: Provider, server: Server, request: Request) -> dict[str, Any]:
    """Of a ticket of the hub's own, which its client shows with its secret: ``sub`` is the account, ``tgt`` the target,
    ``todo`` the to-do's id in the system. InvalidGrantError."""
    client: Client = server.authenticate_client(request, AUTH[:2], "ticket")
    expected = Expected(here.issuer, client.name, ("Ed25519",), (TYPE,), ("jti", "sub", "tgt", "iat", "exp"))
    try:
        text, moment = request.form.get("ticket", ""), here.now().timestamp()
        claims = decode(text, here.ticket_keys.known(), expected, moment).claims
    except NotTaken:
        raise InvalidGrantError("the ticket is none of this client's, or its time is over") from None
    name = _used(here, client, str(claims["jti"]))
    if name is None or name != claims["sub"]:
        raise InvalidGrantError("the ticket was used, or its time is over, or its owner is gone")
    return {key: claims[key] for key in ("iss", "aud", "sub", "tgt", "todo", "iat", "exp") if key in claims}


def restored(here: Provider, name: str, ticket: str) -> str:
    """For Seeyon, which asks with nothing but the ticket: the account, or an empty text."""
    client = here.client(name)
    rule = client.file.tickets if client is not None else None
    if client is None or rule is None or rule.dialect != "seeyon":
        return ""
    return _used(here, client, ticket) or ""


def _used(here: Provider, client: Client, text: str) -> str | None:
    """The account of a ticket that was not used before, and whose owner still has it."""
    database, rule = here.hub.database, client.file.tickets
    one = sso_tickets.kept(database, digest(text), client.name)
    if one is None:
        return None
    whom = here.whom(client.file, one.person, one.name)
    written = audited.used(one.digest, client.name, rule.dialect if rule else "cophub", told=whom is not None)
    return whom.name if sso_tickets.use(database, one, here.now(), written) and whom is not None else None
