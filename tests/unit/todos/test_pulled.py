"""What is pulled is read anew: what differs is found, and nothing is concluded on doubt."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import update

from hub.errors import ConfigError
from hub.store import claims
from hub.store.tables import run
from hub.todos import drift, pulled
from hub.todos.pulled import Look
from tests.unit.cli.desk import cophub
from tests.unit.todos.conftest import Desk
from tests.unit.todos.test_pull import EACH, MAPPING, pull, task
from tests.unit.todos.test_pull import office as emptied
from tests.unit.todos.test_pull import workflow as workflow

pytestmark = pytest.mark.by_turns
__all__ = ["emptied"]


@pytest.fixture
def office(emptied: Desk) -> Desk:
    with emptied.open_hub.hub.database.begin() as connection:
        for name in ("todo_check", "todo_drift", "todo_pass", "todo_passed"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql("DELETE FROM run WHERE exchange = 'wf-todos'")
    return emptied


def look(office: Desk, **asked: Any) -> Look:
    with office.opened() as opened:
        return pulled.look(opened.hub, "wf-todos", **asked)


def found(look: Look) -> dict[str, tuple[str, bool]]:
    return {one.id: (one.kind, one.confirmed) for one in look.differences}


def heal(office: Desk) -> int:
    with office.opened() as opened:
        return drift.heal(opened.hub, "wf", drift.plan(opened.hub, "wf").digest)


def told_nothing(office: Desk) -> None:
    """As though a run had begun since, to which the source told nothing."""
    with office.open_hub.hub.database.begin() as connection:
        connection.execute(update(run).where(run.c.exchange == "wf-todos").values(started_at=office.clock()))


def lose(office: Desk, *ids: str) -> None:
    """The hub's own rows are lost; what the exchange acknowledged is not."""
    with office.open_hub.hub.database.begin() as connection:
        for one in ids:
            connection.exec_driver_sql(f"DELETE FROM todo WHERE source_id = '{one}'")


def test_what_the_hub_lost_is_confirmed_once_a_run_could_have_told_it(office: Desk) -> None:
    pull(office, task(1), task(2, "2"))
    assert found(look(office)) == {}
    lose(office, "T1")
    for _ in range(2):
        assert found(look(office)) == {"T1": ("missing", False)}  # no run in between: it may be on its way
        assert heal(office) == 0
    pull(office, task(1), task(2, "2"))
    assert found(look(office)) == {"T1": ("missing", True)}
    assert heal(office) == 1
    assert (office.titles("1"), found(look(office))) == (["Leave 1"], {})


def test_what_changes_between_the_looks_is_no_difference(office: Desk) -> None:
    pull(office, task(1))
    for minute in range(1, 4):
        office.put("wf.tasks", task(1, title=f"Leave, {minute}", minute=minute))
        assert found(look(office)) == {"T1": ("stale", False)}  # each time anew
        office.run("wf-todos")
    assert found(look(office)) == {}


def test_what_moves_no_time_is_healed_and_the_next_change_is_newer(office: Desk) -> None:
    office.mapping(EACH)
    pull(office, task(1, more=[{"who": "1"}, {"who": "2"}]), task(2, more=[{"who": "3"}]))
    office.put("wf.tasks", task(1, more=[{"who": "3"}]), task(2, more=[{"who": "3"}], title="Other"))
    assert found(look(office)) == {"T1": ("wrong_owner", False), "T2": ("stale", False)}
    told_nothing(office)
    assert found(look(office)) == {"T1": ("wrong_owner", True), "T2": ("stale", True)}
    assert heal(office) == 2
    assert (office.titles("1"), office.titles("2"), sorted(office.titles("3"))) == ([], [], ["Leave 1", "Other"])
    office.run("wf-todos")  # what was healed is what the exchange delivers
    pull(office, task(1, more=[{"who": "1"}], minute=1), task(2, more=[{"who": "3"}], title="Other"))
    assert (office.titles("1"), office.titles("3")) == (["Leave 1"], ["Other"])
    assert found(look(office)) == {}


