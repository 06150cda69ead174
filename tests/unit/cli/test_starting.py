"""What is wrong when a process of the hub starts is told with its cause, and ends it; nothing is half begun."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hub.bootstrap import open_hub
from hub.store import signs
from hub.store.journal import holder
from hub.web import application
from tests.conftest import variables
from tests.stores import Postgres, new_name
from tests.unit.cli.desk import Desk, desk

SERVE, WORKER = ("serve", "--port", "0"), ("worker",)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what this machine says about a hub."""
    for name in [name for name in os.environ if name.startswith("COPHUB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def work(tmp_path: Path, bare: None) -> Desk:
    return desk(tmp_path / "work")


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """A database without tables."""
    name = new_name()
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture
def closed() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


WRONG = {
    "nobody there": ("postgresql://hub:pa55w0rd-xyz@127.0.0.1:{closed}/hub", 75, "store.unreachable"),
    "no database of that name": ("{empty}_more", 65, "store.missing"),
    "no tables": ("{empty}", 65, "store.schema"),
    "another engine": ("mysql://hub:pa55w0rd-xyz@127.0.0.1/hub", 65, "store.unknown"),
}


@pytest.mark.parametrize("command", [SERVE, WORKER], ids=lambda words: words[0])
@pytest.mark.parametrize("case", WRONG)
def test_a_store_that_cannot_be_used_is_told_at_the_start(
    work: Desk, empty: str, closed: int, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], case: str
) -> None:
    store, code, word = WRONG[case]
    monkeypatch.setenv("COPHUB_STORE", store.format(closed=closed, empty=empty))
    said = work.cophub(*command)
    assert (said.code, word in said.err, "hint" in said.err) == (code, True, True), said.err
    assert "pa55w0rd-xyz" not in said.err + said.out


@pytest.mark.parametrize("command", [SERVE, WORKER], ids=lambda words: words[0])
def test_a_key_that_is_named_and_missing_is_told_at_the_start(
    work: Desk, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COPHUB_MASTER_KEY_FILE", str(work.folder / "nowhere.key"))
    said = work.cophub(*command)
    assert (said.code, "key.missing" in said.err) == (77, True), said.err
    told = {one["part"]: one for one in work.cophub("ready", "--json").json["parts"]}
    assert (told["store"]["state"], told["key"]["code"]) == ("ok", "key.missing")


def test_a_port_that_is_taken_is_told_with_its_cause(work: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        monkeypatch.setenv("COPHUB_PORT", str(bound.getsockname()[1]))
        said = work.cophub("serve")
    assert (said.code, "serve.port" in said.err, "already in use" in said.err) == (65, True, True), said.err


def test_a_proxy_that_is_no_address_is_refused(work: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPHUB_BEHIND", "everybody")
    assert work.cophub("serve").code == 65


def test_the_password_of_the_store_comes_from_a_file(
    work: Desk, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _, rest = empty.partition("//")
    user, _, place = rest.partition("@")
    file = tmp_path / "store.password"
    file.touch(mode=0o600)
    monkeypatch.setenv("COPHUB_STORE", f"{before}//{user.partition(':')[0]}@{place}")
    monkeypatch.setenv("COPHUB_SECRETS_DIR", str(tmp_path))
    for written, code in ((user.partition(":")[2], "store.schema"), ("wr0ng-pa55word", "store.denied")):
        file.write_text(written + "\n")
        said = work.cophub("worker", "--once")
        assert code in said.err
        assert "wr0ng-pa55word" not in said.err


def test_ready_tells_each_part_and_fails_where_a_needed_one_does(work: Desk) -> None:
    assert work.cophub("ready").code == 0
    said = work.cophub("ready", "--need", "worker", "--json")
    told = {one["part"]: (one["state"], one["code"]) for one in said.json["parts"]}
    ok = ("ok", "")
    assert told == {"store": ok, "schema": ok, "key": ok, "worker": ("failed", "worker.absent"), "outbox": ok}
    assert said.code == 75
    with open_hub(work.folder) as opened:
        signs.give(opened.hub.database, holder(), ["inbox", "outbox"])
    assert work.cophub("ready", "--need", "worker", "--need", "outbox").code == 0
    assert work.cophub("ready", "--need", "everything").code == 65


def test_a_broker_that_is_away_is_told_and_stops_nothing(
    work: Desk, closed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPHUB_BUS", f"amqp://hub:pa55w0rd-xyz@127.0.0.1:{closed}//")
    assert work.cophub("ready").code == 0
    said = work.cophub("ready", "--need", "bus", "--json")
    assert (said.code, said.json["parts"][-1]["part"], said.json["parts"][-1]["code"]) == (75, "bus", "bus.away")
    with open_hub(work.folder) as opened, TestClient(application(opened)) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["state"]) == (200, "degraded")
        told = answer.json()["parts"][-1]
        assert told == {"part": "bus", "state": "failed", "code": "bus.away", "cause": "the broker does not answer"}
    assert "pa55w0rd-xyz" not in said.out + said.err


def test_a_store_that_went_away_makes_the_hub_unready_and_names_no_server(
    work: Desk, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_name()
    monkeypatch.setenv("COPHUB_STORE", postgres.create(name))
    try:
        assert work.cophub("migrate").code == 0
        with open_hub(work.folder) as opened, TestClient(application(opened)) as client:
            assert (client.get("/readyz").status_code, client.get("/readyz").json()["state"]) == (200, "degraded")
            postgres.drop(name)
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json()["state"]) == (503, "unready")
            assert answer.json()["parts"][0]["code"].startswith("store.")
            server = variables("POSTGRES")["HUB_TEST_POSTGRES_URL"].rpartition("@")[2].partition(":")[0]
            assert server not in json.dumps(answer.json())
            assert client.get("/healthz").status_code == 200
    finally:
        postgres.drop(name)
