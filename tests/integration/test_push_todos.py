"""docs/how-to/push-todos.md, done as it is written: the files of the page, on a real CalDAV server and on simulated
products. Whatever happens, each target has what the hub says that a person has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from icalendar import Calendar

from connectors.simulators import Simulator
from hub import failpoints
from hub.errors import Fatal
from tests.conftest import Login
from tests.docs.pages import blocks
from tests.integration.test_caldav import Place
from tests.stores import SqliteStore
from tests.unit.todos.conftest import Desk

PAGE = {one.place: one.text for one in blocks("yaml") if one.page == "docs/how-to/push-todos.md" and one.place}
BACK = """
    mapping: back
    from: tasks.lina
    into: hub.todos
    level: L1
    fields: {id: uid, login: "'lina'", title: summary, done: status = 'COMPLETED'}
    absent: delete
    guard: off
"""
PEOPLE = """
    mapping: people
    from: hr.people
    into: person
    fields: {number: id, username: id}
    unmatched: create
    guard: off
"""
Opened = Callable[..., Desk]


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A workspace of some files of the page, each with words replaced, people by their logins, and an OA."""
    made = Desk(tmp_path_factory.mktemp("push") / "w", SqliteStore())

    def opened(secrets: dict[str, str], *names: str, **replaced: str) -> Desk:
        for place, text in PAGE.items():
            if place.endswith(("hub.yaml", "person.yaml")) or any(name in place for name in names):
                for old, new in replaced.items():
                    text = text.replace(old, new)
                made.write(place, text)
        made.files("hr", people="{id: text}")
        made.files("oa", tasks="{id: text}")
        made.mapping(PEOPLE)
        made.variables = {f"COPHUB_SECRET_{name}": value for name, value in secrets.items()}
        made.migrate()
        made.put("hr.people", {"id": "lina"}, {"id": "wang"})
        made.run("people", initial=True)
        made.serve()
        made.all = made.key("all", "todos:read", "todos:write")
        return made

    yield opened
    made.close()


def todo(number: int, minute: int, *to: str, **more: Any) -> dict[str, Any]:
    """A report of the OA."""
    assignees = [{"to": {"login": one}} for one in to]
    return {"system": "oa", "id": f"T{number}", "version": {"at": f"2026-03-01T08:{minute:02}:00Z"},
            "title": f"Leave {number}", "assignees": assignees} | more  # fmt: skip


def states(place: Place) -> dict[str, tuple[str, str]]:
    """uid → summary and status, of what the calendar holds."""
    text = place.ask("GET", "")
    found = Calendar.from_ical(text).walk("VTODO") if text else []
    return {str(one["UID"]): (str(one["SUMMARY"]), str(one.get("STATUS", ""))) for one in found}


@pytest.fixture
def calendar(caldav: Login) -> Place:
    return Place(caldav, caldav.url)


@pytest.fixture
def pushed(office: Opened, calendar: Place, caldav: Login) -> Desk:
    """Two to-dos of lina and one of somebody else, in lina's calendar."""
    made = office({"TASKS_PASSWORD": caldav.password}, "tasks.yaml", "todos-to-lina.yaml", **{
        "https://cal.example.com/dav": caldav.url, "/calendars/lina/tasks/": calendar.path,
        "username: hub": f"username: {caldav.username}",
    })  # fmt: skip
    made.report(todo(1, 0, "lina", "wang", links={"pc": "https://oa.example.com/1"}), todo(2, 0, "lina"))
    made.report(todo(3, 0, "wang"))
    assert made.run("todos-to-lina", initial=True).counts["created"] == 2
    return made


@pytest.mark.against("caldav", "Radicale", "real")
def test_a_calendar_has_what_a_person_has(pushed: Desk, calendar: Place) -> None:
    first, second = sorted(pushed.inbox("lina"), key=lambda one: one["title"])
    assert states(calendar) == {
        first["id"]: ("Leave 1", "NEEDS-ACTION"), second["id"]: ("Leave 2", "NEEDS-ACTION")
    }  # fmt: skip
    assert "URL:https://oa.example.com/1" in calendar.ask("GET", f"{first['id']}.ics")
    done = [{"to": {"login": "lina"}, "done": True}]
    longer = todo(2, 1, "lina", title="Leave, longer")
    pushed.report(todo(1, 1, partial=True, assignees=done), longer, todo(4, 1, "lina"))
    told = pushed.run("todos-to-lina", "incremental").counts
    assert (told["created"], told["updated"], told["disabled"], told["deleted"]) == (1, 1, 1, 0)
    now = states(calendar)
    assert (now[first["id"]], now[second["id"]]) == (("Leave 1", "COMPLETED"), ("Leave, longer", "NEEDS-ACTION"))
    pushed.report(todo(2, 2, status="withdrawn"), todo(4, 2, "wang"))
    assert pushed.run("todos-to-lina", "incremental").counts["deleted"] == 2
    assert states(calendar) == {first["id"]: ("Leave 1", "COMPLETED")}
    assert pushed.run("todos-to-lina").counts["applied"] == 0


