"""Whole reads column by column: rows are fetched into Arrow buffers by arrow-odbc, several times as fast as one
Python object per value, and are the very values that the other way gives (tests/integration compare them).

A buffer is as wide as its widest value: how long the longest text is, is asked of the same snapshot before. What
has no fixed width, is rounded by the driver (floats), or needs Python to be understood goes row by row.
"""

from __future__ import annotations

import codecs
import importlib
import locale
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.sql.dialects import Column, Dialect, Table
from connectors.sql.values import arrow_type, schema

LONGEST = 8_000
"""Bytes of a text up to which buffers of all columns are still small."""
_TEXT = ("character varying", "character(", "text", "varchar", "bpchar")
_EXACT = {"integer", "boolean", "date", "datetime"}


def fits(dialect: Dialect, table: Table, values: Sequence[Any], zone: str | None) -> bool:
    """Whether a statement over the columns of ``table`` may be read so; ``values`` are its parameters. An
    integrator's own query is not: it would be run twice."""
    query = table.text.startswith("(")  # a table's name is quoted
    plain = dialect.columnar and not query and not values
    return plain and _narrow() and all(_fits(column, zone) for column in table.columns)


def _narrow() -> bool:
    """Whether narrow texts are UTF-8, which spares the driver and us a conversion of each: it asks the locale, and
    gives nothing but errors where that knows no other letters than English ones."""
    return codecs.lookup(locale.nl_langinfo(locale.CODESET)).name == "utf-8"


def _fits(column: Column, zone: str | None) -> bool:
    native = column.native.lower()
    match column.type:
        case "text":
            return native.startswith(_TEXT) and not native.endswith("]")
        case "decimal":
            return pa.types.is_decimal(arrow_type(column))
        case "datetime":
            return column.zoned or zone is None
    return column.type in _EXACT


def longest(dialect: Dialect, columns: Sequence[Column], source: str) -> str | None:
    """The statement that asks for the bytes of the longest text; None where there is no text."""
    texts = [dialect.quote(column.name) for column in columns if column.type == "text"]
    if not texts:
        return None
    widest = ", ".join(f"max(octet_length({text}))" for text in texts)
    return f"SELECT greatest({widest}) FROM {source}"


class Columns:
    """A connection of its own for one such read, in one transaction that ends with it."""

    def __init__(self, text: str, patience: int) -> None:
        """``patience``: seconds for the log-in."""
        self._library: Any = importlib.import_module("arrow_odbc")
        with self._telling():
            self._raw = self._library.connect(text, login_timeout_sec=patience, autocommit=False)

    def begin(self, session: Sequence[str], snapshot: Sequence[str]) -> None:
        """Statements for the whole session, then those that must be the first of the transaction."""
        with self._telling():
            for statement in session:
                self._raw.execute(statement)
            self._raw.commit()
            for statement in snapshot:
                self._raw.execute(statement)

    def number(self, statement: str) -> int:
        """The only value of an answer; 0 where it is NULL."""
        with self._telling():
            (batch,) = self._raw.read_arrow_batches(statement, batch_size=1, fetch_concurrently=False)
            return int(batch.column(0)[0].as_py() or 0)

    def batches(self, statement: str, table: Table, number: int, width: int) -> Iterator[pa.RecordBatch]:
        """The rows, ``number`` at a time, as ``values.batch`` gives them; ``width``: bytes of the longest text."""
        with self._telling():
            reader = iter(
                self._raw.read_arrow_batches(
                    statement,
                    batch_size=number,
                    max_text_size=max(width, 1),
                    payload_text_encoding=self._library.TextEncoding.UTF8,
                )
            )
        while True:
            with self._telling():
                found = next(reader, None)
            if found is None:
                return
            yield _as_ours(table, found)

    def close(self) -> None:
        """The transaction ends with the connection, which has read only."""
        self._raw = None

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except self._library.Error as error:
            raise ColumnsError(str(error)) from None


class ColumnsError(Exception):
    """An error of the driver, with SQLSTATE and message as pyodbc's have them."""

    def __init__(self, text: str) -> None:
        state = text.partition("State: ")[2].partition(",")[0].strip() or "HY000"
        native = text.partition("Native error: ")[2].partition(",")[0].strip()
        message = text.partition("Message: ")[2].strip() or text
        super().__init__(state, f"[{state}] {message} ({native})" if native else message)


def _as_ours(table: Table, found: pa.RecordBatch) -> pa.RecordBatch:
    arrays = [_array(column, values) for column, values in zip(table.columns, found.columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema(table))


def _array(column: Column, values: pa.Array[Any]) -> pa.Array[Any]:
    if column.type != "datetime":
        return values.cast(arrow_type(column))
    return moments(values, column.zoned)


def moments(values: pa.Array[Any], zoned: bool) -> pa.Array[Any]:
    """Times as ``values.moment`` writes them: with six digits of a second where it is not a whole one. The cast is
    many times as fast as strftime, which asks the locale for each value.

    >>> moments(pa.array([datetime.datetime(2026, 1, 1, 8)]), True)[0].as_py()
    '2026-01-01T08:00:00Z'
    """
    whole: Any = pc  # its stubs know less than it can
    exact = values.cast(pa.timestamp("us"))
    seconds = whole.floor_temporal(exact, unit="second")
    text = seconds.cast(pa.timestamp("s")).cast(pa.string())
    parts = whole.not_equal(exact, seconds)
    if whole.any(parts).as_py():
        text = whole.if_else(parts, exact.cast(pa.string()), text)
    text = whole.replace_substring(text, " ", "T")
    found: pa.Array[Any] = whole.binary_join_element_wise(text, "Z", "") if zoned else text
    return found
