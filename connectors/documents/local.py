"""Documents in a folder of this host, or one mounted on it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from connectors.documents.tree import PIECE, Changed, Entry, checked
from hub.contract import Content
from hub.errors import AuthError, ConfigError, Fatal, Retriable
from hub.place import Local


class LocalTree:
    """A folder. No link is followed, and nothing outside of it is ever opened."""

    def __init__(self, folder: Path) -> None:
        self._place = Local(folder)
        self._root = folder.resolve()

    def probe(self) -> None:
        self._place.probe()

    def walk(self, folder: str) -> Iterator[Entry]:
        self.probe()
        start = self._root / checked(folder) if folder else self._root
        if not start.resolve().is_relative_to(self._root):
            raise ConfigError("path.outside", f"{folder} is a link that leads out of the folder")
        if not start.is_dir():
            raise Retriable("folder.missing", f"there is no folder {folder}", where=folder)
        yield from self._below(start)

    def _below(self, folder: Path) -> Iterator[Entry]:
        try:
            found = sorted(os.scandir(folder), key=lambda one: one.name)
        except PermissionError as error:
            raise AuthError("folder.denied", f"the hub may not read the folder {folder.name}") from error
        for one in found:
            path = Path(one.path).relative_to(self._root).as_posix()
            if one.is_symlink():
                yield Entry(path, 0, None, "", "it is a link: only files themselves are taken")
            elif one.is_dir(follow_symlinks=False):
                yield from self._below(Path(one.path))
            elif one.is_file(follow_symlinks=False):
                try:
                    yield _entry(path, one.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue
            else:
                yield Entry(path, 0, None, "", "it is neither a file nor a folder")

    def entry(self, path: str) -> Entry | None:
        try:
            state = self._inside(path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(state.st_mode):
            return Entry(path, 0, None, "", "it is no file")
        return _entry(path, state)

    def pieces(self, path: str) -> Iterator[bytes]:
        try:
            handle = os.open(self._inside(path), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError as error:
            raise Retriable("file.changed", "the file vanished", where=path) from error
        except PermissionError as error:
            raise AuthError("file.denied", "the hub may not read the file", where=path) from error
        with os.fdopen(handle, "rb", buffering=0) as stream:
            while piece := stream.read(PIECE):
                yield piece

    def write(self, path: str, content: Content, expected: str | None) -> Entry:
        self._require(path, expected)
        with self._place.replacing(path) as stream:
            for piece in content.chunks():
                stream.write(piece)
            stream.flush()
            _require_whole(Path(stream.name), content, path)
            self._require(path, expected)
        found = self.entry(path)
        if found is None:
            raise Retriable("file.changed", "the file vanished when it was written", where=path)
        return found

    def move(self, path: str, target: str, expected: str) -> Entry:
        self._require(path, expected)
        self._require(target, None)
        there = self._inside(target)
        there.parent.mkdir(parents=True, exist_ok=True)
        os.link(self._inside(path), there, follow_symlinks=False)  # fails where somebody was faster
        self._inside(path).unlink()
        found = self.entry(target)
        assert found is not None
        return found

    def remove(self, path: str, expected: str) -> None:
        self._require(path, expected)
        self._inside(path).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held open."""

    def _require(self, path: str, expected: str | None) -> None:
        there = self.entry(path)
        if (there.revision if there else None) != expected:
            raise Changed("document.changed", "the document is not the one that was last seen", where=path)

    def _inside(self, path: str) -> Path:
        found = self._root / path
        if not found.parent.resolve().is_relative_to(self._root):
            raise ConfigError("path.outside", f"{path} lies behind a link that leads out of the folder")
        return found


def _entry(path: str, state: os.stat_result) -> Entry:
    return Entry(path, state.st_size, state.st_mtime, f"{state.st_size}:{state.st_mtime_ns}:{state.st_ino}")


def _require_whole(part: Path, content: Content, path: str) -> None:
    """What was written is read again before it takes the old one's place."""
    whole = hashlib.sha256()
    with part.open("rb") as stream:
        while piece := stream.read(PIECE):
            whole.update(piece)
    if whole.hexdigest() != content.sha256:
        raise Fatal("document.torn", "what was written is not what was sent", where=path, hint="look at the disk")
