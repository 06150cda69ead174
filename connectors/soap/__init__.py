"""SOAP 1.1 and 1.2: services of which a WSDL tells, read and written by their operations.

zeep reads the WSDL and builds the requests; answers go from XML to NDJSON by the schema, without an object per
value. Every request goes through ``hub.http``, every document through ``hub.untrusted``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from connectors.soap.declared import SoapResource, SoapSettings, Write
from hub.contract import Context, Resource, Spec


def open_(context: Context, settings: SoapSettings, resources: Mapping[str, SoapResource]) -> Any:
    """A ``client.Soap``; zeep is loaded only now, because lint of most workspaces needs none (0.3 s)."""
    return importlib.import_module("connectors.soap.client").Soap(context, settings, resources)


def describe(
    context: Context, settings: SoapSettings, name: str, declared: SoapResource | None
) -> Resource | None:
    """A resource by a WSDL file, or by what is declared of it."""
    if declared is None:
        return None
    port = None
    if settings.wsdl is not None and not settings.wsdl.startswith(("http://", "https://")):
        found = importlib.import_module("connectors.soap.call").local_wsdl(context, settings)
        port = importlib.import_module("connectors.soap.port").Port(found, settings.service, settings.port)
    elif not declared.fields:
        write = declared.write or Write()
        return Resource(
            name, tuple(declared.key), writable=write.writes, title=declared.title, refuses=write.refuses
        )
    made: Resource | None = importlib.import_module("connectors.soap.read").describe(name, declared, port)
    return made


SPEC = Spec(
    name="soap",
    title="SOAP",
    summary="Reads and writes records by the operations of SOAP services, with paging, sessions and WS-Security.",
    settings=SoapSettings,
    resource=SoapResource,
    open=open_,
    describe=describe,
    writes=True,
    requests=lambda settings, kind, count: count,
    example="""\
system: hr
connector: soap
url: https://hr.example.com/services/EmployeeService
security: {username_token: {username: HUB, password: secret://hr/password, digest: true}}
limits: {rate: 5/s, timeout: 2m}
faults:
  - {code: Client.NotFound, means: nothing}
  - {code: Client.Duplicate, means: conflict}
resources:
  employees:
    operation: GetEmployees
    records: GetEmployeesResult.Employees.Employee
    total: GetEmployeesResult.Total
    key: Id
    paging: {offset: {param: offset, size_param: limit, size: 500, overlap: 1}}
    cursor: {field: ChangedAt, param: changedSince}
    write:
      create: {operation: CreateEmployee, body: employee, id: CreateEmployeeResult.Id}
      update: {operation: UpdateEmployee, body: employee}
      delete: {operation: DeleteEmployee, params: {id: "{id}"}}
      find: {operation: GetEmployee, records: GetEmployeeResult, params: {id: "{Id}"}, id: Id}
""",
)
