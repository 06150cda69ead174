"""Who runs what: leases with fencing epochs, and one row per run key.

A lease is taken for a time and renewed while its holder lives. Every taking raises its epoch; a
transaction that writes for a run first checks, and locks, the epoch it was given: a run that slept
through the end of its lease cannot write any more (P6).
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import threading
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, Update, func, select
from sqlalchemy.exc import IntegrityError

from hub.errors import Fatal, Retriable
from hub.failpoints import unstopped
from hub.store.bulk import Bulk
from hub.store.database import Database, new_id, now
from hub.store.patience import lease_seconds
from hub.store.tables import lease, run


@dataclass(frozen=True, slots=True)
class Lease:
    """A right to write, good while its epoch is the newest."""

    name: str
    epoch: int


@dataclass(slots=True)
class RunRow:
    """One run as the journal has it."""

    id: uuid.UUID
    run_key: str
    exchange: str
    mode: str
    state: str
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None
    stage: str = ""
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    workspace_hash: str = ""


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease that somebody holds now. ``dead`` is true where the holder was a process of this host that is
    gone: the next to ask takes it over."""

    name: str
    epoch: int
    holder: str
    expires_at: dt.datetime
    dead: bool


def held_leases(database: Database) -> list[HeldLease]:
    """Who holds what, by name."""
    query = select(lease).where(lease.c.holder != "", lease.c.expires_at > now()).order_by(lease.c.name)
    with database.begin(reading=True) as connection:
        return [
            HeldLease(row.name, row.epoch, row.holder, row.expires_at, dead(row.holder))
            for row in connection.execute(query)
        ]


def holder() -> str:
    """This process, named so that others on the host can see whether it still lives."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def _started(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def dead(name: str) -> bool:
    """True only where the holder was a process of this host that is gone."""
    host, pid, started = name.split("/")
    return host == socket.gethostname() and _started(int(pid)) != started


def take(database: Database, names: Collection[str], seconds: float, by: str = "") -> list[Lease]:
    """Take leases, in order of name, all or none; Retriable ``run.busy`` while somebody living holds one. ``by`` is the
    holder where that is not this process: it may take again what it holds."""
    try:
        with database.begin() as connection:
            return [_taken(database, connection, name, seconds, by) for name in sorted(names)]
    except IntegrityError as error:  # two first takers: one of them was faster
        raise Retriable(
            "run.busy", f"{' or '.join(sorted(names))} is being written by another run", wait=1.0
        ) from error


def _taken(database: Database, connection: Connection, name: str, seconds: float, by: str) -> Lease:
    row = connection.execute(_locked(database, select(lease).where(lease.c.name == name))).one_or_none()
    moment = now()
    values = {"holder": by or holder(), "expires_at": moment + dt.timedelta(seconds=seconds)}
    if row is None:
        connection.execute(lease.insert().values(name=name, epoch=1, **values))
        return Lease(name, 1)
    if row.holder not in ("", by) and row.expires_at > moment and not dead(row.holder):
        raise Retriable(
            "run.busy",
            f"{name} is being written by another run ({row.holder})",
            wait=max(1.0, (row.expires_at - moment).total_seconds()),
            hint="wait for it, or look at: cophub runs",
        )
    connection.execute(lease.update().where(lease.c.name == name).values(epoch=row.epoch + 1, **values))
    return Lease(name, row.epoch + 1)


def _locked(database: Database, query: Select[Any]) -> Select[Any]:
    return query.with_for_update() if database.dialect == "postgresql" else query


def renew(database: Database, held: Sequence[Lease], seconds: float) -> bool:
    """Prolong; False where one of them was taken over."""
    with database.begin() as connection:
        expires = now() + dt.timedelta(seconds=seconds)
        return all(
            connection.execute(
                lease.update()
                .where(lease.c.name == item.name, lease.c.epoch == item.epoch)
                .values(expires_at=expires)
            ).rowcount
            == 1
            for item in held
        )


def release(database: Database, held: Sequence[Lease]) -> None:
    """Give back; the epoch stays, so that a late writer is still refused."""
    with database.begin() as connection:
        for item in held:
            connection.execute(
                lease.update()
                .where(lease.c.name == item.name, lease.c.epoch == item.epoch)
                .values(expires_at=now(), holder="")
            )


@contextmanager
def leases(database: Database, names: list[str]) -> Iterator[list[Lease]]:
    """Hold leases, taken in order of name, renewed by a thread, given back at the end."""
    seconds = lease_seconds()
    held = take(database, set(names), seconds)
    try:
        with beating(database, held, seconds):
            yield held
    finally:
        release(database, held)


@contextmanager
def beating(database: Database, held: list[Lease], seconds: float) -> Iterator[None]:
    """Renew leases by a thread, each time for so long."""
    stop, beat = threading.Event(), min(seconds, lease_seconds()) / 4
    heart = threading.Thread(target=_beat, args=(database, held, stop, seconds, beat), daemon=True, name="lease")
    heart.start()
    try:
        yield
    finally:
        stop.set()
        heart.join(timeout=5)


def _beat(database: Database, held: list[Lease], stop: threading.Event, seconds: float, beat: float) -> None:
    while not stop.wait(beat):
        try:
            with unstopped():
                renewed = renew(database, held, seconds)
            if not renewed:
                return
        except Retriable:  # the next beat may find the database again; else the epoch check refuses
            continue


def fence(session: Bulk | Connection, held: Sequence[Lease]) -> None:
    """First statement of every writing transaction: Fatal ``run.fenced`` where the right is gone."""
    for item in held:
        query = select(lease.c.epoch).where(lease.c.name == item.name)
        if isinstance(session, Connection):
            found = session.execute(
                query.with_for_update() if session.dialect.name == "postgresql" else query
            ).all()
        else:
            found = session.run(query.with_for_update() if session.dialect == "postgresql" else query)  # type: ignore[assignment] # either is a statement of rows
        if not found or found[0][0] != item.epoch:
            raise Fatal(
                "run.fenced",
                f"another run took {item.name} over; this one has written nothing more",
                hint="nothing to do: the newer run goes on",
            )


def require(database: Database, held: Sequence[Lease]) -> None:
    """The same before something is done that no transaction can undo, such as calling a target."""
    with database.begin() as connection:
        fence(connection, held)


def open_run(
    database: Database, exchange: str, mode: str, run_key: str, epoch: int, workspace_hash: str
) -> RunRow:
    """The journal's row of a run key: a finished one is answered as it ended, another is begun anew."""
    with database.begin() as connection:
        row = connection.execute(select(run).where(run.c.run_key == run_key)).one_or_none()
        values = {
            "exchange": exchange,
            "mode": mode,
            "state": "running",
            "epoch": epoch,
            "stage": "",
            "workspace_hash": workspace_hash,
            "started_at": now(),
            "ended_at": None,
            "counts": {},
            "notes": [],
            "error": None,
        }
        if row is None:
            identity = new_id()
            connection.execute(run.insert().values(id=identity, run_key=run_key, **values))
            return RunRow(identity, run_key, exchange, mode, "running", workspace_hash=workspace_hash)
        if row.state in ("done", "planned"):
            return read_row(row)
        connection.execute(run.update().where(run.c.id == row.id).values(**values))
        return RunRow(row.id, run_key, exchange, mode, "running", workspace_hash=workspace_hash)


