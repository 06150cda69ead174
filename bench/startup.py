"""How long the command line takes to answer: ``cophub --help``, and ``cophub check`` of many mappings."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import employees


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mappings", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    program = str(Path(sys.executable).parent / "cophub")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        employees.many(Path(name), arguments.mappings)
        result = {
            "help_seconds": best([program, "--help"], 5, 0),
            "check_seconds": best([program, "--workspace", name, "check", "--json"], 3, 0),
            "mappings": arguments.mappings,
        }
    print(f"cophub --help                {result['help_seconds']:.3f} s (best of 5)")
    print(f"cophub check, {arguments.mappings:,} mappings  {result['check_seconds']:.2f} s (best of 3)")
    if arguments.json:
        print(json.dumps(result))
    return 0


def best(command: list[str], times: int, wanted: int) -> float:
    """The shortest wall time of several calls."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - started)
        if done.returncode != wanted:
            raise SystemExit(
                f"{' '.join(command)} ended with {done.returncode}: {(done.stdout + done.stderr)[-800:]}"
            )
    return round(min(seconds), 3)
