"""The same suite on SQLite always, and on PostgreSQL where one is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.exchange.world import World


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """The address of an empty store; PostgreSQL is skipped by name where none is running."""
    if request.param == "sqlite":
        return "sqlite:///.cophub/hub.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def world(tmp_path: Path, store: str) -> Iterator[World]:
    """A workspace with one model, one system of files and one mapping, to be changed by the test."""
    made = World(tmp_path / "w", store)
    made.standard()
    yield made
    made.close()
