"""One directory as source and target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.ldap.activedirectory import DirSync, Usn
from connectors.ldap.checkup import steps
from connectors.ldap.connection import Connection
from connectors.ldap.discovery import discovered
from connectors.ldap.following import Following
from connectors.ldap.proving import Proof
from connectors.ldap.reading import Reader
from connectors.ldap.schema import Shape
from connectors.ldap.settings import LdapResource, LdapSettings
from connectors.ldap.syncrepl import Syncrepl
from connectors.ldap.writing import Writer
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Proven, Query, Resource
from hub.doctor import walk
from hub.doctor.discovery import Discovered

FOLLOWING: dict[str, type[Following]] = {one.kind: one for one in (Syncrepl, DirSync, Usn)}


class Ldap:
    """Source and target of one directory."""

    def __init__(
        self, context: Context, settings: LdapSettings, resources: Mapping[str, LdapResource]
    ) -> None:
        self._context = context
        self._settings = settings
        self._resources = resources
        self._connection = Connection(context, settings)
        self._shapes: dict[str, Shape] = {}

    def check(self) -> list[Probe]:
        """Reach the directory, log in, ask what it knows, and find one entry of every declared resource."""
        return walk(steps(self._context, self._connection, {name: self._shape for name in self._resources}))

    def resource(self, name: str) -> Resource:
        return self._shape(name).resource()

    def read(self, query: Query) -> Iterator[Page]:
        shape = self._shape(query.resource.name)
        kind = FOLLOWING.get(shape.declared.sync or "")
        reader = kind(self._context, self._connection, shape) if kind else Reader(self._connection, shape)
        yield from reader.pages(query)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return self._writer(resource.name).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        return self._writer(resource.name).find(keys)

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        return discovered(self._connection, names, self._as_declared)

    def account(self, resource: str, by: Sequence[str], name: str) -> Proven | None:
        return Proof(self._connection, self._shape(resource), by).find(name)

    def prove(
        self, resource: str, by: Sequence[str], name: str, known: Proven | None, password: str
    ) -> bool:
        return Proof(self._connection, self._shape(resource), by).prove(name, known, password)

    def _as_declared(self, name: str, declared: LdapResource) -> Shape:
        return Shape(self._connection, name, declared)

    def close(self) -> None:
        self._connection.close()

    def _writer(self, name: str) -> Writer:
        return Writer(self._connection, self._shape(name))

    def _shape(self, name: str) -> Shape:
        if name not in self._shapes:
            self._shapes[name] = Shape(self._connection, name, self._resources.get(name))
        return self._shapes[name]
