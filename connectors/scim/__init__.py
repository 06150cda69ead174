"""SCIM 2.0 (RFC 7643, 7644): users, groups and their extensions at any service provider.

Resources come from the service's own discovery, or are declared. What services do differently are settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.scim.checkup import steps
from connectors.scim.declared import ScimResource, ScimSettings
from connectors.scim.discovery import discovered
from connectors.scim.read import Reader
from connectors.scim.service import Service, declared_resource
from connectors.scim.write import Writer
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Query, Resource, Spec
from hub.doctor import walk
from hub.doctor.discovery import Discovered
from hub.http import Clock, Transport


class Scim:
    """One service provider, read and written."""

    def __init__(
        self, context: Context, settings: ScimSettings, resources: Mapping[str, ScimResource]
    ) -> None:
        clock = Clock(now=context.now) if context.now else None
        self._transport = Transport(
            settings, context.system, folder=context.folder, clock=clock, pauses=context.pauses
        )
        self._service = Service(settings, self._transport)
        self._resources = resources
        self._folder = context.folder

    def check(self) -> list[Probe]:
        """Reach the service, prove who we are, ask for its configuration and every declared resource's first page."""
        return walk(steps(self._service, self._folder, {name: self._reader for name in self._resources}))

    def resource(self, name: str) -> Resource:
        return self._service.describe(name, self._resources.get(name))

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
        self._transport.close()

    def _reader(self, name: str) -> Reader:
        return Reader(self._service, self._service.kind(name, self._resources.get(name)))

    def _writer(self, name: str) -> Writer:
        return Writer(self._service, self._service.kind(name, self._resources.get(name)), self._reader(name))


def _describe(
    context: Context, settings: ScimSettings, name: str, declared: ScimResource | None
) -> Resource | None:
    return declared_resource(name, declared) if declared and declared.fields else None


SPEC = Spec(
    name="scim",
    title="SCIM 2.0",
    summary="Reads and writes users, groups and their extensions at SCIM 2.0 services (RFC 7643, 7644).",
    settings=ScimSettings,
    resource=ScimResource,
    open=Scim,
    describe=_describe,
    writes=True,
    requests=lambda settings, kind, count: count if kind in ("create", "find") else 2 * count,
    example="""\
system: idp
connector: scim
url: https://idp.example.com/scim/v2
auth: {bearer: {token: secret://idp/token}}
resources:
  User:
    key: userName
    cursor: meta.lastModified
    paths:
      work_email: emails[type eq "work"].value
      department: urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department
""",
)
