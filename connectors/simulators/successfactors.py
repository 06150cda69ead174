"""SAP SuccessFactors Employee Central: OData V2 with the quirks of its own.

Sources: help.sap.com "SAP SuccessFactors API Reference Guide (OData V2)" (pagination, upsert, effective-dated entities,
$filter on lastModifiedDateTime, errors), metadata and answers of data-integrations/successfactors-plugins.

* Basic with USER@COMPANY at ``/odata/v2``. Pages of at most 1000 (``customPageSize`` less) follow by ``__next``;
  with ``paging=snapshot`` they are of the moment at which the first was asked for, without it records that are deleted
  meanwhile push others out of sight.
* ``EmpJob`` is effective-dated: one record per person, as of today or ``asOfDate``; all of them with ``fromDate``.
* Empty values are null. Times are ``/Date(ms+0000)/``. Nothing tells deletions.
* ``POST upsert`` takes one record or a list, and answers 200 with a verdict for each, of status OK or ERROR.
* Errors are ``{"error": {"code", "message": {"lang", "value"}}}``, as ``COE_PROPERTY_NOT_FOUND``.

Not settled by public documents: the body of a 401 (``LGN0007`` here).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from connectors.simulators import landscape, staff
from connectors.simulators.edm import EntitySet, Property, from_json
from connectors.simulators.gateway import basic
from connectors.simulators.odata import Service, failure
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.wire import Answer, Refused, Request, refusal

USER, COMPANY, PASSWORD = "hubapi", "lanhai", "sf-demo"
ROOT = "/odata/v2"
_CHANGED = Property("lastModifiedDateTime", "DateTimeOffset", written=False)


def _texts(names: str) -> tuple[Property, ...]:
    return tuple(Property(name, length=100) for name in names.split())


SETS = (
    EntitySet(
        "User", ("userId",),
        (*_texts("userId username firstName lastName defaultFullName email status title department"),
         Property("hireDate", "DateTime"), _CHANGED), deletable=False, etag=False,
    ),
    EntitySet(
        "PerPersonal", ("personIdExternal", "startDate"),
        (*_texts("personIdExternal firstName lastName"), Property("startDate", "DateTime"), _CHANGED), etag=False,
    ),
    EntitySet("PerPerson", ("personIdExternal",), (*_texts("personIdExternal countryOfBirth"), _CHANGED), etag=False),
    EntitySet(
        "EmpEmployment", ("personIdExternal", "userId"),
        (*_texts("personIdExternal userId"), Property("startDate", "DateTime"), Property("endDate", "DateTime"),
         _CHANGED),
        etag=False,
    ),
    EntitySet(
        "EmpJob", ("seqNumber", "startDate", "userId"),
        (Property("seqNumber", "Int32"), Property("startDate", "DateTime"), Property("endDate", "DateTime"),
         *_texts("userId jobTitle department company emplStatus managerId"), _CHANGED), etag=False,
    ),
    EntitySet(
        "FODepartment", ("externalCode", "startDate"),
        (*_texts("externalCode name name_zh_CN parent status"), Property("startDate", "DateTime"), _CHANGED),
        etag=False,
    ),
    EntitySet(
        "FOCostCenter", ("externalCode", "startDate"),
        (*_texts("externalCode name status"), Property("startDate", "DateTime"), _CHANGED), etag=False,
    ),
)  # fmt: skip


class Successfactors:
    """The product; ``page_size`` is the server's own, at most 1000."""

    name = "successfactors"
    title = "SAP SuccessFactors"
    login = f"Basic, user {USER}@{COMPANY}, password {PASSWORD}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {each.name: Table(each.name, each.key, stamp=self._stamp) for each in SETS}
        self._service = Service(ROOT, "SFOData", SETS, self.tables)
        self._snapshots: dict[str, dict[str, Any]] = {}
        told = staff.staff(seed, records)
        for unit in told.units:
            self.tables["FODepartment"].seed(_department(unit))
            center = {**_department(unit), "externalCode": f"CC{unit.id:04d}"}
            self.tables["FOCostCenter"].seed({each.name: center[each.name] for each in SETS[-1].properties})
        for person in told.people:
            for name, row in _rows(person):
                self.tables[name].seed(row)

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind != "unauthorized":
            return refusal(kind, value)
        return failure(Refused(401, "LGN0007", "[LGN0007]Invalid user name or password"))

    def answer(self, request: Request) -> Answer:
        user, password = basic(request)
        if user != f"{USER}@{COMPANY}" or not hmac.compare_digest(password.encode(), PASSWORD.encode()):
            request.record("login", "refused", user)
            return self.refusal("unauthorized", "")
        request.actor = USER
        try:
            if request.path == f"{ROOT}/upsert" and request.method == "POST":
                return self._upsert(request)
            size = request.query.get("customPageSize", "1000")
            if not size.isdigit() or not 1 <= int(size) <= 1000:
                raise Refused(400, "COE_INVALID_PAGE_SIZE", "[COE0022]customPageSize must be from 1 to 1000")
            self._service.page_size = int(size)
            with self._as_asked(request):
                return _worded(self._service.answer(request))
        except Refused as error:
            return failure(error)

    @contextmanager
    def _as_asked(self, request: Request) -> Iterator[None]:
        """The tables as of the snapshot and the day that a read asks for."""
        now = {name: table.snapshot() for name, table in self.tables.items()}
        query = {name: value for name, value in request.query.items() if name != "$skiptoken"}
        place = f"{request.path}?{sorted(query.items())}"
        if request.method == "GET" and query.get("paging") == "snapshot":
            if "$skiptoken" not in request.query:
                self._snapshots[place] = now
            elif request.fault("stale") is not None or place not in self._snapshots:
                raise Refused(400, "COE_SNAPSHOT_EXPIRED", "[COE0049]The snapshot of this skip token is gone")
            for name, state in self._snapshots[place].items():
                self.tables[name].restore(state)
        if request.method == "GET" and "fromDate" not in query:
            self._at(query.get("asOfDate", f"{self.clock.now():%Y-%m-%d}"))
        try:
            yield
        finally:
            if request.method == "GET":
                for name, state in now.items():
                    self.tables[name].restore(state)

    def _at(self, day: str) -> None:
        """Leave of each person's jobs the one that counts on a day."""
        moment = datetime.fromisoformat(day)
        table = self.tables["EmpJob"]
        for row in table:
            if not row["startDate"] <= moment <= row["endDate"]:
                table.delete(table.key_of(row))

    def _upsert(self, request: Request) -> Answer:
        given = request.json()
        rows = given if isinstance(given, list) else [given]
        return Answer.json(200, {"d": [self._one(request, row, at) for at, row in enumerate(rows)]})

    def _one(self, request: Request, given: Mapping[str, Any], at: int) -> Row:
        uri = unquote(str((given.get("__metadata") or {}).get("uri", "")))
        name = uri.rstrip("/").rpartition("/")[2].partition("(")[0]
        entity = next((each for each in SETS if each.name == name), None)
        verdict: Row = {"key": None, "status": "ERROR", "editStatus": None, "index": at, "httpCode": 400}
        if entity is None:
            return verdict | {"message": f"[COE0018]Invalid entity {name}"}
        values: Row = {}
        for field, value in given.items():
            known = entity.property(field)
            if known is None and field != "__metadata":
                return verdict | {"message": f"[COE0021]Invalid property names: {name}/{field}."}
            if known is not None:
                values[field] = from_json(value, known)
        key = tuple(values.get(part) for part in entity.key)
        if None in key or request.fault("partial") is not None:
            return verdict | {"httpCode": 500, "message": f"Required key fields of {name} are missing, or locked"}
        table = self.tables[name]
        text = ",".join(f"{part}={value}" for part, value in zip(entity.key, key, strict=True))
        if not request.lies():
            if table.get(*key) is None:
                table.create({each.name: None for each in entity.properties} | values)
                request.record("create", name, text)
            else:
                table.update(key, values)
                request.record("update", name, text, ",".join(sorted(values)))
        done = {"key": f"{name}/{text}", "status": "OK", "editStatus": "UPSERTED", "httpCode": 200, "message": None}
        return verdict | done

    def _stamp(self, row: Row, created: bool) -> None:
        row["lastModifiedDateTime"] = self.clock.now()


