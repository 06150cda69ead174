"""Plans as stored: who made them, where their content lies, and whether they were applied."""

from __future__ import annotations

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
    created_at: Any


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
    return None if row is None else _row(row)


def of_run(database: Database, run_id: uuid.UUID) -> uuid.UUID | None:
    with database.begin() as connection:
        return connection.scalar(select(plan.c.id).where(plan.c.run_id == run_id))


def newest(database: Database, exchange: str | None = None, limit: int = 20) -> list[PlanRow]:
    query = select(plan).order_by(plan.c.created_at.desc()).limit(limit)
    with database.begin() as connection:
        return [
            _row(row)
            for row in connection.execute(query.where(plan.c.exchange == exchange) if exchange else query)
        ]


def close(database: Database, identity: uuid.UUID, state: str) -> None:
    with database.begin() as connection:
        connection.execute(plan.update().where(plan.c.id == identity).values(state=state, applied_at=now()))


def _row(row: Any) -> PlanRow:
    return PlanRow(
        row.id,
        row.exchange,
        row.run_id,
        row.state,
        row.digest,
        row.workspace_hash,
        row.counts,
        row.verdict["breaches"],
        row.created_at,
    )
