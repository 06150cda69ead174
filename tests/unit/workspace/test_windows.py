"""Maintenance windows: when they are open, by which clock, also where that is put forward and back."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from hub.workspace.windows import Window, closed_until


def window(at: str, lasts: str = "4h", zone: str | None = None) -> Window:
    return Window.model_validate({"at": at, "for": lasts, "zone": zone})


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("at", "inside", "ends", "outside"),
    [
        ("22:00", "2026-03-05 01:30", "2026-03-05 02:00", "2026-03-05 02:00"),
        ("sat,sun 02:00", "2026-03-07 02:00", "2026-03-07 06:00", "2026-03-06 03:00"),
        ("first sun 02:00", "2026-03-01 05:59", "2026-03-01 06:00", "2026-03-08 03:00"),
        ("last sun 02:00", "2026-03-29 05:59", "2026-03-29 06:00", "2026-03-22 03:00"),
        ("1,last 23:30", "2026-03-01 02:00", "2026-03-01 03:30", "2026-03-02 04:00"),
        ("2026-12-24 20:00", "2026-12-24 23:00", "2026-12-25 00:00", "2027-12-24 23:00"),
    ],
)
def test_a_window_is_open_from_its_time_on_for_so_long(at: str, inside: str, ends: str, outside: str):
    made = window(at)
    assert made.until(utc(inside), "UTC") == utc(ends)
    assert made.until(utc(outside), "UTC") is None


def test_a_window_goes_by_the_clock_of_its_zone():
    assert window("22:00", zone="Asia/Shanghai").until(utc("2026-03-05 14:30"), "UTC") == utc("2026-03-05 18:00")
    assert window("22:00").until(utc("2026-03-05 14:30"), "Asia/Shanghai") == utc("2026-03-05 18:00")
    assert window("22:00", zone="UTC").until(utc("2026-03-05 14:30"), "Asia/Shanghai") is None


def test_where_the_clock_is_put_forward_or_back_a_window_lasts_as_long_as_it_says():
    berlin = window("02:30", "2h", "Europe/Berlin")
    assert berlin.until(utc("2026-03-29 01:30"), "UTC") == utc("2026-03-29 03:30")  # 02:30 is not shown that night
    assert berlin.until(utc("2026-10-25 01:40"), "UTC") == utc("2026-10-25 02:30")  # shown twice: the first counts
    assert berlin.until(utc("2026-10-25 02:40"), "UTC") is None


def test_windows_that_follow_each_other_are_one():
    both = [window("22:00", "4h"), window("02:00", "1h"), window("12:00", "1h")]
    assert closed_until(both, utc("2026-03-05 23:00"), "UTC") == utc("2026-03-06 03:00")
    assert closed_until(both, utc("2026-03-05 03:00"), "UTC") is None
    assert closed_until([window("00:00", "24h")], utc("2026-03-05 03:00"), "UTC") is not None  # always, and it ends


@pytest.mark.parametrize("at", ["25:00", "at noon", "32 02:00", "fri", "2026-02-30 02:00", "fifth sun 02:00"])
def test_what_is_no_time_is_refused(at: str):
    with pytest.raises(ValidationError):
        window(at)


def test_it_is_known_when_a_window_begins_next():
    assert window("sun 02:00").next(utc("2026-03-05 23:00"), "UTC") == utc("2026-03-08 02:00")
    assert window("2026-01-01 02:00").next(utc("2026-03-05 23:00"), "UTC") is None
