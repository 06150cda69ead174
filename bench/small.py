"""The small job: what one event and one small scheduled run cost the processor.

Wall time on a shared machine says little. Here the work is done by one process and the target is another one;
what is counted is this process' time on the processor. The first rounds are left out: they start what a worker
keeps.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import bare
from bench.events import event, workspace
from hub.bootstrap import open_hub
from hub.bus.accept import Door
from hub.bus.drain import Drain
from hub.bus.followers import Followers
from hub.exchange.ground import Hub
from hub.exchange.pipeline import run_exchange
from hub.store.migrate import migrate

WARM = 5
ROWS = 200


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--rounds", type=int, default=60, help="how often each is done")
    parser.add_argument("--store", required=True, help="postgresql://… (emptied!), or sqlite:///FILE (likewise)")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say it."""
    bare.empty(arguments.store)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, _crm() as url:
        result = measure(Path(name), url, arguments.store, arguments.rounds)
    if arguments.json:
        print(json.dumps(result))
    return 0


def measure(folder: Path, url: str, store: str, rounds: int) -> dict[str, Any]:
    """All figures of the job."""
    workspace(folder, url)
    variables = {"COPHUB_STORE": store, "COPHUB_SECRET_CRM_KEY": "crm-demo"}
    with open_hub(folder, variables=variables, schema=False) as opened:
        migrate(opened.hub.database)
    result: dict[str, Any] = {}
    with open_hub(folder, variables=variables) as opened:
        hub, door = opened.hub, Door(opened.hub)
        drain, follow = (duty(hub, lambda text: None, lambda: False) for duty in (Drain, Followers))

        def send(number: int) -> None:
            door.accept("erp.accounts", [event(number, 1)])

        def send_on(number: int) -> None:
            send(rounds + number + WARM)
            drain.turn()

        try:
            _rows(folder, 1)
            for title, changed in (("run, nothing new", False), ("run, 20 of 200 changed", True)):
                prepare = (lambda number: _rows(folder, number + 2)) if changed else (lambda number: None)
                result |= _measured(title, rounds, prepare, lambda: _scheduled(hub))
            result |= _measured("event to golden", rounds, send, drain.turn)
            follow.turn()
            result |= _measured("golden to delivered", rounds, send_on, follow.turn)
        finally:
            drain.close()
            follow.close()
    return result


def _measured(
    title: str, rounds: int, prepare: Callable[[int], None], work: Callable[[], object]
) -> dict[str, float]:
    """Milliseconds of processor of ``work``, each round after its ``prepare``."""
    used = []
    for number in range(rounds + WARM):
        prepare(number)
        started = time.process_time()
        work()
        used.append(1000 * (time.process_time() - started))
    p50, best = statistics.median(used[WARM:]), min(used[WARM:])
    print(f"{title:24s} p50 {p50:7.1f} ms  best {best:7.1f} ms of processor", flush=True)
    name = title.replace(",", "").replace(" ", "_")
    return {f"{name}_p50_ms": round(p50, 1), f"{name}_best_ms": round(best, 1)}


def _rows(folder: Path, version: int) -> None:
    """The file of the scheduled exchange, a tenth of it in another version."""
    rows = [event(700_000 + number, version if number % 10 == 0 else 0) for number in range(ROWS)]
    lines = [json.dumps(json.loads(row)["data"]) for row in rows]
    (folder / "data/accounts.ndjson").write_text("\n".join(lines) + "\n")


def _scheduled(hub: Hub) -> None:
    run_exchange(hub, "erp-accounts", "incremental", f"bench:{uuid.uuid4()}", initial=True)


@contextmanager
def _crm() -> Iterator[str]:
    """The target, as a process of its own."""
    command = [sys.executable, "-c", "from hub.cli import main; main()", "simulate", "crm"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=30)
