"""A SOAP service as source and target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from connectors.soap.call import Service, message_secrets
from connectors.soap.declared import SoapResource, SoapSettings
from connectors.soap.discovery import discovered
from connectors.soap.read import Reader, describe
from connectors.soap.write import Writer
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Query, Resource, require_resource
from hub.doctor.discovery import Discovered
from hub.doctor.steps import Said, Step, skipped, walk, warned
from hub.doctor.web import LOGGED_IN, REACHED, clock, reaching
from hub.errors import AuthError, ConfigError, Fatal
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
        self._folder = context.folder
        self._got: dict[str, Any] = {}
        self._lacking: ConfigError | None = None

    def check(self) -> list[Probe]:
        """Reach the service, read the WSDL and what it imports, prove who we are, read first pages."""
        return walk(self._steps())

    def _steps(self) -> list[Step]:
        transport = self._service.transport
        steps = [
            *reaching(transport, self._folder),
            Step("wsdl", self._wsdl, REACHED),
            Step("imports", self._imports, ("wsdl",)),
            Step("authentication", self._authentication, ("imports",)),
            clock(transport),
        ]
        for name, declared in self._resources.items():
            if declared.operation is not None:
                steps.append(Step(f"read {name}", partial(self._read, name), LOGGED_IN))
            if declared.write is not None:
                steps.append(Step(f"write {name}", partial(self._write, name), ("imports",)))
        return steps

    def _wsdl(self) -> Said | str:
        try:
            port = self._service.port
        except ConfigError as error:
            if error.code != "wsdl.import":
                raise
            self._lacking = error
            return Said("the WSDL itself is there")
        version = "1.2" if port.soap12 else "1.1"
        return f"port {port.name} (SOAP {version}), {len(port.operations)} operations"

    def _imports(self) -> Said | str:
        if self._lacking is not None:
            raise self._lacking
        parts = self._service.port.documents
        count = f"the WSDL and {len(parts) - 1} documents that it imports" if len(parts) > 1 else "it imports nothing"
        notes = self._service.port.notes
        if notes:
            return warned(
                "wsdl.parts", f"{count}; {len(notes)} parts of it cannot be used: {'; '.join(notes[:3])}",
                "operations that need them are missing; take a mended copy by wsdl:",
            )  # fmt: skip
        return count

    def _authentication(self) -> Said | str:
        """By the first page of a resource, which logs in where a log-in is declared."""
        settings = self._service.settings
        names = [name for name, declared in self._resources.items() if declared.operation is not None]
        kind = next((word for word, one in (
            ("session", settings.login), ("WS-Security", settings.security), ("HTTP", settings.auth),
        ) if one), "")  # fmt: skip
        if not names:
            return skipped("no resource is read, and nothing else may be called without an effect")
        try:
            self._first(names[0])
        except AuthError as error:
            if error.code != "auth.forbidden":
                raise
            return f"{kind or 'nobody'}: known to the service, though it may not do everything"
        except (ConfigError, Fatal):  # told by the step of that resource
            return f"{kind}: not refused" if kind else "no credentials are declared, and none were asked for"
        return f"{kind}: accepted" if kind else "no credentials are declared, and none were asked for"

    def _first(self, name: str) -> Any:
        if name not in self._got:
            self.resource(name)
            self._got[name] = Reader(self._service, self._declared(name)).first()
        return self._got[name]

    def _read(self, name: str) -> str:
        got = self._first(name)
        return f"{len(got.taken.values) if got.taken else 0} records on the first page"

    def _write(self, name: str) -> Said:
        """The operations are there; nothing tells who may call them."""
        write = self._declared(name).write
        calls = [one for one in (write.create, write.update, write.delete) if one is not None] if write else []
        for call in calls:
            self._service.port.operation(call.operation)
        named = ", ".join(call.operation for call in calls)
        return skipped(f"{named}: in the WSDL; whether this account may call them cannot be asked without writing")

    def resource(self, name: str) -> Resource:
        declared = self._declared(name)
        return describe(name, declared, self._service.port)

    def read(self, query: Query) -> Iterator[Page]:
        return Reader(self._service, self._declared(query.resource.name)).pages(query)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return Writer(self._service, resource.name, self._declared(resource.name)).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        writer = Writer(self._service, resource.name, self._declared(resource.name))
        return [writer.find(key) for key in keys]

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        return discovered(self._service.port, names)

    def close(self) -> None:
        self._service.close()

    def _declared(self, name: str) -> SoapResource:
        return require_resource(self._resources, name)
