"""The world of the exchange tests, with a bus in it, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores import Store
from tests.unit.bus.busworld import BusWorld
from tests.unit.exchange.conftest import store as store


@pytest.fixture
def world(tmp_path: Path, store: Store) -> Iterator[BusWorld]:
    """A workspace whose suppliers have a cursor, and a CRM that follows them."""
    made = BusWorld(tmp_path / "w", store)
    made.begin()
    yield made
    made.close()
