"""Devices that wait for somebody to log in for them elsewhere (RFC 8628): by the code that they poll with, and the one
that a person types."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from hub.store.database import Database
from hub.store.sso_clients import insert_unless
from hub.store.sso_grants import Family, Token, exchange, require_session, values
from hub.store.sso_tables import sso_ask, sso_device, sso_grant

SLOWER = 5
"""Seconds by which a device that asks too often is to wait longer (RFC 8628, 3.5)."""


@dataclass(frozen=True, slots=True)
class Device:
    """As it is stored: both codes as SHA-256; ``family`` is what somebody granted, ``interval`` in seconds."""

    digest: str
    user_code: str
    client: str
    scope: str
    made_at: dt.datetime
    ends_at: dt.datetime
    interval: int
    polled_at: dt.datetime | None = None
    family: uuid.UUID | None = None
    refused_at: dt.datetime | None = None
    used_at: dt.datetime | None = None


def add(database: Database, one: Device) -> bool:
    """False where another device has the same code for people; some that ended an hour ago are forgotten."""
    old = select(sso_device.c.digest).where(sso_device.c.ends_at < one.made_at - dt.timedelta(hours=1)).limit(10)
    with database.begin() as connection:
        connection.execute(delete(sso_device).where(sso_device.c.digest.in_(old)))
        row = insert_unless(connection, sso_device).values(values(one, sso_device)).on_conflict_do_nothing()
        return connection.execute(row.returning(sso_device.c.digest)).one_or_none() is not None


def device(database: Database, digest: str) -> Device | None:
    """By the code that it polls with, whatever became of it."""
    with database.begin(reading=True) as connection:
        row = connection.execute(select(sso_device).where(sso_device.c.digest == digest)).one_or_none()
    return None if row is None else Device(*row)


def waiting(database: Database, user_code: str, moment: dt.datetime) -> Device | None:
    """By the code that a person types (its digest), where nobody has answered it."""
    query = select(sso_device).where(sso_device.c.user_code == user_code, _waits(moment))
    with database.begin(reading=True) as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Device(*row)


def polled(database: Database, one: Device, moment: dt.datetime) -> bool:
    """It asked; False where that was too soon, and it has to wait longer from now on."""
    due = one.polled_at is None or moment - one.polled_at >= dt.timedelta(seconds=one.interval)
    interval = one.interval if due else one.interval + SLOWER
    with database.begin() as connection:
        mine = sso_device.c.digest == one.digest
        connection.execute(update(sso_device).where(mine).values(polled_at=moment, interval=interval))
    return due


def grant(database: Database, digest: str, family: Family, asked: str, moment: dt.datetime) -> bool:
    """A person logs in for a device, once; the question that led to it is over. False where it waits no more.
    ``SessionEnded``."""
    with database.begin() as connection:
        require_session(database.asks(connection), family)
        mine = and_(sso_device.c.digest == digest, _waits(moment))
        if connection.execute(update(sso_device).where(mine).values(family=family.id)).rowcount != 1:
            return False
        connection.execute(insert(sso_grant).values(values(family, sso_grant)))
        connection.execute(delete(sso_ask).where(sso_ask.c.digest == asked))
    return True


def refuse(database: Database, digest: str, moment: dt.datetime) -> None:
    """A person says no."""
    with database.begin() as connection:
        mine = and_(sso_device.c.digest == digest, _waits(moment))
        connection.execute(update(sso_device).where(mine).values(refused_at=moment))


def redeem(
    database: Database, digest: str, family: uuid.UUID, tokens: Sequence[Token], moment: dt.datetime
) -> bool:
    """Tokens for a device, once: False where it was faster itself, or the family is over."""
    return exchange(database, sso_device, digest, family, tokens, moment)


def _waits(moment: dt.datetime) -> ColumnElement[bool]:
    c = sso_device.c
    return and_(c.ends_at > moment, c.family.is_(None), c.refused_at.is_(None))
