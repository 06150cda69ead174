"""Salesforce: accounts and contacts by REST API, sObject Collections, and queries of Bulk API 2.0.

Sources: developer.salesforce.com "REST API Developer Guide" (Query, Query More Results, sObject Rows by External ID,
sObject Collections, Status Codes and Error Responses), "OAuth 2.0 Client Credentials Flow", "Bulk API 2.0: Query
Jobs"; answers to collections as recorded in CumulusCI's tests.

* ``POST /services/oauth2/token`` (client credentials) gives a token without a word of its life; a session that ended
  is 401 ``INVALID_SESSION_ID``. Errors are ``[{"message", "errorCode", "fields"}]``.
* ``GET query?q=`` answers ``{"totalSize", "done", "records", "nextRecordsUrl"}``; ``Sforce-Query-Options:
  batchSize=`` takes 200 to 2000. The locator stands for what the query found when it began; one that is gone is 400
  ``INVALID_QUERY_LOCATOR``. ``queryAll`` also gives what lies in the recycle bin, with ``IsDeleted``.
* ``PATCH sobjects/TYPE/FIELD/VALUE`` creates or changes by an external id; ``composite/sobjects`` does so for up to
  200 records, with a verdict for each in the order of the request.
* A used-up day is 403 ``REQUEST_LIMIT_EXCEEDED``, and no header says when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from connectors.simulators import landscape, sobjects
from connectors.simulators.rest import bearer, window
from connectors.simulators.sobjects import Rows
from connectors.simulators.soql import Soql
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request

CLIENT_ID, CLIENT_SECRET = "3MVG9hub", "salesforce-demo"
VERSION = "v62.0"
ACCOUNTS = 450
_API = f"/services/data/{VERSION}/"


class Salesforce:
    """The product: ``Account`` with the external id ``ExternalId__c``, and ``Contact``."""

    name = "salesforce"
    title = "Salesforce"
    login = f"OAuth 2 client {CLIENT_ID}, secret {CLIENT_SECRET}, token at /services/oauth2/token"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            name: Table(name, ["Id"], stamp=self._stamp, check=self._check) for name in ("Account", "Contact")
        }
        self._tokens = Tokens(self.clock, 7200, prefix="00D!", kept=0)
        self._found: dict[str, tuple[str, tuple[str, ...], list[Row]]] = {}
        self._queries = 0
        self._jobs: dict[str, tuple[str, tuple[str, ...], list[Row]]] = {}
        sobjects.fill(self.tables, seed, records or ACCOUNTS)

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return _failed(Refused(401, "INVALID_SESSION_ID", "Session expired or invalid"))
        return _failed(Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))

    def answer(self, request: Request) -> Answer:
        try:
            if request.path == "/services/oauth2/token":
                return self._log_in(request)
            client = self._tokens.client(request, bearer(request))
            if client is None:
                return self.refusal("unauthorized", "")
            request.actor = client
            if not request.path.startswith(_API):
                raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
            return self._serve(request, request.segments[3:])
        except Refused as error:
            return _failed(error)

    def _log_in(self, request: Request) -> Answer:
        try:
            token, _ = self._tokens.by_client(request, {CLIENT_ID: CLIENT_SECRET})
        except Refused as error:
            return Answer.json(400, {"error": error.code, "error_description": error.message})
        told = {"access_token": token, "instance_url": request.base, "token_type": "Bearer", "issued_at": "0"}
        return Answer.json(200, told)

    def _serve(self, request: Request, parts: list[str]) -> Answer:
        match request.method, parts:
            case "GET", ["query" | "queryAll" as kind]:
                return self._query(request, request.query.get("q", ""), deleted=kind == "queryAll")
            case "GET", ["query" | "queryAll", locator]:
                return self._more(request, locator)
            case "POST" | "PATCH" | "DELETE", ["composite", "sobjects", *rest]:
                return self._collection(request, rest)
            case "POST", ["sobjects", name]:
                return Answer.json(201, self._rows(request, name).create(request.object()))
            case "GET", ["sobjects", name, key]:
                return Answer.json(200, sobjects.shown(name, self._rows(request, name).get(key)))
            case "PATCH" | "DELETE", ["sobjects", name, key]:
                rows = self._rows(request, name)
                rows.delete(key) if request.method == "DELETE" else rows.update(key, request.object())
                return Answer(204)
            case "GET", ["sobjects", name, field, value]:
                return Answer.json(200, sobjects.shown(name, self._rows(request, name).external(field, value)))
            case "PATCH", ["sobjects", name, field, value]:
                done = self._rows(request, name).upsert(field, value, request.object())
                return Answer.json(201 if done["created"] else 200, done)
            case _, ["jobs", "query", *rest]:
                return self._job(request, rest)
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")

    def _rows(self, request: Request, name: str) -> Rows:
        if name not in self.tables:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        return Rows(request, self.tables[name])

    # ------------------------------------------------------------ queries

    def _run(self, text: str, *, deleted: bool) -> tuple[str, tuple[str, ...], list[Row]]:
        query = Soql.parse(text)
        table = self.tables.get(query.object)
        if table is None:
            raise Refused(400, "INVALID_TYPE", f"sObject type '{query.object}' is not supported.")
        rows = [row for row in table if deleted or not row["IsDeleted"]]
        return query.object, query.fields, [dict(row) for row in query.run(rows, sobjects.FIELDS[query.object])]

    def _query(self, request: Request, text: str, *, deleted: bool) -> Answer:
        found = self._run(text, deleted=deleted)
        self._queries += 1
        locator = f"01gD{self._queries:012d}"
        self._found[locator] = found
        for old in [*self._found][:-10]:  # so many may be open
            del self._found[old]
        return self._batch(request, locator, 0)

    def _more(self, request: Request, place: str) -> Answer:
        locator, _, start = place.rpartition("-")
        if request.fault("stale") is not None:
            self._found.clear()
        if locator not in self._found or not start.isdigit():
            raise Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._batch(request, locator, int(start))

    def _batch(self, request: Request, locator: str, start: int) -> Answer:
        name, fields, rows = self._found[locator]
        told = request.headers.get("Sforce-Query-Options", "").partition("batchSize=")[2].strip()
        page = window(request, rows, start, min(max(int(told), 200), 2000) if told.isdigit() else 2000)
        request.record("read", name, "", f"{len(page.rows)} of {page.total}")
        records = [sobjects.shown(name, row, fields) for row in page.rows]
        answer: Row = {"totalSize": page.total, "done": page.next is None, "records": records}
        if page.next:
            answer["nextRecordsUrl"] = f"{_API}query/{locator}-{page.next}"
        return Answer.json(200, answer, {"Sforce-Limit-Info": "api-usage=18/5000"})

    # ------------------------------------------------------------ collections

    def _collection(self, request: Request, rest: list[str]) -> Answer:
        if request.method == "DELETE":
            ids = [one for one in request.query.get("ids", "").split(",") if one]
            return Answer.json(200, [self._verdict(request, partial(self._deleted, request, each)) for each in ids])
        given = request.object()
        records = given.get("records")
        if not isinstance(records, list) or len(records) > 200:
            raise Refused(400, "JSON_PARSER_ERROR", "records must be a list of at most 200")
        for one in records:
            if not isinstance(one, dict) or "type" not in (one.get("attributes") or {}):
                raise Refused(400, "INVALID_INPUT", "include attributes with a type in every record")
        before = {name: table.snapshot() for name, table in self.tables.items()}
        verdicts = [self._verdict(request, partial(self._one, request, rest, one)) for one in records]
        if given.get("allOrNone") and not all(one["success"] for one in verdicts):
            for name, table in self.tables.items():
                table.restore(before[name])
        return Answer.json(200, verdicts)

    def _one(self, request: Request, rest: list[str], given: Mapping[str, Any]) -> Row:
        values = {name: value for name, value in given.items() if name not in ("attributes", "id", "Id")}
        rows = self._rows(request, rest[0] if rest else given["attributes"]["type"])
        if request.method == "POST":
            return rows.create(values)
        if len(rest) == 2:
            return rows.upsert(rest[1], str(values.pop(rest[1], "") or ""), values)
        key = str(given.get("id") or given.get("Id") or "")
        rows.update(key, values)
        return {"id": key, "success": True, "errors": []}

    def _deleted(self, request: Request, key: str) -> Row:
        name = "Contact" if key.startswith("003") else "Account"
        self._rows(request, name).delete(key)
        return {"id": key, "success": True, "errors": []}

    @staticmethod
    def _verdict(request: Request, do: Callable[[], Row]) -> Row:
        try:
            if request.fault("partial") is not None:
                raise Refused(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
            return do()
        except Refused as error:
            told = {"statusCode": error.code, "message": error.message, "fields": error.detail.get("fields", [])}
            return {"success": False, "errors": [told]}

    # ------------------------------------------------------------ Bulk API 2.0

    def _job(self, request: Request, rest: list[str]) -> Answer:
        if request.method == "POST" and not rest:
            given = request.object()
            job = f"750D{len(self._jobs) + 1:014d}"
            self._jobs[job] = self._run(str(given.get("query", "")), deleted=given.get("operation") == "queryAll")
            return Answer.json(200, self._told(job, "UploadComplete"))
        if not rest or rest[0] not in self._jobs:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        if rest[1:] != ["results"]:
            return Answer.json(200, self._told(rest[0], "JobComplete"))
        _, fields, rows = self._jobs[rest[0]]
        most, start = int(request.query.get("maxRecords") or 50_000), int(request.query.get("locator") or 0)
        page = window(request, rows, start, most)
        lines = [",".join(f'"{_cell(row[name])}"' for name in fields) for row in page.rows]
        head = ",".join(f'"{name}"' for name in fields)
        answer = Answer.text(200, "\n".join([head, *lines]) + "\n", "text/csv")
        answer.headers |= {"Sforce-Locator": str(page.next or "null"), "Sforce-NumberOfRecords": str(len(lines))}
        return answer

    def _told(self, job: str, state: str) -> Row:
        name, _, rows = self._jobs[job]
        more = {"numberRecordsProcessed": len(rows)} if state == "JobComplete" else {}
        return {"id": job, "operation": "query", "object": name, "state": state, "contentType": "CSV", **more}

    def _stamp(self, row: Row, created: bool) -> None:
        row["SystemModstamp"] = row["LastModifiedDate"] = sobjects.time(self.clock.now())
        if created:
            row["CreatedDate"] = row["SystemModstamp"]

    def _check(self, row: Row, old: Row | None) -> None:
        name = "Name" if str(row["Id"]).startswith("001") else "LastName"
        if not str(row.get(name) or "").strip():
            message = f"Required fields are missing: [{name}]"
            raise Refused(400, "REQUIRED_FIELD_MISSING", message, fields=[name])
        external = row.get("ExternalId__c")
        for other in self.tables["Account"] if external else ():
            if other["ExternalId__c"] == external and other["Id"] != row["Id"] and not other["IsDeleted"]:
                message = f"duplicate value found: ExternalId__c duplicates value on record with id: {other['Id']}"
                raise Refused(400, "DUPLICATE_VALUE", message)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace('"', '""')


def _failed(error: Refused) -> Answer:
    body = {"message": error.message, "errorCode": error.code}
    return Answer.json(error.status, [body | ({"fields": error.detail["fields"]} if "fields" in error.detail else {})])
