"""The command line in processes that may be killed: each call is a fresh process, forked from one that has
everything imported, so that a hundred of them take seconds.

``python -m tests.faults.forker`` reads one JSON object per line. ``{"arguments", "variables", "out"}`` runs
``cophub`` in a child whose stdin is ``OUT.in`` and whose stdout and stderr go to ``OUT.out`` and ``OUT.err``,
and answers its ``{"pid"}``; ``{"pid", "wait"}`` answers ``{"status"}``: the exit code, minus the signal, or null
where it still runs (``wait`` false), with ``"stopped"`` where it was stopped.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub import collector
from tests.systems.place import ROOT

PACKAGES = ("hub.cli", "connectors.files", "connectors.sql")
WARM = (
    "hub.bootstrap", "hub.demo", "connectors.odata", "connectors.rest", "fsspec.implementations.local",
    "pyarrow.compute", "pyarrow.csv", "psycopg", "adbc_driver_postgresql.dbapi",
)  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """How one process ended, and what it said. ``answer`` is the JSON object on stdout's last line."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out.strip().splitlines()[-1])
        return answer

    @property
    def error(self) -> dict[str, str]:
        """The error of the command, or of its only exchange."""
        told = self.answer
        error: dict[str, str] = told.get("error") or told["runs"][-1]["error"]
        return error

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.answer["runs"][-1]["counts"]
        return counts


class Begun:
    """A process in the background, with what tests use of ``subprocess.Popen``."""

    def __init__(self, forker: Forker, pid: int, out: Path) -> None:
        self._forker, self.pid, self._out = forker, pid, out
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._look()["status"] if self.returncode is None else self.returncode

    def wait(self, timeout: float = 60) -> int:
        """How it ended."""
        self._await(lambda: self.poll() is not None, timeout)
        assert self.returncode is not None
        return self.returncode

    def wait_stopped(self, timeout: float = 60) -> None:
        """Until it stopped at a failpoint."""
        self._await(lambda: self._look()["stopped"], timeout)

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """What it said, when it has ended."""
        self.wait(timeout)
        return self._out.with_suffix(".out").read_text("utf-8"), self._out.with_suffix(".err").read_text("utf-8")

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _look(self) -> dict[str, Any]:
        told = self._forker.ask({"pid": self.pid, "wait": False})
        self.returncode = told["status"]
        return told

    def _await(self, there: Callable[[], bool], timeout: float) -> None:
        end = time.monotonic() + timeout
        while not there():
            if self.returncode is not None or time.monotonic() > end:
                raise AssertionError(f"ended with {self.returncode}: {self._out.with_suffix('.err').read_text()}")
            time.sleep(0.01)


class Forker:
    """The parent's side; used by one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        # What is set for the tests of this machine is not set for the hub under test.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("COPHUB_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forker"],
            cwd=ROOT,
            env=clean,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, arguments: list[str], variables: dict[str, str], file_size: int = 0, given: str = ""
    ) -> Ran:
        """Run to its end, good or bad. ``file_size`` limits every file it writes (bytes), ``given`` is its
        stdin."""
        pid, out = self._start(arguments, variables, file_size, given)
        status = self.ask({"pid": pid, "wait": True})["status"]
        texts = [out.with_suffix(suffix) for suffix in (".out", ".err", ".in")]
        said = [path.read_text(encoding="utf-8") for path in texts[:2]]
        for path in texts:
            path.unlink()
        return Ran(status, *said)

    def begin(self, arguments: list[str], variables: dict[str, str]) -> Begun:
        """Run in the background, to be stopped and woken."""
        return Begun(self, *self._start(arguments, variables, 0, ""))

    def _start(
        self, arguments: list[str], variables: dict[str, str], file_size: int, given: str
    ) -> tuple[int, Path]:
        self._count += 1
        out = self._folder / str(self._count)
        out.with_suffix(".in").write_text(given, encoding="utf-8")
        asked = {"arguments": arguments, "variables": variables, "out": str(out), "file_size": file_size}
        return self.ask(asked)["pid"], out

    def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=10)


def main() -> None:
    """The forking side. Nothing here may start a thread: a forked child has only its own."""
    from hub.cli import frame

    _warm()
    running: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        told = _waited(asked, running) if "pid" in asked else _forked(asked, running, frame.run)
        print(json.dumps(told), flush=True)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _warm() -> None:
    """Import what commands import when they need it, and compute what is the same in every process."""
    from hub.store.database import Database

    for name in WARM:
        importlib.import_module(name)
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    for url in ("sqlite://", "postgresql://localhost/none"):
        Database(url, {}, folder=ROOT).schema_hash()
    collector.relax()
    collector.keep()  # a collection in a child would copy every page that holds an object


def _forked(asked: dict[str, Any], running: set[int], run: Any) -> dict[str, Any]:
    child = os.fork()
    if child == 0:
        _child(asked, run)
    running.add(child)
    return {"pid": child}


def _waited(asked: dict[str, Any], running: set[int]) -> dict[str, Any]:
    pid, status = os.waitpid(asked["pid"], 0 if asked["wait"] else os.WNOHANG | os.WUNTRACED)
    stopped = pid != 0 and os.WIFSTOPPED(status)
    if pid == 0 or stopped:
        return {"status": None, "stopped": stopped}
    running.discard(pid)
    return {"status": os.waitstatus_to_exitcode(status), "stopped": False}


def _child(asked: dict[str, Any], run: Any) -> None:
    code = 99
    try:
        os.dup2(os.open(asked["out"] + ".in", os.O_RDONLY), 0)
        for number, suffix in ((1, ".out"), (2, ".err")):
            opened = os.open(asked["out"] + suffix, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(opened, number)
        if asked["file_size"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_size"],) * 2)
        os.environ.update(asked["variables"])
        code = run(asked["arguments"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
