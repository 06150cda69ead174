"""To-dos of many persons: lists, counts and their history, within the organizations that somebody may see."""

from __future__ import annotations

import datetime as dt
import operator as operators
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
)

from hub.store import listing
from hub.store.dashboard_tables import todo_count
from hub.store.database import Database
from hub.store.models import entity_table
from hub.store.todo_tables import assignment, todo
from hub.workspace.organization import Organization

NONE: Final = uuid.UUID(int=0)
"""Stands for the organization of who is in none."""
AGES: Final = (("1d", 1), ("3d", 3), ("7d", 7), ("30d", 30))
"""Age up to so many days; what is older is ``older``."""
OLDER: Final = "older"
KEPT_WHOLE: Final = dt.timedelta(days=7)
DIMENSIONS: Final = ("system", "organization", "box", "age")


@dataclass(frozen=True, slots=True)
class Scope:
    """``systems`` and ``roots`` (organizations, each with all below it) that the caller may see, None: all.
    ``within`` is one that it asks for."""

    people: str
    organization: Organization | None
    systems: Sequence[str] | None = None
    roots: Collection[uuid.UUID] | None = None
    within: uuid.UUID | None = None


COLUMNS: Final[Mapping[str, Column[Any]]] = {
    "todo": assignment.c.todo,
    "person": assignment.c.person,
    "system": assignment.c.system,
    "source_id": todo.c.source_id,
    "status": todo.c.status,
    "definition": assignment.c.definition,
    "box": assignment.c.box,
    "outcome": assignment.c.outcome,
    "read": assignment.c.read,
    "urges": assignment.c.urges,
    "priority": assignment.c.priority,
    "since": assignment.c.since,
    "due": assignment.c.due_at,
    "changed_at": todo.c.changed_at,
}


def _persons(database: Database, scope: Scope) -> Table:
    return database.tables[entity_table(scope.people)]


def _of(database: Database, scope: Scope) -> ColumnElement[Any]:
    if scope.organization is None:
        return literal(None, assignment.c.person.type)
    return _persons(database, scope).c[scope.organization.of]


def below(
    database: Database, wanted: Organization, roots: Collection[uuid.UUID], name: str = "organizations"
) -> Select[Any]:
    """The ids of these organizations and of all below them; a ring ends where it began."""
    units = database.tables[entity_table(wanted.model)]
    tree = select(units.c["_id"].label("id")).where(units.c["_id"].in_(roots)).cte(name, recursive=True)
    if wanted.parent is not None:
        under = select(units.c["_id"]).join(tree, units.c[wanted.parent] == tree.c.id).where(units.c["_state"] < 2)
        tree = tree.union(under)
    return select(tree.c.id)


def _roots(scope: Scope) -> list[tuple[str, Collection[uuid.UUID]]]:
    """Trees that a line must lie in, each by a name of its own."""
    asked = None if scope.within is None else [scope.within]
    return [(name, roots) for name, roots in (("allowed", scope.roots), ("asked", asked)) if roots is not None]


def contains(database: Database, scope: Scope, person: uuid.UUID) -> bool:
    """Whether a person is in the organizations of a scope."""
    persons = _persons(database, scope)
    query = _confined(database, scope, select(persons.c["_id"]).where(persons.c["_id"] == person))
    with database.begin(reading=True) as connection:
        return connection.execute(query).first() is not None


def _confined(database: Database, scope: Scope, query: Select[Any]) -> Select[Any]:
    for name, roots in _roots(scope):
        if scope.organization is None:
            return query.where(literal(False))
        query = query.where(_of(database, scope).in_(below(database, scope.organization, roots, name)))
    return query


def _lines(database: Database, scope: Scope, query: Select[Any]) -> Select[Any]:
    """What leads in somebody's list, within the scope."""
    persons = _persons(database, scope)
    query = query.select_from(assignment).join(persons, persons.c["_id"] == assignment.c.person)
    query = query.where(assignment.c.lead, assignment.c.box != "")
    if scope.systems is not None:
        query = query.where(assignment.c.system.in_(scope.systems))
    return _confined(database, scope, query)


Condition = tuple[str, str, Any]
"""Column, operator (eq, ne, gt, ge, lt, le, in), value; or "" with and, or, and conditions as the value."""


def _holds(condition: Condition) -> ColumnElement[bool]:
    name, operator, value = condition
    match operator:
        case "and":
            return and_(*map(_holds, value))
        case "or":
            return or_(*map(_holds, value))
        case "in":
            return COLUMNS[name].in_(value)
        case "ne":  # null is another value, too
            return COLUMNS[name].is_distinct_from(value)
    column = COLUMNS[name]
    if value is None:
        return column.is_(None)
    made: ColumnElement[bool] = getattr(operators, operator)(column, value)
    return made


def _filtered(query: Select[Any], conditions: Sequence[Condition]) -> Select[Any]:
    return query.where(*map(_holds, conditions))


