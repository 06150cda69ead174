"""Generic JSON REST: any API with lists of records joins by YAML alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from connectors.rest import under
from connectors.rest.checkup import Checkup
from connectors.rest.declared import RestResource, RestSettings
from connectors.rest.discovery import discovered
from connectors.rest.paging import pager
from connectors.rest.read import Reader, describe
from connectors.rest.verdict import Verdicts
from connectors.rest.write import Writer
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Query, Resource, Spec, require_resource
from hub.doctor import walk
from hub.doctor.discovery import Discovered
from hub.errors import ConfigError
from hub.http import Clock, Transport

if TYPE_CHECKING:
    from hub.http.addresses import Resolve


class Rest:
    """A system with a JSON API, read and written as its resources declare."""

    def __init__(
        self, context: Context, settings: RestSettings, resources: Mapping[str, RestResource],
        resolve: Resolve | None = None,
    ) -> None:  # fmt: skip
        clock = Clock(now=context.now) if context.now else None
        self._verdicts = Verdicts(settings.answers)
        self._transport = Transport(
            settings, context.system, folder=context.folder, clock=clock, resolve=resolve,
            pauses=context.pauses, verdict=self._verdicts.error,
        )  # fmt: skip
        self._verdicts.transport = self._transport
        self._context = context
        self._settings = settings
        self._resources = resources

    def check(self) -> list[Probe]:
        """Reach the system, prove who we are, ask every resource for its first page and for its methods."""
        return walk(Checkup(self._transport, self._context.folder, self._resources, self._first).steps())

    def _first(self, name: str) -> int:
        """How many records the first page of a resource holds."""
        declared = self._declared(name)
        if declared.under or declared.windows:
            return next(self.read(Query(self.resource(name)))).count
        return len(self._reader(name).get(pager(declared.paging, None).first(), {}).records)

    def resource(self, name: str) -> Resource:
        return describe(name, self._declared(name))

    def read(self, query: Query) -> Iterator[Page]:
        return self._pages(query, ())

    def _pages(self, query: Query, within: tuple[str, ...]) -> Iterator[Page]:
        name = query.resource.name
        declared, reader = self._declared(name), self._reader(name)
        if declared.windows:
            by_time = query.since if declared.cursor and declared.cursor.param is None else None
            return under.pages(reader, query, under.spans(declared.windows, self._transport.now(), by_time))
        rule = declared.under
        if rule is None:
            return reader.pages(query)
        if rule.resource == name:
            return under.pages(reader, query, under.parents(rule, ()), partial(under.children, rule))
        if rule.resource in within:
            raise ConfigError("resource.circle", f"{name} is read under itself", hint="check under:")
        above = self._pages(Query(self.resource(rule.resource)), (*within, name))
        return under.pages(reader, query, under.parents(rule, above))

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return self._writer(resource.name).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        writer = self._writer(resource.name)
        return [writer.find(key) for key in keys]

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        """By an OpenAPI document or sample records, given by hand or served at a usual place."""
        return discovered(self._transport, names, sample)

    def close(self) -> None:
        self._transport.close()

    def _declared(self, name: str) -> RestResource:
        return require_resource(self._resources, name)

    def _reader(self, name: str) -> Reader:
        return Reader(self._transport, self._settings, self._declared(name), self._verdicts)

    def _writer(self, name: str) -> Writer:
        return Writer(
            self._transport, self._settings, self._declared(name), self._reader(name), self._verdicts
        )


def _describe(
    context: Context, settings: RestSettings, name: str, options: RestResource | None
) -> Resource | None:
    return None if options is None else describe(name, options)


SPEC = Spec(
    name="rest",
    title="JSON REST API",
    summary="Reads and writes lists of JSON records over HTTP, by declared paths, paging and credentials.",
    settings=RestSettings,
    resource=RestResource,
    open=Rest,
    describe=_describe,
    writes=True,
    requests=lambda settings, kind, count: count,
    example="""\
system: crm
connector: rest
url: https://api.example.com/v1
auth: {bearer: {token: secret://crm/token}}
limits: {rate: 10/s}
resources:
  contacts:
    path: /contacts
    records: data
    key: id
    paging: {cursor: {param: cursor, from: paging.next}}
    cursor: {field: updated_at, param: updated_since}
    fields: {id: integer, email: text, updated_at: datetime}
    write:
      create: {method: POST, path: /contacts, id: data.id}
      update: {method: PATCH, path: "/contacts/{id}"}
      delete: {method: DELETE, path: "/contacts/{id}"}
      find: {params: {email: "{email}"}}
""",
)
