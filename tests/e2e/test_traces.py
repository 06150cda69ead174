"""Traces of processes, as a collector of OpenTelemetry gets them."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from hub.bus.signature import signed
from tests.e2e.collector import collecting
from tests.e2e.test_cli_process import finished
from tests.e2e.test_starting import asked, ended, started
from tests.e2e.test_webhook import FILES, order
from tests.unit.bus.busworld import until
from tests.unit.bus.hook import SECRET, Hook
from tests.unit.cli.desk import Desk, desk
from tests.unit.http.fake import Answer, Asked, Fake, running

PERSON, TOKEN = "Zenobia Quill", "t0ken-of-the-crm"
CRM = """
system: crm
connector: rest
url: {url}/api
auth: {{bearer: {{token: secret://crm/token}}}}
resources:
  orders:
    path: /orders
    records: records
    key: id
    fields: {{id: text, external_id: text, buyer: text}}
    write:
      create: {{method: POST, path: /orders, id: id}}
      update: {{method: PATCH, path: "/orders/{{id}}", id: id}}
      find: {{params: {{external_id: "{{external_id}}"}}}}
"""
TO_CRM = """
mapping: orders-to-crm
from: order
into: crm.orders
key: external_id
fields: {external_id: number, buyer: buyer}
schedule: on_change
"""
GIVEN = "00-11112222333344445555666677778888-aaaabbbbccccdddd-01"


class Crm:
    """A target that remembers what it was sent, and under which trace."""

    def __init__(self) -> None:
        self.traces: dict[str, str] = {}
        self.fake = Fake(self.reply)

    def reply(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return Answer(200, json.dumps({"records": []}).encode(), {"Content-Type": "application/json"})
        name = json.loads(asked.body)["external_id"]
        self.traces[name] = asked.headers.get("traceparent", "")
        return Answer(201, json.dumps({"id": f"c-{name}"}).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text.lstrip())
    return tmp_path


def posted(url: str, identity: str, value: Any, **headers: str) -> int:
    body = json.dumps(value).encode()
    proof = signed([SECRET], identity, int(time.time()), body)
    asked = urllib.request.Request(url, data=body, headers={"content-type": "application/json", **proof, **headers})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return int(answer.status)


def test_an_event_is_one_trace_from_the_webhook_to_the_target(folder: Path) -> None:
    crm = Crm()
    with running(crm.fake), Hook() as hook, collecting() as (collector, endpoint):
        (folder / "config/systems/crm.yaml").write_text(CRM.format(url=crm.fake.url).lstrip())
        (folder / "mappings/orders-to-crm.yaml").write_text(TO_CRM.lstrip())
        with (folder / "config/hub.yaml").open("a") as file:
            file.write(f"webhooks: {{watcher: {{url: '{hook.url}', secret: secret://shop/push}}}}\n")
        assert Desk(folder).cophub("migrate", "--yes").code == 0
        told = {
            "COPHUB_SECRET_SHOP_PUSH": SECRET,
            "COPHUB_SECRET_CRM_TOKEN": TOKEN,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        with started(folder, "serve", "--worker", COPHUB_PORT="0", **told) as (server, line):
            found = re.search(r"http://[^/ ]+", line)
            assert found is not None
            assert asked(f"{found[0]}/healthz")[0] == 200
            url = f"{found[0]}/v1/events/shop/orders"
            assert posted(url, "m1", order(1, 1, buyer={"name": PERSON})) == 202
            until(lambda: "o1" in crm.traces and hook.events, 60)
            envelope = {"specversion": "1.0", "id": "e2", "source": "/shop", "type": "order", "traceparent": GIVEN}
            assert posted(f"{url}?who=m2", "m2", envelope | {"data": order(2, 1)}, traceparent="none of mine") == 202
            until(lambda: "o2" in crm.traces and len(hook.events) > 1, 60)
            assert ended(server) == 0
    first = crm.traces["o1"].split("-")[1]
    (request,) = [one for one in collector.named("POST /v1/events/{system}/{resource:path}") if one.trace == first]
    assert (request.attributes["http.response.status_code"], request.service) == (202, "cophub")
    (call,) = [one for one in collector.named("POST") if (one.attributes["cophub.system"], one.trace) == ("crm", first)]
    assert [one.name for one in collector.above(call)] == [
        "POST", "send orders", "deliver", "run orders-to-crm", "follow orders-to-crm", "apply", "run shop-orders",
        "events shop-orders", "accept shop.orders", request.name,
    ]  # fmt: skip
    (send,) = [one for one in collector.named("send orders") if one.trace == first]
    assert (send.attributes["cophub.operation"], send.attributes["cophub.done"]) == ("create", 1)
    given = GIVEN.split("-")[1]
    assert [one["traceparent"].split("-")[1] for one in hook.events] == [first, given]
    assert crm.traces["o2"].split("-")[1] == given
    for hidden in (PERSON, TOKEN, SECRET, "who=m2", "/api", "12.50"):
        assert hidden.encode() not in collector.raw, hidden


def test_a_run_is_a_part_of_what_started_it_and_says_why_it_failed(tmp_path: Path) -> None:
    made = desk(tmp_path / "work")
    with collecting() as (collector, endpoint):
        told = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "hub-east", "TRACEPARENT": GIVEN}
        assert finished(made.folder, "run", "erp-suppliers", "--initial", **told).returncode == 0
        (made.folder / "data/suppliers.csv").unlink()
        assert finished(made.folder, "run", "erp-suppliers", "--full", **told).returncode != 0
    good, bad = collector.named("run erp-suppliers")
    assert {one.trace for one in collector.spans} == {GIVEN.split("-")[1]}
    assert {one.service for one in collector.spans} == {"hub-east"}
    assert (good.attributes["cophub.read"], good.failed) == (5, False)
    assert (bad.attributes["error.type"], bad.failed) == ("file.missing", True)
    stages = [one.name for one in collector.spans if one.parent == good.id]
    assert sorted(stages) == ["apply", "extract", "guard", "map", "merge", "resolve"]
    (page,) = [one for one in collector.named("page") if not one.failed]
    assert (page.attributes["cophub.records"], page.attributes["cophub.resource"]) == (5, "suppliers")


def test_a_collector_that_is_away_holds_nothing_up_for_long(tmp_path: Path) -> None:
    made = desk(tmp_path / "work")
    begun = time.monotonic()
    ran = finished(
        made.folder, "run", "erp-suppliers", "--initial", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9/?key=s3cr3t"
    )
    assert (ran.returncode, "s3cr3t" in ran.stderr) == (0, False)
    assert time.monotonic() - begun < 20


def test_where_no_collector_is_spoken_to_that_is_said_and_nothing_stops(tmp_path: Path) -> None:
    made = desk(tmp_path / "work")
    grpc = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    ran = finished(made.folder, "runs", **grpc)
    assert (ran.returncode, "http/protobuf" in ran.stderr) == (0, True)
    (tmp_path / "opentelemetry.py").write_text("raise ImportError")  # as where the extra is not installed
    ran = finished(made.folder, "runs", OTEL_TRACES_EXPORTER="otlp", PYTHONPATH=str(tmp_path))
    assert (ran.returncode, "cophub[opentelemetry]" in ran.stderr) == (0, True)
