"""Alerts as stored: what holds of which exchange, and the events by which people are told of its beginning and end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, delete, func, insert, select

from hub import tracing
from hub.store import wake
from hub.store.database import Database, new_id
from hub.store.journal import Lease, RunRow, fence, read_row
from hub.store.notice_tables import alert
from hub.store.tables import handover, outbox, run, watermark

SUBJECT = "alert:"
DECIDED = ("done", "failed", "held")


@dataclass(frozen=True, slots=True)
class Alarm:
    """``kind`` is failed, late or held; ``code`` says why, as the hub's codes do."""

    exchange: str
    kind: str
    code: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Channel:
    """How events come through to a channel: how many wait, since when, how many were given up, and the last reason."""

    name: str
    waiting: int = 0
    oldest: dt.datetime | None = None
    exhausted: int = 0
    code: str = ""


def channels(database: Database, names: Collection[str]) -> list[Channel]:
    """Each of these channels, by name."""
    mine = [f"{SUBJECT}{name}" for name in names]
    waits = (
        select(outbox.c.subject, func.count(), func.min(outbox.c.created_at))
        .where(outbox.c.published_at.is_(None), outbox.c.subject.in_(mine))
        .group_by(outbox.c.subject)
    )
    given_up = handover.c.state == "exhausted"
    tries = (
        select(handover.c.subscriber, func.sum(case((given_up, 1), else_=0)), func.max(handover.c.code))
        .where(handover.c.subscriber.in_(mine), handover.c.state != "done")
        .group_by(handover.c.subscriber)
    )
    with database.begin(reading=True) as connection:
        waiting = {row[0]: (row[1], row[2]) for row in connection.execute(waits)}
        failing = {row[0]: (int(row[1]), row[2]) for row in connection.execute(tries)}
    return [
        Channel(name, *waiting.get(one, (0, None)), *failing.get(one, (0, "")))
        for name, one in sorted(zip(names, mine, strict=True))
    ]


def standing(database: Database) -> dict[tuple[str, str], Alarm]:
    """What people were told and still holds, by exchange and kind."""
    query = select(alert.c.exchange, alert.c.kind, alert.c.code, alert.c.since)
    with database.begin(reading=True) as connection:
        return {(row.exchange, row.kind): Alarm(*row) for row in connection.execute(query)}


def change(
    database: Database,
    held: Sequence[Lease],
    raised: Collection[Alarm],
    over: Collection[Alarm],
    told: Sequence[tuple[str, Mapping[str, Any]]],
    moment: dt.datetime,
) -> None:
    """Remember what begins and what is over, with the events (channel, body) that tell it: both or neither."""
    with database.begin() as connection:
        fence(connection, held)
        for one in over:
            mine = (alert.c.exchange == one.exchange) & (alert.c.kind == one.kind)
            connection.execute(delete(alert).where(mine))
        for one in raised:
            values = {"code": one.code, "since": one.since, "told_at": moment}
            connection.execute(insert(alert).values(exchange=one.exchange, kind=one.kind, **values))
        rows = [
            {
                "id": new_id(), "type": "alert", "subject": f"{SUBJECT}{channel}", "body": dict(body),
                "created_at": moment, "seq": 0, "trace": tracing.current(),
            }
            for channel, body in told
        ]  # fmt: skip
        if rows:
            connection.execute(insert(outbox), rows)
            wake.call(connection)


def decided(database: Database, exchanges: Collection[str]) -> dict[str, RunRow]:
    """The newest run of each exchange that ended one way or the other; what runs, waits or only plans says nothing."""
    newest = [
        select(run.c.id)
        .where(run.c.exchange == name, run.c.state.in_(DECIDED))
        .order_by(run.c.id.desc())
        .limit(1)
        .scalar_subquery()
        for name in exchanges
    ]
    with database.begin(reading=True) as connection:
        rows = connection.execute(select(run).where(run.c.id.in_(newest)))
        return {row.exchange: read_row(row) for row in rows}


def unread_since(database: Database, exchange: str, model: str) -> dt.datetime | None:
    """When the oldest commit of a model was made that an exchange has not read, as far as the outbox remembers."""
    mark = select(func.coalesce(func.max(watermark.c.seq), 0)).where(watermark.c.exchange == exchange)
    query = select(func.min(outbox.c.created_at)).where(
        outbox.c.subject == model, outbox.c.seq > mark.scalar_subquery()
    )
    with database.begin(reading=True) as connection:
        found: dt.datetime | None = connection.scalar(query)
    return found
