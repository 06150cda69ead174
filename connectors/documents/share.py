"""Documents of a share: source, target, and what they hold."""

from __future__ import annotations

import datetime as dt
import mimetypes
import time
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from connectors.documents import describe
from connectors.documents.local import LocalTree
from connectors.documents.remote import RemoteTree
from connectors.documents.settings import DocumentFolder, ShareSettings, scheme
from connectors.documents.tree import Changed, Entry, Tree, checked, hostile
from hub.contract import (
    Change,
    Context,
    Found,
    Outcome,
    Page,
    Probe,
    Query,
    Resource,
    require_resource,
    seconds,
)
from hub.doctor.steps import Step, walk
from hub.errors import AuthError, RecordRejected, Retriable

PAGE = 500
REFUSED = "refused"


class Share:
    """Source, target and documents of one folder, wherever it lies."""

    def __init__(self, context: Context, settings: ShareSettings, resources: Mapping[str, DocumentFolder]) -> None:
        self._resources, self._now = resources, context.now or time.time
        config = Path(context.folder)
        self._tree: Tree
        if scheme(settings.url):
            self._tree = RemoteTree(settings, config)
        else:
            self._tree = LocalTree(config / settings.url)

    def check(self) -> list[Probe]:
        """The folder can be listed, and so can each resource's."""
        steps = [Step("folder", self._probed)]
        steps += [Step(f"read {name}", partial(self._counted, name), ("folder",)) for name in self._resources]
        return walk(steps)

    def _probed(self) -> str:
        self._tree.probe()
        return "it is there and can be read"

    def _counted(self, name: str) -> str:
        found = list(self._entries(name))
        refused = sum(bool(one.refused) for one in found)
        return f"{len(found)} documents, {sum(one.size for one in found):,} bytes; {refused} are not taken"

    def resource(self, name: str) -> Resource:
        found = describe(Context(""), None, name, require_resource(self._resources, name))
        assert found is not None
        return found

    # ------------------------------------------------------------ source

    def read(self, query: Query) -> Iterator[Page]:
        """All of them, a page at a time, with how many there are."""
        name = query.resource.name
        entries = list(self._entries(name))
        for start in range(0, len(entries) or 1, PAGE):
            some = entries[start : start + PAGE]
            yield Page(
                b"\n".join(msgspec.json.encode(self._record(name, one)) for one in some),
                len(some),
                origin=name,
                first=start + 1,
                last=start + PAGE >= len(entries),
                announced=len(entries),
            )

    def content(self, resource: Resource, record: Mapping[str, Any]) -> Iterator[bytes]:
        """See ``hub.contract.Documents``."""
        if why := record.get(REFUSED):
            raise RecordRejected("document.refused", f"the document is not taken: {why}")
        path, declared = self._path(resource.name, record["path"]), require_resource(self._resources, resource.name)
        self._require(path, str(record["revision"]), seconds(declared.settle))
        yield from self._tree.pieces(path)
        self._require(path, str(record["revision"]))

    def _require(self, path: str, revision: str, settle: float = 0.0) -> None:
        there = self._tree.entry(path)
        if there is None or there.revision != revision:
            raise Retriable("file.changed", "the document was changed while it was read", where=path)
        rest = settle - (self._now() - (there.modified or 0.0))
        if rest > 0:
            raise Retriable("file.unsettled", "the document has just been changed: it may be written still", wait=rest)

    def _entries(self, name: str) -> Iterator[Entry]:
        declared = require_resource(self._resources, name)
        for one in self._tree.walk(declared.path):
            parts = self._below(declared, one.path).split("/")
            if any(fnmatchcase(part, sign) for part in parts for sign in declared.ignore):
                continue
            if not declared.only or any(fnmatchcase(parts[-1].lower(), sign.lower()) for sign in declared.only):
                yield one

    @staticmethod
    def _below(declared: DocumentFolder, path: str) -> str:
        return path.removeprefix(f"{declared.path.strip('/')}/") if declared.path else path

    def _record(self, name: str, one: Entry) -> dict[str, Any]:
        path = self._below(require_resource(self._resources, name), one.path)
        why = one.refused or hostile(path)
        if why:
            path = path.encode("utf-8", "backslashreplace").decode()
        folder, _, file = path.rpartition("/")
        record: dict[str, Any] = {
            "path": path,
            "name": file,
            "folder": folder,
            "media_type": mimetypes.guess_type(file)[0] or "application/octet-stream",
            "size": one.size,
            "modified": None,
            "revision": one.revision,
        }
        if one.modified is not None:
            moment = dt.datetime.fromtimestamp(one.modified, dt.UTC)
            record["modified"] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return record | ({REFUSED: why} if why else {})

    def _path(self, name: str, path: object) -> str:
        folder = require_resource(self._resources, name).path.strip("/")
        return f"{folder}/{checked(path)}" if folder else checked(path)

    # ------------------------------------------------------------ target

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        """One after the other: each is all there, or not at all."""
        return [self._delivered(resource.name, change) for change in changes]

    def _delivered(self, name: str, change: Change) -> Outcome:
        try:
            return self._written(name, change)
        except Changed as error:
            return Outcome("conflict", code=error.code, message=error.message)
        except RecordRejected as error:
            return Outcome("rejected", code=error.code, message=error.message)
        except Retriable as error:  # a file takes its place at once, at the very end: it may have
            return Outcome("unknown", code=error.code, message=error.message, wait=error.wait)
        except AuthError as error:
            return Outcome("rejected", code=error.code, message=error.message)

    def _written(self, name: str, change: Change) -> Outcome:
        path = self._path(name, change.key.get("path"))
        expected = None if change.operation == "create" else change.version or self._revision(path)
        if change.operation == "delete":
            if expected is not None and self._tree.entry(path) is not None:
                self._tree.remove(path, expected)
            return Outcome("done", path)
        target = self._path(name, change.values.get("path", change.key.get("path")))
        if target != path and expected is not None:
            expected, path = self._tree.move(path, target, expected).revision, target
        if change.content is None:
            if expected is None:
                raise RecordRejected("document.no_content", "a document without content is not made")
            return Outcome("done", target, expected)
        entry = self._tree.write(path, change.content, expected)
        return Outcome("done", target, entry.revision)

    def _revision(self, path: str) -> str | None:
        there = self._tree.entry(path)
        return there.revision if there else None

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        return [self._found(resource.name, key) for key in keys]

    def _found(self, name: str, key: Mapping[str, Any]) -> Found | None:
        there = self._tree.entry(self._path(name, key.get("path")))
        return Found(there.path, there.revision, self._record(name, there)) if there else None

    def close(self) -> None:
        self._tree.close()
