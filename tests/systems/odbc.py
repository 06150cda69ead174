"""unixODBC and the drivers that the sql connector is tested with: nothing to start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.systems.place import Place, Unavailable

APT = ("unixodbc", "odbcinst", "odbc-postgresql", "odbc-mariadb", "libsqliteodbc")
DRIVERS = ("PostgreSQL Unicode", "MariaDB Unicode", "SQLite3")


def missing() -> list[str]:
    """The drivers that this machine's odbcinst.ini does not name."""
    listed = Path("/etc/odbcinst.ini")
    text = listed.read_text() if listed.exists() else ""
    return [driver for driver in DRIVERS if f"[{driver}]" not in text]


def installed() -> bool:
    return not missing()


def up(place: Place) -> Mapping[str, str]:
    if gone := missing():
        raise Unavailable(f"unixODBC has no driver {', '.join(gone)}")
    return {}
