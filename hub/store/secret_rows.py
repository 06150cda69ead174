"""Sealed secrets in the database: rows of name, version, sealed bytes and dates. No value comes here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, inspect, select, update

from hub.store.database import Database
from hub.store.tables import secret


class Row(Protocol):
    """What is stored; ``hub.security.secrets.SecretRow`` has this shape."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def sealed(self) -> bytes: ...
    @property
    def created(self) -> dt.datetime: ...
    @property
    def updated(self) -> dt.datetime: ...


class StoredSecretRows:
    """``hub.security.secrets.SecretRows`` over the hub's database; ``make`` builds a row,
    ``audited`` (connection, action, name, version) the entry of the audit chain."""

    def __init__(
        self,
        database: Database,
        make: Callable[..., Any],
        audited: Callable[[Connection, str, str, int], None] | None = None,
    ) -> None:
        self._database = database
        self._make = make
        self._audited = audited or (lambda connection, action, name, version: None)

    def get(self, name: str) -> Any:
        """The row; None where there is none, or the database has no tables yet."""
        with self._database.begin(reading=True) as connection:
            if not inspect(connection).has_table(secret.name):
                return None
            row = connection.execute(select(secret).where(secret.c.name == name)).one_or_none()
        return None if row is None else self._make(**row._mapping)

    def put(self, row: Row, expected: int | None) -> bool:
        values = {
            "version": row.version,
            "sealed": row.sealed,
            "created": row.created,
            "updated": row.updated,
        }
        with self._database.begin() as connection:
            if expected is None:
                there = connection.execute(
                    select(secret.c.name).where(secret.c.name == row.name)
                ).one_or_none()
                if there is None:
                    connection.execute(insert(secret).values(name=row.name, **values))
                    self._audited(connection, "secret.set", row.name, row.version)
                return there is None
            changed = connection.execute(
                update(secret).where(secret.c.name == row.name, secret.c.version == expected).values(**values)
            )
            if changed.rowcount == 1:
                self._audited(connection, "secret.set", row.name, row.version)
            return changed.rowcount == 1

    def list(self) -> Sequence[Any]:
        with self._database.begin(reading=True) as connection:
            return [
                self._make(**row._mapping)
                for row in connection.execute(select(secret).order_by(secret.c.name))
            ]

    def delete(self, name: str) -> bool:
        with self._database.begin() as connection:
            gone = connection.execute(delete(secret).where(secret.c.name == name)).rowcount == 1
            if gone:
                self._audited(connection, "secret.removed", name, 0)
            return gone
