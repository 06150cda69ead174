from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from connectors.simulators.__main__ import main
from connectors.simulators.erp import FILLED


def test_the_command_writes_a_database_with_sources_and_empty_targets(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    assert main(["erp", "--file", str(path)]) == 0
    with closing(sqlite3.connect(path)) as connection:
        counts = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("vendor", "customer", *FILLED)
        }
    assert [name for name, count in counts.items() if count == 0] == list(FILLED)


def test_the_command_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    path.write_text("mine")
    with pytest.raises(SystemExit):
        main(["erp", "--file", str(path)])
    assert path.read_text() == "mine"


def test_the_command_wants_a_file() -> None:
    with pytest.raises(SystemExit):
        main(["erp"])
