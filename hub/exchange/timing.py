"""Whether a run by schedule is to read everything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from hub.store import journal
from hub.store.database import Database
from hub.workspace.ticks import last


def full_is_due(database: Database, exchange: str, cron: str, zone: str, clock: Callable[[], dt.datetime]) -> bool:
    """Whether ``cron`` came round since the exchange last read everything and ended well."""
    since, read = last(cron, zone, clock()), journal.last_full(database, exchange)
    return since is not None and (read is None or read < since)
