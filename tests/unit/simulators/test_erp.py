from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators import erp, landscape
from connectors.simulators.__main__ import main


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_the_database_has_sources_and_empty_targets(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    assert main(["erp", "--file", str(path)]) == 0
    names = ("vendor", "customer", "md_supplier", "md_material", "crm_account")
    counts = [rows(path, f"SELECT count(*) FROM {name}") for name in names]
    assert counts == [[(60,)], [(90,)], [(0,)], [(0,)], [(0,)]]
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        erp.create(path)
    assert path.read_text() == "mine"


def test_the_bad_records_are_those_of_the_list(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    erp.create(path)
    customers = "name IS NULL OR length(country) <> 3 OR country = '156' OR typeof(credit_limit) = 'text' OR kind = 'X'"
    bad = rows(path, f"SELECT 'customer ' || customer_no FROM customer WHERE {customers} ORDER BY 1")
    bad += rows(
        path,
        "SELECT 'vendor ' || vendor_no FROM vendor WHERE country = 'XXX' OR phone LIKE 'see%' ORDER BY 1",
    )
    known = {it.tax_number for it in landscape.suppliers()}
    bad += [(f"vendor {it[0]}",) for it in erp.vendors() if (it[2] or "").replace(" ", "") not in known]
    assert [name for (name,) in bad] == list(erp.BAD)


def test_the_same_seed_gives_the_same_records() -> None:
    assert erp.customers() == erp.customers() != erp.customers(1)
    assert erp.vendors() == erp.vendors() != erp.vendors(1)


def test_the_command_wants_a_file() -> None:
    with pytest.raises(SystemExit):
        main(["erp"])
