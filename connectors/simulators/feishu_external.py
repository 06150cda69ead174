"""Feishu's third-party approvals: to-dos of other systems in its approval centre.

Sources: open.feishu.cn "Approval v4: external_instances (Sync instances), external_instances/check (Verify instances),
external_tasks (status of third-party approval tasks)" and "FAQ: how the ways of syncing differ".

* ``POST /open-apis/approval/v4/external_instances``: the sender calls an instance by an ``instance_id`` of its own.
  ``update_mode`` REPLACE (the default) makes it what the request says, and looks at no time; UPDATE takes of the
  instance, and of each task, what is newer than what was synced last by ``update_time`` (milliseconds), and leaves
  what is not named.
* A task's own time, user, node and beginning are not changed by UPDATE, nor is the definition ever.
* ``check`` names the instances that are not there, or not of the time that was sent; ``external_tasks`` tells states,
  by ``instance_ids`` and others that stand in the body of a GET.

Not settled by public documents: that an older UPDATE is answered as a success (it is here), and what ``check`` tells
of one that is not there (no time here).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.simulators.rest import limit_of, page_of
from connectors.simulators.tables import Row, Table
from connectors.simulators.wire import Refused, Request

DEFINITION: Final = "E78F1022-A166-447C-8320-E151DA90D70F"
"""The approval definition, of an external kind, that to-dos are instances of."""
STATES: Final = ("PENDING", "APPROVED", "REJECTED", "CANCELED", "DELETED", "HIDDEN", "TERMINATED")
TASKS: Final = ("PENDING", "APPROVED", "REJECTED", "TRANSFERRED", "DONE")
_FIXED: Final = frozenset({"approval_code", "instance_id", "department_id", "department_name"})
_FIXED_OF_TASK: Final = frozenset({"task_id", "user_id", "open_id", "create_time", "node_id", "node_name"})


class External:
    """The instances, by ``instance_id``, and those who may have a task of one: people by ``open_id``."""

    def __init__(self, people: Table) -> None:
        self.instances = Table("external_instances", ["instance_id"])
        self._people = people

    def answer(self, request: Request, parts: list[str]) -> Any:
        """What ``data`` of the answer holds."""
        match request.method, parts:
            case "POST", ["external_instances"]:
                return self._sync(request)
            case "POST", ["external_instances", "check"]:
                return {"diff_instances": [*self._differing(request.object().get("instances") or [])]}
            case "GET", ["external_tasks"]:
                return self._states(request)
        raise Refused(404, "99992402", "404 page not found")

    def pending(self, open_id: str) -> list[str]:
        """Titles of what somebody has to do in his approval centre."""
        return [row["title"] for row, task in self._tasks(open_id) if task["status"] == "PENDING"]

    def done(self, open_id: str) -> list[str]:
        """Titles of what somebody has done."""
        return [row["title"] for row, task in self._tasks(open_id) if task["status"] in ("APPROVED", "REJECTED")]

    def _tasks(self, open_id: str) -> list[tuple[Row, Row]]:
        shown = [row for row in self.instances if row["status"] not in ("DELETED", "HIDDEN")]
        return [(row, one) for row in shown for one in row["task_list"] if one.get("open_id") == open_id]

    # ------------------------------------------------------------ sync

    def _sync(self, request: Request) -> Any:
        given = request.object()
        old = self.instances.get(given.get("instance_id"))
        mode = given.get("update_mode", "REPLACE")
        if mode not in ("REPLACE", "UPDATE"):
            raise _wrong("update_mode")
        if old is not None and given.get("approval_code") != old["approval_code"]:
            raise _wrong("approval_code")
        row = self._checked(given)
        if old is not None and mode == "UPDATE":
            row = _newer(old, row)
        if row != old and not request.lies():
            if old is None:
                self.instances.create(row)
            else:
                self.instances.update((row["instance_id"],), row)
            kind = "create" if old is None else "update"
            request.record(kind, "external_instances", row["instance_id"], row["status"])
        return {"data": row}

    def _checked(self, given: Mapping[str, Any]) -> Row:
        if given.get("approval_code") != DEFINITION:
            raise Refused(400, "1390002", "approval code not found")
        if given.get("status") not in STATES or not given.get("instance_id"):
            raise _wrong("status, instance_id")
        _require(given, "start_time", "end_time", "update_time")
        tasks = given.get("task_list") or []
        for task in tasks:
            if task.get("status") not in TASKS or not task.get("task_id"):
                raise _wrong("task_list.status, task_list.task_id")
            _require(task, "create_time", "end_time", "update_time")
            if task.get("open_id") is None and task.get("user_id") is None:
                raise _wrong("task_list: open_id or user_id")
            if task.get("open_id") is not None and self._people.get(task["open_id"]) is None:
                raise Refused(400, "1390003", "user not found")
        if len({one["task_id"] for one in tasks}) < len(tasks):
            raise _wrong("task_list.task_id: one stands there twice")
        return {"title": "", "form": [], **given, "task_list": [*tasks], "cc_list": [*(given.get("cc_list") or [])]}

    # ------------------------------------------------------------ what is there

    def _differing(self, asked: Sequence[Mapping[str, Any]]) -> list[Row]:
        found = []
        for one in asked:
            row = self.instances.get(one.get("instance_id"))
            times = {} if row is None else {task["task_id"]: task["update_time"] for task in row["task_list"]}
            tasks = [
                {"task_id": task.get("task_id"), "update_time": times.get(task.get("task_id"), "")}
                for task in one.get("tasks") or []
                if times.get(task.get("task_id")) != task.get("update_time")
            ]
            if row is None or row["update_time"] != one.get("update_time") or tasks:
                time = "" if row is None else row["update_time"]
                found.append({"instance_id": one.get("instance_id"), "update_time": time, "tasks": tasks})
        return found

    def _states(self, request: Request) -> Row:
        given = request.object() if request.body else {}
        names, status = given.get("instance_ids") or [], given.get("status")
        if len(names) > 20:
            raise _wrong("instance_ids: at most 20")
        rows = [row for row in self.instances if not names or row["instance_id"] in names]
        rows = [row for row in rows if not status or any(one["status"] == status for one in row["task_list"])]
        size = limit_of(request, "page_size", 50, 500)
        page = page_of(request, rows, ("update_time", "instance_id"), size, request.query.get("page_token"))
        request.record("read", "external_instances", "", f"{len(page.rows)} of {len(rows)}")
        told: Row = {"data": [_told(row) for row in page.rows], "has_more": page.after is not None}
        return told | ({"page_token": page.after} if page.after else {})


def _newer(old: Row, new: Row) -> Row:
    """What UPDATE makes of an instance: only what is newer, the tasks and the instance each by itself."""
    made = dict(old)
    if int(new["update_time"]) > int(old["update_time"]):
        made |= {name: value for name, value in new.items() if name not in {*_FIXED, "task_list", "cc_list"}}
    tasks = {one["task_id"]: one for one in old["task_list"]}
    for one in new["task_list"]:
        there = tasks.get(one["task_id"])
        if there is None:
            tasks[one["task_id"]] = one
        elif int(one["update_time"]) > int(there["update_time"]):
            tasks[one["task_id"]] = there | {name: value for name, value in one.items() if name not in _FIXED_OF_TASK}
    return made | {"task_list": [*tasks.values()]}


def _told(row: Row) -> Row:
    names = ("instance_id", "approval_code", "status", "update_time")
    tasks = [{"id": one["task_id"], **{name: one[name] for name in names[2:]}} for one in row["task_list"]]
    return {name: row[name] for name in names} | {"approval_id": row["approval_code"], "tasks": tasks}


def _require(given: Mapping[str, Any], *times: str) -> None:
    """Times in milliseconds, as texts; and a link to open it by."""
    if any(not str(given.get(name, "")).isdigit() or not isinstance(given[name], str) for name in times):
        raise _wrong(", ".join(times))
    links = given.get("links") or {}
    if not isinstance(links, dict) or not (links.get("pc_link") or links.get("mobile_link")):
        raise _wrong("links: pc_link or mobile_link")


def _wrong(what: str) -> Refused:
    return Refused(400, "1390001", f"param is invalid: {what}")
