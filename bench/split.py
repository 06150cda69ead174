"""The split job: one large exchange undivided and in parts, by the same commands; what the store holds afterwards is
compared table by table.

Each run is ``cophub run`` in processes of its own. Seconds are those of the whole command, ``cpu`` is the processor's
time of the hub's processes (not of PostgreSQL), memory is the largest resident set of the whole tree.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import psycopg

from bench import bare, sameness
from bench.inbound import Peak, say

EXCHANGE = "hr-employees"
FIELDS = {
    "number": "id",
    "employee_no": "employee_no",
    "given_name": "trim(given_name)",
    "family_name": "trim(family_name)",
    "email": "lower(email)",
    "department": "department",
    "title": "title",
    "hired_on": "hired_on",
    "active": "active",
    "salary": "salary",
}
TYPES = {
    "number": "integer", "hired_on": "date", "active": "boolean", "salary": "decimal, digits: 12, scale: 2",
    "email": "text, format: email",
}  # fmt: skip
# One in 200 has a bad e-mail. In the second state one in 100 has another title, and one in 2,000 is gone.
ROW = """i AS id, 'E' || lpad(CAST(i AS VARCHAR), 9, '0') AS employee_no,
    'Given' || CAST(i % 5000 AS VARCHAR) AS given_name, '张伟' || CAST(i % 7000 AS VARCHAR) AS family_name,
    CASE WHEN i % 200 = 0 THEN 'bad-mail' ELSE 'user' || CAST(i AS VARCHAR) || '@example.com' END AS email,
    'D' || CAST(i % 800 AS VARCHAR) AS department,
    CASE WHEN {changed} AND i % 100 = 7 THEN 'X' ELSE 'T' END || CAST(i % 60 AS VARCHAR) AS title,
    CAST(DATE '2000-01-01' + CAST(i % 9000 AS INTEGER) AS DATE) AS hired_on, i % 2 = 0 AS active,
    CAST(3000 + (i % 50000) / 8.0 AS DECIMAL(12,2)) AS salary"""
THERE = "NOT ({changed} AND i % 2000 = 9)"


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2, help="processes that read parts at once")
    parser.add_argument("--store", required=True, help="postgresql://USER:PASSWORD@HOST/NAME (emptied!)")
    parser.add_argument(
        "--source", choices=("files", "sql"), default="sql",
        help="a file of NDJSON, or a table beside the store, over ODBC",
    )  # fmt: skip
    parser.add_argument("--driver", default="PostgreSQL Unicode", help="name of the ODBC driver")
    parser.add_argument("--changed", action="store_true", help="a second run of each, with 1 %% changed and some gone")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where the divided run ended as the undivided one."""
    result: dict[str, Any] = {name: getattr(arguments, name) for name in ("rows", "parts", "workers", "source")}
    stands: dict[str, dict[str, str]] = {}
    states = ("first", "changed") if arguments.changed else ("first",)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for way in ("undivided", "divided"):
            folder = Path(name) / way
            workspace(folder, arguments)
            bare.empty(arguments.store)
            cophub(folder, arguments, "migrate")
            for state in states:
                fill(folder, arguments, changed=state == "changed")
                words = ["--workers", str(arguments.workers)] if way == "divided" else []
                result[f"{state}_{way}"] = measured(folder, arguments, f"{state} {way}", words)
                stands[f"{state}_{way}"] = sameness.stand(arguments.store)
    wrong = [
        f"{state}: {table}"
        for state in states
        for table in sameness.differing(stands[f"{state}_undivided"], stands[f"{state}_divided"])
    ]
    result["tables"] = len(stands["first_divided"])
    result["differing"] = wrong
    for state in states:
        ratio = result[f"{state}_undivided"]["seconds"] / result[f"{state}_divided"]["seconds"]
        result[f"{state}_faster"] = round(ratio, 2)
        say(f"{state}: divided is {ratio:.2f} times as fast")
    said = f"they differ: {', '.join(wrong)}" if wrong else "all are the same"
    say(f"{result['tables']} tables compared; {said}")
    if arguments.json:
        print(json.dumps(result))
    return 1 if wrong else 0


