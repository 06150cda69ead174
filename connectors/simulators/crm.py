"""A CRM in the cloud with a REST interface: accounts with an external id, as Salesforce or Dynamics.

API key in ``X-Api-Key`` (or as bearer token). Below ``/api/v2``:

* ``GET accounts?page_size=&page_token=&external_id=&modified_since=`` →
  ``{"records", "total", "next_page_token"}``
* ``GET | PATCH | DELETE accounts/ID`` with an optional ``If-Match`` (412 where it is not the version)
* ``POST accounts`` → 201, or 409 where the external id is taken
* ``GET | PUT accounts/external/EXTERNAL_ID`` → PUT creates (201) or updates (200)
* ``POST accounts/batch`` ``{"rows": [{"op", "id"?, "external_id"?, "fields"?}]}`` with op create, update,
  upsert or delete (≤ 200 rows) → 200 with one result per row, in order: each row stands for itself

An ``Idempotency-Key`` repeated within a day gives the first answer again and does nothing.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from connectors.simulators import landscape
from connectors.simulators.rest import bearer, drifted, failure, limit_of, moment, page_of, text_of
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.wire import Answer, Refused, Request, refusal

API_KEY = "crm-demo"
BATCH = 200
ACCOUNTS = 24

_API = "/api/v2/"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_FIELDS = (
    "external_id",
    "name",
    "name_local",
    "type",
    "email",
    "phone",
    "website",
    "tax_number",
    "billing_address",
    "owner",
    "active",
    "description",
)
_LENGTHS = {"external_id": 40, "name": 80, "name_local": 80, "email": 120, "phone": 40, "tax_number": 40}


class Crm:
    """The product, with some accounts that were entered by hand and have no external id."""

    name = "crm"
    title = "CRM cloud"
    login = f"header X-Api-Key: {API_KEY}"

    def __init__(
        self, *, keys: Mapping[str, str] | None = None, empty: bool = False,
        seed: int = landscape.SEED, records: int | None = None,
    ) -> None:  # fmt: skip
        self.clock = Clock()
        self.keys = dict(keys or {API_KEY: "cophub"})
        self.tables = {
            "accounts": Table(
                "accounts", ["id"], stamp=self._stamp, check=self._check, indexed=["external_id"]
            )
        }
        self._answered: dict[tuple[str, str], Answer] = {}
        self._next = 1
        if not empty:
            count = records or ACCOUNTS
            for supplier in landscape.suppliers(seed, count * 5)[2 : count * 5 : 5]:
                self.tables["accounts"].seed(_account(supplier, self._id()))

    @property
    def accounts(self) -> Table:
        return self.tables["accounts"]

    refusal = staticmethod(refusal)

    def answer(self, request: Request) -> Answer:
        try:
            self._authenticate(request)
            if not request.path.startswith(f"{_API}accounts"):
                raise Refused(404, "NOT_FOUND", f"there is nothing at {request.path}")
            repeated = (request.actor, request.headers.get("Idempotency-Key", ""))
            if repeated in self._answered:
                return self._answered[repeated]
            answer = self._serve(
                request, [unquote(part) for part in request.path.removeprefix(_API).split("/")[1:]]
            )
            if repeated[1] and request.method != "GET":
                self._answered[repeated] = answer
            return answer
        except Refused as error:
            return failure(error)

    def _serve(self, request: Request, rest: list[str]) -> Answer:
        match request.method, rest:
            case "GET", []:
                return self._list(request)
            case "POST", []:
                return self._created(request, self._create(request, _fields(request.object())))
            case "POST", ["batch"]:
                return self._batch(request)
            case "GET", ["external", external]:
                return self._shown(request, self._external(external))
            case "PUT", ["external", external]:
                row, made = self._upsert(request, external, _fields(request.object()))
                return self._created(request, row) if made else self._shown(request, row)
            case "GET", [key]:
                return self._shown(request, self._get(key))
            case "PATCH", [key]:
                self._guard(request, self._get(key))
                return self._shown(request, self._update(request, self._get(key), _fields(request.object())))
            case "DELETE", [key]:
                self._guard(request, self._get(key))
                self._delete(request, key)
                return Answer(204)
        raise Refused(405, "METHOD_NOT_ALLOWED", f"{request.method} is not possible at {request.path}")

    def _list(self, request: Request) -> Answer:
        external = request.query.get("external_id")
        rows = self.accounts.having("external_id", external) if external else list(self.accounts)
        if since := request.query.get("modified_since"):
            bound = moment(since, "modified_since")
            rows = [row for row in rows if moment(row["modified_at"], "") >= bound]
        limit = limit_of(request, "page_size", 20, 200)
        page = page_of(request, rows, ("modified_at", "id"), limit, request.query.get("page_token"))
        request.record("read", "accounts", "", f"{len(page.rows)} of {page.total}")
        return Answer.json(200, {"records": page.rows, "total": page.total, "next_page_token": page.after})

    def _batch(self, request: Request) -> Answer:
        rows = request.object().get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Refused(400, "INVALID_REQUEST", "rows must be a list of objects")
        if len(rows) > BATCH:
            raise Refused(413, "TOO_MANY_ROWS", f"a batch takes at most {BATCH} rows")
        return Answer.json(200, {"results": [self._row(request, row) for row in rows]})

    def _row(self, request: Request, row: Mapping[str, Any]) -> dict[str, Any]:
        external = row.get("external_id")
        try:
            if request.fault("partial") is not None:
                raise Refused(422, "ROW_REFUSED", "this row was refused by a fault")
            fields = _fields(row.get("fields") or {})
            match row.get("op"):
                case "create":
                    done, status = self._create(request, {"external_id": external, **fields}), 201
                case "upsert" if external:
                    done, made = self._upsert(request, str(external), fields)
                    status = 201 if made else 200
                case "update" | "delete" as operation if row.get("id") or external:
                    done = self._get(str(row["id"])) if row.get("id") else self._external(str(external))
                    status = 200
                    if operation == "update":
                        done = self._update(request, done, fields)
                    else:
                        self._delete(request, done["id"])
                case _:
                    raise Refused(
                        400, "INVALID_ROW", "op must be create, update, upsert or delete, with an id"
                    )
        except Refused as error:
            detail = {"code": error.code, "message": error.message, **error.detail}
            return {"status": error.status, "id": None, "external_id": external, "error": detail}
        shown = {"status": status, "id": done["id"], "external_id": done["external_id"], "error": None}
        return {**shown, "version": self._tag(done)} if self.accounts.get(done["id"]) else shown

    def _create(self, request: Request, fields: Mapping[str, Any]) -> Row:
        row: Row = {**dict.fromkeys(_FIELDS), "type": "supplier", "active": True, **fields, "id": self._id()}
        if not request.lies():
            self.accounts.create(row)
            request.record("create", "accounts", row["id"], str(row["external_id"] or ""))
        return row

    def _update(self, request: Request, row: Row, fields: Mapping[str, Any]) -> Row:
        if request.lies():
            return {**row, **fields}
        if all(row[name] == value for name, value in fields.items()):
            return row
        request.record("update", "accounts", row["id"], ",".join(sorted(fields)))
        return self.accounts.update((row["id"],), fields)

    def _upsert(self, request: Request, external: str, fields: Mapping[str, Any]) -> tuple[Row, bool]:
        found = next(iter(self.accounts.having("external_id", external)), None)
        if fields.get("external_id", external) != external:
            raise Refused(422, "VALIDATION", "the external id of the body is another")
        if found is None:
            return self._create(request, {**fields, "external_id": external}), True
        return self._update(request, found, fields), False

    def _delete(self, request: Request, key: str) -> None:
        if not request.lies():
            self.accounts.delete((key,))
            request.record("delete", "accounts", key)

    def _get(self, key: str) -> Row:
        row = self.accounts.get(key)
        if row is None:
            raise Refused(404, "NOT_FOUND", f"there is no account {key}")
        return row

    def _external(self, external: str) -> Row:
        for row in self.accounts.having("external_id", external):
            return row
        raise Refused(404, "NOT_FOUND", f"there is no account with the external id {external}")

    def _created(self, request: Request, row: Row) -> Answer:
        answer = self._shown(request, row)
        answer.status = 201
        answer.headers["Location"] = f"{request.base}{_API}accounts/{row['id']}"
        return answer

    def _shown(self, request: Request, row: Row) -> Answer:
        tag = {"ETag": self._tag(row)} if self.accounts.get(row["id"]) else {}
        return Answer.json(200, drifted(row, request.fault("drift")), tag)

    def _tag(self, row: Row) -> str:
        return f'"{self.accounts.version((row["id"],))}"'

    def _guard(self, request: Request, row: Row) -> None:
        given = request.headers.get("If-Match")
        if given not in (None, "*", self._tag(row)):
            raise Refused(412, "STALE", f"account {row['id']} was changed since", version=self._tag(row))

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("X-Api-Key") or bearer(request)
        for key, actor in self.keys.items():
            if hmac.compare_digest(key.encode(), given.encode()):
                request.actor = actor
                return
        raise Refused(401, "INVALID_API_KEY", "the API key is missing or wrong")

    def _id(self) -> str:
        self._next += 1
        return f"ACC-{self._next - 1:06d}"

    def _stamp(self, row: Row, created: bool) -> None:
        row["modified_at"] = text_of(self.clock.now())
        if created:
            row["created_at"] = row["modified_at"]

    def _check(self, row: Row, old: Row | None) -> None:
        fields = {
            name: f"is longer than {most}"
            for name, most in _LENGTHS.items()
            if len(str(row.get(name) or "")) > most
        }
        if not str(row.get("name") or "").strip():
            fields["name"] = "is required"
        if row.get("email") and not _EMAIL.fullmatch(str(row["email"])):
            fields["email"] = "is not an e-mail address"
        address = row.get("billing_address") or {}
        country = address.get("country_code") if isinstance(address, dict) else "?"
        if country and not _COUNTRY.fullmatch(str(country)):
            fields["billing_address.country_code"] = "is not an ISO 3166 alpha-2 code"
        if fields:
            raise Refused(422, "VALIDATION", "some fields are not valid", fields=fields)
        for other in self.accounts.having("external_id", str(row["external_id"] or "")):
            if other["id"] != row["id"]:
                raise Refused(
                    409,
                    "DUPLICATE_EXTERNAL_ID",
                    f"external id {row['external_id']} is taken",
                    existing_id=other["id"],
                )


def _fields(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise Refused(400, "INVALID_REQUEST", "the fields must be an object")
    unknown = sorted(values.keys() - set(_FIELDS) - {"id", "created_at", "modified_at"})
    if unknown:
        fields = dict.fromkeys(unknown, "unknown field")
        raise Refused(422, "VALIDATION", f"there is no field {', '.join(unknown)}", fields=fields)
    return {name: value for name, value in values.items() if name in _FIELDS}


def _account(it: landscape.Supplier, key: str) -> Row:
    """As a salesman typed it: without the local name, in capitals here and there."""
    changed = datetime(2025, 12, 1, 12, tzinfo=UTC) + timedelta(minutes=int(it.code[-3:]))
    name = it.name.upper() if int(it.code) % 2 else it.name
    return {
        "id": key,
        "external_id": None,
        "name": name.strip(),
        "name_local": None,
        "type": "supplier",
        "email": it.email,
        "phone": it.phone,
        "website": None,
        "tax_number": it.tax_number,
        "billing_address": {
            "street": f"{it.house_number} {it.place.street_latin}",
            "city": it.place.city_latin,
            "postal_code": it.place.postal_code,
            "country_code": it.place.country,
        },
        "owner": "sales",
        "active": True,
        "description": None,
        "created_at": "2024-05-02T09:00:00.000Z",
        "modified_at": text_of(changed),
    }
