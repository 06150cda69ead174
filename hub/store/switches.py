"""Stop switches: what somebody stopped by hand, who, why and since when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from hub.store.database import Database
from hub.store.notice_tables import switch

EXCHANGE, TARGET = "exchange", "target"


@dataclass(frozen=True, slots=True)
class Switch:
    """``kind`` is exchange, or target: then ``name`` is the system that is not written to."""

    kind: str
    name: str
    actor: str
    reason: str
    since: dt.datetime


def stopped(database: Database) -> Mapping[tuple[str, str], Switch]:
    """Everything that is stopped, by kind and name."""
    rows = database.rows(("stopped",), lambda: select(switch).order_by(switch.c.kind, switch.c.name), {})
    return {(row["kind"], row["name"]): Switch(**row) for row in rows}


def stop(connection: Connection, one: Switch) -> None:
    """Stop it; what is stopped already has the newest reason."""
    values = {"actor": one.actor, "reason": one.reason, "since": one.since}
    mine = (switch.c.kind == one.kind) & (switch.c.name == one.name)
    if not connection.execute(update(switch).where(mine).values(values)).rowcount:
        connection.execute(insert(switch).values(kind=one.kind, name=one.name, **values))


def resume(connection: Connection, kind: str, name: str) -> bool:
    """Let it go on; False where it was not stopped."""
    mine = (switch.c.kind == kind) & (switch.c.name == name)
    return bool(connection.execute(delete(switch).where(mine)).rowcount)
