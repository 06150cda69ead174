"""Wake-ups: a hint that something was committed. Whoever is woken looks into the tables; a hint that is lost
costs the time until the next look, never an event.

PostgreSQL tells by NOTIFY, in the transaction itself. On SQLite the file tells by itself: its
``data_version`` changes with every commit of another connection, and asking for it reads no table.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, text

from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.faults import translated

CHANNEL = "cophub"
TICK = 0.02


def call(session: Bulk | Connection) -> None:
    """Wake who listens when this transaction commits."""
    if isinstance(session, Connection):
        if session.dialect.name == "postgresql":
            session.execute(text(f"NOTIFY {CHANNEL}"))
    elif session.dialect == "postgresql":
        session.run(f"NOTIFY {CHANNEL}")


class Listener:
    """Waits for wake-ups on a connection of its own, which it opens again after it was lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None
        driver: Any = database.engine.dialect.loaded_dbapi
        self._error: type[Exception] = driver.Error
        self._version = 0

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Whether somebody called within so many seconds; the errors are those of the database."""
        try:
            if self._connection is None:
                self._open()
                return True  # what was called before is not heard: look
            return (
                self._notified(seconds, stop)
                if self._database.dialect == "postgresql"
                else self._changed(seconds, stop)
            )
        except self._error as error:
            self.close()
            raise translated(error, self._database.url) from error

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._error):  # it may be lost already
                connection.close()

    def _open(self) -> None:
        # Ours alone, beside the pool: whoever listens keeps its connection for good.
        dialect = self._database.engine.dialect
        arguments, named = dialect.create_connect_args(self._database.url)
        connection: Any = dialect.connect(*arguments, **named)
        if self._database.dialect == "postgresql":
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
        else:
            self._version = connection.execute("PRAGMA data_version").fetchone()[0]
        self._connection = connection

    def _notified(self, seconds: float, stop: threading.Event) -> bool:
        end = time.monotonic() + seconds
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            for _ in self._connection.notifies(timeout=min(left, 0.5), stop_after=1):
                return True
        return False

    def _changed(self, seconds: float, stop: threading.Event) -> bool:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not stop.wait(min(left, TICK)):
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._version = version
                return True
        return False
