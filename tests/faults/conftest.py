"""The landscape of the fault tests, made once and copied for each test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from connectors.simulators import Simulator
from tests.faults.forker import Forker
from tests.faults.landscape import Landscape, StillClock, build, copy, parties, point_at
from tests.systems.place import Note

Make = Callable[..., Landscape]
SECRETS = {"crm/key": "crm-demo", "s4/password": "s4-demo"}


@pytest.fixture(scope="session")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    made = Forker(tmp_path_factory.mktemp("said"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, forker: Forker) -> Path:
    """A migrated workspace with its secrets sealed."""
    folder = tmp_path_factory.mktemp("landscape") / "w"
    build(folder)
    for name in ("crm", "s4"):
        point_at(folder, name, "http://127.0.0.1:9")
    made = Landscape(folder, forker)
    assert made.cophub("migrate").status == 0, made.cophub("migrate").err
    seal(made)
    build_again = {"crm": "URL_CRM", "s4": "URL_S4"}
    for name, word in build_again.items():
        path = folder / "config" / "systems" / f"{name}.yaml"
        path.write_text(path.read_text().replace("http://127.0.0.1:9", word))
    return folder


def seal(made: Landscape) -> None:
    for name, value in SECRETS.items():
        ran = made.cophub("secrets", "set", f"secret://{name}", given=value)
        assert ran.status == 0, ran.err


@pytest.fixture
def landscape(tmp_path: Path, template: Path, forker: Forker) -> Iterator[Make]:
    """``landscape("crm", "s4", count=230)``: a fresh copy with these simulators and that many parties."""
    with ExitStack() as stack:
        number = 0

        def make(*names: str, count: int = 60, store: str = "", base: Path | None = None) -> Landscape:
            nonlocal number
            number += 1
            made = Landscape(copy(base or template, tmp_path / f"w{number}"), forker, store)
            made.write(parties(count))
            for name in ("crm", "s4"):
                if name in names:
                    simulator = stack.enter_context(Simulator(name))
                    simulator.product.clock = StillClock()
                    made.simulators[name] = simulator
                    point_at(made.folder, name, simulator.url)
                else:
                    point_at(made.folder, name, "http://127.0.0.1:9")
            if store:
                assert made.cophub("migrate").status == 0
                seal(made)
            return made

        yield make


@pytest.fixture
def postgres_store() -> Iterator[Callable[[], str]]:
    """Makes empty PostgreSQL databases for the hub; skipped where no server is named."""
    noted = Note().variables("postgres") or {}
    server = os.environ.get("HUB_TEST_POSTGRES_URL") or noted.get("HUB_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("postgres is not running: tests/services up postgres, or HUB_TEST_POSTGRES_URL")
    import psycopg

    made: list[str] = []
    with psycopg.connect(server, autocommit=True) as admin:

        def make() -> str:
            name = f"cophub_{secrets.token_hex(6)}"
            admin.execute(f"create database {name} template template0")
            made.append(name)
            return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))

        yield make
        for name in made:
            admin.execute(f"drop database {name} with (force)")
