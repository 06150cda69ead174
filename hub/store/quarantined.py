"""Quarantine, waiting records and reviews as stored."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Connection, Table, and_, exists, or_, select, update

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database
from hub.store.review_tables import review
from hub.store.tables import quarantine, source

COLUMNS: Mapping[str, Column[Any]] = {
    column.name: column for column in quarantine.columns if column.name != "resolved_at"
}

CLOSED = ("resolved", "dismissed")
_VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Open entries of one exchange that are to be looked at again: where their originals lie, or, of an
    outbound exchange, the ids of their entities; and how many have neither."""

    exchange: str
    entries: int
    originals: tuple[str, ...]
    entities: tuple[str, ...]
    without: int


def cause(number: int, code: str, field: str, message: str = "") -> str:
    """The fingerprint of what is wrong: the same for entries that one remedy helps. ``message`` is a
    target's own word, whose quoted texts, ids and numbers differ from record to record."""
    shape = _VARIES.sub("#", message)
    return hashlib.sha256(f"{number}/{code}/{field}/{shape}".encode("utf-8", "replace")).hexdigest()[:10]


def cause_sql(number: int) -> str:
    """The same as DuckDB SQL over code and field, for the hub's own reasons."""
    return f"substr(sha256('{number}/' || code || '/' || field || '/'), 1, 10)"


def chosen(
    database: Database,
    *,
    exchange: str | None = None,
    causes: Collection[str] = (),
    code: str | None = None,
    state: str | None = None,
    entries: Collection[uuid.UUID] = (),
) -> list[Chosen]:
    """The open entries that are meant, by exchange."""
    table = quarantine
    conditions: list[Any] = [table.c.state.not_in(CLOSED)]
    conditions += [table.c.exchange == exchange] if exchange else []
    conditions += [table.c.cause.in_(causes)] if causes else []
    conditions += [or_(table.c.code == code, table.c.code.like(f"{code}.%"))] if code else []
    conditions += [table.c.id.in_(entries)] if entries else []
    conditions += [table.c.state == state] if state else []
    query = (
        select(table.c.exchange, source.c.direction, table.c.key, table.c.original)
        .join(source, source.c.id == table.c.source)
        .where(*conditions)
        .order_by(table.c.exchange, table.c.original, table.c.key)
    )
    found: dict[str, list[tuple[str, str, str | None]]] = {}
    with database.begin(reading=True) as connection:
        for name, direction, key, original in connection.execute(query):
            found.setdefault(name, []).append((direction, key, original))
    return [_chosen(name, rows) for name, rows in found.items()]


def is_cause(database: Database, text: str) -> bool:
    """Whether open entries have this fingerprint."""
    query = select(quarantine.c.id).where(quarantine.c.cause == text, quarantine.c.state.not_in(CLOSED))
    with database.begin(reading=True) as connection:
        return connection.execute(query.limit(1)).first() is not None


def of_key(database: Database, key: str) -> tuple[uuid.UUID, ...]:
    """Open entries of the records with this key, of whatever exchange."""
    query = select(quarantine.c.id).where(quarantine.c.key == key, quarantine.c.state.not_in(CLOSED))
    with database.begin(reading=True) as connection:
        return tuple(connection.scalars(query)) if key else ()


def _chosen(exchange: str, rows: list[tuple[str, str, str | None]]) -> Chosen:
    entities = {key for direction, key, _ in rows if direction == "outbound"}
    originals = {original for direction, _, original in rows if direction != "outbound" and original}
    without = sum(direction != "outbound" and not original for direction, _, original in rows)
    return Chosen(exchange, len(rows), tuple(sorted(originals)), tuple(sorted(entities)), without)


def dismiss(
    connection: Connection, moment: dt.datetime, *, causes: Collection[str], entries: Collection[uuid.UUID]
) -> int:
    """Take open quarantined entries off the list: their records stay out until they or the mapping change."""
    done = connection.execute(
        update(quarantine)
        .where(
            quarantine.c.state == "quarantined",
            or_(quarantine.c.cause.in_(causes), quarantine.c.id.in_(entries)),
        )
        .values(state="dismissed", resolved_at=moment)
    )
    return int(done.rowcount)


def stuck(session: Bulk, number: int) -> Wire:
    """key, hash, map_hash, state, code, field, input, position, original, cur of a source's open entries."""
    names = ("key", "hash", "map_hash", "state", "code", "field", "input", "position", "original", "cur")
    return session.read(
        select(*(quarantine.c[name] for name in names)).where(
            quarantine.c.source == number, quarantine.c.state != "resolved"
        )
    )


def waiting(database: Database, exchange: str, today: dt.date) -> list[str]:
    """Where the originals of an exchange's waiting records lie, of those that a person has decided about, and
    of those whose first day has come; each once."""
    due = and_(quarantine.c.state == "future_dated", quarantine.c.input <= json.dumps(today.isoformat()))
    decided = and_(
        quarantine.c.state == "in_review",
        exists().where(review.c.id == quarantine.c.id, review.c.state == "decided"),
    )
    with database.begin(reading=True) as connection:
        found = connection.scalars(
            select(quarantine.c.original)
            .where(
                quarantine.c.exchange == exchange,
                or_(quarantine.c.state == "waiting", decided, due),
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
