"""What a database says when it cannot go on, as errors of the hub: try again, make room, mend the address."""

from __future__ import annotations

import sqlite3
import sys

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError

from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable

# SQLSTATE (PostgreSQL, appendix A), or its class, and words of SQLite's messages.
_BUSY = ("55P03", "40001", "40P01", "database is locked", "database table is locked", "locking protocol")
_FULL = ("53100", "database or disk is full", "No space left", "disk I/O error", "could not extend file")
_DENIED = ("28", "authentication failed", "no password supplied")
_UNKNOWN = ("3D000", "does not exist", "unable to open database file", "not a database")
_LOCKED = ("attempt to write a readonly database", "25006", "read-only transaction", "42501")


def driver_errors() -> tuple[type[BaseException], ...]:
    """What drivers raise; those of ADBC only where it was imported."""
    manager = sys.modules.get("adbc_driver_manager")
    return (DBAPIError, sqlite3.Error, *((manager.Error,) if manager else ()))


def is_of_database(error: BaseException) -> bool:
    """Whether it is a driver's word that the database cannot go on, not a defect in a statement."""
    if isinstance(error, OperationalError | InternalError | sqlite3.OperationalError):
        return "no such table" not in str(error)
    state = str(getattr(error, "sqlstate", "") or getattr(getattr(error, "orig", None), "sqlstate", "") or "")
    of_adbc = type(error).__module__.startswith("adbc_driver")
    if of_adbc and not state:  # a connection that is gone gives no state, a bad statement another class
        return type(error).__name__ == "OperationalError"
    return (of_adbc or isinstance(error, DBAPIError)) and (
        state == "42501" or state[:2] in ("08", "25", "28", "3D", "40", "53", "55", "57", "58")
    )


def stream_lost(error: Exception) -> Retriable | None:
    """What a reader of rows says of a connection that ended while they came: DuckDB only passes on the text."""
    if "[libpq]" not in str(error):
        return None
    return Retriable(
        "store.unreachable",
        "the hub's database closed the connection while it was read",
        hint="start it, or mend store in config/hub.yaml",
    )


def translated(error: BaseException, url: URL) -> HubError:
    """The hub's error for a driver's. Its text names no value of a statement."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    state = str(getattr(origin, "sqlstate", "") or "")
    text = " ".join(str(origin).strip().splitlines()[:1])
    where = url.render_as_string(hide_password=True)

    def says(signs: tuple[str, ...]) -> bool:
        return any(state.startswith(sign) if sign[0].isdigit() else sign in text for sign in signs)

    if says(_BUSY):
        return Retriable(
            "store.busy",
            "another process is writing to the hub's database and does not end",
            where=where,
            hint="run again when it has ended; see cophub runs",
        )
    if says(_FULL):
        return Fatal(
            "store.full",
            f"the hub's database cannot grow: {text}",
            where=where,
            hint="make room on its disk, then run again: nothing of this transaction was kept",
        )
    if says(_DENIED):
        return AuthError(
            "store.denied",
            "the hub's database refuses the user or the password",
            where=where,
            hint="mend store and store_password in config/hub.yaml, or COPHUB_STORE",
        )
    if says(_LOCKED):
        return ConfigError(
            "store.readonly",
            f"the hub may not write to its database: {text}",
            where=where,
            hint="give the hub's user the right to write",
        )
    if says(_UNKNOWN) and not state.startswith("42"):
        return ConfigError(
            "store.missing",
            f"the hub's database cannot be opened: {text}",
            where=where,
            hint="create it, or mend store in config/hub.yaml",
        )
    return Retriable(
        "store.unreachable",
        f"the hub's database does not answer: {text}",
        where=where,
        hint="start it, or mend store in config/hub.yaml",
    )
