"""To-dos in calendar apps, by a secret address."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from icalendar import Calendar

from hub.exchange.uniting.merger import merge_entities
from hub.todos import calendars
from hub.todos.people import person
from tests.unit.cli.desk import cophub
from tests.unit.todos.conftest import Desk
from tests.unit.todos.test_lists import at, to, todo

pytestmark = pytest.mark.by_turns
DUE = {"due": "2026-12-01T08:00:00Z"}


def read(desk: Desk, path: str, **asked: str) -> list[Any]:
    answer = desk.client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return list(Calendar.from_ical(answer.content).subcomponents)


def address(desk: Desk, called: str) -> str:
    hub = desk.open_hub.hub
    return calendars.PATH.format(secret=calendars.add(hub, person(hub, called))[1])


def test_what_is_to_be_done_is_in_the_calendar_of_who_has_it(shared: Desk):
    title = "采购; 笔记本,\nEND:VCALENDAR"
    shared.report(
        todo("A-1", to(code="1"), title=title, priority="high", links={"pc": "https://oa.example.com/1"}, **DUE),
        todo("A-2", to(code="1"), version=at(1)),
        {"system": "oa", "id": "A-3", "title": "Done", "status": "completed", "assignees": [to(code="1")]},
        todo("A-4", to(code="2")),
    )
    path = address(shared, "1")
    first, second = read(shared, path)
    assert (first.name, str(first["summary"]), first["priority"]) == ("VTODO", title, 3)
    assert (first["due"].dt.isoformat(), str(first["url"])) == ("2026-12-01T08:00:00+00:00", "https://oa.example.com/1")
    assert str(second["summary"]) == "Leave A-2"
    (event,) = read(shared, path, show="events")
    assert (event.name, event["dtend"].dt.isoformat()) == ("VEVENT", "2026-12-01T08:00:00+00:00")
    tag = shared.client.get(path).headers["etag"]
    assert shared.client.get(path, headers={"if-none-match": tag}).status_code == 304


def test_an_address_is_made_listed_and_revoked_on_the_command_line(
    office: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("COPHUB_STORE", office.store)

    def said(*words: str, code: int = 0) -> Any:
        answer = cophub("-w", str(office.folder), "--json", "todos", "calendar", *words)
        assert answer.code == code, answer.err
        return answer.json

    caplog.set_level(logging.DEBUG)
    path = said("add", "1")["path"]
    secret = path.rpartition("/")[2].removesuffix(".ics")
    assert read(office, path) == []
    for wrong in (path.replace(secret[:3], "xxx"), path.replace(secret, "x")):
        answer = office.client.get(wrong)
        assert (answer.status_code, answer.json()["code"]) == (404, "calendar.unknown")
    (one,) = said("list", "1")["items"]
    assert said("revoke", "1", "--only", "00000000-0000-7000-8000-000000000000", code=65)
    assert said("revoke", "1", "--only", one["id"])["revoked"] == [one["id"]]
    assert office.client.get(path).status_code == 404
    assert said("list", "1")["items"][0]["revoked_at"]
    actions = office.rows("SELECT action FROM audit WHERE object LIKE 'calendar:%' ORDER BY seq")
    assert [action for (action,) in actions] == ["calendar.made", "calendar.revoked"]
    for table in ("todo_calendar", "audit"):
        assert secret not in str(office.rows(f"SELECT * FROM {table}"))
    hub_said = [one.getMessage() for one in caplog.records if not one.name.startswith("httpx")]  # that is the client
    assert secret not in str(hub_said)


def test_after_a_merge_the_address_shows_who_is_left_and_he_can_close_it(office: Desk):
    office.report(todo("A-1", to(code="1")))
    path, hub = address(office, "2"), office.open_hub.hub
    merge_entities(hub, "person", person(hub, "1"), [person(hub, "2")], "the same")
    assert [str(one["summary"]) for one in read(office, path)] == ["Leave A-1"]
    calendars.revoke(hub, person(hub, "1"), None)
    assert office.client.get(path).status_code == 404


def test_the_address_of_who_left_opens_nothing(office: Desk):
    path = address(office, "3")
    assert office.client.get(path).status_code == 200
    with office.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE e_person SET _state = 1 WHERE number = '3'")
    answer = office.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "calendar.unknown")