def _worded(answer: Answer) -> Answer:
    """Errors of the service in the words of SuccessFactors."""
    if answer.status in (400, 404) and b"/IWCOR/CX_DS_EP_PROPERTY_ERROR" in answer.body:
        answer.body = answer.body.replace(b"/IWCOR/CX_DS_EP_PROPERTY_ERROR", b"COE_PROPERTY_NOT_FOUND")
    return answer


def _department(unit: staff.Unit) -> Row:
    return {
        "externalCode": unit.code, "name": unit.name_latin, "name_zh_CN": unit.name, "parent": str(unit.parent or ""),
        "status": "A", "startDate": datetime(1990, 1, 1), "lastModifiedDateTime": datetime(2025, 1, 6, 8, tzinfo=UTC),
    }  # fmt: skip


def _rows(it: staff.Person) -> Iterator[tuple[str, Row]]:
    first, _, last = it.name_latin.partition(" ")
    hired, changed, forever = it.hired.replace(tzinfo=None), it.changed, datetime(9999, 12, 31)
    yield "User", {
        "userId": it.login, "username": it.email.partition("@")[0], "firstName": first, "lastName": last or first,
        "defaultFullName": it.name, "email": it.email, "status": "t" if it.active else "f", "title": it.title,
        "department": f"{it.units[0]}", "hireDate": hired, "lastModifiedDateTime": changed,
    }  # fmt: skip
    yield "PerPersonal", {
        "personIdExternal": it.login, "firstName": first, "lastName": last or first, "startDate": hired,
        "lastModifiedDateTime": changed,
    }  # fmt: skip
    yield "PerPerson", {"personIdExternal": it.login, "countryOfBirth": None, "lastModifiedDateTime": changed}
    yield "EmpEmployment", {
        "personIdExternal": it.login, "userId": it.login, "startDate": hired,
        "endDate": None if it.active else datetime(2025, 12, 31), "lastModifiedDateTime": changed,
    }  # fmt: skip
    job = {
        "seqNumber": 1, "userId": it.login, "department": f"{it.units[0]}", "company": "1000",
        "emplStatus": "A" if it.active else "T", "managerId": None, "lastModifiedDateTime": changed,
    }  # fmt: skip
    since = datetime(2025, 7, 1)
    yield "EmpJob", {**job, "jobTitle": "见习", "startDate": hired, "endDate": datetime(2025, 6, 30)}
    yield "EmpJob", {**job, "jobTitle": it.title, "startDate": since, "endDate": forever}
