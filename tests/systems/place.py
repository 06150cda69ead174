"""Where the systems live: folders, free ports, processes, and the note of what runs.

The note (``state.json``) is written as soon as a process exists, so that whatever is interrupted when,
``down`` finds every process. A process is known by its id and its start time: ids are used again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Unavailable(Exception):
    """A system can be neither installed nor started here; the text says why."""


def folder() -> Path:
    """What belongs to this checkout: installed packages, logs, the note. ``$SVC_DIR`` moves it."""
    return Path(os.environ.get("SVC_DIR") or ROOT / ".tools" / "services")


def cache() -> Path:
    """What is dear to make and the same for every checkout."""
    path = Path.home() / ".cache" / "cophub"
    path.mkdir(parents=True, exist_ok=True)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unprivileged() -> dict[str, Any]:
    """Arguments for subprocess: database servers refuse to run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def run(command: Sequence[object], **options: Any) -> str:
    """Runs to the end and returns what was printed.

    Raises Unavailable, with the last lines printed, where the command is missing or fails.
    """
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **options,
        )
    except OSError as error:
        raise Unavailable(f"{Path(str(command[0])).name} cannot be run: {error.strerror}") from error
    if done.returncode:
        tail = " | ".join(done.stdout.strip().splitlines()[-5:])
        raise Unavailable(f"{Path(str(command[0])).name} failed with {done.returncode}: {tail}")
    return done.stdout


def wait_until(
    ready: Callable[[], bool], seconds: float, process: subprocess.Popen[bytes], log: Path
) -> None:
    """Polls ``ready``; raises Unavailable when time is up or the process ends first."""
    end = time.monotonic() + seconds
    while not ready():
        ended = process.poll() is not None
        if ended or time.monotonic() > end:
            tail = " | ".join(log.read_text(errors="replace").strip().splitlines()[-5:])
            what = f"ended with {process.returncode}" if ended else f"was not ready after {seconds:.0f} s"
            raise Unavailable(f"{Path(str(process.args[0])).name} {what}: {tail}")  # type: ignore[index]
        time.sleep(0.05)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _born(pid: int) -> str | None:
    """The start time of a live process; None for one that is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


class Place:
    """The place of one system: its folder, its process, its variables."""

    def __init__(self, note: Note, name: str) -> None:
        self.note, self.name = note, name
        self.path = folder() / name
        self.path.mkdir(parents=True, exist_ok=True)
        self.log = self.path / "log"

    def scratch(self) -> Path:
        """A folder for data that the unprivileged user may reach; ``down`` removes it.

        It lies outside the checkout: the home of root is closed to others.
        """
        path = Path(tempfile.mkdtemp(prefix=f"cophub-{self.name}-", dir="/var/tmp"))
        self.note.set(self.name, scratch=str(path))
        if os.geteuid() == 0:
            shutil.chown(path, "nobody", "nogroup")
        return path

    def start(
        self, command: Sequence[object], *, stop: signal.Signals = signal.SIGTERM, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Starts a server in a session of its own; ``stop`` is the signal that ends it in order."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )
        self.note.set(self.name, pid=process.pid, born=_born(process.pid), stop=int(stop))
        return process


class Note:
    """``state.json``: per system its process, its scratch folder and, once it is ready, its variables."""

    def __init__(self) -> None:
        self._path = folder() / "state.json"
        self._lock = threading.Lock()  # systems start side by side
        self._systems: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            self._systems = json.loads(self._path.read_text())

    def set(self, name: str, **facts: Any) -> None:
        with self._lock:
            self._systems.setdefault(name, {}).update(facts)
            self._write()

    def forget(self, name: str) -> None:
        with self._lock:
            self._systems.pop(name, None)
            self._write()

    def _write(self) -> None:
        if not self._systems:
            self._path.unlink(missing_ok=True)
            return
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(self._systems, indent=1))
        draft.replace(self._path)

    def names(self) -> list[str]:
        return list(self._systems)

    def alive(self, name: str) -> bool:
        facts = self._systems.get(name, {})
        return "pid" in facts and _born(facts["pid"]) == facts["born"]

    def variables(self, name: str) -> Mapping[str, str] | None:
        """The variables of a system that is ready and still runs."""
        return self._systems.get(name, {}).get("variables") if self.alive(name) else None

    def stop(self, name: str) -> None:
        """Ends the process with all it started, removes its data, and forgets it."""
        facts = self._systems.get(name, {})
        if self.alive(name):
            os.kill(facts["pid"], facts["stop"])
            end = time.monotonic() + 20
            while self.alive(name) and time.monotonic() < end:
                time.sleep(0.05)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(facts["pid"], signal.SIGKILL)
        if "scratch" in facts:
            shutil.rmtree(facts["scratch"], ignore_errors=True)
        self.forget(name)


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two calls at the same time wait for each other."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
