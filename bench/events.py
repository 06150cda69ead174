"""The events job: from an event that was accepted to its golden row, and to the target that follows the model.

A worker runs as a process of its own, as in production; the CRM is the simulator. First events come one by
one into an idle hub, each after the one before it arrived; then thousands at once (``bench.bursts``). The worker's time
on the processor while nothing happens is measured before. With ``--bus`` events come one by one twice: accepted by the
hub itself, as a webhook is, and by way of the broker.
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
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from bench import bare, bursts
from bench.bursts import Way, say
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
    fields: {id: text, external_id: text, fields: {name: text, phone: text, email: text}}
    write:
      create:
        method: POST
        path: /accounts/batch
        batch: {size: 100, records: rows, each: {op: upsert}, results: results, id: id, version: version,
                ok: status, equals: ["200", "201"], code: error.code, message: error.message}
      update:
        method: POST
        path: /accounts/batch
        batch: {size: 100, records: rows, each: {op: upsert}, results: results, id: id, version: version,
                ok: status, equals: ["200", "201"], code: error.code, message: error.message}
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
fields: {external_id: code, fields.name: name, fields.phone: phone, fields.email: email}
""",
}


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--events", type=int, default=200, help="events that come one by one")
    parser.add_argument("--burst", type=int, default=5_000, help="events that come at once")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds in which nothing happens")
    parser.add_argument("--store", required=True, help="postgresql://… (emptied!), or sqlite:///FILE")
    parser.add_argument("--bus", default="", help="amqp://USER:PASSWORD@HOST/VHOST: by RabbitMQ, too")
    parser.add_argument("--workers", type=int, default=1, help="workers during the burst")
    parser.add_argument("--kill", type=int, default=0, help="workers that are killed during the burst, one by one")
    parser.add_argument("--midway", default="", help="command that is run once amid the burst: it kills the broker")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds that the burst may take")
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
    if arguments.store.startswith("postgresql"):
        bare.empty(arguments.store)
    variables = {"COPHUB_STORE": arguments.store, "COPHUB_SECRET_CRM_KEY": "crm-demo", "COPHUB_BUS": arguments.bus}
    # On a broker the name is new: nothing of another measurement lies in its queues.
    workspace(folder, crm.url, f"bench-{time.time_ns():x}" if arguments.bus else "bench")
    with open_hub(folder, variables=variables, schema=False) as opened:
        migrate(opened.hub.database)
    with open_hub(folder, variables=variables) as opened, ExitStack() as closing:
        crew = closing.enter_context(Crew(folder, variables))
        hub, ways = opened.hub, dict[str, Way](accepted=Door(opened.hub).accept)
        _warm(hub, crm, ways["accepted"])
        if (broker := opened.broker()) is not None:
            closing.callback(broker.close)
            ways["confirmed"] = partial(bursts.published, broker)
        result: dict[str, Any] = {"idle_cpu": crew.idle(arguments.idle)}
        say(f"idle worker: {100 * result['idle_cpu']:.2f} % of one processor")
        for number, (name, way) in enumerate(ways.items()):
            before = crew.cpu()
            result |= _one_by_one(hub, crm, name, way, range(number * 10_000, number * 10_000 + arguments.events))
            used = round(1000 * (crew.cpu() - before) / arguments.events, 1)
            result[f"{name}_cpu_ms"] = used
            say(f"worker: {used:.1f} ms of processor per event")
        bodies = [event(100_000 + number, 1) for number in range(arguments.burst)]
        result |= bursts.measure(hub, crm, crew, list(ways.values())[-1], bodies, arguments)
    return result


def workspace(folder: Path, url: str, hub: str = "bench") -> None:
    """The job's workspace: accounts of a file or of events, and the CRM at ``url`` that follows them."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.lstrip("\n").replace("URL", url))
    (folder / "config/hub.yaml").write_text(f"hub: {hub}\n")
    (folder / "data").mkdir()


class Crew:
    """``cophub worker`` as processes, one at first; those that are not killed must end by themselves when asked to."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        # When this process is killed they end, too: left alone they would go on against a target that is gone.
        begin = "import ctypes; ctypes.CDLL(None).prctl(1, 9); from hub.cli import main; main()"
        command = [sys.executable, "-c", begin, "worker", "-w", str(folder)]
        self._command, self._environment = command, os.environ | variables
        self._running: list[subprocess.Popen[bytes]] = []
        self._used = 0.0
        self.grow(1)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        for one in self._running:
            one.terminate()
        if any(codes := [one.wait(timeout=60) for one in self._running]):
            raise SystemExit(f"workers ended with {codes}")

    def grow(self, count: int) -> None:
        """Start more of them, until there are so many."""
        while len(self._running) < count:
            started = subprocess.Popen(self._command, env=self._environment, stdout=subprocess.DEVNULL)
            self._running.append(started)

    def kill(self) -> None:
        """The oldest one by SIGKILL, so that it can give nothing back; another one takes its place."""
        oldest, count = self._running.pop(0), len(self._running)
        self._used += _cpu(oldest)
        oldest.kill()
        oldest.wait()
        self.grow(count + 1)

    def idle(self, seconds: float) -> float:
        """The share of one processor that they take while nothing happens."""
        before = self.cpu()
        time.sleep(seconds)
        return (self.cpu() - before) / seconds

    def cpu(self) -> float:
        """Seconds on the processor of all of them, since the first one's start."""
        return self._used + sum(map(_cpu, self._running))


def _cpu(process: subprocess.Popen[bytes]) -> float:
    used = psutil.Process(process.pid).cpu_times()
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


def _warm(hub: Hub, crm: Simulator, way: Way) -> None:
    """The first events start what a worker keeps: connections, the compiled mapping, the run file."""
    for number in range(3):
        way("erp.accounts", [event(900_000 + number, 1)])
        _delivered(crm, f"A{900_000 + number:06d}", 60.0)
    time.sleep(1.0)


def _one_by_one(hub: Hub, crm: Simulator, name: str, way: Way, numbers: range) -> dict[str, Any]:
    golden: list[float] = []
    delivered: list[float] = []
    for number in numbers:
        there = _count(hub)
        way("erp.accounts", [event(number, 1)])
        start = time.perf_counter()
        watcher = threading.Thread(target=_watch, args=(hub, there + 1, golden, start))
        watcher.start()
        _delivered(crm, f"A{number:06d}", 60.0)
        delivered.append(time.perf_counter() - start)
        watcher.join()
        time.sleep(0.05)
    return _told(f"{name} → golden", f"{name}_golden", golden) | _told(
        f"{name} → delivered", f"{name}_delivered", delivered
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
    accounts = crm.product.tables["accounts"]
    while not accounts.having("external_id", key):
        if time.monotonic() > end:
            raise SystemExit(f"{key} was not delivered within {seconds:g} s")
        time.sleep(0.002)


def _told(title: str, name: str, values: list[float]) -> dict[str, Any]:
    cuts = statistics.quantiles(values, n=100)
    p50, p95, p99 = (round(1000 * cuts[at - 1], 1) for at in (50, 95, 99))
    say(f"{title:24s} p50 {p50:7.1f} ms  p95 {p95:7.1f} ms  p99 {p99:7.1f} ms  ({len(values)} events)")
    return {f"{name}_p50_ms": p50, f"{name}_p95_ms": p95, f"{name}_p99_ms": p99}
