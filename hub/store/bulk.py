"""Mass reads and writes in one transaction: ADBC and COPY on PostgreSQL, prepared statements on SQLite.

Statements are SQLAlchemy's; values that come from outside travel as Arrow, never inside SQL text,
except where SQLAlchemy renders a literal of a typed column itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Engine,
    Executable,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    cast,
    text,
)
from sqlalchemy.dialects import registry
from sqlalchemy.schema import CreateIndex, DropIndex

from hub.errors import Fatal
from hub.store.adbc import Connections
from hub.store.faults import is_of_database
from hub.store.wire import decode, travels_as_text

BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Wire:
    """Rows on their way from the database: read once, at once. ``decoded`` is the DuckDB select list that
    gives each column its own type."""

    rows: pa.RecordBatchReader
    decoded: str


class Bulk(Protocol):
    """One transaction. Nothing is visible to others before ``commit``."""

    dialect: str

    def run(self, statement: Executable | str) -> list[tuple[Any, ...]]:
        """Execute; answer all rows (none for a statement without)."""
        ...

    def load(self, table: Table, rows: pa.RecordBatchReader) -> int:
        """Append; columns by name, values as ``wire.encode`` gives them. Answers how many."""
        ...

    def stage(self, name: str, columns: Mapping[str, Column[Any]], rows: pa.RecordBatchReader) -> Table:
        """A temporary table of this transaction, filled with values as ``wire.encode`` gives them."""
        ...

    def read(self, query: Select[Any]) -> Wire:
        """Read without holding the whole; the last one ends when the next statement is run."""
        ...

    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


def deferred_indexes(session: Bulk, table: Table) -> list[str]:
    """Drop the indexes of an empty table inside the transaction; answers the SQL that rebuilds them.

    Building an index once over all rows takes a quarter of the time of keeping it row by row. The
    table is locked by the transaction either way, and a rollback brings the indexes back.
    """
    dialect = registry.load(session.dialect)()
    rebuild = []
    for index in sorted(table.indexes, key=lambda item: str(item.name)):
        session.run(str(DropIndex(index).compile(dialect=dialect)))
        rebuild.append(str(CreateIndex(index).compile(dialect=dialect)))
    if session.dialect == "postgresql":
        key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        session.run(f'ALTER TABLE "{table.name}" DROP CONSTRAINT "pk_{table.name}"')
        rebuild.append(f'ALTER TABLE "{table.name}" ADD CONSTRAINT "pk_{table.name}" PRIMARY KEY ({key})')
        # Without statistics the next run would read the whole table for a few keys.
        indexed = {column.name for index in table.indexes for column in index.columns}
        names = ", ".join(f'"{name}"' for name in sorted(indexed | {one.name for one in table.primary_key}))
        rebuild.append(f'ANALYZE "{table.name}" ({names})')
    return rebuild


class PostgresBulk:
    """One transaction of an ADBC connection, which is lent."""

    dialect = "postgresql"

    def __init__(self, connections: Connections, write: bool) -> None:
        import adbc_driver_postgresql.dbapi as driver  # noqa: PLC0415 - 90 ms, only for mass data

        self._connections, self._connection = connections, connections.take(write=write)
        self._error = driver.Error
        self._reading: Any = None
        self._ended = False
        # Numbers and dollars only: SQL text is rendered for one statement at a time.
        self._sql = registry.load("postgresql")(paramstyle="numeric_dollar")
        # Literals are rendered by the standard: a backslash is a character like others.
        self._sql._backslash_escapes = False

    def _text(self, statement: Executable | str) -> str:
        if isinstance(statement, str):
            return statement
        return str(statement.compile(dialect=self._sql, compile_kwargs={"literal_binds": True}))  # type: ignore[attr-defined] # statements all have it

    def run(self, statement: Executable | str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(self._text(statement))
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def load(self, table: Table, rows: pa.RecordBatchReader) -> int:
        return self._ingest(table.name, rows, temporary=False)

    def _ingest(self, name: str, rows: pa.RecordBatchReader, *, temporary: bool) -> int:
        try:
            with self._connection.cursor() as cursor:
                return int(cursor.adbc_ingest(name, rows, mode="append", temporary=temporary))
        except self._error as error:
            if is_of_database(error):
                raise
            raise Fatal("store.load", f"loading into {name} failed: {error}".splitlines()[0]) from error

    def stage(self, name: str, columns: Mapping[str, Column[Any]], rows: pa.RecordBatchReader) -> Table:
        ddl = ", ".join(f'"{key}" {column.type.compile(self._sql)}' for key, column in columns.items())
        self.run(f'CREATE TEMP TABLE "{name}" ({ddl}) ON COMMIT DROP')
        self._ingest(name, rows, temporary=True)
        self.run(f'ANALYZE "{name}" ("{next(iter(columns))}")')  # what it is joined by
        return staged(name, columns)

    def read(self, query: Select[Any]) -> Wire:
        plain = query.with_only_columns(
            *(
                cast(column, Text).label(column.name) if travels_as_text(column) else column
                for column in query.selected_columns
            )
        )
        self._close_reading()
        self._reading = self._connection.cursor()  # closing it ends the stream
        self._reading.execute(self._text(plain))
        return Wire(self._reading.fetch_record_batch(), _decoded(query))

    def _close_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def commit(self) -> None:
        self._close_reading()
        self._connection.commit()
        self._ended = True

    def rollback(self) -> None:
        self._close_reading()
        self._connection.rollback()

    def close(self) -> None:
        if self._ended:
            self._connections.give(self._connection)
        else:
            self._connection.close()


class SqliteBulk:
    """One connection of the engine, written by prepared statements."""

    dialect = "sqlite"

    def __init__(self, engine: Engine, write: bool) -> None:
        self._connection = engine.connect().execution_options(reading=not write)
        self._connection.begin()
        self._staged: list[str] = []

    def run(self, statement: Executable | str) -> list[tuple[Any, ...]]:
        result = self._connection.execute(
            text(statement.replace(":", "\\:")) if isinstance(statement, str) else statement
        )
        return [tuple(row) for row in result.all()] if result.returns_rows else []

    def load(self, table: Table, rows: pa.RecordBatchReader) -> int:
        return self._insert(table.name, rows)

    def _insert(self, name: str, rows: pa.RecordBatchReader) -> int:
        columns = ", ".join(f'"{field.name}"' for field in rows.schema)
        marks = ", ".join("?" * len(rows.schema))
        cursor, count = self._connection.connection.cursor(), 0
        for batch in rows:
            values = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            cursor.executemany(f'INSERT INTO "{name}" ({columns}) VALUES ({marks})', values)  # type: ignore[arg-type] # lists of rows are sequences
            count += batch.num_rows
        cursor.close()
        return count

    def stage(self, name: str, columns: Mapping[str, Column[Any]], rows: pa.RecordBatchReader) -> Table:
        dialect = registry.load("sqlite")()
        ddl = ", ".join(f'"{key}" {column.type.compile(dialect)}' for key, column in columns.items())
        self.run(f'CREATE TEMP TABLE "{name}" ({ddl})')
        self._staged.append(name)
        self._insert(name, rows)
        return staged(name, columns)

    def read(self, query: Select[Any]) -> Wire:
        sql = str(query.compile(dialect=registry.load("sqlite")(), compile_kwargs={"literal_binds": True}))
        schema = pa.schema([(column.name, _sqlite_arrow(column)) for column in query.selected_columns])
        cursor = self._connection.connection.cursor()
        cursor.execute(sql)

        def batches() -> Any:
            while rows := cursor.fetchmany(BATCH):
                arrays = [
                    pa.array(values, type=field.type)
                    for values, field in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

        return Wire(pa.RecordBatchReader.from_batches(schema, batches()), _decoded(query))

    def commit(self) -> None:
        self._drop_staged()
        self._connection.commit()

    def rollback(self) -> None:
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()

    def _drop_staged(self) -> None:
        while self._staged:
            self.run(f'DROP TABLE temp."{self._staged.pop()}"')


def _decoded(query: Select[Any]) -> str:
    return ", ".join(f'{decode(column.name, column)} AS "{column.name}"' for column in query.selected_columns)


def staged(name: str, columns: Mapping[str, Column[Any]]) -> Table:
    """A staged table as statements name it."""
    return Table(name, MetaData(), *(Column(key, column.type) for key, column in columns.items()))


def _sqlite_arrow(column: ColumnElement[Any]) -> pa.DataType:
    if isinstance(column.type, Integer | Boolean):  # SmallInteger and BigInteger are Integers
        return pa.int64()
    return pa.binary() if isinstance(column.type, LargeBinary) else pa.string()
