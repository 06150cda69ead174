"""The landscape of the fault tests, made once and copied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.simulators import Simulator
from tests.faults.forker import Forker
from tests.faults.landscape import Landscape, StillClock, build, copy, parties, point_at, seal
from tests.stores import Postgres, new_name

Make = Callable[..., Landscape]


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


@pytest.fixture
def landscape(tmp_path: Path, template: Path, forker: Forker) -> Iterator[Make]:
    """``landscape("crm", "s4", count=230)``: a fresh copy with these simulators and that many parties."""
    with ExitStack() as stack:
        number = 0

        def make(*names: str, count: int = 60, store: str = "") -> Landscape:
            nonlocal number
            number += 1
            made = Landscape(copy(template, tmp_path / f"w{number}"), forker, store)
            made.write(parties(count))
            for name in ("crm", "s4"):
                if name in names:
                    simulator = stack.enter_context(Simulator(name))
                    simulator.product.clock = StillClock()
                    made.simulators[name] = simulator
                    point_at(made.folder, name, simulator.url)
                else:
                    point_at(made.folder, name, "http://127.0.0.1:9")
            if store and made.select("SELECT to_regclass('schema_state')") == [(None,)]:
                assert made.cophub("migrate").status == 0
                seal(made)
            return made

        yield make


@pytest.fixture(scope="session")
def postgres_template(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, template: Path, forker: Forker
) -> str:
    """A database that is migrated, with the secrets sealed by the template's key."""
    name = new_name()
    folder = copy(template, tmp_path_factory.mktemp("on-postgresql") / "w")
    for system in ("crm", "s4"):
        point_at(folder, system, "http://127.0.0.1:9")
    made = Landscape(folder, forker, postgres.create(name))
    assert made.cophub("migrate").status == 0
    seal(made)
    return postgres.keep(name, "landscape")


@pytest.fixture
def postgres_store(postgres: Postgres, postgres_template: str) -> Iterator[Callable[[], str]]:
    """Makes databases for landscapes; skipped where no server is named."""
    made: list[str] = []

    def make() -> str:
        made.append(new_name())
        return postgres.create(made[-1], postgres_template)

    yield make
    for name in made:
        postgres.drop(name)
