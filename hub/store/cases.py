"""The hub's own open cases, and the to-dos that stand for them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, func, select

from hub.store import tables
from hub.store.review_tables import review
from hub.store.todo_tables import assignment, todo
from hub.store.todos import MEMBER


@dataclass(frozen=True, slots=True)
class Waiting:
    """A plan that a guard holds, without a consent that still holds."""

    id: uuid.UUID
    exchange: str
    counts: Mapping[str, int]
    created_at: dt.datetime
    expires_at: dt.datetime | None


def plans(connection: Connection, moment: dt.datetime) -> list[Waiting]:
    """Plans that wait for an approval."""
    plan, approval = tables.plan, tables.approval
    consent = exists().where(approval.c.plan_id == plan.c.id, approval.c.expires_at > moment)
    query = select(plan).where(plan.c.state == "open", ~consent)
    return [
        Waiting(row["id"], row["exchange"], row["counts"], row["created_at"], row["expires_at"])
        for row in connection.execute(query).mappings()
        if row["verdict"].get("breaches") and (row["expires_at"] is None or row["expires_at"] > moment)
    ]


def reviews(connection: Connection) -> dict[str, int]:
    """Open reviews: exchange → how many."""
    query = select(review.c.exchange, func.count()).where(review.c.state == "open").group_by(review.c.exchange)
    return {name: count for name, count in connection.execute(query).tuples()}


def reviews_of(
    connection: Connection, exchanges: Collection[str]
) -> list[tuple[uuid.UUID, str, str, str, dt.datetime]]:
    """(id, exchange, model, code, opened) of the open reviews of these exchanges."""
    r = review.c
    query = select(r.id, r.exchange, r.model, r.code, r.opened_at)
    return [
        tuple(row) for row in connection.execute(query.where(r.state == "open", r.exchange.in_(exchanges)))
    ]


def causes(connection: Connection) -> list[tuple[str, str, str, str]]:
    """(exchange, cause, code, field) for which records stand set aside; what waits goes on by itself."""
    q = tables.quarantine.c
    query = select(q.exchange, q.cause, q.code, q.field).where(q.state.in_(("quarantined", "refused"))).distinct()
    return [tuple(row) for row in connection.execute(query)]


def unresolved(connection: Connection) -> list[str]:
    """Systems whose to-dos have receivers without a person."""
    a = assignment.c
    query = select(a.system).where(a.person.is_(None), a.unresolved != "", a.box != "").distinct()
    return list(connection.scalars(query))


def standing(connection: Connection, system: str, final: Collection[str]) -> dict[str, tuple[Any, frozenset[str]]]:
    """The to-dos of a system that are not over: id → content, and who has it to do."""
    t, a = todo.c, assignment.c
    found: dict[str, tuple[Any, set[str]]] = {}
    query = select(t.source_id, t.content, a.receiver).join_from(
        todo, assignment, (a.todo == t.id) & (a.box == "to_do") & ~a.receiver.startswith(MEMBER), isouter=True
    )
    for source, content, receiver in connection.execute(
        query.where(t.system == system, t.tenant == "", t.status.not_in(final))
    ):
        found.setdefault(source, (content, set()))[1].add(receiver)
    return {source: (content, frozenset(names - {None})) for source, (content, names) in found.items()}


def times(connection: Connection, system: str, base: str) -> int:
    """How often there was a to-do of this case."""
    t = todo.c
    query = select(func.count()).where(t.system == system, t.source_id.startswith(f"{base}#", autoescape=True))
    return connection.scalar(query) or 0
