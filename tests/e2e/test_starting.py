"""``serve`` and ``worker`` as containers run them: told by the environment, asked for readiness, ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.unit.bus.busworld import until
from tests.unit.cli.desk import desk

PROGRAM = [sys.executable, "-c", "from hub.cli import main; main()"]


@contextmanager
def started(folder: Path, *words: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``cophub WORDS`` while it lives, with the first line that it says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COPHUB_")}
    environment = kept | {"COPHUB_WORKSPACE": str(folder)} | more
    with subprocess.Popen([*PROGRAM, *words], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process, process.stderr.readline()
        finally:
            process.kill()


def asked(address: str) -> tuple[int, Any]:
    """Status and JSON of an answer; a process that says where it will listen is waited for."""
    answers: list[tuple[int, Any]] = []

    def tried() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                answers.append((answer.status, json.load(answer)))
        except urllib.error.URLError:
            return False
        return True

    until(tried, 60)
    return answers[0]


def ended(process: subprocess.Popen[str]) -> int:
    """How it ends when it is asked to."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=60)


def test_serve_and_worker_are_told_by_the_environment_seen_by_readiness_and_end_when_asked(tmp_path: Path) -> None:
    folder = desk(tmp_path / "work").folder
    more = {"COPHUB_HOST": "127.0.0.2", "COPHUB_PORT": "0", "COPHUB_BEHIND": "10.0.0.0/8"}
    with started(folder, "serve", **more) as (server, line):
        found = re.search(r"http://127\.0\.0\.2:\d+", line)
        assert found, line
        assert asked(f"{found.group()}/healthz") == (200, {"state": "alive"})
        assert asked(f"{found.group()}/readyz")[1]["state"] == "degraded"
        with started(folder, "worker") as (worker, _):
            until(lambda: asked(f"{found.group()}/readyz")[1]["state"] == "ready", 60)
            assert ended(worker) == 0
        assert asked(f"{found.group()}/readyz")[1]["state"] == "degraded"
        assert ended(server) == 0
