"""The storage keeps the contract of scim2-server, with its filters, orders and cursors compared to scim2-models."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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


def test_members_that_are_added_at_once_are_all_there(database: Database) -> None:
    """Ten writers, each with its own connection, as requests of several processes are."""
    client = f"client{next(NUMBERS)}"
    kind = next(one for one in PROVIDER.resource_types if one.name == "Group")
    model: Any = PROVIDER.model_for(kind)
    group = Stored(database, client, PROVIDER).create(kind, model(display_name="Many"))

    def add(number: int) -> None:
        stored = Stored(database, client, PROVIDER)
        with stored.operation():
            found: Any = stored.get(kind, str(group.id))
            version = found.meta.version
            content = found.model_dump()
            content["members"] = [*content.get("members", []), {"value": f"m{number}"}]
            stored.update(kind, model.model_validate(content), expected_version=version)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(add, range(50)))
    found: Any = Stored(database, client, PROVIDER).get(kind, str(group.id))
    assert {one.value for one in found.members} == {f"m{number}" for number in range(50)}
