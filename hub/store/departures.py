"""What targets hold and their mappings no longer send, since when: only where a reaction waits for a grace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Table, delete, select

from hub.store.bulk import Bulk, Wire
from hub.store.target_tables import departure

COLUMNS: Mapping[str, Column[Any]] = {column.name: column for column in departure.columns}


def departed(session: Bulk, number: int) -> Wire:
    """key, kind, since, hash of what left one output."""
    names = ("key", "kind", "since", "hash")
    return session.read(select(*(departure.c[name] for name in names)).where(departure.c.source == number))


def remember(session: Bulk, rows: pa.RecordBatchReader) -> None:
    """Append (COLUMNS)."""
    session.load(departure, rows)


def forget(session: Bulk, number: int, keys: Table) -> None:
    session.run(
        delete(departure).where(departure.c.source == number, departure.c.key.in_(select(keys.c.key)))
    )
