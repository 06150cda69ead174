"""Whoever stands in for another sees what he has to do, from a day to a day, and nothing is written for it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hub.exchange.uniting.merger import merge_entities
from hub.exchange.uniting.unmerging import unmerge_entities
from hub.store.database import now
from hub.todos.people import person
from tests.unit.cli.desk import cophub
from tests.unit.todos.conftest import Desk, forget
from tests.unit.todos.test_lists import at, to, todo

pytestmark = pytest.mark.by_turns


def day(number: int) -> str:
    """So many days from today."""
    return (now() + dt.timedelta(days=number)).isoformat()


@contextmanager
def moved(office: Desk, days: float) -> Iterator[None]:
    """The hub's clock, so many days on."""
    office.ahead = dt.timedelta(days=days)
    try:
        yield
    finally:
        office.ahead = dt.timedelta()


@pytest.fixture
def away(shared: Desk) -> Desk:
    """Whom nobody stands in for yet; ``boss`` may say who does."""
    with shared.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM substitution")
    shared.boss = getattr(shared, "boss", None) or shared.key("boss", "substitutes:write")  # type: ignore[attr-defined]
    return shared


def stands_in(office: Desk, away: str, to: str, status: int = 201, **more: Any) -> dict[str, Any]:
    asked = {"from": away, "to": to, "until": day(7)} | more
    headers: dict[str, str] = office.boss  # type: ignore[attr-defined]
    answer = office.client.post("/v1/todos/substitutes", json=asked, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def lines(office: Desk, one: str, **asked: Any) -> list[tuple[str, str]]:
    """(title, for whom) of a list, which the counts agree with."""
    found = office.inbox(one, **asked)
    if not asked:
        assert office.get("/counts", person=one)["to_do"]["count"] == len(found)
    return sorted((row["title"], row["for"]["name"] if row["for"] else "") for row in found)


def test_a_substitute_sees_what_the_other_has_to_do_during_the_dates_only(away: Desk):
    away.report(
        todo("A-1", to(code="1")),
        todo("A-2", to(code="1"), to(code="2")),
        todo("A-3", {"to": {"code": "1"}, "done": True}),
    )
    told = stands_in(away, "1", "2", since=day(1), until=day(3), reason="holidays")
    assert (told["state"], told["from"]["name"], told["to"]["name"]) == ("coming", "1", "2")
    own = [("Leave A-2", "")]
    assert lines(away, "2") == own
    with moved(away, 2):
        assert lines(away, "2") == [("Leave A-1", "1"), *own]
        assert lines(away, "2", box="done") == []
        assert lines(away, "1") == [("Leave A-1", ""), ("Leave A-2", "")]
    with moved(away, 4):
        assert lines(away, "2") == own
        (row,) = away.get("/substitutes", person="2")["items"]
        assert row["state"] == "over"


def test_one_to_do_is_delegated_and_comes_and_goes_with_its_owner(away: Desk):
    made, _ = away.report(todo("A-1", to(code="1"), version=at(1)), todo("A-2", to(code="1")))
    stands_in(away, "1", "3", todo=made["todo"])
    assert lines(away, "3") == [("Leave A-1", "1")]
    assert stands_in(away, "2", "3", 404, todo=made["todo"])["code"] == "todo.unknown"
    away.report({"system": "oa", "id": "A-1", "status": "completed", "version": at(2)})
    assert lines(away, "3") == []


def test_who_stands_in_for_several_has_each_to_do_once_and_pages_go_on(away: Desk):
    away.report(*(todo(f"A-{n}", to(code="1"), to(code="2")) for n in range(5)), todo("B-1", to(code="2")))
    stands_in(away, "1", "3")
    stands_in(away, "2", "3")
    stands_in(away, "2", "3", systems=["hr"])
    assert len(lines(away, "3")) == 6
    for order in ("newest", "oldest", "due", "priority"):
        found, asked = [], {"person": "3", "order": order, "limit": "2"}
        while True:
            page = away.get("", **asked)
            found += [one["title"] for one in page["items"]]
            if page["next"] is None:
                break
            asked["cursor"] = page["next"]
        assert sorted(found) == [*(f"Leave A-{n}" for n in range(5)), "Leave B-1"], order


def test_only_of_the_systems_that_are_named(away: Desk):
    away.report(todo("A-1", to(code="1")), todo("A-2", to(code="1")) | {"system": "pms"})
    stands_in(away, "1", "2", systems=["pms"])
    assert lines(away, "2") == [("Leave A-2", "1")]
    assert stands_in(away, "1", "2", 404, systems=["none"])["code"] == "system.unknown"


def test_who_began_it_does_not_decide_it_for_another(away: Desk):
    away.report(todo("A-1", to(code="1"), {"to": {"code": "2"}, "kind": "initiated"}))
    stands_in(away, "1", "2")
    assert lines(away, "2") == []


def test_a_substitute_of_a_substitute_sees_his_own_only(away: Desk):
    away.report(todo("A-1", to(code="1")), todo("A-2", to(code="2")))
    stands_in(away, "1", "2")
    stands_in(away, "2", "3")
    assert lines(away, "3") == [("Leave A-2", "2")]


def test_changes_agree_with_the_list_and_begin_anew_with_the_dates(away: Desk):
    (made, _) = away.report(todo("A-1", to(code="1"), version=at(1)), todo("A-2", to(code="2")))
    stands_in(away, "1", "2", until=day(2))
    first = away.get("/changes", person="2")
    shown = sorted((one["title"], bool(one["for"])) for one in first["items"])
    assert shown == [("Leave A-1", True), ("Leave A-2", False)]
    away.report({"system": "oa", "id": "A-1", "status": "completed", "version": at(2)})
    second = away.get("/changes", person="2", since=first["next"])
    assert (second["items"], second["removed"]) == ([], [made["todo"]])
    with moved(away, 3):
        asked = {"person": "2", "since": second["next"]}
        answer = away.client.get("/v1/todos/changes", params=asked, headers=away.all)
        assert answer.json()["code"] == "cursor.old"


def test_it_is_ended_by_hand_and_all_of_it_is_in_the_audit_chain(away: Desk):
    away.report(todo("A-1", to(code="1")))
    told, boss = stands_in(away, "1", "2", reason="ill"), away.boss  # type: ignore[attr-defined]
    place = f"/v1/todos/substitutes/{told['id']}"
    assert away.client.delete(place, headers=boss).status_code == 204
    assert lines(away, "2") == []
    assert away.client.delete(place, headers=boss).json()["code"] == "substitute.unknown"
    asked = "SELECT actor, action, reason FROM audit WHERE object = :one ORDER BY seq"
    entries = away.rows(asked, one=f"substitution:{told['id']}")
    assert entries == [("key:boss", "substitute.added", "ill"), ("key:boss", "substitute.ended", "")]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"to": "1"}, "substitute.self"),
        ({"until": day(-1), "since": day(-2)}, "substitute.dates"),
        ({"since": day(9)}, "substitute.dates"),
        ({"until": day(400)}, "substitute.dates"),
        ({"to": "9"}, "person.unknown"),
        ({"until": None}, "request.malformed"),
    ],
)
def test_what_makes_no_sense_is_refused(away: Desk, more: dict[str, Any], code: str):
    asked = {"from": "1", "to": "2", "until": day(7)} | more
    answer = away.client.post("/v1/todos/substitutes", json=asked, headers=away.boss)  # type: ignore[attr-defined]
    assert (answer.json()["code"], answer.is_error) == (code, True)


