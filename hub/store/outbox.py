"""The outbox as stored: events in the order of their commits, and their way to each subscriber."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, or_, select, update

from hub.store import wake
from hub.store.database import Database, now
from hub.store.journal import Lease, fence
from hub.store.tables import handover, outbox, watermark


@dataclass(frozen=True, slots=True)
class Event:
    """One event, unchanged however often it is sent."""

    id: uuid.UUID
    type: str
    subject: str
    seq: int
    body: Mapping[str, Any]
    created_at: dt.datetime
    published_at: dt.datetime | None = None
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """How far an event came with one subscriber."""

    event: uuid.UUID
    subscriber: str
    state: str = "due"
    attempts: int = 0
    due_at: dt.datetime | None = None
    code: str = ""
    message: str = ""
    subject: str = ""
    at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """What is still to be sent: how much, since when, and when the next try is due."""

    count: int
    oldest: dt.datetime | None


def subjects(database: Database) -> list[str]:
    """Whose events are not published yet."""
    with database.begin(reading=True) as connection:
        query = select(outbox.c.subject).where(outbox.c.published_at.is_(None)).distinct()
        return sorted(connection.scalars(query))


def unpublished(database: Database, subject: str, limit: int) -> list[Event]:
    """The first events of a subject that are not published, in the order of their commits."""
    query = (
        select(outbox)
        .where(outbox.c.published_at.is_(None), outbox.c.subject == subject)
        .order_by(outbox.c.seq, outbox.c.id)
        .limit(limit)
    )
    with database.begin(reading=True) as connection:
        return [_event(row) for row in connection.execute(query)]


def handovers(database: Database, events: Sequence[Event]) -> dict[tuple[uuid.UUID, str], Handover]:
    """What is known of these events' way, by event and subscriber."""
    query = select(handover).where(handover.c.event.in_([event.id for event in events]))
    with database.begin(reading=True) as connection:
        found = [_handover(row) for row in connection.execute(query)]
    return {(one.event, one.subscriber): one for one in found}


def note(database: Database, held: Sequence[Lease], one: Handover) -> None:
    """Remember how a try ended."""
    values = {
        "state": one.state,
        "attempts": one.attempts,
        "due_at": one.due_at or now(),
        "code": one.code,
        "message": one.message,
        "at": now(),
    }
    with database.begin() as connection:
        fence(connection, held)
        mine = (handover.c.event == one.event) & (handover.c.subscriber == one.subscriber)
        if not connection.execute(update(handover).where(mine).values(values)).rowcount:
            connection.execute(handover.insert().values(event=one.event, subscriber=one.subscriber, **values))


def publish(database: Database, held: Sequence[Lease], events: Sequence[uuid.UUID]) -> None:
    """Everybody has these events, or has been tried often enough."""
    with database.begin() as connection:
        fence(connection, held)
        connection.execute(
            update(outbox)
            .where(outbox.c.id.in_(list(events)), outbox.c.published_at.is_(None))
            .values(published_at=now())
        )


def exhausted(database: Database, limit: int = 100) -> list[Handover]:
    """What was tried often enough, newest first."""
    query = (
        select(handover, outbox.c.subject)
        .join(outbox, outbox.c.id == handover.c.event)
        .where(handover.c.state == "exhausted")
        .order_by(handover.c.at.desc())
        .limit(limit)
    )
    with database.begin(reading=True) as connection:
        return [_handover(row, row.subject) for row in connection.execute(query)]


def silent(database: Database, subscribers: Sequence[str], before: dt.datetime) -> dict[str, dt.datetime]:
    """Of these subscribers, those that have taken nothing since an event of theirs was exhausted before then, and when
    the first one was."""
    own, done = handover.c.subscriber, handover.alias("done")
    taken = select(func.max(done.c.at)).where(done.c.subscriber == own, done.c.state == "done").scalar_subquery()
    long = own.in_(subscribers), handover.c.state == "exhausted", handover.c.at < before
    query = select(own, func.min(handover.c.at)).where(*long, or_(taken.is_(None), handover.c.at > taken))
    with database.begin(reading=True) as connection:
        return dict(connection.execute(query.group_by(own)).tuples().all())


def replay(database: Database, subscriber: str | None = None) -> int:
    """Try exhausted events once more, under their old ids; answers how many."""
    chosen = handover.c.state == "exhausted"
    if subscriber is not None:
        chosen &= handover.c.subscriber == subscriber
    with database.begin() as connection:
        events = list(connection.scalars(select(handover.c.event).where(chosen)))
        connection.execute(update(handover).where(chosen).values(state="due", attempts=0, due_at=now()))
        connection.execute(update(outbox).where(outbox.c.id.in_(events)).values(published_at=None))
        wake.call(connection)
    return len(events)


def traces(database: Database, exchange: str, subject: str, limit: int) -> list[str]:
    """Traceparents of the first commits of a model that an exchange has not read."""
    read = select(watermark.c.seq).where(watermark.c.exchange == exchange).scalar_subquery()
    query = (
        select(outbox.c.trace)
        .where(outbox.c.subject == subject, outbox.c.trace != "", outbox.c.seq > func.coalesce(read, 0))
        .order_by(outbox.c.seq)
        .limit(limit)
    )
    with database.begin(reading=True) as connection:
        return list(connection.scalars(query))


def lag(database: Database) -> Lag:
    """How many events are not published, and the oldest."""
    query = select(func.count(), func.min(outbox.c.created_at)).where(outbox.c.published_at.is_(None))
    with database.begin(reading=True) as connection:
        count, oldest = connection.execute(query).one()
    return Lag(count, oldest)


def sweep(database: Database, before: dt.datetime, limit: int = 5_000) -> int:
    """Forget events published before then; what is exhausted stays until it was replayed."""
    open_ = select(handover.c.event).where(handover.c.state == "exhausted")
    old = (
        select(outbox.c.id)
        .where(outbox.c.published_at < before, outbox.c.id.not_in(open_))
        .order_by(outbox.c.published_at)
        .limit(limit)
    )
    with database.begin() as connection:
        gone = list(connection.scalars(old))
        connection.execute(delete(handover).where(handover.c.event.in_(gone)))
        connection.execute(delete(outbox).where(outbox.c.id.in_(gone)))
    return len(gone)


def _event(row: Any) -> Event:
    return Event(row.id, row.type, row.subject, row.seq, row.body, row.created_at, row.published_at, row.trace)


def _handover(row: Any, subject: str = "") -> Handover:
    return Handover(
        row.event, row.subscriber, row.state, row.attempts, row.due_at, row.code, row.message, subject, row.at
    )
