"""A whole Airflow on loopback: its processes are real and may be killed, its settings are those of
docker/compose.distributed.yaml."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import psutil
import requests
import yaml

from tests.systems.place import ROOT, free_port

COMPOSE: Final = ROOT / "docker" / "compose.distributed.yaml"
PATIENCE: Final = 300.0
"""Seconds for what takes ten on a quiet machine."""
HERE: Final = {
    "OMP_NUM_THREADS": "1",
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "5",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "3",
    "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
}
"""What a test says otherwise: it has a small machine, and no patience. A task without a heartbeat is lost after 30
seconds, where nobody says it after 300."""


def shipped(places: Mapping[str, str]) -> dict[str, str]:
    """What the distributed set-up tells Airflow: its variables as they are by default, and in another place."""
    said = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["x-airflow"]["environment"]
    found = {}
    for name, value in said.items():
        if name.startswith("AIRFLOW__"):
            found[name] = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value).replace("$$", "$")
            for before, here in places.items():
                found[name] = found[name].replace(before, here)
    return found


class Keeper:
    """See ``tests.stack.keeper``."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stack.keeper"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, argv: list[str], env: Mapping[str, str], log: Path) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"argv": argv, "env": dict(env), "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Everything that it started is gone when this returns."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE)
        self._process.stdout.close()


