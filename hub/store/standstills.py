"""Exchanges that workers leave alone for a while, and exchanges that are behind their model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from hub.store.database import Database, now
from hub.store.models import entity_table
from hub.store.tables import model_seq, run, standstill, watermark


@dataclass(frozen=True, slots=True)
class Standstill:
    """Why an exchange is not run by workers, since when and until when."""

    exchange: str
    code: str
    message: str
    hint: str
    attempts: int
    since: dt.datetime
    until: dt.datetime


def all_of(database: Database) -> dict[str, Standstill]:
    """Every one by its exchange."""
    with database.begin(reading=True) as connection:
        return {row.exchange: _read(row) for row in connection.execute(select(standstill))}


def pause(
    database: Database, exchange: str, code: str, message: str, hint: str, seconds: float
) -> Standstill:
    """Leave an exchange alone for ``seconds``, doubled with every time in a row."""
    moment = now()
    with database.begin() as connection:
        row = connection.execute(select(standstill).where(standstill.c.exchange == exchange)).one_or_none()
        attempts = row.attempts + 1 if row is not None and row.code == code else 1
        wait = min(seconds * 2 ** min(attempts - 1, 10), max(seconds, 3600.0))
        values = {
            "code": code,
            "message": message,
            "hint": hint,
            "attempts": attempts,
            "until": moment + dt.timedelta(seconds=wait),
            "since": row.since if row is not None and row.code == code else moment,
        }
        if row is None:
            connection.execute(insert(standstill).values(exchange=exchange, **values))
        else:
            connection.execute(update(standstill).where(standstill.c.exchange == exchange).values(values))
    return Standstill(exchange, **values)  # type: ignore[arg-type] # the values are of its fields


def resume(database: Database, exchange: str) -> None:
    """It runs again."""
    with database.begin() as connection:
        connection.execute(delete(standstill).where(standstill.c.exchange == exchange))


def ended_by_hand(database: Database, one: Standstill) -> bool:
    """Whether a run of it, started by somebody else, ended well since it stands still."""
    query = (
        select(run.c.id)
        .where(run.c.exchange == one.exchange, run.c.state == "done", run.c.started_at > one.since)
        .limit(1)
    )
    with database.begin(reading=True) as connection:
        return connection.execute(query).first() is not None


def commits(database: Database) -> dict[str, int]:
    """The number of each model's newest commit."""
    with database.begin(reading=True) as connection:
        return dict(connection.execute(select(model_seq.c.model, model_seq.c.seq)).tuples().all())


def behind(database: Database, readers: Mapping[str, str]) -> dict[str, int]:
    """How many commits each exchange of ``readers`` (exchange → model) is behind its model."""
    newest = commits(database)
    with database.begin(reading=True) as connection:
        marks: dict[str, int] = dict(
            connection.execute(
                select(watermark.c.exchange, watermark.c.seq).where(watermark.c.exchange.in_(readers))
            )
            .tuples()
            .all()
        )
        found = {
            exchange: newest.get(model, 0) - marks.get(exchange, 0)
            for exchange, model in readers.items()
            if newest.get(model, 0) > marks.get(exchange, 0)
        }
        # A commit whose rows are gone, or were changed again, leaves nothing to read.
        for exchange in list(found):
            golden = database.tables[entity_table(readers[exchange])]
            rows = select(golden.c["_id"]).where(golden.c["_seq"] > marks.get(exchange, 0)).limit(1)
            if connection.execute(rows).first() is None:
                del found[exchange]
    return found


def _read(row: Any) -> Standstill:
    return Standstill(row.exchange, row.code, row.message, row.hint, row.attempts, row.since, row.until)