def test_what_is_no_longer_there_is_taken_off_and_comes_back_whatever_its_time(office: Desk) -> None:
    pull(office, task(1), task(2))
    office.report({"system": "wf", "id": "T9", "title": "Ghost", "assignees": [{"to": {"code": "1"}}]})
    office.ahead = dt.timedelta(minutes=5)
    try:
        assert found(look(office)) == {"T9": ("ghost", False)}
        pull(office, task(1), task(2))
        told_nothing(office)
        assert found(look(office)) == {"T9": ("ghost", True)}
        assert heal(office) == 1
    finally:
        office.ahead = dt.timedelta()
    assert sorted(office.titles("1")) == ["Leave 1", "Leave 2"]
    pull(office, task(1), task(2), task(9))
    assert sorted(office.titles("1")) == ["Leave 1", "Leave 2", "Leave 9"]


@pytest.mark.parametrize("whose", ["look", "run"])
def test_a_clock_that_was_ahead_ends_no_comparisons(office: Desk, whose: str) -> None:
    pull(office, task(1), task(2))
    lose(office, "T1")
    office.ahead = dt.timedelta(days=400)
    try:
        if whose == "look":
            look(office)
        else:
            told_nothing(office)
    finally:
        office.ahead = dt.timedelta()
    for _ in range(2):
        assert found(look(office)) == {"T1": ("missing", False)}  # no run in between
    told_nothing(office)
    assert found(look(office)) == {"T1": ("missing", True)}
    assert heal(office) == 1
    assert sorted(office.titles("1")) == ["Leave 1", "Leave 2"]


@pytest.mark.parametrize("doubt", ["empty", "shrunk", "refuted", "keep", "quarantine"])
def test_there_is_no_ghost_on_doubt(office: Desk, doubt: str) -> None:
    everything = [task(number) for number in range(110 if doubt == "shrunk" else 20)]
    pull(office, *everything)
    hub = office.open_hub.hub
    match doubt:
        case "empty":
            office.put("wf.tasks")
        case "shrunk":
            office.put("wf.tasks", *everything[:10])
        case "keep":
            office.mapping(MAPPING.replace("absent: delete", "absent: keep"))
            office.put("wf.tasks", *everything[1:])
        case "quarantine":
            office.put("wf.tasks", task(0, priority="odd"), *everything[1:])
        case "refuted":
            with hub.database.begin() as connection:
                claims.remember(connection, "wf", "tasks", {"snapshot": "it lies"}, [])
            office.put("wf.tasks", *everything[1:])
    seen = look(office)
    with hub.database.begin() as connection:
        claims.remember(connection, "wf", "tasks", {}, ["snapshot"])
    assert found(seen) == {}
    assert seen.whole is (doubt == "quarantine")


def test_what_somebody_did_he_has_not_to_do_again(office: Desk) -> None:
    pull(office, task(1))
    office.report({"system": "wf", "id": "T1", "partial": True, "assignees": [{"to": {"code": "1"}, "done": True}]})
    assert found(look(office)) == {}
    office.report({"system": "wf", "id": "T1", "status": "completed"})
    assert found(look(office)) == {"T1": ("finished", False)}
    assert heal(office) == 0


def test_a_mapping_that_pulls_no_todos_is_refused(office: Desk) -> None:
    with office.opened() as opened, pytest.raises(ConfigError) as told:
        pulled.look(opened.hub, "people")
    assert told.value.code == "drift.mapping"


def test_on_the_command_line(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    pull(office, task(1))
    lose(office, "T1")
    look(office)
    pull(office, task(1))
    monkeypatch.setenv("COPHUB_STORE", office.store)
    answer = cophub("-w", str(office.folder), "--json", "todos", "compare", "wf-todos", "--slice", "10", "--heal")
    assert (answer.code, answer.json["healed"], answer.json["looked"]["whole"]) == (0, 1, True)
    assert office.titles("1") == ["Leave 1"]
