"""The storage keeps the contract of scim2-server, with its filters, orders and cursors compared to scim2-models."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from scim2_server.testing import ScimStorageContract
from scim2_server.utils import load_default_provider

from hub.identity.scim_storage import Stored
from hub.store.database import Database
from hub.store.migrate import migrate
from tests.stores import PostgresStore, SqliteStore, Store

PROVIDER = load_default_provider()
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One for all; the text of a filter is another matter on each."""
    place: Store = SqliteStore()
    if request.param == "postgresql":
        place = PostgresStore(request.getfixturevalue("postgres"))
    place.exist()
    made = Database(place.url, {}, folder=tmp_path_factory.mktemp("scim"))
    if not place.fill(made):
        migrate(made)
    yield made
    made.close()
    place.renew()


class TestStored(ScimStorageContract):
    @pytest.fixture
    def provider(self) -> Any:
        return PROVIDER

    @pytest.fixture
    def storage(self, database: Database) -> Stored:
        """A client of its own: nobody sees what others wrote."""
        return Stored(database, f"client{next(NUMBERS)}", PROVIDER)
