"""Microsoft Dynamics 365 by the Dataverse Web API (OData 4.0): accounts, contacts, users, units and tasks.

Sources: learn.microsoft.com "Use the Microsoft Dataverse Web API": page-results, query data, create, update and delete
rows, perform conditional operations, service protection limits.

* ``POST /TENANT/oauth2/v2.0/token`` (client credentials, ``scope`` of the organization) gives a bearer token of an
  hour.
* Rows come in pages of ``Prefer: odata.maxpagesize`` (5000 at most), linked by an absolute ``@odata.nextLink`` with a
  ``$skiptoken``; ``$skip`` is refused. ``@odata.count`` goes no further than 5000.
* ``POST`` answers 204 with the address of the row in ``OData-EntityId``. ``PATCH`` with ``If-Match`` changes what is
  there; without it a row that is not there is made (upsert). A stale ``If-Match`` is 412 with 0x80060882.
* An alternate key (accountnumber here) refuses a second row with 412 and 0x80060892.
* Codes of errors are those that clients know; not all of them stand in a public list.
* Errors are ``{"error": {"code": "0x…", "message"}}``; 429 has ``Retry-After`` and 0x80072322.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from connectors.simulators import landscape, staff
from connectors.simulators.rest import bearer, window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request

CLIENT, SECRET = "2f1c0000-hub", "dynamics-demo"
TOKEN = "/contoso/oauth2/v2.0/token"
MOST = 5000
_ROOT = "/api/data/v9.2/"
_TIMES = {"createdon": "DateTimeOffset", "modifiedon": "DateTimeOffset"}
SETS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "accounts": ("account", {
        "accountid": "Guid", "name": "String", "accountnumber": "String", "telephone1": "String",
        "emailaddress1": "String", "address1_city": "String", "address1_country": "String", "statecode": "Int32",
        "creditlimit": "Decimal", **_TIMES,
    }),
    "contacts": ("contact", {
        "contactid": "Guid", "fullname": "String", "firstname": "String", "lastname": "String",
        "emailaddress1": "String", "jobtitle": "String", "statecode": "Int32", **_TIMES,
    }),
    "systemusers": ("systemuser", {
        "systemuserid": "Guid", "fullname": "String", "domainname": "String", "internalemailaddress": "String",
        "isdisabled": "Boolean", "_businessunitid_value": "Guid", **_TIMES,
    }),
    "businessunits": ("businessunit", {
        "businessunitid": "Guid", "name": "String", "_parentbusinessunitid_value": "Guid", **_TIMES,
    }),
    "products": ("product", {
        "productid": "Guid", "productnumber": "String", "name": "String", "statecode": "Int32", **_TIMES,
    }),
    "opportunities": ("opportunity", {
        "opportunityid": "Guid", "name": "String", "estimatedvalue": "Decimal", "statecode": "Int32", **_TIMES,
    }),
    "tasks": ("task", {
        "activityid": "Guid", "subject": "String", "_ownerid_value": "Guid", "scheduledend": "DateTimeOffset",
        "statecode": "Int32", **_TIMES,
    }),
}  # fmt: skip
"""Entity set → entity type and its properties; the first is the key."""
_CONDITION = re.compile(r"\(*(\w+) (eq|ge|gt|le|lt) (null|'(?:[^']|'')*'|[^\s()]+)\)*")


class Dynamics365:
    """The product: rows by their GUIDs."""

    name = "dynamics365"
    title = "Microsoft Dynamics 365"
    login = f"OAuth 2 client {CLIENT}, secret {SECRET}, token at {TOKEN}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {name: Table(name, [next(iter(fields))], stamp=self._stamp) for name, (_, fields) in SETS.items()}
        self._tokens = Tokens(self.clock, 3600)
        for number, it in enumerate(landscape.suppliers(seed, records or landscape.SUPPLIERS), start=1):
            self._seed(
                "accounts", number, name=it.name or "-", accountnumber=it.code, telephone1=it.phone,
                emailaddress1=it.email, address1_city=it.place.city_latin, address1_country=it.place.country,
                statecode=int(it.blocked),
            )  # fmt: skip
        told = staff.staff(seed, records)
        for unit in told.units:
            parent = guid("businessunits", unit.parent) if unit.parent else None
            self._seed("businessunits", unit.id, name=unit.name, _parentbusinessunitid_value=parent)
        for who in told.people:
            unit_of = guid("businessunits", who.units[0])
            self._seed(
                "systemusers", who.id, fullname=who.name, domainname=who.login, isdisabled=not who.active,
                internalemailaddress=who.email, _businessunitid_value=unit_of,
            )  # fmt: skip
        for number, item in enumerate(landscape.materials(seed, records or landscape.MATERIALS), start=1):
            self._seed("products", number, productnumber=item.code, name=item.descriptions.get("EN"), statecode=0)
        for one in staff.applications(told.people, 30):
            owner, state = guid("systemusers", one.approver.id), int(one.state != "waiting")
            self._seed("tasks", one.id, subject=one.title, _ownerid_value=owner, statecode=state)

    def _seed(self, table: str, number: int, **values: Any) -> None:
        when = datetime(2026, 1, 2, 6, tzinfo=UTC).timestamp() + number * 37 % 40_000 * 60
        text = f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%S}Z"
        row = dict.fromkeys(SETS[table][1]) | values | {"createdon": "2024-03-01T08:00:00Z", "modifiedon": text}
        self.tables[table].seed(row | {self.tables[table].key[0]: guid(table, number)})

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return Answer.json(401, {"error": {"code": "", "message": "Unauthorized"}}, {"WWW-Authenticate": "Bearer"})
        headers = {} if value == "none" else {"Retry-After": value or "1"}
        return Answer.json(429, {"error": {"code": "0x80072322", "message": "Number of requests exceeded"}}, headers)

    def answer(self, request: Request) -> Answer:
        try:
            if request.path == TOKEN:
                token, seconds = self._tokens.by_client(request, {CLIENT: SECRET})
                return Answer.json(200, {"token_type": "Bearer", "expires_in": seconds, "access_token": token})
            client = self._tokens.client(request, bearer(request), expires="$skiptoken" not in request.query)
            if client is None:
                return self.refusal("unauthorized", "")
            request.actor = client
            rest = unquote(request.path.removeprefix(_ROOT))
            if not request.path.startswith(_ROOT):
                raise Refused(404, "0x8006088a", "Resource not found")
            if rest in ("", "$metadata"):
                return Answer.text(200, _edmx(), "application/xml") if rest else Answer.json(200, {"value": []})
            name, _, key = rest.partition("(")
            if name not in self.tables:
                raise Refused(404, "0x8006088a", f"Resource not found for the segment '{name}'.")
            return self._serve(request, self.tables[name], key.removesuffix(")"))
        except Refused as error:
            return Answer.json(error.status, {"error": {"code": error.code, "message": error.message}})

    def _serve(self, request: Request, table: Table, key: str) -> Answer:
        row = table.get(key) if key else None
        match request.method, bool(key):
            case "GET", False:
                return self._page(request, table)
            case "POST", False:
                return self._write(request, table, str(uuid.uuid4()), {})
            case "PATCH", True:
                if row is None and not request.headers.get("If-Match"):
                    return self._write(request, table, key, {})
                return self._write(request, table, key, self._there(request, table, key))
            case "GET", True:
                row = self._there(request, table, key)
                return Answer.json(200, {"@odata.etag": self._tag(table, key), **row})
            case "DELETE", True:
                self._there(request, table, key)
                if not request.lies():
                    table.delete((key,))
                    request.record("delete", table.name, key)
                return Answer(204)
        raise Refused(405, "0x80060888", "Method not allowed")

    def _there(self, request: Request, table: Table, key: str) -> Row:
        row = table.get(key)
        if row is None:
            raise Refused(404, "0x80040217", f"{SETS[table.name][0]} With Id = {key} Does Not Exist")
        if request.headers.get("If-Match", "*") not in ("*", self._tag(table, key)):
            raise Refused(412, "0x80060882", "The version of the existing record doesn't match the RowVersion property")
        return row

    def _page(self, request: Request, table: Table) -> Answer:
        asked = request.query
        if "$skip" in asked:
            raise Refused(400, "0x80060888", "Skip Clause is not supported in CRM")
        rows = [row for row in table if _holds(row, asked.get("$filter", ""))]
        for part in reversed(asked.get("$orderby", table.key[0]).split(",")):
            rows.sort(key=lambda row: str(row[part.split()[0]]), reverse=part.endswith(" desc"))
        found = re.search(r"maxpagesize=(\d+)", request.headers.get("Prefer", ""))
        size = min(int(found[1]) if found else MOST, MOST)
        start = int(asked.get("$skiptoken") or 0)
        if start and request.fault("stale") is not None:
            raise Refused(400, "0x80060888", "the paging cookie is not valid")
        page = window(request, rows, start, size)
        names = [*asked["$select"].split(","), table.key[0]] if "$select" in asked else [*SETS[table.name][1]]
        shown = [
            {"@odata.etag": self._tag(table, row[table.key[0]]), **{name: row[name] for name in names if name in row}}
            for row in page.rows
        ]
        request.record("read", table.name, "", f"{len(page.rows)} of {page.total}")
        told: Row = {"@odata.context": f"{request.base}{_ROOT}$metadata#{table.name}", "value": shown}
        if asked.get("$count") == "true":
            told["@odata.count"] = min(page.total, MOST)
        if page.next is not None:
            more = "&".join(f"{name}={quote(value)}" for name, value in {**asked, "$skiptoken": str(page.next)}.items())
            told["@odata.nextLink"] = f"{request.base}{request.path}?{more}"
        return Answer.json(200, told, {"OData-Version": "4.0"})

    def _write(self, request: Request, table: Table, key: str, old: Row) -> Answer:
        given, kind = request.object(), SETS[table.name][0]
        if unknown := sorted(given.keys() - SETS[table.name][1].keys()):
            raise Refused(400, "0x0", f"Invalid property '{unknown[0]}' was found in entity '{kind}'.")
        values = {**dict.fromkeys(SETS[table.name][1]), **old, **given, table.key[0]: key}
        if "name" in values and not values["name"]:
            raise Refused(400, "0x80040203", "name is required")
        number = values.get("accountnumber")  # an alternate key of this organization
        if number and any(row["accountnumber"] == number and row[table.key[0]] != key for row in table):
            raise Refused(412, "0x80060892", "A record that has the attribute values Account Number already exists.")
        if not request.lies():
            table.update((key,), given) if old else table.create(values)
            request.record("update" if old else "create", table.name, key, ",".join(sorted(given)))
        return Answer(204, b"", {"OData-EntityId": f"{request.base}{_ROOT}{table.name}({key})", "OData-Version": "4.0"})

    def _tag(self, table: Table, key: str) -> str:
        return f'W/"{72_200_000 + table.version((key,))}"'

    def _stamp(self, row: Row, created: bool) -> None:
        row["modifiedon"] = f"{self.clock.now():%Y-%m-%dT%H:%M:%S}Z"


def guid(name: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/{number}"))


def _holds(row: Row, condition: str) -> bool:
    """Whether one of the parts that ``or`` joins holds, and all that ``and`` joins in it."""
    return any(_all_hold(row, part) for part in re.split(r"\)\s+or\s+\(", condition))


def _all_hold(row: Row, condition: str) -> bool:
    for name, sign, text in _CONDITION.findall(condition):
        value, wanted = row[name], text.strip("'").replace("''", "'")
        if text == "null" or value is None:
            good = (value is None) == (text == "null") and sign == "eq"
        else:
            one, two = (str(value), wanted) if sign == "eq" else (_time(str(value)), _time(wanted))
            good = {"eq": one == two, "ge": one >= two, "gt": one > two, "le": one <= two, "lt": one < two}[sign]
        if not good:
            return False
    return True


def _time(text: str) -> str:
    """A time that compares as text."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except ValueError:
        return text


def _edmx() -> str:
    types, sets = [], []
    for name, (kind, fields) in SETS.items():
        key = next(iter(fields))
        listed = "".join(f'<Property Name="{one}" Type="Edm.{type_}"/>' for one, type_ in fields.items())
        types.append(f'<EntityType Name="{kind}"><Key><PropertyRef Name="{key}"/></Key>{listed}</EntityType>')
        sets.append(f'<EntitySet Name="{name}" EntityType="Microsoft.Dynamics.CRM.{kind}"/>')
    return (
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        '<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f'{"".join(types)}<EntityContainer Name="System">{"".join(sets)}</EntityContainer></Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    )
