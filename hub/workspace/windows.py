"""Maintenance windows of a system: when nobody asks it anything, and what is to be done there waits."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from hub.workspace.strict import Duration, Shape, seconds

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NTH: Final = {"first": 0, "second": 1, "third": 2, "fourth": 3}
_DAY = "|".join(DAYS)
_NTH = "|".join((*NTH, "last"))
AT: Final = re.compile(
    rf"(?:(?P<date>\d{{4}}-\d\d-\d\d) |(?P<nth>{_NTH}) (?P<nday>{_DAY}) |(?P<days>(?:{_DAY})(?:,(?:{_DAY}))*) "
    r"|(?P<numbers>(?:last|\d{1,2})(?:,(?:last|\d{1,2}))*) )?(?P<time>\d\d:\d\d)"
)
LONGEST: Final = 31
"""Days that one window may last at most."""
AHEAD: Final = 400


class Window(Shape):
    """When a system is maintained: from a moment on, for so long, once or again and again."""

    at: str = Field(
        description="When it begins: a time every day (22:00), on days of the week (sat,sun 02:00), on one of a month "
        "(first sun 02:00), on days of a month (1,last 23:30), or once (2026-12-24 20:00)",
        examples=["sun 02:00"],
    )
    for_: Duration = Field(alias="for", description="How long it lasts; 31d at most", examples=["4h"])
    zone: str | None = Field(
        None, description="Time zone of its clock; default: that of hub.yaml", examples=["Asia/Shanghai"]
    )

    @field_validator("at")
    @classmethod
    def _readable(cls, text: str) -> str:
        found = AT.fullmatch(text)
        if found is None:
            raise ValueError("write a time, behind days where it is not every day: 22:00, sat,sun 02:00, 1,last 23:30")
        dt.time.fromisoformat(found["time"])
        if found["date"]:
            dt.date.fromisoformat(found["date"])
        for one in (found["numbers"] or "1").split(","):
            if one != "last" and not 1 <= int(one) <= 31:
                raise ValueError(f"no month has a day {one}")
        return text

    @field_validator("for_")
    @classmethod
    def _bounded(cls, text: str) -> str:
        if not 0 < seconds(text) <= LONGEST * 86_400:
            raise ValueError(f"a window lasts {LONGEST} days at most")
        return text

    def begins(self, first: dt.date, days: int, zone: str) -> Iterator[dt.datetime]:
        """When it begins on so many days from ``first`` on, as UTC. A time that the clock skips is taken as if it had
        not been put forward yet; one that it shows twice is the first of both."""
        found = AT.fullmatch(self.at)
        assert found is not None
        time = dt.time.fromisoformat(found["time"])
        for number in range(days):
            day = first + dt.timedelta(days=number)
            if _on(day, found):
                local = dt.datetime.combine(day, time, ZoneInfo(self.zone or zone))
                yield local.astimezone(dt.UTC)

    def until(self, moment: dt.datetime, zone: str) -> dt.datetime | None:
        """When it ends, where it is open at a moment."""
        lasts = dt.timedelta(seconds=seconds(self.for_))
        today = moment.astimezone(ZoneInfo(self.zone or zone)).date()
        first = today - dt.timedelta(days=lasts.days + 1)
        ends = [one + lasts for one in self.begins(first, lasts.days + 3, zone) if one <= moment < one + lasts]
        return max(ends, default=None)

    def next(self, moment: dt.datetime, zone: str) -> dt.datetime | None:
        """When it begins again after a moment; None where that is further ahead than a year."""
        today = moment.astimezone(ZoneInfo(self.zone or zone)).date()
        return next((one for one in self.begins(today, AHEAD, zone) if one > moment), None)


def _on(day: dt.date, found: re.Match[str]) -> bool:
    """Whether a window begins on a day."""
    last = calendar.monthrange(day.year, day.month)[1]
    if found["date"]:
        return day.isoformat() == found["date"]
    if found["nth"]:
        if DAYS[day.weekday()] != found["nday"]:
            return False
        return day.day + 7 > last if found["nth"] == "last" else (day.day - 1) // 7 == NTH[found["nth"]]
    if found["days"]:
        return DAYS[day.weekday()] in found["days"].split(",")
    if found["numbers"]:
        return any(day.day == (last if one == "last" else int(one)) for one in found["numbers"].split(","))
    return True


def closed_until(windows: Sequence[Window], moment: dt.datetime, zone: str) -> dt.datetime | None:
    """When the last of the windows that are open at a moment ends; None where none is. One that begins before another
    ends goes on with it; some that never end between them are looked at again after a month."""
    ends, latest = None, moment + dt.timedelta(days=LONGEST)
    while ends is None or ends < latest:
        later = max((end for one in windows if (end := one.until(ends or moment, zone))), default=None)
        if later is None:
            break
        ends = later
    return ends


MAINTENANCE: Any = Field(
    [],
    description="When the system is maintained: it is asked nothing, and what is to be done there waits",
    examples=[[{"at": "sun 02:00", "for": "4h", "zone": "Asia/Shanghai"}]],
)
