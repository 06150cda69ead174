"""When schedules come round: by the clock of a zone, by the name of the exchange, and the same for whoever asks."""

from __future__ import annotations

import datetime as dt

import pytest

from hub.workspace.flow import Schedule
from hub.workspace.ticks import last, times


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("cron", "moment", "expected"),
    [
        ("0 2 * * *", "2026-03-01T02:00:00", "2026-03-01T01:00"),  # it was at 01:00 in UTC
        ("0 2 * * *", "2026-03-01T01:00:00", "2026-03-01T01:00"),  # now is not too late
        ("0 2 * * *", "2026-03-01T00:59:59.900000", "2026-02-28T01:00"),  # and not too early
        ("*/30 * * * *", "2026-10-25T01:40:00", "2026-10-25T01:30"),  # 02:40 for the second time
        ("*/30 * * * *", "2026-10-25T00:40:00", "2026-10-25T00:30"),
        ("30 2 * * *", "2026-10-25T01:40:00", "2026-10-25T00:30"),  # it names its hour: once
        ("30 2 * * *", "2026-03-29T01:10:00", "2026-03-28T01:30"),  # 02:30 is left out, and comes
        ("30 2 * * *", "2026-03-29T01:30:00", "2026-03-29T01:30"),  # as 03:30
    ],
)
def test_the_newest_tick_is_that_of_the_zone_also_where_its_clock_is_moved(
    cron: str, moment: str, expected: str
) -> None:
    assert last(cron, "Europe/Berlin", utc(moment)) == utc(expected)


def test_the_next_tick_follows_the_newest() -> None:
    clock = times(Schedule(cron="0 2 * * *", full="30 1 * * 0"), "a")
    assert clock.last("a", "Europe/Berlin", utc("2026-03-01T00:45")) == utc("2026-03-01T00:30")
    assert clock.next("a", "Europe/Berlin", utc("2026-03-01T00:45")) == utc("2026-03-01T01:00")
    assert times(Schedule(after=["b"]), "a").next("a", "UTC", utc("2026-03-01T00:45")) is None


def test_what_never_comes_has_no_tick() -> None:
    assert last("0 2 30 2 *", "UTC", utc("2026-03-01T00:00")) is None


def test_an_interval_without_a_word_in_cron_is_counted_from_a_fixed_day_and_moved_by_the_name() -> None:
    clock = times(Schedule(every="7m", full="0 2 * * *"), "a")
    first = clock.last("a", "UTC", utc("2026-03-01T12:00"))
    assert first is not None
    assert clock.last("a", "UTC", first + dt.timedelta(minutes=6, seconds=59)) == first
    assert clock.last("a", "UTC", first + dt.timedelta(minutes=7)) == first + dt.timedelta(minutes=7)
    assert clock.last("b", "UTC", utc("2026-03-01T12:00")) != first
