"""Targets as people look at them: what was sent to each, what failed, what waits, and of what nobody knows the end."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from hub.store.database import Database
from hub.store.figures import first_id
from hub.store.listing import After, back, on
from hub.store.quarantined import CLOSED
from hub.store.tables import delivery, intent, quarantine, source

SENT: Final = "done"
FAILED: Final = "rejected"


@dataclass(frozen=True, slots=True)
class Target:
    """A place that one output of an exchange writes to."""

    number: int
    exchange: str
    system: str
    resource: str


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery as it ended. ``status``: done, rejected, or what makes it wait (retry, unknown, conflict)."""

    id: uuid.UUID
    key: str
    operation: str
    status: str
    code: str
    message: str
    attempts: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """A create that was begun and whose end nobody knows."""

    key: str
    operation: str
    foreign_key: str
    since: dt.datetime


@dataclass(slots=True)
class Standing:
    """Of one target: deliveries of a time by how they ended, and what stands aside, or is in doubt, now."""

    sent: int = 0
    failed: int = 0
    later: int = 0
    waiting: int = 0
    aside: int = 0
    doubt: int = 0


def targets(database: Database, exchanges: Collection[str], after: After, limit: int) -> list[Target]:
    """By the exchange's name; ``after`` is (exchange, number)."""
    query = _of_targets(source.c.exchange.in_(exchanges))
    with database.begin(reading=True) as connection:
        rows = connection.execute(on(query, [source.c.exchange, source.c.id], after, limit))
        return [Target(*row) for row in rows.tuples()]


def target(database: Database, number: int) -> Target | None:
    """One of them."""
    with database.begin(reading=True) as connection:
        row = connection.execute(_of_targets(source.c.id == number)).tuples().one_or_none()
        return None if row is None else Target(*row)


def _of_targets(which: ColumnElement[bool]) -> Any:
    columns = (source.c.id, source.c.exchange, source.c.system, source.c.resource)
    return select(*columns).where(source.c.direction != "inbound", which)


def standing(database: Database, numbers: Sequence[int], since: dt.datetime) -> Mapping[int, Standing]:
    """Of several targets, each with its deliveries from ``since`` on."""
    found: dict[int, Standing] = defaultdict(Standing)
    d, q, i = delivery.c, quarantine.c, intent.c
    ended = select(d.source, d.status, func.count()).where(d.source.in_(numbers), d.id >= first_id(since))
    aside = select(q.source, q.state, func.count()).where(q.source.in_(numbers), q.state.not_in(CLOSED))
    doubts = select(i.source, func.count()).where(i.source.in_(numbers)).group_by(i.source)
    with database.begin(reading=True) as connection:
        for number, status, count in connection.execute(ended.group_by(d.source, d.status)):
            one = found[number]
            if status == SENT:
                one.sent += count
            elif status == FAILED:
                one.failed += count
            else:
                one.later += count
        for number, state, count in connection.execute(aside.group_by(q.source, q.state)):
            if state == "waiting":
                found[number].waiting += count
            else:
                found[number].aside += count
        for number, count in connection.execute(doubts):
            found[number].doubt += count
    return found


def deliveries(database: Database, number: int, status: str, after: After, limit: int) -> list[Sent]:
    """Of one target, the newest first; ``status``: one of done, rejected, retry, unknown and conflict; ``after`` is
    (id,)."""
    d = delivery.c
    columns = (d.id, d.key, d.operation, d.status, d.code, d.message, d.attempts, d.at)
    query = select(*columns).where(d.source == number, d.status == status)
    with database.begin(reading=True) as connection:
        return [Sent(*row) for row in connection.execute(back(query, [d.id], after, limit)).tuples()]


def doubts(database: Database, number: int, limit: int) -> list[Doubt]:
    """Of one target, by key."""
    i = intent.c
    query = select(i.key, i.operation, i.foreign_key, i.created_at).where(i.source == number)
    with database.begin(reading=True) as connection:
        return [Doubt(*row) for row in connection.execute(query.order_by(i.key).limit(limit)).tuples()]
