"""The database job: one whole read of N rows of PostgreSQL over ODBC through the extract stage, beside the driver.

The table ``bench_employee`` is made where it is not there, and stays until the next time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pyodbc

from connectors.sql import SPEC
from hub.contract import Context, Query
from hub.exchange.extract import extract
from hub.exchange.runfile import open_run

TABLE = """CREATE TABLE IF NOT EXISTS bench_employee (id bigint PRIMARY KEY, code varchar(20) NOT NULL,
    given_name varchar(80), family_name varchar(80), email varchar(120), department varchar(20), hired_on date,
    active boolean, salary numeric(12,2), updated_at timestamptz)"""
ROWS = """INSERT INTO bench_employee SELECT i, 'E' || lpad(i::text, 9, '0'), 'Given' || i %% 5000, '张伟' || i %% 7000,
    'user' || i || '@example.com', 'D' || i %% 800, DATE '2000-01-01' + (i %% 9000)::integer, i %% 2 = 0,
    3000 + (i %% 50000) / 7.0, TIMESTAMPTZ '2026-01-01 00:00:00Z' + i * interval '1 second'
    FROM generate_series((SELECT coalesce(max(id), 0) + 1 FROM bench_employee), %s) AS t(i)"""


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", required=True, help="postgresql://user:password@host:port/database")
    parser.add_argument("--driver", default="PostgreSQL Unicode", help="name of the ODBC driver")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with psycopg.connect(arguments.url, autocommit=True) as made:
        made.execute(TABLE)
        made.execute(ROWS, [arguments.rows])
        made.execute("DELETE FROM bench_employee WHERE id > %s", [arguments.rows])
        made.execute("VACUUM ANALYZE bench_employee")
    result: dict[str, Any] = {"rows": arguments.rows}
    for name, reading in (("driver", by_driver), ("extract", by_extract)):
        begin, busy = time.perf_counter(), time.process_time()
        count = reading(arguments)
        result[name] = time.perf_counter() - begin
        result[f"{name}_cpu"] = time.process_time() - busy
        if count != arguments.rows:
            raise SystemExit(f"{name}: {count} rows were read of {arguments.rows}")
        speed = arguments.rows / result[name]
        print(f"{name:10s} {result[name]:8.2f} s  {speed:10,.0f} rows/s  {result[f'{name}_cpu']:6.2f} s of processor")
    if arguments.json:
        print(json.dumps(result))
    return 0


def _odbc(arguments: argparse.Namespace) -> tuple[str, str, str]:
    parts = urlsplit(arguments.url)
    address = f"DRIVER={{{arguments.driver}}};SERVER={parts.hostname};PORT={parts.port};DATABASE={parts.path[1:]}"
    return address, unquote(parts.username or ""), unquote(parts.password or "")


def by_driver(arguments: argparse.Namespace) -> int:
    """The rows as tuples, and nothing done with them."""
    address, user, password = _odbc(arguments)
    count = 0
    with pyodbc.connect(address, user=user, password=password) as connection:
        cursor = connection.execute("SELECT * FROM bench_employee ORDER BY id")
        while rows := cursor.fetchmany(5000):
            count += len(rows)
    return count


def by_extract(arguments: argparse.Namespace) -> int:
    """The rows in a run's file, hashed and certified."""
    address, user, password = _odbc(arguments)
    settings = SPEC.settings.model_validate({"odbc": address, "username": user, "password": password})
    declared = SPEC.resource.model_validate({"table": "bench_employee", "key": "id"})
    source = SPEC.open(Context("bench"), settings, {"employee": declared})
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, open_run(Path(folder)) as file:
        found = extract(source, Query(source.resource("employee")), file)
    source.close()
    return found.read
