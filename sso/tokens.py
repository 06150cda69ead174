"""What becomes of tokens: userinfo, introspection (RFC 7662), revocation (RFC 7009)."""

from __future__ import annotations

from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error

from hub.store import sso_grants
from hub.store.sso_grants import Family, Token
from sso.claims import told, wanted
from sso.clients import Client
from sso.ground import Provider, digest, stamp, without_blanks
from sso.server import AUTH, Request, Server, person_of

OFF: Final = {"active": False}


class InvalidTokenError(OAuth2Error):
    """RFC 6750, 3.1."""

    error = "invalid_token"
    status_code = 401


class InsufficientScopeError(OAuth2Error):
    """RFC 6750, 3.1."""

    error = "insufficient_scope"
    status_code = 403


def userinfo(here: Provider, text: str) -> dict[str, Any]:
    """Claims of the person of an access token that was given to the client itself. ``InvalidTokenError``."""
    found = valid(here, text)
    client = here.client(found[0].client) if found else None
    if found is None or client is None or found[1].person is None or found[0].audience:
        raise InvalidTokenError("The token is unknown, or holds no more.")
    token, family = found
    if "openid" not in token.scope.split():
        raise InsufficientScopeError("The token lacks the scope openid.")
    whom = person_of(here, client, family)
    if whom is None:
        raise InvalidTokenError("The person, or his account, is there no more.")
    names = wanted(client.file, token.scope, family.claims, "userinfo")
    return {**told(here, client.file, whom, names), "sub": whom.sub}


def valid(here: Provider, text: str) -> tuple[Token, Family] | None:
    """An access token that holds, and its family."""
    found = sso_grants.token(here.hub.database, digest(text))
    if found is None or found[0].kind != "access":
        return None
    token, family = found
    over = token.revoked_at is not None or token.ends_at <= here.now()
    return None if over or family.revoked_at is not None or not family.alive else found


def _client(server: Server, request: Request, methods: list[str], endpoint: str) -> Client:
    client: Client = server.authenticate_client(request, methods, endpoint)
    return client


def introspect(here: Provider, server: Server, request: Request) -> dict[str, Any]:
    """What a token is, for who holds it and for whom it was made: nobody else learns even that it is one."""
    client = _client(server, request, AUTH[:2], "introspection")
    found = sso_grants.token(here.hub.database, digest(_text(request)))
    if found is None:
        return OFF
    token, family = found
    mine = client.name == token.client or client.name in token.audience
    over = token.revoked_at is not None or token.used_at is not None or token.ends_at <= here.now()
    if not mine or over or family.revoked_at is not None or not family.alive:
        return OFF
    whom = None
    if family.person is not None:
        whom = here.whom(client.file, family.person, family.name if client.name == family.client else None)
        if whom is None and client.name != family.client:
            whom = _elsewhere(here, client, family)
        if whom is None:
            return OFF
    told_ = {
        "active": True,
        "iss": here.issuer,
        "client_id": token.client,
        "scope": token.scope,
        "token_type": "Bearer" if token.kind == "access" else None,
        "iat": stamp(token.made_at),
        "exp": stamp(token.ends_at),
        "aud": list(token.audience) or token.client,
        "act": token.act,
        "sub": (family.sub if client.name == family.client else whom.sub) if whom else token.client,
        "username": whom.name if whom else None,
    }
    return without_blanks(told_)


def _elsewhere(here: Provider, client: Client, family: Family) -> Any:
    """The person in the system of another client than he logged in at: by his only account there."""
    person = here.person(family.person) if family.person is not None else None
    names = here.accounts(client.file, person) if person is not None else []
    return here.whom(client.file, family.person, names[0]) if len(names) == 1 and family.person else None


def revoke(here: Provider, server: Server, request: Request) -> None:
    """A refresh token ends its family, an access token itself; a token that is unknown, or another's, is no error."""
    client = _client(server, request, AUTH, "revocation")
    found = sso_grants.token(here.hub.database, digest(_text(request)))
    if found is None or found[0].client != client.name:
        return
    token, family = found
    if token.kind == "refresh":
        sso_grants.revoke(here.hub.database, family.id, "revoked by the client", here.now())
    else:
        sso_grants.revoke_token(here.hub.database, token.digest, here.now())


def _text(request: Request) -> str:
    text = request.form.get("token")
    if not text:
        raise InvalidRequestError("Missing 'token' in request.")
    return text


