"""What a worker runs by the clock, and after others: once for each tick, whoever asks how often."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.bus.timetable import Timetable
from hub.store import switches
from hub.store.database import now
from hub.store.notice_tables import scheduled
from hub.store.switches import Switch
from hub.store.tables import standstill
from tests.stores import Store
from tests.unit.bus.busworld import BusWorld, supplier

MINUTE = dt.timedelta(minutes=1)


class Timed(BusWorld):
    """Suppliers by the clock. The clock stands until a test moves it; runs are journaled by the true one."""

    def start(self, schedule: str, hub: str = "schedules: worker") -> None:
        self.at = now().replace(second=0, microsecond=0)
        self.clock = lambda: self.at
        self.begin()
        self.write("config/hub.yaml", f"hub: test\n{hub}\n")
        self.schedule(schedule)

    def schedule(self, words: str) -> None:
        text = (self.folder / "mappings/suppliers.yaml").read_text(encoding="utf-8").split("schedule:")[0]
        self.write("mappings/suppliers.yaml", f"{text}schedule: {words}\n")

    def turn(self, *, later: dt.timedelta = dt.timedelta(), times: int = 1) -> list[bool]:
        """What a worker does that begins then, and turns so many times."""
        self.at += later
        with self.opened() as opened:
            made = Timetable(opened.hub, self.said.append, lambda: False)
            return [made.turn() for _ in range(times)]

    def runs(self, exchange: str = "suppliers") -> list[tuple[Any, ...]]:
        return self.rows(f"SELECT mode, state, run_key FROM run WHERE exchange = '{exchange}' ORDER BY started_at")


@pytest.fixture
def timed(tmp_path: Path, store: Store) -> Iterator[Timed]:
    made = Timed(tmp_path / "w", store)
    yield made
    made.close()


def test_a_tick_is_run_once_however_many_workers_ask(timed: Timed) -> None:
    timed.start('{cron: "* * * * *"}')
    assert timed.turn() == [False]  # the schedule begins: what came round before is none of it
    assert timed.turn(later=MINUTE, times=2) == [True, False]
    assert timed.turn() == [False]  # another worker, or a restart
    ((mode, state, key),) = timed.runs()
    assert (mode, state, key) == ("incremental", "done", f"schedule/suppliers/{timed.at:%Y-%m-%dT%H:%M:%SZ}")


def test_of_missed_ticks_only_the_last_is_made_up_for(timed: Timed) -> None:
    timed.start('{cron: "* * * * *"}')
    timed.turn()
    timed.turn(later=7 * MINUTE, times=3)
    assert [key for *_, key in timed.runs()] == [f"schedule/suppliers/{timed.at:%Y-%m-%dT%H:%M:%SZ}"]


def test_the_journal_answers_although_nobody_noted_that_the_tick_is_covered(timed: Timed) -> None:
    timed.start("{every: 30s}")
    timed.turn()
    timed.turn(later=MINUTE)
    ran = timed.runs()
    with timed.looking() as connection:  # as if it was killed there
        connection.execute(scheduled.update().values(since=timed.at - 9 * MINUTE))
    assert timed.turn() == [False]
    assert timed.runs() == ran


def test_a_schedule_that_was_changed_begins_anew(timed: Timed) -> None:
    timed.start('{cron: "* * * * *"}')
    timed.turn()
    timed.schedule("{every: 1m, full: '0 2 * * *'}")
    assert timed.turn(later=3 * MINUTE) == [False]
    assert timed.turn(later=MINUTE) == [True]


def test_the_first_run_after_the_time_of_full_reads_everything_and_the_next_does_not(timed: Timed) -> None:
    timed.start('{every: 1m, full: "0 2 1 1 *"}')
    timed.turn()
    for _ in range(2):
        timed.turn(later=MINUTE)
    assert [mode for mode, *_ in timed.runs()] == ["full", "incremental"]


def test_what_is_stopped_waits_and_runs_once_when_it_goes_on(timed: Timed) -> None:
    timed.start('{cron: "* * * * *"}')
    timed.turn()
    with timed.looking() as connection:
        switches.stop(connection, Switch("exchange", "suppliers", "ann", "closing", timed.at))
    assert timed.turn(later=MINUTE) == [False]
    assert (timed.runs(), timed.rows("SELECT * FROM standstill")) == ([], [])
    with timed.looking() as connection:
        switches.resume(connection, "exchange", "suppliers")
    assert timed.turn(later=5 * MINUTE, times=2) == [True, False]
    assert len(timed.runs()) == 1


def test_what_fails_stands_still_and_keeps_its_tick(timed: Timed) -> None:
    timed.start('{cron: "* * * * *"}')
    timed.turn()
    source = timed.data / "erp-suppliers.ndjson"
    hidden = source.rename(source.with_suffix(".away"))
    assert timed.turn(later=MINUTE, times=2) == [True, False]  # it stands still for a while
    hidden.rename(source)
    with timed.looking() as connection:
        connection.execute(standstill.delete())
    assert timed.turn() == [True]
    assert [state for _, state, _ in timed.runs()] == ["done"]


def test_where_airflow_schedules_a_worker_does_nothing(timed: Timed) -> None:
    timed.start('{cron: "* * * * *"}', "schedules: airflow")
    timed.turn()
    assert timed.turn(later=5 * MINUTE) == [False]
    assert timed.runs() == []


def test_an_exchange_runs_after_another_that_changed_something_and_not_after_one_that_did_not(
    timed: Timed,
) -> None:
    timed.start("manual")
    timed.first("erp.suppliers", supplier(1))
    text = (timed.folder / "mappings/to-crm.yaml").read_text(encoding="utf-8")
    timed.write("mappings/to-crm.yaml", text.replace("on_change", "{after: [suppliers]}"))
    timed.at = now()
    assert timed.turn() == [False]  # the load before is older than the schedule
    timed.run("suppliers")
    assert timed.turn() == [False]  # it found nothing new
    timed.put("erp.suppliers", supplier(1), supplier(2, 9))
    timed.run("suppliers")
    assert timed.turn(times=2) == [True, False]
    assert timed.turn() == [False]
    ((mode, state, key),) = timed.runs("to-crm")
    assert (mode, state, key.rpartition("/")[0]) == ("incremental", "done", "schedule/to-crm/after")
