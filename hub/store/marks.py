"""Watermarks: up to where an exchange has read, and what its last complete snapshot held."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update

from hub.store.bulk import Bulk
from hub.store.database import Database, now
from hub.store.entities import json_literal
from hub.store.tables import source, watermark


@dataclass(frozen=True, slots=True)
class Mark:
    """``value`` of the cursor field, or the source's ``token``; ``seq`` of a model's commits; the hash of
    the mapping that read; the size of the last complete ``snapshot`` and the ``place`` it came from; the
    profile of the source's ``fields``."""

    map_hash: str
    value: str | None = None
    token: str | None = None
    seq: int | None = None
    snapshot: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    place: Mapping[str, str] = field(default_factory=dict)


def read(database: Database, exchange: str) -> Mark | None:
    """The watermark of an exchange, None before its first run."""
    with database.begin(reading=True) as connection:
        row = connection.execute(select(watermark).where(watermark.c.exchange == exchange)).one_or_none()
    if row is None:
        return None
    return Mark(row.map_hash, row.value, row.token, row.seq, row.snapshot, dict(row.fields), row.place or {})


def move(session: Bulk, exchange: str, mark: Mark, run_id: uuid.UUID) -> None:
    """The last word of a transaction. What ``mark`` leaves open (None) stays as it was."""
    found = session.run(select(watermark.c.exchange).where(watermark.c.exchange == exchange))
    kept = {
        name: value
        for name in ("value", "token", "seq", "snapshot")
        if (value := getattr(mark, name)) is not None
    }
    values = {
        "map_hash": mark.map_hash,
        "run_id": run_id,
        "moved_at": now(),
        "fields": json_literal(dict(mark.fields)),
        **({"place": json_literal(dict(mark.place))} if mark.place else {}),
        **kept,
    }
    if found:
        session.run(update(watermark).where(watermark.c.exchange == exchange).values(values))
    else:
        session.run(insert(watermark).values({"exchange": exchange, "seq": 0, "snapshot": 0} | values))


def read_all(session: Bulk, exchange: str) -> None:
    """Let the next run read everything: it looks for what lies behind the watermark and was not done."""
    session.run(update(watermark).where(watermark.c.exchange == exchange).values(value=None, token=None))


def source_number(
    database: Database, exchange: str, output: str, *, system: str, resource: str, model: str, direction: str
) -> int:
    """The number of the foreign place that one output of a mapping sees, made when it is first asked for."""
    query = select(source.c.id).where(source.c.exchange == exchange, source.c.output == output)
    with database.begin(reading=True) as connection:
        found = connection.scalar(query)
    if found is not None:
        return int(found)
    with database.begin() as connection:
        if connection.scalar(query) is None:  # nobody was faster
            connection.execute(
                insert(source).values(
                    exchange=exchange,
                    output=output,
                    system=system,
                    resource=resource,
                    model=model,
                    direction=direction,
                )
            )
        return int(connection.scalar(query) or 0)
