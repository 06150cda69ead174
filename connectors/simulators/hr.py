"""An HR system in the cloud with a REST interface, as Personio or Workable offer it.

``POST /oauth/token`` (client credentials, by Basic or in the form) gives a bearer token of an hour.
``GET /api/v1/employees`` and ``/departments`` answer ``{"data": [...], "meta": {"total", "next_cursor"},
"links": {"next"}}`` with ``limit`` (≤ 200), ``cursor``, ``updated_since`` (employees) and
``department``; ``GET``, ``PATCH`` and ``POST`` serve single employees. Errors are
``{"error": {"code", "message", "fields"}}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from connectors.simulators import landscape
from connectors.simulators.rest import bearer, drifted, failure, limit_of, moment, page_of, text_of
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request, refusal

CLIENT_ID = "cophub"
CLIENT_SECRET = "hr-demo"
TOKEN_SECONDS = 3600

_API = "/api/v1/"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Hr:
    """The product; ``page_size`` is the page where the client names none."""

    name = "hr"
    title = "HR cloud"
    login = f"OAuth 2 client {CLIENT_ID}, secret {CLIENT_SECRET}, token at /oauth/token"

    def __init__(
        self, *, page_size: int = 50, clients: Mapping[str, str] | None = None, empty: bool = False,
        seed: int = landscape.SEED, records: int | None = None,
    ) -> None:  # fmt: skip
        self.clock = Clock()
        self.page_size = page_size
        self.clients = dict(clients or {CLIENT_ID: CLIENT_SECRET})
        self.tables = {
            "employees": Table("employees", ["id"], stamp=self._stamp, check=self._check),
            "departments": Table("departments", ["code"], stamp=self._stamp),
        }
        self._tokens = Tokens(self.clock, TOKEN_SECONDS)
        if not empty:
            for department in landscape.departments():
                self.tables["departments"].seed(_department(department))
            for employee in landscape.employees(seed, records or landscape.EMPLOYEES):
                self.tables["employees"].seed(_employee(employee))

    refusal = staticmethod(refusal)

    def answer(self, request: Request) -> Answer:
        try:
            if (request.method, request.path) == ("POST", "/oauth/token"):
                return self._token(request)
            self._authenticate(request)
            resource, *rest = request.path.removeprefix(_API).strip("/").split("/")
            if not request.path.startswith(_API) or resource not in self.tables or len(rest) > 1:
                raise Refused(404, "not_found", f"there is nothing at {request.path}")
            return self._one(request, resource, rest[0]) if rest else self._all(request, resource)
        except Refused as error:
            return failure(error)

    def _all(self, request: Request, resource: str) -> Answer:
        if request.method == "POST" and resource == "employees":
            return self._create(request)
        if request.method != "GET":
            raise Refused(405, "method_not_allowed", f"{request.method} is not possible here")
        rows = list(self.tables[resource])
        if since := request.query.get("updated_since"):
            bound = moment(since, "updated_since")
            rows = [row for row in rows if moment(row["updated_at"], "") >= bound]
        if department := request.query.get("department"):
            rows = [row for row in rows if row.get("department_code") == department]
        limit = limit_of(request, "limit", self.page_size, 200)
        order = ("updated_at", "id" if resource == "employees" else "code")
        page = page_of(request, rows, order, limit, request.query.get("cursor"))
        request.record("read", resource, "", f"{len(page.rows)} of {page.total}")
        follow = {**request.query, "limit": str(limit), "cursor": page.after or ""}
        query = "&".join(f"{name}={quote(value)}" for name, value in follow.items())
        links = {"next": f"{request.base}{request.path}?{query}" if page.after else None}
        meta = {"total": page.total, "next_cursor": page.after}
        return Answer.json(200, {"data": page.rows, "meta": meta, "links": links})

    def _one(self, request: Request, resource: str, text: str) -> Answer:
        table = self.tables[resource]
        key = int(text) if resource == "employees" and text.isdigit() else text
        row = table.get(key)
        if row is None:
            raise Refused(404, "not_found", f"there is no {resource[:-1]} {text}")
        if request.method == "PATCH" and resource == "employees":
            values = request.object()
            if request.lies():
                return Answer.json(200, {"data": {**row, **values}})
            row = table.update((key,), {**values, "id": key})
            request.record("update", resource, text, ",".join(sorted(values)))
        elif request.method != "GET":
            raise Refused(405, "method_not_allowed", f"{request.method} is not possible here")
        return Answer.json(200, {"data": drifted(row, request.fault("drift"))})

    def _create(self, request: Request) -> Answer:
        values = request.object()
        table = self.tables["employees"]
        row = {name: None for name in next(iter(table), _EMPTY)} | values
        row["id"] = max((each["id"] for each in table), default=0) + 1
        row["status"] = row.get("status") or "active"
        if not request.lies():
            table.create(row)
            request.record("create", "employees", str(row["id"]), str(row["employee_number"]))
        return Answer.json(201, {"data": row}, {"Location": f"{request.base}{_API}employees/{row['id']}"})

    def _token(self, request: Request) -> Answer:
        try:
            token, seconds = self._tokens.by_client(request, self.clients)
        except Refused as error:
            return Answer.json(error.status, {"error": error.code}, {"WWW-Authenticate": "Basic"})
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        return Answer.json(200, answer, {"Cache-Control": "no-store"})

    def _authenticate(self, request: Request) -> None:
        # between two pages it is the paging token that runs out
        client = self._tokens.client(request, bearer(request), expires="cursor" not in request.query)
        if client is None:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            message = "the access token is missing, wrong or expired"
            raise Refused(401, "invalid_token", message, headers=headers)
        request.actor = client

    def _stamp(self, row: Row, created: bool) -> None:
        row["updated_at"] = text_of(self.clock.now())
        if created:
            row["created_at"] = row["updated_at"]

    def _check(self, row: Row, old: Row | None) -> None:
        """What the product refuses today; its old records never passed it."""
        fields: dict[str, str] = {}
        unknown = row.keys() - next(iter(self.tables["employees"]), _EMPTY).keys() if old else set()
        fields |= {name: "unknown field" for name in unknown}
        for name in ("employee_number", "first_name", "last_name"):
            if not row.get(name):
                fields[name] = "is required"
        if row.get("email") and not _EMAIL.fullmatch(str(row["email"])):
            fields["email"] = "is not an e-mail address"
        taken = {each["employee_number"] for each in self.tables["employees"] if each["id"] != row["id"]}
        if row.get("employee_number") in taken:
            raise Refused(409, "conflict", f"employee number {row['employee_number']} is taken")
        if fields:
            raise Refused(422, "validation_failed", "some fields are not valid", fields=fields)


_EMPTY: Mapping[str, Any] = dict.fromkeys(
    (
        "id",
        "employee_number",
        "first_name",
        "last_name",
        "name_local",
        "email",
        "mobile",
        "gender",
        "birth_date",
        "department_code",
        "position",
        "manager_id",
        "status",
        "employment",
        "address",
        "compensation",
        "national_id",
        "created_at",
        "updated_at",
    )
)


def _department(it: landscape.Department) -> Row:
    return {
        "code": it.code,
        "name": it.name,
        "name_local": it.name_local,
        "parent_code": it.parent,
        "company_code": it.company,
        "cost_center": f"{it.cost_center}0",
        "active": True,
        "created_at": "2018-01-01T00:00:00.000Z",
        "updated_at": "2025-01-06T08:00:00.000Z",
    }


def _employee(it: landscape.Employee) -> Row:
    ago = timedelta(hours=it.id * 7 % 4000, seconds=it.id)
    changed = datetime.combine(landscape.AS_OF, time(6), UTC) - ago
    return {
        "id": it.id,
        "employee_number": it.number,
        "first_name": it.first_name,
        "last_name": it.last_name,
        "name_local": it.name_local or None,
        "email": it.email,
        "mobile": it.mobile,
        "gender": None,
        "birth_date": it.birth_date,
        "department_code": it.department,
        "position": {"title": it.position, "title_local": it.position_local},
        "manager_id": it.manager,
        "status": "active" if it.active else "terminated",
        "employment": {"hire_date": it.hired, "termination_date": it.left, "weekly_hours": it.hours},
        "address": {
            "street": f"{it.place.street_local} {it.house_number}",
            "city": it.place.city_local,
            "postal_code": it.place.postal_code,
            "country_code": it.place.country,
        },
        "compensation": {"amount": it.salary, "currency": it.currency, "interval": "yearly"},
        "national_id": it.national_id or None,
        "created_at": _since(it.hired),
        "updated_at": text_of(changed),
    }


def _since(hired: str) -> str:
    try:
        return f"{date.fromisoformat(hired)}T08:00:00.000Z"
    except ValueError:
        return "2020-01-02T08:00:00.000Z"
