"""How fast targets were: seconds per request of each, the recent ones counting most."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from hub.store.bulk import Bulk
from hub.store.database import Database, now
from hub.store.target_tables import speed

MEMORY = 2000.0
"""So many requests is what all earlier deliveries weigh at most."""


def latency(database: Database, target: str) -> float | None:
    """Mean seconds per request to a resource (``system.resource``), None where nothing was sent yet."""
    with database.begin(reading=True) as connection:
        row = connection.execute(
            select(speed.c.requests, speed.c.seconds).where(speed.c.target == target)
        ).one_or_none()
    return float(row.seconds / row.requests) if row and row.requests else None


def learn(session: Bulk, target: str, requests: int, seconds: float) -> None:
    """Add one delivery; the transaction is the caller's."""
    found = session.run(select(speed.c.requests, speed.c.seconds).where(speed.c.target == target))
    old, spent = (float(value) for value in found[0]) if found else (0.0, 0.0)
    weight = min(1.0, MEMORY / old) if old else 0.0
    session.run(delete(speed).where(speed.c.target == target))
    session.run(
        insert(speed).values(
            target=target, requests=old * weight + requests, seconds=spent * weight + seconds, at=now()
        )
    )
