"""Each test has its own workspace; no variable of the machine reaches it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk, desk


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("COPHUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def work(tmp_path: Path) -> Desk:
    """A fresh workspace whose database has its tables."""
    return desk(tmp_path / "work")
