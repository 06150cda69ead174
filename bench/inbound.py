"""The inbound job: a first load, an unchanged run and a run with 1 % changed, through the real pipeline.

Each of our runs is a process of its own; memory is the largest resident set of its whole tree. Rates
are records of the file by wall time of the run (for Sling: of its process). The bare limits are what
nobody can go below on this machine: reading the file and copying the same rows for a load, reading the
file and the stored hashes for a re-run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from bench import bare, employees, peers


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--store", required=True, help="postgresql://USER:PASSWORD@HOST/NAME (emptied!), or sqlite:///FILE"
    )
    parser.add_argument("--peers", action="store_true", help="the same job by Sling and dlt, in this run")
    parser.add_argument("--peer-rows", type=int, help="rows for dlt, which is slow (default: --rows)")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        result = measure(Path(name), arguments)
    if arguments.json:
        print(json.dumps(result))
    return 0


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    rows, store = arguments.rows, arguments.store
    workspace = folder / "workspace"
    employees.workspace(workspace, "sqlite:///unused.sqlite")
    data = workspace / "data/employees.ndjson"
    employees.write(data, rows)
    bare.empty(store)
    say(f"{rows:,} employees, {data.stat().st_size / 1e6:,.0f} MB")
    result: dict[str, Any] = {"rows": rows, "store": store.split("://")[0]}
    result["first"] = job(workspace, store, rows, "first load")
    result["unchanged"] = job(workspace, store, rows, "unchanged run")
    employees.write(data, rows, changed=True)
    result["changed"] = job(workspace, store, rows, "1 % changed")
    if store.startswith("postgresql"):
        result["bare_load"] = told("bare: read + map + COPY", rows, bare.load(data, store, folder))
        result["bare_rerun"] = told("bare: read + stored hashes", rows, bare.rerun(data, store, folder))
        result["rerun_of_bare"] = result["bare_rerun"]["seconds"] / result["unchanged"]["seconds"]
        result["changed_of_bare"] = result["bare_rerun"]["seconds"] / result["changed"]["seconds"]
        result["load_of_bare"] = result["bare_load"]["seconds"] / result["first"]["seconds"]
    if arguments.peers:
        compare(result, folder, data, store, arguments)
    for name in (
        "load_of_bare",
        "rerun_of_bare",
        "changed_of_bare",
        "first_to_sling",
        "first_to_dlt",
        "unchanged_to_dlt",
        "changed_to_dlt",
    ):
        if name in result:
            say(f"{name:28s} {result[name]:8.2f}")
    return result


def compare(
    result: dict[str, Any], folder: Path, data: Path, store: str, arguments: argparse.Namespace
) -> None:
    rows = arguments.rows
    result["sling"] = told("Sling full-refresh", rows, peers.sling(data, store, folder))
    some = min(rows, arguments.peer_rows or rows)
    smaller = folder / "some.ndjson"
    employees.write(smaller, some)
    first, again = peers.dlt(smaller, store, folder)
    result["dlt"], result["dlt_again"] = (
        told("dlt merge, first", some, first),
        told("dlt merge, again", some, again),
    )
    result["first_to_sling"] = result["first"]["rate"] / result["sling"]["rate"]
    result["first_to_dlt"] = result["first"]["rate"] / result["dlt"]["rate"]
    result["unchanged_to_dlt"] = result["unchanged"]["rate"] / result["dlt_again"]["rate"]
    result["changed_to_dlt"] = result["changed"]["rate"] / result["dlt_again"]["rate"]


def job(workspace: Path, store: str, rows: int, title: str) -> dict[str, Any]:
    """One run in a process of its own, with its peak memory."""
    command = [sys.executable, "-m", "bench.run_once", str(workspace), store]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = Peak(process.pid)
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{title} failed with {process.returncode}")
    told_by = json.loads(output.strip().splitlines()[-1])
    measured = told(
        title, rows, told_by["seconds"], f"  peak {peak.stop() / 2**20:6,.0f} MiB  {told_by['counts']}"
    )
    return measured | {"peak_mib": round(peak.largest / 2**20, 1), "counts": told_by["counts"]}


def told(title: str, rows: int, seconds: float, more: str = "") -> dict[str, Any]:
    say(f"{title:28s} {seconds:8.2f} s {rows / seconds:12,.0f} records/s{more}")
    return {"seconds": round(seconds, 3), "rate": round(rows / seconds, 1)}


def say(text: str) -> None:
    print(text, flush=True)


class Peak:
    """The largest resident set of a process tree, sampled every 50 ms."""

    def __init__(self, pid: int) -> None:
        self.largest = 0
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            try:
                tree = [self._root, *self._root.children(recursive=True)]
                self.largest = max(self.largest, sum(one.memory_info().rss for one in tree))
            except psutil.Error:
                return

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self.largest


def clock(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
