"""The same suite on SQLite always, and on PostgreSQL where one is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores import PostgresStore, SqliteStore, Store
from tests.unit.exchange.world import World


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store that is not there yet; PostgreSQL is skipped by name where none is running."""
    made = (
        SqliteStore() if request.param == "sqlite" else PostgresStore(request.getfixturevalue("postgres"))
    )
    yield made
    made.renew()


@pytest.fixture
def world(tmp_path: Path, store: Store) -> Iterator[World]:
    """A workspace with one model, one system of files and one mapping, to be changed by the test."""
    made = World(tmp_path / "w", store)
    made.standard()
    yield made
    made.close()
