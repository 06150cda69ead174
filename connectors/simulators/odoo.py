"""Odoo by ``execute_kw``: contacts, people, products, projects, activities and leaves.

Sources: odoo.com "External API" (authenticate, execute_kw, search_read, create, write, unlink, fields_get), and the
models and buttons of the apps' public source (mail.activity ``action_done``, hr.leave ``action_approve`` and
``action_refuse``).

* ``POST /jsonrpc`` with ``service`` common and ``authenticate`` gives the user's number, or false; ``object`` and
  ``execute_kw`` take database, number, password, model, method, arguments and named arguments.
* An empty field is ``false``. Times are UTC without a zone, to the second. ``load`` "" gives the number of a related
  record.
* Archived records are hidden, unless the context's ``active_test`` is false or the domain speaks of ``active``.
* An activity that is done is deleted; a leave is approved from the state confirm alone.
* Exceptions are answers of status 200 with ``error.data.name`` and ``message``.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.rest import drifted
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.wire import Answer, Request, refusal

DATABASE, USER, PASSWORD, UID = "company", "hub@example.com", "odoo-demo", 7
MAIL = "mail"
ACTIVITY, TYPE = f"{MAIL}.activity", f"{MAIL}.activity.type"  # a model, and no code of the connector mail
_TIMED = {"id": "integer", "write_date": "datetime"}
MODELS: Mapping[str, Mapping[str, str]] = {
    "res.country": {"id": "integer", "code": "char", "name": "char"},
    "res.partner": {
        **_TIMED, "ref": "char", "name": "char", "is_company": "boolean", "vat": "char", "email": "char",
        "phone": "char", "street": "char", "zip": "char", "city": "char", "country_id": "res.country",
        "parent_id": "res.partner", "active": "boolean",
    },
    "res.users": {**_TIMED, "login": "char", "name": "char", "email": "char", "active": "boolean"},
    "hr.department": {
        **_TIMED, "name": "char", "parent_id": "hr.department", "manager_id": "hr.employee", "active": "boolean",
    },
    "hr.employee": {
        **_TIMED, "name": "char", "barcode": "char", "work_email": "char", "work_phone": "char", "job_title": "char",
        "department_id": "hr.department", "parent_id": "hr.employee", "user_id": "res.users", "active": "boolean",
    },
    "product.template": {
        **_TIMED, "default_code": "char", "name": "char", "type": "selection", "list_price": "float",
        "active": "boolean",
    },
    "project.project": {
        **_TIMED, "name": "char", "partner_id": "res.partner", "user_id": "res.users", "date_start": "date",
        "date": "date", "active": "boolean",
    },
    TYPE: {"id": "integer", "name": "char"},
    ACTIVITY: {
        **_TIMED, "summary": "char", "activity_type_id": TYPE, "user_id": "res.users",
        "res_model": "char", "res_id": "integer", "res_name": "char", "date_deadline": "date",
    },
    "hr.leave.type": {"id": "integer", "name": "char"},
    "hr.leave": {
        **_TIMED, "state": "selection", "employee_id": "hr.employee", "holiday_status_id": "hr.leave.type",
        "request_date_from": "date", "request_date_to": "date",
    },
}  # fmt: skip
"""Fields by model; a type with a dot is a relation to that model."""
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: bool(a) and a > b,
    ">=": lambda a, b: bool(a) and a >= b, "<": lambda a, b: bool(a) and a < b, "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b, "<=": lambda a, b: bool(a) and a <= b,
}  # fmt: skip


class Raised(Exception):
    """An exception of the server: its name and what it says."""


class Odoo:
    """The product: models by ``id``."""

    name = "odoo"
    title = "Odoo"
    login = f"database {DATABASE}, user {USER}, password {PASSWORD}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {name: Table(name, ["id"], stamp=self._stamp) for name in MODELS}
        countries = {code: number for number, code in enumerate(landscape.COUNTRIES, start=1)}
        for code, number in countries.items():
            self._seed("res.country", id=number, code=code, name=code)
        self._seed(TYPE, id=4, name="To-Do")
        self._seed("hr.leave.type", id=1, name="Paid Time Off")
        for number, it in enumerate(landscape.suppliers(seed, records or landscape.SUPPLIERS), start=1):
            self._seed(
                "res.partner", id=number, ref=it.code, name=it.name or "-", is_company=True, vat=it.tax_number,
                email=it.email, phone=it.phone, street=it.place.street_latin, zip=it.place.postal_code,
                city=it.place.city_latin, country_id=countries.get(it.place.country, False), active=not it.blocked,
            )  # fmt: skip
        told = staff.staff(seed, records)
        for unit in told.units:
            self._seed("hr.department", id=unit.id, name=unit.name, parent_id=unit.parent or False)
        for who in told.people:
            self._seed("res.users", id=who.id, login=who.login, name=who.name, email=who.email, active=who.active)
            self._seed(
                "hr.employee", id=who.id, name=who.name, barcode=who.number, work_email=who.email, user_id=who.id,
                work_phone=who.mobile, job_title=who.title, department_id=who.units[0], active=who.active,
            )  # fmt: skip
        for number, item in enumerate(landscape.materials(seed, records or landscape.MATERIALS), start=1):
            name = item.descriptions.get("EN") or item.code
            self._seed("product.template", id=number, default_code=item.code, name=name, type="consu", list_price=9.5)
        for number in range(1, 6):
            self._seed("project.project", id=number, name=f"Project {number}", user_id=1, date_start="2026-01-05")
        for one in staff.applications(told.people, 40):
            day = f"{one.created:%Y-%m-%d}"
            if one.state == "waiting":
                self._seed(
                    ACTIVITY, id=one.id, summary=one.title, activity_type_id=4, user_id=one.approver.id,
                    res_model="hr.leave", res_id=one.id, res_name=one.title, date_deadline=day,
                )  # fmt: skip
            state = {"waiting": "confirm", "approved": "validate", "rejected": "refuse"}[one.state]
            self._seed(
                "hr.leave", id=one.id, state=state, employee_id=one.applicant.id, holiday_status_id=1,
                request_date_from=day, request_date_to=day,
            )  # fmt: skip

    def _seed(self, model: str, **values: Any) -> None:
        row: Row = dict.fromkeys(MODELS[model], False) | {"active": True} | values
        when = datetime(2026, 1, 2, 6, tzinfo=UTC).timestamp() + int(values["id"]) * 37 % 40_000 * 60
        row["write_date"] = f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M:%S}"
        self.tables[model].seed({name: one for name, one in row.items() if name in MODELS[model]})

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return _raised(0, "odoo.exceptions.AccessDenied", "Access Denied")
        return refusal(kind, value)

    def answer(self, request: Request) -> Answer:
        body = request.object()
        params, number = body.get("params") or {}, body.get("id")
        asked = params.get("args") or []
        if request.path != "/jsonrpc" or len(asked) < 3:
            return Answer.text(404, "<html><body>404: Not Found</body></html>", "text/html")
        try:
            if params.get("service") == "common":
                right = asked[:2] == [DATABASE, USER] and hmac.compare_digest(str(asked[2]), PASSWORD)
                request.record("login", "granted" if right else "refused", str(asked[1]))
                return _said(number, UID if right else False)
            if asked[:2] != [DATABASE, UID] or not hmac.compare_digest(str(asked[2]), PASSWORD):
                raise Raised("odoo.exceptions.AccessDenied", "Access Denied")
            request.actor = USER
            model, method, places, named = asked[3], asked[4], asked[5], asked[6]
            if model not in self.tables:
                raise Raised("builtins.KeyError", model)
            return _said(number, self._call(request, self.tables[model], method, places[0] if places else [], named))
        except Raised as error:
            return _raised(number, *error.args)

    def _call(self, request: Request, table: Table, method: str, ids: list[int], named: Row) -> Any:
        match method:
            case "fields_get":
                return {name: _described(name, kind) for name, kind in MODELS[table.name].items()}
            case "search_count":
                return len(self._found(table, named))
            case "search_read":
                return self._read(request, table, named)
            case "create":
                return [self._create(request, table, values) for values in named["vals_list"]]
        if any(table.get(one) is None for one in ids):
            raise Raised("odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
        for one in ids if not request.lies() else []:
            self._change(request, table, method, one, named)
        return True

    def _change(self, request: Request, table: Table, method: str, number: int, named: Row) -> None:
        states = {"action_approve": "validate", "action_refuse": "refuse"}
        if method == "write":
            self._judge(table, named["vals"])
            table.update((number,), named["vals"])
        elif method == "unlink" or (table.name, method) == (ACTIVITY, "action_done"):
            table.delete((number,))
        elif table.name == "hr.leave" and method in states:
            if (table.get(number) or {}).get("state") != "confirm":
                raise Raised("odoo.exceptions.UserError", "Time off request must be confirmed in order to approve it.")
            table.update((number,), {"state": states[method]})
        else:
            raise Raised("builtins.AttributeError", f"The method '{table.name}.{method}' does not exist")
        request.record("delete" if method == "unlink" else "update", table.name, str(number), method)

    def _create(self, request: Request, table: Table, values: Row) -> int:
        self._judge(table, values)
        number = max((int(row["id"]) for row in table), default=0) + 1
        if not request.lies():
            table.create({**dict.fromkeys(MODELS[table.name], False), "active": True, **values, "id": number})
            request.record("create", table.name, str(number), str(values.get("name")))
        return number

    def _judge(self, table: Table, values: Row) -> None:
        if unknown := sorted(values.keys() - MODELS[table.name].keys()):
            raise Raised("builtins.ValueError", f"Invalid field '{unknown[0]}' on model '{table.name}'")
        if "name" in values and not values["name"]:
            raise Raised("odoo.exceptions.ValidationError", "The name is required.")

    def _read(self, request: Request, table: Table, named: Row) -> list[Row]:
        rows = self._found(table, named)
        for part in reversed(str(named.get("order") or "id").split(", ")):
            name, _, way = part.partition(" ")
            rows.sort(key=lambda row: row[name], reverse=way == "desc")
        shown = rows[int(named.get("offset") or 0) :][: int(named.get("limit") or len(rows) or 1)]
        request.record("read", table.name, "", f"{len(shown)} of {len(rows)}")
        names, drift = {"id", *named.get("fields", [])}, request.fault("drift")
        return [drifted({name: one for name, one in row.items() if name in names}, drift) for row in shown]

    def _found(self, table: Table, named: Row) -> list[Row]:
        domain = named.get("domain") or []
        hides = "active" in MODELS[table.name] and (named.get("context") or {}).get("active_test", True)
        if hides and not any(name == "active" for name, *_ in domain):
            domain = [*domain, ["active", "=", True]]
        return [row for row in table if all(_OPERATORS[sign](row[name], value) for name, sign, value in domain)]

    def _stamp(self, row: Row, created: bool) -> None:
        if "write_date" in row:
            row["write_date"] = f"{self.clock.now():%Y-%m-%d %H:%M:%S}"


def _described(name: str, kind: str) -> Row:
    relation = {"relation": kind} if "." in kind else {}
    return {"type": "many2one" if relation else kind, "string": name, "readonly": name in _TIMED, **relation}


def _said(number: Any, result: Any) -> Answer:
    return Answer.json(200, {"jsonrpc": "2.0", "id": number, "result": result})


def _raised(number: Any, name: str, message: str) -> Answer:
    data = {"name": name, "message": message, "arguments": [message], "debug": "Traceback (most recent call last)"}
    error = {"code": 200, "message": "Odoo Server Error", "data": data}
    return Answer.json(200, {"jsonrpc": "2.0", "id": number, "error": error})
