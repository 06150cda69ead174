"""Prepared queries in PostgreSQL, asked of libpq itself (``PQexecPrepared``, which waits without Python's lock).

SQLAlchemy and the driver's cursor take ten times as long over a small query as the database does. Each query is a
transaction of its own, but for those of ``writing``.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from typing import Any, Final

import orjson
import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.types.json import set_json_loads
from sqlalchemy import JSON, URL
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from hub.store.patience import lock_seconds
from hub.store.prepared import Prepared, Values

MOST: Final = 20
"""Connections of a process that ask at once; who needs one more waits for the next free one."""
STALE: Final = ("26000", "0A000")
"""A connection that has forgotten its plan, or whose plan is of tables as they were."""
OPTIONS: Final = "-c TimeZone=UTC -c plan_cache_mode=force_generic_plan"
"""Times come in UTC. A statement is planned once: a search in a million persons takes a millisecond and its plan two.
Each shape of a question is a statement of its own, so that its values seldom ask for another plan."""


class Readers:
    """Connections of one process to PostgreSQL that only execute prepared statements."""

    def __init__(self, url: URL) -> None:
        made: Any = postgresql.psycopg.dialect
        self._dialect: Any = made(paramstyle="numeric_dollar")
        arguments, named = self._dialect.create_connect_args(url)
        options = f"{OPTIONS} -c lock_timeout={int(lock_seconds() * 1000)} {named.pop('options', '')}"
        self._address = arguments, {"connect_timeout": 10, **named, "options": options}
        self._asked: dict[Prepared, _Asked] = {}
        self._idle: deque[Connected] = deque()  # the one used last is used next
        self._free = BoundedSemaphore(MOST)

    def rows(self, prepared: Prepared, values: Values) -> list[tuple[Any, ...]]:
        """The rows, as SQLAlchemy would answer them; its DBAPIError."""
        asked = self._known(prepared)
        with _named(asked), self._free:
            return self._rows(asked, asked.told(values))

    @contextmanager
    def writing(self) -> Iterator[Callable[[Prepared, Values], list[tuple[Any, ...]]]]:
        """One transaction, which is never begun again: what it did may be unknown."""
        with self._free:
            with _named(None):
                connected = self._begun()

            def rows(prepared: Prepared, values: Values) -> list[tuple[Any, ...]]:
                asked = self._known(prepared)
                with _named(asked):
                    return connected.rows(asked, asked.told(values))

            try:
                yield rows
                with _named(None):
                    connected.execute(b"COMMIT")
            except BaseException:
                connected.close()  # which rolls back
                raise
            self._idle.append(connected)

    def _begun(self) -> Connected:
        """A connection whose transaction has begun; one that was lost while it lay idle is left."""
        while True:
            try:
                connected, used = self._idle.pop(), True
            except IndexError:
                connected, used = Connected(*self._address), False
            try:
                connected.execute(b"BEGIN")
            except psycopg.Error:
                connected.close()
                if not used:
                    raise
            else:
                return connected

    def _known(self, prepared: Prepared) -> _Asked:
        return self._asked.get(prepared) or self._asked.setdefault(prepared, _Asked(prepared, self._dialect))

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _rows(self, asked: _Asked, told: list[Any]) -> list[tuple[Any, ...]]:
        while True:
            try:
                reader, used = self._idle.pop(), True
            except IndexError:
                reader, used = Connected(*self._address), False
            try:
                found = reader.rows(asked, told)
            except psycopg.Error as error:
                if reader.alive and error.sqlstate not in STALE:
                    self._idle.append(reader)
                    raise
                reader.close()
                if not used:
                    raise
                continue  # it lay idle while the server was restarted or its tables changed: nothing was done by it
            except BaseException:
                reader.close()
                raise
            self._idle.append(reader)
            return found


class _Asked:
    """A query as PostgreSQL is asked it: its text, the names of its parameters in their order, the values of those
    that never change."""

    def __init__(self, prepared: Prepared, dialect: Any) -> None:
        made = prepared.query.compile(dialect=dialect)
        self.name, self.text = prepared.name, str(made).encode()
        self.names = list(made.positiontup or ())
        self._fixed = {name: made.params[name] for name in self.names if not made.binds[name].required}
        self._json = {name for name in self.names if isinstance(made.binds[name].type, JSON)}

    def told(self, values: Values) -> list[bytes | None]:
        """The values of its parameters as PostgreSQL reads them."""
        return [self._told(name, self._fixed[name] if name in self._fixed else values[name]) for name in self.names]

    def _told(self, name: str, value: Any) -> bytes | None:
        return json.dumps(value).encode() if name in self._json and value is not None else _written(value)


class Connected:
    """One connection, and the names of what it has prepared."""

    def __init__(self, arguments: Sequence[Any], named: dict[str, Any]) -> None:
        self._connection = psycopg.connect(*arguments, **named, autocommit=True)
        set_json_loads(orjson.loads, self._connection)
        self._read = Transformer(self._connection)
        self._pg, self._known = self._connection.pgconn, set[bytes]()

    @property
    def alive(self) -> bool:
        return self._pg.status == pq.ConnStatus.OK

    def rows(self, asked: _Asked, told: list[Any]) -> list[tuple[Any, ...]]:
        if asked.name not in self._known:
            _good(self._pg.prepare(asked.name, asked.text))
            self._known.add(asked.name)
        found = _good(self._pg.exec_prepared(asked.name, told))
        self._read.set_pgresult(found)
        return self._read.load_rows(0, found.ntuples, tuple)

    def execute(self, text: bytes) -> None:
        """A statement without parameters and rows."""
        _good(self._pg.exec_(text))

    def close(self) -> None:
        with suppress(psycopg.Error):  # it may be lost already
            self._connection.close()


@contextmanager
def _named(asked: _Asked | None) -> Iterator[None]:
    """Errors of the driver as SQLAlchemy's, with the statement and without its values."""
    try:
        yield
    except psycopg.Error as error:
        text = asked.text.decode() if asked is not None else ""
        raise DBAPIError.instance(text, None, error, psycopg.Error, hide_parameters=True) from error


def _good(found: Any) -> Any:
    if found.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return found
    error = psycopg.errors.error_from_result(found, encoding="utf-8")
    raise error if error.sqlstate else psycopg.OperationalError(str(error))  # libpq's own: the connection is lost


def _written(value: Any) -> bytes | None:
    """A parameter as PostgreSQL reads it."""
    match value:
        case None:
            return None
        case str():
            if "\0" in value:  # libpq would take what is before it
                raise psycopg.DataError("a text of PostgreSQL has no NUL character")
            return value.encode()
        case bool():
            return b"t" if value else b"f"
        case bytes():
            return b"\\x" + value.hex().encode()
        case dt.date():  # and times, which are dates as well
            return value.isoformat().encode()
        case uuid.UUID() | int():
            return str(value).encode()
        case list() | tuple():
            return b"{" + b",".join(_quoted(one) for one in value) + b"}"
    raise TypeError(type(value).__name__)


def _quoted(value: Any) -> bytes:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'.encode()
