"""To-dos by mappings: ``into: hub.todos``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub import failpoints
from hub.contract import Change, Outcome
from hub.errors import Fatal
from hub.mapping.check import check
from hub.todos.people import KINDS
from hub.todos.received import Item, Receiver
from hub.todos.target import Todos
from hub.workspace.builtin import OWN, RECEIVERS
from hub.workspace.load import lint
from tests.stores import SqliteStore
from tests.unit.cli.desk import desk as command_line
from tests.unit.exchange.world import World, some
from tests.unit.todos.conftest import Desk, desk, forget

FIELDS = "{id: text, who: text, title: text, at: text, state: text, priority: text, link: text, due: text, more: json}"
MAPPING = """
    mapping: wf-todos
    from: wf.tasks
    into: hub.todos
    level: L1
    fields:
      id: id
      code: who
      changed: at
      title: title
      done: state = 'done'
      priority: priority
      links.pc: link
      due: due
      responses: more
    absent: delete
    guard: off
"""
EACH = """
    mapping: wf-todos
    from: wf.tasks
    into: hub.todos
    level: L1
    each: more as m
    key: m.who
    fields: {id: id, code: m.who, changed: at, title: title}
    absent: delete
    guard: off
"""


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """An office whose workflow system is pulled."""
    made = desk(tmp_path_factory.mktemp("workflow"), SqliteStore())
    made.files("wf", tasks=FIELDS)
    made.stack.close()
    made.serve()
    yield made
    made.close()


@pytest.fixture
def office(workflow: Desk) -> Desk:
    """Nobody has any to-do yet."""
    forget(workflow)
    workflow.mapping(MAPPING)
    with workflow.open_hub.hub.database.begin() as connection:
        ours = "(SELECT id FROM source WHERE exchange = 'wf-todos')"
        connection.exec_driver_sql(f"DELETE FROM shadow WHERE source IN {ours}")
        for name in ("quarantine", "watermark"):
            connection.exec_driver_sql(f"DELETE FROM {name} WHERE exchange = 'wf-todos'")
    return workflow


def task(number: int, who: str = "1", minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": f"T{number}", "who": who, "title": f"Leave {number}", "at": f"2026-03-01T08:{minute:02}:00Z",
            "state": "open"} | more  # fmt: skip


def pull(office: Desk, *tasks: dict[str, Any]) -> dict[str, int]:
    office.put("wf.tasks", *tasks)
    return some(office.run("wf-todos"), "created", "updated", "deleted", "disabled", "quarantined")


def create(number: int, minute: int | None = 0, **more: Any) -> Change:
    """A row as the exchange sends it."""
    values = {"system": "wf", "id": f"T{number}", "code": "1", "title": f"Leave {number}"} | more
    if minute is not None:
        values.setdefault("changed", f"2026-03-01T08:{minute:02}:00Z")
    return Change("create", {name: values[name] for name in ("system", "id", "code")}, values)


def send(office: Desk, *changes: Change) -> list[Outcome]:
    target = Todos(office.open_hub.hub)
    return target.deliver(target.resource("todos"), changes)


def pushed(office: Desk, number: int, minute: int, **part: Any) -> dict[str, Any]:
    """A report that the same system pushes meanwhile."""
    (said,) = office.report({
        "system": "wf", "id": f"T{number}", "version": {"at": f"2026-03-01T08:{minute:02}:00Z"}, "partial": True,
        "assignees": [{"to": {"code": "1"}, **part}],
    })  # fmt: skip
    return said


def test_rows_become_todos_of_people(office: Desk) -> None:
    more = [{"code": "agree", "nature": "positive"}]
    told = pull(office, task(1, priority="high", link="https://wf.example.com/1", more=more), task(2, "2"))
    assert told["created"] == 2
    (mine,) = office.inbox("1")
    assert (mine["title"], mine["system"], mine["priority"]) == ("Leave 1", "wf", "high")
    assert (mine["links"], mine["responses"]) == ({"pc": "https://wf.example.com/1"}, more)
    assert pull(office, task(1, title="Leave, longer", minute=1), task(2, "2"))["updated"] == 1
    assert (office.titles("1"), office.titles("2")) == (["Leave, longer"], ["Leave 2"])
    pull(office, task(1, state="done", minute=2), task(2, "2"))
    assert (office.titles("1"), office.titles("1", box="done")) == ([], ["Leave 1"])


def test_what_leaves_is_taken_off_and_comes_back_whatever_its_time(office: Desk) -> None:
    for _ in range(2):
        pull(office, task(1), task(2, "2"))
        assert office.titles("1") == ["Leave 1"]
        assert pull(office, task(2, "2"))["deleted"] == 1
        assert office.titles("1") == []


def test_a_todo_that_goes_to_somebody_else_leaves_who_had_it(office: Desk) -> None:
    pull(office, task(1))
    for who, minute in (("2", 0), ("1", 1)):
        assert pull(office, task(1, who, minute))["updated"] == 1
        assert [bool(office.titles(one)) for one in "12"] == [one == who for one in "12"]


def test_each_element_is_a_receiver_and_all_are_one_report(office: Desk) -> None:
    office.mapping(EACH)
    both = [{"who": "1"}, {"who": "2"}]
    pull(office, task(1, more=both))
    (mine,), (other,) = office.inbox("1"), office.inbox("2")
    assert mine["id"] == other["id"]
    assert [line["said"] for line in office.get(f"/{mine['id']}")["history"]] == [{"content": True, "assignees": 2}]
    assert pull(office, task(1, more=both[1:], minute=1))["deleted"] == 1
    assert (office.titles("1"), office.titles("2")) == ([], ["Leave 1"])


def test_disable_says_done_until_the_row_is_back(office: Desk) -> None:
    office.mapping(MAPPING, disable="{done: true}", absent="disable")
    for _ in range(2):
        pull(office, task(1), task(2, "2"))
        assert (office.titles("1"), office.titles("1", box="done")) == (["Leave 1"], [])
        assert pull(office, task(2, "2"))["disabled"] == 1
        assert (office.titles("1"), office.titles("1", box="done")) == ([], ["Leave 1"])


def test_what_was_reported_since_is_not_undone_by_an_older_row(office: Desk) -> None:
    send(office, create(1, minute=1), create(2, minute=1))
    pushed(office, 1, 5, done=True)
    pushed(office, 2, 5, there=False)
    again = {"done": False, "title": "late"}
    send(office, create(1, minute=3, **again), create(2, minute=3, **again))
    assert (office.titles("1"), office.titles("1", box="done")) == ([], ["late"])
    send(office, create(1, minute=7, done=False), create(2, minute=7, done=False))
    assert sorted(office.titles("1")) == ["Leave 1", "Leave 2"]


def test_a_row_that_came_back_leaves_again_whatever_changed_meanwhile(office: Desk) -> None:
    (first,) = send(office, create(1))
    off = replace(create(1), operation="delete", values={}, version=first.version)
    for _ in range(2):
        send(office, off)
        assert office.titles("1") == []
        (back,) = send(office, create(1))
        for title in ("Other", "And another", "Leave 1"):  # a mapping that was changed, and the system's time was not
            (back,) = send(office, replace(create(1, title=title), operation="update", version=back.version))
            assert office.titles("1") == [title]
        off = replace(off, version=back.version)


@pytest.mark.parametrize("version", [None, "given"])
def test_sent_again_in_doubt_nothing_changes(office: Desk, version: str | None) -> None:
    """Also by a system that tells no times."""
    minute = 0 if version else None
    for _ in range(2):
        (first,) = send(office, create(1, minute=minute))
        assert office.titles("1") == ["Leave 1"]
        assert [bool(first.version), bool(first.foreign_id)] == [bool(version) or _ > 0, True]
        off = replace(create(1), operation="delete", values={}, version=first.version)
        for _again in range(2):
            send(office, off)
            assert office.titles("1") == []


def test_disable_may_end_the_todo_for_all_and_for_good(office: Desk) -> None:
    (first,) = send(office, create(1))
    send(office, replace(create(1), operation="update", values={"status": "withdrawn"}, version=first.version))
    send(office, create(1, minute=9, done=False))
    assert office.titles("1") == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": None}, "to-do T1 of code 1: title: it is empty"),
        ({"priority": "urgent"}, "to-do T1 of code 1: priority: Input should be 'low', 'medium', 'high' or"),
        ({"links.pc": "javascript:alert(1)"}, "links.pc: a link does not begin with javascript:"),
        ({"changed": "yesterday"}, "changed: it is no time"),
        ({"changed": "2199-01-01T00:00:00Z"}, "changed: it lies in the future"),
        ({"responses": '[{"title": "x"}]'}, "to-do T1 of code 1: responses: code is missing"),
        ({"responses": "{"}, "responses: it is no JSON"),
        ({"code": "x" * 201}, "code: Value should have at most 200 items"),
        ({"mail": "li@example.com"}, "to-do T1: code: a row has one receiver, and this one has code and mail"),
        ({"status": "gone"}, "status: Input should be 'incomplete', 'ready'"),
        ({"system": "nowhere"}, "system: the hub has no such system"),
        ({"seq": "a"}, "seq: it is no whole number"),
        ({"id": None}, "id: it is missing"),
    ],
    ids=lambda one: str(next(iter(one), "")) if isinstance(one, dict) else "",
)  # fmt: skip
def test_a_wrong_row_is_rejected_by_field_and_harms_no_other(office: Desk, wrong: dict[str, Any], said: str) -> None:
    bad, good = send(office, create(1, **wrong), create(2))
    assert (bad.status, bad.code) == ("rejected", "system.unknown" if "system" in wrong else "todo.malformed")
    assert said in bad.message
    assert (good.status, office.titles("1")) == ("done", ["Leave 2"])


def test_a_rejected_row_is_set_aside_until_it_is_right(office: Desk) -> None:
    assert pull(office, task(1, title=" "), task(2))["quarantined"] == 1
    (held,) = office.held("wf-todos")
    assert (held["state"], held["code"], held["position"]) == ("quarantined", "todo.malformed", "hub.todos wf, T1, 1")
    pull(office, task(1, minute=1), task(2))
    assert (len(office.titles("1")), office.held("wf-todos")) == (2, [])


def test_a_row_that_was_set_aside_is_seen_by_who_may_see_its_system_only(office: Desk):
    pull(office, task(1, title=" "), task(2))
    cause = office.rows("SELECT cause FROM quarantine")[0][0]
    office.stack.close()
    office.serve()  # with the mapping
    get, seen = office.client.get, {}
    for system in ("wf", "oa"):
        headers = office.key(f"q-{system}", "quarantine:read", "quarantine:write", systems=[system])
        lists = [get(f"/v1/quarantine{path}", headers=headers).json()["items"] for path in ("", "/causes")]
        named = get("/v1/quarantine?exchange=wf-todos", headers=headers).status_code
        seen[system] = [*map(len, lists), named]
    assert seen == {"wf": [1, 1, 200], "oa": [0, 0, 404]}
    for act in ("replays", "dismissals"):
        body = {"cause": cause} | ({"reason": "away"} if act == "dismissals" else {})
        answer = office.client.post(f"/v1/quarantine/{act}", json=body, headers=headers)  # that of oa
        assert answer.status_code == 404, act


def test_a_row_without_a_receiver_speaks_of_the_todo(office: Desk) -> None:
    send(office, create(1))
    send(office, create(1, code=" ", minute=1, status="completed", outcome="agree"))
    (mine,) = office.inbox("1", box="done")
    assert mine["outcome"] == "agree"
    (alone,) = send(office, Change("create", {"system": "wf", "id": "T9"}, {"system": "wf", "id": "T9", "code": ""}))
    assert alone.message == "to-do T9: code: it has no receiver"


def test_fields_take_what_systems_write(office: Desk) -> None:
    """A time without an offset is of the hub's zone, a day ends the due, and names are nested."""
    named: dict[str, Any] = {"title.zh": "请假", "title.en": "Leave", "initiator.code": 2, "attributes.days": 5}
    send(office, create(1, title=None, due="2026-03-05", created="2026-03-01 08:00:00", **named))
    (mine,) = office.inbox("1", language="en")
    assert (mine["title"], mine["due"]) == ("Leave", "2026-03-05T23:59:59+00:00")
    assert mine["attributes"]["days"]["value"] == "5"


