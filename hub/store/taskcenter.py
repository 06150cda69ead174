"""To-dos in the order of their changes, as SAP Task Center pulls them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import literal, or_, select

from hub.store.database import Database
from hub.store.many import among, batches
from hub.store.moves import MILLISECOND
from hub.store.todo_tables import assignment, todo

Task = tuple[dict[str, Any], list[dict[str, Any]]]
"""A to-do, and the rows of the persons who have it."""


def changed(
    database: Database, systems: Sequence[str] | None, since: dt.datetime, last: uuid.UUID | None, limit: int
) -> list[Task]:
    """Changed at that millisecond with a greater id, or later; without ``last``, at that millisecond or later. The
    oldest first, then by id; of ``systems`` (None: all)."""
    query = select(todo).where(todo.c.changed_at >= since)
    if last is not None:
        later = todo.c.changed_at >= since + MILLISECOND
        query = query.where(or_(later, todo.c.id > literal(last, todo.c.id.type)))
    if systems is not None:
        query = query.where(todo.c.system.in_(systems))
    return _with_people(database, query.order_by(todo.c.changed_at, todo.c.id).limit(limit))


def newest(database: Database, systems: Sequence[str] | None, limit: int) -> list[dict[str, Any]]:
    """The to-dos that changed last."""
    query = select(todo).order_by(todo.c.changed_at.desc(), todo.c.id.desc()).limit(limit)
    if systems is not None:
        query = query.where(todo.c.system.in_(systems))
    with database.begin(reading=True) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def one(database: Database, systems: Sequence[str] | None, identity: uuid.UUID) -> Task | None:
    """A to-do of ``systems`` (None: all)."""
    found = _with_people(database, select(todo).where(todo.c.id == identity))
    return found[0] if found and (systems is None or found[0][0]["system"] in systems) else None


def _with_people(database: Database, query: Any) -> list[Task]:
    with database.begin(reading=True) as connection:
        rows: dict[uuid.UUID, Task] = {row["id"]: (dict(row), []) for row in connection.execute(query).mappings()}
        a = assignment.c
        for some in batches(rows):
            seen = select(assignment).where(among(connection, a.todo, some), a.lead, a.box != "", a.person.is_not(None))
            for row in connection.execute(seen.order_by(a.receiver)).mappings():
                rows[row["todo"]][1].append(dict(row))
    return list(rows.values())
