"""Where files lie: a local folder, or a folder behind an fsspec URL. The one place that opens either.

Nothing outside the folder is ever opened: a path may not be absolute nor hold ``..``, and a link that
leads out of it is refused.
"""

from __future__ import annotations

import importlib
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol, cast

from hub.contract import Secret
from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable

# fsspec knows protocols that would leave the hub's guarded transport or chain into archives.
PROTOCOLS = frozenset(
    ["file", "memory", "sftp", "ssh", "s3", "gs", "gcs", "abfs", "az", "webdav", "ftp", "smb"]
)
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: its name below the folder, its address there, and what changes when it changes."""

    name: str
    address: str
    size: int
    stamp: str
    modified: float | None


class Place(Protocol):
    """What a folder can do, wherever it lies."""

    def probe(self) -> None:
        """Raise where the folder cannot be used."""
        ...

    def writable(self) -> bool | None:
        """Whether the hub may write there; None where only writing would tell."""
        ...

    def find(self, pattern: str) -> list[Entry]:
        """The files that the pattern names, sorted by name."""
        ...

    def again(self, entry: Entry) -> Entry:
        """The same file as it is now."""
        ...

    def open(self, entry: Entry) -> BinaryIO: ...

    def local(self, entry: Entry) -> Path | None:
        """The file's path on this host, None where it is elsewhere."""
        ...

    def replacing(self, name: str) -> Any:
        """Context of a new file that takes the place of ``name`` when the context ends well."""
        ...


def checked(path: str) -> str:
    """The path as written, refused where it would leave the folder."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if not parts or path.startswith(("/", "~")) or ".." in parts or "\0" in path or re.match(r"^\w+:", path):
        raise ConfigError(
            "path.outside",
            f"the path {path!r} does not lie below the system's folder",
            hint="write a path relative to the folder of the system, without '..'",
        )
    return path


class Local:
    """A folder of this machine (or one mounted on it)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder.resolve()

    def probe(self) -> None:
        if not self._root.is_dir():
            raise ConfigError(
                "folder.missing",
                f"the folder {self._folder} does not exist",
                hint="create or mount it, or mend folder: of the system",
            )
        if not os.access(self._root, os.R_OK | os.X_OK):
            raise AuthError("folder.denied", f"the hub may not read the folder {self._folder}")

    def writable(self) -> bool | None:
        return os.access(self._root, os.W_OK | os.X_OK)

    def find(self, pattern: str) -> list[Entry]:
        self.probe()
        if _PATTERN.search(pattern):
            # Names with a leading dot are files being written, by us and by many others.
            paths = sorted(p for p in self._root.glob(pattern) if p.is_file() and not p.name.startswith("."))
        else:
            paths = [self._root / pattern]
        return [self._entry(path) for path in paths if path.is_file()]

    def _entry(self, path: Path) -> Entry:
        name = path.relative_to(self._root).as_posix()
        real = path.resolve()
        if not real.is_relative_to(self._root):
            raise ConfigError(
                "path.outside",
                f"{name} is a link that leads out of the folder",
                hint="put the file itself there, or mend folder: of the system",
            )
        state = real.stat()
        return Entry(
            name,
            str(real),
            state.st_size,
            f"{state.st_size}:{state.st_mtime_ns}:{state.st_ino}",
            state.st_mtime,
        )

    def again(self, entry: Entry) -> Entry:
        path = self._root / entry.name
        if not path.is_file():
            raise Retriable("file.changed", "the file vanished while it was read", where=entry.name)
        return self._entry(path)

    def local(self, entry: Entry) -> Path | None:
        return Path(entry.address)

    def open(self, entry: Entry) -> BinaryIO:
        try:
            return open(entry.address, "rb", buffering=0)
        except PermissionError as error:
            raise AuthError("file.denied", "the hub may not read the file", where=entry.name) from error

    @contextmanager
    def replacing(self, name: str) -> Iterator[BinaryIO]:
        self.probe()
        target = self._root / name
        if not target.parent.resolve().is_relative_to(self._root) or target.is_symlink():
            raise ConfigError("path.outside", f"{name} is or lies behind a link that leads out of the folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{socket.gethostname()}-{os.getpid()}.tmp")
        _sweep(target)
        try:
            with open(beside, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, target)
        except PermissionError as error:
            raise AuthError("file.denied", "the hub may not write here", where=name) from error
        except OSError as error:
            raise Retriable(
                "file.write",
                f"writing failed: {error.strerror}",
                where=name,
                hint="the old file is as it was; make room or mend the folder, then run again",
            ) from error
        finally:
            beside.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _sweep(target: Path) -> None:
    """Remove what killed processes of this host left of the same file. A host that mounts the folder as
    well has processes of its own."""
    for left in target.parent.glob(f".{escape(target.name)}.{escape(socket.gethostname())}-*.tmp"):
        pid = left.name.removesuffix(".tmp").rpartition("-")[2]
        try:
            os.kill(int(pid), 0)
        except ValueError:
            continue
        except ProcessLookupError:
            left.unlink(missing_ok=True)
        except PermissionError:  # it lives, as another user
            continue