@pytest.mark.parametrize("point", ["after_intent", "after_target_ack"])
def test_a_pull_that_was_killed_goes_on_and_repeats_nothing(office: Desk, point: str) -> None:
    pull(office, task(1), task(2, "2"))
    office.put("wf.tasks", task(1, "3", minute=1), task(4))
    failpoints.arm(f"{point}=raise")
    with pytest.raises(Fatal):
        office.run("wf-todos")
    failpoints.arm("")
    office.put("wf.tasks", task(1, "3", minute=1), task(4, "2"))
    office.run("wf-todos")
    assert [office.titles(one) for one in "123"] == [[], ["Leave 4"], ["Leave 1"]]
    assert office.one("SELECT count(*) FROM todo") == 3
    assert pull(office, task(1, "3", minute=1), task(4, "2")) == dict.fromkeys(
        ("created", "updated", "deleted", "disabled", "quarantined"), 0
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "w", SqliteStore())
    made.files("wf", tasks=FIELDS)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("mapping", "code", "said"),
    [
        (MAPPING.replace("priority:", "prio:"), "reference.field", 'no field "prio"'),
        (MAPPING.replace("links.pc:", "links.web:"), "reference.field", 'no field "links.web"'),
        (MAPPING.replace("      id: id\n", ""), "value.missing", "needs id"),
        (MAPPING.replace("      title: title\n", ""), "value.missing", "together with the title"),
        (MAPPING.replace("hub.todos", "hub.tasks"), "reference.resource", 'no resource "tasks"'),
        (MAPPING.replace("from: wf.tasks", "from: hub.todos"), "mapping.direction", "is read and written"),
    ],
    ids=["field", "part", "id", "content", "resource", "from"],
)  # fmt: skip
def test_what_a_mapping_gets_wrong_is_found_without_a_run(world: World, mapping: str, code: str, said: str) -> None:
    world.mapping(mapping)
    found = {(one.code, one.message) for one in lint(world.folder)[1]}
    assert any(code == its and said in message for its, message in found), found


