"""Airflow on this machine, for one workspace, by one command: all its state lies in the workspace's own folder."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hub.airflow.asking import pools_synced
from hub.airflow.manifest import Place
from hub.airflow.sync import Synced, sync_stubs

LOOK: Final = 0.5


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
    place: Place, port: int, tell: Callable[[Synced], None], environment: Mapping[str, str] = os.environ
) -> int:
    """Run ``airflow standalone`` until it ends; meanwhile a change of the workspace is shown at once."""
    variables = settings(place, port, environment)
    prepare(variables)
    variables = {**keys(Path(variables["AIRFLOW_HOME"])), **variables}
    os.environ.update(variables)
    airflow = [sys.executable, "-m", "airflow"]
    subprocess.run([*airflow, "db", "migrate"], check=True, stdout=subprocess.DEVNULL)
    manifest, done = sync_stubs(place, Path(variables["AIRFLOW__CORE__DAGS_FOLDER"]))
    done.pools = pools_synced(manifest)
    tell(done)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # it calls itself by its name
    process = subprocess.Popen([*airflow, "standalone"], env={**os.environ, "PATH": path})
    try:
        while process.poll() is None:
            time.sleep(LOOK)
            watch(place, tell)
    except KeyboardInterrupt:
        process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    return process.returncode


def watch(place: Place, tell: Callable[[Synced], None], dags: Path | None = None) -> None:
    """One look: what changed since the last is shown."""
    manifest, done = sync_stubs(place, dags or Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]))
    if done.anything:
        done.pools = pools_synced(manifest)
        tell(done)