def find_run(database: Database, run_key: str) -> RunRow | None:
    with database.begin(reading=True) as connection:
        row = connection.execute(select(run).where(run.c.run_key == run_key)).one_or_none()
    return read_row(row) if row is not None else None


def last_full(database: Database, exchange: str) -> dt.datetime | None:
    """When the newest run began that read everything and ended well."""
    query = select(func.max(run.c.started_at)).where(
        run.c.exchange == exchange, run.c.mode == "full", run.c.state == "done"
    )
    with database.begin(reading=True) as connection:
        found: dt.datetime | None = connection.execute(query).scalar_one()
    return found


def read_row(row: Any) -> RunRow:
    """A row of the table as a run."""
    return RunRow(
        row.id,
        row.run_key,
        row.exchange,
        row.mode,
        row.state,
        dict(row.counts),
        list(row.notes),
        row.error,
        row.stage,
        row.started_at,
        row.ended_at,
        row.workspace_hash,
    )


def progress(
    database: Database, identity: uuid.UUID, epoch: int, stage: str, counts: Mapping[str, int]
) -> None:
    """Live progress, for whoever looks."""
    with database.begin() as connection:
        connection.execute(_own(identity, epoch).values(stage=stage, counts=dict(counts)))


def _own(identity: uuid.UUID, epoch: int) -> Update:
    """A run's row while it is this run's: one that was asked for again, and begun anew, is another's."""
    return run.update().where(run.c.id == identity, run.c.epoch == epoch)


def close_run(
    database: Database,
    identity: uuid.UUID,
    epoch: int,
    state: str,
    counts: Mapping[str, int],
    notes: list[str],
    error: dict[str, str] | None = None,
) -> None:
    """Say how a run ended, where it is still its own."""
    with database.begin() as connection:
        connection.execute(
            _own(identity, epoch).values(
                state=state, counts=dict(counts), notes=notes, error=error, ended_at=now()
            )
        )


def list_runs(database: Database, exchange: str | None = None, limit: int = 20) -> list[RunRow]:
    """Newest first."""
    query = select(run).order_by(run.c.started_at.desc()).limit(limit)
    if exchange:
        query = query.where(run.c.exchange == exchange)
    with database.begin(reading=True) as connection:
        return [read_row(row) for row in connection.execute(query)]


def caught_up(database: Database, exchange: str, moment: dt.datetime) -> dt.datetime | None:
    """When the newest run began that read the source and ended well; None where there was none. One that began after
    ``moment``, which is now, is of a clock that was ahead."""
    read = run.c.mode.in_(("incremental", "full"))
    query = select(func.max(run.c.started_at)).where(run.c.exchange == exchange, run.c.state == "done", read)
    query = query.where(run.c.started_at <= moment)
    with database.begin(reading=True) as connection:
        found: dt.datetime | None = connection.scalar(query)
    return found
