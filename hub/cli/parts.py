"""The parts of a run, each by a process: ``python -m hub.cli.parts FOLDER ENVIRONMENT KEY NUMBER``."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from hub import errors, logs, tracing
from hub.bootstrap import open_hub
from hub.cli.ending import Ending
from hub.cli.say import Say
from hub.errors import HubError, Retriable, Waits
from hub.exchange.pipeline import silent
from hub.exchange.splitting.course import run_part
from hub.redact import Redactor

LOOK = 0.2
"""Seconds between two looks at whether the run is to end."""
log = logging.getLogger("cophub")


@dataclass(slots=True)
class _Processes:
    """Those that are under way; none is begun once they were asked to end."""

    command: list[str]
    around: dict[str, str]
    _running: set[subprocess.Popen[str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: bool = False

    def end(self) -> None:
        """Ask them to end, where they have not been asked."""
        with self._lock:
            for one in self._running if not self._over else ():
                one.terminate()
            self._over = True

    def kill(self) -> None:
        """End them now."""
        with self._lock:
            self._over = True
            for one in self._running:
                one.kill()

    def run(self, number: int) -> HubError | None:
        """One part, to its end; its error is answered."""
        with self._lock:
            if self._over:
                return None
            command = [*self.command, str(number)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.around)
            self._running.add(process)
        with process:
            said, _ = process.communicate()
        with self._lock:
            self._running.discard(process)
        if process.returncode == 0:
            return None
        told = json.loads(said.splitlines()[-1]) if process.returncode > 0 and said else {}
        if not told:
            return Retriable(
                "parts.lost",
                f"the process of part {number} ended with {process.returncode}",
                hint="with the same --run-key what other parts have read is not read again",
            )
        kind: type[HubError] = getattr(errors, told.pop("kind"))
        return kind(told["code"], told["message"], where=told["where"], hint=told["hint"])


def run_parts(say: Say, run_key: str, workers: int, ending: Ending, numbers: list[int]) -> None:
    """Run parts, so many at a time. The error of the first that failed is raised when all have ended; Retriable
    ``parts.lost`` where a process was killed, Waits ``run.ended`` where the run was asked to end: its parts end
    between two pages then."""
    command = [sys.executable, "-m", "hub.cli.parts", str(say.folder), say.environment or "", run_key]
    around = os.environ | {tracing.PARENT: tracing.current(), "COPHUB_LOG": say.options.log}
    processes = _Processes(command, around)
    with ThreadPoolExecutor(workers) as pool:
        begun = [pool.submit(processes.run, number) for number in numbers]
        try:
            while wait(begun, LOOK).not_done:
                if ending.asked:
                    processes.end()
        except BaseException:
            processes.kill()
            raise
    if ending.asked:
        raise Waits(
            "run.ended",
            "the run was asked to end (SIGTERM)",
            hint=f"with --run-key {run_key} it goes on: what its parts have read is not read again",
        )
    for error in filter(None, (one.result() for one in begun)):
        raise error


def main() -> int:
    """Run one part; its error is an object on stdout, and its exit code."""
    folder, environment, run_key, number = sys.argv[1:]
    clean = Redactor()
    if os.environ.get("COPHUB_LOG") == "json":
        logs.begin(lambda event: clean.value(event))
        sys.excepthook = lambda *error: log.critical("a part ended by a defect of the hub", exc_info=error)
    try:
        with Ending() as ending, open_hub(Path(folder), environment or None) as opened:
            clean = opened.redactor
            run_part(opened.hub, run_key, int(number), ending.watch(silent))
    except HubError as error:
        told = {"code": error.code, "message": error.message, "where": error.where, "hint": error.hint}
        told = {name: clean(value) for name, value in told.items()}
        print(json.dumps({"kind": type(error).__name__, **told}))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
