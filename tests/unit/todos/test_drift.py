"""What a source has open and what the hub shows: differences are found, healed, and nothing else is taken for one."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

from hub.store.database import now
from tests.unit.cli.desk import cophub
from tests.unit.todos.conftest import Desk, forget
from tests.unit.todos.test_lists import to, todo

pytestmark = pytest.mark.by_turns
START = now() - dt.timedelta(days=1)


def when(minute: int) -> dict[str, Any]:
    return {"at": (START + dt.timedelta(minutes=minute)).isoformat()}


@pytest.fixture
def desk(shared: Desk) -> Desk:
    with shared.open_hub.hub.database.begin() as connection:
        for name in ("todo_check", "todo_drift"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    shared.healer = getattr(shared, "healer", None) or shared.key("healer", "todos:heal")  # type: ignore[attr-defined]
    return shared


class Oa:
    """A source: what it has open, as (minute of the last change, receiver, title)."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.open = desk, dict[str, tuple[int, str, str]]()

    def item(self, one: str) -> dict[str, Any]:
        minute, who, title = self.open[one]
        return todo(one, to(code=who), title=title, version=when(minute))

    def send(self, *ids: str) -> None:
        for some in range(0, len(ids), 500):
            self.desk.report(*(self.item(one) for one in ids[some : some + 500]))

    def check(self, *, whole: bool = True, full: bool = True, status: int = 200, **more: Any) -> Any:
        items = [
            {"id": one, "version": when(minute), "receivers": [{"code": who}]}
            | ({"report": self.item(one)} if full else {})
            for one, (minute, who, _) in self.open.items()
        ]
        body = {"system": "oa", "began": now().isoformat(), "complete": whole, "items": items} | more
        answer = self.desk.client.post("/v1/todos/check", json=body, headers=self.desk.all)
        assert answer.status_code == status, answer.text
        return answer.json()

    def heal(self, **more: Any) -> Any:
        (told,) = self.desk.get("/drift", system="oa")["systems"]
        body = {"system": "oa", "plan": told["plan"]} | more
        headers = self.desk.healer  # type: ignore[attr-defined]
        return self.desk.client.post("/v1/todos/drift/heal", json=body, headers=headers).json()


def differs(answer: Any) -> dict[str, tuple[str, bool]]:
    return {one["id"]: (one["kind"], one["confirmed"]) for one in answer["items"]}


def test_one_per_cent_of_drift_is_found_and_healed_within_two_cycles_and_nothing_else(desk: Desk):
    oa, drawn = Oa(desk), random.Random(7)
    ids = [f"A-{number:04}" for number in range(1000)]
    oa.open = {one: (0, drawn.choice("123"), f"Leave {one}") for one in ids}
    oa.send(*ids)
    lost = drawn.sample(ids, 10)
    ghosts, stale, moved, missing = lost[:3], lost[3:5], lost[5:8], lost[8:]
    for one in ghosts:  # it was completed, and the report got lost
        del oa.open[one]
    for one in stale:
        oa.open[one] = (5, oa.open[one][1], "Changed")
    for one in moved:  # reassigned without a new time
        oa.open[one] = (0, "1" if oa.open[one][1] != "1" else "2", oa.open[one][2])
    with desk.open_hub.hub.database.begin() as connection:  # the hub lost them
        for one in missing:
            connection.exec_driver_sql(f"DELETE FROM todo WHERE source_id = '{one}'")
    late = "B-1"
    oa.open[late] = (1, "1", "On its way")  # its report comes after the list
    first = differs(oa.check())
    assert first == {one: ("ghost", False) for one in ghosts} | {one: ("stale", False) for one in stale} | {
        one: ("wrong_owner", False) for one in moved
    } | {one: ("missing", False) for one in [*missing, late]}
    assert oa.heal() == {"healed": 0}  # one comparison proves nothing
    oa.send(late)
    assert differs(oa.check()) == {one: (kind, True) for one, (kind, _) in first.items() if one != late}
    assert oa.heal() == {"healed": 10}
    assert differs(oa.check()) == {}
    for person in "123":
        shown = {row["title"] for page in pages(desk, person) for row in page}
        assert shown == {title for _, who, title in oa.open.values() if who == person}
    told = desk.get("/drift")["systems"][0]
    assert (told["cycle"], told["healed"], told["compared"]) == (3, 10, 998)
    assert all(count == {"suspected": 0, "confirmed": 0} for count in told["kinds"].values())


def pages(desk: Desk, person: str) -> list[list[dict[str, Any]]]:
    found, asked = [], {"person": person, "limit": "500"}
    while True:
        page = desk.get("", **asked)
        found.append(page["items"])
        if page["next"] is None:
            return found
        asked["cursor"] = page["next"]


