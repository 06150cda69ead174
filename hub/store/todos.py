"""To-dos as stored: read for joining, written whole, listed for a person."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    tuple_,
    update,
)

from hub.store import listing, wake
from hub.store.act_tables import act
from hub.store.acts import his
from hub.store.database import Database
from hub.store.many import among, batches, put
from hub.store.moves import leave, touched
from hub.store.prepared import one_of
from hub.store.review_tables import redirect
from hub.store.substitutes import MINE, Whose
from hub.store.tables import model_seq
from hub.store.todo_tables import assignment, todo, todo_report

MEMBER = "member:"
"""Begins the receiver of a row that somebody has as a member of a group: member:PERSON:group:VALUE."""
BOXES = ("to_do", "to_read", "initiated", "done")
"""Where a to-do lies for somebody; the first of several counts."""
OPEN = ("to_do", "to_read")
"""Of these what is not over for him."""


def is_member(receiver: str) -> bool:
    """Whether a row is that of a group's member; no system reported it, so it has no registers."""
    return receiver.startswith(MEMBER)


@dataclass(frozen=True, slots=True)
class Near:
    """Receivers that a change of people may concern: of these persons, or called so (KIND:VALUE)."""

    persons: Collection[uuid.UUID]
    called: Collection[str]


@dataclass(slots=True)
class Stored:
    """A to-do's row, the rows of its receivers by name, how many reports there were, and the last commit that had one:
    also one that changed nothing."""

    row: dict[str, Any]
    receivers: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: int = 0
    heard: int = 0
    members: dict[str, dict[str, Any]] = field(default_factory=dict)  # rows of the members of groups


def find(connection: Connection, keys: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Stored]:
    """To-dos by (system, tenant, id of the source)."""
    found: dict[tuple[str, str, str], Stored] = {}
    places: dict[tuple[str, str], list[str]] = {}
    for system, tenant, source in keys:
        places.setdefault((system, tenant), []).append(source)
    for (system, tenant), some in [(place, some) for place, ids in places.items() for some in batches(ids)]:
        named = among(connection, todo.c.source_id, some)
        by_id: dict[uuid.UUID, Stored] = {}
        query = select(*_TODO).where(todo.c.system == system, todo.c.tenant == tenant, named)
        for row in _read(connection, query):
            one = by_id[row["id"]] = Stored(row)
            found[row["system"], row["tenant"], row["source_id"]] = one
        ids = list(by_id)
        of_them = among(connection, assignment.c.todo, ids)
        for row in _read(connection, select(*_ASSIGNMENT).where(of_them)):
            to = by_id[row["todo"]]
            (to.members if is_member(row["receiver"]) else to.receivers)[row["receiver"]] = row
        last = select(todo_report.c.todo, func.max(todo_report.c.number), func.max(todo_report.c.seq)).where(
            among(connection, todo_report.c.todo, ids)
        )
        for identity, number, seq in connection.execute(last.group_by(todo_report.c.todo)).tuples().all():
            by_id[identity].reports, by_id[identity].heard = number, seq
    return found


def _texts(table: Table) -> list[ColumnElement[Any]]:
    """A table's columns, with JSON as text: SQLAlchemy's reader of it takes four times as long as orjson's."""
    return [cast(one, Text).label(one.name) if isinstance(one.type, JSON) else one for one in table.columns]


_TODO, _ASSIGNMENT = _texts(todo), _texts(assignment)
_JSONS = {one.name for table in (todo, assignment) for one in table.columns if isinstance(one.type, JSON)}


