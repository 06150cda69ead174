"""The files of a place, read one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from connectors.idoc import IdocResource, IdocSettings, Segment, describe
from connectors.idoc.definition import fields, layouts
from connectors.idoc.discovery import discovered
from connectors.idoc.parsing import records
from hub.contract import Context, Page, Probe, Query, Resource, require_resource
from hub.doctor.discovery import Discovered
from hub.doctor.steps import Said, Step, skipped, walk
from hub.place import Entry, Place, checked, place, require_marker, whole
from hub.untrusted import XML_LIMIT

_ENCODE = msgspec.json.Encoder().encode_lines


class Idocs:
    """IDocs of a folder as a source."""

    def __init__(
        self, context: Context, settings: IdocSettings, resources: Mapping[str, IdocResource]
    ) -> None:
        self._context, self._resources = context, resources
        self._place: Place = place(settings.folder, settings.options, context.folder)

    def check(self) -> list[Probe]:
        """The folder is there; each resource names files, and the first of them holds IDocs."""
        steps = [Step("folder", self._folder)]
        for name, declared in self._resources.items():
            steps.append(Step(f"read {name}", partial(self._found, declared), ("folder",)))
            steps.append(Step(f"encoding {name}", partial(self._decoded, declared), (f"read {name}",)))
        return walk(steps)

    def _folder(self) -> str:
        self._place.probe()
        return "it is there and can be read"

    def _found(self, declared: IdocResource) -> str:
        return f"{len(self._files(declared))} file(s) at {declared.path}"

    def _decoded(self, declared: IdocResource) -> Said | str:
        files = self._files(declared)
        if not files:
            return skipped("no file has come yet")
        found = self._records(files[0], self._laid_out(declared))
        return f"{declared.format}: {len(found)} IDocs in {files[0].name}"

    def resource(self, name: str) -> Resource:
        found = describe(self._context, None, name, self._declared(name))
        assert found is not None
        return found

    def read(self, query: Query) -> Iterator[Page]:
        declared = self._laid_out(self._declared(query.resource.name))
        files = self._files(declared)
        if not files:  # nothing was sent, or all of it was taken away
            yield Page(b"", 0, declared.path, last=True)
        for number, entry in enumerate(files, 1):
            found = self._records(entry, declared)
            lines = _ENCODE(found).rstrip(b"\n")
            yield Page(lines, len(found), entry.name, 1, number == len(files))

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        return discovered(self._place.find("*"), names, self._records)

    def _records(self, entry: Entry, declared: IdocResource) -> list[dict[str, Any]]:
        return records(whole(self._place, entry, XML_LIMIT), declared, entry.name)

    def close(self) -> None:
        """Nothing is held open."""

    def _declared(self, name: str) -> IdocResource:
        return require_resource(self._resources, name)

    def _laid_out(self, declared: IdocResource) -> IdocResource:
        """With the layouts of the definition, where the file is flat and says no other."""
        if not declared.definition or declared.format != "flat":
            return declared
        told = layouts(fields(self._context.folder, declared.definition))
        made = {start: Segment(name=name, fields=lengths) for start, (name, lengths) in told.items()}
        return declared.model_copy(update={"segments": {**made, **declared.segments}})

    def _files(self, declared: IdocResource) -> list[Entry]:
        """The files at rest, by name."""
        self._place.probe()
        files = self._place.find(checked(declared.path))
        for entry in files:
            require_marker(self._place, entry, declared.done)
        return files
