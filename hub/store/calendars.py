"""Secret addresses of calendars in the store: never the secret, only its digest."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, or_, select, update

from hub.store.database import Database
from hub.store.feed_tables import todo_calendar
from hub.store.review_tables import redirect


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """One address of a person; ``digest`` is the SHA-256 of its secret, in hex."""

    id: uuid.UUID
    person: uuid.UUID
    digest: str
    made_at: dt.datetime
    made_by: str
    revoked_at: dt.datetime | None = None


def add(connection: Connection, row: CalendarRow) -> None:
    """Keep it."""
    names = [column.name for column in todo_calendar.columns]
    connection.execute(todo_calendar.insert().values({name: getattr(row, name) for name in names}))


def find(database: Database, digest: str) -> CalendarRow | None:
    """The one of a secret that is not revoked."""
    c = todo_calendar.c
    with database.begin(reading=True) as connection:
        query = select(todo_calendar).where(c.digest == digest, c.revoked_at.is_(None))
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else CalendarRow(**row)


def of_person(database: Database, person: uuid.UUID) -> list[CalendarRow]:
    """All of a person, the oldest first."""
    with database.begin(reading=True) as connection:
        query = select(todo_calendar).where(_his(person)).order_by(todo_calendar.c.id)
        return [CalendarRow(**row) for row in connection.execute(query).mappings()]


def revoke(
    connection: Connection, person: uuid.UUID, identity: uuid.UUID | None, moment: dt.datetime
) -> list[uuid.UUID]:
    """One of a person, or all of them; answers which were not revoked before."""
    c = todo_calendar.c
    query = update(todo_calendar).where(_his(person), c.revoked_at.is_(None))
    if identity is not None:
        query = query.where(c.id == identity)
    return list(connection.scalars(query.values(revoked_at=moment).returning(c.id)))


def _his(person: uuid.UUID) -> ColumnElement[bool]:
    """Also what was made for somebody who was merged into him."""
    called = select(redirect.c.entity).where(redirect.c.target == person)
    return or_(todo_calendar.c.person == person, todo_calendar.c.person.in_(called))
