"""DingTalk: contacts by the classic interface, to-dos by the new one.

Sources: open.dingtalk.com "gettoken", "v1.0/oauth2/accessToken", "topapi/v2/department/listsub",
"topapi/v2/user/list|get|create|update|delete", "v1.0/todo/users/{unionId}/tasks", "Server API error codes",
"Pagination"; paths and models of the to-dos as the vendor's SDK alibabacloud_dingtalk has them.

* Classic (oapi.dingtalk.com): ``GET /gettoken?appkey&appsecret`` gives a token of two hours for the query parameter
  ``access_token``. Every answer has status 200 and ``errcode``; a token that ran out is 40014, a limit 88 with
  ``sub_code`` 90018 and no word of how long.
* Departments are listed one level at a time; people by department, ``cursor`` and ``size`` (≤ 100), with ``has_more``
  and ``next_cursor``: a position, so that who is deleted meanwhile moves the rest.
* New (api.dingtalk.com): ``POST /v1.0/oauth2/accessToken``, header ``x-acs-dingtalk-access-token``; failures have a
  status and ``{"code", "message", "requestid"}``; a limit is 403 with ``Forbidden.AccessDenied.QpsLimit…``.
* To-dos belong to a person (``unionId``) and carry the sender's ``sourceId``, which may be looked up.

Here both stand at one address. Not settled by public documents: the status beside ``InvalidAuthentication``
(400 here).
"""

from __future__ import annotations

import hmac
from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.rest import window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request

APP_KEY, APP_SECRET = "dinghub1", "dingtalk-demo"
_NEW = "/v1.0/"
_WRITABLE = frozenset({"name", "mobile", "email", "title", "job_number", "dept_id_list"})
_TODO = frozenset({
    "subject", "description", "dueTime", "executorIds", "participantIds", "detailUrl", "priority", "done",
})  # fmt: skip
_LIMITED = "Forbidden.AccessDenied.QpsLimitForApi"


