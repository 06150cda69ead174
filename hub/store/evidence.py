"""Why records were linked, as stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Table, delete, select

from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.tables import evidence

COLUMNS: Mapping[str, Column[Any]] = {column.name: column for column in evidence.columns}


def replace(session: Bulk, number: int, keys: Table, rows: pa.RecordBatchReader) -> None:
    """What is known of ``keys`` gives way to ``rows``."""
    session.run(delete(evidence).where(evidence.c.source == number, evidence.c.key.in_(select(keys.c.key))))
    session.load(evidence, rows)


def of_record(database: Database, number: int, key: str) -> dict[str, Any] | None:
    """entity, rule, confidence, why, at of one record's link; None where no rule made it."""
    query = select(*(evidence.c[name] for name in ("entity", "rule", "confidence", "why", "at")))
    with database.begin(reading=True) as connection:
        row = connection.execute(
            query.where(evidence.c.source == number, evidence.c.key == key)
        ).one_or_none()
    return None if row is None else dict(row._mapping)
