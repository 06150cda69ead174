"""Stacks of Airflow, one at a time. A session has one; whatever ends the tests ends its processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from connectors.simulators import Simulator
from tests.faults.forker import Forker
from tests.faults.landscape import StillClock
from tests.stack.airflow import Stack
from tests.stack.workspace import ROUND, World
from tests.stores import Postgres, new_name


@pytest.fixture(scope="session")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    made = Forker(tmp_path_factory.mktemp("said"))
    yield made
    made.close()


@contextmanager
def world(folder: Path, forker: Forker, postgres: Postgres, rounds: int) -> Iterator[World]:
    """A workspace with its store and its systems."""
    name = new_name()
    with ExitStack() as held:
        store = postgres.create(name)
        held.callback(postgres.drop, name)
        crm, s4 = (held.enter_context(Simulator(one, records=rounds * ROUND + 10)) for one in ("crm", "s4"))
        for simulator in (crm, s4):
            simulator.product.clock = StillClock()
        yield World(folder, forker, store, crm, s4, rounds)


@contextmanager
def stack(home: Path, world: World, postgres: Postgres, *hosts: str, broker: str = "") -> Iterator[Stack]:
    """Airflow for a workspace, with a database of its own."""
    name = new_name()
    with ExitStack() as held:
        database = postgres.create(name)
        held.callback(postgres.drop, name)
        hub = {"COPHUB_STORE": world.hub.store, "COPHUB_LEASE_SECONDS": "15", "COPHUB_ACTOR": "cophub"}
        made = Stack(home, world.hub.folder, database, hub, broker)
        held.callback(made.close)
        made.up(*hosts)
        yield made
