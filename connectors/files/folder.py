"""Files of one folder: found, read whole or not at all, replaced as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from connectors.files import describe, ndjson
from connectors.files.discovery import discovered
from connectors.files.reading import columns, pages
from connectors.files.settings import FileResource, FilesSettings, Format, format_of, several
from connectors.files.writing import write
from hub.contract import (
    Change,
    Context,
    Field,
    Found,
    LocalFile,
    Outcome,
    Page,
    Probe,
    Query,
    Resource,
    seconds,
)
from hub.doctor.discovery import Discovered
from hub.doctor.steps import Said, Step, failed, skipped, walk, warned
from hub.errors import ConfigError, Fatal, Retriable
from hub.place import Entry, Place, checked, place, require_marker, require_unchanged

AHEAD = 16 << 20


class Files:
    """Source, and target that replaces whole files."""

    def __init__(
        self, context: Context, settings: FilesSettings, resources: Mapping[str, FileResource]
    ) -> None:
        self._context = context
        self._resources = resources
        self._place: Place = place(settings.folder, settings.options, context.folder)

    def check(self) -> list[Probe]:
        """The folder exists and can be read and written; each resource names files that can be decoded."""
        return walk(self._steps())

    def _steps(self) -> list[Step]:
        steps = [Step("folder", self._folder), Step("writable", self._writable, ("folder",))]
        for name, declared in self._resources.items():
            steps.append(Step(f"read {name}", partial(self._found, declared), ("folder",)))
            steps.append(Step(f"encoding {name}", partial(self._decoded, declared), (f"read {name}",)))
        return steps

    def _folder(self) -> str:
        self._place.probe()
        return "it is there and can be read"

    def _writable(self) -> Said | str:
        may = self._place.writable()
        if may is None:
            return skipped("cannot be asked without writing: the folder is on a server")
        if not may:
            return warned(
                "folder.readonly", "the hub may not write into the folder",
                "give its user the right to write there, where an exchange writes files",
            )  # fmt: skip
        return "the hub may write into it"

    def _found(self, declared: FileResource) -> Said | str:
        found = self._place.find(checked(declared.path))
        if not found:
            return failed(
                "file.missing", f"there is no file {declared.path}", "wait for the writer, or mend path:"
            )
        self._ready(declared)
        return f"{len(found)} file(s) at {declared.path}, {sum(entry.size for entry in found):,} bytes"

    def _decoded(self, declared: FileResource) -> Said | str:
        """The first records of the first file, as a read would take them."""
        entry = self._place.find(checked(declared.path))[0]
        kind = self._format(declared)
        names = columns(kind, declared, entry.name, lambda: self._place.open(entry))
        query = Query(Resource("", declared.key))
        next(iter(pages(kind, declared, entry.name, lambda: self._place.open(entry), query)), None)
        lacking = [name for name in (*declared.key, declared.cursor) if name and names and name not in names]
        if lacking:
            return failed(
                "file.columns", f"{entry.name} has no field {lacking[0]}; it has {', '.join(names[:20])}",
                "mend key: or cursor:; where all names stand in one field, mend delimiter: or encoding:",
            )  # fmt: skip
        return f"{kind}, {declared.encoding}: {len(names)} fields"

    def resource(self, name: str) -> Resource:
        """As declared; the columns of a file that is there fill what is not."""
        declared = self._declared(name)
        described = describe(self._context, None, name, declared)
        if declared.fields or (found := self._place.find(checked(declared.path))) == []:
            return described
        entry = found[0]
        names = columns(self._format(declared), declared, entry.name, lambda: self._place.open(entry))
        return replace(described, fields=tuple(Field(column) for column in names))

    def read(self, query: Query) -> Iterator[Page]:
        declared = self._declared(query.resource.name)
        entries = self._ready(declared)
        seen = frozenset((query.token or "").splitlines())
        held: Page | None = None
        shape: tuple[str, ...] = ()
        for entry in entries:
            if declared.only_new and f"{entry.stamp} {entry.name}" in seen:
                continue
            if query.takes_files and (page := self._by_name(declared, entry)) is not None:
                if held is not None:
                    yield held
                held = None
                yield page
                require_unchanged(self._place, entry)
                continue
            for page in self._whole(declared, entry, query):
                if isinstance(page.records, pa.RecordBatch):
                    page, shape = _aligned(page, shape)
                if held is not None:
                    yield held
                held = page
        token = "\n".join(f"{e.stamp} {e.name}" for e in entries) if declared.only_new else None
        last = held or Page(b"", 0, origin=declared.path)
        yield replace(last, last=True, token=token)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        raise ConfigError(
            "file.whole",
            f"{resource.name} is a file: it is replaced as a whole, not record by record",
            hint="the exchange writes it by a replacing delivery",
        )

    def replace(self, resource: Resource, rows: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        """Write beside and rename; the old file stays where anything fails."""
        declared = self._declared(resource.name)
        if several(declared):
            raise ConfigError(
                "file.pattern",
                f"{declared.path} names several files and cannot be written",
                hint="declare a resource with the path of one file",
            )
        with self._place.replacing(checked(declared.path)) as stream:
            return write(self._format(declared), declared, stream, rows, schema)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        raise ConfigError("file.whole", f"{resource.name} is a file: records are not looked up in it")

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        return discovered(self._place, names)

    def close(self) -> None:
        """Nothing is held open between reads."""

    def _declared(self, name: str) -> FileResource:
        declared = self._resources.get(name)
        if declared is None:
            known = ", ".join(sorted(self._resources)) or "none"
            raise ConfigError(
                "resource.unknown",
                f"the system {self._context.system} has no resource {name}",
                hint=f"declared are: {known}",
            )
        return declared

    def _format(self, declared: FileResource) -> Format:
        found = format_of(declared)
        if found is None:
            raise ConfigError(
                "file.format",
                f"the suffix of {declared.path} tells no format",
                hint="declare format: csv, ndjson, json, excel or parquet",
            )
        return found

    def _ready(self, declared: FileResource) -> list[Entry]:
        """The files of a resource, all there and at rest."""
        entries = self._place.find(checked(declared.path))
        if not entries:
            raise Retriable(
                "file.missing",
                f"there is no file {declared.path}",
                where=declared.path,
                hint="the writer has not delivered yet, or path: is wrong",
            )
        now = (self._context.now or time.time)()
        for entry in entries:
            require_marker(self._place, entry, declared.done)
            if declared.settle and entry.modified is None:
                raise ConfigError(
                    "file.settle",
                    "the server does not tell when a file was changed",
                    where=entry.name,
                    hint="declare done: instead of settle:",
                )
            rest = seconds(declared.settle) - (now - (entry.modified or 0.0)) if declared.settle else 0.0
            if rest > 0:
                raise Retriable(
                    "file.unsettled", "the file has just been changed", where=entry.name, wait=rest
                )
        return entries

    def _whole(self, declared: FileResource, entry: Entry, query: Query) -> Iterator[Page]:
        """The pages of one file, the last of them only after the file has been found unchanged."""
        held: list[Page] = []
        weight = 0
        kind = self._format(declared)
        for page in pages(kind, declared, entry.name, lambda: self._place.open(entry), query):
            held.append(page)
            weight += _weight(page)
            while weight > AHEAD and len(held) > 1:
                first = held.pop(0)
                weight -= _weight(first)
                yield first
        require_unchanged(self._place, entry)
        yield from held

    def _by_name(self, declared: FileResource, entry: Entry) -> Page | None:
        """The file itself as a page, where it is NDJSON of this host and plainly begins and ends as such;
        DuckDB checks its lines as it parses them."""
        path = self._place.local(entry)
        utf8 = self._format(declared) == "ndjson" and declared.encoding in ("utf-8", "auto")
        if not utf8 or path is None or not ndjson.plain(path):
            return None
        return Page(LocalFile(path), -1, origin=entry.name)


def _weight(page: Page) -> int:
    """How many bytes a page holds in memory."""
    if isinstance(page.records, LocalFile):
        return 0
    return page.records.nbytes if isinstance(page.records, pa.RecordBatch) else len(page.records)


def _aligned(page: Page, shape: tuple[str, ...]) -> tuple[Page, tuple[str, ...]]:
    """The page with its columns in the order of the first file's; another set of columns is refused."""
    batch = page.records
    assert isinstance(batch, pa.RecordBatch)
    names = tuple(batch.schema.names)
    if not shape or names == shape:
        return page, shape or names
    if set(names) != set(shape):
        other = ", ".join(sorted(set(names) ^ set(shape)))
        raise Fatal(
            "csv.columns",
            f"its columns are not those of the files before it: {other}",
            where=page.origin,
            hint="files of one resource have the same columns; declare two resources otherwise",
        )
    return replace(page, records=batch.select(list(shape))), shape
