"""When an exchange runs, in the words of cron, and whether a run is to read everything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zlib import crc32
from zoneinfo import ZoneInfo

from croniter import croniter

from hub.store import journal
from hub.store.database import Database

MINUTE, HOUR, DAY = 60, 3600, 86_400


def valid(expression: str) -> bool:
    """Whether it is a cron expression of five fields.

    >>> valid("*/15 6-20 * * *"), valid("at noon"), valid("61 * * * *")
    (True, False, False)
    """
    return len(expression.split()) == 5 and croniter.is_valid(expression)


def as_cron(seconds: float, name: str) -> str | None:
    """An interval as cron, None where cron has no word for it. Exchanges of one interval do not start all at once:
    the ``name`` moves them against each other, always by the same.

    >>> as_cron(900, "s4-suppliers"), as_cron(7200, "s4-suppliers"), as_cron(60, "x"), as_cron(420, "x")
    ('6-59/15 * * * *', '51 1-23/2 * * *', '* * * * *', None)
    """
    spread = crc32(name.encode())
    if seconds == MINUTE:
        return "* * * * *"
    if seconds in [minutes * MINUTE for minutes in (2, 3, 4, 5, 6, 10, 12, 15, 20, 30)]:
        minutes = int(seconds // MINUTE)
        return f"{spread % minutes}-59/{minutes} * * * *"
    if seconds in [hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12)]:
        hours = int(seconds // HOUR)
        return f"{spread % 60} {spread % hours}-23/{hours} * * *" if hours > 1 else f"{spread % 60} * * * *"
    return f"{spread % 60} 0 * * *" if seconds == DAY else None


def full_is_due(database: Database, exchange: str, cron: str, zone: str, clock: Callable[[], dt.datetime]) -> bool:
    """Whether ``cron`` came round since the exchange last read everything and ended well."""
    moment = clock().astimezone(ZoneInfo(zone)) + dt.timedelta(seconds=1)
    since: dt.datetime = croniter(cron, moment).get_prev(dt.datetime)
    last = journal.last_full(database, exchange)
    return last is None or last < since.astimezone(dt.UTC)