def measured(folder: Path, arguments: argparse.Namespace, title: str, words: list[str]) -> dict[str, Any]:
    """One run by the command line."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    answer, peak = cophub(folder, arguments, "run", EXCHANGE, "--full", "--initial", *words)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    counts = {key: count for key, count in answer["runs"][0]["counts"].items() if count}
    rate = counts["read"] / seconds
    say(f"{title:20s} {seconds:8.1f} s {rate:10,.0f} records/s  cpu {cpu:7.1f} s  peak {peak:6,.0f} MiB  {counts}")
    return {
        "seconds": round(seconds, 2), "rate": round(rate, 1), "cpu": round(cpu, 2), "peak_mib": round(peak, 1),
        "counts": counts,
    }  # fmt: skip


def cophub(folder: Path, arguments: argparse.Namespace, *words: str) -> tuple[dict[str, Any], float]:
    """A command: its answer, and the largest memory of its tree in MiB."""
    command = [str(Path(sys.executable).with_name("cophub")), *words, "-w", str(folder), "--json", "--quiet"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"COPHUB_STORE": arguments.store}
    )
    peak = Peak(process.pid)
    output, _ = process.communicate()
    largest = peak.stop() / 2**20
    if process.returncode:
        raise SystemExit(f"cophub {' '.join(words)} failed with {process.returncode}: {output}")
    return json.loads(output.splitlines()[-1]), largest


def workspace(folder: Path, arguments: argparse.Namespace) -> None:
    """One exchange that says where its parts begin."""
    for name in ("config/systems", "config/models", "mappings", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config/hub.yaml").write_text("hub: bench\nstore: sqlite:///unused.sqlite\n")
    (folder / "config/systems/hr.yaml").write_text(system(arguments))
    fields = "".join(f"  {name}: {{type: {TYPES.get(name, 'text')}, level: L1}}\n" for name in FIELDS)
    (folder / "config/models/employee.yaml").write_text(
        f"model: employee\nlevel: L1\nkey: [employee_no]\nfields:\n{fields}"
    )
    rules = "".join(f"  {name}: {rule}\n" for name, rule in FIELDS.items())
    borders = [arguments.rows * number // arguments.parts for number in range(1, arguments.parts)]
    (folder / f"mappings/{EXCHANGE}.yaml").write_text(
        f"mapping: {EXCHANGE}\nfrom: hr.employees\ninto: employee\nunmatched: create\n"
        f"split: {{by: id, at: {borders}}}\nabsent: {{reaction: disable}}\nfields:\n{rules}"
    )


def system(arguments: argparse.Namespace) -> str:
    """The source: a file, or the table of the store's own server."""
    if arguments.source == "files":
        return (
            "system: hr\nconnector: files\nfolder: ../data\n"
            "resources:\n  employees: {path: employees.ndjson, key: id}\n"
        )
    url = urlsplit(arguments.store)
    address = f"DRIVER={{{arguments.driver}}};SERVER={url.hostname};PORT={url.port or 5432};DATABASE={url.path[1:]}"
    os.environ["COPHUB_SECRET_HR_PASSWORD"] = unquote(url.password or "")
    return (
        f"system: hr\nconnector: sql\nodbc: {json.dumps(address)}\nusername: {unquote(url.username or '')}\n"
        f"password: secret://hr/password\nresources:\n  employees: {{table: bench_source.employee, key: id}}\n"
    )


def fill(folder: Path, arguments: argparse.Namespace, *, changed: bool) -> None:
    """The state of the source; the same however often."""
    row, there = (text.format(changed=str(changed).lower()) for text in (ROW, THERE))
    if arguments.source == "files":
        with duckdb.connect() as con:
            path, numbers = folder / "data/employees.ndjson", f"range({arguments.rows}) t(i)"
            con.execute(f"COPY (SELECT {row} FROM {numbers} WHERE {there}) TO '{path}' (FORMAT json)")
        return
    with psycopg.connect(arguments.store, autocommit=True) as made:
        made.execute("DROP SCHEMA IF EXISTS bench_source CASCADE")
        made.execute("CREATE SCHEMA bench_source")
        numbers = f"generate_series(0::bigint, {arguments.rows - 1}) t(i)"
        made.execute(f"CREATE TABLE bench_source.employee AS SELECT {row} FROM {numbers} WHERE {there}")
        made.execute("ALTER TABLE bench_source.employee ADD PRIMARY KEY (id)")
        made.execute("VACUUM ANALYZE bench_source.employee")