ORDERS: Final = ("id", "since", "changed_at")


def _keys(order: str) -> list[ColumnElement[Any]]:
    keys: list[ColumnElement[Any]] = [assignment.c.todo, assignment.c.person]
    return keys if order == "id" else [COLUMNS[order], *keys]


def place(row: Mapping[str, Any], order: str = "id") -> list[Any]:
    """Where a line stands in an order: what ``after`` takes."""
    return [*([] if order == "id" else [row[order]]), row["todo"], row["person"]]


def listed(
    database: Database,
    scope: Scope,
    conditions: Sequence[Condition],
    after: Sequence[Any] | None,
    limit: int,
    *,
    skip: int = 0,
    order: str = "id",
    backwards: bool = False,
) -> list[dict[str, Any]]:
    """One line for each to-do of each person, in one of ``ORDERS``; ``after`` is a ``place``."""
    columns = [column.label(name) for name, column in COLUMNS.items()]
    query = select(*columns, todo.c.tenant, todo.c.content, _of(database, scope).label("organization"))
    query = _lines(database, scope, query).join(todo, todo.c.id == assignment.c.todo)
    page = listing.back if backwards else listing.on
    query = page(_filtered(query, conditions), _keys(order), after, limit)
    with database.begin(reading=True) as connection:
        return [dict(row) for row in connection.execute(query.offset(skip) if skip else query).mappings()]


def counted(database: Database, scope: Scope, conditions: Sequence[Condition]) -> int:
    """How many lines there are."""
    query = _lines(database, scope, select(func.count())).join(todo, todo.c.id == assignment.c.todo)
    with database.begin(reading=True) as connection:
        return connection.scalar(_filtered(query, conditions)) or 0


# ------------------------------------------------------------ counts, and their history


def _age(moment: dt.datetime) -> ColumnElement[str]:
    since = assignment.c.since
    steps = [(since > moment - dt.timedelta(days=days), name) for name, days in AGES]
    return case(*steps, else_=OLDER)


def stats(
    database: Database, scope: Scope, by: Sequence[str], conditions: Sequence[Condition], moment: dt.datetime
) -> list[tuple[Any, ...]]:
    """Values of ``by`` (of ``DIMENSIONS``), and how many to-dos."""
    made = {
        "system": assignment.c.system,
        "organization": _of(database, scope),
        "box": assignment.c.box,
        "age": _age(moment),
    }
    groups = [made[name].label(name) for name in by]
    inner = _lines(database, scope, select(*groups)).join(todo, todo.c.id == assignment.c.todo)
    lines = _filtered(inner, conditions).subquery()
    names = [lines.c[name] for name in by]
    query = select(*names, func.count()).select_from(lines).group_by(*names).order_by(*names)
    with database.begin(reading=True) as connection:
        return [tuple(row) for row in connection.execute(query)]


def remember(connection: Connection, at: dt.datetime, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep the counts of an hour: rows of ``stats`` by all dimensions."""
    connection.execute(delete(todo_count).where(todo_count.c.at == at))
    made = [
        {"at": at, "system": system, "organization": organization or NONE, "box": box, "age": age, "count": count}
        for system, organization, box, age, count in rows
    ]
    if made:
        connection.execute(insert(todo_count), made)


def remembered(database: Database) -> dt.datetime | None:
    """The hour that was counted last."""
    with database.begin(reading=True) as connection:
        found: dt.datetime | None = connection.scalar(select(func.max(todo_count.c.at)))
    return found


def thin(connection: Connection, moment: dt.datetime) -> None:
    """Of days longer ago than a week, only the last hour is kept."""
    old = list(connection.scalars(select(todo_count.c.at).where(todo_count.c.at < moment - KEPT_WHOLE).distinct()))
    last = {at.date(): at for at in sorted(old)}
    for at in old:
        if last[at.date()] != at:
            connection.execute(delete(todo_count).where(todo_count.c.at == at))


def history(
    database: Database,
    scope: Scope,
    by: Sequence[str],
    span: tuple[dt.datetime, dt.datetime],
    equal: Mapping[str, Collection[str]],
) -> list[tuple[Any, ...]]:
    """at, values of ``by``, and how many there were."""
    c = todo_count.c
    names = [c.at, *(c[name] for name in by)]
    query = select(*names, func.sum(c.count)).where(c.at >= span[0], c.at < span[1])
    for name, values in equal.items():
        query = query.where(c[name].in_(values))
    if scope.systems is not None:
        query = query.where(c.system.in_(scope.systems))
    for name, roots in _roots(scope):
        if scope.organization is None:
            return []
        query = query.where(c.organization.in_(below(database, scope.organization, roots, name)))
    with database.begin(reading=True) as connection:
        return [tuple(row) for row in connection.execute(query.group_by(*names).order_by(*names))]
