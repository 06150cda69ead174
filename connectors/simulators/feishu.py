"""Feishu (Lark): contacts and approvals of the open platform; those of other systems are ``feishu_external``.

Sources: open.feishu.cn "Custom app: tenant_access_token", "Contact v3: departments/children,
users/find_by_department", "Approval v4: instances, tasks/approve", "Frequency control"; paths and fields as the
vendor's SDK lark-oapi has them.

* ``POST /open-apis/auth/v3/tenant_access_token/internal`` gives a token of two hours; while more than half an hour
  of it remains, the same one is given again.
* Every answer is ``{"code", "msg", "data"}``, 0 is success; failures come with status 400 or 200 all the same, a
  token that ran out as 99991663, a limit as 99991400 with 429 and ``x-ogw-ratelimit-reset``.
* Lists of contacts have at most 50 records a page, ``page_token`` and ``has_more``; people are listed by
  department only, and who is in two comes twice. Nothing tells what changed; deleted people just vanish.
* Approvals are listed by their codes in a span of time (milliseconds), and shown one by one.

Not settled by public documents: the status beside 99991663 (400 here).
"""

from __future__ import annotations

import hmac
from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.feishu_external import External
from connectors.simulators.rest import bearer, limit_of, page_of
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request

APP_ID, APP_SECRET = "cli_a1b2c3", "feishu-demo"
APPROVAL = "7C468A54-8745-2245-9675-08B7C63E7A85"
_API = "/open-apis/"
_WRITABLE = frozenset({"name", "en_name", "email", "mobile", "department_ids", "employee_no", "job_title"})


