"""Comparisons with the sources of to-dos, as stored."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, true, update

from hub.store.database import Database
from hub.store.many import among, batches, put
from hub.store.moves import SEQUENCE
from hub.store.tables import model_seq
from hub.store.todo_drift_tables import todo_check, todo_drift
from hub.store.todo_tables import assignment, todo

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """An open to-do that somebody has to do: its keys, when and by which commit it changed last, and who has it."""

    tenant: str
    source_id: str
    changed_at: dt.datetime
    seq: int
    people: frozenset[uuid.UUID]


def shown(connection: Connection, system: str, ids: Sequence[str] | None = None) -> list[Shown]:
    """Open ones of a system that are in somebody's list, or would be if his person were known: all, or those called
    so by the source, whatever their tenant."""
    if ids is not None:
        some = (_shown(connection, system, among(connection, todo.c.source_id, part)) for part in batches(ids))
        return [one for part in some for one in part]
    return _shown(connection, system, true())


def _shown(connection: Connection, system: str, which: ColumnElement[bool]) -> list[Shown]:
    a, found = assignment.c, dict[uuid.UUID, tuple[str, str, dt.datetime, int, set[uuid.UUID]]]()
    query = select(todo.c.id, todo.c.tenant, todo.c.source_id, todo.c.changed_at, todo.c.seq, a.person)
    query = query.join_from(todo, assignment, a.todo == todo.c.id)
    query = query.where(todo.c.system == system, a.box == "to_do", which)
    for identity, tenant, source_id, changed_at, seq, person in connection.execute(query).tuples():
        one = found.setdefault(identity, (tenant, source_id, changed_at, seq, set()))
        if person is not None:
            one[4].add(person)
    return [Shown(*one[:4], frozenset(one[4])) for one in found.values()]


def reached(connection: Connection) -> int:
    """The last commit to to-dos: what is read after it has all of these, and maybe more."""
    return connection.scalar(select(model_seq.c.seq).where(model_seq.c.model == SEQUENCE)) or 0


def last(connection: Connection, system: str) -> Row | None:
    row = connection.execute(select(todo_check).where(todo_check.c.system == system)).mappings().one_or_none()
    return None if row is None else dict(row)


def found(connection: Connection, system: str) -> list[Row]:
    """Differences of a system, by tenant and id."""
    d = todo_drift.c
    query = select(todo_drift).where(d.system == system).order_by(d.tenant, d.source_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def counted(database: Database, cycles: int) -> tuple[list[Row], dict[tuple[str, str, bool], int]]:
    """The last comparison of every system, by name; and of its differences how many there are: system, kind, found
    ``cycles`` times or more."""
    d = todo_drift.c
    sure = (d.cycles >= cycles).label("sure")
    query = select(d.system, d.kind, sure, func.count()).group_by(d.system, d.kind, sure).order_by(d.system, d.kind)
    with database.begin(reading=True) as connection:
        checks = [dict(row) for row in connection.execute(select(todo_check).order_by(todo_check.c.system)).mappings()]
        return checks, {(name, kind, bool(sure)): count for name, kind, sure, count in connection.execute(query)}


def suspected(connection: Connection, mapping: str, cycles: int) -> list[Row]:
    """Differences that a mapping's looks found, fewer than ``cycles`` times."""
    query = select(todo_drift).where(todo_drift.c.cycles < cycles)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return [row for row in rows if row["said"].get("mapping") == mapping]


def replace(connection: Connection, check: Row, differences: Sequence[Row]) -> None:
    """What the newest comparison of a system found, in place of what the one before did."""
    put(connection, todo_check, [check])
    connection.execute(delete(todo_drift).where(todo_drift.c.system == check["system"]))
    put(connection, todo_drift, differences)


def healed(connection: Connection, system: str, keys: Sequence[tuple[str, str]]) -> None:
    """Differences that are no more."""
    for tenant, called in keys:
        d = todo_drift.c
        connection.execute(delete(todo_drift).where(d.system == system, d.tenant == tenant, d.source_id == called))
    more = todo_check.c.healed + len(keys)
    connection.execute(update(todo_check).where(todo_check.c.system == system).values(healed=more))


def systems(database: Database) -> list[str]:
    """Those that were ever compared."""
    with database.begin(reading=True) as connection:
        return list(connection.scalars(select(todo_check.c.system).order_by(todo_check.c.system)))
