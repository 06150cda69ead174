"""A SQLite file keeps the contract, by the standard library and by ODBC."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hub.testing import failures, run_contract
from tests.contract.databases import case

pytestmark = pytest.mark.against("sql", "SQLite", "real")

TABLE = """CREATE TABLE person (no INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL, amount TEXT,
active BOOLEAN, at DATETIME)"""
NO_LOGIN = {
    "check_reports_trouble": "a SQLite file has no log-in",
    "wrong_credentials": "a SQLite file has no log-in",
    "no_secret_shown": "a SQLite file has no log-in",
    "lost_answer": "there is no network between",
}


def test_sqlite_keeps_the_contract(tmp_path: Path) -> None:
    file = tmp_path / "erp.sqlite"
    sqlite3.connect(file).close()
    file.touch()
    verdicts = run_contract(case(lambda: sqlite3.connect(file), TABLE, {"sqlite": str(file)}, NO_LOGIN))
    assert failures(verdicts) == []


def test_sqlite_by_odbc_keeps_the_contract(sqlite_odbc: str) -> None:
    file = sqlite_odbc.rpartition("=")[2]
    sqlite3.connect(file).close()
    verdicts = run_contract(case(lambda: sqlite3.connect(file), TABLE, {"odbc": sqlite_odbc}, NO_LOGIN))
    assert failures(verdicts) == []
