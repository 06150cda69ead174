"""Reports of all systems, and what each person has of them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from hub.exchange.uniting.merger import merge_entities
from hub.todos import inbox
from hub.todos.people import Healing, person, resolve
from tests.stores import Postgres, PostgresStore
from tests.unit.cli.desk import cophub
from tests.unit.todos.conftest import FOLK, Desk, desk

pytestmark = pytest.mark.by_turns


def todo(identity: str, *assignees: dict[str, Any], title: Any = None, **more: Any) -> dict[str, Any]:
    """A report of the OA."""
    found: dict[str, Any] = {"system": "oa", "id": identity, "title": title or f"Leave {identity}"}
    return found | {"assignees": list(assignees)} | more


def to(**called: str) -> dict[str, Any]:
    return {"to": called}


def at(minute: int, seq: int = 0) -> dict[str, Any]:
    return {"at": f"2026-11-02T08:{minute:02}:00Z", "seq": seq}


def test_a_reported_to_do_is_in_the_persons_list_whatever_he_is_called_by(shared: Desk):
    calls = [{"account": "lina"}, {"code": "1"}, {"mail": "li@example.com"}, {"phone": "100"}]
    results = shared.report(*(todo(f"A-{n}", to(**call)) for n, call in enumerate(calls)))
    assert [one["result"] for one in results] == ["created"] * 4
    assert sorted(shared.titles("1")) == [f"Leave A-{n}" for n in range(4)]
    assert shared.titles("2") == []


def test_two_receivers_that_are_one_person_are_one_line(office: Desk):
    office.report(todo("A-1", to(account="lina"), to(mail="li@example.com"), to(code="2")))
    assert office.titles("1") == ["Leave A-1"]
    assert office.get("/counts", person="1")["to_do"]["count"] == 1
    done = {"to": {"account": "lina"}, "done": True}
    office.report({"system": "oa", "id": "A-1", "partial": True, "assignees": [done], "version": at(59)})
    assert office.titles("1") == ["Leave A-1"]  # by his other name it still waits


def test_the_same_again_changes_nothing_and_a_late_one_is_told(shared: Desk):
    first = todo("A-1", to(code="1"), version=at(1))
    done = {"system": "oa", "id": "A-1", "status": "completed", "outcome": "agree", "version": at(2)}
    assert [one["result"] for one in shared.report(first, first)] == ["created", "unchanged"]
    assert shared.report(done)[0]["result"] == "updated"
    late = shared.report(first | {"version": at(3)})[0]
    assert late["ignored"] == [{"part": "code:1", "code": "todo.finished"}]
    assert shared.titles("1") == []
    history = shared.get(f"/{late['todo']}")["history"]
    assert [line["said"].get("status") for line in history] == [None, "completed", None, None]


def test_a_wrong_item_is_told_and_harms_no_other(shared: Desk):
    results = shared.report(
        todo("A-1", to(code="1")),
        todo("A-2", {"to": {}}),
        {"system": "nowhere", "id": "A-3", "title": "x"},
        {"system": "oa", "id": "A-4"},
        {"system": "oa", "id": "A-5", "due": "2026-11-02T08:00:00Z", "status": "ready"},
        todo("A-6", links={"pc": "javascript:alert(1)"}),
        "nonsense",  # type: ignore[arg-type]
    )
    assert [one["result"] for one in results] == ["created"] + ["rejected"] * 6
    assert [one["error"]["code"] for one in results[1:]] == [
        "todo.malformed",
        "system.unknown",
        *["todo.malformed"] * 4,
    ]
    assert "links.pc" in results[5]["error"]["where"]
    assert shared.titles("1") == ["Leave A-1"]


@pytest.mark.parametrize(
    ("wrong", "where", "message", "hint"),
    [
        ({"assignes": []}, "assignes", "there is no such key", "did you mean assignees?"),
        ({"assignees": [{"to": {"email": ""}}]}, "assignees.0.to.email", "there is no such key", "did you mean mail?"),
        ({"due": "30.11.2026"}, "due", "a time is written 2026-11-26T08:15:00Z, between 1970 and 2199", "see docs"),
        ({"links": "https://oa"}, "links", "it must be an object", "see docs"),
        ({"attributes": {"sum": "1.20"}}, "attributes.sum", "it must be an object", 'write {"value": …}'),
        ({"assignees": [{}]}, "assignees.0.to", "to is missing", "see docs"),
    ],
)
def test_a_wrong_item_is_told_what_to_write(shared: Desk, wrong: dict[str, Any], where: str, message: str, hint: str):
    error = shared.report(todo("A-1", to(code="1")) | wrong)[0]["error"]
    assert (error["where"], error["message"]) == (where, f"{where}: {message}")
    assert error["hint"].startswith(hint)


def test_one_report_needs_no_list(shared: Desk):
    answer = shared.client.post("/v1/todos", json=todo("A-1", to(code="1")), headers=shared.all)
    assert [one["result"] for one in answer.json()["items"]] == ["created"]
    bad = shared.client.post("/v1/todos", json={"system": "oa", "id": "", "title": "x"}, headers=shared.all)
    assert (bad.status_code, bad.json()["code"]) == (400, "request.malformed")


@pytest.mark.parametrize(
    ("wrong", "where", "hint"),
    [
        ({"assignes": []}, "body.one.assignes", "did you mean assignees?"),
        ({"assignees": [{"to": {"email": "x"}}]}, "body.one.assignees.0.to.email", "did you mean mail?"),
    ],
)
def test_one_report_is_told_what_was_meant_too(shared: Desk, wrong: dict[str, Any], where: str, hint: str):
    answer = shared.client.post("/v1/todos", json=todo("A-1", to(code="1")) | wrong, headers=shared.all).json()
    assert (answer["code"], answer["where"], answer["hint"]) == ("request.malformed", where, hint)


def test_receivers_without_a_person_are_a_case_and_heal(office: Desk):
    office.report(todo("A-1", to(mail="new@example.com"), to(phone="200"), to(login="li")))
    told = {(one["receiver"], one["code"]) for one in office.get("/unresolved")["items"]}
    assert {code for _, code in told} == {"receiver.unknown", "receiver.ambiguous", "receiver.undeclared"}
    assert not any("new@example.com" in receiver for receiver, _ in told)
    office.put("hr.people", *FOLK, {"id": "4", "name": "New", "mail": "new@example.com", "phone": "400"})
    office.run("people")
    assert office.titles("4") == []
    healed = office.heal()
    assert (healed.found, healed.lost, healed.open) == (1, 0, 2)
    assert office.titles("4") == ["Leave A-1"]


def test_lists_are_filtered_ordered_and_go_on(office: Desk):
    office.report(
        *(
            todo(
                f"A-{n}",
                {"to": {"code": "1"}, "since": f"2026-11-0{n}T08:00:00Z", "read": n == 3},
                priority=["low", "high", "medium", "high"][n - 1],
                **({"due": f"2026-12-0{5 - n}T08:00:00Z"} if n < 4 else {}),
                definition="leave" if n < 3 else "travel",
            )
            for n in (1, 2, 3, 4)
        )
    )

    def names(**asked: Any) -> str:
        return "".join(title[-1] for title in office.titles("1", **asked))

    assert names() == "4321"
    assert names(order="oldest") == "1234"
    assert names(order="due") == "3214"
    assert names(order="priority") == "4231"
    assert names(definition="travel") == "43"
    assert names(priority="high") == "42"
    assert names(read=True) == "3"
    assert names(q="ave a-2") == "2"
    assert names(due_before="2026-12-03T09:00:00Z") == "32"
    for order, wanted in (("newest", "4321"), ("oldest", "1234"), ("due", "3214"), ("priority", "4231")):
        got, asked = "", {"person": "1", "order": order, "limit": "1"}
        while True:
            page = office.get("", **asked)
            got += "".join(one["title"][-1] for one in page["items"])
            if page["next"] is None:
                break
            asked["cursor"] = page["next"]
        assert got == wanted


def test_titles_come_in_the_language_asked_for(shared: Desk):
    shared.report(todo("A-1", to(code="1"), title={"en": "Leave", "zh": "请假"}))
    assert shared.titles("1", language="zh-CN") == ["请假"]
    assert shared.titles("1", language="de") == ["Leave"]
    both: list[Any] = [{"en": "Leave", "zh": "请假"}]
    assert shared.titles("1") == shared.titles("1", q="请") == both


def test_a_key_sees_and_speaks_for_its_systems_only(shared: Desk):
    shared.report(todo("A-1", to(code="1")))
    hr = shared.key("hr", "todos:read", "todos:write", systems=["hr"])
    assert shared.client.get("/v1/todos", params={"person": "1"}, headers=hr).json()["items"] == []
    answer = shared.client.post("/v1/todos", json={"items": [todo("A-2", to(code="1"))]}, headers=hr)
    assert answer.json()["items"][0]["error"]["code"] == "system.unknown"
    nobody = shared.key("nobody", "runs:read")
    assert shared.client.get("/v1/todos", params={"person": "1"}, headers=nobody).status_code == 403


@pytest.mark.parametrize("name", ["person", "unknown"])
def test_who_is_not_there_is_told(shared: Desk, name: str):
    answer = shared.client.get("/v1/todos", params={"person": name}, headers=shared.all)
    assert (answer.status_code, answer.json()["code"]) == (404, "person.unknown")


def test_the_worker_finds_receivers_when_people_change_and_when_they_are_merged(office: Desk):
    office.report(todo("A-1", to(mail="new@example.com")), todo("A-2", to(code="3")))
    healing = Healing(office.open_hub.hub)
    assert not healing.turn()
    office.put("hr.people", *FOLK, {"id": "4", "name": "New", "mail": "new@example.com", "phone": "400"})
    office.run("people")
    assert healing.turn()
    assert not healing.turn()
    assert office.titles("4") == ["Leave A-1"]
    hub = office.open_hub.hub
    merge_entities(hub, "person", person(hub, "3"), [person(hub, "4")], "the same")
    assert healing.turn()
    assert sorted(office.titles("3")) == ["Leave A-1", "Leave A-2"]


def test_a_list_and_its_cases_are_seen_on_the_command_line(office: Desk, monkeypatch: pytest.MonkeyPatch):
    office.report(todo("A-1", to(code="1")), todo("A-2", to(mail="new@example.com")))
    monkeypatch.setenv("COPHUB_STORE", office.store)

    def said(*words: str) -> Any:
        answer = cophub("-w", str(office.folder), "--json", "todos", *words)
        assert answer.code == 0, answer.err
        return answer.json

    assert said("list", "1")["items"][0]["title"] == "Leave A-1"
    assert said("unresolved")["items"] == [
        {"system": "oa", "receiver": "mail:n…m", "code": "receiver.unknown", "todos": 1}
    ]
    assert said("heal")["open"] == 1
    assert cophub("-w", str(office.folder), "todos", "list", "1", "--box", "all").code == 65


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": {"at": "9999-12-31T23:59:59.999999Z"}},
        {"version": {"at": "0001-01-01T00:00:00+14:00"}},
        {"version": {"at": "2190-01-01T00:00:00Z"}},  # it would hide all that comes after it
        {"due": "0001-01-01T00:00:00+14:00"},
        {"assignees": [{"to": {"code": "1"}, "since": "9999-12-31T23:59:59-14:00"}]},
        {"id": "\ud800"},
    ],
)
def test_a_time_or_text_that_cannot_be_kept_harms_no_other(shared: Desk, wrong: dict[str, Any]):
    body = json.dumps({"items": [todo("A-1", to(code="1")), todo("A-2", to(code="1")) | wrong]})
    headers = shared.all | {"content-type": "application/json"}
    answer = shared.client.post("/v1/todos", content=body, headers=headers)
    assert [one["result"] for one in answer.json()["items"]] == ["created", "rejected"]
    assert shared.titles("1") == ["Leave A-1"]
    asked = {"person": "1", "due_before": "9999-12-31T23:59:59-14:00"}
    assert shared.client.get("/v1/todos", params=asked, headers=shared.all).status_code == 400


def test_of_reports_without_time_the_later_in_a_list_counts(shared: Desk):
    for n in range(6):
        shared.report(todo(f"T-{n}", to(code="1"), title="old"), todo(f"T-{n}", to(code="2"), title="new"))
    assert (shared.titles("1"), shared.titles("2")) == ([], ["new"] * 6)


def test_a_person_merged_before_his_to_do_is_seen_does_not_lose_it(office: Desk):
    office.report({"system": "oa", "id": "M-1", "assignees": [to(phone="100")], "version": at(1)})
    hub, healing = office.open_hub.hub, Healing(office.open_hub.hub)
    healing.turn()
    merge_entities(hub, "person", person(hub, "2"), [person(hub, "1")], "the same")
    healing.turn()
    office.report({"system": "oa", "id": "M-1", "title": "Leave", "version": at(2)})
    assert office.titles("2") == ["Leave"]


def test_an_address_that_passes_to_another_person_takes_its_to_dos_along(office: Desk):
    office.report(todo("A-1", to(mail="li@example.com")))
    healing = Healing(office.open_hub.hub)
    healing.turn()
    one, two, three = FOLK
    office.put("hr.people", one | {"mail": "li2@example.com"}, two | {"mail": "li@example.com"}, three)
    office.run("people")
    assert healing.turn()
    assert (office.titles("1"), office.titles("2")) == ([], ["Leave A-1"])


def test_who_may_not_see_people_sees_nobodys_to_dos(shared: Desk):
    (made,) = shared.report(todo("A-1", to(account="lina")))
    few = shared.key("few", "todos:read", systems=["oa"], exchanges=["people"], models=["thing"])
    for place in (f"/v1/todos/{made['todo']}", "/v1/todos/unresolved", "/v1/todos?person=1"):
        answer = shared.client.get(place, headers=few)
        assert (answer.status_code, answer.json()["code"]) == (404, "model.unknown"), place


def test_cases_come_in_pages(shared: Desk):
    shared.report(*(todo(f"A-{n}", to(mail=f"{n}@example.com")) for n in range(3)))
    found, asked = 0, {"limit": "2"}
    while True:
        page = shared.get("/unresolved", **asked)
        found += len(page["items"])
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    assert found == 3


def test_a_person_who_comes_while_his_to_do_is_being_stored_gets_it(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
):
    """On PostgreSQL people change while reports are taken; on SQLite there is one writer."""
    office = desk(tmp_path, PostgresStore(postgres))
    healing = Healing(office.open_hub.hub)
    healing.turn()
    resolved, go = threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        found = resolve(*given)
        resolved.set()
        assert go.wait(30)
        return found

    monkeypatch.setattr(inbox, "resolve", slow)
    taking = threading.Thread(target=lambda: office.report(todo("R-1", to(code="9"))))
    taking.start()
    assert resolved.wait(30)
    office.put("hr.people", *FOLK, {"id": "9", "name": "New", "mail": "n@example.com", "phone": "900"})
    office.run("people")
    looking = threading.Thread(target=healing.turn)
    looking.start()
    go.set()
    taking.join()
    looking.join()
    assert office.titles("9") == ["Leave R-1"]
    office.close()


def test_every_route_needs_its_grant(shared: Desk):
    reads, writes = shared.key("reads", "todos:read"), shared.key("writes", "todos:write")
    item: dict[str, Any] = {"items": []}
    assert shared.client.post("/v1/todos", json=item, headers=reads).json()["code"] == "key.grant"
    assert shared.client.post("/v1/todos", json=item, headers=writes).status_code == 200
    for path in ("?person=1", "/counts?person=1", "/unresolved", "/00000000-0000-7000-8000-000000000000"):
        asked = f"/v1/todos{path}"
        assert shared.client.get(asked, headers=writes).json()["code"] == "key.grant", path
        assert shared.client.get(asked).json()["code"] == "key.refused", path
        assert shared.client.get(asked, headers=reads).status_code in (200, 404), path


def test_a_to_do_has_so_many_receivers_and_the_report_of_one_more_is_refused(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inbox, "RECEIVERS", 3)
    shared.report(todo("A-1", to(code="1"), to(code="2"), partial=True))
    more = todo("A-1", to(code="3"), to(account="x"), partial=True)
    claim = {"system": "oa", "id": "A-1", "status": "reserved", "processor": {"code": "3"}}
    told = shared.client.post("/v1/todos", json={"items": [more, claim, more, todo("B-1")]}, headers=shared.all).json()
    results = [(one["id"], one["result"], one.get("error", {}).get("code")) for one in told["items"]]
    assert results == [
        ("A-1", "rejected", "todo.receivers"), ("A-1", "updated", None), ("A-1", "rejected", "todo.receivers"),
        ("B-1", "created", None),
    ]  # fmt: skip
    assert "'A-1'" in told["items"][0]["error"]["message"]
    (line,) = shared.inbox("3")
    assert len(shared.get(f"/{line['id']}")["receivers"]) == 3
    assert shared.report(todo("A-1", to(code="2"), to(code="1"))) is not None  # who is known is no more


def test_more_than_500_receivers_in_a_report_are_refused_with_the_item(shared: Desk):
    many = todo("A-1", *(to(account=f"a{number}") for number in range(501)))
    told = shared.client.post("/v1/todos", json={"items": [many, todo("B-1")]}, headers=shared.all).json()["items"]
    assert [(one["id"], one["result"]) for one in told] == [("A-1", "rejected"), ("B-1", "created")]
    assert (told[0]["error"]["code"], told[0]["error"]["where"]) == ("todo.malformed", "assignees")


def test_of_a_history_the_newest_reports_are_kept(shared: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inbox, "HISTORY", 4)
    for number in range(9):
        shared.report(todo("A-1", to(code="1"), title=f"Leave {number}", version=at(number)))
    shared.report(*(todo("A-1", to(code="1"), title="old", version=at(number)) for number in range(3)))
    (line,) = shared.inbox("1")
    assert line["title"] == "Leave 8"
    history = shared.get(f"/{line['id']}")["history"]
    assert [one["number"] for one in history] == [12, 11, 10, 9]
