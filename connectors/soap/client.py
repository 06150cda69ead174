"""A SOAP service as source and target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.soap.call import Service, message_secrets
from connectors.soap.declared import SoapResource, SoapSettings
from connectors.soap.read import Reader, describe
from connectors.soap.write import Writer
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Query, Resource
from hub.errors import ConfigError, HubError
from hub.http import Clock, Transport


class Soap:
    """A service of which a WSDL tells, read and written as its resources declare."""

    def __init__(
        self, context: Context, settings: SoapSettings, resources: Mapping[str, SoapResource]
    ) -> None:
        clock = Clock(now=context.now) if context.now else None
        transport = Transport(
            settings, context.system, folder=context.folder, clock=clock, pauses=context.pauses,
            secrets=message_secrets(settings, resources),
        )  # fmt: skip
        self._service = Service(context, settings, transport)
        self._resources = resources

    def check(self) -> list[Probe]:
        """Read the WSDL, then the first page of every resource."""
        try:
            port = self._service.port
        except HubError as error:
            return [Probe("wsdl", False, str(error), error.hint)]
        version = "1.2" if port.soap12 else "1.1"
        known = f"port {port.name} (SOAP {version}), {len(port.operations)} operations"
        return [Probe("wsdl", True, known), *(self._probe(name) for name in self._resources)]

    def _probe(self, name: str) -> Probe:
        declared = self._declared(name)
        try:
            self.resource(name)
            if declared.operation is None:
                return Probe(name, True, "is only written, and nothing was tried")
            got = Reader(self._service, declared).first()
        except HubError as error:
            return Probe(name, False, str(error), error.hint)
        return Probe(name, True, f"{len(got.taken.values) if got.taken else 0} records on the first page")

    def resource(self, name: str) -> Resource:
        declared = self._declared(name)
        return describe(name, declared, self._service.port) or Resource(
            name, tuple(declared.key), writable=declared.write is not None, title=declared.title
        )

    def read(self, query: Query) -> Iterator[Page]:
        return Reader(self._service, self._declared(query.resource.name)).pages(query)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return Writer(self._service, resource.name, self._declared(resource.name)).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        writer = Writer(self._service, resource.name, self._declared(resource.name))
        return [writer.find(key) for key in keys]

    def close(self) -> None:
        self._service.close()

    def _declared(self, name: str) -> SoapResource:
        declared = self._resources.get(name)
        if declared is None:
            raise ConfigError(
                "resource.unknown", f"there is no resource {name}", hint="declare it below resources:"
            )
        return declared
