"""What changed in lists of to-dos since a place in the sequence of commits.

Every writer of to-dos holds the row of its sequence until it commits, so commits follow their numbers: what is seen
of the tables at any moment is everything up to some number, and nothing with a lower one comes later.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, delete, func, literal, or_, select, union_all, update

from hub.store.database import Database
from hub.store.feed_tables import todo_left
from hub.store.many import among, batches
from hub.store.moves import SEQUENCE
from hub.store.substitutes import Whose
from hub.store.tables import model_seq
from hub.store.todo_tables import assignment, todo
from hub.store.todos import SHOWN

FORGOTTEN: Final = "@todo_left"
"""Up to which number removals are remembered no more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands: behind a to-do of a commit, or behind all of it (None)."""

    seq: int = 0
    todo: uuid.UUID | None = None


@dataclass(slots=True)
class Changes:
    """To-dos that changed, in the order of commits, and the rows of those that are (still) to be seen.

    ``upto`` is the last commit there was, ``forgotten`` the last one whose removals are not known any more."""

    upto: int
    found: list[tuple[uuid.UUID, int]]
    rows: dict[uuid.UUID, dict[str, Any]] = field(default_factory=dict)
    receivers: dict[uuid.UUID, list[dict[str, Any]]] = field(default_factory=dict)
    forgotten: int = 0


def of_person(
    database: Database, whose: Whose, systems: Sequence[str] | None, place: Place, limit: int
) -> Changes:
    """What changed of the to-dos of a person and those for whom he stands in, in ``systems`` (None: all), with the
    line that his list shows."""
    parts = []
    for table in (assignment, todo_left):
        part = select(table.c.todo, table.c.seq).where(table.c.person.in_(whose.persons), table.c.seq >= place.seq)
        parts.append(part if systems is None else part.where(table.c.system.in_(systems)))
    each = union_all(*parts).subquery()
    last = select(each.c.todo.label("todo"), func.max(each.c.seq).label("seq")).group_by(each.c.todo).subquery()
    query = _behind(select(last.c.todo, last.c.seq), last.c, place, limit)
    with database.begin(reading=True) as connection:
        found = _found(connection, query)
        shown = select(*SHOWN).join_from(assignment, todo, todo.c.id == assignment.c.todo)
        shown = shown.where(whose.rows())
        for some in batches([identity for identity, _ in found.found]):
            for row in connection.execute(shown.where(among(connection, assignment.c.todo, some))).mappings():
                found.rows[row["id"]] = dict(row)
        found.forgotten = _number(connection, FORGOTTEN)
    return found


def of_all(database: Database, systems: Sequence[str] | None, place: Place, limit: int) -> Changes:
    """What changed of all to-dos of ``systems`` (None: all), with everybody who has them."""
    query = select(todo.c.id.label("todo"), todo.c.seq).where(todo.c.seq >= place.seq)
    if systems is not None:
        query = query.where(todo.c.system.in_(systems))
    each = query.subquery()
    with database.begin(reading=True) as connection:
        found = _found(connection, _behind(select(each.c.todo, each.c.seq), each.c, place, limit))
        _fill(connection, found)
    return found


def of_these(database: Database, identities: Sequence[uuid.UUID]) -> Changes:
    """These to-dos as if they had just changed, with everybody who has them."""
    with database.begin(reading=True) as connection:
        upto = _number(connection, SEQUENCE)
        found = Changes(upto, [(identity, upto) for identity in identities])
        _fill(connection, found)
    return found


def _fill(connection: Connection, found: Changes) -> None:
    """The rows of the to-dos that were found, and of everybody who has them."""
    for some in batches([identity for identity, _ in found.found]):
        for row in connection.execute(select(todo).where(among(connection, todo.c.id, some))).mappings():
            found.rows[row["id"]] = dict(row)
        a = assignment.c
        anybody = or_(a.lead, and_(a.person.is_(None), a.unresolved != ""))  # a group is its members
        seen = select(assignment).where(among(connection, a.todo, some), a.box != "", anybody)
        for row in connection.execute(seen.order_by(a.receiver)).mappings():
            found.receivers.setdefault(row["todo"], []).append(dict(row))


def _behind(query: Select[Any], columns: Any, place: Place, limit: int) -> Select[Any]:
    behind = columns.seq > place.seq
    if place.todo is not None:
        identity = literal(place.todo, todo.c.id.type)
        behind = or_(behind, and_(columns.seq == place.seq, columns.todo > identity))
    return query.where(behind).order_by(columns.seq, columns.todo).limit(limit)


def _found(connection: Connection, query: Select[Any]) -> Changes:
    upto = _number(connection, SEQUENCE)  # first: what is read after it has all of these, and maybe more
    return Changes(upto, [(identity, seq) for identity, seq in connection.execute(query).tuples()])


def latest(database: Database) -> int:
    """The number of the last commit."""
    with database.begin(reading=True) as connection:
        return _number(connection, SEQUENCE)


def forgotten(database: Database) -> int:
    """The number of the last commit whose removals are known no more."""
    with database.begin(reading=True) as connection:
        return _number(connection, FORGOTTEN)


def concerned(database: Database, since: int) -> tuple[int, set[uuid.UUID]]:
    """The last commit, and whose lists changed after ``since``."""
    with database.begin(reading=True) as connection:
        upto = _number(connection, SEQUENCE)
        if upto <= since:
            return upto, set()
        changed = select(assignment.c.person).join_from(todo, assignment, assignment.c.todo == todo.c.id)
        changed = changed.where(todo.c.seq > since, assignment.c.person.is_not(None)).distinct()
        left = select(todo_left.c.person).where(todo_left.c.seq > since).distinct()
        return upto, {*connection.scalars(changed), *connection.scalars(left)}


def sweep(database: Database, before: dt.datetime) -> int:
    """Forget who lost to-dos before a moment; whoever read last before them has to read all anew."""
    with database.begin() as connection:
        gone = connection.scalar(select(func.max(todo_left.c.seq)).where(todo_left.c.left_at < before))
        if gone is None:
            return 0
        done = connection.execute(delete(todo_left).where(todo_left.c.seq <= gone)).rowcount
        known = update(model_seq).where(model_seq.c.model == FORGOTTEN).values(seq=gone)
        if connection.execute(known).rowcount == 0:
            connection.execute(model_seq.insert().values(model=FORGOTTEN, seq=gone))
        return done


def _number(connection: Connection, name: str) -> int:
    return connection.scalar(select(model_seq.c.seq).where(model_seq.c.model == name)) or 0
