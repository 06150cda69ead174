from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from connectors.simulators import KINDS, PRODUCTS, Fault, Simulator
from connectors.simulators.catalogue import examples, made
from connectors.simulators.faults import Faults
from connectors.simulators.oplog import OperationLog
from connectors.simulators.tables import Clock, Table
from hub.workspace.load import lint
from tests.unit.cli.desk import cophub

ROOT = Path(__file__).resolve().parents[3]
KEY = {"X-Api-Key": "crm-demo"}


@pytest.fixture
def crm() -> Iterator[Simulator]:
    with Simulator("crm") as simulator:
        yield simulator


def accounts(crm: Simulator, **query: str) -> requests.Response:
    return requests.get(f"{crm.url}/api/v2/accounts", params=query, headers=KEY, timeout=5)


def create(crm: Simulator, external: str = "X1") -> requests.Response:
    body = {"external_id": external, "name": "ACME"}
    return requests.post(f"{crm.url}/api/v2/accounts", json=body, headers=KEY, timeout=5)


def test_it_listens_on_loopback_on_a_free_port(crm: Simulator) -> None:
    assert crm.url == f"http://127.0.0.1:{crm.port}"
    assert accounts(crm).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "retry"),
    [
        ("throttle", 429, "1"),
        ("throttle=7", 429, "7"),
        ("throttle=none", 429, None),
        ("unavailable", 503, None),
        ("unavailable=3", 503, "3"),
        ("unauthorized", 401, None),
    ],
)
def test_a_refusal_strikes_once(crm: Simulator, fault: str, status: int, retry: str | None) -> None:
    crm.faults.set(fault)
    answer = accounts(crm)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry)
    assert accounts(crm).status_code == 200


def test_retry_after_may_be_a_date(crm: Simulator) -> None:
    crm.faults.set("throttle=date")
    assert accounts(crm).headers["Retry-After"].endswith("GMT")


def test_a_page_of_html_and_an_empty_body_have_status_200(crm: Simulator) -> None:
    crm.faults.set("html", "nothing")
    page, nothing = accounts(crm), accounts(crm)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (nothing.status_code, nothing.content) == (200, b"")


def test_a_cut_body_is_shorter_than_announced(crm: Simulator) -> None:
    crm.faults.set("cut")
    with pytest.raises(requests.exceptions.RequestException):
        accounts(crm)


def test_a_lost_answer_was_applied_and_logged(crm: Simulator) -> None:
    crm.faults.set("lost,method=POST")
    with pytest.raises(requests.exceptions.ConnectionError):
        create(crm)
    assert crm.log.count("create", "accounts") == 1
    assert create(crm).status_code == 409


def test_a_refused_connection_applied_nothing(crm: Simulator) -> None:
    crm.faults.set("refused,method=POST")
    with pytest.raises(requests.exceptions.ConnectionError):
        create(crm)
    assert crm.log.count("create") == 0
    assert create(crm).status_code == 201


def test_a_trickling_body_arrives_whole(crm: Simulator) -> None:
    crm.faults.set("slow=100000", "delay=0.01")
    assert len(accounts(crm).json()["records"]) == 20


def test_a_lie_is_acknowledged_and_not_applied(crm: Simulator) -> None:
    crm.faults.set("lie")
    assert create(crm).status_code == 201
    assert accounts(crm, external_id="X1").json()["total"] == 0
    assert crm.log.count("create") == 0


def test_a_share_of_the_changes_is_dropped_and_acknowledged(crm: Simulator) -> None:
    crm.faults.set("drop=25")
    assert [create(crm, f"D{number}").status_code for number in range(8)] == [201] * 8
    assert crm.log.count("create", "accounts") == 6


def test_an_error_may_follow_what_was_applied(crm: Simulator) -> None:
    crm.faults.set("broken,method=POST")
    assert create(crm).status_code == 500
    assert crm.log.count("create", "accounts") == 1


def test_a_list_can_lie_about_its_records_their_order_and_their_number(crm: Simulator) -> None:
    told = accounts(crm).json()
    crm.faults.set("count=3", "swallowed,skip=1", "twice,skip=1", "reorder,skip=2")
    wrong, swallowed, twice, reorder = (accounts(crm).json() for _ in range(4))
    assert wrong["total"] == told["total"] + 3
    assert (swallowed["records"], swallowed["total"]) == ([], None)
    assert twice["records"] == told["records"][:1] + told["records"]
    assert reorder["records"] == told["records"][::-1]


def test_a_fault_may_be_limited_and_delayed(crm: Simulator) -> None:
    crm.faults.set("unavailable,method=GET,path=/accounts,skip=1,times=2")
    assert create(crm).status_code == 201
    assert [accounts(crm).status_code for _ in range(4)] == [200, 503, 503, 200]
    assert crm.faults.texts() == []


def test_the_text_of_a_fault_reads_back() -> None:
    for text in ("lost", "drift=Name:Title", "throttle=5,method=POST,path=$batch,skip=2,times=always"):
        fault = Fault.parse(text)
        assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize("text", ["lunch", "lost,when=now", "lost,skip=x", ""])
