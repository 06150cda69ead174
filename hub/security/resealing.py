"""Seal again what the store keeps sealed, under the newest master key.

It may be interrupted anywhere and started again: each value is under one key or the other, and opens while both are in
the ring. A value that does not open stays as it is, and is reported after all others were done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from hub.crypto import Cipher, KeyRing
from hub.errors import AuthError, Fatal
from hub.failpoints import reach
from hub.security import audit
from hub.security.actors import Actor
from hub.store import sealed
from hub.store.database import Database
from hub.store.sealed import SEALED, Sealed

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Rotation:
    """Of one table: values sealed again, those under the newest key already, and those that somebody changed or removed
    meanwhile."""

    resealed: int
    current: int
    passed: int


def rotate(database: Database, ring: KeyRing, actor: Actor) -> Mapping[str, Rotation]:
    """What was done, by table. AuthError ``key.unknown`` where a value does not open."""
    broken: list[str] = []
    done = {one.name: _rotated(database, one, ring, actor, broken) for one in SEALED}
    if broken:
        count = sum(one.resealed for one in done.values())
        raise AuthError(
            "key.unknown",
            f"{len(broken)} values could not be sealed again, {count} were: {'; '.join(broken[:5])}",
            hint="give their old master key after the new one, or set them again",
        )
    return done


def _rotated(database: Database, one: Sealed, ring: KeyRing, actor: Actor, broken: list[str]) -> Rotation:
    cipher = Cipher(ring, one.purpose)
    current = sealed.count(database, one, cipher.head)
    resealed = passed = 0
    after = None
    while rows := sealed.others(database, one, cipher.head, after, BATCH):
        fresh = []
        for row in rows:
            try:
                fresh.append((row, cipher.reseal(bytes(row["sealed"]), one.bound(row))))
            except (AuthError, Fatal) as error:
                broken.append(f"{one.name} {'/'.join(map(str, sealed.key_of(one, row)))}: {error.message}")
        changed = sealed.replace(database, one, fresh, partial(_told, actor, one.name))
        resealed, passed = resealed + changed, passed + len(fresh) - changed
        after = sealed.key_of(one, rows[-1])
        reach("during_rotate")
    return Rotation(resealed, current, passed)


def _told(actor: Actor, name: str, connection: Any, count: int) -> None:
    audit.record(connection, actor, "secret.rotated", f"sealed:{name}", details={"values": count})
