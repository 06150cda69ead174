"""Airflow on this machine, for one workspace, by one command: all its state lies in the workspace's own folder."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from hub.airflow.asking import let_run, made_known
from hub.airflow.manifest import Manifest, Place
from hub.airflow.sync import Synced, sync_stubs
from hub.errors import ConfigError

LOOK: Final = 0.5
PATIENCE: Final = 20.0
"""Seconds that Airflow's processes have to end in."""
LOOPBACK: Final = "127.0.0.1"
PASSWORDS: Final = "simple_auth_manager_passwords.json.generated"
LOG: Final = "standalone.log"


@dataclass(frozen=True, slots=True)
class Started:
    """An Airflow that answers: where its pages are, the file of its passwords by user, and its log."""

    url: str
    passwords: Path
    log: Path


def settings(place: Place, port: int, given: Mapping[str, str]) -> dict[str, str]:
    """Variables of Airflow for a workspace; what the environment says already, stays."""
    home = (place.folder / ".cophub" / "airflow" / "home").resolve()
    found = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str((place.folder / "dags").resolve()),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
        "AIRFLOW__SECRETS__BACKEND": "hub.airflow.secrets.HubSecrets",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(
            {"workspace": str(place.folder.resolve()), "environment": place.environment}
        ),
    }
    return {**found, **{name: value for name, value in given.items() if name.startswith("AIRFLOW_")}}


def prepare(variables: Mapping[str, str]) -> None:
    """The folder, and keys that all of Airflow's processes share."""
    home = Path(variables["AIRFLOW_HOME"])
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("jwt_secret", "secret_key"):
        path = home / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32), encoding="ascii")


def keys(home: Path) -> dict[str, str]:
    """What ``prepare`` made, as variables."""
    return {
        f"AIRFLOW__{section}__{name.upper()}": (home / name).read_text(encoding="ascii")
        for section, name in (("API_AUTH", "jwt_secret"), ("API", "secret_key"))
    }


def serve(
    place: Place,
    port: int,
    tell: Callable[[Synced], None],
    ready: Callable[[Started], None],
    environment: Mapping[str, str] = os.environ,
    *,
    start: bool = False,
) -> int:
    """Run ``airflow standalone`` until it ends, or SIGTERM or Ctrl-C ends it with all its processes; meanwhile a change
    of the workspace is shown at once. ``ready`` is told when its pages can be seen; with ``start`` every DAG runs from
    then on. ConfigError ``airflow.port``."""
    variables = settings(place, port, environment)
    _require_free(int(variables["AIRFLOW__API__PORT"]))
    prepare(variables)
    home = Path(variables["AIRFLOW_HOME"])
    variables = {**keys(home), **_free_ports(), **variables}
    os.environ.update(variables)
    airflow = [sys.executable, "-m", "airflow"]
    subprocess.run([*airflow, "db", "migrate"], check=True, stdout=subprocess.DEVNULL)
    manifest, done = sync_stubs(place, Path(variables["AIRFLOW__CORE__DAGS_FOLDER"]))
    done.pools = made_known(manifest)
    tell(done)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # it calls itself by its name
    here = Started(variables["AIRFLOW__API__BASE_URL"], home / PASSWORDS, home / LOG)
    with here.log.open("ab") as log, _terminable():
        process = subprocess.Popen(
            [*airflow, "standalone"], env={**os.environ, "PATH": path}, stdout=log, stderr=log, process_group=0
        )
        with _ended(process):
            shown, waiting = False, start
            while process.poll() is None:
                time.sleep(LOOK)
                manifest = watch(place, tell)
                # a task that starts before the pages answer fails: it asks them what it is to do
                if not shown and _answers(int(variables["AIRFLOW__API__PORT"])):
                    ready(here)
                    shown = True
                waiting = waiting and not (shown and let_run(manifest))
    return process.returncode


def _require_free(port: int) -> None:
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((LOOPBACK, port))
    except OSError as error:
        raise ConfigError(
            "airflow.port",
            f"Airflow cannot listen on port {port}: {error.strerror}",
            hint="end what listens there (cophub serve takes 8080 too), or choose another by --port",
        ) from None


def _free_ports() -> dict[str, str]:
    """Ports for what Airflow's processes ask each other: several Airflows may run on one machine."""
    with ExitStack() as stack:
        found = {}
        for name in ("WORKER_LOG_SERVER_PORT", "TRIGGER_LOG_SERVER_PORT"):
            trial = stack.enter_context(socket.socket())
            trial.bind((LOOPBACK, 0))
            found[f"AIRFLOW__LOGGING__{name}"] = str(trial.getsockname()[1])
    return found


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does."""

    def heard(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which ends with the context. At SIGTERM it leaves its own processes behind, at SIGINT it ends them;
    those that go on are killed: what they ran, the next start goes on with."""
    try:
        yield process
    except KeyboardInterrupt:
        pass
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def watch(place: Place, tell: Callable[[Synced], None], dags: Path | None = None) -> Manifest:
    """One look: what changed since the last is shown."""
    manifest, done = sync_stubs(place, dags or Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]))
    if done.anything:
        done.pools = made_known(manifest)
        tell(done)
    return manifest
