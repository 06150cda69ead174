"""What is counted for whoever watches a hub: names of the workspace and numbers, never a record or a person."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, FromClause, func, or_, select

from hub.store import tables
from hub.store.act_tables import act
from hub.store.database import Database, now
from hub.store.journal import RunRow, read_row
from hub.store.todo_drift_tables import todo_drift

BACK = dt.timedelta(minutes=10)
"""How far clocks of hosts may differ, whose ids are compared."""
MOST = 5_000


def first_id(moment: dt.datetime) -> uuid.UUID:
    """The least UUIDv7 of a moment."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


@dataclass(slots=True)
class Ended:
    """Follows the journal: each run that ends is answered once, from the first call on."""

    database: Database
    _since: dt.datetime = field(default_factory=now)
    _open: set[uuid.UUID] = field(default_factory=set)
    _told: set[uuid.UUID] = field(default_factory=set)

    def new(self) -> list[RunRow]:
        """Runs that ended since the last call."""
        run, low = tables.run, first_id(max(self._since, now() - BACK))
        which = or_(run.c.id >= low, run.c.id.in_(sorted(self._open)[:MOST]))
        with self.database.begin(reading=True) as connection:
            rows = [read_row(row) for row in connection.execute(select(run).where(which).limit(MOST))]
        found = [row for row in rows if row.ended_at is not None and row.id not in self._told]
        self._open = {row.id for row in rows if row.ended_at is None}
        self._told = {one for one in self._told if one >= low} | {row.id for row in found}
        return found


def quarantined(database: Database) -> Mapping[tuple[str, ...], int]:
    """Records that stand aside: by exchange, state and code."""
    one = tables.quarantine
    return _counted(database, one, (one.c.exchange, one.c.state, one.c.code), one.c.resolved_at.is_(None))


def delivered(database: Database) -> Mapping[tuple[str, ...], int]:
    """Deliveries of the last hour: by system, resource and status."""
    one, place = tables.delivery, tables.source
    joined = one.join(place, place.c.id == one.c.source)
    lately = one.c.id >= first_id(now() - dt.timedelta(hours=1))
    return _counted(database, joined, (place.c.system, place.c.resource, one.c.status), lately)


def acts(database: Database) -> Mapping[tuple[str, ...], int]:
    """Responses to to-dos of the last day, and those that are open: by system and state."""
    lately = (act.c.id >= first_id(now() - dt.timedelta(days=1))) | (act.c.state == "submitting")
    return _counted(database, act, (act.c.system, act.c.state), lately)


def drifted(database: Database) -> Mapping[tuple[str, ...], int]:
    """To-dos that differ from their source: by system and kind."""
    return _counted(database, todo_drift, (todo_drift.c.system, todo_drift.c.kind), todo_drift.c.cycles > 0)


def _counted(
    database: Database, of: FromClause, by: tuple[ColumnElement[str], ...], which: ColumnElement[bool]
) -> dict[tuple[str, ...], int]:
    query = select(*by, func.count()).select_from(of).where(which).group_by(*by).order_by(*by).limit(MOST)
    with database.begin(reading=True) as connection:
        return {tuple(map(str, row[:-1])): row[-1] for row in connection.execute(query)}