class Dingtalk:
    """The product: people by ``userid``, to-dos by ``id``."""

    name = "dingtalk"
    title = "DingTalk"
    login = f"appkey {APP_KEY}, appsecret {APP_SECRET}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            "departments": Table("departments", ["dept_id"]),
            "users": Table("users", ["userid"], check=self._check),
            "todos": Table("todos", ["id"], stamp=self._stamp),
        }
        self._tokens = Tokens(self.clock, 7200, kept=0)
        told = staff.staff(seed, records)
        for unit in told.units:
            self.tables["departments"].seed(
                {"dept_id": unit.id, "name": unit.name, "parent_id": unit.parent, "create_dept_group": False}
            )
        for person in told.people:
            self.tables["users"].seed(_user(person))
        for one in staff.applications(told.people):
            self.tables["todos"].seed(_todo(one))

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        """In the form of the interface that was asked."""
        if path.startswith(_NEW):
            refused = ("InvalidAuthentication", 400) if kind == "unauthorized" else (_LIMITED, 403)
            return Answer.json(refused[1], {"code": refused[0], "message": "", "requestid": "sim"})
        if kind == "unauthorized":
            return Answer.json(200, {"errcode": 40014, "errmsg": "不合法的access_token", "request_id": "sim"})
        said = "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了"
        body = {"errcode": 88, "sub_code": "90018", "sub_msg": said, "errmsg": f"ding talk error[{said}]"}
        return Answer.json(200, body)

    def answer(self, request: Request) -> Answer:
        if request.path.startswith(_NEW):
            try:
                return self._new(request)
            except Refused as error:
                body = {"code": error.code, "message": error.message, "requestid": "sim"}
                return Answer.json(error.status, body)
        try:
            return self._classic(request)
        except Refused as error:
            return Answer.json(200, {"errcode": int(error.code), "errmsg": error.message})

    # ------------------------------------------------------------ the classic interface

    def _classic(self, request: Request) -> Answer:
        if request.path == "/gettoken":
            key, secret = request.query.get("appkey", ""), request.query.get("appsecret", "")
            if not _known(key, secret):
                request.record("login", "refused", key)
                raise Refused(200, "40089", "不合法的corpid或corpsecret")
            token, seconds = self._tokens.give(request, key)
            return _ok(access_token=token, expires_in=seconds)
        client = self._tokens.client(request, request.query.get("access_token", ""))
        if client is None:
            return self.refusal("unauthorized", "")
        request.actor = client
        given = request.object() if request.body else {}
        match request.path.removeprefix("/topapi/v2/"):
            case "department/listsub":
                return self._units(request, given)
            case "user/list":
                return self._people(request, given)
            case "user/get":
                return _ok(result=self._person(given))
            case "user/create":
                return self._create(request, given)
            case "user/update":
                return self._update(request, given)
            case "user/delete":
                key = self._person(given)["userid"]
                if not request.lies():
                    self.tables["users"].delete((key,))
                    request.record("delete", "users", key)
                return _ok()
        raise Refused(200, "22", "Invalid method")

    def _units(self, request: Request, given: Row) -> Answer:
        parent = int(given.get("dept_id", 1))
        if self.tables["departments"].get(parent) is None:
            raise Refused(200, "60003", "部门不存在")
        rows = [row for row in self.tables["departments"] if row["parent_id"] == parent]
        shown = window(request, rows, 0, len(rows) or 1).rows
        request.record("read", "departments", str(parent), f"{len(shown)} of {len(rows)}")
        return _ok(result=shown)

    def _people(self, request: Request, given: Row) -> Answer:
        unit, cursor, size = (given.get(name) for name in ("dept_id", "cursor", "size"))
        if not isinstance(cursor, int) or not isinstance(size, int) or not 1 <= size <= 100:
            raise Refused(200, "400002", "无效的参数")
        if self.tables["departments"].get(unit) is None:
            raise Refused(200, "60003", "部门不存在")
        rows = [row for row in self.tables["users"] if unit in row["dept_id_list"]]
        found = window(request, rows, cursor, size)
        request.record("read", "users", str(unit), f"{len(found.rows)} of {len(rows)}")
        result: Row = {"has_more": found.next is not None, "list": found.rows}
        return _ok(result=result | ({"next_cursor": found.next} if found.next else {}))

    def _person(self, given: Row) -> Row:
        row = self.tables["users"].get(given.get("userid"))
        if row is None:
            raise Refused(200, "60121", "找不到该用户")
        return row

    def _create(self, request: Request, given: Row) -> Answer:
        key = str(given.get("userid") or f"n{len(self.tables['users']) + 1:05d}")
        row = _EMPTY | _lists({n: v for n, v in given.items() if n in _WRITABLE})
        row |= {"userid": key, "unionid": f"un-{key}"}
        if self.tables["users"].get(key) is not None:
            raise Refused(200, "60102", "UserID在公司中已存在")
        if not request.lies():
            self.tables["users"].create(row)
            request.record("create", "users", key)
        return _ok(result={"userid": key, "unionId": row["unionid"]})

    def _update(self, request: Request, given: Row) -> Answer:
        row = self._person(given)
        values = _lists({name: value for name, value in given.items() if name in _WRITABLE})
        if not request.lies() and any(row[name] != value for name, value in values.items()):
            self.tables["users"].update((row["userid"],), values)
            request.record("update", "users", row["userid"], ",".join(sorted(values)))
        return _ok()

    def _check(self, row: Row, old: Row | None) -> None:
        if not row["name"] or not row["dept_id_list"]:
            raise Refused(200, "400002", "无效的参数: name, dept_id_list")
        for other in self.tables["users"]:
            if row["mobile"] and other["mobile"] == row["mobile"] and other["userid"] != row["userid"]:
                raise Refused(200, "60104", "手机号码在公司中已存在")

    # ------------------------------------------------------------ the new interface

    def _new(self, request: Request) -> Answer:
        if request.path == f"{_NEW}oauth2/accessToken":
            given = request.object()
            if not _known(str(given.get("appKey")), str(given.get("appSecret"))):
                raise Refused(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
            token, seconds = self._tokens.give(request, APP_KEY)
            return Answer.json(200, {"accessToken": token, "expireIn": seconds})
        client = self._tokens.client(request, request.headers.get("x-acs-dingtalk-access-token", ""))
        if client is None:
            raise Refused(400, "InvalidAuthentication", "不合法的access_token")
        request.actor = client
        match request.method, request.segments[1:]:
            case "POST", ["todo", "users", owner, "tasks"]:
                return self._add(request, owner)
            case "POST", ["todo", "users", owner, "org", "tasks", "query"]:
                return self._query(request, owner)
            case "GET", ["todo", "users", owner, "tasks", "sources", source]:
                rows = [row for row in self._owned(owner) if row["sourceId"] == source]
                return Answer.json(200, _one(rows))
            case "GET", ["todo", "users", owner, "tasks", key]:
                return Answer.json(200, _one([row for row in self._owned(owner) if row["id"] == key]))
            case "PUT" | "DELETE", ["todo", "users", owner, "tasks", key]:
                return self._change(request, _one([row for row in self._owned(owner) if row["id"] == key]))
        raise Refused(404, "InvalidAction.NotFound", "Specified api is not found")

    def _owned(self, owner: str) -> list[Row]:
        return [row for row in self.tables["todos"] if owner in (row["creatorId"], *row["executorIds"])]

    def _query(self, request: Request, owner: str) -> Answer:
        given = request.object()
        rows = [row for row in self._owned(owner) if row["done"] == given.get("isDone", row["done"])]
        rows.sort(key=lambda row: (row["modifiedTime"], row["id"]))
        token = str(given.get("nextToken") or "0")
        if not token.isdigit():
            raise Refused(400, "invalidParameter", "nextToken")
        found = window(request, rows, int(token), 20)
        request.record("read", "todos", owner, f"{len(found.rows)} of {len(rows)}")
        more = {"nextToken": str(found.next)} if found.next else {}
        return Answer.json(200, {"todoCards": found.rows, "totalCount": found.total} | more)

    def _add(self, request: Request, owner: str) -> Answer:
        given = request.object()
        if not given.get("subject") or len(str(given["subject"])) > 1024:
            raise Refused(400, "invalidParameter.subject", "subject")
        known = [row for row in self._owned(owner) if given.get("sourceId") and row["sourceId"] == given["sourceId"]]
        if known:
            return Answer.json(200, known[0])
        row = _EMPTY_TODO | {name: value for name, value in given.items() if name in _TODO}
        row |= {"id": f"task{len(self.tables['todos']) + 1:06d}", "creatorId": owner}
        row |= {"sourceId": given.get("sourceId") or row["id"]}
        row["executorIds"] = row["executorIds"] or [owner]
        if not request.lies():
            self.tables["todos"].create(row)
            request.record("create", "todos", row["id"], str(row["sourceId"]))
        return Answer.json(200, row)

    def _change(self, request: Request, row: Row) -> Answer:
        if request.lies():
            return Answer.json(200, {"result": True})
        if request.method == "DELETE":
            self.tables["todos"].delete((row["id"],))
            request.record("delete", "todos", row["id"])
            return Answer.json(200, {"result": True})
        values = {name: value for name, value in request.object().items() if name in _TODO}
        self.tables["todos"].update((row["id"],), values)
        request.record("update", "todos", row["id"], ",".join(sorted(values)))
        return Answer.json(200, {"result": True})

    def _stamp(self, row: Row, created: bool) -> None:
        row["modifiedTime"] = int(self.clock.now().timestamp() * 1000)
        if created:
            row["createdTime"] = row["modifiedTime"]


def _known(key: str, secret: str) -> bool:
    return key == APP_KEY and hmac.compare_digest(secret.encode(), APP_SECRET.encode())


def _ok(**more: Any) -> Answer:
    return Answer.json(200, {"errcode": 0, "errmsg": "ok", "request_id": "sim", **more})


def _one(rows: list[Row]) -> Row:
    if not rows:
        raise Refused(404, "todoTaskNotFound", "待办任务不存在")
    return rows[0]


def _lists(values: Row) -> Row:
    """``dept_id_list`` may come as text, separated by commas."""
    units = values.get("dept_id_list")
    if isinstance(units, str):
        values["dept_id_list"] = [int(unit) for unit in units.split(",")]
    return values


_EMPTY: Row = {
    "userid": "", "unionid": "", "name": "", "mobile": "", "email": "", "title": "", "job_number": "",
    "dept_id_list": [], "active": True, "hired_date": 0,
}  # fmt: skip
_EMPTY_TODO: Row = {
    "id": "", "sourceId": "", "subject": "", "description": "", "creatorId": "", "executorIds": [],
    "participantIds": [], "detailUrl": {}, "dueTime": None, "priority": 20, "done": False, "createdTime": 0,
    "modifiedTime": 0,
}  # fmt: skip


def _user(it: staff.Person) -> Row:
    return _EMPTY | {
        "userid": it.login, "unionid": f"un-{it.login}", "name": it.name, "mobile": it.mobile,
        "email": it.email, "title": it.title, "job_number": it.number, "dept_id_list": [*it.units],
        "active": it.active, "hired_date": int(it.hired.timestamp() * 1000),
    }  # fmt: skip


def _todo(it: staff.Application) -> Row:
    created, changed = (int(time.timestamp() * 1000) for time in (it.created, it.changed))
    return _EMPTY_TODO | {
        "id": f"task{it.id:06d}", "sourceId": f"oa-{it.id}", "subject": it.title,
        "creatorId": f"un-{it.applicant.login}", "executorIds": [f"un-{it.approver.login}"],
        "detailUrl": {"pcUrl": f"https://oa.lanhai-medical.example/{it.id}"}, "done": it.state != "waiting",
        "createdTime": created, "modifiedTime": changed,
    }  # fmt: skip
