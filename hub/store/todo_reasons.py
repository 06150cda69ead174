"""What is asked to tell why somebody sees a to-do or does not."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, or_, select

from hub.store.quarantined import CLOSED
from hub.store.substitutes import Whose
from hub.store.tables import quarantine, run
from hub.store.todo_tables import assignment, todo, todo_report

MANY = 500


def identity(connection: Connection, system: str, tenant: str, source_id: str) -> uuid.UUID | None:
    """The hub's id of a to-do by its source's."""
    t = todo.c
    query = select(t.id).where(t.system == system, t.tenant == tenant, t.source_id == source_id)
    return connection.scalar(query)


def alike(connection: Connection, system: str, source_id: str) -> list[tuple[str, str]]:
    """(tenant, id) of to-dos of a system that are called alike: the same id, or one that begins so; some hundreds."""
    t = todo.c
    starts = t.source_id.startswith(source_id[: max(1, len(source_id) // 2)], autoescape=True)
    query = select(t.tenant, t.source_id).where(t.system == system, or_(t.source_id == source_id, starts))
    return [tuple(row) for row in connection.execute(query.order_by(t.source_id).limit(MANY)).tuples()]


def line(connection: Connection, whose: Whose, one: uuid.UUID) -> tuple[uuid.UUID, str] | None:
    """(person, box) of the line that a list has of a to-do; None where it has none."""
    query = select(assignment.c.person, assignment.c.box).where(assignment.c.todo == one, whose.rows())
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.person, row.box)


def late(connection: Connection, one: uuid.UUID) -> list[dict[str, Any]]:
    """Reports of a to-do of which something came too late, the newest first."""
    query = select(todo_report).where(todo_report.c.todo == one).order_by(todo_report.c.number.desc()).limit(MANY)
    return [dict(row) for row in connection.execute(query).mappings() if row["ignored"]]


def set_aside(connection: Connection, exchanges: Collection[str], source_id: str) -> list[tuple[str, str, str]]:
    """(exchange, code, id of the entry) of records called so that are open in the quarantine."""
    q = quarantine.c
    named = or_(q.key == source_id, q.key.contains(f'"{source_id}"', autoescape=True))
    query = select(q.exchange, q.code, q.id).where(
        q.exchange.in_(list(exchanges)), q.state.not_in(CLOSED), named
    )
    return [(name, code, str(entry)) for name, code, entry in connection.execute(query).tuples()]


def last_runs(connection: Connection, exchanges: Sequence[str]) -> dict[str, tuple[str, Any, Any]]:
    """Exchange → (state, when it began, its error) of its last run."""
    found = {}
    for name in exchanges:
        query = select(run.c.state, run.c.started_at, run.c.error).where(run.c.exchange == name)
        row = connection.execute(query.order_by(run.c.started_at.desc()).limit(1)).one_or_none()
        if row is not None:
            found[name] = (row.state, row.started_at, row.error)
    return found
