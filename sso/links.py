"""From who somebody is elsewhere to the account that he opens here.

A subject of an issuer is linked once, by a rule: it is an account of a system of the hub, and a person is linked to
that account. Nobody is found by his mail, which others can get.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial

from hub.errors import AuthError, ConfigError, HubError
from hub.exchange.ground import Hub
from hub.security import accounts, audit
from hub.security.actors import Actor
from hub.store import logins
from hub.store.accounts import AccountRow, living
from hub.store.database import new_id
from hub.store.logins import LinkRow

PORTAL = Actor("portal")


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who somebody was proven to be: by an issuer, under its lasting subject; ``name`` is what his account is called
    here, ``keys`` those of his record in a ``system`` of the hub."""

    issuer: str
    subject: str
    name: str
    system: str = ""
    keys: tuple[str, ...] = ()


def opened(hub: Hub, claimed: Claimed, *, follow: bool = False) -> tuple[AccountRow, LinkRow]:
    """The account, made and linked where it is the first time. With ``follow`` its person is at every log-in whom the
    record belongs to then. AuthError ``login.unlinked`` where it is nobody's, ``login.refused`` where the account is
    disabled or its person has left."""
    people = hub.workspace.hub.people
    model = people.model if people else ""
    found = logins.linked(hub.database, claimed.issuer, claimed.subject)
    if found is not None:
        link, row = found
        if follow and _moved(hub, model, claimed, row):
            row = _again(hub, claimed)
    else:
        person = _owner(hub, model, claimed)
        if person is None:
            raise unlinked(hub, claimed)
        link, row = _first(hub, claimed, person)
    if row.disabled_at is not None or living(hub.database, model, row.person) is None:
        audit.note(hub.database, PORTAL, "session.refused", f"account:{row.name}")
        raise accounts.refused()
    logins.used(hub.database, link, hub.clock())
    return row, link


def _first(hub: Hub, claimed: Claimed, person: uuid.UUID) -> tuple[LinkRow, AccountRow]:
    try:
        return linked(hub, claimed, _new(hub, claimed, person), PORTAL, new=True)
    except ConfigError as error:
        found = logins.linked(hub.database, claimed.issuer, claimed.subject)
        if error.code != "login.taken" or found is None:
            raise
        return found  # he came twice at once


def linked(
    hub: Hub, claimed: Claimed, row: AccountRow, actor: Actor, *, new: bool
) -> tuple[LinkRow, AccountRow]:
    """Link a subject to an account by somebody's act, or by the rule."""
    link = LinkRow(new_id(), claimed.issuer, claimed.subject, row.id, hub.clock(), actor.name)
    return link, logins.link(hub.database, link, row, partial(accounts.audited, actor), new=new)


def unlinked_by(hub: Hub, link: LinkRow, row: AccountRow, actor: Actor, *, last: bool = True) -> None:
    """Take a link away: by it nobody logs in any more. ConfigError ``login.last`` where it is the account's last one
    and ``last`` is not to go."""
    logins.unlink(hub.database, link, row.name, partial(accounts.audited, actor), last=last)


def unlinked(hub: Hub, claimed: Claimed) -> HubError:
    """``login.unlinked``, noted for who keeps the hub."""
    details = {"issuer": claimed.issuer, "subject": claimed.subject}
    audit.note(hub.database, PORTAL, "login.unlinked", f"login:{claimed.name}"[:200], details=details)
    return AuthError(
        "login.unlinked",
        "you are known there, but no person of this hub has that account",
        hint="who keeps the hub can link it: cophub audit says which account it was, and cophub accounts link does it",
    )


def _moved(hub: Hub, model: str, claimed: Claimed, row: AccountRow) -> bool:
    """Whether the account went to whom the record belongs to by now. AuthError ``login.unlinked``."""
    person = _owner(hub, model, claimed)
    if person is None and living(hub.database, model, row.person) is None:
        return False
    if person is None:
        raise unlinked(hub, claimed)
    if living(hub.database, model, person) == living(hub.database, model, row.person):
        return False
    logins.moved(hub.database, row, person, partial(accounts.audited, PORTAL))
    return True


def _owner(hub: Hub, model: str, claimed: Claimed) -> uuid.UUID | None:
    """The one living person whose record it is; where he was merged with another, as who he was before: what is made
    now goes with him when that is undone."""
    if not claimed.system or not any(claimed.keys):
        return None
    found = logins.owners(hub.database, model, claimed.system, claimed.keys)
    alive = {named for named in found if living(hub.database, model, named) is not None}
    if len({found[one] for one in alive}) != 1:
        return None
    return next((one for one in alive if one == found[one]), min(alive))  # of several records of one, himself


def _new(hub: Hub, claimed: Claimed, person: uuid.UUID) -> AccountRow:
    moment = hub.clock()
    return AccountRow(new_id(), claimed.name, person, "", "", moment, PORTAL.name, moment)


def _again(hub: Hub, claimed: Claimed) -> AccountRow:
    found = logins.linked(hub.database, claimed.issuer, claimed.subject)
    assert found is not None
    return found[1]

