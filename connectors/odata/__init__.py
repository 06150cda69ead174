"""OData V2 and V4: SAP Gateway, S/4HANA, SuccessFactors, Dynamics and their like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.odata.checkup import steps
from connectors.odata.declared import ODataResource, ODataSettings
from connectors.odata.discovery import discovered
from connectors.odata.read import Reader
from connectors.odata.service import Service, declared_resource, describe, local_metadata
from connectors.odata.write import CHUNK, Writer
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Query, Resource, Spec
from hub.doctor import walk
from hub.doctor.discovery import Discovered
from hub.http import Clock, Transport


class OData:
    """One service, read and written."""

    def __init__(
        self, context: Context, settings: ODataSettings, resources: Mapping[str, ODataResource]
    ) -> None:
        clock = Clock(now=context.now) if context.now else None
        self._transport = Transport(
            settings, context.system, folder=context.folder, clock=clock, pauses=context.pauses
        )
        self._service = Service(context, settings, self._transport)
        self._resources = resources
        self._folder = context.folder
        self._writers: dict[str, Writer] = {}

    def check(self) -> list[Probe]:
        """Reach the service, prove who we are, read the metadata and one record of every declared resource."""
        return walk(steps(self._service, self._folder, self._resources))

    def resource(self, name: str) -> Resource:
        return describe(self._service.metadata, name, self._declared(name))

    def read(self, query: Query) -> Iterator[Page]:
        name = query.resource.name
        return Reader(self._service, name, self._declared(name)).pages(query)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return self._writer(resource.name).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        return self._writer(resource.name).find(keys)

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        return discovered(self._service.metadata, names)

    def close(self) -> None:
        self._transport.close()

    def _declared(self, name: str) -> ODataResource:
        return self._resources.get(name) or ODataResource()

    def _writer(self, name: str) -> Writer:
        if name not in self._writers:
            self._writers[name] = Writer(self._service, name, self._declared(name))
        return self._writers[name]


def _describe(
    context: Context, settings: ODataSettings, name: str, options: ODataResource | None
) -> Resource | None:
    declared = options or ODataResource()
    metadata = local_metadata(context, settings)
    if metadata is not None:
        return describe(metadata, name, declared)
    return declared_resource(name, declared) if declared.fields or declared.key else None


def _requests(settings: ODataSettings, kind: str, count: int) -> int:
    """What a call costs, as far as the service knows $batch."""
    if kind == "find":
        return -(-count // CHUNK)
    return count if settings.batch == "off" else 1


SPEC = Spec(
    name="odata",
    title="OData V2 and V4",
    summary="Reads and writes entity sets of OData services, with paging, expansion, batches and ETags.",
    settings=ODataSettings,
    resource=ODataResource,
    open=OData,
    describe=_describe,
    writes=True,
    requests=_requests,
    example="""\
system: s4
connector: odata
url: https://s4.example.com/sap/opu/odata/sap/API_BUSINESS_PARTNER
auth: {basic: {username: HUB, password: secret://s4/password}}
limits: {rate: 20/s, concurrency: 4, timeout: 60s}
sap_client: "100"
language: en
resources:
  A_BusinessPartner:
    cursor: LastChangeDate
    created: CreationDate
""",
)
