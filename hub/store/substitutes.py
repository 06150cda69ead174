"""Who stands in for whom, and what a person's list is made of because of it.

Nothing is stored per to-do: a list asks for the rows of everybody whom the person stands in for at that moment. So it
begins and ends by its dates alone, and what changes for one changes for the other in the same commit.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Text,
    and_,
    bindparam,
    cast,
    false,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from hub.store import listing
from hub.store.database import Database
from hub.store.review_tables import redirect
from hub.store.substitute_tables import substitution
from hub.store.todo_tables import assignment, todo

SUBSTITUTE = substitution.c.substitute
"""The side of who stands in."""
MINE = and_(assignment.c.person == bindparam("person"), assignment.c.lead)
"""``Whose.rows`` of who stands in for nobody, with the person as a parameter."""


@dataclass(frozen=True, slots=True)
class Substitution:
    """``substitute`` sees what ``principal`` has to do, from ``since`` to before ``until``; only ``todo``, or only of
    ``systems``, where they are given."""

    id: uuid.UUID
    principal: uuid.UUID
    substitute: uuid.UUID
    todo: uuid.UUID | None
    systems: Sequence[str]
    since: dt.datetime
    until: dt.datetime
    reason: str
    made_by: str
    made_at: dt.datetime
    ended_at: dt.datetime | None = None

    def state(self, moment: dt.datetime) -> str:
        """coming, now, over, or ended by hand."""
        if self.ended_at is not None:
            return "ended"
        return "coming" if moment < self.since else "now" if moment < self.until else "over"


@dataclass(frozen=True, slots=True)
class Whose:
    """A person, and for whom he stands in at a moment; ``names`` are what those are shown as."""

    person: uuid.UUID
    others: tuple[Substitution, ...] = ()
    names: Mapping[uuid.UUID, str] = field(default_factory=dict)

    @property
    def persons(self) -> list[uuid.UUID]:
        """Whose assignments there may be in his list."""
        return [self.person, *sorted({one.principal for one in self.others})]

    def mark(self, person: uuid.UUID) -> Mapping[str, Any] | None:
        """For whom he has what is this person's; None for his own."""
        return None if person == self.person else {"person": person, "name": self.names.get(person, "")}

    def rows(self) -> ColumnElement[bool]:
        """The assignments that his list is made of: one for each to-do. His own counts, whatever it is for him (who
        began it does not decide it for another); of several whom he stands in for, the one with the lowest id."""
        mine = and_(assignment.c.person == self.person, assignment.c.lead)
        if not self.others:
            return mine
        principals = sorted({one.principal for one in self.others})
        parts: list[ColumnElement[bool]] = [mine]
        for number, principal in enumerate(principals):
            other = aliased(assignment)
            before = [other.c.person == self.person]
            before += [self._of(other, known) for known in principals[:number]]
            again = select(other.c.todo).where(other.c.todo == assignment.c.todo, other.c.lead, or_(*before))
            parts.append(and_(self._of(assignment, principal), assignment.c.lead, not_(again.exists())))
        return or_(*parts)

    def _of(self, rows: FromClause, principal: uuid.UUID) -> ColumnElement[bool]:
        """What he sees of a principal's rows: what is to be done, of those systems, or those to-dos."""
        reach: list[ColumnElement[bool]] = []
        for one in self.others:
            if one.principal == principal:
                bounds = [rows.c.todo == one.todo] if one.todo is not None else []
                bounds += [rows.c.system.in_(one.systems)] if one.systems else []
                reach.append(and_(*bounds) if bounds else rows.c.person == principal)
        return and_(rows.c.person == principal, rows.c.box == "to_do", or_(false(), *reach))


def standing_in(database: Database, person: uuid.UUID, moment: dt.datetime) -> list[Substitution]:
    """For whom a person stands in at a moment, by id."""
    with database.begin(reading=True) as connection:
        every = of(connection, person, (SUBSTITUTE,))
    now = [one for one in every if one.state(moment) == "now" and one.principal != person]
    return sorted(now, key=lambda one: one.id)