class Feishu:
    """The product; people are keyed by ``open_id``."""

    name = "feishu"
    title = "Feishu"
    login = f"app_id {APP_ID}, app_secret {APP_SECRET}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            "departments": Table("departments", ["open_department_id"]),
            "users": Table("users", ["open_id"], check=self._check),
            "instances": Table("instances", ["instance_code"]),
        }
        self.external = External(self.tables["users"])
        self.tables["external_instances"] = self.external.instances
        self._tokens = Tokens(self.clock, 7200, prefix="t-", kept=1800)
        self._repeated: dict[str, Answer] = {}
        told = staff.staff(seed, records)
        for unit in told.units:
            self.tables["departments"].seed(_department(unit))
        for person in told.people:
            self.tables["users"].seed(_user(person))
        for one in staff.applications(told.people):
            self.tables["instances"].seed(_instance(one))

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return _said(400, 99991663, "Invalid access token for authorization. Please make a test attempt.")
        headers = {} if value == "none" else {"x-ogw-ratelimit-reset": value if value.isdigit() else "1"}
        return _said(429, 99991400, "request trigger frequency limit", headers=headers)

    def answer(self, request: Request) -> Answer:
        path = request.path.removeprefix(_API)
        try:
            if path == "auth/v3/tenant_access_token/internal" and request.method == "POST":
                return self._log_in(request)
            if not bearer(request):
                raise Refused(400, "99991661", "Missing access token for authorization.")
            client = self._tokens.client(request, bearer(request))
            if client is None:
                return self.refusal("unauthorized", "")
            request.actor = client
            return self._serve(request, request.segments[1:])
        except Refused as error:
            return _said(error.status, int(error.code) if error.code.isdigit() else 9499, error.message)

    def _log_in(self, request: Request) -> Answer:
        given = request.object()
        right = hmac.compare_digest(str(given.get("app_secret", "")).encode(), APP_SECRET.encode())
        if given.get("app_id") != APP_ID or not right:
            request.record("login", "refused", str(given.get("app_id")))
            return Answer.json(200, {"code": 10014, "msg": "app secret invalid"})
        token, seconds = self._tokens.give(request, APP_ID)
        return Answer.json(200, {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": seconds})

    def _serve(self, request: Request, parts: list[str]) -> Answer:
        match request.method, parts:
            case "GET", ["contact", "v3", "departments", unit, "children"]:
                return self._departments(request, unit)
            case "GET", ["contact", "v3", "users", "find_by_department"]:
                return self._by_department(request)
            case "POST", ["contact", "v3", "users"]:
                return self._create(request)
            case "GET" | "PATCH" | "DELETE", ["contact", "v3", "users", key]:
                return self._user(request, key)
            case "GET", ["approval", "v4", "instances"]:
                return self._instances(request)
            case "GET", ["approval", "v4", "instances", code]:
                return _said(200, 0, "success", self._instance(code))
            case "POST", ["approval", "v4", "tasks", "approve" | "reject" as action]:
                return self._decide(request, action)
            case _, ["approval", "v4", *rest] if rest and rest[0].startswith("external_"):
                return _said(200, 0, "success", self.external.answer(request, rest))
        raise Refused(404, "99992402", "404 page not found")

    # ------------------------------------------------------------ contacts

    def _departments(self, request: Request, unit: str) -> Answer:
        rows = list(self.tables["departments"])
        if request.query.get("fetch_child") != "true":
            rows = [row for row in rows if row["parent_department_id"] == unit]
        elif unit != "0":
            rows = self._below(unit, rows)
        return self._listed(request, "departments", rows, "open_department_id", 50)

    def _below(self, unit: str, rows: list[Row]) -> list[Row]:
        found = [row for row in rows if row["parent_department_id"] == unit]
        return found + [each for row in found for each in self._below(row["open_department_id"], rows)]

    def _by_department(self, request: Request) -> Answer:
        unit = request.query.get("department_id", "")
        if unit != "0" and self.tables["departments"].get(unit) is None:
            raise Refused(400, "43009", "department not found error")
        rows = [row for row in self.tables["users"] if unit in row["department_ids"]]
        return self._listed(request, "users", rows, "open_id", 50)

    def _listed(self, request: Request, resource: str, rows: list[Row], key: str, most: int) -> Answer:
        size = limit_of(request, "page_size", 10, most)
        page = page_of(request, rows, (key, key), size, request.query.get("page_token"))
        request.record("read", resource, "", f"{len(page.rows)} of {len(rows)}")
        data: dict[str, Any] = {"items": page.rows, "has_more": page.after is not None}
        if page.after:
            data["page_token"] = page.after
        return _said(200, 0, "success", data)

    def _create(self, request: Request) -> Answer:
        again = request.query.get("client_token", "")
        if again and again in self._repeated:
            return self._repeated[again]
        row = _EMPTY | _values(request.object()) | {"open_id": f"ou_{len(self.tables['users']) + 1:08d}n"}
        if not request.lies():
            self.tables["users"].create(row)
            request.record("create", "users", row["open_id"], str(row["employee_no"]))
        answer = _said(200, 0, "success", {"user": row})
        if again:
            self._repeated[again] = answer
        return answer

    def _user(self, request: Request, key: str) -> Answer:
        table = self.tables["users"]
        row = table.get(key)
        if row is None:
            raise Refused(400, "41012", "user id invalid error")
        if request.method == "DELETE":
            if not request.lies():
                table.delete((key,))
                request.record("delete", "users", key)
            return _said(200, 0, "success", {})
        if request.method == "PATCH":
            values = _values(request.object())
            if not request.lies() and any(row[name] != value for name, value in values.items()):
                row = table.update((key,), values)
                request.record("update", "users", key, ",".join(sorted(values)))
        return _said(200, 0, "success", {"user": row})

    def _check(self, row: Row, old: Row | None) -> None:
        if not row["name"] or not row["mobile"] or not row["department_ids"]:
            raise Refused(400, "40001", "param error: name, mobile and department_ids are required")
        for other in self.tables["users"]:
            if other["mobile"] == row["mobile"] and other["open_id"] != row["open_id"]:
                raise Refused(400, "41018", "mobile is registered")

    # ------------------------------------------------------------ approvals

    def _instances(self, request: Request) -> Answer:
        if request.query.get("approval_code") != APPROVAL:
            raise Refused(400, "1390002", "approval code not found")
        try:
            start, end = int(request.query["start_time"]), int(request.query["end_time"])
        except (KeyError, ValueError):
            raise Refused(400, "1390001", "param is invalid") from None
        rows = [row for row in self.tables["instances"] if start <= int(row["start_time"]) <= end]
        size = limit_of(request, "page_size", 100, 100)
        page = page_of(request, rows, ("start_time", "instance_code"), size, request.query.get("page_token"))
        request.record("read", "instances", "", f"{len(page.rows)} of {len(rows)}")
        codes = [row["instance_code"] for row in page.rows]
        data: dict[str, Any] = {"instance_code_list": codes, "has_more": page.after is not None}
        return _said(200, 0, "success", data | ({"page_token": page.after} if page.after else {}))

    def _instance(self, code: str) -> Row:
        row = self.tables["instances"].get(code)
        if row is None:
            raise Refused(400, "1390003", "instance code not found")
        return row

    def _decide(self, request: Request, action: str) -> Answer:
        given = request.object()
        row = self._instance(str(given.get("instance_code")))
        task = row["task_list"][0]
        if task["id"] != given.get("task_id") or task["user_id"] != given.get("user_id"):
            raise Refused(400, "1390001", "param is invalid: no such task of this user")
        if task["status"] != "PENDING":
            raise Refused(400, "1395001", "the task is finished already")
        if not request.lies():
            status = {"approve": "APPROVED", "reject": "REJECTED"}[action]
            now = str(int(self.clock.now().timestamp() * 1000))
            done = {**task, "status": status, "end_time": now}
            self.tables["instances"].update(
                (row["instance_code"],), {"status": status, "end_time": now, "task_list": [done]}
            )
            request.record(action, "instances", row["instance_code"], str(given.get("comment", "")))
        return _said(200, 0, "success", {})


def _said(
    status: int, code: int, msg: str, data: Any = None, *, headers: dict[str, str] | None = None
) -> Answer:
    body = {"code": code, "msg": msg, **({} if data is None else {"data": data})}
    return Answer.json(status, body, headers)


def _values(given: dict[str, Any]) -> Row:
    return {name: value for name, value in given.items() if name in _WRITABLE}


def _department(unit: staff.Unit) -> Row:
    return {
        "name": unit.name, "i18n_name": {"zh_cn": unit.name, "en_us": unit.name_latin},
        "department_id": unit.code, "open_department_id": _unit(unit.id),
        "parent_department_id": _unit(unit.parent), "order": str(unit.id), "status": {"is_deleted": False},
    }  # fmt: skip


def _unit(number: int) -> str:
    return f"od-{number:06d}" if number else "0"


_EMPTY: Row = {
    "open_id": "", "user_id": "", "union_id": "", "name": "", "en_name": "", "email": "", "mobile": "",
    "department_ids": [], "employee_no": "", "job_title": "", "join_time": 0,
    "status": {"is_frozen": False, "is_resigned": False, "is_activated": True},
}  # fmt: skip


def _user(it: staff.Person) -> Row:
    return _EMPTY | {
        "open_id": f"ou_{it.id:08d}", "user_id": it.login, "union_id": f"on_{it.id:08d}", "name": it.name,
        "en_name": it.name_latin, "email": it.email, "mobile": it.mobile,
        "department_ids": [_unit(unit) for unit in it.units], "employee_no": it.number,
        "job_title": it.title, "join_time": int(it.hired.timestamp()),
        "status": {"is_frozen": not it.active, "is_resigned": False, "is_activated": True},
    }  # fmt: skip


def _instance(it: staff.Application) -> Row:
    status = {"waiting": "PENDING", "approved": "APPROVED", "rejected": "REJECTED"}[it.state]
    start, end = (str(int(time.timestamp() * 1000)) for time in (it.created, it.changed))
    end = "0" if status == "PENDING" else end
    task = {
        "id": f"T{it.id:05d}", "user_id": it.approver.login, "open_id": f"ou_{it.approver.id:08d}",
        "status": status, "node_id": "n1", "node_name": "审批", "type": "AND", "start_time": start,
        "end_time": end,
    }  # fmt: skip
    return {
        "approval_code": APPROVAL, "approval_name": it.title, "instance_code": f"INST-{it.id:06d}",
        "serial_number": f"2026{it.id:08d}", "user_id": it.applicant.login, "status": status,
        "start_time": start, "end_time": end, "task_list": [task], "timeline": [], "form": "[]",
    }  # fmt: skip
