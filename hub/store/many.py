"""Many values and many rows in one statement of one parameter: what a driver prepares once, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from sqlalchemy import ARRAY, ColumnElement, Connection, Table, Text, Uuid, any_, literal, text
from sqlalchemy.dialects import sqlite

BATCH = 400
T = TypeVar("T")


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """A few hundred at a time: what one statement may name."""
    every = list(values)
    return (every[start : start + BATCH] for start in range(0, len(every), BATCH))


def among(connection: Connection, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a column of texts or ids is one of ``values``: an array in PostgreSQL, a list in SQLite."""
    if connection.dialect.name != "postgresql":
        return column.in_(values)
    kind: Any = Uuid() if isinstance(column.type, Uuid) else Text()
    return column == any_(literal(list(values), ARRAY(kind)))


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Whole rows, in place of those with their primary keys. PostgreSQL gets them as one JSON, which it reads itself;
    SQLite one by one, which costs it nothing."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    names = [column.name for column in table.columns]
    if connection.dialect.name != "postgresql":
        statement = sqlite.insert(table)
        others = {name: statement.excluded[name] for name in names if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))
        return
    columns, changed = ", ".join(_quoted(name) for name in names), (
        f"{_quoted(name)} = excluded.{_quoted(name)}" for name in names if name not in keys
    )
    connection.execute(
        text(
            f"INSERT INTO {_quoted(table.name)} ({columns}) SELECT {columns} "
            f"FROM json_populate_recordset(NULL::{_quoted(table.name)}, CAST(:rows AS json)) "
            f"ON CONFLICT ({', '.join(map(_quoted, keys))}) DO UPDATE SET {', '.join(changed)}"
        ),
        # names of columns that were read are SQLAlchemy's own kind of text
        {"rows": orjson.dumps(list(rows), option=orjson.OPT_NON_STR_KEYS).decode()},
    )


def _quoted(name: str) -> str:
    return f'"{name}"'