def test_a_ghost_that_was_none_comes_back_with_a_newer_report(desk: Desk):
    oa = Oa(desk)
    oa.open = {"A-1": (0, "1", "Leave")}
    oa.send("A-1")
    began_by = to(code="2") | {"kind": "initiated"}
    desk.report({"system": "oa", "id": "A-1", "partial": True, "assignees": [began_by], "version": when(1)})
    kept, oa.open = dict(oa.open), {}
    oa.check()
    oa.check()
    assert oa.heal() == {"healed": 1}
    assert (desk.titles("1"), desk.titles("2", box="initiated")) == ([], ["Leave"])
    oa.open = kept
    desk.report(oa.item("A-1") | {"version": {"at": now().isoformat()}})
    assert desk.titles("1") == ["Leave"]


def test_what_is_reported_while_the_list_is_made_is_no_ghost(desk: Desk):
    oa = Oa(desk)
    began = now().isoformat()
    oa.open = {"A-1": (0, "1", "Leave")}
    oa.send("A-1")
    oa.open = {}
    assert differs(oa.check(began=began)) == {}


def test_slices_in_turn_confirm_what_differs_and_keep_what_others_found(desk: Desk):
    oa = Oa(desk)
    oa.open = {f"A-{number}": (0, "1", "Leave") for number in range(4)}
    oa.send(*oa.open)
    everything = dict(oa.open)
    del oa.open["A-3"]  # a ghost
    assert differs(oa.check()) == {"A-3": ("ghost", False)}
    everything |= {"A-0": (5, "1", "Changed"), "A-2": (5, "1", "Changed")}
    found = {"A-3": ("ghost", False)}
    for turn in (False, True):
        for part in (("A-0", "A-1"), ("A-2",)):
            oa.open = {one: everything[one] for one in part}
            found |= {one: ("stale", turn) for one in part if one != "A-1"}
            assert differs(oa.check(whole=False)) == found
    assert oa.heal() == {"healed": 2}
    oa.open = {one: everything[one] for one in ("A-0", "A-1", "A-2")}
    assert differs(oa.check(whole=False)) == {"A-3": ("ghost", False)}
    assert desk.get("/drift")["systems"][0]["shown"] == 4  # as the whole list told
    assert differs(oa.check()) == {"A-3": ("ghost", True)}
    assert oa.heal() == {"healed": 1}
    assert sorted(desk.titles("1")) == ["Changed", "Changed", "Leave"]


def test_a_part_of_the_list_makes_no_ghosts_and_the_source_is_told_what_to_send(desk: Desk):
    oa = Oa(desk)
    oa.open = {"A-1": (0, "1", "Leave"), "A-2": (0, "1", "Leave")}
    oa.send("A-1", "A-2")
    oa.open = {"A-1": (3, "1", "Leave"), "A-3": (0, "1", "New")}
    told = oa.check(whole=False, full=False)["items"]
    assert [(one["id"], one["kind"], one["action"]) for one in told] == [
        ("A-1", "stale", "send"),
        ("A-3", "missing", "send"),
    ]


def test_what_is_finished_is_told_and_stays_so(desk: Desk):
    oa = Oa(desk)
    oa.open = {"A-1": (0, "1", "Leave")}
    oa.send("A-1")
    desk.report({"system": "oa", "id": "A-1", "status": "completed", "version": when(2)})
    oa.check()
    assert differs(oa.check()) == {"A-1": ("finished", True)}
    assert oa.heal() == {"healed": 0}
    assert desk.titles("1") == []


def test_an_empty_list_takes_nothing_off_unasked(desk: Desk):
    oa = Oa(desk)
    oa.open = {f"A-{number}": (0, "1", "Leave") for number in range(20)}
    oa.send(*oa.open)
    oa.open = {}
    oa.check()
    oa.check()
    assert oa.heal()["code"] == "drift.many"
    assert len(desk.titles("1")) == 20
    assert oa.heal(many=True) == {"healed": 20}


def test_a_plan_is_what_was_looked_at_and_lists_come_in_order(desk: Desk):
    oa = Oa(desk)
    began = now().isoformat()
    oa.check(began=began)
    assert oa.check(began=began, status=422)["code"] == "drift.order"
    assert oa.heal(plan="other")["code"] == "drift.changed"
    ahead = (now() + dt.timedelta(days=1)).isoformat()
    assert oa.check(began=ahead, status=422)["code"] == "drift.order"


def test_what_is_reported_after_the_comparison_is_not_healed_away(desk: Desk):
    oa = Oa(desk)
    oa.open = {one: (0, "1", f"Leave {one}") for one in ("A-1", "A-2", "A-3", "A-4")}
    oa.send(*oa.open)
    kept = dict(oa.open)
    oa.open = {"A-4": (0, "2", "Leave A-4")}
    oa.check()
    oa.check()  # three ghosts, and one that is somebody else's
    again = todo("A-1", to(code="1"), title="Leave A-1")
    desk.report(again)  # its source tells no time
    oa.open = kept
    oa.send("A-2")  # the same as ever
    desk.report(todo("A-4", to(code="1"), title="Leave A-4"))
    assert oa.heal() == {"healed": 1}
    assert sorted(desk.titles("1")) == ["Leave A-1", "Leave A-2", "Leave A-4"]
    assert differs(oa.check()) == {"A-3": ("wrong_owner", False)}


