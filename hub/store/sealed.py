"""Every sealed column of the store, and sealing one again: a value is replaced only where it is still the one that was
read.

What is kept under the master key as a hash (secrets of clients) is no sealed column: it follows when it is next used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, func, or_, select, update

from hub.store.database import Database
from hub.store.login_tables import login_totp
from hub.store.sso_tables import sso_key, sso_service_ticket, sso_ticket_key
from hub.store.tables import inbox, secret


@dataclass(frozen=True, slots=True)
class Sealed:
    """The column ``sealed`` of a table: for what purpose it is sealed, and by what of its row it is bound to it (a
    template over its columns)."""

    table: Table
    purpose: str
    context: str

    @property
    def name(self) -> str:
        """The table's."""
        return self.table.name

    def bound(self, row: dict[str, Any]) -> str:
        """What a row's value is sealed with; see ``hub.crypto``."""
        return self.context.format(**row)


SEALED: Final = (
    Sealed(secret, "secrets", "secret/{name}/{version}"),
    Sealed(login_totp, "second", "{account}"),
    Sealed(sso_key, "sso", "sso-key/{kid}"),
    Sealed(sso_ticket_key, "sso", "sso-key/{kid}"),
    Sealed(sso_service_ticket, "sso", "service-ticket/{digest}"),
    Sealed(inbox, "inbox", "inbox/{source}/{event_id}"),
)


def others(
    database: Database, one: Sealed, head: bytes, after: Sequence[Any] | None, size: int
) -> list[dict[str, Any]]:
    """Rows after a key whose value does not begin with ``head``, in the order of their keys."""
    keys = list(one.table.primary_key)
    query = select(one.table).where(func.substr(one.table.c.sealed, 1, len(head)) != head).order_by(*keys).limit(size)
    if after is not None:
        further = [
            and_(*(column == value for column, value in zip(keys[:at], after, strict=False)), keys[at] > after[at])
            for at in range(len(keys))
        ]
        query = query.where(or_(*further))
    with database.begin(reading=True) as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def count(database: Database, one: Sealed, head: bytes) -> int:
    """How many values begin with ``head``."""
    query = select(func.count()).select_from(one.table).where(func.substr(one.table.c.sealed, 1, len(head)) == head)
    with database.begin(reading=True) as connection:
        return connection.scalar(query) or 0


def key_of(one: Sealed, row: dict[str, Any]) -> list[Any]:
    """The row's primary key."""
    return [row[column.name] for column in one.table.primary_key]


def replace(
    database: Database,
    one: Sealed,
    rows: Sequence[tuple[dict[str, Any], bytes]],
    told: Callable[[Connection, int], None],
) -> int:
    """Store fresh values in one transaction, and ``told`` how many; those that somebody changed since stay."""
    changed = 0
    with database.begin() as connection:
        for row, fresh in rows:
            mine = [column == row[column.name] for column in one.table.primary_key]
            query = update(one.table).where(*mine, one.table.c.sealed == row["sealed"])
            changed += connection.execute(query.values(sealed=fresh)).rowcount
        if changed:
            told(connection, changed)
    return changed
