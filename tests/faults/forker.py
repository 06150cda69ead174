"""The command line in processes that may be killed: each call is a fresh process, forked from one that has
everything imported, so that a hundred of them take seconds.

``python -m tests.faults.forker`` reads one JSON object per line, ``{"arguments", "variables", "out"}``, runs
``cophub`` in a child whose stdout and stderr go to ``OUT.out`` and ``OUT.err``, and answers ``{"status"}``:
the exit code, or minus the signal.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.systems.place import ROOT


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
        assert self._process.stdin
        assert self._process.stdout
        self._count += 1
        out = self._folder / str(self._count)
        asked = {"arguments": arguments, "variables": variables, "out": str(out), "file_size": file_size}
        out.with_suffix(".in").write_text(given, encoding="utf-8")
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        status = json.loads(self._process.stdout.readline())["status"]
        texts = [out.with_suffix(suffix) for suffix in (".out", ".err", ".in")]
        said = [path.read_text(encoding="utf-8") for path in texts[:2]]
        for path in texts:
            path.unlink()
        return Ran(status, *said)

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=10)


def main() -> None:
    """The forking side. Nothing here may start a thread: a forked child has only its own."""
    import hub.bootstrap
    import hub.cli.events
    import hub.cli.findings
    import hub.cli.plans
    import hub.cli.progress
    import hub.cli.quarantine
    import hub.cli.run
    import hub.cli.worker
    import hub.demo  # noqa: F401
    from connectors import files, odata, rest, sql  # noqa: F401
    from hub.cli import frame

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _child(asked, frame.run)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


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