def _read(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    """Rows of ``_texts``."""
    result = connection.execute(query)
    names = list(result.keys())
    rows = [dict(zip(names, row, strict=True)) for row in result.tuples().all()]
    for row in rows:
        for name in _JSONS:
            if (text := row.get(name)) is not None:
                row[name] = orjson.loads(text)
    return rows


def write(
    connection: Connection,
    todos: Sequence[Mapping[str, Any]],
    assignments: Sequence[Mapping[str, Any]],
    reports: Sequence[Mapping[str, Any]],
) -> None:
    """Rows as they are from now on; who listens is woken."""
    for table, rows in ((todo, todos), (assignment, assignments), (todo_report, reports)):
        put(connection, table, rows)
    wake.call(connection)


def forget(connection: Connection, upto: Mapping[uuid.UUID, int]) -> None:
    """The oldest lines of the histories of to-dos, up to a number of each."""
    for identity, number in upto.items():
        old = and_(todo_report.c.todo == identity, todo_report.c.number <= number)
        connection.execute(todo_report.delete().where(old))


# ------------------------------------------------------------ a person's list


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a person's to-dos is wanted. ``order``: newest, oldest, due or priority."""

    box: str = "to_do"
    systems: Sequence[str] = ()
    definitions: Sequence[str] = ()
    priority: int | None = None
    read: bool | None = None
    due_before: dt.datetime | None = None
    text: str = ""
    order: str = "newest"


SHOWN = (
    todo.c.id, todo.c.system, todo.c.tenant, todo.c.source_id, todo.c.status, todo.c.title, todo.c.content,
    todo.c.changed_at, assignment.c.person, assignment.c.receiver, assignment.c.box, assignment.c.outcome,
    assignment.c.read, assignment.c.urges, assignment.c.since, assignment.c.due_at, assignment.c.priority,
    assignment.c.seq,
)  # fmt: skip


def listed(
    database: Database,
    whose: Whose,
    wanted: Wanted,
    systems: Sequence[str] | None,
    after: Sequence[Any] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """A page of what a person has; ``systems`` are those that the caller may see (None: all). ``after`` is the
    last one's place (``place``). ``acted`` tells of which to-dos he has acts (``acts.latest``)."""
    asked = {
        "seen": systems,
        "systems": wanted.systems or None,
        "definitions": wanted.definitions or None,
        "priority": wanted.priority,
        "read": wanted.read,
        "due_before": wanted.due_before,
        "text": _escaped(wanted.text) or None,
    }
    values: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    values |= {"box": wanted.box, "limit": limit, "reader": whose.person}
    values |= {f"after_{number}": value for number, value in enumerate(after or ()) if value is not None}

    def query() -> Select[Any]:
        return _page(database.dialect, whose, wanted.order, frozenset(values), after is not None)

    if whose.others:  # a query of its own for each such person
        with database.begin(reading=True) as connection:
            return [dict(row) for row in connection.execute(query(), values).mappings()]
    shape = ("todos_listed", wanted.order, frozenset(values), after is not None)
    return database.rows(shape, query, values | {"person": whose.person})


def _page(dialect: str, whose: Whose, order: str, given: Collection[str], going_on: bool) -> Select[Any]:
    """The page's query, with the parameters that are given."""
    a = assignment.c
    acted = select(act.c.id).where(act.c.todo == a.todo, his("reader")).exists()
    query = _lead(select(*SHOWN, acted.label("acted")), _rows(whose)).where(a.box == bindparam("box"))
    for name, column in (("seen", a.system), ("systems", a.system), ("definitions", a.definition)):
        if name in given:
            query = query.where(one_of(dialect, column, name))
    if "priority" in given:
        query = query.where(a.priority == bindparam("priority"))
    if "read" in given:
        query = query.where(a.read == bindparam("read"))
    if "due_before" in given:
        query = query.where(a.due_at < bindparam("due_before"))
    if "text" in given:
        query = query.where(todo.c.title.icontains(bindparam("text"), escape="/"))
    return _ordered(query, order, given, going_on)


def _escaped(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


def place(row: Mapping[str, Any], order: str) -> list[Any]:
    """Where a row stands in an order: what ``after`` takes."""
    match order:
        case "due":
            return [row["due_at"] or "", row["id"]]
        case "priority":
            return [row["priority"], row["since"], row["id"]]
    return [row["since"], row["id"]]


def _ordered(query: Select[Any], order: str, given: Collection[str], going_on: bool) -> Select[Any]:
    """With the rows after the place of the parameters ``after_0`` …, where it goes on."""
    since, due, identity = assignment.c.since, assignment.c.due_at, assignment.c.todo
    limit: Any = bindparam("limit", type_=Integer)
    if order == "due":  # without a date: last, by id
        if going_on:
            behind = and_(due.is_(None), identity > bindparam("after_1", type_=identity.type))
            if "after_0" in given:
                behind = or_(and_(due.is_not(None), tuple_(due, identity) > _place([due, identity])), due.is_(None))
            query = query.where(behind)
        return query.order_by(due.is_(None), due, identity).limit(limit)
    columns: list[Any] = [assignment.c.priority, since, identity] if order == "priority" else [since, identity]
    upwards = order == "oldest"
    if going_on:
        rows = tuple_(*columns)
        query = query.where(rows > _place(columns) if upwards else rows < _place(columns))
    return query.order_by(*(column if upwards else column.desc() for column in columns)).limit(limit)


def _place(columns: Sequence[ColumnElement[Any]]) -> Any:
    return tuple_(*(bindparam(f"after_{number}", type_=column.type) for number, column in enumerate(columns)))


def _lead(query: Select[Any], rows: ColumnElement[bool]) -> Select[Any]:
    return query.join_from(assignment, todo, todo.c.id == assignment.c.todo).where(rows)


def _rows(whose: Whose) -> ColumnElement[bool]:
    return whose.rows() if whose.others else MINE


def counts(
    database: Database, whose: Whose, systems: Sequence[str] | None
) -> list[tuple[str, str, int, bool, int]]:
    """How many a person has: (box, system, priority, read, count)."""
    a = assignment.c
    groups = (a.box, a.system, a.priority, a.read)

    def query() -> Select[Any]:
        made = select(*groups, func.count().label("count")).where(_rows(whose), a.box != "").group_by(*groups)
        return made if systems is None else made.where(one_of(database.dialect, a.system, "seen"))

    values: dict[str, Any] = {} if systems is None else {"seen": systems}
    if whose.others:
        with database.begin(reading=True) as connection:
            return [tuple(row) for row in connection.execute(query(), values)]
    rows = database.rows(("todos_counts", systems is None), query, values | {"person": whose.person})
    return [tuple(row.values()) for row in rows]


# ------------------------------------------------------------ one to-do


def one(database: Database, identity: uuid.UUID) -> Stored | None:
    """A to-do with all its receivers."""
    with database.begin(reading=True) as connection:
        row = connection.execute(select(todo).where(todo.c.id == identity)).mappings().one_or_none()
        if row is None:
            return None
        rows = connection.execute(select(assignment).where(assignment.c.todo == identity)).mappings()
        return Stored(dict(row), {row["receiver"]: dict(row) for row in rows})


def held(database: Database, whose: Whose, identity: uuid.UUID) -> dict[str, Any] | None:
    """A to-do as a line of the list of somebody who has it, or who stands in for one; None where he has it not."""
    query = _lead(select(*SHOWN), whose.rows()).where(todo.c.id == identity, assignment.c.box != "")
    with database.begin(reading=True) as connection:
        row = connection.execute(query).mappings().one_or_none()
        return None if row is None else dict(row)


def history(database: Database, identity: uuid.UUID, limit: int = 200) -> list[dict[str, Any]]:
    """What was reported of a to-do, the newest first."""
    query = select(todo_report).where(todo_report.c.todo == identity)
    with database.begin(reading=True) as connection:
        rows = connection.execute(query.order_by(todo_report.c.number.desc()).limit(limit)).mappings()
        return [dict(row) for row in rows]


# ------------------------------------------------------------ receivers without a person


def unresolved(
    database: Database, systems: Sequence[str] | None, after: Sequence[Any] | None, limit: int
) -> list[tuple[str, str, str, int]]:
    """(system, receiver, why, how many to-dos) of receivers that no person is known for; ``after`` is
    (system, receiver)."""
    a = assignment.c
    query = (
        select(a.system, a.receiver, a.unresolved, func.count())
        .where(a.person.is_(None), a.unresolved != "", a.box != "")
        .group_by(a.system, a.receiver, a.unresolved)
    )
    if systems is not None:
        query = query.where(a.system.in_(systems))
    query = listing.on(query, [a.system, a.receiver], after, limit)
    with database.begin(reading=True) as connection:
        return [tuple(row) for row in connection.execute(query)]


def receivers(connection: Connection, near: Near | None) -> list[tuple[str, str, uuid.UUID | None]]:
    """(system, receiver, person) of assignments: those without a person and those ``near``, or with None all."""
    a = assignment.c
    query = select(a.system, a.receiver, a.person).where(~a.receiver.startswith(MEMBER)).distinct()
    if near is None:
        return [tuple(row) for row in connection.execute(query)]
    found = {tuple(row) for row in connection.execute(query.where(a.person.is_(None)))}
    for column, values in ((a.person, near.persons), (a.receiver, near.called)):
        for some in batches(values):
            found |= {tuple(row) for row in connection.execute(query.where(among(connection, column, some)))}
    return sorted(found, key=str)


def stamp(database: Database, model: str) -> tuple[int, int]:
    """What changes with persons: the last commit of their model, and how many of them were merged away."""
    commit = select(model_seq.c.seq).where(model_seq.c.model == model)
    merged = select(func.count()).select_from(redirect).where(redirect.c.model == model)
    with database.begin(reading=True) as connection:
        return connection.scalar(commit) or 0, connection.scalar(merged) or 0


def give(
    connection: Connection,
    system: str,
    receiver: str,
    person: uuid.UUID | None,
    why: str,
    seq: int,
    moment: dt.datetime,
) -> list[uuid.UUID]:
    """The person of all assignments of a receiver; answers whose they are. Who had them is told."""
    a = assignment.c
    others = and_(a.system == system, a.receiver == receiver, a.person.is_distinct_from(person))
    before = connection.execute(select(a.todo, a.person).where(others)).tuples().all()
    connection.execute(update(assignment).where(others).values(person=person, unresolved=why, seq=seq))
    leave(connection, ((old, identity, system) for identity, old in before if old is not None), seq, moment)
    identities = [identity for identity, _ in before]
    touched(connection, identities, seq)
    wake.call(connection)
    return identities


def relead(connection: Connection, identities: Sequence[uuid.UUID]) -> None:
    """Mark anew the ``leading`` assignments of these to-dos."""
    a = assignment.c
    for some in batches(identities):
        of_them = among(connection, a.todo, some)
        connection.execute(update(assignment).where(of_them).values(lead=False))
        rows = connection.execute(select(a.todo, a.receiver, a.person, a.box).where(of_them)).tuples()
        for identity, receiver in leading(rows.all()):
            connection.execute(
                update(assignment).where(a.todo == identity, a.receiver == receiver).values(lead=True)
            )


def leading(
    rows: Iterable[tuple[uuid.UUID, str, uuid.UUID | None, str]],
) -> set[tuple[uuid.UUID, str]]:
    """Of (to-do, receiver, person, box) the one (to-do, receiver) per person that his list shows, where he has it
    by several accounts: by box, then by receiver. Who has done his part has it no more as a member of a group."""
    seen = [row for row in rows if row[2] is not None and row[3]]
    done = {(row[0], row[2]) for row in seen if row[3] == "done" and not is_member(row[1])}
    seen = [row for row in seen if not (is_member(row[1]) and (row[0], row[2]) in done)]
    first: dict[tuple[uuid.UUID, uuid.UUID | None], str] = {}
    for identity, receiver, person, _ in sorted(seen, key=lambda row: (BOXES.index(row[3]), row[1])):
        first.setdefault((identity, person), receiver)
    return {(identity, receiver) for (identity, _), receiver in first.items()}
