"""The manifest of a workspace's files as they are now."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from hub.airflow.manifest import Manifest, Place, Stamp, stored


def current(place: Place) -> Manifest:
    """The manifest of the files as they are now. Several who find it old at once wait for the first of them."""
    found, config, files = stored(place), *_stamps(place.folder)
    if found is not None and (found.config, found.files) == (config, files):
        return found
    with _alone(place.file):
        found = stored(place)
        if found is None or (found.config, found.files) != (config, files):
            from hub.airflow.compiling import compiled  # noqa: PLC0415 # heavy, and seldom wanted

            found = compiled(place.folder, place.environment, found, config, files)
            _write(place.file, found)
    return found


def _stamps(folder: Path) -> tuple[dict[str, Stamp], dict[str, Stamp]]:
    """When each file changed and how long it is: of ``config/`` by path, of mappings by name."""
    config = {path: stamp for path, stamp in _walk(str(folder / "config"), len(str(folder)) + 1) if path}
    files = {}
    for path, stamp in _walk(str(folder / "mappings"), len(str(folder)) + 1):
        if not path.endswith(".test.yaml"):
            files[path.rpartition("/")[2].removesuffix(".yaml")] = stamp
    return config, files


def _walk(folder: str, cut: int) -> Iterator[tuple[str, Stamp]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            yield from _walk(entry.path, cut)
        elif entry.name.endswith(".yaml"):
            state = entry.stat()
            yield entry.path[cut:], (state.st_mtime_ns, state.st_size)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time, where the folder can be written to."""
    with ExitStack() as stack:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fcntl.flock(stack.enter_context(path.with_suffix(".lock").open("a")), fcntl.LOCK_EX)
        yield


def _write(path: Path, made: Manifest) -> None:
    """Whole or not at all; who may not write there compiles anew each time."""
    part = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        part.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1))
        part.replace(path)