def stands_in(person: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
    """Whether somebody ever stood in for another, or who was merged into him did."""
    named = select(substitution.c.id).where(person == SUBSTITUTE)
    merged = select(substitution.c.id).join(redirect, redirect.c.entity == SUBSTITUTE)
    return or_(named.exists(), merged.where(redirect.c.target == person).exists())


def of(connection: Connection, person: uuid.UUID, sides: Iterable[Any]) -> list[Substitution]:
    """Substitutions in which a person is on one of these sides, with persons as they are after merges."""
    called = select(redirect.c.entity).where(redirect.c.target == person)
    there = or_(*(or_(side == person, side.in_(called)) for side in sides))
    found = [Substitution(**row) for row in connection.execute(select(substitution).where(there)).mappings()]
    if not found:
        return []
    named = {one for row in found for one in (row.principal, row.substitute)}
    query = select(redirect.c.entity, redirect.c.target).where(redirect.c.entity.in_(named))
    ends = dict(connection.execute(query).tuples().all())
    if not ends:
        return found
    return [
        Substitution(
            row.id, ends.get(row.principal, row.principal), ends.get(row.substitute, row.substitute), row.todo,
            row.systems, row.since, row.until, row.reason, row.made_by, row.made_at, row.ended_at,
        )
        for row in found
    ]  # fmt: skip


def add(connection: Connection, one: Substitution) -> None:
    """Keep it."""
    names = [column.name for column in substitution.columns]
    values = {name: getattr(one, name) for name in names} | {"systems": list(one.systems)}
    connection.execute(substitution.insert().values(values))


def end(connection: Connection, identity: uuid.UUID, moment: dt.datetime) -> bool:
    """Whether it was still to come or going on, and is ended now."""
    s = substitution.c
    ended = update(substitution).where(s.id == identity, s.ended_at.is_(None), s.until > moment).values(ended_at=moment)
    return bool(connection.execute(ended).rowcount)


def find(connection: Connection, identity: uuid.UUID) -> Substitution | None:
    row = connection.execute(select(substitution).where(substitution.c.id == identity)).mappings().one_or_none()
    return None if row is None else Substitution(**row)


def listed(
    database: Database,
    person: uuid.UUID | None,
    systems: Collection[str] | None,
    after: Sequence[Any] | None,
    limit: int,
) -> list[Substitution]:
    """Those of a person, on either side, or all, as far as they concern ``systems`` (None: all of them); the newest
    first. ``after`` is (id,)."""
    query = select(substitution)
    if systems is not None:
        query = query.where(_concerns(systems))
    if person is not None:
        s = substitution.c
        called = select(redirect.c.entity).where(redirect.c.target == person)
        query = query.where(or_(*(or_(side == person, side.in_(called)) for side in (s.principal, s.substitute))))
    with database.begin(reading=True) as connection:
        rows = connection.execute(listing.back(query, [substitution.c.id], after, limit)).mappings()
        return [Substitution(**row) for row in rows]


def _concerns(systems: Collection[str]) -> ColumnElement[bool]:
    """Which are of to-dos of these systems: named so, of one to-do of theirs, or of all to-dos of somebody who has some
    of theirs."""
    s, a = substitution.c, assignment.c
    named = cast(s.systems, Text)
    now_called = select(redirect.c.target).where(redirect.c.entity == s.principal).scalar_subquery()
    his = select(a.todo).where(a.person.in_((s.principal, now_called)), a.system.in_(systems))
    theirs = select(todo.c.id).where(todo.c.id == s.todo, todo.c.system.in_(systems))
    return or_(
        *(named.contains(f'"{name}"', autoescape=True) for name in sorted(systems)),
        and_(named == "[]", s.todo.is_(None), his.exists()),
        and_(named == "[]", s.todo.is_not(None), theirs.exists()),
    )


def has(connection: Connection, identity: uuid.UUID, person: uuid.UUID) -> str | None:
    """The system of a to-do that a person has to do; None where he has not."""
    a = assignment.c
    query = select(todo.c.system).join_from(todo, assignment, a.todo == todo.c.id)
    return connection.scalar(query.where(todo.c.id == identity, a.person == person, a.box == "to_do").limit(1))
