"""The state of one to-do, told by itself."""

from __future__ import annotations

from typing import Any

from tests.unit.todos.conftest import Desk

LEAVE: dict[str, Any] = {
    "system": "oa",
    "id": "A/1",
    "title": "Leave",
    "version": {"at": "2026-11-02T08:00:00Z"},
    "assignees": [{"to": {"code": "1"}}, {"to": {"code": "2"}}],
}


def told(office: Desk, call: str, body: dict[str, Any], source: str = "oa/A/1", **more: Any) -> Any:
    asked = {"headers": office.all, **more}
    return office.client.post(f"/v1/todos/{source}/{call}", json=body, **asked)


def test_a_part_is_done_then_all_and_what_is_late_is_told(shared: Desk):
    shared.report(LEAVE)
    part = {"assignees": [{"to": {"code": "1"}, "done": True, "outcome": "agree"}]}
    assert told(shared, "state", part).json()["result"] == "updated"
    assert (shared.titles("1"), shared.titles("2")) == ([], ["Leave"])
    assert told(shared, "state", {"status": "completed", "outcome": "agree"}).json()["result"] == "updated"
    assert (shared.titles("2"), shared.titles("1", box="done")) == ([], ["Leave"])
    late = told(shared, "state", {"status": "ready", "version": {"at": "2026-11-02T09:00:00Z"}}).json()
    assert (late["result"], late["ignored"]) == ("ignored", [{"part": "status", "code": "todo.finished"}])


def test_a_withdrawn_one_is_gone_for_good(shared: Desk):
    shared.report(LEAVE)
    assert told(shared, "withdrawal", {}).json()["result"] == "updated"
    shared.report(LEAVE | {"version": {"at": "2026-11-03T08:00:00Z"}})
    assert shared.titles("1") == []


def test_what_is_wrong_is_a_problem(shared: Desk):
    assert told(shared, "state", {}).json()["code"] == "todo.malformed"
    assert told(shared, "state", {"status": "later"}).status_code == 400
    assert told(shared, "state", {"title": "x"}).status_code == 400
    unknown = told(shared, "withdrawal", {}, source="nowhere/1")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "system.unknown")
    reads = shared.key("reads-states", "todos:read")
    for call in ("state", "withdrawal"):
        assert told(shared, call, {}, headers=reads).json()["code"] == "key.grant"
        assert told(shared, call, {}, headers={}).json()["code"] == "key.refused"
