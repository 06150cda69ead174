"""Plans as stored: who made them, where their content lies, and whether they were applied."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from hub.store.database import Database, new_id, now
from hub.store.tables import plan


@dataclass(frozen=True, slots=True)
class PlanRow:
    """``state`` is open, applied or refused; ``digest`` addresses the content in the run store."""

    id: uuid.UUID
    exchange: str
    run_id: uuid.UUID
    state: str
    digest: str
    workspace_hash: str
    counts: Mapping[str, int]
    breaches: Sequence[str]
    created_at: dt.datetime
    applied_at: dt.datetime | None


def add(
    database: Database,
    *,
    exchange: str,
    run_id: uuid.UUID,
    digest: str,
    workspace_hash: str,
    counts: Mapping[str, int],
    breaches: Sequence[str],
) -> uuid.UUID:
    """Store a plan as open; answers its id."""
    identity = new_id()
    with database.begin() as connection:
        connection.execute(
            insert(plan).values(
                id=identity,
                exchange=exchange,
                run_id=run_id,
                state="open",
                digest=digest,
                workspace_hash=workspace_hash,
                counts=dict(counts),
                verdict={"breaches": list(breaches)},
                created_at=now(),
            )
        )
    return identity


def find(database: Database, identity: uuid.UUID) -> PlanRow | None:
    with database.begin() as connection:
        row = connection.execute(select(plan).where(plan.c.id == identity)).one_or_none()
    return None if row is None else read_row(row)


def of_run(database: Database, run_id: uuid.UUID) -> uuid.UUID | None:
    with database.begin() as connection:
        return connection.scalar(select(plan.c.id).where(plan.c.run_id == run_id))


def close(database: Database, identity: uuid.UUID, state: str) -> None:
    with database.begin() as connection:
        connection.execute(plan.update().where(plan.c.id == identity).values(state=state, applied_at=now()))


def read_row(row: Any) -> PlanRow:
    """A row of the table as a plan."""
    return PlanRow(
        row.id,
        row.exchange,
        row.run_id,
        row.state,
        row.digest,
        row.workspace_hash,
        dict(row.counts),
        tuple(row.verdict.get("breaches", ())),
        row.created_at,
        row.applied_at,
    )
