"""The inbox as stored: events of others, and what became of each in every exchange that reads them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.store import wake
from hub.store.bulk import Bulk
from hub.store.database import Database, now
from hub.store.tables import inbox, reception

OPEN = ("pending", "held", "exhausted")


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event to store: its payload is sealed already; ``keys`` has the record's key by exchange."""

    source: str
    event_id: str
    place: str
    kind: str
    told_at: str
    sealed: bytes
    keys: Mapping[str, str]
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """An event as an exchange takes it, in the order of arrival."""

    number: int
    source: str
    event_id: str
    kind: str
    told_at: str
    key: str
    sealed: bytes
    received_at: dt.datetime
    attempts: int
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """What an exchange has in a state: how many, since when, and the last reason."""

    exchange: str
    state: str
    count: int
    oldest: dt.datetime
    code: str = ""


def store(database: Database, events: Sequence[Arrived]) -> int:
    """Store what is new and answer how many; an event is known by its source and id, whoever repeats it."""
    with database.begin() as connection:
        return put(connection, events)


def put(connection: Connection, events: Sequence[Arrived]) -> int:
    """The same within a transaction of somebody else."""
    moment = now()
    first: dict[tuple[str, str], Arrived] = {}
    for one in events:
        first.setdefault((one.source, one.event_id), one)
    numbers = _numbers(connection, list(first.values()), moment)
    rows = [
        {"exchange": exchange, "number": number, "key": key, "state": "pending", "due_at": moment}
        for identity, number in numbers.items()
        for exchange, key in first[identity].keys.items()
    ]
    if rows:
        connection.execute(insert(reception), rows)
        wake.call(connection)
    return len(numbers)


def _numbers(
    connection: Connection, events: Sequence[Arrived], moment: dt.datetime
) -> dict[tuple[str, str], int]:
    """The numbers of those that were not there, by source and id. Both databases number the rows of one statement in
    their order, which is that of arrival."""
    if not events:
        return {}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(inbox)
        .on_conflict_do_nothing(index_elements=["source", "event_id"])
        .returning(inbox.c.source, inbox.c.event_id, inbox.c.number)
    )
    rows = [
        {
            "source": one.source,
            "event_id": one.event_id,
            "place": one.place,
            "kind": one.kind,
            "told_at": one.told_at,
            "received_at": moment,
            "sealed": one.sealed,
            "trace": one.trace,
        }
        for one in events
    ]
    return {(source, event_id): number for source, event_id, number in connection.execute(statement, rows).tuples()}


def waiting(database: Database) -> dict[str, dt.datetime]:
    """Exchanges with pending events, and when their first one is due."""
    first = (
        select(reception.c.exchange, func.min(reception.c.number).label("number"))
        .where(reception.c.state == "pending")
        .group_by(reception.c.exchange)
        .subquery()
    )
    query = select(reception.c.exchange, reception.c.due_at).join(
        first, (first.c.exchange == reception.c.exchange) & (first.c.number == reception.c.number)
    )
    with database.begin(reading=True) as connection:
        return dict(connection.execute(query).tuples().all())


def take(database: Database, exchange: str, limit: int) -> list[Received]:
    """The first pending events of an exchange, in the order of their arrival."""
    query = (
        select(inbox, reception.c.key, reception.c.attempts)
        .join(reception, reception.c.number == inbox.c.number)
        .where(reception.c.exchange == exchange, reception.c.state == "pending")
        .order_by(reception.c.number)
        .limit(limit)
    )
    with database.begin(reading=True) as connection:
        return [
            Received(
                row.number,
                row.source,
                row.event_id,
                row.kind,
                row.told_at,
                row.key,
                row.sealed,
                row.received_at,
                row.attempts,
                row.trace,
            )
            for row in connection.execute(query)
        ]


def settle(session: Bulk, exchange: str, numbers: Sequence[int], run_id: uuid.UUID) -> None:
    """These events are done: said in the transaction that applies them."""
    session.run(
        update(reception)
        .where(reception.c.exchange == exchange, reception.c.number.in_(list(numbers)))
        .values(state="done", run_id=run_id, code="", message="")
    )


def put_back(
    database: Database,
    exchange: str,
    numbers: Sequence[int],
    *,
    state: str,
    due_at: dt.datetime,
    code: str,
    message: str,
) -> None:
    """A try of these events failed: they are pending again, held or exhausted."""
    with database.begin() as connection:
        connection.execute(
            update(reception)
            .where(
                reception.c.exchange == exchange,
                reception.c.number.in_(list(numbers)),
                reception.c.state == "pending",
            )
            .values(state=state, due_at=due_at, code=code, message=message, attempts=reception.c.attempts + 1)
        )


def touched(session: Bulk, exchange: str) -> list[str]:
    """Keys of records that events speak of which are not applied yet."""
    query = (
        select(reception.c.key)
        .where(reception.c.state == "pending", reception.c.exchange == exchange)
        .distinct()
    )
    return [str(key) for (key,) in session.run(query)]


def pending(database: Database) -> list[Pending]:
    """What is not done, by exchange and state."""
    query = (
        select(
            reception.c.exchange,
            reception.c.state,
            func.count(),
            func.min(inbox.c.received_at),
            func.max(reception.c.code),
        )
        .join(inbox, inbox.c.number == reception.c.number)
        .where(reception.c.state.in_(OPEN))
        .group_by(reception.c.exchange, reception.c.state)
        .order_by(reception.c.exchange, reception.c.state)
    )
    with database.begin(reading=True) as connection:
        return [Pending(*row) for row in connection.execute(query).tuples()]


def listed(database: Database, state: str, limit: int) -> list[dict[str, Any]]:
    """Single events in a state, newest first, without their payload."""
    columns = (
        reception.c.exchange,
        reception.c.number,
        reception.c.key,
        reception.c.state,
        reception.c.attempts,
        reception.c.code,
        reception.c.message,
        inbox.c.source,
        inbox.c.event_id,
        inbox.c.kind,
        inbox.c.received_at,
    )
    query = (
        select(*columns)
        .join(inbox, inbox.c.number == reception.c.number)
        .where(reception.c.state == state)
        .order_by(reception.c.number.desc())
        .limit(limit)
    )
    with database.begin(reading=True) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def replay(database: Database, exchange: str | None = None) -> int:
    """Try held and exhausted events once more; answers how many."""
    names = [reception.c.exchange == exchange] if exchange is not None else []
    chosen = and_(reception.c.state.in_(("held", "exhausted")), *names)
    with database.begin() as connection:
        done = connection.execute(
            update(reception).where(chosen).values(state="pending", attempts=0, due_at=now())
        )
        wake.call(connection)
    return done.rowcount


def sweep(database: Database, before: dt.datetime, limit: int = 5_000) -> int:
    """Forget events received before then that are done everywhere. Repetitions are told apart so long."""
    open_ = select(reception.c.number).where(reception.c.state.in_(OPEN))
    old = (
        select(inbox.c.number)
        .where(inbox.c.received_at < before, inbox.c.number.not_in(open_))
        .order_by(inbox.c.number)
        .limit(limit)
    )
    with database.begin() as connection:
        gone = list(connection.scalars(old))
        connection.execute(delete(reception).where(reception.c.number.in_(gone)))
        connection.execute(delete(inbox).where(inbox.c.number.in_(gone)))
    return len(gone)
