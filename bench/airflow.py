"""What a large workspace costs Airflow's dag processor, and how soon a change is seen: N exchanges, the process itself
on a database of its own. Times of processors are counted by the kernel, so they hold on a busy machine."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from bench import employees
from hub.airflow import standalone
from hub.airflow.manifest import Place
from hub.airflow.sync import sync_stubs

GOALS: Final = {
    "parse_cpu": 4.0,
    "steady_cpu": 2.0,
    "changed_seconds": 2.0,
    "task_cpu": 0.1,
}
LIVE: Final = "SELECT count(*) FROM dag WHERE is_stale = 0 AND has_import_errors = 0"
PATIENCE: Final = 300.0
LOADED: Final = """
import json, sys, time
from airflow.dag_processing.dagbag import BundleDagBag, DagBag
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager
import hub.airflow.factory
folder, wanted = sys.argv[1], sys.argv[2] or None
with _airflow_parsing_context_manager(dag_id=wanted):
    wall, cpu = time.perf_counter(), time.process_time()
    found = DagBag(folder)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps({"dags": len(found.dags), "errors": len(found.import_errors), "cpu": cpu, "wall": wall}))
"""
"""Loads the DAGs of stubs as Airflow's processes do; what they have loaded anyway is loaded before."""


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--exchanges", type=int, default=1000)
    parser.add_argument("--steady", type=float, default=90.0, help="seconds in which nothing changes")
    parser.add_argument("--changes", type=int, default=5, help="mappings that are changed, one by one")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say it; 1 where one broken file stops others."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        employees.many(folder, arguments.exchanges)
        result = measure(folder, arguments)
    for goal, most in GOALS.items():
        print(f"{goal:16s} {result[goal]:8.3f} s (goal: {most:g})")
    print(f"broken           {result['running']:,} of {arguments.exchanges:,} DAGs go on beside one broken file")
    if arguments.json:
        print(json.dumps(result))
    return 0 if result["running"] == arguments.exchanges - 1 else 1


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of the job; processor in seconds."""
    place, dags = Place(folder), folder / "dags"
    given = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    variables = standalone.settings(place, 0, {})
    standalone.prepare(variables)
    home = Path(variables["AIRFLOW_HOME"])
    variables = {**given, **variables, **standalone.keys(home), "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], check=True, env=variables, capture_output=True
    )
    started = time.process_time()
    sync_stubs(place, dags)
    result: dict[str, Any] = {"exchanges": arguments.exchanges, "compile_cpu": time.process_time() - started}
    place.file.unlink()
    first, again = (_loaded(dags, "", variables) for _ in range(2))
    one = f"{employees.HUB}.m0"
    shard = next(path for path in sorted(dags.glob("hub_exchanges*.py")) if _loaded(path, one, variables)["dags"])
    alone = min((_loaded(shard, one, variables) for _ in range(3)), key=lambda told: told["cpu"])
    assert (first["dags"], alone["dags"]) == (arguments.exchanges, 1)
    result |= {"parse_cpu": first["cpu"], "parse_again_cpu": again["cpu"], "task_cpu": alone["cpu"]}
    print(json.dumps(result), flush=True)  # what follows may take minutes, and may fail on a busy machine
    with Processor(home, variables) as processor:
        result |= _lived(processor, place, dags, arguments)
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in result.items()}


def _loaded(folder: Path, dag: str, variables: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(folder), dag], env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _lived(processor: Processor, place: Place, dags: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """What the process costs, from its start on, and how soon it shows what changed."""
    shown = processor.until(lambda: processor.one(LIVE) == arguments.exchanges)
    time.sleep(5)  # what it does at its start ends
    result: dict[str, Any] = {"shown_seconds": shown, "shown_cpu": processor.cpu()}
    time.sleep(arguments.steady)
    result["steady_cpu"] = processor.cpu() - result["shown_cpu"]
    waits = [_changed(processor, place, dags, number) for number in range(arguments.changes)]
    result |= {"changed_seconds": sorted(waits)[len(waits) // 2], "changed_longest": max(waits)}
    (place.folder / "mappings/m1.yaml").write_text("mapping: m1\nfrom: [\n", encoding="utf-8")
    result["broken_seconds"] = processor.until(
        lambda: processor.one("SELECT count(*) FROM import_error") > 0, lambda: sync_stubs(place, dags)
    )
    time.sleep(5)  # whatever the broken file takes with it, is gone
    others = f"{LIVE} AND dag_id <> '{employees.HUB}.m1'"  # its own stays for minutes, where it was just read
    return result | {"running": processor.one(others)}


def _changed(processor: Processor, place: Place, dags: Path, number: int) -> float:
    """Seconds until a changed mapping stands in Airflow, looked for as ``cophub airflow standalone`` does."""
    query = f"SELECT count(*) FROM dag_version WHERE dag_id = '{employees.HUB}.m{number}'"
    path, before = place.folder / f"mappings/m{number}.yaml", processor.one(query)
    path.write_text(path.read_text(encoding="utf-8") + f"title: Changed {number}\n", encoding="utf-8")
    return processor.until(lambda: processor.one(query) > before, lambda: sync_stubs(place, dags))


class Processor:
    """``airflow dag-processor``, and the database that it writes."""

    def __init__(self, home: Path, variables: Mapping[str, str]) -> None:
        self._home, self._variables = home, variables

    def __enter__(self) -> Processor:
        self._log = (self._home / "dag-processor.log").open("wb")
        self._process = psutil.Popen(
            [sys.executable, "-m", "airflow", "dag-processor"],
            env=self._variables,
            stdout=self._log,
            stderr=self._log,
        )
        return self

    def __exit__(self, *_: object) -> None:
        family = [*self._process.children(recursive=True), self._process]
        self._process.terminate()
        psutil.wait_procs(family, timeout=standalone.PATIENCE)
        for one in family:
            if one.is_running():
                one.kill()
        self._process.wait()
        self._log.close()

    def cpu(self) -> float:
        """Seconds on the processor: its own, those of processes that it started and of those that ended."""
        used = 0.0
        for one in (self._process, *self._process.children(recursive=True)):
            try:
                used += sum(one.cpu_times()[:4])  # user, system, and those of children that it waited for
            except psutil.NoSuchProcess:
                continue  # it is counted with its parent's next time
        return used

    def one(self, query: str) -> int:
        """The number that Airflow's database answers."""
        with sqlite3.connect(self._home / "airflow.db", timeout=60) as database:
            found: int = database.execute(query).fetchone()[0]
        database.close()
        return found

    def until(self, true: Callable[[], bool], look: Callable[[], object] = lambda: None) -> float:
        """Seconds until something is so; ``look`` is done between, as often as a standalone Airflow looks."""
        started, looked = time.monotonic(), time.monotonic()
        while not true():
            now = time.monotonic()
            if now - started > PATIENCE or self._process.poll() is not None:
                said = (self._home / "dag-processor.log").read_text(errors="replace")[-3000:]
                raise SystemExit(f"the dag processor shows nothing new, {self.one(LIVE)} DAGs are live:\n{said}")
            if now - looked >= standalone.LOOK:
                looked = now
                look()
            time.sleep(0.05)
        return time.monotonic() - started
