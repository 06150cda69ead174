"""One connection: made late, told who it is, its errors translated."""

from __future__ import annotations

import datetime
import decimal
import importlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.sql.columnar import Columns, ColumnsError
from connectors.sql.dialects import DIALECTS, SQLITE, Dialect, Table, column, of_product
from connectors.sql.faults import broken, told
from connectors.sql.settings import SqlSettings
from connectors.sql.values import plain
from hub.contract import Context, FieldType, seconds
from hub.errors import ConfigError, HubError

LOGIN_TIMEOUT = 15


def braced(value: str) -> str:
    """A value as an ODBC connection string may hold it, whatever it holds.

    >>> braced("a;b}c")
    '{a;b}}c}'
    """
    return "{" + value.replace("}", "}}") + "}"


def connection_string(settings: SqlSettings) -> str:
    """The string with log-in and with the options without which a driver lies about values."""
    text = (settings.odbc or "").strip().rstrip(";")
    lower = text.lower()
    for driver, dialect in (("postgres", "postgresql"), ("maria", "mariadb"), ("mysql", "mysql")):
        if driver in lower:
            for name, value in DIALECTS[dialect].options:
                text += "" if f"{name.lower()}=" in lower else f";{name}={value}"
            break
    if settings.username is not None:
        if set(settings.username) & set(";{}"):  # psqlODBC takes braces around a user as part of the name
            raise ConfigError("sql.username", "a user with ; { or } cannot be written in a connection string")
        text += f";UID={settings.username}"
    if settings.password is not None:
        text += f";PWD={braced(settings.password.reveal())}"
    return text


