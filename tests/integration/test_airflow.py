"""Exchanges as DAGs of Airflow 3.3.2 itself: what it reads of a workspace, and that a run there is a run of the hub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub.airflow.manifest import Place
from hub.airflow.sync import sync_stubs
from hub.bootstrap import open_hub
from hub.store import notices
from tests.integration.airflow_host import PREFIX
from tests.unit.cli.desk import Desk, desk

EXCHANGE = "erp-suppliers"
MAPPING = "mappings/erp-suppliers.yaml"
NOISE = ("run", "run_key", "plan", "seconds")


class Airflow:
    """The process that ``airflow_host`` is."""

    def __init__(self, home: Path) -> None:
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COPHUB_", "AIRFLOW"))},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "COPHUB_ACTOR": "airflow",
        }
        self.dags = home / "dags"
        self._log = (home / "log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.airflow_host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=variables,
        )

    def __call__(self, name: str, **arguments: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([name, arguments]) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith(PREFIX):
                return json.loads(line.removeprefix(PREFIX))
        raise AssertionError(Path(self._log.name).read_text()[-4000:])

    def shows(self, folder: Path, hub: str) -> Desk:
        """A workspace of that name, whose stubs lie in the folder of DAGs."""
        work = desk(folder)
        work.edit("config/hub.yaml", "hub: my_hub", f"hub: {hub}")
        work.edit("config/hub.yaml", "schedules: worker", "schedules: airflow")
        self.sync(work, hub)
        return work

    def sync(self, work: Desk, hub: str) -> None:
        """Let Airflow see what changed."""
        sync_stubs(Place(work.folder), self.dags / hub)

    def reads(self, hub: str) -> Any:
        """What Airflow finds of a workspace."""
        return self("bag", folder=str(self.dags / hub))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._log.close()


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    started = Airflow(tmp_path_factory.mktemp("airflow"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def work(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A workspace that Airflow runs."""
    return airflow.shows(tmp_path_factory.mktemp("work"), "first")


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same, for the command line."""
    return desk(tmp_path_factory.mktemp("twin"))


def bare(report: dict[str, Any]) -> dict[str, Any]:
    """Without what differs from run to run."""
    return {name: value for name, value in report.items() if name not in NOISE}


@pytest.mark.usefixtures("work")
def test_every_exchange_is_a_dag_that_runs_once_at_a_time_in_the_pool_of_its_system(airflow: Airflow) -> None:
    read = airflow.reads("first")
    assert read["errors"] == {}
    shape = read["dags"][f"first.{EXCHANGE}"]
    assert shape.pop("digest")
    assert shape == {
        "pool": "first.erp_files",
        "retries": 3,
        "runs": 1,
        "catchup": False,
        "schedule": "CronTriggerTimetable",
        "tags": ["cophub", "erp_files", "first", "supplier"],
    }


def test_pools_are_missing_until_they_are_synced(airflow: Airflow, work: Desk) -> None:
    missing, first, second, slots, left = airflow("pools", folder=str(work.folder))
    assert (missing, first, second, left) == (["first.erp_files"], {"first.erp_files": 4}, {}, [])
    assert slots["first.erp_files"] == 4


def test_a_dag_that_is_read_again_is_no_new_version_until_its_yaml_changes(
    airflow: Airflow, tmp_path: Path
) -> None:
    work = airflow.shows(tmp_path, "versions")
    asked = {"folder": str(airflow.dags / "versions"), "dag": f"versions.{EXCHANGE}"}
    first, second = (airflow("serialized", **asked) for _ in range(2))
    work.edit(MAPPING, "active = '1'", "active <> '0'")
    assert (first == second, first == airflow("serialized", **asked)) == (True, False)


@pytest.mark.usefixtures("work")
def test_the_process_of_a_task_reads_one_dag(airflow: Airflow) -> None:
    wanted = f"first.{EXCHANGE}"
    assert airflow("alone", folder=str(airflow.dags / "first"), dag=wanted) == [wanted]
    assert airflow("alone", folder=str(airflow.dags / "first"), dag="first.gone") == []


@pytest.mark.parametrize(
    ("options", "conf", "events"),
    [
        (["--mode", "link_only"], {"mode": "link_only"}, []),
        (["--mode", "plan"], {"mode": "incremental", "dry_run": True}, []),
        ([], {"mode": "incremental"}, ["exchange/erp-suppliers", "model/supplier"]),
        (["--full"], {"mode": "full"}, []),
    ],
    ids=["link_only", "plan", "incremental", "full"],
)
def test_the_report_is_that_of_the_command_line_and_only_a_change_wakes_others(
    airflow: Airflow, work: Desk, twin: Desk, options: list[str], conf: dict[str, Any], events: list[str]
) -> None:
    said = twin.cophub("run", EXCHANGE, *options, "--json").json["runs"][0]
    airflow.reads("first")
    ran = airflow("test", dag=f"first.{EXCHANGE}", conf=conf)
    assert (ran["state"], bare(ran["return_value"])) == ("success", bare(said))
    assert sorted(ran["events"]) == [f"cophub://first/{name}" for name in events]


def test_a_split_exchange_runs_in_mapped_tasks_and_reports_as_if_it_was_not(airflow: Airflow, tmp_path: Path) -> None:
    work, twin = airflow.shows(tmp_path / "a", "parted"), desk(tmp_path / "b")
    said = twin.cophub("run", EXCHANGE, "--full", "--json").json["runs"][0]
    work.append(MAPPING, "split: {by: number, at: ['1003', '1005']}\n")
    airflow.sync(work, "parted")
    airflow.reads("parted")
    ran = airflow("test", dag=f"parted.{EXCHANGE}", conf={"mode": "full"})
    assert ran["tasks"] == dict.fromkeys(["open -1", "part 0", "part 1", "part 2", "run -1"], "success")
    assert bare(ran["return_value"]) == bare(said)
    assert ran["events"]


def test_what_no_try_can_mend_fails_at_the_first_and_is_noted_once(airflow: Airflow, tmp_path: Path) -> None:
    work, twin = airflow.shows(tmp_path / "a", "failing"), desk(tmp_path / "b")
    for one in (work, twin):
            shutil.rmtree(one.folder / "data")
    said = twin.cophub("run", EXCHANGE, "--json").json["runs"][0]
    airflow.reads("failing")
    ran = airflow("test", dag=f"failing.{EXCHANGE}", conf={})
    assert ran["task"] == "failed"
    assert json.dumps(bare(ran["report"])).replace(str(work.folder), str(twin.folder)) == json.dumps(bare(said))
    with open_hub(work.folder, variables={}) as opened:
        (noted,) = notices.latest(opened.hub.database)
    assert (noted.kind, noted.exchange, noted.attempt) == ("failed", EXCHANGE, 1)


def test_a_broken_file_is_an_import_error_of_its_own(airflow: Airflow, tmp_path: Path) -> None:
    work = airflow.shows(tmp_path, "broken")
    text = (work.folder / MAPPING).read_text(encoding="utf-8")
    broken = text.replace("mapping: erp-suppliers", "mapping: second").replace("into: supplier", "into: nothing")
    (work.folder / "mappings/second.yaml").write_text(broken, encoding="utf-8")
    read = airflow.reads("broken")
    assert list(read["dags"]) == [f"broken.{EXCHANGE}"]
    assert list(read["errors"]) == ["hub_findings.py"]
    assert 'mappings/second.yaml:4:7: error: into: there is no model "nothing"' in read["errors"]["hub_findings.py"]
    assert airflow("test", dag=f"broken.{EXCHANGE}", conf={})["state"] == "success"


def test_a_dag_of_others_reads_the_secrets_that_the_hub_names_and_no_others(airflow: Airflow, tmp_path: Path) -> None:
    work = desk(tmp_path / "w")
    work.append("config/hub.yaml", "airflow: {secrets: [crm/key, erp/password]}\n")
    systems = {
        "crm": "url: https://crm.example.com/api\nauth: {api_key: {header: X-Api-Key, value: secret://crm/key}}",
        "erp": "url: https://erp.example.com\nauth: {basic: {username: HUB, password: secret://erp/password}}",
        "hr": "url: https://hr.example.com\nauth: {basic: {username: HUB, password: secret://hr/password}}",
    }
    for name, settings in systems.items():
        path = work.folder / f"config/systems/{name}.yaml"
        resources = "resources: {things: {path: /things, key: id}}"
        path.write_text(f"system: {name}\nconnector: rest\n{settings}\n{resources}\n")
    for name in ("crm/key", "erp/password", "hr/password"):
        assert work.cophub("secrets", "set", name, stdin=f"the {name}").code == 0
    read = airflow(
        "secrets",
        folder=str(work.folder),
        variables=["cophub/crm/key", "cophub/hr/password", "crm/key", "cophub/none/such"],
        connections=["cophub_crm", "cophub_erp", "cophub_hr", "erp", "cophub_nobody"],
    )
    extra = read["cophub_erp"].pop()
    assert extra["auth"] == {"basic": {"username": "HUB", "password": "the erp/password"}}
    assert read["cophub_crm"].pop()["auth"]["api_key"] == {"header": "X-Api-Key", "value": "the crm/key"}
    assert read == {
        "cophub/crm/key": "the crm/key",
        "cophub/hr/password": None,
        "crm/key": None,
        "cophub/none/such": None,
        "cophub_crm": ["http", "https://crm.example.com/api", None, None],
        "cophub_erp": ["http", "https://erp.example.com", "HUB", "the erp/password"],
        "cophub_hr": None,
        "erp": None,
        "cophub_nobody": None,
    }
    assert work.cophub("secrets", "set", "crm/key", stdin="another").code == 0
    again = airflow("secrets", folder=str(work.folder), variables=["cophub/crm/key"], connections=[])
    assert again == {"cophub/crm/key": "another"}
