"""The bare limits: what any program must do for the same job, done by the fastest means at hand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import duckdb

from bench.employees import FIELDS

COLUMNS = {name: "VARCHAR" for name in FIELDS if name not in ("street", "city", "postal_code")} | {
    "hired_on": "DATE",
    "active": "BOOLEAN",
    "salary": "DECIMAL(12,2)",
    "updated_at": "VARCHAR",
    "address": "STRUCT(street VARCHAR, city VARCHAR, postal_code VARCHAR)",
}


def empty(store: str) -> None:
    """Remove everything from the benchmark's database."""
    if store.startswith("sqlite:///"):
        for suffix in ("", "-wal", "-shm"):
            Path(store.removeprefix("sqlite:///") + suffix).unlink(missing_ok=True)
        return
    import psycopg  # noqa: PLC0415 - only where the store is PostgreSQL

    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute("CHECKPOINT")


def _duck(folder: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(folder / "bare.duckdb"))
    con.execute("SET threads = 2")
    con.execute("SET memory_limit = '450MB'")
    return con


def _read(data: Path) -> str:
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
    fields = ", ".join(f"{rule} AS {name}" for name, rule in FIELDS.items())
    return f"SELECT {fields} FROM read_json('{data}', format='newline_delimited', columns={{{columns}}})"


def load(data: Path, store: str, folder: Path) -> float:
    """Read the file, map it, COPY it into one logged table with its two indexes, commit."""
    import adbc_driver_postgresql.dbapi as driver  # noqa: PLC0415 - only where the store is PostgreSQL

    con, connection = _duck(folder), driver.connect(store)
    kinds = {"DATE": "date", "BOOLEAN": "boolean", "DECIMAL(12,2)": "numeric(12,2)"}
    ddl = ", ".join(f"{name} {kinds.get(COLUMNS.get(name, 'VARCHAR'), 'text')}" for name in FIELDS)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute(f"CREATE TABLE bare (id uuid PRIMARY KEY, {ddl})")
        cursor.execute("CREATE INDEX bare_key ON bare (employee_no)")
    connection.commit()
    started = time.perf_counter()
    rows = con.sql(
        f"SELECT unhex(replace(uuidv7()::VARCHAR, '-', '')) AS id, * FROM ({_read(data)})"
    ).to_arrow_reader(20_000)
    with connection.cursor() as cursor:
        cursor.adbc_ingest("bare", rows, mode="append")
    connection.commit()
    seconds = time.perf_counter() - started
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bare")
    connection.commit()
    connection.close()
    con.close()
    return seconds


def rerun(data: Path, store: str, folder: Path) -> float:
    """Read the file and the stored keys and hashes; compare nothing."""
    import adbc_driver_postgresql.dbapi as driver  # noqa: PLC0415 - only where the store is PostgreSQL

    con, connection = _duck(folder), driver.connect(store)
    started = time.perf_counter()
    con.execute(f"CREATE OR REPLACE TABLE read AS SELECT max(columns(*)) FROM ({_read(data)})")
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, hash FROM shadow")
        stored: Any = cursor.fetch_record_batch()
        con.register("stored", stored)
        con.execute("CREATE OR REPLACE TABLE hashes AS SELECT * FROM stored")
        con.unregister("stored")
    seconds = time.perf_counter() - started
    connection.close()
    con.close()
    return seconds
