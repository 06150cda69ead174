"""Each reason why somebody sees a to-do, or does not, told of one that truly is so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from hub.errors import HubError
from hub.store import circuits, standstills
from hub.store.database import now
from hub.todos import groups
from tests.stores import SqliteStore
from tests.unit.cli.desk import cophub
from tests.unit.todos.conftest import Desk, forget
from tests.unit.todos.test_groups import BEGIN, Office, office
from tests.unit.todos.test_lists import at, to, todo

pytestmark = pytest.mark.by_turns

WF = """
    mapping: wf-todos
    from: wf.tasks
    into: hub.todos
    level: L1
    fields: {id: id, code: who, changed: at, title: title}
    guard: off
"""


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """With teams, and a workflow system that is pulled."""
    made = office(tmp_path_factory.mktemp("explain"), SqliteStore())
    made.files("wf", tasks="{id: text, who: text, title: text, at: text}")
    made.mapping(WF)
    made.stack.close()
    made.serve()
    made.all = made.key("rest", "todos:read", "todos:write", "substitutes:write")
    yield made
    made.close()


@pytest.fixture
def desk(standing: Office) -> Office:
    """Nobody has any to-do, and nobody stands in for anybody."""
    forget(standing)
    with standing.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM substitution")
    return standing


def told(office: Desk, identity: str = "A-1", person: str = "1", headers: Any = None, **more: str) -> dict[str, Any]:
    asked = {"system": "oa", "id": identity, "person": person} | more
    answer = office.client.get("/v1/explain/todo", params=asked, headers=headers or office.all)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert all(one["message"] and one["hint"] for one in found["reasons"])
    key = (asked["system"], more.get("tenant", ""), identity)
    rows = [row for box in BOXES for row in office.inbox(person, box=box)]
    shown = any((row["system"], row["tenant"], row["source_id"]) == key for row in rows)
    assert bool(found["box"]) == shown or headers is not None, "what is told agrees with the list"
    return found


BOXES = ("to_do", "to_read", "initiated", "done")


def codes(office: Desk, identity: str = "A-1", person: str = "1", **more: Any) -> list[str]:
    return [one["code"] for one in told(office, identity, person, **more)["reasons"]]


def change(**more: Any) -> dict[str, Any]:
    return {"system": "oa", "id": "A-1", **more}


def test_it_is_shown(desk: Office):
    to_read, done = to(code="2") | {"kind": "to_read"}, to(code="3") | {"done": True}
    desk.report(todo("A-1", to(code="1"), to_read, done))
    assert codes(desk) == ["todo.shown"]
    assert codes(desk, person="2") == ["todo.elsewhere"]
    assert codes(desk, person="3") == ["todo.done_by_him"]


@pytest.mark.parametrize(
    ("later", "code"),
    [
        (change(status="withdrawn"), "todo.withdrawn"),
        (change(status="cancelled"), "todo.over"),
        (change(assignees=[to(code="1") | {"there": False}], partial=True), "todo.off_him"),
        (change(assignees=[to(code="2")]), "todo.not_listed"),
        (change(status="reserved", processor={"code": "2"}), "todo.claimed"),
    ],
)
def test_it_was_his_and_is_not_in_the_list(desk: Office, later: dict[str, Any], code: str):
    desk.report(todo("A-1", to(code="1"), version=at(1)), later | {"version": at(2)})
    assert codes(desk)[0] == code


@pytest.mark.parametrize(
    ("later", "code"),
    [
        (change(status="withdrawn"), "todo.withdrawn"),
        (change(assignees=[to(code="1") | {"there": False}], partial=True), "todo.off_him"),
    ],
)
def test_that_he_has_done_it_is_no_reason_why_he_sees_it_no_more(desk: Office, later: dict[str, Any], code: str):
    desk.report(todo("A-1", to(code="1") | {"done": True}, to(code="2"), version=at(1)), later | {"version": at(2)})
    assert codes(desk) == [code]


def test_it_never_was_his(desk: Office):
    desk.report(todo("A-1", to(code="2")))
    assert codes(desk) == ["todo.not_his"]


def test_its_title_has_not_come(desk: Office):
    desk.report(change(assignees=[to(code="1")]))
    assert codes(desk) == ["todo.incomplete"]


@pytest.mark.parametrize(
    ("receiver", "code"),
    [
        (to(mail="new@example.com"), "receiver.unknown"),
        (to(login="li"), "receiver.undeclared"),
        (to(group="none"), "receiver.unknown"),
    ],
)
def test_a_receiver_that_nobody_is_known_for_may_be_he(desk: Office, receiver: dict[str, Any], code: str):
    desk.report(todo("A-1", receiver))
    found = told(desk)
    assert [one["code"] for one in found["reasons"]] == [code, "todo.not_his"]
    assert "new@example.com" not in str(found)


def test_several_are_called_so(office: Desk):
    office.report(todo("A-1", to(phone="200")))
    assert codes(office, person="2") == ["receiver.ambiguous", "todo.not_his"]


def test_he_left_the_group_or_it_is_empty_or_its_doer_is_unknown(desk: Office):
    desk.report(todo("A-1", to(group="S")), todo("A-2", to(group="T")))
    desk.report({"system": "oa", "id": "A-2", "status": "completed"})
    assert codes(desk, "A-2") == ["todo.group_over", "todo.over"]
    desk.moved({"1": "10"})
    desk.heal()
    assert codes(desk, person="3") == ["todo.left_group", "receiver.empty"]
    desk.moved(BEGIN)


def test_a_group_is_too_large(desk: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(groups, "MOST", 2)
    desk.report(todo("A-1", to(group="T")))
    assert codes(desk) == ["receiver.many", "todo.not_his"]


def test_it_is_not_known_and_what_is_alike_is_told(desk: Office):
    desk.report(todo("A-471", to(code="1")), todo("B-9", to(code="1")), todo("A-4711", to(code="1")) | {"tenant": "x"})
    found = told(desk, "A-4711")
    assert [one["code"] for one in found["reasons"]] == ["todo.unknown"]
    assert found["near"] == [{"tenant": "", "id": "A-471"}, {"tenant": "x", "id": "A-4711"}]
    assert codes(desk, "A-4711", tenant="x") == ["todo.shown"]


def test_late_reports_are_told(desk: Office):
    desk.report(todo("A-1", to(code="2"), version=at(5)), todo("A-1", to(code="1"), version=at(1)))
    found = told(desk)["reasons"]
    assert [one["code"] for one in found] == ["todo.not_listed", "todo.late"]
    assert "todo.stale" in found[1]["message"]


def test_a_substitution_is_over_or_to_come_or_too_narrow(desk: Office):
    desk.report(todo("A-1", to(code="1")))

    def stands_in(to: str, begin: int, end: int, **more: Any) -> None:
        days = [(now() + dt.timedelta(days=one)).isoformat() for one in (begin, end)]
        asked = {"from": "1", "to": to, "since": days[0], "until": days[1]} | more
        assert desk.client.post("/v1/todos/substitutes", json=asked, headers=desk.all).status_code == 201

    stands_in("2", 2, 3)
    assert codes(desk, person="2") == ["substitute.coming", "todo.not_his"]
    stands_in("3", -1, 1, systems=["hr"])
    assert codes(desk, person="3") == ["substitute.narrow", "todo.not_his"]
    stands_in("3", -1, 1)
    assert codes(desk, person="3") == ["todo.shown_for"]
    desk.ahead = dt.timedelta(days=5)
    try:
        assert codes(desk, person="2") == ["substitute.over", "todo.not_his"]
    finally:
        desk.ahead = dt.timedelta()


def test_the_key_does_not_see_the_system(desk: Office):
    desk.report(todo("A-1", to(code="1")))
    hr = desk.key("hr", "todos:read", systems=["hr"])
    for identity in ("A-1", "none"):
        assert codes(desk, identity, headers=hr) == ["scope.system"]
    nobody = desk.key("nobody", "runs:read")
    asked = {"system": "oa", "id": "A-1", "person": "1"}
    assert desk.client.get("/v1/explain/todo", params=asked, headers=nobody).json()["code"] == "key.grant"
    assert desk.client.get("/v1/explain/todo", params=asked).json()["code"] == "key.refused"


def test_what_keeps_its_report_from_coming(desk: Office):
    assert codes(desk, "T1", system="wf") == ["source.never", "todo.unknown"]
    with pytest.raises(HubError):
        desk.run("wf-todos")
    assert codes(desk, "T1", system="wf") == ["source.failed", "todo.unknown"]
    desk.put("wf.tasks", {"id": "T1", "who": "1", "title": "", "at": "soon"}, {"id": "T2", "who": "1", "title": "x"})
    desk.run("wf-todos", initial=True)
    assert codes(desk, "T1", system="wf") == ["todo.quarantined", "todo.unknown"]
    assert codes(desk, "T2", system="wf") == ["todo.shown"]
    database = desk.open_hub.hub.database
    circuits.failed(database, "wf", "reach.refused", "down", limit=1, pause=60)
    standstills.pause(database, "wf-todos", "guard.held", "held", "approve it", 60)
    assert codes(desk, "T3", system="wf") == ["source.down", "source.stands", "todo.unknown"]


def test_on_the_command_line(desk: Office, monkeypatch: pytest.MonkeyPatch):
    desk.report(todo("A-1", to(code="1")))
    monkeypatch.setenv("COPHUB_STORE", desk.store)
    answer = cophub("-w", str(desk.folder), "--json", "explain", "todo", "oa", "A-1", "1")
    assert (answer.code, answer.json["box"], answer.json["reasons"][0]["code"]) == (0, "to_do", "todo.shown")
    said = cophub("-w", str(desk.folder), "explain", "todo", "oa", "A-2", "1").out
    assert "not in the list" in said
    assert "near: A-1" in said
