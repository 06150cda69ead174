"""PostgreSQL and MariaDB over ODBC keep the contract, also when the network is cut."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from hub.testing import failures, run_contract
from tests.contract.databases import SECRETS, case
from tests.integration.relay import Relay

POSTGRESQL = """CREATE TABLE person (no bigint PRIMARY KEY, name varchar(80) NOT NULL, amount numeric(30,2),
active boolean, at timestamptz)"""
MARIADB = """CREATE TABLE person (no bigint PRIMARY KEY, name varchar(80) NOT NULL, amount decimal(30,2),
active boolean, at datetime) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"""


def settings(driver: str, url: str, port: int | None = None) -> dict[str, Any]:
    parts = urlsplit(url)
    odbc = f"DRIVER={{{driver}}};SERVER={parts.hostname};PORT={port or parts.port};DATABASE={parts.path[1:]}"
    return {
        "odbc": odbc,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "timeout": "20s",
    }


def beside(odbc: str) -> Callable[[], Any]:
    pyodbc = importlib.import_module("pyodbc")
    return lambda: pyodbc.connect(odbc)


@pytest.fixture
def relay(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Relay]]:
    opened: list[Relay] = []

    def open_(url: str) -> Relay:
        parts = urlsplit(url)
        opened.append(Relay(str(parts.hostname), parts.port or 0).__enter__())
        return opened[-1]

    yield open_
    for each in opened:
        each.__exit__(None, None, None)


@pytest.mark.against("sql", "PostgreSQL", "real")
def test_postgresql_keeps_the_contract(
    postgres_url: str, postgres_odbc: str, relay: Callable[[str], Relay]
) -> None:
    cut = relay(postgres_url)
    verdicts = run_contract(
        case(
            beside(postgres_odbc),
            POSTGRESQL,
            settings("PostgreSQL Unicode", postgres_url, cut.port),
            {},
            {"password": SECRETS[0]},
            lambda _: cut.lose_answer(),
        )
    )
    assert failures(verdicts) == []


@pytest.mark.against("sql", "MariaDB", "real")
def test_mariadb_keeps_the_contract(
    mariadb_url: str, mariadb_odbc: str, relay: Callable[[str], Relay]
) -> None:
    cut = relay(mariadb_url)
    verdicts = run_contract(
        case(
            beside(mariadb_odbc),
            MARIADB,
            settings("MariaDB Unicode", mariadb_url, cut.port),
            {},
            {"password": SECRETS[0]},
            lambda _: cut.lose_answer(),
        )
    )
    assert failures(verdicts) == []
