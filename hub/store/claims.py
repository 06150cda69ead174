"""Claims of resources that a check refuted: what the exchanges do without, and since when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, inspect, select, update

from hub.store.database import Database, now
from hub.store.target_tables import claim


@dataclass(frozen=True, slots=True)
class Refuted:
    """One claim of one resource that does not hold."""

    system: str
    resource: str
    claim: str
    reason: str
    since: dt.datetime
    checked_at: dt.datetime


def refuted(database: Database, system: str, resource: str) -> Mapping[str, Refuted]:
    """The refuted claims of one resource, by their names."""
    with database.begin(reading=True) as connection:
        return _refuted(connection, system, resource)


def every(database: Database) -> Sequence[Refuted]:
    """All refuted claims; none where the database has no tables yet."""
    with database.begin(reading=True) as connection:
        if not ready(connection):
            return []
        rows = connection.execute(select(claim).order_by(claim.c.system, claim.c.resource, claim.c.claim))
        return [Refuted(*row) for row in rows]


def ready(connection: Connection) -> bool:
    """Whether there is a place to remember them in."""
    return inspect(connection).has_table(claim.name)


def remember(
    connection: Connection, system: str, resource: str, broken: Mapping[str, str], held: Sequence[str]
) -> list[str]:
    """Keep what a check refuted (claim → reason) and forget what holds now; what it could not try stays as it
    was. Answers the claims that changed."""
    known, moment = _refuted(connection, system, resource), now()
    mine = (claim.c.system == system) & (claim.c.resource == resource)
    for name, reason in broken.items():
        if name in known:
            changed = update(claim).where(mine, claim.c.claim == name)
            connection.execute(changed.values(reason=reason, checked_at=moment))
        else:
            row = {"system": system, "resource": resource, "claim": name, "reason": reason}
            connection.execute(insert(claim).values(row | {"since": moment, "checked_at": moment}))
    mended = [name for name in held if name in known]
    if mended:
        connection.execute(delete(claim).where(mine, claim.c.claim.in_(mended)))
    return [name for name in broken if name not in known] + mended


def _refuted(connection: Connection, system: str, resource: str) -> dict[str, Refuted]:
    rows = connection.execute(select(claim).where(claim.c.system == system, claim.c.resource == resource))
    return {row.claim: Refuted(*row) for row in rows}
