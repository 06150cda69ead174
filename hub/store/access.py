"""Keys of the API in the store."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from hub.errors import ConfigError
from hub.store.access_tables import api_key
from hub.store.database import Database, now

USED_EVERY = dt.timedelta(minutes=1)
Audited = Callable[[Connection, str, str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key as it is stored; ``digest`` is the SHA-256 of its secret half, in hex."""

    id: str
    name: str
    digest: str
    grants: Sequence[str]
    within: Mapping[str, Sequence[str]]
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None
    used_at: dt.datetime | None = None
    former_digest: str | None = None
    former_until: dt.datetime | None = None


def add(database: Database, row: KeyRow, audited: Audited) -> None:
    """ConfigError ``key.taken`` where a key of that name is there, revoked or not."""
    with database.begin() as connection:
        if connection.scalar(select(api_key.c.id).where(api_key.c.name == row.name)) is not None:
            raise ConfigError(
                "key.taken",
                f"there is a key {row.name!r} already",
                hint="cophub keys rotate gives it a new secret; or take another name",
            )
        connection.execute(
            insert(api_key).values(
                id=row.id,
                name=row.name,
                digest=row.digest,
                grants=list(row.grants),
                within={name: list(values) for name, values in row.within.items()},
                created_at=row.created_at,
                created_by=row.created_by,
                expires_at=row.expires_at,
            )
        )
        audited(connection, "key.made", row.name, {"grants": list(row.grants)})


def find(database: Database, identity: str) -> KeyRow | None:
    """By the public half of a key."""
    rows = database.rows(
        ("api_key",), lambda: select(api_key).where(api_key.c.id == bindparam("id")), {"id": identity}
    )
    return KeyRow(**rows[0]) if rows else None


def named(database: Database, name: str) -> KeyRow:
    """ConfigError ``key.unknown``."""
    with database.begin(reading=True) as connection:
        row = connection.execute(select(api_key).where(api_key.c.name == name)).one_or_none()
    if row is None:
        raise ConfigError("key.unknown", f"there is no key {name!r}", hint="see: cophub keys")
    return _read(row)


def listed(database: Database) -> list[KeyRow]:
    """All keys by name."""
    with database.begin(reading=True) as connection:
        return [_read(row) for row in connection.execute(select(api_key).order_by(api_key.c.name))]


def rotate(database: Database, name: str, digest: str, until: dt.datetime, audited: Audited) -> None:
    """A new secret half; the former holds ``until`` then."""
    row = named(database, name)
    with database.begin() as connection:
        changed = connection.execute(
            update(api_key)
            .where(api_key.c.id == row.id, api_key.c.digest == row.digest, api_key.c.revoked_at.is_(None))
            .values(digest=digest, former_digest=row.digest, former_until=until)
        )
        if changed.rowcount != 1:
            raise ConfigError(
                "key.changed",
                f"the key {name!r} was revoked, or somebody changed it just now",
                hint="see: cophub keys",
            )
        audited(connection, "key.rotated", name, {"former_until": until.isoformat()})


def revoke(database: Database, name: str, audited: Audited) -> None:
    """It opens nothing from now on, nor does its former secret."""
    row = named(database, name)
    with database.begin() as connection:
        connection.execute(
            update(api_key)
            .where(api_key.c.id == row.id)
            .values(revoked_at=now(), former_digest=None, former_until=None)
        )
        audited(connection, "key.revoked", name, {})


def used(database: Database, row: KeyRow, moment: dt.datetime) -> None:
    """Note when a key was last used, at most once a minute."""
    if row.used_at is not None and moment - row.used_at < USED_EVERY:
        return
    with database.begin() as connection:
        connection.execute(update(api_key).where(api_key.c.id == row.id).values(used_at=moment))


def _read(row: Any) -> KeyRow:
    values = dict(row._mapping)
    for name in ("grants", "within"):
        if isinstance(values[name], str):
            values[name] = json.loads(values[name])
    return KeyRow(**values)
