"""What workers know of schedules: since when each holds, and which runs are done or changed something."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from hub.store.database import Database
from hub.store.notice_tables import scheduled
from hub.store.tables import run


def since(database: Database, digests: Mapping[str, str], moment: dt.datetime) -> dict[str, dt.datetime]:
    """Up to when each exchange's schedule is covered, exchange → digest of it; one that is new or was changed is from
    ``moment`` on."""
    known = _known(database, digests)
    for name, digest in digests.items():
        if name in known and known[name][0] == digest:
            continue
        values = {"digest": digest, "since": moment}
        try:
            with database.begin() as connection:
                changed = update(scheduled).where(scheduled.c.exchange == name).values(values)
                if not connection.execute(changed).rowcount:
                    connection.execute(insert(scheduled).values(exchange=name, **values))
        except IntegrityError:  # another worker was faster
            continue
    return {name: at for name, (_, at) in _known(database, digests).items()}


def cover(database: Database, exchange: str, digest: str, at: dt.datetime) -> None:
    """A run covers what came round up to ``at``; never less than before, and not for another schedule."""
    mine = (scheduled.c.exchange == exchange) & (scheduled.c.digest == digest)
    with database.begin() as connection:
        connection.execute(update(scheduled).where(mine, scheduled.c.since < at).values(since=at))


def _known(database: Database, names: Collection[str]) -> dict[str, tuple[str, dt.datetime]]:
    with database.begin(reading=True) as connection:
        rows = connection.execute(select(scheduled)).all()
    return {row.exchange: (row.digest, row.since) for row in rows if row.exchange in names}


def done(database: Database, keys: Collection[str]) -> set[str]:
    """Which run keys are those of runs that ended well."""
    query = select(run.c.run_key).where(run.c.run_key.in_(keys), run.c.state == "done")
    with database.begin(reading=True) as connection:
        return set(connection.execute(query).scalars())


def changed(
    database: Database, exchanges: Collection[str], writes: Collection[str]
) -> dict[str, tuple[dt.datetime, uuid.UUID]]:
    """The newest run of each exchange that ended well and changed something: one of its counts ``writes`` is more than
    zero. Exchange → when it ended, and which."""
    wrote = or_(*(run.c.counts[name].as_integer() > 0 for name in writes))
    newest = [
        select(run.c.id)
        .where(run.c.exchange == name, run.c.state == "done", wrote)
        .order_by(run.c.ended_at.desc(), run.c.id.desc())
        .limit(1)
        .scalar_subquery()
        for name in exchanges
    ]
    with database.begin(reading=True) as connection:
        rows = connection.execute(select(run.c.exchange, run.c.ended_at, run.c.id).where(run.c.id.in_(newest)))
        return {row.exchange: (row.ended_at, row.id) for row in rows}
