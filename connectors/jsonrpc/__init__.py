"""ERPs that speak JSON-RPC: Tryton, and Odoo by ``execute_kw`` or by its JSON-2 API.

What differs between them is a dialect; reading, writing and judging are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from connectors.jsonrpc.declared import RpcResource, RpcSettings
from connectors.jsonrpc.discovery import discovered
from connectors.jsonrpc.read import Reader, describe
from connectors.jsonrpc.service import Service
from connectors.jsonrpc.write import Writer
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Query, Resource, Spec, require_resource
from hub.doctor.discovery import Discovered
from hub.doctor.steps import Said, Step, skipped, walk
from hub.doctor.web import LOGGED_IN, authentication, clock, reaching


class JsonRpc:
    """One ERP, read and written."""

    def __init__(self, context: Context, settings: RpcSettings, resources: Mapping[str, RpcResource]) -> None:
        self._service = Service(context, settings)
        self._resources = resources
        self._folder = context.folder

    def check(self) -> list[Probe]:
        """Reach the server, log in, and read the first record of every resource."""
        transport = self._service.transport
        steps = [
            *reaching(transport, self._folder),
            authentication(transport, self._service.prepare),
            clock(transport),
        ]
        for name in self._resources:
            steps.append(Step(f"read {name}", partial(self._first, name), LOGGED_IN))
            steps.append(Step(f"write {name}", _rights, (f"read {name}",)))
        return walk(steps)

    def _first(self, name: str) -> str:
        declared = self._declared(name)
        total = self._service.read(self._service.dialect.count(declared.model, declared.domain))
        next(self._reader(name).pages(Query(self.resource(name), page_size=1)))
        return f"{total} records"

    def resource(self, name: str) -> Resource:
        declared = self._declared(name)
        return describe(name, declared, self._service.kinds(declared.model))

    def read(self, query: Query) -> Iterator[Page]:
        return self._reader(query.resource.name).pages(query)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return self._writer(resource.name).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        writer = self._writer(resource.name)
        return [writer.find(key) for key in keys]

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        return discovered(self._service, names)

    def close(self) -> None:
        self._service.close()

    def _declared(self, name: str) -> RpcResource:
        return require_resource(self._resources, name)

    def _reader(self, name: str) -> Reader:
        return Reader(self._service, self._declared(name))

    def _writer(self, name: str) -> Writer:
        return Writer(self._service, self._declared(name), self._reader(name))


def _rights() -> Said:
    return skipped("cannot be asked without writing: rights of these ERPs depend on the record as well")


def _describe(
    context: Context, settings: RpcSettings, name: str, declared: RpcResource | None
) -> Resource | None:
    return describe(name, declared, None) if declared and declared.fields else None


SPEC = Spec(
    name="jsonrpc",
    title="JSON-RPC of ERPs",
    summary="Reads and writes the models of Tryton (JSON-RPC) and of Odoo (execute_kw, or JSON-2).",
    settings=RpcSettings,
    resource=RpcResource,
    open=JsonRpc,
    describe=_describe,
    writes=True,
    requests=lambda settings, kind, count: {"create": 3, "find": count}.get(kind, 2 * count),
    example="""\
system: erp
connector: jsonrpc
dialect: tryton
url: https://erp.example.com/company
auth: {basic: {username: HUB, password: secret://erp/password}}
resources:
  parties:
    model: party.party
    key: code
    cursor: last_modified_at
    fields: {code: text, name: text, addresses: [{city: text}]}
""",
)
