"""Plans as stored: who made them, where their content lies, what became of them, and who consented."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from hub.store.database import Database, new_id, now
from hub.store.tables import approval, plan

# Makes the entry of the audit chain in the same transaction.
Audited = Callable[[Connection, uuid.UUID], None]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """``state`` is open, applied, rejected or expired; ``digest`` addresses the content in the run store;
    ``author`` let it be made; plans of one ``fingerprint`` say the same."""

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
    author: str = ""
    fingerprint: str = ""
    expires_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """One consent as it was signed."""

    plan_id: uuid.UUID
    approver: str
    on_behalf: str
    reason: str
    digest: str
    breaches: Sequence[str]
    signed_at: dt.datetime
    expires_at: dt.datetime
    signature: str = ""


def add(
    database: Database,
    *,
    exchange: str,
    run_id: uuid.UUID,
    digest: str,
    workspace_hash: str,
    counts: Mapping[str, int],
    breaches: Sequence[str],
    author: str,
    fingerprint: str,
    keep: dt.timedelta,
    audited: Audited,
) -> uuid.UUID:
    """Store a plan as open for the time it is kept; answers its id."""
    identity, moment = new_id(), now()
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
                created_at=moment,
                author=author,
                fingerprint=fingerprint,
                expires_at=moment + keep,
            )
        )
        audited(connection, identity)
    return identity


def find(database: Database, identity: uuid.UUID) -> PlanRow | None:
    with database.begin() as connection:
        row = connection.execute(select(plan).where(plan.c.id == identity)).one_or_none()
    return None if row is None else read_row(row)


def of_run(database: Database, run_id: uuid.UUID) -> uuid.UUID | None:
    with database.begin() as connection:
        query = select(plan.c.id).where(plan.c.run_id == run_id).order_by(plan.c.created_at.desc())
        return connection.scalar(query.limit(1))


def alike(database: Database, exchange: str, fingerprint: str, workspace_hash: str) -> PlanRow | None:
    """The plan of the same content that is open already."""
    query = (
        select(plan)
        .where(
            plan.c.exchange == exchange,
            plan.c.state == "open",
            plan.c.fingerprint == fingerprint,
            plan.c.workspace_hash == workspace_hash,
            plan.c.expires_at > now(),
        )
        .order_by(plan.c.created_at)
    )
    with database.begin(reading=True) as connection:
        row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else read_row(row)


def close(connection: Connection, identity: uuid.UUID, state: str) -> bool:
    """Only an open plan is closed; answers whether this one was."""
    mine = (plan.c.id == identity) & (plan.c.state == "open")
    return connection.execute(plan.update().where(mine).values(state=state, applied_at=now())).rowcount == 1


def consent(connection: Connection, row: ApprovalRow) -> None:
    """Store an approval beside earlier ones; the newest counts."""
    values = dataclasses.asdict(row) | {"id": new_id(), "breaches": list(row.breaches)}
    connection.execute(insert(approval).values(values))


def consent_of(database: Database, identity: uuid.UUID) -> ApprovalRow | None:
    """The newest approval of a plan."""
    query = select(approval).where(approval.c.plan_id == identity).order_by(approval.c.signed_at.desc())
    with database.begin(reading=True) as connection:
        row = connection.execute(query.limit(1)).one_or_none()
    if row is None:
        return None
    return ApprovalRow(
        row.plan_id,
        row.approver,
        row.on_behalf,
        row.reason,
        row.digest,
        tuple(row.breaches),
        row.signed_at,
        row.expires_at,
        row.signature,
    )


def read_row(row: Any) -> PlanRow:
    """A row of the table as a plan; an open one that is past its time has expired."""
    late = row.state == "open" and row.expires_at is not None and row.expires_at <= now()
    return PlanRow(
        row.id,
        row.exchange,
        row.run_id,
        "expired" if late else row.state,
        row.digest,
        row.workspace_hash,
        dict(row.counts),
        tuple(row.verdict.get("breaches", ())),
        row.created_at,
        row.applied_at,
        row.author,
        row.fingerprint,
        row.expires_at,
    )
