"""How values travel between DuckDB and the database in bulk, without a Python object per value.

``encode`` is DuckDB SQL that turns a value into what the bulk loader takes; ``decode`` turns what a
bulk read gives back into DuckDB's type. Both are exact for every column type of ``tables`` and
``models``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
    Uuid,
)

from hub.store.types import Exact, Moment


def duck_type(column: ColumnElement[Any]) -> str:
    """DuckDB's type of a column's values."""
    kind = column.type
    if isinstance(kind, Uuid):
        return "UUID"
    if isinstance(kind, Exact):
        return f"DECIMAL({kind.digits},{kind.scale})"
    if isinstance(kind, Moment):
        return "TIMESTAMPTZ"
    for python_type, name in (
        (Date, "DATE"),
        (Boolean, "BOOLEAN"),
        (SmallInteger, "SMALLINT"),
        (BigInteger, "BIGINT"),
        (Integer, "INTEGER"),
        (LargeBinary, "BLOB"),
        (Float, "DOUBLE"),
    ):
        if isinstance(kind, python_type):
            return name
    return "VARCHAR"


def encode(sql: str, column: ColumnElement[Any], dialect: str) -> str:
    """DuckDB SQL of the value as the loader of ``dialect`` takes it."""
    kind, typed = column.type, f"CAST({sql} AS {duck_type(column)})"
    if isinstance(kind, Uuid):
        plain = f"replace(CAST({typed} AS VARCHAR), '-', '')"
        return f"unhex({plain})" if dialect == "postgresql" else plain
    if dialect == "sqlite":
        if isinstance(kind, Moment):
            return f"strftime({typed} AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f')"
        if isinstance(kind, Exact | Date):
            return f"CAST({typed} AS VARCHAR)"
        if isinstance(kind, Boolean):
            return f"CAST({typed} AS INTEGER)"
    return typed


def decode(name: str, column: ColumnElement[Any]) -> str:
    """DuckDB SQL of a bulk-read column in its own type."""
    return f'CAST("{name}" AS {duck_type(column)})'


def travels_as_text(column: ColumnElement[Any]) -> bool:
    """Types that PostgreSQL's bulk read would give as opaque bytes."""
    return isinstance(column.type, Uuid | Exact | JSON)
