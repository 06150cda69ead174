"""The events job: from an event that was accepted to its golden row, and to the target that follows the model.

A worker runs as a process of its own, as in production; the CRM is the simulator. First events come one by
one into an idle hub, each after the one before it arrived; then thousands at once. The worker's time on the
processor while nothing happens is measured before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bench import bare
from connectors.simulators import Simulator
from hub.bootstrap import open_hub
from hub.bus.accept import Door
from hub.exchange.ground import Hub
from hub.store.migrate import migrate

FILES = {
    "config/models/account.yaml": """
model: account
level: L1
key: [code]
fields:
  code: {type: text, level: L1, required: true}
  name: {type: text, level: L1, required: true}
  phone: {type: text, level: L1}
  email: {type: text, level: L1, format: email}
""",
    "config/systems/erp.yaml": """
system: erp
connector: files
folder: ../data
resources:
  accounts: {path: accounts.ndjson, key: id, cursor: changed,
             fields: {id: text, name: text, phone: text, email: text, changed: datetime}}
""",
    "config/systems/crm.yaml": """
system: crm
connector: rest
url: URL/api/v2
auth: {api_key: {header: X-Api-Key, value: secret://crm/key}}
resources:
  accounts:
    path: /accounts
    records: records
    key: id
    fields: {id: text, external_id: text, name: text, phone: text, email: text}
    write:
      create: {method: POST, path: /accounts, id: id}
      update: {method: PATCH, path: "/accounts/{id}", id: id}
      find: {params: {external_id: "{external_id}"}}
""",
    "mappings/erp-accounts.yaml": """
mapping: erp-accounts
from: erp.accounts
into: account
unmatched: create
absent: {reaction: disable}
fields: {code: id, name: trim(name), phone: phone, email: lower(email)}
""",
    "mappings/to-crm.yaml": """
mapping: to-crm
from: account
into: crm.accounts
key: external_id
schedule: on_change
fields: {external_id: code, name: name, phone: phone, email: email}
""",
}


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--events", type=int, default=200, help="events that come one by one")
    parser.add_argument("--burst", type=int, default=5_000, help="events that come at once")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds in which nothing happens")
    parser.add_argument("--store", required=True, help="postgresql://… (emptied!), or sqlite:///FILE")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Simulator("crm") as crm:
        result = measure(Path(name), crm, arguments)
    if arguments.json:
        print(json.dumps(result))
    return 0


def measure(folder: Path, crm: Simulator, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of the job."""
    store = arguments.store
    if store.startswith("postgresql"):
        bare.empty(store)
    variables = {"COPHUB_STORE": store, "COPHUB_SECRET_CRM_KEY": "crm-demo"}
    workspace(folder, crm.url)
    with open_hub(folder, variables=variables, schema=False) as opened:
        migrate(opened.hub.database)
    with open_hub(folder, variables=variables) as opened, _Worker(folder, variables) as worker:
        hub, door = opened.hub, Door(opened.hub)
        _warm(hub, door, crm)
        result: dict[str, Any] = {"idle_cpu": worker.idle(arguments.idle)}
        _say(f"idle worker: {100 * result['idle_cpu']:.2f} % of one processor")
        before = worker.cpu()
        result |= _one_by_one(hub, door, crm, arguments.events)
        result["event_cpu_ms"] = round(1000 * (worker.cpu() - before) / arguments.events, 1)
        _say(f"worker: {result['event_cpu_ms']:.1f} ms of processor per event")
        result |= _burst(hub, door, arguments.burst)
    return result


def workspace(folder: Path, url: str) -> None:
    """The job's workspace: accounts of a file or of events, and the CRM at ``url`` that follows them."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.lstrip("\n").replace("URL", url))
    (folder / "config/hub.yaml").write_text("hub: bench\n")
    (folder / "data").mkdir()


class _Worker:
    """``cophub worker`` as a process; it must end by itself when it is asked to."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        command = [sys.executable, "-c", "from hub.cli import main; main()", "worker", "-w", str(folder)]
        self._process = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.DEVNULL)

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        if self._process.wait(timeout=30) != 0:
            raise SystemExit(f"the worker ended with {self._process.returncode}")

    def idle(self, seconds: float) -> float:
        """The share of one processor that it takes while nothing happens."""
        before = self.cpu()
        time.sleep(seconds)
        return (self.cpu() - before) / seconds

    def cpu(self) -> float:
        """Seconds on the processor since its start."""
        used = psutil.Process(self._process.pid).cpu_times()
        return float(used.user + used.system)


def event(number: int, version: int) -> bytes:
    """An event of one account, in its ``version``."""
    data = {
        "id": f"A{number:06d}",
        "name": f"Account {number} v{version}",
        "phone": f"+49 30 {number:06d}",
        "email": f"a{number}@accounts.example",
        "changed": f"2026-03-01T{version // 60:02d}:{version % 60:02d}:00Z",
    }
    identity = f"{number}/{version}/{time.time_ns()}"
    value = {"specversion": "1.0", "id": identity, "source": "/erp", "type": "erp.changed", "data": data}
    return json.dumps(value).encode()


def _warm(hub: Hub, door: Door, crm: Simulator) -> None:
    """The first events start what a worker keeps: connections, the compiled mapping, the run file."""
    for number in range(3):
        door.accept("erp.accounts", [event(900_000 + number, 1)])
        _delivered(crm, f"A{900_000 + number:06d}", 60.0)
    time.sleep(1.0)


def _one_by_one(hub: Hub, door: Door, crm: Simulator, count: int) -> dict[str, Any]:
    golden: list[float] = []
    delivered: list[float] = []
    for number in range(count):
        key = f"A{number:06d}"
        door.accept("erp.accounts", [event(number, 1)])
        accepted = time.perf_counter()
        watcher = threading.Thread(target=_watch, args=(hub, number + 4, golden, accepted))
        watcher.start()
        _delivered(crm, key, 30.0)
        delivered.append(time.perf_counter() - accepted)
        watcher.join()
        time.sleep(0.05)
    return _told("accepted → golden", "golden", golden) | _told(
        "accepted → delivered", "delivered", delivered
    )


def _watch(hub: Hub, count: int, golden: list[float], accepted: float) -> None:
    """When the golden row is there: asked of the database every 2 ms."""
    while _count(hub) < count:
        time.sleep(0.002)
    golden.append(time.perf_counter() - accepted)


def _count(hub: Hub) -> int:
    with hub.database.begin(reading=True) as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM e_account").scalar()
    return int(found or 0)


def _delivered(crm: Simulator, key: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not any(row.get("external_id") == key for row in crm.rows("accounts")[-5:]):
        if time.monotonic() > end:
            raise SystemExit(f"{key} was not delivered within {seconds:g} s")
        time.sleep(0.002)


def _burst(hub: Hub, door: Door, count: int) -> dict[str, Any]:
    """Accepted to golden, by a worker that takes 500 at a time; deliveries follow at the target's pace."""
    before = _count(hub)
    bodies = [event(100_000 + number, 1) for number in range(count)]
    start = time.perf_counter()
    for at in range(0, count, 500):
        door.accept("erp.accounts", bodies[at : at + 500])
    accepted = time.perf_counter() - start
    while _count(hub) < before + count:
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    _say(f"burst: {count / accepted:,.0f} events/s accepted, {count / seconds:,.0f} events/s golden")
    return {"accepted_rate": round(count / accepted, 1), "golden_rate": round(count / seconds, 1)}


def _told(title: str, name: str, values: list[float]) -> dict[str, Any]:
    cuts = statistics.quantiles(values, n=100)
    p50, p95, p99 = (round(1000 * cuts[at - 1], 1) for at in (50, 95, 99))
    _say(f"{title:24s} p50 {p50:7.1f} ms  p95 {p95:7.1f} ms  p99 {p99:7.1f} ms  ({len(values)} events)")
    return {f"{name}_p50_ms": p50, f"{name}_p95_ms": p95, f"{name}_p99_ms": p99}


def _say(text: str) -> None:
    with suppress(BrokenPipeError):
        print(text, flush=True)