class Stack:
    """One Airflow for the workspace in ``folder``. With a ``broker`` it is one of Celery workers."""

    def __init__(self, home: Path, folder: Path, database: str, variables: Mapping[str, str], broker: str = "") -> None:
        home.mkdir(parents=True)
        self.home, self.folder, self.port = home, folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pids: dict[str, int] = {}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COPHUB_", "AIRFLOW"))}
        own = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        }
        if not broker:
            own |= {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor", "AIRFLOW__CORE__PARALLELISM": "4"}
        said = shipped(self._places(urlsplit(database), urlsplit(broker)))
        self.variables = {**kept, **said, **HERE, **own, **variables}
        self._keeper = Keeper()
        self._session = requests.Session()

    def _places(self, database: SplitResult, broker: SplitResult) -> dict[str, str]:
        """Where things are here that the distributed set-up has elsewhere. Its secrets are made as it makes them, but
        those of servers that are there already."""
        folder = self.home / "secrets"
        subprocess.run([ROOT / "docker" / "make-secrets", folder], check=True, capture_output=True)
        (folder / "airflow.password").write_text(unquote(database.password or ""), encoding="utf-8")
        (folder / "bus.password").write_text(unquote(broker.password or ""), encoding="utf-8")
        return {
            "/run/secrets": str(folder),
            "airflow:%s@airflow-db/airflow": _place(database),
            "hub:%s@mq//": _place(broker),
            "http://airflow:8080": self.url,
            "http://localhost:8081": self.url,
        }

    # ------------------------------------------------------------ processes

    def up(self, *hosts: str) -> None:
        """Its database, stubs and pools, then its processes; ``hosts`` are Celery workers."""
        self.ran("airflow", "db", "migrate")
        self.ran("cophub", "-w", str(self.folder), "airflow", "sync", "--dags", str(self.home / "dags"))
        for name in ("api-server", "scheduler", "dag-processor"):
            self.start(name, "airflow", name)
        for host in hosts:
            self.host(host)
        self.until(self._answers, PATIENCE, "the API server does not answer")
        said = json.loads((self.home / "simple_auth_manager_passwords.json.generated").read_text())
        told = self._session.post(f"{self.url}/auth/token", json={"username": "admin", "password": said["admin"]})
        self._session.headers["Authorization"] = f"Bearer {told.json()['access_token']}"
        self.until(self.complete, PATIENCE, "the scheduler, the DAGs or the workers are not there")

    def ran(self, *argv: str) -> None:
        """A command to its end."""
        done = subprocess.run(argv, env=self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

    def start(self, name: str, *argv: str) -> None:
        self.pids[name] = self._keeper.start(list(argv), self.variables, self.home / f"{name}.log")

    def host(self, name: str) -> None:
        """A Celery worker on a host of that name."""
        apart = ["unshare", "--uts"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--uts"]
        worker = f"hostname {name} && exec airflow celery worker --skip-serve-logs"
        self.start(name, *apart, "sh", "-c", worker)

    def kill(self, name: str, *, main: bool = False) -> None:
        """At once: the whole host, or the main process of its worker alone."""
        session = self.pids.pop(name)
        os.kill(session, signal.SIGKILL)
        while not main and (left := [pid for pid in psutil.pids() if _session(pid) == session]):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def close(self) -> None:
        self._session.close()
        self._keeper.close()

    # ------------------------------------------------------------ what it is asked

    def api(self, method: str, path: str, **more: Any) -> Any:
        told = self._session.request(method, f"{self.url}/api/v2{path}", timeout=PATIENCE, **more)
        assert told.status_code < 400, f"{method} {path}: {told.status_code} {told.text[:500]}"
        return told.json()

    def trigger(self, exchange: str, run: str, **conf: Any) -> None:
        """A run of that name; the DAG is let go."""
        dag = f"stack.{exchange}"
        self.api("PATCH", f"/dags/{dag}", json={"is_paused": False})
        self.api("POST", f"/dags/{dag}/dagRuns", json={"logical_date": None, "dag_run_id": run, "conf": conf})

    def states(self, run: str) -> dict[str, str]:
        """How the DAG runs of that name stand, by exchange."""
        found = self.api("GET", "/dags/~/dagRuns", params={"limit": 100, "run_id_pattern": run})["dag_runs"]
        return {one["dag_id"].removeprefix("stack."): one["state"] for one in found if one["dag_run_id"] == run}

    def tasks(self, run: str) -> list[dict[str, Any]]:
        """The tasks of the DAG runs of that name."""
        found = self.api("GET", "/dags/~/dagRuns/~/taskInstances", params={"limit": 500})["task_instances"]
        return [one | {"exchange": one["dag_id"].removeprefix("stack.")} for one in found if one["dag_run_id"] == run]

    def finished(self, run: str, exchanges: Iterable[str], seconds: float) -> dict[str, str]:
        """How the runs ended."""
        wanted = set(exchanges)
        ended = ("success", "failed")
        found: dict[str, str] = {}

        def done() -> bool:
            found.update(self.states(run))
            return found.keys() == wanted and all(state in ended for state in found.values())

        self.until(done, seconds, lambda: f"the runs do not end: {Counter(found.values())}")
        return found

    def until(self, ready: Callable[[], bool], seconds: float, why: str | Callable[[], str]) -> None:
        """Wait; what does not come in time is told with what the processes said last."""
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                raise AssertionError(f"{why if isinstance(why, str) else why()}\n{self.said()}")
            time.sleep(0.5)

    def said(self) -> str:
        """The ends of all logs."""
        logs = sorted(self.home.glob("*.log"))
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in logs)

    def _answers(self) -> bool:
        with suppress(requests.ConnectionError):
            return self._session.get(f"{self.url}/api/v2/version", timeout=PATIENCE).ok
        return False

    def complete(self) -> bool:
        health = self.api("GET", "/monitor/health")
        if any(health[part]["status"] != "healthy" for part in ("scheduler", "dag_processor")):
            return False
        stubs = self.api("GET", "/dags", params={"limit": 100})["total_entries"]
        waiting = [name for name in self.pids if name.startswith("host") and "ready." not in self.log(name)]
        return stubs > 0 and not waiting

    def log(self, name: str) -> str:
        """What a process said."""
        path = self.home / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""


def _place(url: SplitResult) -> str:
    """Where a server is, with a gap for the password."""
    return f"{url.username}:%s@{url.hostname}:{url.port}{url.path}"


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0
