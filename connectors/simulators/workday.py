"""Workday: workers by the SOAP service Human_Resources, and by a report as a service (RaaS).

Sources: community.workday.com "Human_Resources: Get_Workers" (request criteria, response filter, response results,
faults), "Reports as a Service"; sglmr.com "Workday Get_Workers notes" on the transaction log.

* ``POST /ccx/service/TENANT/Human_Resources/VERSION`` with a WS-Security UsernameToken (USER@TENANT, plain text). The
  WSDL is at the same address with ``?wsdl``, for everybody.
* Pages by number, 100 workers where nothing is said, at most 999; ``Response_Results`` tells ``Total_Results``,
  ``Total_Pages``, ``Page_Results`` and ``Page``. A page behind the last is a validation fault. ``As_Of_Entry_DateTime``
  keeps pages apart from what is entered meanwhile.
* Workers who left are there only with ``Exclude_Inactive_Workers`` false; ``Transaction_Log_Criteria_Data`` leaves
  those who were changed in a span. Nobody is deleted.
* Faults come with status 500: ``SOAP-ENV:Client.authenticationError``, ``SOAP-ENV:Client.validationError``.
* ``GET /ccx/service/customreport2/TENANT/OWNER/REPORT?format=json`` (Basic) answers ``{"Report_Entry": [...]}`` whole,
  without pages; prompts of the report are parameters.

Not settled by public documents: how a limit is said (429 with Retry-After here).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape

from lxml.etree import _Element as Element

from connectors.simulators import landscape, staff, workday_wsdl
from connectors.simulators.rest import moment, text_of, window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.wire import Answer, Refused, Request, refusal
from hub.errors import Fatal
from hub.untrusted import parse_xml

TENANT, USER, PASSWORD = "lanhai", "ISU_HUB", "workday-demo"
VERSION = "v42.0"
SERVICE = f"/ccx/service/{TENANT}/Human_Resources/{VERSION}"
REPORT = f"/ccx/service/customreport2/{TENANT}/{USER}/Hub_Workers"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_BSVC = "urn:com.workday/bsvc"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


class Workday:
    """The product: workers by ``Worker_ID``."""

    name = "workday"
    title = "Workday"
    login = f"WS-Security or Basic, user {USER}@{TENANT}, password {PASSWORD}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {"workers": Table("workers", ["Worker_ID"], stamp=self._stamp)}
        for person in staff.staff(seed, records).people:
            self.tables["workers"].seed(_worker(person))

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return _fault("Client.authenticationError", "invalid username or password")
        return refusal(kind, value)

    def answer(self, request: Request) -> Answer:
        try:
            if request.path == REPORT and request.method == "GET":
                return self._report(request)
            if request.path != SERVICE:
                raise Refused(404, "Client.invalidRequest", "Invalid request: no such service")
            if request.method == "GET" and "wsdl" in request.target.partition("?")[2].lower():
                text = workday_wsdl.document(request.base + SERVICE)
                return Answer(200, text.encode(), {"Content-Type": "text/xml; charset=utf-8"})
            return self._call(request)
        except Refused as error:
            return _fault(error.code, error.message)

    # ------------------------------------------------------------ SOAP

    def _call(self, request: Request) -> Answer:
        try:
            root = parse_xml(request.body)
        except Fatal as error:
            raise Refused(500, "Client.invalidRequest", f"not XML: {error.message}") from None
        user = root.findtext(f".//{{{_WSSE}}}Username") or ""
        self._log_in(request, user, root.findtext(f".//{{{_WSSE}}}Password") or "")
        body = root.find(f"{{{_SOAP}}}Body")
        asked = body[0] if body is not None and len(body) else None
        if asked is None or asked.tag != f"{{{_BSVC}}}Get_Workers_Request":
            raise Refused(500, "Client.invalidRequest", "Invalid request: unknown operation")
        return self._workers(request, asked)

    def _log_in(self, request: Request, user: str, password: str) -> None:
        name, _, tenant = user.partition("@")
        right = hmac.compare_digest(password.encode(), PASSWORD.encode())
        if (name, tenant) != (USER, TENANT) or not right:
            request.record("login", "refused", user)
            raise Refused(500, "Client.authenticationError", "invalid username or password")
        request.actor = USER

    def _workers(self, request: Request, asked: Element) -> Answer:
        number, size = _number(asked, "Page", 1), _number(asked, "Count", 100)
        if number < 1 or not 1 <= size <= 999:
            raise Refused(500, "Client.validationError", "Validation error occurred. Page number cannot be zero.")
        rows = self._asked_for(asked)
        pages = max(1, -(-len(rows) // size))
        if number > pages:
            message = "Validation error occurred. Page Number exceeds the total number of pages."
            raise Refused(500, "Client.validationError", message)
        page = window(request, rows, (number - 1) * size, size)
        request.record("read", "workers", "", f"{len(page.rows)} of {page.total}")
        results = (
            f"<wd:Total_Results>{page.total}</wd:Total_Results><wd:Total_Pages>{pages}</wd:Total_Pages>"
            f"<wd:Page_Results>{len(page.rows)}</wd:Page_Results><wd:Page>{number}</wd:Page>"
        )
        workers = "".join(workday_wsdl.worker(row) for row in page.rows)
        said = f"<wd:Response_Results>{results}</wd:Response_Results><wd:Response_Data>{workers}</wd:Response_Data>"
        if request.fault("swallowed") is not None:
            said = ""
        return _envelope(200, f'<wd:Get_Workers_Response xmlns:wd="{_BSVC}">{said}</wd:Get_Workers_Response>')

    def _asked_for(self, asked: Element) -> Sequence[Row]:
        rows = sorted(self.tables["workers"], key=lambda row: str(row["Worker_ID"]))
        if (_text(asked, "Exclude_Inactive_Workers") or "true") != "false":
            rows = [row for row in rows if row["Active"]]
        if since := _text(asked, "Updated_From"):
            bound = moment(since, "Updated_From")
            rows = [row for row in rows if _changed(row) >= bound]
        if until := _text(asked, "As_Of_Entry_DateTime"):
            entered = moment(until, "As_Of_Entry_DateTime")
            rows = [row for row in rows if moment(str(row["Entered"]), "") <= entered]
        if wanted := [each.text for each in asked.iter(f"{{{_BSVC}}}ID")]:
            rows = [row for row in rows if row["Worker_ID"] in wanted]
        return rows

    # ------------------------------------------------------------ RaaS

    def _report(self, request: Request) -> Answer:
        kind, _, coded = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        try:
            self._log_in(request, user if kind.lower() == "basic" else "", password)
        except Refused:
            return Answer.json(401, {"error": "invalid username or password"}, {"WWW-Authenticate": "Basic"})
        rows = sorted(self.tables["workers"], key=_changed)
        if since := request.query.get("Updated_From"):
            bound = moment(since, "Updated_From")
            rows = [row for row in rows if _changed(row) >= bound]
        page = window(request, rows, 0, len(rows) or 1)
        request.record("read", "workers", "", f"{len(page.rows)} of {page.total}")
        kept = {"Entered"}
        entries = [{name: value for name, value in row.items() if name not in kept} for row in page.rows]
        return Answer.json(200, {} if request.fault("swallowed") is not None else {"Report_Entry": entries})

    def _stamp(self, row: Row, created: bool) -> None:
        row["Last_Functionally_Updated"] = text_of(self.clock.now())
        if created:
            row["Entered"] = row["Last_Functionally_Updated"]


def _changed(row: Row) -> datetime:
    return moment(str(row["Last_Functionally_Updated"]), "")


def _text(asked: Element, name: str) -> str | None:
    return next((each.text for each in asked.iter(f"{{{_BSVC}}}{name}")), None)


def _number(asked: Element, name: str, default: int) -> int:
    text = _text(asked, name)
    return default if text is None else int(text) if text.isdigit() else 0


def _envelope(status: int, body: str) -> Answer:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="{_SOAP}"><SOAP-ENV:Body>{body}'
        "</SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )
    return Answer(status, text.encode(), {"Content-Type": "text/xml; charset=UTF-8"})


def _fault(code: str, message: str) -> Answer:
    inner = f"<faultcode>SOAP-ENV:{code}</faultcode><faultstring>{escape(message)}</faultstring>"
    return _envelope(500, f"<SOAP-ENV:Fault>{inner}</SOAP-ENV:Fault>")


def _worker(it: staff.Person) -> Row:
    first, _, last = it.name_latin.partition(" ")
    return {
        "Worker_ID": f"W{it.id:05d}", "User_ID": it.login, "First_Name": first, "Last_Name": last or first,
        "Local_Name": it.name, "Email": it.email, "Phone": it.mobile, "Business_Title": it.title,
        "Organization": f"ORG-{it.units[0]:03d}", "Hire_Date": f"{it.hired:%Y-%m-%d}", "Active": it.active,
        "Termination_Date": None if it.active else "2025-12-31",
        "Last_Functionally_Updated": text_of(it.changed), "Entered": text_of(it.changed),
    }  # fmt: skip
