"""Tickets that systems ask about: kept as digests, used in one statement."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import and_, delete, exists, insert, select, update

from hub.store.account_tables import account
from hub.store.database import Database
from hub.store.sso_grants import Audited
from hub.store.sso_tables import sso_ticket


@dataclass(frozen=True, slots=True)
class Kept:
    """A ticket as it is stored: for one client, of one person, who logged in by an account of the hub. ``name`` is his
    account in the client's system."""

    digest: str
    client: str
    person: uuid.UUID
    account: uuid.UUID
    name: str
    made_at: dt.datetime
    ends_at: dt.datetime


_KEPT = [sso_ticket.c[name] for name in Kept.__dataclass_fields__]


def keep(database: Database, one: Kept, audited: Audited) -> None:
    """Keep a ticket until it is used; some that ended a day ago are forgotten. ``audited`` writes of it into the audit
    chain."""
    old = select(sso_ticket.c.digest).where(sso_ticket.c.ends_at < one.made_at - dt.timedelta(days=1)).limit(10)
    with database.begin() as connection:
        connection.execute(delete(sso_ticket).where(sso_ticket.c.digest.in_(old)))
        connection.execute(insert(sso_ticket).values({name: getattr(one, name) for name in Kept.__dataclass_fields__}))
        audited(connection)


def kept(database: Database, digest: str, client: str) -> Kept | None:
    """A ticket of a client, whatever became of it."""
    mine = and_(sso_ticket.c.digest == digest, sso_ticket.c.client == client)
    with database.begin(reading=True) as connection:
        row = connection.execute(select(*_KEPT).where(mine)).one_or_none()
    return None if row is None else Kept(*row)


def use(database: Database, one: Kept, moment: dt.datetime, audited: Audited) -> bool:
    """Use a ticket up, once: False where somebody was faster, its time is over, or its owner's account of the hub is
    disabled. ``audited`` writes of it into the audit chain."""
    c = sso_ticket.c
    alive = exists().where(account.c.id == c.account, account.c.disabled_at.is_(None))
    mine = and_(c.digest == one.digest, c.used_at.is_(None), c.ends_at > moment, alive)
    with database.begin() as connection:
        if connection.execute(update(sso_ticket).where(mine).values(used_at=moment)).rowcount != 1:
            return False
        audited(connection)
    return True
