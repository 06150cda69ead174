"""IDocs as a source and as a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from connectors.idoc import describe
from connectors.idoc.definition import kind
from connectors.idoc.discovery import discovered
from connectors.idoc.kinds import layouts
from connectors.idoc.order import pages, since
from connectors.idoc.parsing import records
from connectors.idoc.sending import Drop, Sender, Way, built_by
from connectors.idoc.service import Service
from connectors.idoc.settings import IdocResource, IdocSettings
from hub.contract import Change, Context, Found, Outcome, Page, Probe, Query, Resource, require_resource
from hub.doctor.discovery import Discovered
from hub.doctor.steps import Said, Step, skipped, walk, warned
from hub.doctor.web import authentication, clock, reaching
from hub.errors import ConfigError
from hub.place import Entry, Place, checked, place, require_marker, whole
from hub.untrusted import XML_LIMIT


class Idocs:
    """IDocs of one system."""

    def __init__(
        self, context: Context, settings: IdocSettings, resources: Mapping[str, IdocResource]
    ) -> None:
        self._context, self._settings, self._resources = context, settings, resources
        self._folder: Place | None = None
        if settings.folder is not None:
            self._folder = place(settings.folder, settings.options, context.folder)
        self._senders: dict[str, Sender] = {}
        self._service: Service | None = None

    def check(self) -> list[Probe]:
        """The folder is there; what is read names files, and the first of them holds IDocs; what is sent has a
        definition, and a folder that takes files. Nothing is sent."""
        steps = [Step("folder", self._there)] if self._folder is not None else []
        if self._settings.http is not None:
            transport = self._to_sap().transport
            asked = authentication(transport, self._to_sap().ask)
            steps += [*reaching(transport, self._context.folder), asked, clock(transport)]
        for name, declared in self._resources.items():
            if declared.send is not None:
                needed = ("authentication",) if declared.path is None else ("folder",)
                steps.append(Step(f"write {name}", partial(self._writable, declared), needed))
                continue
            steps.append(Step(f"read {name}", partial(self._found, declared), ("folder",)))
            steps.append(Step(f"encoding {name}", partial(self._decoded, declared), (f"read {name}",)))
        return walk(steps)

    def _there(self) -> str:
        self._required().probe()
        return "it is there and can be read"

    def _found(self, declared: IdocResource) -> str:
        return f"{len(self._files(declared))} file(s) at {declared.path}"

    def _decoded(self, declared: IdocResource) -> Said | str:
        files = self._files(declared)
        if not files:
            return skipped("no file has come yet")
        found = self._records(files[0], self._laid_out(declared))
        return f"{declared.format}: {len(found)} IDocs in {files[0].name}"

    def _writable(self, declared: IdocResource) -> Said | str:
        found = built_by(self._context.folder, declared)
        known = f"{sum(1 for _ in found.walk())} kinds of segments are known"
        if declared.path is None:
            self._to_sap()
            return skipped(f"{known}; whether SAP has a partner profile for them cannot be asked without sending")
        may = self._required().writable()
        if may is None:
            return skipped(f"{known}; whether the folder takes files cannot be asked without writing")
        if not may:
            return warned(
                "folder.readonly", "the hub may not write into the folder",
                "give its user the right to write there, where an exchange sends IDocs",
            )  # fmt: skip
        return f"{known}, and the folder takes files"

    def resource(self, name: str) -> Resource:
        found = describe(self._context, None, name, self._declared(name))
        assert found is not None
        return found

    def read(self, query: Query) -> Iterator[Page]:
        """ConfigError ``idoc.send_only`` for a resource that is sent."""
        declared = self._declared(query.resource.name)
        if declared.send is not None:
            raise ConfigError(
                "idoc.send_only", f"{query.resource.name} is sent, and cannot be read", where=query.resource.name,
                hint="declare another resource with path: and without send: for reading",
            )  # fmt: skip
        declared = self._laid_out(declared)
        files = since(self._files(declared), query.since)
        return pages(files, lambda entry: self._records(entry, declared), declared.path or "")

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        """One message for each change. Outcomes tell that it was handed over, never what SAP made of it."""
        name = resource.name
        if name not in self._senders:
            declared = self._declared(name)
            if declared.send is None:
                raise ConfigError(
                    "idoc.read_only", f"{name} is read, and nothing is sent by it", where=name,
                    hint="declare another resource with send:",
                )  # fmt: skip
            place = f"{self._context.system}\n{name}"
            self._senders[name] = Sender(self._context.folder, place, declared, self._way(declared))
        return self._senders[name].deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        """ConfigError ``write.find``, always."""
        raise ConfigError(
            "write.find", "a message that was sent cannot be looked up", where=resource.name,
            hint="SAP tells what became of it: transaction WE02, or an acknowledgement by another message",
        )  # fmt: skip

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        return discovered(self._required().find("*"), names, self._records)

    def close(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            service.close()

    def _required(self) -> Place:
        if self._folder is None:
            raise ConfigError(
                "folder.missing", "the system has no folder:", hint="write folder: in the system's file"
            )
        return self._folder

    def _way(self, declared: IdocResource) -> Way:
        return Drop(self._required(), declared) if declared.path is not None else self._to_sap()

    def _to_sap(self) -> Service:
        if self._settings.http is None:
            raise ConfigError(
                "idoc.nowhere", "the system has no http:, and the resource no path:",
                hint="write path: with {DOCNUM} to send into the folder, or http: in the system's file",
            )  # fmt: skip
        if self._service is None:
            self._service = Service(self._context, self._settings.http)
        return self._service

    def _records(self, entry: Entry, declared: IdocResource) -> list[dict[str, Any]]:
        return records(whole(self._required(), entry, XML_LIMIT), declared, entry.name)

    def _declared(self, name: str) -> IdocResource:
        return require_resource(self._resources, name)

    def _laid_out(self, declared: IdocResource) -> IdocResource:
        """With the layouts of the definition, where the file is flat and says no other."""
        if not declared.definition or declared.format != "flat":
            return declared
        told = layouts(kind(self._context.folder, declared.definition))
        return declared.model_copy(update={"segments": {**told, **declared.segments}})

    def _files(self, declared: IdocResource) -> list[Entry]:
        """The files at rest, by name."""
        folder = self._required()
        folder.probe()
        files = folder.find(checked(declared.path or ""))
        for entry in files:
            require_marker(folder, entry, declared.done)
        return files