class Connection:
    """A connection of one run. Every method raises errors of ``hub.errors``."""

    def __init__(self, context: Context, settings: SqlSettings) -> None:
        self._context = context
        self._settings = settings
        self._secrets = [settings.password.reveal()] if settings.password else []
        self._raw: Any = None
        self._dialect: Dialect | None = None
        # pyodbc's error joins when pyodbc is imported; the others are values no driver takes.
        self._errors: tuple[type[Exception], ...] = (sqlite3.Error, OverflowError, UnicodeEncodeError)
        self.stdlib = settings.sqlite is not None

    @property
    def dialect(self) -> Dialect:
        self.open()
        assert self._dialect is not None
        return self._dialect

    def open(self) -> Any:
        """Connect where that has not been done."""
        if self._raw is not None:
            return self._raw
        with self._telling():
            self._raw = self._sqlite() if self.stdlib else self._odbc()
        try:
            if self._dialect is None:
                product = str(self._raw.getinfo(17))  # SQL_DBMS_NAME
                chosen = self._settings.dialect
                self._dialect = DIALECTS[chosen] if chosen else of_product(product)
            if self._dialect is None:
                raise ConfigError(
                    "sql.dialect", f"the server calls itself {product}", hint="declare dialect: of the system"
                )
            self.session(self._dialect.session)
        except HubError:
            self.close()
            raise
        return self._raw

    def _sqlite(self) -> sqlite3.Connection:
        self._dialect = SQLITE
        path = Path(self._context.folder) / str(self._settings.sqlite)
        if not path.is_file():
            raise ConfigError(
                "sql.database", f"there is no file {self._settings.sqlite}", hint="mend sqlite: of the system"
            )
        return sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None,
            timeout=seconds(self._settings.timeout),
            check_same_thread=False,  # deliveries go out from a pool, each connector in one thread at a time
        )  # fmt: skip

    def _odbc(self) -> Any:
        try:
            pyodbc: Any = importlib.import_module("pyodbc")  # needs unixODBC, which not every machine has
        except ImportError as error:
            raise ConfigError("sql.driver", "unixODBC is not installed", hint="install unixodbc") from error
        self._errors = (*self._errors, pyodbc.Error)
        # A pooled connection would carry the session of another run.
        pyodbc.pooling = False
        raw = pyodbc.connect(connection_string(self._settings), autocommit=True, timeout=LOGIN_TIMEOUT)
        if "sqlite" in str(raw.getinfo(17)).lower():  # its wide-character entry points garble statements
            raw.setencoding(encoding="utf-8", ctype=1)
        return raw

    def session(self, statements: Sequence[str]) -> None:
        for statement in self._said(statements):
            self.execute(statement)

    def _said(self, statements: Sequence[str]) -> list[str]:
        span = seconds(self._settings.timeout)
        values = {
            "ms": int(span * 1000), "s": span, "whole": max(1, int(span)),
            "deadline": seconds(self._settings.deadline),
        }  # fmt: skip
        return [statement.format(**values) for statement in statements]

    def run(self, statement: str, values: Sequence[Any] = (), where: str = "") -> Any:
        """Execute; answers the cursor."""
        with self._telling(where):
            cursor = self.open().cursor()
            limit = time.monotonic() + seconds(self._settings.timeout)
            if self.stdlib:
                cursor.connection.set_progress_handler(lambda: time.monotonic() > limit, 100_000)
            cursor.execute(statement, self._taken(values))
            return cursor

    def execute(self, statement: str, values: Sequence[Any] = (), where: str = "") -> None:
        """Execute what gives no rows."""
        cursor = self.run(statement, values, where)
        with self._telling(where):
            cursor.close()

    def rows(self, statement: str, values: Sequence[Any] = (), where: str = "") -> list[tuple[Any, ...]]:
        cursor = self.run(statement, values, where)
        with self._telling(where):
            found = [tuple(row) for row in cursor.fetchall()]
            cursor.close()
        return found

    def fetch(self, cursor: Any, number: int, where: str) -> list[Any]:
        with self._telling(where):
            return list(cursor.fetchmany(number))

    @contextmanager
    def columns(self, where: str) -> Iterator[Columns]:
        """A second connection, that reads by columns, in a transaction with the session and snapshot of this one."""
        dialect = self.dialect
        raw = None
        try:
            raw = Columns(connection_string(self._settings), LOGIN_TIMEOUT)
            raw.begin([*self._said(dialect.session), *self._said(dialect.reading)], dialect.snapshot)
            yield raw
        except ColumnsError as error:
            raise told(error, where or self._context.system, self._secrets) from None
        finally:
            if raw is not None:
                raw.close()

    def run_many(self, statement: str, rows: Sequence[Sequence[Any]], where: str) -> None:
        with self._telling(where):
            cursor = self.open().cursor()
            cursor.executemany(statement, [self._taken(row) for row in rows])
            cursor.close()

    def _taken(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Values as the driver takes them: SQLite knows no decimals."""
        if self._dialect is not SQLITE:
            return tuple(values)
        return tuple(plain(value) if isinstance(value, decimal.Decimal) else value for value in values)

    @contextmanager
    def transaction(self, where: str, snapshot: bool = False) -> Iterator[None]:
        """Commit where the body ends well, roll back otherwise."""
        self.open()
        if self.stdlib:
            self.execute("BEGIN" if snapshot else "BEGIN IMMEDIATE")
        else:
            with self._telling(where):
                self._raw.autocommit = False
        try:
            if snapshot:
                self.session(self.dialect.snapshot)
            yield
            with self._telling(where):
                self._raw.execute("COMMIT") if self.stdlib else self._raw.commit()
        except BaseException as error:
            self._undo(error)
            raise
        finally:
            if self._raw is not None and not self.stdlib:
                with self._telling(where):
                    self._raw.autocommit = True

    def _undo(self, error: BaseException) -> None:
        """Roll back; a connection that cannot do even that is dropped."""
        if isinstance(error, HubError) and broken(error):
            self.close()
            return
        try:
            with self._telling():
                self._raw.execute("ROLLBACK") if self.stdlib else self._raw.rollback()
        except HubError:
            self.close()

    @contextmanager
    def _telling(self, where: str = "") -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise told(error, where or self._context.system, self._secrets) from None

    def table(self, name: str) -> Table:
        """Look a table up in the catalogue; ConfigError ``sql.table`` where there is none."""
        schema, _, bare = name.rpartition(".")
        dialect = self.dialect
        place = f"{self._context.system}.{name}"
        values = [bare if each == "table" else schema or None for each in dialect.asks]
        found = self.rows(dialect.catalogue, values, place)
        if not found:
            raise ConfigError(
                "sql.table", f"the database has no table or view {name}", where=place,
                hint="mend table:, with schema and in the database's own upper and lower case",
            )  # fmt: skip
        columns = tuple(column(n, t, dialect, bool(r), bool(g)) for n, t, r, g, _ in found)
        key = tuple(row[0] for row in sorted((row for row in found if row[4]), key=lambda row: row[4]))
        return Table(dialect.table(schema or None, bare), columns, key)

    def described(self, query: str, values: Sequence[Any], types: dict[str, FieldType], where: str) -> Table:
        """The columns of a query, by running it without rows."""
        cursor = self.run(f"SELECT * FROM ({query}) q WHERE 1 = 0", values, where)
        kinds = [types.get(each[0], _KINDS.get(each[1], "text")) for each in cursor.description]
        columns = tuple(
            column(each[0], _NATIVE[kind], self.dialect, required=False, generated=True)
            for each, kind in zip(cursor.description, kinds, strict=True)
        )
        cursor.close()
        return Table(f"({query}) q", columns, ())

    def close(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            try:
                raw.close()
            except self._errors:  # a broken connection fails to close, too
                return


# Python's class in a cursor's description → our type → a native name that all dialects' parsers know.
_KINDS: dict[Any, FieldType] = {
    int: "integer", bool: "boolean", float: "float", bytearray: "binary", decimal.Decimal: "decimal",
    datetime.date: "date", datetime.time: "time", datetime.datetime: "datetime",
}  # fmt: skip
_NATIVE: dict[FieldType, str] = {
    "integer": "bigint", "decimal": "numeric", "float": "double precision", "boolean": "boolean",
    "date": "date", "time": "time", "datetime": "timestamp", "binary": "bytea", "json": "text",
    "text": "text",
}  # fmt: skip
