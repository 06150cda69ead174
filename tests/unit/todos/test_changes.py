"""What changed since a reader was here last, and what left his list."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from hub.exchange.uniting.merger import merge_entities
from hub.store import changes as stored
from hub.todos.people import person
from tests.unit.todos.conftest import FOLK, Desk
from tests.unit.todos.test_lists import at, to, todo

pytestmark = pytest.mark.by_turns


class Reader:
    """A client that keeps what it is told, and its cursor."""

    def __init__(self, desk: Desk, **asked: Any) -> None:
        self.desk, self.asked, self.has, self.cursor = desk, asked, dict[str, str](), ""
        self.removed: list[str] = []

    def read(self, limit: int = 2) -> list[str]:
        """All pages; the titles it has now."""
        self.removed, more = [], True
        while more:
            since = {"since": self.cursor} if self.cursor else {}
            page = self.desk.get("/changes", **self.asked, **since, limit=limit)
            self.has |= {one["id"]: one["title"] for one in page["items"]}
            for identity in page["removed"]:
                self.removed.append(identity)
                self.has.pop(identity, None)
            self.cursor, more = page["next"], page["more"]
        return sorted(self.has.values())


def gone(identity: str, minute: int) -> dict[str, Any]:
    return {"system": "oa", "id": identity, "status": "withdrawn", "version": at(minute)}


def refused(desk: Desk, headers: dict[str, str] | None = None, **asked: Any) -> tuple[int, str]:
    answer = desk.client.get("/v1/todos/changes", params=asked, headers=headers or desk.all)
    return answer.status_code, answer.json()["code"]


def test_a_reader_gets_all_first_and_then_what_changed_and_left(shared: Desk):
    shared.report(*(todo(f"A-{n}", to(code="1"), version=at(1)) for n in range(5)), gone("A-0", 2))
    reader = Reader(shared, person="1")
    assert reader.read() == [f"Leave A-{n}" for n in range(1, 5)]
    assert (reader.read(), reader.removed) == ([f"Leave A-{n}" for n in range(1, 5)], [])
    shared.report(gone("A-1", 3), todo("A-2", to(code="1"), title="Travel", version=at(3)))
    shared.report(todo("A-3", to(code="2"), version=at(3)), todo("A-9", to(code="2")))
    assert reader.read() == ["Leave A-4", "Travel"]
    assert len(reader.removed) == 2
    assert reader.read() == sorted(Reader(shared, person="1").read())


def test_in_one_box_what_is_done_leaves(shared: Desk):
    shared.report(todo("A-1", to(code="1"), version=at(1)))
    open_ones, every = Reader(shared, person="1", box="to_do"), Reader(shared, person="1")
    assert open_ones.read() == every.read() == ["Leave A-1"]
    shared.report({"system": "oa", "id": "A-1", "status": "completed", "version": at(2)})
    assert (open_ones.read(), every.read()) == ([], ["Leave A-1"])


def test_who_loses_a_to_do_to_somebody_else_is_told(office: Desk):
    office.report(
        todo("A-1", to(mail="li@example.com"), version=at(1)), todo("A-2", to(mail="li@example.com"), to(code="1"))
    )
    li, wang, all_of_them = Reader(office, person="1"), Reader(office, person="2"), Reader(office)
    assert (li.read(), wang.read(), all_of_them.read()) == (["Leave A-1", "Leave A-2"], [], ["Leave A-1", "Leave A-2"])
    one, two, three = FOLK
    office.put("hr.people", one | {"mail": "li2@example.com"}, two | {"mail": "li@example.com"}, three)
    office.run("people")
    office.heal()
    assert (li.read(), wang.read()) == (["Leave A-2"], ["Leave A-1", "Leave A-2"])
    since = {"since": all_of_them.cursor}
    people = office.get("/changes", **since)["items"]
    assert sorted(len(one["people"]) for one in people) == [1, 2]
    office.put("hr.people", one | {"mail": "li@example.com"}, two | {"mail": "wang@example.com"}, three)
    office.run("people")  # this time a report comes before anybody looked
    office.report(todo("A-1", to(mail="li@example.com"), title="Leave A-1 again", version=at(59)))
    assert (li.read(), wang.read()) == (["Leave A-1 again", "Leave A-2"], ["Leave A-2"])


def test_after_a_merge_the_cursor_of_who_is_no_more_is_too_old(office: Desk):
    office.report(todo("A-1", to(code="2")))
    wang, li, hub = Reader(office, person="2"), Reader(office, person="1"), office.open_hub.hub
    assert (wang.read(), li.read()) == (["Leave A-1"], [])
    merge_entities(hub, "person", person(hub, "1"), [person(hub, "2")], "the same")
    office.heal()
    assert li.read() == ["Leave A-1"]
    assert refused(office, person="2", since=wang.cursor) == (410, "cursor.old")


def test_a_cursor_is_good_for_its_own_question_and_not_for_ever(office: Desk):
    office.report(todo("A-1", to(mail="li@example.com")))
    reader, hub = Reader(office, person="1"), office.open_hub.hub
    reader.read()
    others: list[dict[str, Any]] = [{"person": "2"}, {"person": "1", "box": "done"}, {}]
    for other in others:
        assert refused(office, since=reader.cursor, **other) == (410, "cursor.old")
    confined = office.key("few", "todos:read", systems=["hr"])
    assert refused(office, confined, person="1", since=reader.cursor) == (410, "cursor.old")
    for wrong in ("x", "W10", "WzEsMiwzLDRd", "é"):
        assert refused(office, person="1", since=wrong) == (400, "cursor.malformed")
    one, two, three = FOLK
    office.put("hr.people", one | {"mail": "li2@example.com"}, two, three)
    office.run("people")
    office.heal()
    later = Reader(office, person="1")
    assert later.read() == []
    assert stored.sweep(hub.database, hub.clock() - dt.timedelta(days=1)) == 0
    assert stored.sweep(hub.database, hub.clock() + dt.timedelta(days=1)) == 1
    assert refused(office, person="1", since=reader.cursor) == (410, "cursor.old")
    assert (later.read(), later.removed) == ([], [])


def test_a_key_follows_its_systems_only(shared: Desk):
    shared.report(todo("A-1", to(code="1"), to(mail="new@example.com")))
    hr = shared.key("hr-only", "todos:read", systems=["hr"])
    for asked in ({"person": "1"}, {}):
        answer = shared.client.get("/v1/todos/changes", params=asked, headers=hr).json()
        assert (answer["items"], answer["removed"]) == ([], [])
    (everything,) = shared.get("/changes")["items"]
    assert "new@example.com" not in str(everything)
    writes = shared.key("only-writes", "todos:write")
    assert refused(shared, writes, person="1") == (403, "key.grant")
    blind = shared.key("blind", "todos:read", systems=["oa"], exchanges=["people"], models=["thing"])
    assert refused(shared, blind) == (404, "model.unknown")


def test_a_list_and_its_changes_are_sent_once(shared: Desk):
    shared.report(todo("A-1", to(code="1")))
    for path in ("/v1/todos?person=1", "/v1/todos/changes?person=1", "/v1/todos/changes"):
        tag = shared.client.get(path, headers=shared.all).headers["etag"]
        again = shared.client.get(path, headers=shared.all | {"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
