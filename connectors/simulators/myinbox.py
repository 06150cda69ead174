"""SAP My Inbox: the tasks of a user by the OData service TASKPROCESSING of SAP Gateway.

Sources: help.sap.com "SAP Gateway Task Provider: TASKPROCESSING;mo" (key SAP__Origin and InstanceID; Decision, Claim,
Release, Forward), "SAP Fiori My Inbox: Task Gateway Service, version 2".

* V2 at ``/sap/opu/odata/IWPGW/TASKPROCESSING;v=2``: Basic log-in, CSRF token for changes, errors as Gateway has them.
* ``TaskCollection`` holds what waits for the user; what is decided goes away, and nothing tells when it changed. It is
  shown again with the filter ``Status eq 'COMPLETED'``.
* ``DecisionOptions`` (GET) and ``Decision``, ``Claim``, ``Release``, ``Forward`` (POST) are function imports whose
  parameters stand in the address. A task that is finished is refused.

Not settled by public documents: the texts of refusals.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.simulators import landscape, staff
from connectors.simulators.edm import EntitySet, Property, from_literal
from connectors.simulators.gateway import Gateway
from connectors.simulators.odata import Service, failure
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.wire import Answer, Refused, Request, refusal

USER, PASSWORD = "HUB", "myinbox-demo"
ROOT = "/sap/opu/odata/IWPGW/TASKPROCESSING;v=2"
ORIGIN = "S4_PROVIDER"
TASKS = EntitySet(
    "TaskCollection",
    ("SAP__Origin", "InstanceID"),
    (
        Property("SAP__Origin", length=40, written=False),
        Property("InstanceID", length=40, written=False),
        *(
            Property(name, length=255, written=False)
            for name in (
                "TaskDefinitionID", "TaskDefinitionName", "TaskTitle", "Status", "StatusText", "Priority",
                "CreatedBy", "CreatedByName", "Processor", "ProcessorName", "GUI_Link",
            )
        ),
        Property("CreatedOn", "DateTime", written=False),
        Property("CompletionDeadLine", "DateTime", written=False),
        *(Property(name, "Boolean", written=False) for name in ("SupportsClaim", "SupportsForward", "HasComments")),
    ),
    creatable=False,
    updatable=False,
    deletable=False,
    etag=False,
)  # fmt: skip
_OPTIONS = (("0001", "Approve", "POSITIVE"), ("0002", "Reject", "NEGATIVE"))
_DONE = {"0001": "approved", "0002": "rejected"}


class Myinbox:
    """The product: tasks by (SAP__Origin, InstanceID)."""

    name = "myinbox"
    title = "SAP My Inbox"
    login = f"Basic, user {USER}, password {PASSWORD}"
    refusal = staticmethod(refusal)

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {"TaskCollection": Table("TaskCollection", TASKS.key)}
        self._gateway = Gateway({USER: PASSWORD})
        self._service = Service(ROOT, "TASKPROCESSING", [TASKS], self.tables, page_size=50)
        for one in staff.applications(staff.staff(seed, None).people, records or 60):
            self.tables["TaskCollection"].seed(_task(one))

    def answer(self, request: Request) -> Answer:
        try:
            request.actor = self._gateway.authenticate(request)
            if not f"{request.path}/".startswith(f"{ROOT}/"):
                raise Refused(403, "/IWFND/MED/170", f"No service found for {request.path}")
            headers = self._gateway.csrf(request)
            function = request.path.removeprefix(ROOT).strip("/")
            if function in ("Decision", "Claim", "Release", "Forward") and request.method == "POST":
                answer = self._act(request, function)
            elif function == "DecisionOptions" and request.method == "GET":
                answer = self._options(request)
            else:
                answer = self._read(request)
        except Refused as error:
            return failure(error)
        answer.headers |= headers
        return answer

    def _read(self, request: Request) -> Answer:
        """The service as it is, without what is decided unless a filter asks for it."""
        table = self.tables["TaskCollection"]
        if "COMPLETED" in request.query.get("$filter", "") or request.path.endswith(")"):
            return self._service.answer(request)
        before = table.snapshot()
        for row in table:
            if row["Status"] == "COMPLETED":
                table.delete(table.key_of(row))
        try:
            return self._service.answer(request)
        finally:
            table.restore(before)

    def _options(self, request: Request) -> Answer:
        row = self._named(request)
        results = [
            {"SAP__Origin": row["SAP__Origin"], "InstanceID": row["InstanceID"], "DecisionKey": key,
             "DecisionText": text, "Nature": nature, "CommentMandatory": nature == "NEGATIVE"}
            for key, text, nature in _OPTIONS
        ]  # fmt: skip
        return Answer.json(200, {"d": {"results": results}})

    def _act(self, request: Request, function: str) -> Answer:
        row = self._named(request)
        if row["Status"] == "COMPLETED":
            raise Refused(400, "/IWPGW/TASKPROC/005", f"Task {row['InstanceID']} is completed already")
        values: Row
        match function:
            case "Decision":
                key, comment = _argument(request, "DecisionKey"), _argument(request, "Comments", "")
                if key not in _DONE:
                    raise Refused(400, "/IWPGW/TASKPROC/010", f"Decision {key} is not possible")
                if key == "0002" and not comment:
                    raise Refused(400, "/IWPGW/TASKPROC/011", "Enter a comment")
                values = {"Status": "COMPLETED", "StatusText": _DONE[key]}
            case "Forward":
                values = {"Processor": _argument(request, "ForwardTo"), "ProcessorName": ""}
            case _:
                values = {"Status": "RESERVED" if function == "Claim" else "READY"}
        if not request.lies():
            table = self.tables["TaskCollection"]
            row = table.update(table.key_of(row), values)
            action = _DONE.get(_argument(request, "DecisionKey", ""), function.lower())
            request.record(action, "TaskCollection", row["InstanceID"], _argument(request, "Comments", ""))
        shown = {name: value for name, value in row.items() if isinstance(value, str | bool)}
        return Answer.json(200, {"d": shown})

    def _named(self, request: Request) -> Row:
        row = self.tables["TaskCollection"].get(_argument(request, "SAP__Origin"), _argument(request, "InstanceID"))
        if row is None:
            raise Refused(404, "/IWBEP/CM_MGW_RT/020", "Resource not found for segment 'TaskCollection'")
        return row


def _argument(request: Request, name: str, default: str | None = None) -> str:
    text = request.query.get(name)
    if text is None:
        if default is None:
            raise Refused(400, "/IWBEP/CM_MGW_RT/004", f"Parameter {name} is missing")
        return default
    return str(from_literal(text))


def _task(it: staff.Application) -> Row:
    done, created = it.state != "waiting", it.created.replace(tzinfo=None)
    return {
        "SAP__Origin": ORIGIN, "InstanceID": f"{it.id:012d}", "TaskDefinitionID": "TS20000166",
        "TaskDefinitionName": "Release", "TaskTitle": it.title, "Status": "COMPLETED" if done else "READY",
        "StatusText": it.state, "Priority": "MEDIUM", "CreatedBy": it.applicant.login,
        "CreatedByName": it.applicant.name, "Processor": USER, "ProcessorName": "Hub",
        "GUI_Link": f"https://s4.lanhai-medical.example/task/{it.id}",
        "CreatedOn": created, "CompletionDeadLine": created + timedelta(days=7),
        "SupportsClaim": True, "SupportsForward": True, "HasComments": False,
    }  # fmt: skip
