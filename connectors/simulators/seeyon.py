"""Seeyon (致远) A8: organization by REST, and to-dos that others push.

Sources: own notes "Third-party to-do push: Seeyon CIP and Weaver OFS"; open.seeyoncloud.com v5devCIP (token,
thirdpartyPending); public integration code for orgAccounts, orgDepartments and orgMembers.

* ``POST /seeyon/rest/token`` with ``{"userName", "password"}`` answers ``{"id": TOKEN, ...}``; it goes into the header
  ``token`` and ends a quarter of an hour after its last use. A token that ended is 401 with code 1010.
* Lists are bare arrays without pages: ``orgDepartments/ACCOUNT``, ``orgMembers/department/ID?firstLayer=true``. Ids are
  signed numbers of 64 bits. People who left stay with ``enabled`` false, those who were deleted with ``isDeleted``.
* ``PUT /seeyon/rest/orgMember`` changes a person, ``POST`` creates one; the answer is ``{"success", "errorMsgs",
  "successMsgs": [{"ent": {"id"}}]}``, with status 200 also where it failed.
* ``thirdpartyPending/receive``, ``receive/pendings`` and ``updatePendingState`` take to-dos: taskId is the key,
  ``{"success", "errorMsgs"}`` the answer.

Not settled by public documents: the status beside code 1010, and how a limit is said (503 here).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.rest import window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request

USER, PASSWORD = "rest-hub", "seeyon-demo"
ACCOUNT = -5476327415902942726
IDLE = 900
REGISTER = "3001"
_REST = "/seeyon/rest/"
_PENDING = ("taskId", "registerCode", "title", "senderName", "creationDate", "state")
_WRITABLE = frozenset({"name", "code", "loginName", "emailAddress", "telNumber", "orgDepartmentId", "enabled"})


class Seeyon:
    """The product: members by ``id``, pushed to-dos by ``taskId``."""

    name = "seeyon"
    title = "Seeyon A8"
    login = f"userName {USER}, password {PASSWORD}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            "departments": Table("departments", ["id"]),
            "members": Table("members", ["id"], check=self._check),
            "pendings": Table("pendings", ["taskId"]),
        }
        self._tokens = Tokens(self.clock, IDLE)
        told = staff.staff(seed, records)
        for unit in told.units:
            self.tables["departments"].seed(_department(unit))
        for person in told.people:
            self.tables["members"].seed(_member(person))

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return Answer.json(401, {"code": "1010", "message": "被迫下线，原因：与服务器失去连接"})
        return Answer.json(503, {"code": "503", "message": "service busy"}, {"Retry-After": value or "1"})

    def answer(self, request: Request) -> Answer:
        parts = request.path.removeprefix(_REST).strip("/").split("/")
        try:
            if parts[0] == "token":
                return self._log_in(request, parts[1:])
            token = request.headers.get("token") or request.query.get("token", "")
            client = self._tokens.client(request, token)
            if client is None:
                return self.refusal("unauthorized", "")
            self._tokens.renew(token)
            request.actor = client
            return self._serve(request, parts)
        except Refused as error:
            failed = {"success": False, "errorMsgs": [{"code": error.code, "msgInfo": error.message}]}
            return Answer.json(error.status, failed)

    def _log_in(self, request: Request, parts: list[str]) -> Answer:
        given = request.object() if request.method == "POST" else {}
        user, password = [*parts, "", ""][:2] if parts else (given.get("userName"), given.get("password"))
        if user != USER or not hmac.compare_digest(str(password).encode(), PASSWORD.encode()):
            request.record("login", "refused", str(user))
            return Answer.json(200, {"id": "-1", "bindingUser": None})
        token, _ = self._tokens.give(request, USER)
        return Answer.json(200, {"id": token, "bindingUser": None})

    def _serve(self, request: Request, parts: list[str]) -> Answer:
        match request.method, parts:
            case "GET", ["orgAccounts"]:
                return Answer.json(200, [{"id": ACCOUNT, "name": "岚海医疗集团", "code": "1000", "enabled": True}])
            case "GET", ["orgDepartments", _]:
                return self._list(request, "departments", list(self.tables["departments"]))
            case "GET", ["orgMembers", "department", unit]:
                rows = [row for row in self.tables["members"] if str(row["orgDepartmentId"]) == unit]
                return self._list(request, "members", rows)
            case "GET", ["orgMember"]:
                name = request.query.get("loginName")
                found = next((row for row in self.tables["members"] if row["loginName"] == name), None)
                return Answer.json(200, found or {})
            case "POST" | "PUT", ["orgMember"]:
                return self._save(request)
            case "POST", ["thirdpartyPending", "receive"]:
                return self._receive(request, [request.object()])
            case "POST", ["thirdpartyPending", "receive", "pendings"]:
                return self._receive(request, request.object().get("pendingList") or [])
            case "POST", ["thirdpartyPending", "updatePendingState"]:
                return self._state(request)
        raise Refused(404, "404", f"no resource at {request.path}")

    def _list(self, request: Request, resource: str, rows: list[Row]) -> Answer:
        shown = window(request, rows, 0, len(rows) or 1).rows
        request.record("read", resource, "", f"{len(shown)} of {len(rows)}")
        return Answer.json(200, shown)

    def _save(self, request: Request) -> Answer:
        given = request.object()
        values = {name: value for name, value in given.items() if name in _WRITABLE}
        table = self.tables["members"]
        if request.method == "POST":
            row = _EMPTY | values | {"id": -(10**18 + len(table))}
            if not request.lies():
                table.create(row)
                request.record("create", "members", str(row["id"]), str(row["loginName"]))
        else:
            told = str(given.get("id") or 0)
            key = int(told) if told.lstrip("-").isdigit() else 0
            found = table.get(key)
            if found is None:
                raise Refused(200, "MEMBER_NOT_EXIST", "the member does not exist")
            row = found
            if not request.lies() and any(row[name] != value for name, value in values.items()):
                row = table.update((key,), values)
                request.record("update", "members", str(key), ",".join(sorted(values)))
        done = [{"code": "", "ent": {"id": row["id"], "loginName": row["loginName"]}}]
        return Answer.json(200, {"success": True, "successMsgs": done, "errorMsgs": []})

    def _check(self, row: Row, old: Row | None) -> None:
        if not row["name"] or not row["loginName"]:
            raise Refused(200, "MEMBER_REQUIRED", "name and loginName are required")
        for other in self.tables["members"]:
            if other["loginName"] == row["loginName"] and other["id"] != row["id"]:
                raise Refused(200, "MEMBER_LOGINNAME_EXIST", f"loginName {row['loginName']} exists")

    # ------------------------------------------------------------ to-dos of others

    def _receive(self, request: Request, rows: list[Mapping[str, Any]]) -> Answer:
        errors = []
        for given in rows:
            missing = [name for name in _PENDING if given.get(name) in (None, "")]
            if missing or str(given.get("registerCode")) != REGISTER or request.fault("partial") is not None:
                errors.append({"taskId": given.get("taskId"), "errorDetail": f"refused: {', '.join(missing)}"})
                continue
            if not request.lies():
                key = str(given["taskId"])
                known = self.tables["pendings"].get(key)
                row = {**given, "taskId": key}
                self.tables["pendings"].update((key,), row) if known else self.tables["pendings"].create(row)
                request.record("update" if known else "create", "pendings", key)
        return Answer.json(200, {"success": not errors, "errorMsgs": errors})

    def _state(self, request: Request) -> Answer:
        given = request.object()
        key = str(given.get("taskId"))
        if self.tables["pendings"].get(key) is None:
            raise Refused(200, "PENDING_NOT_EXIST", f"there is no task {key}")
        if not request.lies():
            self.tables["pendings"].update((key,), {"state": given.get("state"), "subState": given.get("subState")})
            request.record("update", "pendings", key, f"state {given.get('state')}")
        return Answer.json(200, {"success": True, "errorMsgs": []})


def _unit(number: int) -> int:
    return -(7 * 10**18 + number) if number else ACCOUNT


def _department(unit: staff.Unit) -> Row:
    return {
        "id": _unit(unit.id), "name": unit.name, "code": unit.code, "superior": _unit(unit.parent),
        "orgAccountId": ACCOUNT, "enabled": True, "isDeleted": False, "sortId": unit.id,
    }  # fmt: skip


_EMPTY: Row = {
    "id": 0, "name": "", "code": "", "loginName": "", "emailAddress": "", "telNumber": "", "orgDepartmentId": 0,
    "orgAccountId": ACCOUNT, "orgPostName": "", "enabled": True, "isDeleted": False,
}  # fmt: skip


def _member(it: staff.Person) -> Row:
    return _EMPTY | {
        "id": -(3 * 10**18 + it.id), "name": it.name, "code": it.number, "loginName": it.login,
        "emailAddress": it.email, "telNumber": it.mobile, "orgDepartmentId": _unit(it.units[0]),
        "orgPostName": it.title, "enabled": it.active,
    }  # fmt: skip
