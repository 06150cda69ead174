"""One read: a single ordered statement within a snapshot, streamed page by page."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pyarrow as pa

from connectors.sql.columnar import LONGEST, fits, longest
from connectors.sql.connection import Connection
from connectors.sql.dialects import Dialect, Table, placeholder
from connectors.sql.settings import SqlSettings
from connectors.sql.values import as_stored, batch, parameter
from hub.contract import Page, Query, seconds
from hub.errors import ConfigError, RecordRejected, Retriable

# Texts compare by collation there and by code point here, so only equality is left to the database.
_ORDERED = frozenset({"integer", "decimal", "float", "date", "datetime"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT with its values, and the columns it gives."""

    text: str
    values: tuple[Any, ...]
    table: Table
    source: str
    """What its rows come from: the table, and the conditions."""


def select(dialect: Dialect, table: Table, query: Query, given: Sequence[Any], zone: str | None) -> Statement:
    """The statement of a read: the needed columns, rows at or after ``since``, in order of cursor and key.

    ``given`` are the values of the parameters within ``table.text``.
    """
    resource = query.resource
    for name in (*resource.key, *([resource.cursor] if resource.cursor else [])):
        if table.column(name) is None:
            raise ConfigError(
                "sql.column", f"{resource.name} has no column {name}",
                hint=f"it has {', '.join(column.name for column in table.columns[:20])}",
            )  # fmt: skip
    wanted = {path.split(".")[0] for path in query.fields} | set(resource.key) | {resource.cursor}
    declared = {field.name for field in resource.fields}
    chosen = tuple(
        column
        for column in table.columns
        if (not query.fields or column.name in wanted)
        and (not declared or column.name in declared or column.name in wanted)
    )
    conditions, values = _conditions(dialect, table, query, zone)
    order = dict.fromkeys([*([resource.cursor] if resource.cursor else []), *resource.key])
    source = f"{table.text} WHERE {' AND '.join(conditions)}" if conditions else table.text
    text = f"SELECT {', '.join(dialect.quote(column.name) for column in chosen)} FROM {source}"
    text += f" ORDER BY {', '.join(dialect.quote(name) for name in order)}" if order else ""
    return Statement(text, (*given, *values), replace(table, columns=chosen), source)


def _conditions(
    dialect: Dialect, table: Table, query: Query, zone: str | None
) -> tuple[list[str], list[Any]]:
    asked = [(query.resource.cursor or "", ">=", query.since)] if query.since is not None else []
    asked += [each for each in query.where if _pushed(table, *each)]
    conditions, values = [], []
    for name, operator, value in asked:
        column = table.column(name)
        if column is None:
            raise ConfigError("sql.cursor", f"{query.resource.name} has no cursor to read since {value}")
        try:
            # SQLite compares times as text, and a blank sorts before a T: so nothing is left out.
            text = value.replace("T", " ", 1).removesuffix("Z") if dialect.name == "sqlite" else value
            found = parameter(column, text, zone)
        except RecordRejected as error:
            raise ConfigError("sql.cursor", f"{value!r} is no value of the column {name}") from error
        sign, quoted = "<>" if operator == "!=" else operator, dialect.quote(name)
        if isinstance(found, int) and not isinstance(found, bool):  # a statement without values is read by columns
            condition = f"{quoted} {sign} {found}"
        else:
            condition = f"{quoted} {sign} {placeholder(dialect, column)}"
            values.append(found)
        # A range that has no lower end takes in what has no value there, see ``hub.exchange.parts.ranges``.
        conditions.append(f"({condition} OR {quoted} IS NULL)" if sign == "<" else condition)
    return conditions, values


def _pushed(table: Table, name: str, operator: str, value: str) -> bool:
    """Whether the database may apply this condition; the hub applies all of them again."""
    column = table.column(name)
    if column is None or column.type not in {*_ORDERED, "text"} or operator not in _OPERATORS:
        return False
    try:
        parameter(column, value, None)
    except RecordRejected:
        return False
    return column.type in _ORDERED - {"datetime"} or operator == "="


_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">="})


def pages(
    connection: Connection, settings: SqlSettings, statement: Statement, query: Query, where: str
) -> Iterator[Page]:
    """Pages of the statement. Raises Retriable ``sql.deadline`` where the whole takes too long."""
    number = query.page_size or settings.fetch
    end = time.monotonic() + seconds(settings.deadline)
    table, zone, name = statement.table, settings.zone, query.resource.name
    if fits(connection.dialect, table, statement.values, zone):
        with connection.columns(where) as columns:
            asked = longest(connection.dialect, table.columns, statement.source)
            width = columns.number(asked) if asked else 0
            if width <= LONGEST:
                yield from _by_columns(columns.batches(statement.text, table, number, width), table, name, where, end)
                return
    first = 1
    connection.session(connection.dialect.reading)
    with connection.transaction(where, snapshot=True):
        cursor = connection.run(statement.text, statement.values, where)
        rows = connection.fetch(cursor, number, where)
        while True:
            following = connection.fetch(cursor, number, where) if len(rows) == number else []
            yield _page(connection.dialect, zone, table, rows, name, first, not following)
            first += len(rows)
            if not following:
                break
            if time.monotonic() > end:
                raise _late(where)
            rows = following
        cursor.close()
    connection.session(connection.dialect.session)


def _by_columns(
    batches: Iterator[pa.RecordBatch], table: Table, name: str, where: str, end: float
) -> Iterator[Page]:
    held, first = next(batches, None) or batch(table, [], None), 1
    for rows in batches:
        yield Page(held, held.num_rows, origin=name, first=first)
        first += held.num_rows
        held = rows
        if time.monotonic() > end:
            raise _late(where)
    yield Page(held, held.num_rows, origin=name, first=first, last=True)


def _late(where: str) -> Retriable:
    return Retriable("sql.deadline", "the read takes too long", where=where, hint="raise deadline:")


def _page(
    dialect: Dialect, zone: str | None, table: Table, rows: list[Any], origin: str, first: int, last: bool
) -> Page:
    if dialect.name == "sqlite":
        lines = [msgspec.json.encode(as_stored(table, row, zone)) + b"\n" for row in rows]
        return Page(b"".join(lines), len(rows), origin=origin, first=first, last=last)
    return Page(batch(table, rows, zone), len(rows), origin=origin, first=first, last=last)
