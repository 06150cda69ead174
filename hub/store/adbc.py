"""ADBC connections to PostgreSQL, kept between transactions: opening one takes 40 ms of processor, several times
what a small transaction takes."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any

from sqlalchemy import URL

from hub.store.patience import IDLE_MINUTES, lock_seconds

KEPT = 4
# By the driver's connect options: nothing is asked of the server for it. A backslash is a character like others;
# some thousand keys among millions are found by index, and without compiling a plan that runs once.
SETTINGS = {"standard_conforming_strings": "on", "random_page_cost": "1.1", "jit": "off"}
WRITING = f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_MINUTES}min'"
READING = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


class Connections:
    """Connections with autocommit off. Each is lent to one transaction; only one that ended it well is kept."""

    def __init__(self, url: URL) -> None:
        settings = SETTINGS | {"lock_timeout": str(int(lock_seconds() * 1000))}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        plain = url.set(drivername="postgresql").update_query_dict({"options": options})
        address, mark, query = plain.render_as_string(hide_password=False).partition("?")
        self._url = address + mark + query.replace("+", "%20")  # libpq takes a plus for a plus
        self._idle: deque[Any] = deque()

    def take(self, *, write: bool) -> Any:
        """One in whose transaction nothing was asked yet. The first statement shows whether a kept one still
        answers; the driver's errors are those of a new one."""
        import adbc_driver_postgresql.dbapi as driver  # noqa: PLC0415 - 90 ms, only for mass data

        first = WRITING if write else READING
        with suppress(IndexError):
            while True:
                kept = self._idle.pop()
                try:
                    return _begun(kept, first)
                except driver.Error:
                    _closed(kept)
        return _begun(driver.connect(self._url), first)

    def give(self, connection: Any) -> None:
        """Back, after its transaction was committed."""
        if len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close those that are kept."""
        with suppress(IndexError):
            while True:
                _closed(self._idle.pop())


def _begun(connection: Any, first: str) -> Any:
    try:
        with connection.cursor() as cursor:
            cursor.execute(first)
    except BaseException:
        _closed(connection)
        raise
    return connection


def _closed(connection: Any) -> None:
    import adbc_driver_postgresql.dbapi as driver  # noqa: PLC0415 - it was imported before

    with suppress(driver.Error):  # it is lost already
        connection.close()
