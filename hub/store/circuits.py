"""Circuits: whether a system is asked at all, known to every process of the hub."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError

from hub.errors import HubError
from hub.store.database import Database, now
from hub.store.target_tables import circuit

PROBE = 120.0
"""Seconds that a probe may take; a prober that died is followed by another one."""
LONGEST = 900.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """``state`` is closed, open or half_open; ``next_try`` from when on one row may try."""

    system: str
    state: str = "closed"
    failures: int = 0
    since: dt.datetime | None = None
    next_try: dt.datetime | None = None
    paused_until: dt.datetime | None = None
    code: str = ""
    message: str = ""

    def paused(self, moment: dt.datetime) -> float:
        """Seconds for which the system asked to be left alone."""
        return max(0.0, (self.paused_until - moment).total_seconds()) if self.paused_until else 0.0


def read(database: Database, system: str) -> Circuit:
    with database.begin(reading=True) as connection:
        return _read(connection, system)


def every(database: Database) -> Mapping[str, Circuit]:
    """All that were ever anything but closed; none where the database has no tables yet."""
    with database.begin(reading=True) as connection:
        if not inspect(connection).has_table(circuit.name):
            return {}
        return {row.system: Circuit(*row) for row in connection.execute(select(circuit))}


def admit(database: Database, system: str) -> str:
    """``closed``: ask. ``half_open``: this caller, and nobody else for a while, may try with one row.
    ``open``: do not ask."""
    found = read(database, system)
    if found.state == "closed":
        return "closed"
    with database.begin() as connection:
        found, moment = _read(connection, system), now()
        if found.state == "closed":
            return "closed"
        if found.next_try is not None and found.next_try > moment:
            return "open"
        claimed = connection.execute(
            update(circuit)
            .where(circuit.c.system == system, circuit.c.next_try == found.next_try)
            .values(state="half_open", next_try=moment + dt.timedelta(seconds=PROBE))
        )
        return "half_open" if claimed.rowcount == 1 else "open"


def failed(database: Database, system: str, code: str, message: str, *, limit: int, pause: float) -> Circuit:
    """One more failure in a row; the ``limit``-th opens the circuit, for ``pause`` seconds and, each time a
    probe fails, for twice as long."""
    with database.begin() as connection:
        found, moment = _read(connection, system), now()
        failures = found.failures + 1
        values: dict[str, Any] = {"failures": failures, "code": code, "message": message}
        if found.state != "closed" or failures >= limit:
            pause = min(LONGEST, pause * 2 ** min(10, max(0, failures - limit)))
            values |= {"state": "open", "next_try": moment + dt.timedelta(seconds=pause)}
            values |= {"since": moment} if found.state == "closed" else {}
        _write(connection, system, values)
        return _read(connection, system)


def worked(database: Database, system: str) -> None:
    """The system answered: closed again. Writes nothing where nothing was wrong."""
    found = read(database, system)
    if found.state != "closed" or found.failures:
        reset(database, system)


def reset(database: Database, system: str) -> bool:
    """Close it by hand, with its pause; whether there was anything to close."""
    with database.begin() as connection:
        gone = connection.execute(delete(circuit).where(circuit.c.system == system))
        return bool(gone.rowcount)


@dataclass(frozen=True, slots=True)
class StoredPauses:
    """The pauses that systems asked for, as the transport sees them. That the database is away is found out
    elsewhere: here it only means that nobody else is known to have been told."""

    database: Database

    def until(self, system: str) -> float:
        with suppress(HubError):
            found = read(self.database, system).paused_until
            return found.timestamp() if found else 0.0
        return 0.0

    def pause(self, system: str, until: float) -> None:
        moment = dt.datetime.fromtimestamp(until, dt.UTC)
        with suppress(HubError), self.database.begin() as connection:
            found = _read(connection, system).paused_until
            if found is None or found < moment:
                _write(connection, system, {"paused_until": moment})


def _read(connection: Connection, system: str) -> Circuit:
    query = select(circuit).where(circuit.c.system == system)
    row = connection.execute(query).one_or_none()
    return Circuit(system) if row is None else Circuit(*row)


def _write(connection: Connection, system: str, values: Mapping[str, Any]) -> None:
    changed = update(circuit).where(circuit.c.system == system).values(**values)
    if connection.execute(changed).rowcount:
        return
    fresh = {"system": system, "state": "closed", "failures": 0, "since": now()} | dict(values)
    try:
        with connection.begin_nested():
            connection.execute(insert(circuit).values(**fresh))
    except IntegrityError:  # another process was faster
        connection.execute(changed)
