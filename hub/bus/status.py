"""What workers are doing, read from the tables alone: who holds what, and what lags behind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from hub.store import inbox, journal, outbox, standstills
from hub.store.database import Database, now
from hub.store.inbox import Pending
from hub.store.journal import HeldLease
from hub.store.outbox import Lag
from hub.store.standstills import Standstill


@dataclass(frozen=True, slots=True)
class Status:
    """``behind`` counts commits by exchange; ``exhausted`` events that wait for a person."""

    at: dt.datetime
    leases: tuple[HeldLease, ...]
    outbox: Lag
    exhausted: int
    inbox: tuple[Pending, ...]
    behind: Mapping[str, int]
    standstills: tuple[Standstill, ...]


def status(database: Database, readers: Mapping[str, str]) -> Status:
    """``readers`` are the exchanges that follow a model: exchange → model."""
    return Status(
        now(),
        tuple(journal.held_leases(database)),
        outbox.lag(database),
        len(outbox.exhausted(database, 1_000)),
        tuple(inbox.pending(database)),
        standstills.behind(database, readers) if readers else {},
        tuple(standstills.all_of(database).values()),
    )
