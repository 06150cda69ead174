"""Signs of life of workers: who looks from outside sees which duties somebody has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from hub.store.database import Database, now
from hub.store.notice_tables import sign

EVERY = 10.0
"""Seconds between two signs."""
MISSED = 30.0
"""Seconds without a sign after which nobody counts on a worker."""

LISTENS = "partitions"
"""The only duty in a second sign of a worker: it listens to the broker's queues."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A worker, and when it was last seen."""

    holder: str
    duties: tuple[str, ...]
    started_at: dt.datetime
    seen_at: dt.datetime


def give(database: Database, holder: str, duties: Collection[str]) -> None:
    """Say that a worker lives."""
    moment, mine = now(), sign.c.holder == holder
    with database.begin() as connection:
        values = {"duties": list(duties), "seen_at": moment}
        if not connection.execute(update(sign).where(mine).values(values)).rowcount:
            connection.execute(insert(sign).values(holder=holder, started_at=moment, **values))


def end(database: Database, holder: str) -> None:
    """Take a worker off."""
    with database.begin() as connection:
        connection.execute(delete(sign).where(sign.c.holder == holder))


def living(database: Database) -> list[Sign]:
    """Workers that gave a sign lately, by name."""
    query = select(sign).where(sign.c.seen_at > now() - dt.timedelta(seconds=MISSED)).order_by(sign.c.holder)
    with database.begin(reading=True) as connection:
        return [
            Sign(row.holder, tuple(row.duties), row.started_at, row.seen_at) for row in connection.execute(query)
        ]


def sweep(database: Database, before: dt.datetime) -> int:
    """Forget those that ended without a word."""
    with database.begin() as connection:
        return connection.execute(delete(sign).where(sign.c.seen_at < before)).rowcount
