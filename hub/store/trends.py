"""What reports are made of: the journal by days, how fresh each exchange is, to-dos by age. Counted where it lies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import BigInteger, case, cast, func, select

from hub.store.dashboard_tables import todo_count
from hub.store.database import Database
from hub.store.figures import first_id
from hub.store.tables import run

COUNTED: Final = ("read", "applied", "quarantined")
TOGETHER: Final = 100
"""Exchanges that one question asks about."""


@dataclass(frozen=True, slots=True)
class Span:
    """Runs that began in a time: how many, how many of them failed, and what those that ended well counted."""

    begins: dt.datetime
    runs: int
    failed: int
    read: int
    applied: int
    quarantined: int


def spans(database: Database, bounds: Sequence[dt.datetime]) -> list[Span]:
    """One for each two bounds; found by the ids of the runs, which begin with their time."""
    well = run.c.state == "done"
    sums = [
        func.coalesce(func.sum(case((well, cast(run.c.counts[name].as_string(), BigInteger)), else_=0)), 0)
        for name in COUNTED
    ]
    failed = func.coalesce(func.sum(case((run.c.state == "failed", 1), else_=0)), 0)
    query = select(func.count(), failed, *sums)
    found = []
    with database.begin(reading=True) as connection:
        for begins, ends in pairwise(bounds):
            within = query.where(run.c.id >= first_id(begins), run.c.id < first_id(ends))
            found.append(Span(begins, *map(int, connection.execute(within).tuples().one())))
    return found


def fresh(database: Database, exchanges: Collection[str]) -> Mapping[str, dt.datetime]:
    """When the newest run of each that ended well did; what never ended well is not there."""
    found: dict[str, dt.datetime] = {}
    with database.begin(reading=True) as connection:
        for names in _together(sorted(exchanges)):
            newest: list[Any] = [
                select(run.c.id)
                .where(run.c.exchange == name, run.c.state == "done")
                .order_by(run.c.id.desc())
                .limit(1)
                .scalar_subquery()
                for name in names
            ]
            query = select(run.c.exchange, run.c.ended_at).where(run.c.id.in_(newest))
            found |= {name: ended for name, ended in connection.execute(query).tuples() if ended is not None}
    return found


def ages(database: Database) -> tuple[dt.datetime | None, Mapping[tuple[str, str], int]]:
    """Of the newest hour that was counted: what people have to do, by system and age; None where none was."""
    c = todo_count.c
    with database.begin(reading=True) as connection:
        at: dt.datetime | None = connection.scalar(select(func.max(c.at)))
        query = select(c.system, c.age, func.sum(c.count)).where(c.at == at, c.box == "to_do")
        rows = connection.execute(query.group_by(c.system, c.age)).tuples() if at is not None else ()
        return at, {(system, age): int(count) for system, age, count in rows}


def _together(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), TOGETHER):
        yield names[first : first + TOGETHER]
