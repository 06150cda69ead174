"""Linked records that are out of their mapping's scope, as stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Table, delete, select

from hub.store.bulk import Bulk, Wire
from hub.store.tables import outside as table

COLUMNS: Mapping[str, Column[Any]] = {column.name: column for column in table.columns}


def outside(session: Bulk, number: int) -> Wire:
    """key, since of a source's records that are out of scope."""
    return session.read(select(table.c.key, table.c.since).where(table.c.source == number))


def remember(session: Bulk, rows: pa.RecordBatchReader) -> None:
    session.load(table, rows)


def forget(session: Bulk, number: int, keys: Table) -> None:
    session.run(delete(table).where(table.c.source == number, table.c.key.in_(select(keys.c.key))))
