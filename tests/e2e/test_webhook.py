"""A system that only pushes, through a served hub and a worker, each a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub.bus.signature import signed
from tests.unit.bus.busworld import until
from tests.unit.bus.hook import SECRET
from tests.unit.cli.desk import Desk

PROGRAM = [sys.executable, "-c", "from hub.cli import main; main()"]
FILES = {
    "config/hub.yaml": "hub: test\n",
    "config/systems/shop.yaml": """
system: shop
connector: webhook
push: {secret: secret://shop/push}
resources:
  orders:
    key: id
    cursor: updated_at
    fields: {id: text, amount: decimal, buyer: {name: text}, updated_at: datetime}
""",
    "config/models/order.yaml": """
model: order
level: L1
key: [number]
fields:
  number: {type: text, required: true}
  amount: {type: decimal, required: true}
  buyer: {type: text}
""",
    "mappings/shop-orders.yaml": """
mapping: shop-orders
from: shop.orders
into: order
fields: {number: id, amount: amount, buyer: trim(buyer.name)}
unmatched: create
absent: {reaction: disable}
schedule: on_event
""",
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in [name for name in os.environ if name.startswith("COPHUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COPHUB_SECRET_SHOP_PUSH", SECRET)
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text.lstrip())
    made = Desk(tmp_path)
    assert made.cophub("check").code == 0
    assert made.cophub("migrate", "--yes").code == 0
    return made


@contextmanager
def process(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """``cophub -w FOLDER WORDS``, ended in order."""
    command = [*PROGRAM, "-w", str(folder), *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=env) as made:
        try:
            yield made
        finally:
            made.send_signal(signal.SIGTERM)
            made.communicate(timeout=60)


def order(number: int, version: int, **more: Any) -> dict[str, Any]:
    when = f"2026-03-01T10:{version:02}:00Z"
    return {
        "id": f"o{number}",
        "amount": "12.50",
        "buyer": {"name": f" B{version} "},
        "updated_at": when,
        **more,
    }


def post(url: str, identity: str, value: Any, secret: str = SECRET) -> tuple[int, dict[str, Any]]:
    body = json.dumps(value).encode()
    headers = {"content-type": "application/json", **signed([secret], identity, int(time.time()), body)}
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_pushed_records_are_stored_answered_and_applied(desk: Desk) -> None:
    with process(desk.folder, "serve", "--port", "0") as served:
        assert served.stderr is not None
        found = re.search(r"http://\S+/v1", served.stderr.readline())
        assert found is not None
        url = f"{found[0]}/events/shop/orders"
        until(lambda: listens(url), 60)
        assert post(url, "m1", [order(1, 1), order(2, 1)]) == (202, {"new": 2, "repeated": 0})
        assert post(url, "m1", [order(1, 1), order(2, 1)]) == (202, {"new": 0, "repeated": 2})
        forged = "whsec_" + "A" * 44
        status, problem = post(url, "m2", order(3, 1), forged)
        assert (status, problem["code"]) == (401, "webhook.forged")
        with process(desk.folder, "worker"):
            until(lambda: buyers(desk) == {"o1": "B1", "o2": "B1"}, 60)
            gone = {
                "specversion": "1.0",
                "id": "g",
                "source": "/shop",
                "type": "order.deleted",
                "data": order(2, 4),
            }
            for identity, value in (
                ("m3", order(1, 3)),
                ("m4", order(1, 2)),
                ("m5", gone),
                ("m6", order(4, 1)),
            ):
                assert post(url, identity, value)[0] == 202
            until(lambda: buyers(desk) == {"o1": "B3", "o4": "B1"}, 60)


def listens(url: str) -> bool:
    """The address is said before it is listened on."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "", parts.port or 0)) == 0


def buyers(desk: Desk) -> Mapping[str, str]:
    """Orders that are live, as anybody sees them."""
    rows = desk.cophub("entities", "order", "--json").json["entities"]
    return {row["values"]["number"]: row["values"]["buyer"] for row in rows if row["state"] == "active"}


def test_there_is_nothing_to_read(desk: Desk) -> None:
    refused = desk.cophub("run", "shop-orders", "--json")
    assert (refused.code, "webhook.push_only" in refused.out + refused.err) == (65, True)
    assert desk.cophub("run", "--all").code == 0
    assert desk.cophub("systems", "check", "shop").code == 0


@pytest.mark.parametrize(
    ("path", "old", "new", "code"),
    [
        ("mappings/shop-orders.yaml", "schedule: on_event", "schedule: {every: 15m}", "schedule.push_only"),
        ("mappings/shop-orders.yaml", "schedule: on_event\n", "", "schedule.push_only"),
        ("mappings/shop-orders.yaml", "from: shop.orders", "from: shop.order", "reference.resource"),
        ("mappings/shop-orders.yaml", "id,", "no,", "field.unknown"),
        (
            "config/systems/shop.yaml",
            "connector: webhook",
            "connector: webhook\nurl: https://x",
            "key.unknown",
        ),
    ],
)
def test_what_cannot_be_pushed_is_found(desk: Desk, path: str, old: str, new: str, code: str) -> None:
    file = desk.folder / path
    file.write_text(file.read_text().replace(old, new))
    answer = desk.cophub("check", "--json")
    assert (answer.code, code in answer.out) == (1, True)
