"""The parts of a run that is read by several processes: by which leases, and what each has kept."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from hub.store.database import Database
from hub.store.journal import Lease, fence
from hub.store.notice_tables import part
from hub.store.tables import run


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part; ``digest`` is empty until it is done."""

    number: int
    leases: tuple[Lease, ...]
    digest: str


def of_run(database: Database, run_id: uuid.UUID) -> list[PartRow]:
    """All parts of a run in their order."""
    query = select(part).where(part.c.run_id == run_id).order_by(part.c.number)
    with database.begin(reading=True) as connection:
        return [
            PartRow(row.number, tuple(Lease(*one) for one in sorted(row.leases.items())), row.digest or "")
            for row in connection.execute(query)
        ]


def lay_out(database: Database, run_id: uuid.UUID, held: Sequence[Lease], digests: Sequence[str]) -> None:
    """The parts of a run anew, under these leases; those are done that have a digest."""
    leases = {one.name: one.epoch for one in held}
    rows = [{"run_id": run_id, "number": number, "leases": leases, "digest": digest or None}
            for number, digest in enumerate(digests)]  # fmt: skip
    with database.begin() as connection:
        fence(connection, held)
        connection.execute(delete(part).where(part.c.run_id == run_id))
        if rows:
            connection.execute(insert(part), rows)


def done(database: Database, run_id: uuid.UUID, row: PartRow, digest: str) -> None:
    """A part is kept; Fatal ``run.fenced`` where the run is not its own any more."""
    with database.begin() as connection:
        fence(connection, row.leases)
        mine = (part.c.run_id == run_id) & (part.c.number == row.number)
        connection.execute(update(part).where(mine).values(digest=digest))


def forget(database: Database, run_id: uuid.UUID) -> None:
    """The run is closed."""
    with database.begin() as connection:
        connection.execute(delete(part).where(part.c.run_id == run_id))


def left_over(database: Database, exchange: str, but: uuid.UUID) -> list[uuid.UUID]:
    """Other runs of an exchange that were never closed."""
    query = select(part.c.run_id).join(run, run.c.id == part.c.run_id)
    query = query.where(run.c.exchange == exchange, part.c.run_id != but).distinct()
    with database.begin(reading=True) as connection:
        return list(connection.scalars(query))