@pytest.mark.against("caldav", "Radicale", "real")
def test_what_was_pushed_is_not_pulled_and_what_was_pulled_is_not_pushed(pushed: Desk, calendar: Place) -> None:
    pushed.mapping(BACK)
    calendar.put({"uid": "own", "summary": "Call"})
    before = states(calendar)
    for _ in range(2):
        pushed.run("back")
        pushed.run("todos-to-lina")
    assert sorted(pushed.titles("lina")) == ["Call", "Leave 1", "Leave 2"]
    assert states(calendar) == before
    pushed.report(todo(1, 1, status="withdrawn"), todo(2, 1, status="withdrawn"))
    pushed.run("todos-to-lina", "incremental")
    pushed.run("back")
    assert (pushed.titles("lina"), [*states(calendar)]) == (["Call"], ["own"])
    assert pushed.one("SELECT count(*) FROM todo WHERE system = 'tasks'") == 1


@pytest.mark.against("caldav", "Radicale", "real")
def test_a_push_that_was_killed_makes_one_todo(pushed: Desk, calendar: Place) -> None:
    pushed.mapping(BACK)
    for number, point in ((5, "after_intent"), (6, "after_target_ack")):
        pushed.report(todo(number, 1, "lina"))
        failpoints.arm(f"{point}=raise")
        with pytest.raises(Fatal):
            pushed.run("todos-to-lina", "incremental")
        failpoints.arm("")
        pushed.run("back")  # it is read before the hub knows that it is there
        pushed.run("todos-to-lina", "incremental")
    names = ["Leave 1", "Leave 2", "Leave 5", "Leave 6"]
    assert sorted(name for name, _ in states(calendar).values()) == names
    assert sorted(pushed.titles("lina")) == names


# ------------------------------------------------------------ DingTalk


@pytest.fixture
def dingtalk() -> Iterator[Simulator]:
    with Simulator("dingtalk", records=8) as simulator:
        yield simulator


@pytest.mark.against("dingtalk_todo", "DingTalk", "simulator")
def test_everybody_with_an_account_has_them_in_dingtalk_once(office: Opened, dingtalk: Simulator) -> None:
    made = office({"DINGTALK_APP": "dingtalk-demo"}, "dingtalk", **{
        "https://oapi.dingtalk.com": dingtalk.url, "https://api.dingtalk.com": dingtalk.url,
        "    values: {appkey": f"    url: {dingtalk.url}/gettoken\n    values: {{appkey",
        "    values: {appKey": f"    url: {dingtalk.url}/v1.0/oauth2/accessToken\n    values: {{appKey",
        "match: [[number]]": "match: [[username]]", "auth:\n": "limits: {rate: 1000/s}\nauth:\n",
    })  # fmt: skip
    first, second = (row["userid"] for row in dingtalk.rows("users")[:2])
    made.put("hr.people", {"id": "lina"}, {"id": first}, {"id": second})
    made.run("people")
    made.run("dingtalk-people", initial=True)
    made.report(todo(1, 0, first, "lina", due="2026-03-05T10:00:00Z"), todo(2, 0, first, second))
    dingtalk.faults.set("lost,path=/tasks,times=1")  # done, and nobody was told
    made.run("todos-to-dingtalk", initial=True)
    made.run("todos-to-dingtalk", "incremental")

    def ours() -> list[dict[str, Any]]:
        return [row for row in dingtalk.rows("todos") if row["subject"].startswith("Leave ")]

    def held() -> list[tuple[str, str, bool]]:
        return sorted((row["creatorId"], row["subject"], row["done"]) for row in ours())

    a, b = f"un-{first}", f"un-{second}"
    assert held() == sorted([(a, "Leave 1", False), (a, "Leave 2", False), (b, "Leave 2", False)])
    assert {row["dueTime"] for row in ours() if row["subject"] == "Leave 1"} == {1_772_704_800_000}
    done = [{"to": {"login": first}, "done": True}]
    made.report(todo(2, 1, partial=True, assignees=done), todo(1, 1, "lina"))
    made.run("todos-to-dingtalk", "incremental")
    assert held() == sorted([(a, "Leave 2", True), (b, "Leave 2", False)])
    assert made.run("todos-to-dingtalk").counts["applied"] == 0
