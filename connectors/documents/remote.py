"""Documents on an SFTP server (sshfs, asyncssh) or in an S3 bucket (s3fs), both by fsspec."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.documents.settings import ShareSettings, scheme
from connectors.documents.tree import PIECE, Changed, Entry
from hub.contract import Content, seconds
from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable

EXTRA = "install the extra documents: pip install 'cophub[documents]'"


class RemoteTree:
    """A folder of a file system of fsspec. ``beside`` says that a file is written under another name first and renamed
    over the old one, as a server's files can be seen while they are written; a bucket's cannot."""

    def __init__(self, settings: ShareSettings, config: Path) -> None:
        self._settings, self._config = settings, config
        self._beside = scheme(settings.url) == "sftp"
        self._opened: tuple[Any, str] | None = None

    def _system(self) -> tuple[Any, str]:
        if self._opened is None:
            with _told():
                self._opened = self._sftp() if self._beside else self._s3()
        return self._opened

    def _sftp(self) -> tuple[Any, str]:
        settings, parts = self._settings, urlsplit(self._settings.url)
        system = _imported("sshfs").SSHFileSystem
        keys = self._config / (settings.host_keys or "")
        if not keys.is_file():
            raise ConfigError("document.host_keys", f"there is no file {settings.host_keys}", hint="ssh-keyscan HOST")
        options: dict[str, Any] = {"known_hosts": str(keys), "client_keys": None, "agent_path": None, "config": None}
        if settings.key:
            options["client_keys"] = [_imported("asyncssh").import_private_key(settings.key.reveal())]
        if settings.password:
            options["password"] = settings.password.reveal()
        files = system(
            parts.hostname, port=parts.port or 22, username=settings.user or parts.username,
            connect_timeout=seconds(settings.timeout), skip_instance_cache=True, **options,
        )  # fmt: skip
        return files, unquote(parts.path).rstrip("/")

    def _s3(self) -> tuple[Any, str]:
        settings, parts = self._settings, urlsplit(self._settings.url)
        client = {"endpoint_url": settings.endpoint, "region_name": settings.region}
        if settings.ca:
            client["verify"] = str(self._config / settings.ca)
        files = _imported("s3fs").S3FileSystem(
            key=settings.user,
            secret=settings.password.reveal() if settings.password else None,
            client_kwargs={name: value for name, value in client.items() if value},
            config_kwargs={"read_timeout": seconds(settings.timeout), "connect_timeout": seconds(settings.timeout)},
            default_block_size=8 * PIECE, max_concurrency=2, use_listings_cache=False, skip_instance_cache=True,
        )  # fmt: skip
        return files, f"{parts.netloc}{unquote(parts.path)}".rstrip("/")

    def probe(self) -> None:
        files, root = self._system()
        with _told():
            if not files.isdir(root or "/"):
                raise ConfigError("folder.missing", f"the folder {root or '/'} does not exist there")

    def walk(self, folder: str) -> Iterator[Entry]:
        files, root = self._system()
        start = f"{root}/{folder}".rstrip("/")
        with _told():
            found = self._listed(files, start) if self._beside else files.find(start, detail=True).values()
            entries = [self._entry(facts) for facts in found]
        yield from sorted((one for one in entries if one is not None), key=lambda one: one.path)

    def _listed(self, files: Any, folder: str) -> Iterator[dict[str, Any]]:
        """A folder's files and those below; a link is told, not followed."""
        for facts in files.ls(folder, detail=True):
            if facts["type"] == "directory":
                yield from self._listed(files, facts["name"])
            else:
                yield facts

    def _entry(self, facts: dict[str, Any]) -> Entry | None:
        _, root = self._system()
        path = str(facts["name"]).removeprefix(root).lstrip("/")
        if facts["type"] == "directory" or not path or path.endswith("/"):
            return None
        if facts["type"] != "file":
            return Entry(path, 0, None, "", "it is a link, or no file: only files themselves are taken")
        changed = facts.get("mtime") or facts.get("LastModified")
        moment = changed.timestamp() if changed is not None else None
        size = int(facts["size"])
        sign = str(facts.get("ETag") or moment or "").strip('"')
        return Entry(path, size, moment, f"{size}:{sign}")

    def entry(self, path: str) -> Entry | None:
        files, root = self._system()
        with _told():
            try:
                facts = files.info(f"{root}/{path}")
            except FileNotFoundError:
                return None
            return self._entry(facts | {"name": f"{root}/{path}"})

    def pieces(self, path: str) -> Iterator[bytes]:
        files, root = self._system()
        more = {} if self._beside else {"cache_type": "readahead"}
        with _told(), files.open(f"{root}/{path}", "rb", **more) as file:
            while piece := file.read(PIECE):
                yield bytes(piece)

    def write(self, path: str, content: Content, expected: str | None) -> Entry:
        files, root = self._system()
        target = f"{root}/{path}"
        self._require(path, expected)
        part = str(PurePosixPath(target).with_name(f".{uuid.uuid4().hex}.part")) if self._beside else target
        with _told():
            if self._beside:
                files.makedirs(target.rpartition("/")[0], exist_ok=True)
            stream = files.open(part, "wb")
            try:
                for piece in content.chunks():
                    stream.write(piece)
                self._require(path, expected)
            except BaseException:
                self._abandoned(files, stream, part)
                raise
            try:
                stream.close()
                if self._beside:
                    self._require_whole(files, part, content, path)
                    self._require(path, expected)
                    files.mv(part, target)
            except BaseException:
                if self._beside:
                    with contextlib.suppress(*_errors()):
                        files.rm_file(part)
                raise
        found = self.entry(path)
        if found is None or found.size != content.size:
            raise Retriable("file.changed", "the document is not there as it was written", where=path)
        return found

    def _abandoned(self, files: Any, stream: Any, part: str) -> None:
        """Nothing of what was begun stays. A file of a bucket would be made by closing it."""
        with contextlib.suppress(*_errors()):
            if self._beside:
                stream.close()
                files.rm_file(part)
            else:
                stream.discard()
                stream.closed = True

    def _require_whole(self, files: Any, part: str, content: Content, path: str) -> None:
        whole = hashlib.sha256()
        with files.open(part, "rb") as stream:
            while piece := stream.read(PIECE):
                whole.update(piece)
        if whole.hexdigest() != content.sha256:
            raise Fatal("document.torn", "the server holds something else than was sent", where=path)

    def move(self, path: str, target: str, expected: str) -> Entry:
        files, root = self._system()
        self._require(path, expected)
        self._require(target, None)
        with _told():
            if self._beside:
                files.makedirs(f"{root}/{target}".rpartition("/")[0], exist_ok=True)
            files.mv(f"{root}/{path}", f"{root}/{target}")
        found = self.entry(target)
        if found is None:
            raise Retriable("file.changed", "the document is not there as it was moved", where=target)
        return found

    def remove(self, path: str, expected: str) -> None:
        self._require(path, expected)
        files, root = self._system()
        with _told():
            files.rm_file(f"{root}/{path}")

    def close(self) -> None:
        """The connection goes with the object."""
        self._opened = None

    def _require(self, path: str, expected: str | None) -> None:
        there = self.entry(path)
        if (there.revision if there else None) != expected:
            raise Changed("document.changed", "the document is not the one that was last seen", where=path)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors become ours, without their texts, which may hold addresses and keys."""
    try:
        yield
    except (HubError, GeneratorExit):
        raise
    except FileNotFoundError as error:
        raise Retriable("file.changed", "the document or its folder vanished") from error
    except PermissionError as error:
        raise AuthError("folder.denied", "the server refused the log-in, the folder or the document") from error
    except _errors() as error:
        name = type(error).__name__
        if name in ("HostKeyNotVerifiable", "KeyExchangeFailed"):
            raise AuthError(
                "document.host_key", "the server's key is not among host_keys",
                hint="compare it with its administrator's, then: ssh-keyscan HOST",
            ) from error  # fmt: skip
        raise Retriable("folder.unreachable", f"the server does not answer as it should: {name}") from error


def _errors() -> tuple[type[BaseException], ...]:
    """Those of what is loaded: asyncssh and botocore have trees of their own."""
    found: list[type[BaseException]] = [OSError]
    if loaded := sys.modules.get("asyncssh"):
        found.append(loaded.Error)
    if loaded := sys.modules.get("botocore.exceptions"):
        found += [loaded.BotoCoreError, loaded.ClientError]
    return tuple(found)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError("document.extra", f"the package {name} is not installed", hint=EXTRA) from error
