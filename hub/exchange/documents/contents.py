"""The content store: what documents hold, each content once, by the SHA-256 of its bytes.

A content is written beside and takes its place when all of it is there and its hash is known: what has the name of a
hash is whole. It is never changed; what nobody wants any more is removed (``retention``).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import fsspec

from hub.contract import Content
from hub.errors import Fatal, RecordRejected
from hub.failpoints import reach

PIECE = 1 << 20
PARTS = "parts"
EMPTY = hashlib.sha256().hexdigest()
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A content as it lies in the store; ``size`` in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Contents:
    """A folder, local or behind an fsspec URL, with what its file system needs to be opened; ``largest`` in bytes."""

    place: str
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    largest: int = 4 << 30

    def put(self, pieces: Iterable[bytes]) -> Stored:
        """Store a content; nothing of it stays where its pieces or the store fail. RecordRejected ``content.large``,
        Fatal ``content.unwritable``, and what the pieces raise."""
        files, root = self._opened()
        part = f"{root}/{PARTS}/{uuid.uuid4().hex}.part"
        whole, size = hashlib.sha256(), 0
        try:
            with self._writing(files, part) as stream:
                for piece in pieces:
                    size += len(piece)
                    if size > self.largest:
                        raise RecordRejected(
                            "content.large",
                            f"the document holds more than {self.largest >> 20} MB",
                            hint="raise contents.largest in config/hub.yaml, or leave the document out by where:",
                        )
                    whole.update(piece)
                    with self._told():
                        stream.write(piece)
            found = Stored(whole.hexdigest(), size)
            reach("after_content")
            with self._told():
                path = self._path(root, found.sha256)
                if _local(files) and files.exists(path) and files.size(path) == size:
                    os.utime(path)  # it is stored anew: no sweep takes it away
                else:
                    files.makedirs(path.rpartition("/")[0], exist_ok=True)
                    files.mv(part, path)
            return found
        finally:
            with contextlib.suppress(OSError):
                if files.exists(part):
                    files.rm_file(part)

    @contextlib.contextmanager
    def _writing(self, files: Any, part: str) -> Iterator[BinaryIO]:
        with self._told():
            files.makedirs(part.rpartition("/")[0], exist_ok=True)
            stream = files.open(part, "wb")
        try:
            yield cast(BinaryIO, stream)
            with self._told():
                stream.flush()
                if _local(files):
                    os.fsync(stream.fileno())
        except BaseException:
            _abandon(stream, local=_local(files))
            raise
        with self._told():
            stream.close()

    def size(self, sha256: str) -> int | None:
        """How many bytes it has; None where the store does not have it."""
        files, root = self._opened()
        with self._told():
            try:
                return int(files.size(self._path(root, sha256)))
            except FileNotFoundError:
                return None

    def content(self, sha256: str) -> Content | None:
        """What is delivered to a target; None where the store does not have it."""
        size = self.size(sha256)
        return None if size is None else Content(sha256, size, lambda: self.verified(sha256))

    def verified(self, sha256: str) -> Iterator[bytes]:
        """Its bytes from the first to the last; Fatal ``content.changed`` behind the last where they are others."""
        whole = hashlib.sha256()
        for piece in self.pieces(sha256):
            whole.update(piece)
            yield piece
        if whole.hexdigest() != sha256:
            raise Fatal(
                "content.changed",
                f"the content {sha256[:12]} of the store was changed",
                where=self.place,
                hint="restore the content store from a backup; what has another hash is not sent anywhere",
            )

    def pieces(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Its bytes from ``start`` to before ``end``, unverified; Fatal ``content.missing``."""
        files, root = self._opened()
        try:
            stream = files.open(self._path(root, sha256), "rb")
        except FileNotFoundError as error:
            raise Fatal(
                "content.missing",
                f"the content store has no {sha256[:12]}",
                where=self.place,
                hint="restore the content store from a backup, or read the documents again: cophub run EXCHANGE --full",
            ) from error
        with stream:
            stream.seek(start)
            left = None if end is None else end - start
            while left is None or left > 0:
                piece = stream.read(PIECE if left is None else min(PIECE, left))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece

    def stored_before(self, moment: dt.datetime) -> Iterator[str]:
        """The hashes of what was stored, or stored again, before a moment; parts that were left are removed."""
        files, root = self._opened()
        for folder in _listed(files, root):
            for facts in _listed(files, folder["name"]):
                name = facts["name"].rpartition("/")[2]
                if _modified(facts) >= moment:
                    continue
                if folder["name"].rpartition("/")[2] == PARTS:
                    with contextlib.suppress(OSError):
                        files.rm_file(facts["name"])
                elif _NAME.fullmatch(name):
                    yield name

    def drop(self, sha256: str, before: dt.datetime) -> bool:
        """Remove what nobody wants any more, unless it was stored anew meanwhile; answers whether it is gone."""
        files, root = self._opened()
        path = self._path(root, sha256)
        with contextlib.suppress(OSError):
            if _modified(files.info(path)) < before:
                files.rm_file(path)
                return True
        return False

    def _opened(self) -> tuple[Any, str]:
        files, root = fsspec.core.url_to_fs(self.place, **self.options)
        return files, root.rstrip("/")

    @staticmethod
    def _path(root: str, sha256: str) -> str:
        if not _NAME.fullmatch(sha256):  # it may come from a record
            raise RecordRejected("content.name", "what names a content is no SHA-256 in lower-case hexadecimal")
        return f"{root}/{sha256[:2]}/{sha256}"

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Fatal(
                "content.unwritable",
                f"the content store cannot be used: {error.strerror or type(error).__name__}",
                where=self.place,
                hint="make room there, or mend contents in config/hub.yaml; then run again",
            ) from error


def _abandon(stream: Any, *, local: bool) -> None:
    """A file of a server would be made by closing it."""
    if local or not hasattr(stream, "discard"):
        stream.close()
    else:
        stream.discard()
        stream.closed = True


def _local(files: Any) -> bool:
    return "file" in (files.protocol if isinstance(files.protocol, tuple) else (files.protocol,))


def _listed(files: Any, folder: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = files.ls(folder, detail=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return found


def _modified(facts: dict[str, Any]) -> dt.datetime:
    moment = facts.get("mtime") or facts.get("LastModified") or facts.get("created")
    if isinstance(moment, dt.datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return dt.datetime.fromtimestamp(float(moment or 0), dt.UTC)
