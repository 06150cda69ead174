"""Forgetting what is old, in batches: each a short transaction that delays nobody.

What is still needed stays, however old: the newest run of each exchange in each mode and state (schedules, lateness and
alerts are computed from them), runs that a watermark, an open plan, an open entry of the quarantine or a create whose
end nobody knows refers to, and runs that have not ended.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import delete, exists, select

from hub.store import tables
from hub.store.database import Database
from hub.store.quarantined import CLOSED

BATCH: Final = 1_000


def runs(database: Database, before: dt.datetime, limit: int = BATCH) -> int:
    """Forget runs that ended before then, with their deliveries; answers how many runs."""
    run, newer = tables.run, tables.run.alias("newer")
    plan, entry, mark, begun = tables.plan, tables.quarantine, tables.watermark, tables.intent
    alike = (newer.c.exchange == run.c.exchange) & (newer.c.mode == run.c.mode) & (newer.c.state == run.c.state)
    query = (
        select(run.c.id)
        .where(
            run.c.ended_at < before,
            exists().where(alike, newer.c.id > run.c.id),
            ~exists().where(mark.c.run_id == run.c.id),
            ~exists().where(begun.c.run_id == run.c.id),
            ~exists().where(plan.c.run_id == run.c.id, plan.c.state == "open"),
            ~exists().where(entry.c.run_id == run.c.id, entry.c.state.not_in(CLOSED)),
        )
        .order_by(run.c.ended_at)
        .limit(limit)
    )
    with database.begin() as connection:
        gone = list(connection.scalars(query))
        connection.execute(delete(tables.delivery).where(tables.delivery.c.run_id.in_(gone)))
        connection.execute(delete(run).where(run.c.id.in_(gone)))
    return len(gone)


def entries(database: Database, before: dt.datetime, limit: int = BATCH) -> int:
    """Forget entries of the quarantine that were resolved before then; answers how many. What somebody dismissed stays:
    by it the same record is not listed again."""
    entry = tables.quarantine
    query = (
        select(entry.c.id)
        .where(entry.c.resolved_at < before, entry.c.state == "resolved")
        .order_by(entry.c.resolved_at)
        .limit(limit)
    )
    with database.begin() as connection:
        gone = list(connection.scalars(query))
        connection.execute(delete(entry).where(entry.c.id.in_(gone)))
    return len(gone)
