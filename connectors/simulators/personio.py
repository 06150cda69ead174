"""Personio: employees, absences, attendances and projects of its API, version 1.

Sources: developer.personio.de (authentication, employees, time-offs, attendances, pagination of 2025), the answers
recorded by at-gmbh/personio-py.

* ``POST /v1/auth`` with ``client_id`` and ``client_secret`` gives ``{"success": true, "data": {"token"}}``, valid for a
  day; 403 where they are wrong.
* ``GET /v1/company/employees`` with ``limit`` (100 at most) and ``offset`` (records), and ``updated_since``. Every
  value of an employee stands as ``{"label", "value"}`` below ``attributes``; what is another object there has
  ``type`` and ``attributes`` of its own.
* ``GET /v1/company/time-offs`` counts pages from 1 with ``offset``; ``attendances`` counts records from 0.
* ``POST`` and ``PATCH /v1/company/employees`` take ``{"employee": {...}}``; an e-mail that is taken is refused with
  422.
* Failures are ``{"success": false, "error": {"code", "message"}}``; 429 where more than 300 a minute are asked.

Employees are not deleted by this interface; who left has the status inactive.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any

from connectors.simulators import landscape
from connectors.simulators.rest import bearer, limit_of, moment, window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request, refusal

CLIENT_ID, CLIENT_SECRET = "papi-hub", "personio-demo"
_API = "/v1/company/"
_WRITABLE = frozenset({
    "email", "first_name", "last_name", "preferred_name", "gender", "position", "department", "office", "hire_date",
    "weekly_hours", "status", "subcompany", "supervisor_id", "cost_centers",
})  # fmt: skip


class Personio:
    """The product: employees by ``id``, flat in its tables."""

    name = "personio"
    title = "Personio"
    login = f"client_id {CLIENT_ID}, client_secret {CLIENT_SECRET}, token at /v1/auth"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            "employees": Table("employees", ["id"], stamp=self._stamp, check=self._check),
            "time-offs": Table("time-offs", ["id"]),
            "attendances": Table("attendances", ["id"]),
            "projects": Table("projects", ["id"]),
        }
        self._tokens = Tokens(self.clock, 86_400)
        for it in landscape.employees(seed, records or landscape.EMPLOYEES):
            self.tables["employees"].seed(_employee(it))
            if it.id % 5 == 0:
                self.tables["time-offs"].seed(_absence(it))
                self.tables["attendances"].seed(_attendance(it))
        for number in range(1, 13):
            project = {"id": 238_700 + number, "name": f"Project {number:02}", "active": number % 4 > 0}
            self.tables["projects"].seed(project)

    refusal = staticmethod(refusal)

    def answer(self, request: Request) -> Answer:
        try:
            if (request.method, request.path) == ("POST", "/v1/auth"):
                return self._log_in(request)
            client = self._tokens.client(request, bearer(request), expires=request.query.get("offset", "0") in "01")
            if client is None:
                raise Refused(401, "401", "The token is invalid or has expired")
            request.actor = client
            kind, _, key = request.path.removeprefix(_API).replace("attendances/projects", "projects").partition("/")
            if not request.path.startswith(_API) or kind not in self.tables:
                raise Refused(404, "404", "Not found")
            if request.method in ("POST", "PATCH") and kind == "employees":
                return self._write(request, key)
            if request.method != "GET":
                raise Refused(405, "405", "Method not allowed")
            return self._one(self.tables[kind], key) if key else self._all(request, self.tables[kind])
        except Refused as error:
            value = {"success": False, "error": {"code": int(error.code), "message": error.message}}
            return Answer.json(error.status, value)

    def _log_in(self, request: Request) -> Answer:
        given = {**request.query, **(request.object() if request.body else {})}
        right = hmac.compare_digest(str(given.get("client_secret")).encode(), CLIENT_SECRET.encode())
        if given.get("client_id") != CLIENT_ID or not right:
            request.record("login", "refused", str(given.get("client_id")))
            raise Refused(403, "0", "Wrong credentials")
        token, _ = self._tokens.give(request, CLIENT_ID)
        return Answer.json(200, {"success": True, "data": {"token": token}})

    def _all(self, request: Request, table: Table) -> Answer:
        rows = sorted(table, key=lambda row: int(row["id"]))
        if since := request.query.get("updated_since"):
            bound = moment(since, "updated_since")
            rows = [row for row in rows if moment(row["last_modified_at"], "") >= bound]
        if email := request.query.get("email"):
            rows = [row for row in rows if row["email"] == email]
        limit, paged = limit_of(request, "limit", 50, 100), table.name == "time-offs"
        offset = int(request.query.get("offset") or int(paged))
        start = (max(offset, 1) - 1) * limit if paged else offset
        page = window(request, rows, start, limit)
        request.record("read", table.name, "", f"{len(page.rows)} of {page.total}")
        pages, at = -(-page.total // limit), start // limit + paged
        told = {"total_elements": page.total, "current_page": at, "total_pages": pages}
        shown = [_shown(table.name, row) for row in page.rows]
        return Answer.json(200, {"success": True, "metadata": told, "offset": offset, "limit": limit, "data": shown})

    def _one(self, table: Table, key: str) -> Answer:
        row = table.get(int(key)) if key.isdigit() else None
        if row is None:
            raise Refused(404, "404", f"{table.name} {key} does not exist")
        return Answer.json(200, {"success": True, "data": _shown(table.name, row)})

    def _write(self, request: Request, key: str) -> Answer:
        table, given = self.tables["employees"], request.object().get("employee") or {}
        if unknown := sorted(given.keys() - _WRITABLE):
            raise Refused(422, "422", f"The given data was invalid: {unknown[0]}")
        if key:
            if not key.isdigit() or table.get(int(key)) is None:
                raise Refused(404, "404", f"employee {key} does not exist")
            number = int(key)
            if not request.lies():
                table.update((number,), given)
                request.record("update", "employees", key, ",".join(sorted(given)))
        else:
            number = max((int(row["id"]) for row in table), default=2_116_300) + 1
            if not request.lies():
                table.create({**_EMPTY, **given, "id": number})
                request.record("create", "employees", str(number), str(given.get("email")))
        return Answer.json(200, {"success": True, "data": {"id": number, "message": "success"}})

    def _stamp(self, row: Row, created: bool) -> None:
        row["last_modified_at"] = f"{self.clock.now().astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"
        if created:
            row["created_at"] = row["last_modified_at"]

    def _check(self, row: Row, old: Row | None) -> None:
        for name in ("email", "first_name", "last_name"):
            if not row.get(name):
                raise Refused(422, "422", f"The given data was invalid: {name} is required")
        if any(one["email"] == row["email"] and one["id"] != row["id"] for one in self.tables["employees"]):
            raise Refused(422, "422", "The given data was invalid: email has already been taken")


_EMPTY: Row = {
    "id": 0, "first_name": "", "last_name": "", "email": "", "gender": None, "status": "active", "position": "",
    "supervisor_id": None, "employment_type": "internal", "weekly_hours": "40", "hire_date": None,
    "termination_date": None, "created_at": None, "last_modified_at": None, "department": None, "office": None,
    "cost_center": None,
}  # fmt: skip
_LABELS = {"first_name": "First name", "last_name": "Last name", "email": "Email", "last_modified_at": "Last modified"}


def _shown(kind: str, row: Row) -> Row:
    if kind == "employees":
        values = {name: _labelled(name, one) for name, one in row.items() if one != ""}
        return {"type": "Employee", "attributes": values}
    if kind == "time-offs":
        return {"type": "TimeOffPeriod", "attributes": row}
    inner = {name: one for name, one in row.items() if name != "id"}
    return {"id": row["id"], "type": "Project" if kind == "projects" else "AttendancePeriod", "attributes": inner}


def _labelled(name: str, value: Any) -> Row:
    if name in ("department", "office") and value:
        value = {"type": name.title(), "attributes": {"id": len(str(value)), "name": value}}
    if name == "cost_center":
        value = [{"type": "CostCenter", "attributes": {"id": 1, "name": value, "percentage": 100}}] if value else []
    return {"label": _LABELS.get(name, name.replace("_", " ").capitalize()), "value": value, "universal_id": name}


def _employee(it: landscape.Employee) -> Row:
    hired = it.hired if it.hired[4:5] == "-" else "2020-01-02"
    changed = datetime(2026, 1, 31, 6, tzinfo=UTC).timestamp() - it.id * 7 % 4000 * 3600 - it.id
    return _EMPTY | {
        "id": 2_116_300 + it.id, "first_name": it.first_name, "last_name": it.last_name or "-", "email": it.email,
        "status": "active" if it.active else "inactive", "position": it.position, "weekly_hours": f"{it.hours:g}",
        "supervisor_id": it.manager and 2_116_300 + it.manager, "hire_date": f"{hired}T00:00:00+02:00",
        "termination_date": it.left and f"{it.left}T00:00:00+02:00", "department": it.department,
        "created_at": "2020-07-23T19:57:57+02:00",
        "last_modified_at": datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def _attendance(it: landscape.Employee) -> Row:
    return {
        "id": 33_479_000 + it.id, "employee": 2_116_300 + it.id, "date": f"2026-01-{it.id % 27 + 1:02}",
        "start_time": "08:00", "end_time": "16:30", "break": 30, "comment": "", "is_holiday": False,
        "is_on_time_off": False,
    }  # fmt: skip


def _absence(it: landscape.Employee) -> Row:
    day = f"2026-02-{it.id % 27 + 1:02}T00:00:00+01:00"
    return {
        "id": 17_205_000 + it.id, "status": "approved", "comment": "", "start_date": day, "end_date": day,
        "days_count": 1, "half_day_start": 0, "half_day_end": 0,
        "time_off_type": {"type": "TimeOffType", "attributes": {"id": 195_824, "name": "vacation"}},
        "employee": {"type": "Employee", "attributes": {"id": {"label": "ID", "value": 2_116_300 + it.id}}},
        "updated_at": "2026-01-30T10:00:00+01:00",
    }  # fmt: skip
