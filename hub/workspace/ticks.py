"""When a schedule comes round: its intervals and cron expressions as moments, the same for whoever asks.

A cron expression is read on the clock of a zone. In the hour that comes twice a year, what names its hours comes once
and what runs every hour comes twice; what would come in the hour that is left out comes as much later.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final
from zlib import crc32
from zoneinfo import ZoneInfo

from hub.workspace.flow import Schedule
from hub.workspace.strict import seconds

MINUTE, HOUR, DAY = 60, 3600, 86_400
RANDOM: Final = re.compile(r"(?<![A-Z])[HR](?![A-Z])", re.IGNORECASE)
"""Words of the library for times that it makes up itself."""


@dataclass(frozen=True, slots=True)
class Times:
    """When an exchange runs by the clock: cron expressions, or seconds where cron has no word for the interval."""

    crons: tuple[str, ...] = ()
    every: float | None = None

    def last(self, name: str, zone: str, moment: dt.datetime) -> dt.datetime | None:
        """The newest tick of the exchange ``name`` up to a moment, in UTC; None where there was none. Intervals are
        counted from a fixed day, moved by the name."""
        if self.every:
            at, spread = moment.timestamp(), crc32(name.encode()) % self.every
            return dt.datetime.fromtimestamp(at - (at - spread) % self.every, dt.UTC).replace(microsecond=0)
        found = [one for cron in self.crons if (one := last(cron, zone, moment)) is not None]
        return max(found, default=None)

    def next(self, name: str, zone: str, moment: dt.datetime) -> dt.datetime | None:
        """The first tick after a moment, in UTC; None where there is none."""
        if self.every and (before := self.last(name, zone, moment)) is not None:
            return before + dt.timedelta(seconds=self.every)
        found = [one for cron in self.crons if (one := following(cron, zone, moment)) is not None]
        return min(found, default=None)


def times(schedule: Schedule, name: str) -> Times:
    """What ``every``, ``cron`` and ``full`` mean; of ``after`` no clock knows.

    Of an interval that cron has no word for, ``full`` is no time of its own: the first run after it reads everything.
    """
    every = seconds(schedule.every) if schedule.every else None
    cron = as_cron(every, name) if every else None
    if every and cron is None:
        return Times(every=every)
    return Times(tuple(dict.fromkeys(one for one in (schedule.cron, cron, schedule.full) if one)))


def valid(expression: str) -> bool:
    """Whether it is a cron expression of five fields.

    >>> valid("*/15 6-20 * * *"), valid("at noon"), valid("61 * * * *"), valid("R 2 * * *")
    (True, False, False, False)
    """
    from croniter import croniter  # noqa: PLC0415 # slow to load; most commands meet no expression

    return len(expression.split()) == 5 and not RANDOM.search(expression) and croniter.is_valid(expression)


def last(cron: str, zone: str, moment: dt.datetime) -> dt.datetime | None:
    """The newest moment up to ``moment`` at which an expression came round, in UTC; None where it never does.

    >>> last("30 2 * * *", "Asia/Shanghai", dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC))
    datetime.datetime(2026, 2, 28, 18, 30, tzinfo=datetime.timezone.utc)
    """
    from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 # see valid

    here = moment.astimezone(ZoneInfo(zone))
    second = dt.timedelta(seconds=1)  # the library answers what is before, and a tick of now is wanted
    found = croniter(cron, here.replace(tzinfo=None, microsecond=0, fold=0) + second)
    fold = here.fold if "*" in cron.split()[1] else 0
    try:
        while True:
            tick: dt.datetime = found.get_prev(dt.datetime)
            at = tick.replace(tzinfo=here.tzinfo, fold=fold).astimezone(dt.UTC)
            if at <= moment:
                return at
    except CroniterBadDateError:  # the 30th of February
        return None


def following(cron: str, zone: str, moment: dt.datetime) -> dt.datetime | None:
    """The first moment after ``moment`` at which an expression comes round, in UTC; None where it never does."""
    from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 # see valid

    here = moment.astimezone(ZoneInfo(zone))
    found = croniter(cron, here.replace(tzinfo=None, fold=0))
    try:
        tick: dt.datetime = found.get_next(dt.datetime)
    except CroniterBadDateError:
        return None
    return tick.replace(tzinfo=here.tzinfo, fold=here.fold).astimezone(dt.UTC)


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