class Remote:
    """A folder behind an fsspec URL."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url
        self._options = options
        self._opened: tuple[Any, str] | None = None

    def _system(self) -> tuple[Any, str]:
        if self._opened is None:
            fsspec = importlib.import_module("fsspec.core")  # 0.1 s, and only for remote folders
            try:
                system, root = fsspec.url_to_fs(self._url, **self._options)
            except (ImportError, ValueError) as error:
                raise ConfigError(
                    "folder.protocol",
                    f"the protocol of {_protocol(self._url)}:// cannot be used: {type(error).__name__}",
                    hint="install the package that fsspec names for this protocol",
                ) from error
            except PermissionError as error:
                raise AuthError("folder.denied", "the server refused the log-in or the folder") from error
            except OSError as error:
                raise Retriable("folder.unreachable", _silent(error)) from error
            self._opened = (system, root.rstrip("/"))
        return self._opened

    def probe(self) -> None:
        system, root = self._system()
        if not _foreign(lambda: system.isdir(root or "/")):
            raise ConfigError("folder.missing", f"the folder {root or '/'} does not exist there")

    def writable(self) -> bool | None:
        return None

    def find(self, pattern: str) -> list[Entry]:
        system, root = self._system()
        system.invalidate_cache()
        if _PATTERN.search(pattern):
            found = _foreign(lambda: system.glob(f"{root}/{pattern}", detail=True))
            files = [path for path, facts in found.items() if facts.get("type") == "file"]
            paths = sorted(path for path in files if not PurePosixPath(path).name.startswith("."))
        else:
            paths = [f"{root}/{pattern}"] if _foreign(lambda: system.isfile(f"{root}/{pattern}")) else []
        return [self._entry(path) for path in paths]

    def _entry(self, path: str) -> Entry:
        system, root = self._system()
        system.invalidate_cache()
        facts = _foreign(lambda: system.info(path))
        tags = ("ETag", "etag", "mtime", "LastModified", "created")
        stamp = next((facts[tag] for tag in tags if facts.get(tag)), "")
        modified = facts.get("mtime") or facts.get("LastModified")
        moment = modified.timestamp() if hasattr(modified, "timestamp") else modified
        return Entry(
            path.removeprefix(root).lstrip("/"),
            path,
            int(facts["size"]),
            f"{facts['size']}:{stamp}",
            float(moment) if isinstance(moment, int | float) else None,
        )

    def again(self, entry: Entry) -> Entry:
        return self._entry(entry.address)

    def local(self, entry: Entry) -> Path | None:
        return None

    def open(self, entry: Entry) -> BinaryIO:
        system, _ = self._system()
        return cast(BinaryIO, _foreign(lambda: system.open(entry.address, "rb")))

    @contextmanager
    def replacing(self, name: str) -> Iterator[BinaryIO]:
        system, root = self._system()
        path = PurePosixPath(root) / name
        beside = str(path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.tmp"))
        try:
            with _told():
                with system.open(beside, "wb") as stream:
                    yield stream
                system.mv(beside, str(path))
        finally:
            with suppress(OSError):
                if system.exists(beside):
                    system.rm(beside)


@contextmanager
def _told() -> Iterator[None]:
    """Errors of a remote file system become ours, without their texts, which may hold addresses with credentials."""
    try:
        yield
    except HubError:
        raise
    except FileNotFoundError as error:
        raise Retriable("file.changed", "the file or its folder vanished") from error
    except PermissionError as error:
        raise AuthError("folder.denied", "the server refused the folder or the file") from error
    except OSError as error:
        raise Retriable("folder.unreachable", _silent(error)) from error


def _foreign(call: Any) -> Any:
    """Run one call of a remote file system."""
    with _told():
        return call()


def _silent(error: Exception) -> str:
    return f"the server does not answer: {type(error).__name__}"


def _protocol(url: str) -> str:
    return url.split("://", 1)[0].lower()


def place(folder: str, options: Mapping[str, Secret | int | bool], config: str) -> Place:
    """The place that ``folder`` names; relative folders start at the workspace's ``config``. ``options`` are those
    of the fsspec file system of a URL."""
    if "::" in folder:
        raise ConfigError("folder.protocol", "chained addresses are not allowed as folder")
    if "://" not in folder:
        return Local(Path(config) / folder)
    if _protocol(folder) not in PROTOCOLS:
        raise ConfigError(
            "folder.protocol",
            f"the protocol {_protocol(folder)} is not allowed as folder",
            hint=f"one of {', '.join(sorted(PROTOCOLS))}",
        )
    if _protocol(folder) == "file":
        return Local(Path(folder.removeprefix("file://")))
    told = {name: one.reveal() if isinstance(one, Secret) else one for name, one in options.items()}
    return Remote(folder, told)


def require_marker(place: Place, entry: Entry, done: str | None) -> None:
    """Retriable ``file.unfinished`` where the marker that ``done`` names ({name}: the file's) is not there yet."""
    if done is None:
        return
    name = marker(entry.name, done)
    if not place.find(checked(name)):
        raise Retriable("file.unfinished", f"its marker {name.rpartition('/')[2]} is not there", where=entry.name)


def marker(name: str, done: str) -> str:
    """Where the marker of a file lies: beside it.

    >>> marker("out/a.xml", "{name}.done")
    'out/a.xml.done'
    """
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{done.replace('{name}', file)}"


def require_unchanged(place: Place, entry: Entry) -> None:
    """Retriable ``file.changed`` where the file is not as it was found."""
    if place.again(entry).stamp != entry.stamp:
        raise Retriable(
            "file.changed",
            "the file was changed while it was read",
            where=entry.name,
            hint="let the writer write beside and rename, or declare done: or settle:",
        )


def whole(place: Place, entry: Entry, limit: int) -> bytes:
    """All bytes of a file that is the same before and after. Fatal ``file.large`` above ``limit``."""
    parts, left = [], limit + 1
    with _told(), place.open(entry) as stream:
        while left and (part := stream.read(left)):
            parts.append(part)
            left -= len(part)
    require_unchanged(place, entry)
    if not left:
        raise Fatal(
            "file.large", f"the file has more than {limit >> 20} MB", where=entry.name,
            hint="let the writer begin a new file more often; nothing of this one was used",
        )  # fmt: skip
    return b"".join(parts)
