"""Reconciliations as stored: when, and how many of each kind of difference."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from hub.store.audit import Session
from hub.store.database import Database, new_id, now
from hub.store.target_tables import reconciliation


def add(
    database: Database,
    exchange: str,
    run_id: uuid.UUID,
    plan_id: uuid.UUID | None,
    incomplete: str,
    counts: Mapping[str, int],
) -> None:
    """Store one; ``incomplete`` is empty where the target was read whole."""
    with database.begin() as connection:
        connection.execute(
            insert(reconciliation).values(
                id=new_id(),
                exchange=exchange,
                run_id=run_id,
                plan_id=plan_id,
                at=now(),
                complete=incomplete,
                counts=dict(counts),
            )
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the last reconciliation of an exchange found. ``plan`` heals it, None where nothing is to be healed;
    ``incomplete`` is empty where the other side was read whole."""

    exchange: str
    at: dt.datetime
    plan: uuid.UUID | None
    incomplete: str
    counts: Mapping[str, int]


def latest(database: Database, exchanges: Collection[str]) -> dict[str, Comparison]:
    """The newest of each exchange that has one, in one question however many there are."""
    one = reconciliation.c
    newest = [
        select(one.id).where(one.exchange == name).order_by(one.id.desc()).limit(1).scalar_subquery()
        for name in exchanges
    ]
    query = select(one.exchange, one.at, one.plan_id, one.complete, one.counts).where(one.id.in_(newest))
    with database.begin(reading=True) as connection:
        return {row[0]: Comparison(*row) for row in connection.execute(query).tuples()}


def of_plan(session: Session, plan: uuid.UUID) -> dict[str, int] | None:
    """What was found when a plan was made to heal it; None for every other plan."""
    query = select(reconciliation.c.counts).where(reconciliation.c.plan_id == plan)
    rows = session.execute(query).all() if isinstance(session, Connection) else session.run(query)
    return dict(rows[0][0]) if rows else None
