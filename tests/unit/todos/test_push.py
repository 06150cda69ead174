"""The hub's to-dos as a source: ``from: hub.todos``. What its pages tell, joined, is what persons have."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contract import Page, Query, key_text
from hub.errors import Fatal
from hub.mapping.check import check
from hub.store.changes import FORGOTTEN
from hub.todos.target import Todos
from hub.workspace.builtin import OWN
from hub.workspace.load import lint
from tests.stores import SqliteStore
from tests.unit.exchange.world import World
from tests.unit.todos.conftest import FOLK, Desk, forget

pytestmark = pytest.mark.by_turns

PUSH = """
    mapping: push
    from: hub.todos
    into: oa.accounts
    level: L1
    key: id
    fields: {id: todo || person, mail: title}
    out_of_scope: delete
    absent: delete
"""


def pages(office: Desk, token: str | None = None) -> list[Page]:
    target = Todos(office.open_hub.hub)
    return list(target.read(Query(target.resource("todos").read_as or target.resource("todos"), token=token)))


def records(found: list[Page]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for one in found for line in bytes(one.records).splitlines()]  # type: ignore[arg-type]


def places(found: list[Page]) -> dict[str, str]:
    return {key_text([one["todo"], one["person"]]): one["box"] for one in records(found)}


def todo(number: int, minute: int, *to: str, **more: Any) -> dict[str, Any]:
    assignees = [{"to": {"code": one}} for one in to]
    return {"system": "oa", "id": f"T{number}", "version": {"at": f"2026-03-01T08:{minute:02}:00Z"},
            "title": {"en": f"Leave {number}", "zh": "请假"}, "assignees": assignees} | more  # fmt: skip


def test_a_record_is_what_a_person_has_of_a_todo(shared: Desk) -> None:
    more = {"priority": "high", "due": "2026-03-05T10:00:00Z", "attributes": {"days": {"value": "5"}}}
    shared.report(todo(1, 0, "1", "2", "9", **more))
    found = {one["code"]: one for one in records(pages(shared))}
    assert sorted(found) == ["1", "2"]
    mine = found["1"]
    (shown,) = shared.inbox("1", language="en")
    assert (mine["todo"], mine["title"], mine["titles"]) == (shown["id"], "Leave 1", {"en": "Leave 1", "zh": "请假"})
    assert (mine["mail"], mine["accounts"]) == ("li@example.com", {"hr": "1", "oa": "lina"})
    assert (mine["due"], mine["priority"], mine["attributes"]) == ("2026-03-05T10:00:00Z", "high", {"days": "5"})
    described = {one.name for one in OWN.describe("todos").read_as.fields}  # type: ignore[union-attr]
    assert mine.keys() <= described


REPORTS = st.tuples(
    st.integers(0, 5),
    st.sets(st.sampled_from(["1", "2", "3"])),
    st.sampled_from([{}, {"status": "withdrawn"}, {"status": "completed"}]),
)


@settings(max_examples=15, deadline=None)
@given(rounds=st.lists(st.lists(REPORTS, max_size=3), min_size=1, max_size=4))
def test_pages_since_a_token_lead_to_the_same_as_a_whole_read(open_all_day: Desk, rounds: list[Any]) -> None:
    forget(open_all_day)
    known: dict[str, str] = {}
    token, minutes = None, itertools.count()
    for reports in rounds:
        for number, to, more in reports:
            open_all_day.report(todo(number, next(minutes), *sorted(to), **more))
        found = pages(open_all_day, token)
        known |= places(found)
        known = {key: box for key, box in known.items() if key not in found[-1].deleted}
        token = found[-1].token
    assert known == places(pages(open_all_day))


def test_who_is_called_otherwise_is_told_again(office: Desk) -> None:
    office.report(todo(1, 0, "1"), todo(2, 0, "2"))
    token = pages(office)[-1].token
    assert records(pages(office, token)) == []
    office.put("hr.people", *(one | ({"mail": "na@example.com"} if one["id"] == "1" else {}) for one in FOLK))
    office.run("people")
    (told,) = records(pages(office, token))
    assert (told["code"], told["mail"]) == ("1", "na@example.com")


def test_a_todo_that_passes_to_another_person_leaves_the_first(office: Desk) -> None:
    office.report(todo(1, 0, "1"), {**todo(2, 0), "assignees": [{"to": {"mail": "li@example.com"}}]})
    before = pages(office)
    office.put("hr.people", *(one | ({"mail": "li@example.com"} if one["id"] == "2" else {"mail": "x@example.com"})
                              for one in FOLK))  # fmt: skip
    office.run("people")
    office.heal()
    found = pages(office, before[-1].token)
    mine = next(one for one in records(before) if one["id"] == "T2")
    assert found[-1].deleted == (key_text([mine["todo"], mine["person"]]),)
    assert {(one["id"], one["code"]) for one in records(found)} >= {("T2", "2"), ("T1", "1")}


@pytest.mark.parametrize("token", ["nonsense", "[1]", '["a",1]', "[99999,0]", "[0,99999]"])
def test_a_token_that_cannot_be_gone_on_from_says_so(shared: Desk, token: str) -> None:
    with pytest.raises(Fatal, match="cannot be gone on from") as error:
        pages(shared, token)
    assert error.value.code == "token.expired"


def test_a_token_from_before_what_was_forgotten_is_refused(office: Desk) -> None:
    office.report(todo(1, 0, "1"))
    token = pages(office)[-1].token
    office.report(todo(2, 0, "1"))
    with office.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO model_seq (model, seq) VALUES ('{FORGOTTEN}', 99)")
    with pytest.raises(Fatal, match="older than what the hub remembers"):
        pages(office, token)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "w", SqliteStore())
    made.files("oa", accounts="{id: text, mail: text}")
    yield made
    made.close()


def test_pushing_and_pulling_the_same_system_is_no_cycle(world: World) -> None:
    world.mapping(PUSH)
    world.mapping("""
        mapping: pull
        from: oa.accounts
        into: hub.todos
        level: L1
        fields: {id: id, title: mail, code: id}
    """)
    workspace, findings = lint(world.folder)
    assert workspace is not None
    assert [one for one in (*findings, *check(workspace)) if one.level == "error"] == []


@pytest.mark.parametrize(
    ("mapping", "code", "said"),
    [
        (PUSH.replace("todo || person", "receiver"), "field.unknown", "receiver"),
        (PUSH.replace("from: hub.todos", "from: hub.tasks"), "reference.resource", 'no resource "tasks"'),
    ],
    ids=["field", "resource"],
)
def test_what_a_pushing_mapping_gets_wrong_is_found(world: World, mapping: str, code: str, said: str) -> None:
    world.mapping(mapping)
    workspace, findings = lint(world.folder)
    found = [*findings, *(check(workspace) if workspace else [])]
    assert any(one.code == code and said in one.message for one in found), found


def test_a_key_for_some_systems_sees_no_exchange_that_reads_all_todos(office: Desk) -> None:
    office.mapping(PUSH)
    office.stack.close()
    office.serve()
    everything = office.key("everything", "exchanges:read")
    for key, seen in ((everything, True), (office.key("some", "exchanges:read", systems=["oa"]), False)):
        answer = office.client.get("/v1/exchanges", headers=key)
        assert ("push" in {one["exchange"] for one in answer.json()["items"]}) is seen, answer.text


