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

import pytest

from hub.bootstrap import open_hub
from hub.store import signs
from tests.stores import Postgres, new_name
from tests.unit.bus.busworld import until
from tests.unit.cli.desk import desk
from tests.unit.house.test_docker import DOCKER, whole

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


def test_a_worker_beside_serve_lives_and_ends_with_it(tmp_path: Path) -> None:
    folder = desk(tmp_path / "work").folder
    with started(folder, "serve", "--worker", COPHUB_PORT="0") as (server, line):
        found = re.search(r"http://[^/ ]+", line)
        assert found, line
        until(lambda: asked(f"{found.group()}/readyz")[1]["state"] == "ready", 60)
        with open_hub(folder) as opened:
            (sign,) = signs.living(opened.hub.database)
            assert int(sign.holder.split("/")[1]) != server.pid
            assert ended(server) == 0
            assert signs.living(opened.hub.database) == []


def test_serve_does_not_outlive_the_worker_beside_it(tmp_path: Path) -> None:
    folder = desk(tmp_path / "work").folder
    with started(folder, "serve", "--worker", COPHUB_PORT="0") as (server, _), open_hub(folder) as opened:
        until(lambda: signs.living(opened.hub.database), 60)
        os.kill(int(signs.living(opened.hub.database)[0].holder.split("/")[1]), signal.SIGKILL)
        assert server.wait(timeout=60) == 75
        assert server.stderr is not None
        assert "serve.worker" in server.stderr.read()


@pytest.mark.parametrize("name", ["standard"])
def test_the_commands_of_a_compose_file_run_with_its_variables_on_postgresql(
    name: str, tmp_path: Path, postgres: Postgres
) -> None:
    """As the containers would, with the paths and the server of this machine in place of theirs."""
    folder, secrets = desk(tmp_path / "work", migrated=False).folder, tmp_path / "secrets"
    subprocess.run([str(DOCKER / "make-secrets"), str(secrets)], check=True, capture_output=True)
    database = new_name()
    before, _, rest = postgres.create(database).partition("//")
    user, _, place = rest.partition("@")
    (secrets / "store.password").write_text(user.partition(":")[2] + "\n")
    for file in secrets.iterdir():
        file.chmod(0o600)
    services = whole(name)["services"]

    def like(service: str) -> dict[str, str]:
        given = {key: str(value) for key, value in services[service]["environment"].items()}
        assert given["COPHUB_STORE"] == "postgresql://hub@db/hub"
        changed = {key: value.replace("/run/secrets", str(secrets)) for key, value in given.items()}
        changed |= {"COPHUB_STORE": f"{before}//{user.partition(':')[0]}@{place}"}
        changed |= {key: "" for key, value in given.items() if value.startswith("${")}
        return changed | ({"COPHUB_PORT": "0"} if "COPHUB_PORT" in given else {})

    def done(service: str, words: list[str]) -> int:
        with started(folder, *words, **like(service)) as (process, _):
            return process.wait(timeout=90)

    try:
        assert done("migrate", services["migrate"]["command"]) == 0
        with (
            started(folder, *services["hub"]["command"], **like("hub")) as (server, line),
            started(folder, *services["worker"]["command"], **like("worker")) as (worker, _),
        ):
            assert "http://0.0.0.0:" in line
            port = re.findall(r":(\d+)/", line)[0]
            until(lambda: asked(f"http://127.0.0.1:{port}/readyz")[1]["state"] == "ready", 60)
            assert done("worker", services["worker"]["healthcheck"]["test"][2:]) == 0
            assert (ended(worker), ended(server)) == (0, 0)
    finally:
        postgres.drop(database)
