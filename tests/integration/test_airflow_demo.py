"""The sample landscape in an Airflow of its own, by one command: what its scheduler, its processes and its REST API say
of it, from the first load to Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pytest

from hub.demo.story import EXCHANGES
from tests.e2e.test_cli_process import PROGRAM
from tests.systems.place import free_port

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
HELD: Final = "s4-cost-centers"
FOLLOWERS: Final = {
    "supplier": (
        {"s4-suppliers", "erp-suppliers", "crm-accounts"},
        {"suppliers-to-crm", "suppliers-to-erp", "suppliers-claim-crm"},
    ),
    "material": ({"s4-materials"}, {"materials-to-erp"}),
}


class Landscape:
    """``cophub demo --airflow`` in a process of its own, and its REST API."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        words = ["demo", "--airflow", "--port", str(self.port), "--keep", str(folder)]
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("COPHUB_", "AIRFLOW"))}
        self.process = subprocess.Popen(
            [*PROGRAM, *words], env=ours, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("every DAG runs"):
                break
        self.home = folder / ".cophub/airflow/home"
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        password = json.loads((self.home / "simple_auth_manager_passwords.json.generated").read_text())["admin"]
        said = self.api.post("/auth/token", json={"username": "admin", "password": password})
        self.api.headers["Authorization"] = f"Bearer {said.raise_for_status().json()['access_token']}"

    def get(self, path: str, **asked: Any) -> Any:
        return self.api.get(path, params=asked).raise_for_status().json()

    def tasks(self) -> dict[str, str]:
        """The state of each exchange's newest task."""
        found = self.get("/api/v2/dags/~/dagRuns/~/taskInstances", order_by="start_date", limit=500)
        return {one["dag_id"].removeprefix("lanhai."): one["state"] for one in found["task_instances"]}

    def wakes(self) -> set[tuple[str, str]]:
        """Which exchange wakes which, by the edges of Airflow's graph of assets."""
        steps: dict[str, set[str]] = {}
        for edge in self.get("/ui/dependencies")["edges"]:
            steps.setdefault(edge["source_id"], set()).add(edge["target_id"])
        found = set()
        for start in [node for node in steps if node.startswith("dag:")]:
            beyond = list(steps[start])
            for node in beyond:
                if node.startswith("dag:"):
                    found.add((start.removeprefix("dag:lanhai."), node.removeprefix("dag:lanhai.")))
                else:
                    beyond += steps.get(node, set()) - set(beyond)
        return found


def until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(1)


@pytest.fixture(scope="module")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    made = Landscape(tmp_path_factory.mktemp("demo") / "landscape")
    yield made
    if made.process.poll() is None:
        for one in psutil.Process(made.process.pid).children(recursive=True):
            one.kill()
        made.process.kill()
    made.process.wait()


def test_the_graph_of_assets_shows_which_exchange_wakes_which(landscape: Landscape) -> None:
    wanted = {(one, other) for makers, followers in FOLLOWERS.values() for one in makers for other in followers}
    assert landscape.wakes() == wanted


def test_every_exchange_ends_well_and_one_waits_for_a_person(landscape: Landscape) -> None:
    wanted = dict.fromkeys(EXCHANGES, "success") | {HELD: "awaiting_input"}
    until(lambda: landscape.tasks() == wanted, 400)
    woken = landscape.get("/api/v2/dags/~/dagRuns", run_type="asset_triggered", limit=500)["dag_runs"]
    assert {run["dag_id"].removeprefix("lanhai.") for run in woken} == {
        name for _, followers in FOLLOWERS.values() for name in followers
    }


def test_who_approves_in_airflow_lets_the_plan_through(landscape: Landscape) -> None:
    (asked,) = landscape.get("/api/v2/dags/~/dagRuns/~/hitlDetails")["hitl_details"]
    assert re.match(f"{HELD}: \\d+ records to create, .* The plan [0-9a-f-]+ waits", asked["subject"])
    task = asked["task_instance"]
    path = f"/api/v2/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/run/-1/hitlDetails"
    answer = {"chosen_options": ["Approve"], "params_input": {"reason": "the first load"}}
    landscape.api.patch(path, json=answer).raise_for_status()
    until(lambda: landscape.tasks()[HELD] == "success", 120)


def test_asked_to_end_it_leaves_no_process_behind(landscape: Landscape) -> None:
    ours = psutil.Process(landscape.process.pid).children(recursive=True)
    assert len(ours) > 4
    landscape.process.send_signal(signal.SIGTERM)
    assert landscape.process.wait(60) == 0
    _, left = psutil.wait_procs(ours, 10)
    assert [one.cmdline() for one in left] == []
