"""What Prometheus is told: true, bounded, and about nobody."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from hub.bootstrap import Opened, open_hub
from hub.errors import ConfigError
from hub.metrics import told_at
from hub.store import signs
from hub.web import application
from tests.stores import Postgres, new_name
from tests.unit.cli.desk import Desk, desk

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def work(tmp_path: Path) -> Desk:
    return desk(tmp_path / "work")


@pytest.fixture
def opened(work: Desk) -> Iterator[Opened]:
    with open_hub(work.folder) as hub:
        yield hub


def scraped(port: int) -> Samples:
    """Every sample by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float:
    """The sum of a metric over samples with these labels."""
    return sum(value for (one, has), value in found.items() if one == name and has >= set(labels.items()))


def test_runs_of_other_processes_are_counted_once(work: Desk, opened: Opened) -> None:
    with told_at("127.0.0.1:0", opened.hub) as port:
        assert of(scraped(port), "cophub_runs_total") == 0
        said = work.cophub("run", "--all", "--initial", "--json")
        runs = {one["exchange"]: one for one in said.json["runs"]}
        assert runs
        for _ in range(2):
            found = scraped(port)
            assert of(found, "cophub_runs_total") == len(runs)
            for name, one in runs.items():
                assert of(found, "cophub_run_seconds_count", exchange=name) == 1
                if "counts" in one:
                    read = of(found, "cophub_records_total", exchange=name, result="read")
                    assert read == one["counts"]["read"] > 0


def test_gauges_say_what_the_store_says(work: Desk, opened: Opened) -> None:
    work.cophub("run", "--all", "--initial")
    signs.give(opened.hub.database, "here/1/1", ["outbox"])
    with told_at("127.0.0.1:0", opened.hub) as port:
        found = scraped(port)
        assert (of(found, "cophub_store_up"), of(found, "cophub_workers")) == (1, 1)
        assert of(found, "cophub_outbox_events") > 0
        work.cophub("worker", "--once")
        assert of(scraped(port), "cophub_outbox_events") == 0


def test_addresses_are_counted_by_route_and_made_up_ones_together(opened: Opened) -> None:
    with told_at("127.0.0.1:0", opened.hub) as port, TestClient(application(opened)) as client:
        before = scraped(port)
        for path in ("/healthz", "/v1/runs/4711", "/wp-admin/a", "/wp-admin/b", "/portal/%E5%BC%A0", "/x" * 500):
            client.get(path)
        client.request("BREW", "/healthz")
        found = scraped(port)
    name = "cophub_http_request_seconds_count"
    assert of(found, name, route="/healthz", status="2xx") == of(before, name, route="/healthz", status="2xx") + 1
    assert of(found, name, route="other") > of(before, name, route="other") + 2
    fresh = {dict(has)["route"] for (one, has) in found if one == name}
    assert not any(part in route for route in fresh for part in ("4711", "wp-admin", "张", "%E5", "/x/x"))
    assert of(found, name, method="BREW") == 0


def test_a_store_that_does_not_answer_is_told_by_a_zero(
    work: Desk, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_name()
    monkeypatch.setenv("COPHUB_STORE", postgres.create(name))
    work.cophub("migrate")
    with open_hub(work.folder) as hub, told_at("127.0.0.1:0", hub.hub) as port:
        assert of(scraped(port), "cophub_store_up") == 1
        postgres.drop(name)
        found = scraped(port)
    assert of(found, "cophub_store_up") == 0
    assert of(found, "process_resident_memory_bytes") > 0


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:99999", "192.0.2.1:1"])
def test_an_address_that_cannot_be_listened_on_is_told(opened: Opened, address: str) -> None:
    with pytest.raises(ConfigError, match="cannot listen") as caught, told_at(address, opened.hub):
        pass
    assert caught.value.code == "metrics.address"
