"""A served workspace: the whole application, as ``cophub serve`` runs it, asked in this process."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hub.security import access
from hub.web import application
from tests.stores import SqliteStore, Store
from tests.unit.exchange.conftest import store as store
from tests.unit.exchange.world import World

PERSON = """
    model: person
    level: L1
    key: [number]
    fields:
      number: {type: text, level: L1}
      name: {type: text, level: L2}
      phone: {type: text, level: L3, class: pi.contact}
      salary: {type: decimal, level: L4}
      born: {type: date, level: L1}
      boss: {type: ref, model: person, level: L1}
"""
PEOPLE = """
    mapping: people
    from: hr.people
    into: person
    fields:
      number: id
      name: name
      phone: phone
      salary: salary
      born: born
      boss: ref('person', boss)
    unmatched: create
"""
FIELDS = "{id: text, name: text, phone: text, salary: decimal, born: date, boss: text}"
ROLES = """
    roles:
      payroll: {sees: L4, models: [person]}
    actors:
      "key:payroll": [payroll]
"""


def person(number: int, **more: Any) -> dict[str, Any]:
    """A record of the source."""
    return {
        "id": str(number),
        "name": f"P{number}",
        "phone": f"+49711555{number:04}",
        "salary": f"{number}000.50",
        "born": f"1980-01-{number:02}",
        "boss": "1",
    } | more


class Served(World):
    """A world with an API; ``key`` makes a key, ``as_`` asks with one."""

    client: TestClient
    stack: ExitStack

    def begin(self, hub: str = "") -> None:
        self.write("config/hub.yaml", "hub: test\n" + hub)
        self.standard()
        self.model(PERSON)
        self.mapping(PEOPLE)
        self.files("hr", people=FIELDS)
        self.write("config/roles.yaml", ROLES)
        self.migrate()

    def serve(self) -> TestClient:
        self.stack = ExitStack()
        opened = self.stack.enter_context(self.opened())
        self.open_hub = opened
        self.client = self.stack.enter_context(TestClient(application(opened), raise_server_exceptions=False))
        return self.client

    def key(self, name: str, *grants: str, days: float | None = None, **within: Sequence[str]) -> dict[str, str]:
        """The headers of a new key."""
        with self.opened() as opened:
            hub, moment = opened.hub, opened.hub.clock()
            until = moment + dt.timedelta(days=days) if days is not None else None
            text = access.make(hub.database, hub.workspace, hub.actor, name, grants, within, until, moment)
        return {"authorization": f"Bearer {text}"}

    def ended(self, place: str, headers: dict[str, str]) -> dict[str, Any]:
        """The run at a place, once it has ended."""
        for _ in range(600):
            found: dict[str, Any] = self.client.get(place, headers=headers).json()
            if found.get("state") not in ("accepted", "running"):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{place} did not end: {found}")

    def close(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()
        super().close()


def filled(folder: Path, store: Store, hub: str = "") -> Served:
    """People and suppliers, read in and served, and nothing granted to anybody yet."""
    made = Served(folder / "w", store)
    made.begin(hub)
    made.put("hr.people", *(person(n) for n in range(1, 8)))
    made.first("erp.suppliers", {"id": "1", "name": "ACME", "city": "Bonn"}, {"id": "2", "name": "Best", "city": "Ulm"})
    made.run("people", initial=True)
    made.serve()
    return made


@pytest.fixture
def served(tmp_path: Path, store: Store) -> Iterator[Served]:
    """One of its own, on both databases."""
    made = filled(tmp_path, store)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests of a module that change nothing."""
    rules = "api: {rate: 100000, burst: 100000}"
    made = filled(tmp_path_factory.mktemp("shared"), SqliteStore(), rules)
    yield made
    made.close()


@pytest.fixture
def reader(shared: Served) -> dict[str, str]:
    """The headers of a key that reads golden records of it."""
    return shared.key(f"reader-{uuid.uuid4()}", "entities:read")
