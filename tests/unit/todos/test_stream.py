"""Changes of a list as server-sent events, from a served hub."""

from __future__ import annotations

import datetime as dt
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn

from hub.security import access
from hub.todos import substitutes
from hub.todos.live import Live
from hub.todos.people import person
from hub.web import application
from tests.stores import Postgres, PostgresStore
from tests.unit.todos.conftest import Desk, desk
from tests.unit.todos.test_changes import gone
from tests.unit.todos.test_lists import at, to, todo


class Stream:
    """An open stream; ``next`` is the next event but heartbeats, or None at the end."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.lines, self.cursor = answer, answer.iter_lines(), ""

    def next(self) -> tuple[str, Any] | None:
        found: dict[str, str] = {}
        for line in self.lines:
            if line:
                name, _, value = line.partition(": ")
                found[name] = value
                continue
            self.cursor = found["id"]
            if "event" in found:
                return found["event"], json.loads(found["data"])
            found = {}
        return None


class Office:
    """A desk behind a real server."""

    def __init__(self, made: Desk, base: str, live: Live) -> None:
        self.desk, self.base, self.live = made, base, live

    @contextmanager
    def stream(self, headers: dict[str, str] | None = None, **asked: str) -> Iterator[Stream]:
        sent = headers or self.desk.all
        with httpx.stream("GET", f"{self.base}/v1/todos/stream", params=asked, headers=sent, timeout=60) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].startswith("text/event-stream")
            found = Stream(answer)
            assert found.next() == ("open", {})
            yield found

    def refused(self, **asked: str) -> tuple[int, str]:
        answer = httpx.get(f"{self.base}/v1/todos/stream", params=asked, headers=self.desk.all, timeout=60)
        return answer.status_code, answer.json()["code"]


@contextmanager
def served(made: Desk) -> Iterator[Office]:
    ending = threading.Event()
    with ExitStack() as stack:
        opened = stack.enter_context(made.opened())
        held = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        app: Any = application(opened, ending)
        config = uvicorn.Config(app, lifespan="on", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]})
        thread.start()
        try:
            yield Office(made, f"http://127.0.0.1:{held.getsockname()[1]}", app.app.api.state.ground.live)
        finally:
            ending.set()
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def office(open_all_day: Desk) -> Iterator[Office]:
    open_all_day.write("config/hub.yaml", (open_all_day.folder / "config/hub.yaml").read_text(encoding="utf-8").replace(
        "api: {", "api: {listeners: 2, "))  # fmt: skip
    with served(open_all_day) as made:
        yield made


def test_what_changes_and_leaves_reaches_who_listens(office: Office, shared: Desk):
    with office.stream(person="1") as mine, office.stream(person="2") as other:
        shared.report(todo("A-1", to(code="1"), version=at(1)))
        name, first = mine.next() or ("", {})
        assert (name, [one["title"] for one in first["items"]], first["removed"]) == ("changes", ["Leave A-1"], [])
        shared.report(gone("A-1", 2), todo("A-2", to(code="2")))
        assert mine.next() == ("changes", {"items": [], "removed": [first["items"][0]["id"]]})
        _, found = other.next() or ("", {})
        assert [one["title"] for one in found["items"]] == ["Leave A-2"]


def test_who_comes_back_gets_what_he_missed(office: Office, shared: Desk):
    with office.stream(person="1") as mine:
        cursor = mine.cursor
    shared.report(*(todo(f"A-{n}", to(code="1")) for n in range(120)))
    with office.stream(shared.all | {"last-event-id": cursor}, person="1") as mine:
        sizes = [len((mine.next() or ("", {}))[1]["items"]) for _ in range(3)]
        cursor = mine.cursor
    assert sizes == [50, 50, 20]  # in pages: a slow reader costs no more than one of them
    shared.report(todo("A-200", to(code="1")))
    with office.stream(person="1", since=cursor) as mine:
        _, found = mine.next() or ("", {})
        assert [one["title"] for one in found["items"]] == ["Leave A-200"]
    assert office.refused(person="2", since=cursor) == (410, "cursor.old")
    assert office.refused(person="1", since="x") == (400, "cursor.malformed")


def test_a_dashboard_listens_to_all(office: Office, shared: Desk):
    with office.stream() as every:
        shared.report(todo("A-1", to(code="1"), to(code="2")))
        _, found = every.next() or ("", {})
        assert [len(one["people"]) for one in found["items"]] == [2]


def test_who_stands_in_hears_of_what_reaches_the_other(office: Office, shared: Desk):
    hub = shared.open_hub.hub
    until = hub.clock() + dt.timedelta(days=1)
    one = substitutes.add(hub, person(hub, "2"), person(hub, "1"), None, until)
    with office.stream(person="1") as mine:
        shared.report(todo("A-1", to(code="2")))
        _, found = mine.next() or ("", {})
        assert [one["for"]["person"] for one in found["items"]] == [str(person(hub, "2"))]
    substitutes.end(hub, one.id)


def test_a_key_has_so_many_streams_and_no_more(office: Office, shared: Desk):
    with office.stream(person="1"), office.stream(person="1"):
        assert office.refused(person="1") == (429, "stream.many")
        with office.stream(shared.key("another", "todos:read"), person="1"):
            pass
    while office.live.count():  # who left is noticed soon
        time.sleep(0.01)
    with office.stream(person="1"):
        pass


def test_a_key_that_is_revoked_hears_no_more(office: Office, shared: Desk):
    office.live.beat = 0.05
    headers, hub = shared.key("short", "todos:read"), shared.open_hub.hub
    with office.stream(headers, person="1") as mine:
        access.revoke(hub.database, hub.actor, "short")
        assert mine.next() == ("end", {"code": "key.refused"})
        assert mine.next() is None


def test_nothing_is_told_by_a_key_that_was_revoked_before_it_happened(office: Office, shared: Desk):
    office.live.beat = 60.0
    headers, hub = shared.key("busy", "todos:read"), shared.open_hub.hub
    with office.stream(headers, person="1") as mine:
        access.revoke(hub.database, hub.actor, "busy")
        shared.report(todo("A-1", to(code="1")))
        assert mine.next() == ("end", {"code": "key.refused"})
        assert mine.next() is None


def test_streams_need_the_grant(office: Office, shared: Desk):
    for headers, code in (({}, "key.refused"), (shared.key("w", "todos:write"), "key.grant")):
        answer = httpx.get(f"{office.base}/v1/todos/stream?person=1", headers=headers, timeout=60)
        assert answer.json()["code"] == code


def test_on_postgresql_who_listens_is_told_by_the_database_and_let_go_at_the_end(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
):
    made = desk(tmp_path_factory.mktemp("office"), PostgresStore(postgres))
    with closing(made), served(made) as office, office.stream(person="1") as mine:
        made.report(todo("A-1", to(code="1")))
        _, found = mine.next() or ("", {})
        assert [one["title"] for one in found["items"]] == ["Leave A-1"]
        office.live.ending.set()
        assert mine.next() is None
