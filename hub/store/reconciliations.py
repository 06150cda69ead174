"""Reconciliations as stored: when, and how many of each kind of difference."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import insert

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