@pytest.mark.parametrize("dated", [False, True])
def test_a_ghost_that_was_healed_is_back_when_its_source_reports_it(desk: Desk, dated: bool):
    oa = Oa(desk)
    oa.open = {"A-1": (0, "1", "Leave"), "A-2": (0, "1", "Other")}
    oa.send(*oa.open)
    oa.open = {"A-2": (0, "2", "Other")}
    oa.check()
    oa.check()
    assert oa.heal() == {"healed": 2}
    assert (desk.titles("1"), desk.titles("2")) == ([], ["Other"])
    oa.open = {"A-1": (0, "1", "Leave")}
    oa.send("A-1")
    assert desk.titles("1") == []  # that was known when the list was made
    version = {"version": {"at": now().isoformat()}} if dated else {"version": None}
    titles = {"A-1": "Leave", "A-2": "Other"}
    desk.report(*(todo(one, to(code="1"), title=title) | version for one, title in titles.items()))
    assert (sorted(desk.titles("1")), desk.titles("2")) == (["Leave", "Other"], [])


def test_a_source_whose_clock_was_ahead_is_compared_and_healed(desk: Desk):
    oa = Oa(desk)
    oa.open = {one: (0, "1", one) for one in ("A-1", "A-2", "A-3")}
    ahead = {"version": {"at": (now() + dt.timedelta(hours=20)).isoformat()}}
    desk.report(*(oa.item(one) | ahead for one in oa.open))
    minute = int((now() - START).total_seconds() // 60)
    heard = START + dt.timedelta(minutes=1)
    with desk.open_hub.hub.database.begin() as connection:  # that was a while ago
        connection.exec_driver_sql(f"UPDATE todo SET changed_at = '{heard:%Y-%m-%d %H:%M:%S.%f}'")
    oa.open = {"A-1": (minute, "1", "Changed"), "A-2": (0, "2", "A-2")}
    assert differs(oa.check()) == {"A-1": ("stale", False), "A-2": ("wrong_owner", False), "A-3": ("ghost", False)}
    oa.check()
    assert oa.heal() == {"healed": 3}
    assert (desk.titles("1"), desk.titles("2")) == (["Changed"], ["A-2"])
    assert differs(oa.check()) == {}


def test_a_hub_whose_clock_was_ahead_compares_what_it_heard_then(desk: Desk):
    oa = Oa(desk)
    oa.open = {one: (0, "1", one) for one in ("A-1", "A-2")}
    desk.ahead = dt.timedelta(days=400)
    try:
        oa.send(*oa.open)
    finally:
        desk.ahead = dt.timedelta()
    oa.open = {"A-1": (5, "1", "Changed")}
    assert differs(oa.check()) == {}  # it may have been heard after the list was made
    assert differs(oa.check()) == {"A-1": ("stale", False), "A-2": ("ghost", False)}
    assert differs(oa.check()) == {"A-1": ("stale", True), "A-2": ("ghost", True)}
    assert oa.heal() == {"healed": 2}
    assert desk.titles("1") == ["Changed"]
    forget(desk)  # its times are those of others


def test_each_route_needs_its_grant_and_system(desk: Desk):
    body = {"system": "oa", "began": now().isoformat(), "items": []}
    heal = {"system": "oa", "plan": "x"}
    reads = desk.key("drift-reads", "todos:read", systems=["hr"])
    other = desk.key("drift-writes", "todos:write", "todos:heal", systems=["hr"])
    client = desk.client
    assert client.post("/v1/todos/check", json=body, headers=reads).json()["code"] == "key.grant"
    assert client.post("/v1/todos/check", json=body, headers=other).json()["code"] == "system.unknown"
    assert client.post("/v1/todos/drift/heal", json=heal, headers=desk.all).json()["code"] == "key.grant"
    assert client.post("/v1/todos/drift/heal", json=heal, headers=other).json()["code"] == "system.unknown"
    assert client.get("/v1/todos/drift", headers=other).json()["code"] == "key.grant"
    assert client.get("/v1/todos/drift", params={"system": "oa"}, headers=reads).json()["code"] == "system.unknown"


def test_on_the_command_line(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    oa = Oa(desk)
    oa.open = {"A-1": (0, "1", "Leave")}
    oa.check()
    oa.check()
    monkeypatch.setenv("COPHUB_STORE", desk.store)

    def said(*words: str) -> Any:
        answer = cophub("-w", str(desk.folder), "--json", "todos", "drift", *words)
        assert answer.code == 0, answer.err
        return answer.json

    (told,) = said()["systems"]
    assert told["kinds"]["missing"]["confirmed"] == 1
    assert said("oa", "--heal", told["plan"])["healed"] == 1
    assert desk.titles("1") == ["Leave"]
    forget(desk)
