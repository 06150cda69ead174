"""The files of a folder, read one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from connectors.idoc import IdocResource, IdocSettings, Segment, describe
from connectors.idoc.definition import fields, layouts
from connectors.idoc.discovery import discovered
from connectors.idoc.parsing import records
from hub.contract import Context, Page, Probe, Query, Resource, require_resource
from hub.doctor.discovery import Discovered
from hub.doctor.steps import Said, Step, skipped, walk
from hub.errors import AuthError, ConfigError, Fatal, Retriable
from hub.untrusted import XML_LIMIT

_ENCODE = msgspec.json.Encoder().encode_lines


class Idocs:
    """IDocs of a folder as a source."""

    def __init__(
        self, context: Context, settings: IdocSettings, resources: Mapping[str, IdocResource]
    ) -> None:
        self._context, self._resources = context, resources
        self._folder = Path(context.folder) / settings.folder

    def check(self) -> list[Probe]:
        """The folder is there; each resource names files, and the first of them holds IDocs."""
        steps = [Step("folder", self._root)]
        for name, declared in self._resources.items():
            steps.append(Step(f"read {name}", partial(self._found, declared), ("folder",)))
            steps.append(Step(f"encoding {name}", partial(self._decoded, declared), (f"read {name}",)))
        return walk(steps)

    def _root(self) -> str:
        if not self._folder.is_dir():
            raise ConfigError(
                "folder.missing", f"the folder {self._folder} does not exist",
                hint="create or mount it, or mend folder:",
            )  # fmt: skip
        if not os.access(self._folder, os.R_OK | os.X_OK):
            raise AuthError("folder.denied", f"the hub may not read the folder {self._folder}")
        return "it is there and can be read"

    def _found(self, declared: IdocResource) -> str:
        return f"{len(self._files(declared))} file(s) at {declared.path}"

    def _decoded(self, declared: IdocResource) -> Said | str:
        files = self._files(declared)
        if not files:
            return skipped("no file has come yet")
        found = records(self._text(files[0]), self._laid_out(declared), files[0].name)
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
        for number, path in enumerate(files, 1):
            found = records(self._text(path), declared, path.name)
            lines = _ENCODE(found).rstrip(b"\n")
            yield Page(lines, len(found), path.name, 1, number == len(files))

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        self._root()
        return discovered(self._folder, names, self._records)

    def _records(self, path: Path, declared: IdocResource) -> list[dict[str, Any]]:
        return records(self._text(path), declared, path.name)

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

    def _files(self, declared: IdocResource) -> list[Path]:
        """The files at rest, by name. None outside of the folder is ever read."""
        root = self._folder.resolve()
        self._root()
        if declared.path.startswith("/") or ".." in Path(declared.path).parts:
            raise ConfigError("path.outside", f"the path {declared.path!r} does not lie below the folder")
        files = sorted(path for path in root.glob(declared.path) if path.is_file() and path.name[0] != ".")
        for path in files:
            if not path.resolve().is_relative_to(root):
                raise ConfigError("path.outside", f"{path.name} is a link that leads out of the folder")
            if declared.done and not path.with_name(declared.done.format(name=path.name)).exists():
                raise Retriable("file.unfinished", "its marker is not there", where=path.name)
        return files

    @staticmethod
    def _text(path: Path) -> bytes:
        before = path.stat()
        with path.open("rb") as stream:
            text = stream.read(XML_LIMIT + 1)
        after = path.stat()
        if _stamp(before) != _stamp(after):
            raise Retriable("file.changed", "the file was changed while it was read", where=path.name)
        if len(text) > XML_LIMIT:
            raise Fatal(
                "file.large", f"the file has more than {XML_LIMIT >> 20} MB", where=path.name,
                hint="let the writer begin a new file more often; nothing of this one was used",
            )  # fmt: skip
        return text


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns
