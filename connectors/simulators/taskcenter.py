"""A task provider of SAP Task Center, by its service provider interface 2.0: what Task Center pulls, a hub may pull.

Sources: "SAP Task Center Third-Party Adoption Guide" 1.1 and TaskProviderV2.json (paths, task fields, status, delta
rule, errors), SAP-docs/btp-task-center.

* OAuth 2.0 client credentials; a token of twelve hours.
* ``GET /tasks?modifiedAfter&lastId&$top`` (at most 1000): modified at that moment with a greater urn, or later; ordered
  by (modifiedAt, urn); an empty list is the end. There is no total and no deletion: what is withdrawn is CANCELED.
* ``GET /tasks/URN``, ``GET /taskDefinitions?$skip&$top``.
* ``POST /tasks/URN/response`` finalizes (409 where it is final already), ``/action`` does not (RESERVE, RELEASE,
  FORWARD).
* Errors are ``{"error": {"code", "message", "target"}}``.
"""

from __future__ import annotations

from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.rest import bearer, drifted, limit_of, moment, text_of
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request, refusal

CLIENT_ID, CLIENT_SECRET = "task-hub", "taskcenter-demo"
_URN = "urn:sap.odm.bpm.task:oa:prod:lanhai:"
_DEFINITION: Row = {
    "id": "approval", "name": [{"languageCode": "en", "text": "Approval"}, {"languageCode": "zh", "text": "审批"}],
    "possibleResponses": [
        {"code": "approve", "nature": "POSITIVE", "commentRequired": "OPTIONAL"},
        {"code": "reject", "nature": "NEGATIVE", "commentRequired": "REQUIRED"},
    ],
    "possibleActions": [{"code": code, "nature": "NEUTRAL"} for code in ("RESERVE", "RELEASE", "FORWARD")],
}  # fmt: skip


class Taskcenter:
    """The product: tasks by ``urn``."""

    name = "taskcenter"
    title = "SAP Task Center provider"
    login = f"OAuth 2 client {CLIENT_ID}, secret {CLIENT_SECRET}, token at /oauth/token"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {"tasks": Table("tasks", ["urn"], stamp=self._stamp)}
        self._tokens = Tokens(self.clock, 43_200, kept=0)
        for one in staff.applications(staff.staff(seed, None).people, records or 60):
            self.tables["tasks"].seed(_task(one))

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind != "unauthorized":
            return refusal(kind, value)
        return _failed(Refused(401, "UNAUTHORIZED", "the access token is missing, wrong or expired"))

    def answer(self, request: Request) -> Answer:
        try:
            if request.path == "/oauth/token":
                return self._log_in(request)
            client = self._tokens.client(request, bearer(request))
            if client is None:
                return self.refusal("unauthorized", "")
            request.actor = client
            match request.method, request.segments:
                case "GET", ["tasks"]:
                    return self._list(request)
                case "GET", ["tasks", urn]:
                    return Answer.json(200, self._one(urn))
                case "GET", ["taskDefinitions"]:
                    return Answer.json(200, {"value": [_DEFINITION] if request.query.get("$skip", "0") == "0" else []})
                case "POST", ["tasks", urn, "response" | "action" as kind]:
                    return self._act(request, self._one(urn), kind)
            raise Refused(404, "NOT_FOUND", f"there is nothing at {request.path}")
        except Refused as error:
            return _failed(error)

    def _log_in(self, request: Request) -> Answer:
        try:
            token, seconds = self._tokens.by_client(request, {CLIENT_ID: CLIENT_SECRET})
        except Refused as error:
            return Answer.json(error.status, {"error": error.code})
        return Answer.json(200, {"access_token": token, "token_type": "bearer", "expires_in": seconds})

    def _list(self, request: Request) -> Answer:
        since = moment(request.query.get("modifiedAfter", "1970-01-01T00:00:00Z"), "modifiedAfter")
        last, most = request.query.get("lastId"), limit_of(request, "$top", 100, 1000)
        rows = sorted(self.tables["tasks"], key=_place)
        found = [row for row in rows if _after(row, since, last)]
        if request.fault("empty") is not None or request.fault("swallowed") is not None:
            found = []
        if last and request.fault("skip") is not None:
            found = found[most:]
        if last and request.fault("repeat") is not None:
            found = rows[max(0, len(rows) - len(found) - most) :]
        shown = found[:most]
        if request.fault("twice") is not None:
            shown = [*shown[:1], *shown]
        request.record("read", "tasks", last or "", f"{len(shown)} of {len(rows)}")
        drift = request.fault("drift")
        return Answer.json(200, {"value": [drifted(row, drift) for row in shown]})

    def _one(self, urn: str) -> Row:
        row = self.tables["tasks"].get(urn)
        if row is None:
            raise Refused(404, "NOT_FOUND", f"there is no task {urn}")
        return row

    def _act(self, request: Request, row: Row, kind: str) -> Answer:
        given = request.object()
        code, comment = str(given.get("code")), str(given.get("comment") or "")
        known = {one["code"] for one in _DEFINITION["possibleResponses" if kind == "response" else "possibleActions"]}
        if code not in known:
            raise Refused(400, "INVALID_CODE", f"there is no {kind} {code}", target="code")
        if code == "reject" and not comment:
            raise Refused(400, "COMMENT_REQUIRED", "a comment is required", target="comment")
        if row["status"] in ("COMPLETED", "CANCELED"):
            raise Refused(409, "TASK_FINAL", f"the task is {row['status'].lower()} already")
        actions: dict[str, Row] = {
            "RESERVE": {"status": "RESERVED", "processor": "hub"}, "RELEASE": {"status": "READY", "processor": None},
            "FORWARD": {"recipientUsers": [given.get("recipient")]},
        }  # fmt: skip
        values = actions.get(code, {"status": "COMPLETED", "response": code})
        if not request.lies():
            row = self.tables["tasks"].update((row["urn"],), values)
            request.record(code.lower(), "tasks", row["urn"], comment)
        return Answer.json(200, row)

    def _stamp(self, row: Row, created: bool) -> None:
        row["modifiedAt"] = text_of(self.clock.now())
        if created:
            row["createdAt"] = row["modifiedAt"]


def _place(row: Row) -> tuple[str, str]:
    return str(row["modifiedAt"]), str(row["urn"])


def _after(row: Row, since: Any, last: str | None) -> bool:
    changed = moment(str(row["modifiedAt"]), "")
    return bool(changed > since or (changed == since and (last is None or str(row["urn"]) > last)))


def _failed(error: Refused) -> Answer:
    said = {"code": error.code, "message": error.message, **error.detail}
    return Answer.json(error.status, {"error": said})


def _task(it: staff.Application) -> Row:
    return {
        "urn": f"{_URN}{it.id:06d}", "applicationId": "oa", "applicationInstanceId": "prod", "tenantId": "lanhai",
        "localId": f"{it.id:06d}", "definitionId": "approval",
        "status": "READY" if it.state == "waiting" else "COMPLETED",
        "createdAt": text_of(it.created), "modifiedAt": text_of(it.changed), "createdBy": it.applicant.login,
        "processor": None, "priority": "MEDIUM", "subject": [{"languageCode": "zh", "text": it.title}],
        "uiLink": f"https://oa.lanhai-medical.example/{it.id}", "recipientUsers": [it.approver.login],
        "recipientGroups": [], "validResponseCodes": None, "response": None,
    }  # fmt: skip