def test_an_unknown_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Faults([text])


def test_the_switches_work_over_http(crm: Simulator) -> None:
    admin = f"{crm.url}/_sim"
    assert requests.post(f"{admin}/faults", json=["unavailable,times=always"], timeout=5).status_code == 200
    assert accounts(crm).status_code == 503
    assert requests.delete(f"{admin}/faults", timeout=5).json() == []
    row = {"id": "ACC-000001", "name": "Changed by hand"}
    assert requests.post(f"{admin}/rows/accounts", json=row, timeout=5).status_code == 200
    shown = requests.get(f"{admin}/rows/accounts", timeout=5).json()
    assert next(each for each in shown if each["id"] == "ACC-000001")["name"] == "Changed by hand"
    requests.delete(f"{admin}/rows/accounts", json=["ACC-000001"], timeout=5)
    log = requests.get(f"{admin}/log", timeout=5).json()
    assert [(each["actor"], each["action"]) for each in log if each["action"] != "request"] == [
        ("user", "update"),
        ("user", "delete"),
    ]
    assert requests.post(f"{admin}/faults", json=["lunch"], timeout=5).status_code == 400
    assert requests.get(f"{admin}/rows/none", timeout=5).status_code == 400


def test_the_log_file_holds_what_was_done_before_the_answer(tmp_path: Path) -> None:
    with Simulator("crm", log=tmp_path / "log", faults=["lost,method=POST"]) as crm:
        with pytest.raises(requests.exceptions.ConnectionError):
            create(crm)
        lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(line["action"], line["note"]) for line in lines[:1]] == [("create", "X1")]


def test_the_log_is_numbered_and_filtered() -> None:
    log = OperationLog()
    log.append("a", "create", "x", "1")
    log.append("a", "update", "x", "1")
    assert [each.number for each in log.since(1)] == [2]
    assert log.count("update", "x", "1") == 1
    assert log.count("update", "y") == 0


def test_every_change_gives_a_new_version() -> None:
    table = Table("t", ["id"])
    table.create({"id": 1, "a": 1})
    first = table.version((1,))
    table.delete((1,))
    table.create({"id": 1, "a": 1})
    assert table.version((1,)) != first
    with pytest.raises(KeyError):
        table.create({"id": 1})


def test_two_readings_of_the_clock_differ() -> None:
    clock = Clock()
    times = [clock.now() for _ in range(50)]
    assert times == sorted(set(times))
    clock.skew = 600
    assert (clock.now() - times[-1]).total_seconds() > 500


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    program = "import sys; from hub.cli import main; main()"
    words = ["simulate", "crm", "--port", "0", "--fault", "unavailable", "--records", "7", "--seed", "5"]
    command = [sys.executable, "-c", program, *words, "--log", str(tmp_path / "log"), "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answers = [requests.get(f"{url}/api/v2/accounts", headers=KEY, timeout=5) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[1].json()["total"] == 7
    assert "read" in (tmp_path / "log").read_text()


def test_the_command_lists_every_product_and_every_fault() -> None:
    said = cophub("simulate", "--list", "--json")
    assert said.code == 0
    assert [each["product"] for each in said.json["products"]] == list(PRODUCTS)
    assert said.json["faults"].keys() == KINDS.keys()
    shown = cophub("simulate").out
    assert all(word in shown for word in [*KINDS, *PRODUCTS])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lotus"], "there is no simulated product lotus"),
        (["crm", "--fault", "lunch"], "there is no fault 'lunch'"),
        (["crm", "--records", "0"], "records must be a number from 1"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(words: list[str], told: str) -> None:
    said = cophub("simulate", *words, "--port", "0")
    assert said.code == 65
    assert told in said.err


def test_a_port_in_use_is_told(crm: Simulator) -> None:
    said = cophub("simulate", "crm", "--port", str(crm.port))
    assert (said.code, "cannot listen" in said.err) == (65, True)


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_same_seed_gives_the_same_records_and_as_many_as_asked_for(name: str) -> None:
    first, again, other = (made(name, seed, 30) for seed in (1, 1, 2))
    tables = {table: list(rows) for table, rows in first.tables.items()}
    assert {table: list(rows) for table, rows in again.tables.items()} == tables
    assert {table: list(rows) for table, rows in other.tables.items()} != tables
    assert any(29 <= len(rows) <= 45 for rows in first.tables.values())


@pytest.mark.parametrize("name", [one for name in PRODUCTS for one in examples(name)])
def test_the_example_is_a_clean_system_file(name: str, tmp_path: Path) -> None:
    text = cophub("simulate", name, "--example", "--port", "9911").out
    assert "http://127.0.0.1:9911" in text
    (tmp_path / "config" / "systems").mkdir(parents=True)
    (tmp_path / "config" / "hub.yaml").write_text("hub: examples\n")
    (tmp_path / "config" / "systems" / f"{yaml.safe_load(text)['system']}.yaml").write_text(text)
    workspace, findings = lint(tmp_path)
    assert (workspace is not None, findings) == (True, [])
