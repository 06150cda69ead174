"""CalDAV: to-dos (VTODO) of calendar servers, read by sync tokens and written by ETags (RFC 4791, 5545, 6578)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from connectors.caldav.dav import CAL, DAV, TodoCollection
from connectors.caldav.declared import CalendarResource, CalendarSettings
from connectors.caldav.objects import fields
from connectors.caldav.read import Reader
from connectors.caldav.write import Writer
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Query, Resource, Spec, require_resource
from hub.doctor.steps import Said, Step, failed, skipped, walk, warned
from hub.doctor.web import LOGGED_IN, authentication, clock, reaching
from hub.http import Clock, Transport
from hub.http.records import declared_fields


class CalDav:
    """One calendar server, whose collections of to-dos are resources."""

    def __init__(
        self, context: Context, settings: CalendarSettings, resources: Mapping[str, CalendarResource]
    ) -> None:
        clock = Clock(now=context.now) if context.now else None
        self._settings, self._resources = settings, resources
        self._folder = context.folder
        self._transport = Transport(
            settings, context.system, folder=context.folder, clock=clock, pauses=context.pauses
        )

    def check(self) -> list[Probe]:
        """Reach the server, prove who we are, ask every collection what it is and what this account may do there."""
        steps = [
            *reaching(self._transport, self._folder),
            authentication(self._transport, self._cheapest),
            clock(self._transport),
        ]
        for name, declared in self._resources.items():
            steps.append(Step(f"read {name}", partial(self._kind, declared), LOGGED_IN))
            steps.append(Step(f"write {name}", partial(self._rights, declared), (f"read {name}",)))
        return walk(steps)

    def _cheapest(self) -> None:
        for declared in self._resources.values():
            self._collection(declared).properties()
            return
        self._transport.request("OPTIONS", "")

    def _kind(self, declared: CalendarResource) -> Said | str:
        said = self._collection(declared).properties()
        if next(said.iter(f"{CAL}calendar"), None) is None:
            return failed("caldav.calendar", "the path is no calendar", "check path:")
        kinds = {one.get("name") for one in said.iter(f"{CAL}comp")}
        if kinds and "VTODO" not in kinds:
            return failed("caldav.todos", "the calendar takes no to-dos", "take a collection of tasks")
        if declared.sync and next(said.iter(f"{DAV}sync-collection"), None) is None:
            return failed("caldav.sync", "the server tells no changes (RFC 6578)", "write sync: false")
        return "a collection of to-dos"

    def _rights(self, declared: CalendarResource) -> Said | str:
        """The privileges of this account (RFC 3744 §5.4), where the server tells them."""
        said = self._collection(declared).properties()
        told = {str(right.tag).rpartition("}")[2] for one in said.iter(f"{DAV}privilege") for right in one}
        if not told:
            return skipped("cannot be asked without writing: the server tells no privileges")
        if told & {"all", "write", "write-content", "bind"}:
            return "this account may write"
        return warned(
            "rights.write", f"this account may only {', '.join(sorted(told))}",
            "have the calendar's owner let it write, where an exchange writes there",
        )  # fmt: skip

    def resource(self, name: str) -> Resource:
        return _resource(name, self._declared(name))

    def read(self, query: Query) -> Iterator[Page]:
        declared = self._declared(query.resource.name)
        return Reader(self._collection(declared), declared, self._settings.page_size).pages(query)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return self._writer(resource.name).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        writer = self._writer(resource.name)
        return [writer.find(key) for key in keys]

    def close(self) -> None:
        self._transport.close()

    def _declared(self, name: str) -> CalendarResource:
        return require_resource(self._resources, name)

    def _collection(self, declared: CalendarResource) -> TodoCollection:
        return TodoCollection(self._transport, declared.path)

    def _writer(self, name: str) -> Writer:
        declared = self._declared(name)
        return Writer(self._collection(declared), declared)


def _resource(name: str, declared: CalendarResource) -> Resource:
    further = {one.name: one for one in declared_fields(declared.fields)}
    return Resource(
        name,
        tuple(declared.key),
        None,
        fields(further),
        deletes=declared.sync,
        writable=True,
        title=declared.title,
    )


def _describe(
    context: Context, settings: CalendarSettings, name: str, declared: CalendarResource | None
) -> Resource | None:
    return _resource(name, declared) if declared else None


SPEC = Spec(
    name="caldav",
    title="CalDAV to-dos",
    summary="Reads and writes to-dos (VTODO) of calendar servers, with deletions, by sync tokens and ETags.",
    settings=CalendarSettings,
    resource=CalendarResource,
    open=CalDav,
    describe=_describe,
    writes=True,
    requests=lambda settings, kind, count: 2 * count if kind in ("update", "delete") else count,
    example="""\
system: tasks
connector: caldav
url: https://cal.example.com/dav
auth: {basic: {username: hub, password: secret://tasks/password}}
resources:
  approvals:
    path: /calendars/hub/approvals/
""",
)
