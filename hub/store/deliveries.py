"""Intents and outcomes of deliveries: what was about to be created, and what the targets said."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update

from hub.store.database import Database, new_id, now
from hub.store.journal import Lease, fence
from hub.store.quarantined import cause
from hub.store.tables import delivery, intent, quarantine, shadow


def open_intents(database: Database, number: int) -> dict[str, uuid.UUID]:
    """Keys of creates whose end nobody knows, each with the run that began it."""
    with database.begin() as connection:
        found = connection.execute(select(intent.c.key, intent.c.run_id).where(intent.c.source == number))
        return dict(found.tuples().all())


def intend(
    database: Database,
    held: Sequence[Lease],
    number: int,
    rows: Sequence[Mapping[str, Any]],
    run_id: uuid.UUID,
) -> None:
    """Store the intents of creates (key, operation, foreign_key, change_id, and run_id where an earlier run
    began it) before the target is called."""
    with database.begin() as connection:
        fence(connection, held)
        keys = [row["key"] for row in rows]
        connection.execute(delete(intent).where(intent.c.source == number, intent.c.key.in_(keys)))
        moment = now()
        connection.execute(
            insert(intent),
            [{"source": number, "run_id": run_id, "created_at": moment, **row} for row in rows],
        )


def record(
    database: Database,
    held: Sequence[Lease],
    number: int,
    exchange: str,
    map_hash: int,
    run_id: uuid.UUID,
    outcomes: Sequence[Mapping[str, Any]],
) -> None:
    """One transaction for one batch of outcomes.

    Each has key, operation, status, foreign_id, code, message, attempts; ``shadow`` (values to remember,
    None to forget, absent to leave) and ``hold`` (state and position of a quarantine entry, or None).
    """
    with database.begin() as connection:
        fence(connection, held)
        moment = now()
        for one in outcomes:
            if "shadow" in one:
                _remember(connection, number, one["key"], one["shadow"])
            _settle(connection, number, one["key"], moment)
            if one["hold"]:
                connection.execute(
                    insert(quarantine).values(
                        id=new_id(),
                        source=number,
                        exchange=exchange,
                        key=one["key"],
                        hash=one["hash"],
                        map_hash=map_hash,
                        code=(code := one["code"] or f"delivery.{one['status']}"),
                        cause=cause(number, code, "", one["message"]),
                        field="",
                        message=one["message"],
                        input=None,
                        original=None,
                        run_id=run_id,
                        created_at=moment,
                        **one["hold"],
                    )
                )
        if not outcomes:
            return
        names = ("key", "operation", "status", "foreign_id", "code", "message", "attempts")
        connection.execute(
            insert(delivery),
            [
                {
                    "id": new_id(),
                    "run_id": run_id,
                    "source": number,
                    "at": moment,
                    **{name: one[name] for name in names},
                }
                for one in outcomes
            ],
        )
        answered = [one["key"] for one in outcomes if one["status"] in ("done", "rejected")]
        connection.execute(delete(intent).where(intent.c.source == number, intent.c.key.in_(answered)))


def forget(database: Database, held: Sequence[Lease], number: int, keys: Sequence[str]) -> None:
    """Drop the shadows of what a target no longer holds."""
    with database.begin() as connection:
        fence(connection, held)
        for key in keys:
            connection.execute(delete(shadow).where(shadow.c.source == number, shadow.c.key == key))


def _settle(connection: Any, number: int, key: str, moment: Any) -> None:
    connection.execute(
        update(quarantine)
        .where(
            quarantine.c.source == number,
            quarantine.c.key == key,
            quarantine.c.state != "resolved",
        )
        .values(state="resolved", resolved_at=moment)
    )


def _remember(connection: Any, number: int, key: str, values: Mapping[str, Any] | None) -> None:
    mine = (shadow.c.source == number) & (shadow.c.key == key)
    if values is None:
        connection.execute(delete(shadow).where(mine))
    elif connection.execute(update(shadow).where(mine).values(**values)).rowcount == 0:
        connection.execute(insert(shadow).values(source=number, key=key, **values))