def test_the_grant_is_its_own_and_a_key_reaches_its_systems_only(away: Desk):
    asked = {"from": "1", "to": "2", "until": day(7)}
    assert away.client.post("/v1/todos/substitutes", json=asked, headers=away.all).json()["code"] == "key.grant"
    assert away.client.get("/v1/todos/substitutes", headers=away.boss).json()["code"] == "key.grant"  # type: ignore[attr-defined]
    place = f"/v1/todos/substitutes/{uuid.UUID(int=0)}"
    assert away.client.delete(place, headers=away.all).json()["code"] == "key.grant"
    pms = away.key("pms-boss", "substitutes:write", systems=["pms"])
    told = away.client.post("/v1/todos/substitutes", json=asked, headers=pms).json()
    assert told["systems"] == ["pms"]
    other = stands_in(away, "1", "3")
    answer = away.client.delete(f"/v1/todos/substitutes/{other['id']}", headers=pms)
    assert answer.json()["code"] == "substitute.unknown"


def test_a_key_of_one_system_sees_only_who_stands_in_for_its_to_dos(away: Desk):
    away.report(todo("A-1", to(code="1")))
    other = away.report(todo("F-1", to(code="2"), system="flow")) and away.inbox("2")[0]["id"]
    made = {
        "general": stands_in(away, "1", "3"),  # he has a to-do of oa, and none of flow
        "pms": stands_in(away, "1", "3", systems=["pms"]),
        "both": stands_in(away, "2", "3", systems=["pms", "oa"]),
        "one": stands_in(away, "2", "3", todo=other),
    }

    def seen(*systems: str) -> dict[str, list[str]]:
        headers = away.key("of-" + "-".join(systems), "todos:read", systems=systems)
        told = away.client.get("/v1/todos/substitutes", headers=headers).json()["items"]
        ids = {one["id"]: one["systems"] for one in told}
        return {name: ids[one["id"]] for name, one in made.items() if one["id"] in ids}

    assert seen("oa") == {"general": [], "both": ["oa"]}
    assert seen("flow") == {"one": []}
    assert seen("pms") == {"pms": ["pms"], "both": ["pms"]}
    assert seen("sign") == {}
    assert len(away.get("/substitutes")["items"]) == len(made)


