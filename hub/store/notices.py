"""Tries that a scheduler saw fail, each once."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from hub.store.database import Database
from hub.store.notice_tables import notice


@dataclass(frozen=True, slots=True)
class Notice:
    """``kind`` is failed, or retry where there will be another try."""

    run_key: str
    attempt: int
    kind: str
    exchange: str
    message: str
    at: dt.datetime


def add(database: Database, one: Notice) -> bool:
    """Keep it; False where the same try was noted before."""
    values = dataclasses.asdict(one)
    try:
        with database.begin() as connection:
            connection.execute(insert(notice).values(**values))
    except IntegrityError:
        return False
    return True


def latest(database: Database, limit: int = 20) -> list[Notice]:
    """The newest first."""
    query = select(notice).order_by(notice.c.at.desc()).limit(limit)
    with database.begin(reading=True) as connection:
        return [Notice(**row._mapping) for row in connection.execute(query)]


def sweep(database: Database, before: dt.datetime) -> int:
    """Forget what is older."""
    with database.begin() as connection:
        return connection.execute(delete(notice).where(notice.c.at < before)).rowcount
