"""An ERP database as a SQLite file: vendors and customers of its own, and tables that others fill.

``oplog`` is the database's own record of what was written into the tables that others fill: triggers
append to it, so it tells the truth whoever wrote.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from connectors.simulators import landscape
from hub.demo.customers import customers

ALPHA3 = {"CN": "CHN", "DE": "DEU", "US": "USA", "JP": "JPN", "CH": "CHE"}
TERMS = ("30 days net", "60 days net", "14 days 2 %, 30 days net")
FILLED = {"md_supplier": "supplier_no", "md_material": "material_no", "crm_account": "account_id"}

BAD: Mapping[str, str] = {
    "vendor V00090": "is no supplier of SAP: nobody bought there since 2014",
    "vendor V00091": "has the tax number of a supplier of SAP with two digits swapped",
}

_TABLES = """
CREATE TABLE vendor (
  vendor_no TEXT PRIMARY KEY, name TEXT NOT NULL, vat_no TEXT, country TEXT, payment_terms TEXT, buyer TEXT,
  contact TEXT, phone TEXT, email TEXT, changed_at TIMESTAMP NOT NULL);
CREATE TABLE customer (
  customer_no TEXT PRIMARY KEY, name TEXT NOT NULL, short_name TEXT, vat_no TEXT, country TEXT, city TEXT,
  kind TEXT, credit_limit DECIMAL(14,2), sales_rep TEXT, blocked INTEGER, changed_at TIMESTAMP NOT NULL);
CREATE TABLE md_supplier (
  supplier_no TEXT PRIMARY KEY, name TEXT NOT NULL, name_latin TEXT, vat_no TEXT, country TEXT, city TEXT,
  payment_terms TEXT, phone TEXT, blocked INTEGER);
CREATE TABLE md_material (
  material_no TEXT PRIMARY KEY, description TEXT NOT NULL, description_local TEXT, type TEXT, unit TEXT,
  net_weight DECIMAL(13,3), ean TEXT);
CREATE TABLE crm_account (
  account_id TEXT PRIMARY KEY, supplier_no TEXT, name TEXT NOT NULL, country TEXT, owner TEXT,
  modified_at TIMESTAMP);
CREATE TABLE oplog (
  number INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL, resource TEXT NOT NULL, key TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Written:
    """One entry of the database's own log: create, update or delete of a row."""

    number: int
    action: str
    resource: str
    key: str


class Erp:
    """The file; made by ``create``. Every call opens and closes its own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Erp:
        """Make the tables, fill vendors and customers. FileExistsError where the file is there."""
        if path.exists():
            raise FileExistsError(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        erp = cls(path)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_TABLES)
            for table, key in FILLED.items():
                for action, event, row in (
                    ("create", "INSERT", "new"), ("update", "UPDATE", "new"), ("delete", "DELETE", "old")
                ):  # fmt: skip
                    connection.execute(
                        f"CREATE TRIGGER {table}_{action} AFTER {event} ON {table} BEGIN "
                        "INSERT INTO oplog (action, resource, key) "
                        f"VALUES ('{action}', '{table}', {row}.{key}); END"
                    )
            _insert(connection, "vendor", _vendors())
            _insert(connection, "customer", _customers())
        return erp

    def rows(self, table: str) -> list[dict[str, object]]:
        """All rows of a table, by key."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f'SELECT * FROM "{table}" ORDER BY 1')]

    def log(self, since: int = 0) -> list[Written]:
        """What was written after the given number."""
        with closing(sqlite3.connect(self.path)) as connection:
            found = connection.execute(
                "SELECT number, action, resource, key FROM oplog WHERE number > ? ORDER BY number", (since,)
            )
            return [Written(*row) for row in found]


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    listed = list(rows)
    connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(listed[0]))})", listed)


def _vendors(seed: int = landscape.SEED) -> Iterable[tuple[object, ...]]:
    """Two thirds of SAP's suppliers as purchasing typed them: by their Latin names, with terms and people."""
    draw = random.Random(f"{seed} vendors")
    known = [
        each for number, each in enumerate(landscape.suppliers(seed)) if number % 3 and each.name.strip()
    ]
    for number, it in enumerate(known[:80], start=1):
        country = ALPHA3.get(it.place.country, it.place.country)
        yield (
            f"V{number:05d}", it.name.strip(), it.tax_number, country, draw.choice(TERMS),
            f"E{draw.randint(21, landscape.EMPLOYEES):05d}", "", f"{it.phone} x{draw.randint(10, 99)}",
            it.email, f"2025-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d} 09:{number % 60:02d}:00",
        )  # fmt: skip
    yield ("V00090", "Altwerk", "DE000000090", "DEU", TERMS[0], "", "", "", "", "2014-03-01 10:00:00")
    swapped = known[0].tax_number[:-2] + known[0].tax_number[-1] + known[0].tax_number[-2]
    yield ("V00091", "Vendor 91", swapped, "CHN", TERMS[0], "", "", "", "", "2024-03-01 10:00:00")


def _customers() -> Iterable[tuple[object, ...]]:
    for number, it in enumerate(customers()):
        yield (
            it.number, it.name, it.short_name, it.tax_number, ALPHA3[it.country], it.city, it.kind,
            it.credit_limit, it.sales_rep, int(it.blocked), f"2025-11-{number % 28 + 1:02d} 12:00:00",
        )  # fmt: skip
