"""Quarantine, waiting records and reviews as stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Table, and_, exists, or_, select, update

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database
from hub.store.tables import quarantine, review

COLUMNS: Mapping[str, Column[Any]] = {
    column.name: column for column in quarantine.columns if column.name != "resolved_at"
}


def stuck(session: Bulk, number: int) -> Wire:
    """key, hash, map_hash, state, code, field, input of a source's open entries."""
    names = ("key", "hash", "map_hash", "state", "code", "field", "input")
    return session.read(
        select(*(quarantine.c[name] for name in names)).where(
            quarantine.c.source == number, quarantine.c.state != "resolved"
        )
    )


def waiting(database: Database, exchange: str) -> list[str]:
    """Where the originals of an exchange's waiting records lie, and of those that a person has decided
    about, each once."""
    decided = and_(
        quarantine.c.state == "in_review",
        exists().where(review.c.id == quarantine.c.id, review.c.state == "decided"),
    )
    with database.begin(reading=True) as connection:
        found = connection.scalars(
            select(quarantine.c.original)
            .where(
                quarantine.c.exchange == exchange,
                or_(quarantine.c.state == "waiting", decided),
                quarantine.c.original.is_not(None),
            )
            .distinct()
            .order_by(quarantine.c.original)
        )
        return [str(original) for original in found]


def settle(session: Bulk, number: int, keys: Table, moment: dt.datetime) -> None:
    """Close the open entries of ``keys``."""
    session.run(
        update(quarantine)
        .where(
            quarantine.c.source == number,
            quarantine.c.state != "resolved",
            quarantine.c.key == keys.c.key,
        )
        .values(state="resolved", resolved_at=moment)
    )


def load(session: Bulk, rows: pa.RecordBatchReader) -> None:
    session.load(quarantine, rows)
