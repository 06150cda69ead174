"""The parts of a run, each by a process: ``python -m hub.cli.parts FOLDER ENVIRONMENT KEY NUMBER``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from hub import errors, tracing
from hub.bootstrap import open_hub
from hub.cli.say import Say
from hub.errors import HubError, Retriable
from hub.exchange.splitting.course import run_part


def run_parts(say: Say, run_key: str, workers: int, numbers: list[int]) -> None:
    """Run parts, so many at a time. The error of the first that failed is raised when all have ended; Retriable
    ``parts.lost`` where a process was killed."""
    command = [sys.executable, "-m", "hub.cli.parts", str(say.folder), say.environment or "", run_key]
    around = {**os.environ, tracing.PARENT: tracing.current()}
    with ThreadPoolExecutor(workers) as pool:
        for error in filter(None, pool.map(partial(_one, command, around), numbers)):
            raise error


def _one(command: list[str], around: dict[str, str], number: int) -> HubError | None:
    ended = subprocess.run([*command, str(number)], stdout=subprocess.PIPE, text=True, check=False, env=around)
    if ended.returncode == 0:
        return None
    told = json.loads(ended.stdout.splitlines()[-1]) if ended.returncode > 0 and ended.stdout else {}
    if not told:
        return Retriable(
            "parts.lost",
            f"the process of part {number} ended with {ended.returncode}",
            hint="with the same --run-key what other parts have read is not read again",
        )
    kind: type[HubError] = getattr(errors, told.pop("kind"))
    return kind(told["code"], told["message"], where=told["where"], hint=told["hint"])


def main() -> int:
    """Run one part; its error is an object on stdout, and its exit code."""
    folder, environment, run_key, number = sys.argv[1:]
    clean = str
    try:
        with open_hub(Path(folder), environment or None) as opened:
            clean = opened.redactor  # type: ignore[assignment] # both take a text and give one
            run_part(opened.hub, run_key, int(number))
    except HubError as error:
        told = {"code": error.code, "message": error.message, "where": error.where, "hint": error.hint}
        told = {name: clean(value) for name, value in told.items()}
        print(json.dumps({"kind": type(error).__name__, **told}))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