def test_the_row_has_every_field_of_a_report() -> None:
    assert set(RECEIVERS) == set(KINDS)
    flat = {"assignees", "partial", "version"}
    ours = {one.name for one in OWN.describe("todos").fields}  # type: ignore[union-attr]
    assert ours == ({*Item.model_fields, *Receiver.model_fields, *RECEIVERS, "changed", "seq"} - flat - {"to", "there"})


def test_a_right_mapping_is_clean_and_no_system_may_be_called_hub(world: World) -> None:
    world.mapping(MAPPING)
    workspace, findings = lint(world.folder)
    assert workspace is not None
    assert [*findings, *check(workspace)] == []
    assert "hub" not in workspace.systems
    world.files("hub", tasks=FIELDS)
    assert [(one.code, one.path) for one in lint(world.folder)[1]] == [("name.reserved", "config/systems/hub.yaml")]


def test_the_command_line_knows_the_hubs_own_resource(tmp_path: Path) -> None:
    work = command_line(tmp_path / "work")
    fields = work.cophub("systems", "describe", "hub", "todos", "--json").json["resource"]["fields"]
    assert {"id", "account", "title", "changed"} <= {one["name"] for one in fields}
    assert "hub" not in json.dumps([one["system"] for one in work.cophub("systems", "--json").json["systems"]])
