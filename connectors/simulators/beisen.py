"""Beisen (北森) iTalent: employees with their current post, and organizations, by windows of time.

Sources: open.italent.cn, interfaces of version 3.0 for organizations and employees (Employee/GetByTimeWindow,
Organization/GetByTimeWindow) and OAuth/Token, as integrators publish them; answers to wrong tokens as they were probed.

* ``POST /OAuth/Token`` as a form with ``app_id``, ``secret``, ``tenant_id`` and ``grant_type`` gives a bearer token;
  400 ``{"error": "invalid_tenantid"}`` where it does not.
* ``POST /TenantBaseExternal/api/v5/{Employee,Organization}/GetByTimeWindow`` answers who was made or changed between
  ``startTime`` and ``stopTime``, ``capacity`` at a time (300 at most), from a scroll that is kept open for ten seconds
  by ``scrollId``, the same on every page. Empty ``data`` is the end. More than 90 days are refused with code 417.
* People who left come where ``empStatus`` or ``withDisabled`` asks for them, deleted ones with ``isWithDeleted``.
* Without a token 400, with a wrong one 401, whatever the path.

Not settled by public documents: what 429 says (its status alone here), and the zone of times (UTC+8 here).
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs

from connectors.simulators import landscape, staff
from connectors.simulators.rest import bearer, window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request, refusal

APP_ID, SECRET, TENANT = "908", "beisen-demo", "100000"
SCROLL = 10
LONGEST = timedelta(days=90)
LEFT = "8"
_API = "/TenantBaseExternal/api/v5/"
_LISTS = {"Employee": "employees", "Organization": "organizations"}
_ZONE = timezone(timedelta(hours=8))


class Beisen:
    """The product: employees by ``userID``, organizations by ``oId``."""

    name = "beisen"
    title = "Beisen iTalent"
    login = f"app_id {APP_ID}, secret {SECRET}, tenant_id {TENANT}, token at /OAuth/Token"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            "employees": Table("employees", ["userID"], stamp=self._stamp),
            "organizations": Table("organizations", ["oId"], stamp=self._stamp),
        }
        self._tokens = Tokens(self.clock, 7200)
        self._scrolls: dict[str, tuple[dict[str, Any], int, datetime]] = {}
        told = staff.staff(seed, records)
        for unit in told.units:
            self.tables["organizations"].seed(_organization(unit))
        for person in told.people:
            self.tables["employees"].seed(_employee(person))

    refusal = staticmethod(refusal)

    def answer(self, request: Request) -> Answer:
        try:
            if (request.method, request.path) == ("POST", "/OAuth/Token"):
                return self._log_in(request)
            if not request.headers.get("Authorization"):
                return Answer.json(400, {"message": "Authorization header is empty"})
            client = self._tokens.client(request, bearer(request), expires=b'"scrollId":""' not in request.body)
            if client is None:
                return Answer.json(401, {"message": "un-authorized"})
            request.actor = client
            kind, _, what = request.path.removeprefix(_API).partition("/")
            if kind in _LISTS and what == "GetByTimeWindow":
                return self._window(request, self.tables[_LISTS[kind]], request.object())
            raise Refused(404, "404", "no such interface")
        except Refused as error:
            return Answer.json(error.status, {"data": None, "code": error.code, "message": error.message})

    def _log_in(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("tenant_id") != TENANT or form.get("app_id") != APP_ID:
            return Answer.json(400, {"error": "invalid_tenantid"})
        if not hmac.compare_digest(form.get("secret", "").encode(), SECRET.encode()):
            request.record("login", "refused", APP_ID)
            return Answer.json(400, {"error": "invalid_client"})
        token, seconds = self._tokens.give(request, APP_ID)
        return Answer.json(200, {"access_token": token, "token_type": "bearer", "expires_in": seconds})

    def _window(self, request: Request, table: Table, given: Row) -> Answer:
        size = int(given.get("capacity") or 100)
        if size > 300:
            raise Refused(200, "417", "每批次数据量必须小于等于300")
        scroll = str(given.get("scrollId") or "")
        if scroll:
            asked, at, until = self._scrolls.get(scroll, ({}, 0, self.clock.now()))
            if request.fault("stale") is not None or self.clock.now() >= until:
                asked, at = {}, -1
        else:
            scroll, asked, at = f"DXF1ZXJ5QW5k{len(self._scrolls):06d}", given, 0
        rows = self._changed(table, asked) if asked else []
        page = window(request, rows, at, size)
        self._scrolls[scroll] = (asked, at + size, self.clock.now() + timedelta(seconds=SCROLL))
        request.record("read", table.name, "", f"{len(page.rows)} of {page.total}")
        hidden = {"userID"} if table.name == "employees" else set[str]()
        shown = [{name: one for name, one in row.items() if name not in hidden} for row in page.rows]
        told = {"scrollId": scroll, "isLastData": page.next is None, "total": page.total, "data": shown}
        return Answer.json(200, {**told, "code": "200", "message": None})

    def _changed(self, table: Table, asked: Row) -> list[Row]:
        start, stop = _moment(asked.get("startTime")), _moment(asked.get("stopTime"))
        if stop - start > LONGEST:
            raise Refused(200, "417", "只支持查询90天范围内的数据，请分段查询")
        if str(asked.get("timeWindowQueryType")) not in ("1", "2"):
            raise Refused(200, "417", "timeWindowQueryType")
        rows = [row for row in table if any(start <= _moment(one) <= stop for one in _times(row))]
        if table.name == "employees":
            status = [str(one) for one in asked.get("empStatus") or []]
            all_of = bool(asked.get("withDisabled"))
            kept = (lambda one: one in status) if status else (lambda one: all_of or one != LEFT)
            rows = [row for row in rows if kept(row["recordInfo"]["employeeStatus"])]
        elif not asked.get("withDisabled"):
            rows = [row for row in rows if row["status"] == 1]
        return sorted(rows, key=lambda row: int(row[table.key[0]]))

    def _stamp(self, row: Row, created: bool) -> None:
        now = f"{self.clock.now().astimezone(_ZONE):%Y-%m-%dT%H:%M:%S}"
        inner = row.get("employeeInfo", row)
        inner |= {"businessModifiedTime": now, "modifiedTime": now}


def _moment(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        raise Refused(200, "417", "时间格式不正确") from None


def _times(row: Row) -> list[str]:
    """When it was made, and changed by somebody: of an employee also when the post was."""
    parts = (row["employeeInfo"], row["recordInfo"]) if "employeeInfo" in row else (row,)
    return [str(part[name]) for part in parts for name in ("createdTime", "businessModifiedTime")]


def _local(when: datetime) -> str:
    return f"{when.astimezone(_ZONE):%Y-%m-%dT%H:%M:%S}"


def _organization(unit: staff.Unit) -> Row:
    return {
        "oId": 900_100_000 + unit.id, "name": unit.name, "name_en_US": unit.name_latin, "code": unit.code, "status": 1,
        "pOIdOrgAdmin": 900_100_000 + unit.parent if unit.parent else 0, "isCurrentRecord": True,
        "startDate": "2012-01-01T00:00:00", "stopDate": "9999-12-31T00:00:00", "personInCharge": None,
        "createdTime": "2018-01-01T08:00:00", "businessModifiedTime": "2025-11-03T08:00:00",
        "modifiedTime": "2026-01-30T02:00:00", "stdIsDeleted": False,
    }  # fmt: skip


def _employee(it: staff.Person) -> Row:
    times = {"createdTime": _local(it.hired), "businessModifiedTime": _local(it.changed)}
    person = {
        "userID": it.id, "name": it.name, "_Name": it.name_latin, "email": it.email, "mobilePhone": it.mobile,
        "activationState": int(it.active), "objectId": f"00000000-0000-4000-8000-{it.id:012d}", "stdIsDeleted": False,
        **times, "modifiedTime": "2026-01-31T02:00:00",
    }  # fmt: skip
    post = {
        "userID": it.id, "jobNumber": it.number, "oIdDepartment": 900_100_000 + it.units[0],
        "oIdOrganization": 900_100_001, "employeeStatus": "3" if it.active else LEFT, "employType": 0,
        "serviceType": 0, "approvalStatus": 4, "entryDate": f"{it.hired:%Y-%m-%dT00:00:00}",
        "lastWorkDate": None if it.active else "2026-01-15T00:00:00", "isCurrentRecord": True, "pOIdEmpAdmin": None,
        **times, "stdIsDeleted": False,
    }  # fmt: skip
    return {"userID": it.id, "originalId": None, "employeeInfo": person, "recordInfo": post}