def test_a_merged_person_keeps_his_substitute(office: Desk):
    office.boss = office.key("boss", "substitutes:write")  # type: ignore[attr-defined]
    office.report(todo("A-1", to(code="3")))
    stands_in(office, "3", "1")
    hub = office.open_hub.hub
    merge_entities(hub, "person", person(hub, "2"), [person(hub, "3")], "the same")
    office.heal()
    assert lines(office, "1") == [("Leave A-1", "2")]


def test_changes_agree_with_the_list_when_who_is_stood_in_for_is_merged_and_unmerged(office: Desk):
    office.boss = office.key("boss", "substitutes:write")  # type: ignore[attr-defined]
    office.report(todo("A-1", to(code="3")), todo("A-2", to(code="2")))
    stands_in(office, "3", "1")
    hub = office.open_hub.hub

    def read(cursor: str = "") -> tuple[str, set[str]]:
        """A reader who keeps what he was told: he begins anew only where he is told to."""
        asked = {"person": "1"} | ({"since": cursor} if cursor else {})
        answer = office.client.get("/v1/todos/changes", params=asked, headers=office.all)
        if answer.status_code == 410:
            has.clear()
            return read()
        told = answer.json()
        has.update({one["id"]: one["title"] for one in told["items"]})
        for identity in told["removed"]:
            has.pop(identity, None)
        return told["next"], set(has.values())

    has: dict[str, str] = {}
    cursor, titles = read()
    assert titles == {"Leave A-1"}
    merge = merge_entities(hub, "person", person(hub, "2"), [person(hub, "3")], "the same")[0]
    office.heal()
    cursor, titles = read(cursor)
    assert titles == {title for title, _ in lines(office, "1")} == {"Leave A-1", "Leave A-2"}
    unmerge_entities(hub, str(merge), "they were two")
    office.heal()
    assert read(cursor)[1] == {title for title, _ in lines(office, "1")} == {"Leave A-1"}


def test_on_the_command_line(away: Desk, monkeypatch: pytest.MonkeyPatch):
    away.report(todo("A-1", to(code="1")))
    monkeypatch.setenv("COPHUB_STORE", away.store)

    def said(*words: str) -> Any:
        answer = cophub("-w", str(away.folder), "--json", "todos", *words)
        assert answer.code == 0, answer.err
        return answer.json

    made = said("substitute", "add", "1", "2", "--until", day(2)[:10], "--systems", "oa", "--reason", "ill")
    assert said("list", "2")["items"][0]["for"]["name"] == "1"
    assert said("substitute", "list", "--person", "1")["items"][0]["systems"] == ["oa"]
    said("substitute", "end", made["substitution"]["id"])
    assert said("list", "2")["items"] == []
    assert cophub("-w", str(away.folder), "todos", "substitute", "add", "1", "2", "--until", "soon").code == 65
    forget(away)
