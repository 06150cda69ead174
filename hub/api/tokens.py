"""Who asks by an access token of the hub's own provider, in place of a key: a client as itself, or a person at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from hub.api.ground import Ground, caller
from hub.errors import AuthError
from hub.security.access import PREFIX, Caller, digest
from hub.security.rates import too_many
from hub.store import acts, sso_grants
from hub.store.accounts import living
from hub.store.sso_grants import Family

SCOPES: Final = frozenset({"scim:read", "scim:write"})
"""Grants that a client asks as scopes."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks. ``me`` is the record of a person in the client's system, where it is a person who asks by it."""

    who: Caller
    me: str | None = None


def asking(request: Request, here: Ground) -> Asking:
    """Whose key or token the request carries; the errors of ``caller``."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or text.strip().startswith(PREFIX):
        return Asking(caller(request))
    with here.guessing(request):
        found = _held(here, text.strip())
    if wait := here.buckets.take(f"client:{found.who.name}"):
        raise too_many(wait)
    return found


def _held(here: Ground, text: str) -> Asking:
    """AuthError ``key.refused``: the token is unknown or holds no more, its client is not that of a system, or the
    person has no account there."""
    found = sso_grants.token(here.hub.database, digest(text))
    if found is not None:
        token, family = found
        file = here.hub.workspace.clients.get(token.client)
        over = token.kind != "access" or token.revoked_at is not None or token.ends_at <= here.hub.clock()
        over = over or family.revoked_at is not None or not family.alive or bool(token.audience)
        if file is not None and file.system is not None and not over and _is_there(here, file.system, family):
            scopes = SCOPES & {*token.scope.split()} & {*file.scopes}
            who = Caller(token.client, scopes, {"systems": frozenset({file.system})}, kind="client")
            return Asking(who, family.name)
    raise AuthError(
        "key.refused",
        "the token is unknown, holds no more, is for no system, or its person has no account there any more",
        hint="ask for another one at /sso/token, as a client with system: and the scope scim:read or scim:write",
    )


def _is_there(here: Ground, system: str, family: Family) -> bool:
    """Whether a token is a program's, or of a person who is there today and has this account of the system."""
    people = here.hub.workspace.hub.people
    if family.person is None or people is None:
        return family.person is None and family.name is None
    person = living(here.hub.database, people.model, family.person)
    return person is not None and family.name in acts.accounts(here.hub.database, people.model, system, person)
