"""Intents and outcomes of deliveries: what was about to be created, and what the targets said."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database, new_id, now
from hub.store.journal import Lease, fence
from hub.store.quarantined import CLOSED, cause
from hub.store.tables import delivery, intent, quarantine, shadow
from hub.store.target_tables import rewriting

STAYS_IN_DOUBT = ("delivery.not_kept",)
"""Rejections after which a create may still turn up in the target."""


def open_intents(database: Database, number: int) -> dict[str, uuid.UUID]:
    """Keys of creates whose end nobody knows, each with the run that began it."""
    with database.begin() as connection:
        found = connection.execute(select(intent.c.key, intent.c.run_id).where(intent.c.source == number))
        return dict(found.tuples().all())


def begun(session: Bulk, number: int) -> Wire:
    """key, foreign_key: of what ``open_intents`` has."""
    return session.read(select(intent.c.key, intent.c.foreign_key).where(intent.c.source == number))


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
        if not outcomes:
            return
        moment = now()
        _remember(connection, number, {one["key"]: one["shadow"] for one in outcomes if "shadow" in one})
        _settle(connection, number, [one["key"] for one in outcomes], moment)
        if entries := [
            {
                "id": new_id(),
                "source": number,
                "exchange": exchange,
                "key": one["key"],
                "hash": one["hash"],
                "map_hash": map_hash,
                "code": (code := one["code"] or f"delivery.{one['status']}"),
                "cause": cause(number, code, "", one["message"]),
                "field": "",
                "message": one["message"],
                "input": None,
                "original": None,
                "run_id": run_id,
                "created_at": moment,
                **one["hold"],
            }
            for one in outcomes
            if one["hold"]
        ]:
            connection.execute(insert(quarantine), entries)
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
        answered = [
            one["key"]
            for one in outcomes
            if one["status"] in ("done", "rejected") and one["code"] not in STAYS_IN_DOUBT
        ]
        connection.execute(delete(intent).where(intent.c.source == number, intent.c.key.in_(answered)))


def forget(database: Database, held: Sequence[Lease], number: int, keys: Sequence[str]) -> None:
    """Drop the shadows of what a target no longer holds."""
    with database.begin() as connection:
        fence(connection, held)
        for key in keys:
            connection.execute(delete(shadow).where(shadow.c.source == number, shadow.c.key == key))


def rewritings(database: Database, number: int) -> dict[str, set[str]]:
    """Field → how the target was seen to rewrite it."""
    found: dict[str, set[str]] = {}
    with database.begin(reading=True) as connection:
        query = select(rewriting.c.field, rewriting.c.kind).where(rewriting.c.source == number)
        for name, kind in connection.execute(query):
            found.setdefault(name, set()).add(kind)
    return found


def learn(session: Bulk, number: int, run_id: uuid.UUID, seen: Sequence[tuple[str, str]]) -> None:
    """Remember (field, kind) of rewritings seen for the first time."""
    for name, kind in seen:
        values = {"source": number, "field": name, "kind": kind, "run_id": run_id, "seen_at": now()}
        session.run(insert(rewriting).values(values))


def _settle(connection: Connection, number: int, keys: Sequence[str], moment: Any) -> None:
    connection.execute(
        update(quarantine)
        .where(
            quarantine.c.source == number,
            quarantine.c.key.in_(keys),
            quarantine.c.state.not_in(CLOSED),
        )
        .values(state="resolved", resolved_at=moment)
    )


def _remember(connection: Connection, number: int, told: Mapping[str, Mapping[str, Any] | None]) -> None:
    gone = [key for key, values in told.items() if values is None]
    if gone:
        connection.execute(delete(shadow).where(shadow.c.source == number, shadow.c.key.in_(gone)))
    kept = [{"source": number, "key": key, **values} for key, values in told.items() if values is not None]
    if not kept:
        return
    into = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = into.insert(shadow)
    changed = {name: statement.excluded[name] for name in kept[0] if name not in ("source", "key")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=[shadow.c.source, shadow.c.key], set_=changed), kept
    )
