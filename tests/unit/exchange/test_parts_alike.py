"""Drawn sources: however a run is cut into parts, it leaves what the undivided run leaves.

Records come twice, are nearly the same, are bad, have no key, change, go and come back; ranges are empty, or hold as
many records each. The source is a file, of which each part reads everything, or a table, of which it reads its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.exchange.pipeline import run_exchange
from hub.exchange.splitting.course import run_part, run_split
from tests.stores import SqliteStore
from tests.unit.exchange.test_convergence import few
from tests.unit.exchange.test_parts import known
from tests.unit.exchange.world import SUPPLIERS, World, reconciled

Place = Callable[[str], Path]
SYSTEMS = {
    "files": "system: erp\nconnector: files\nfolder: ../data\nresources:\n  suppliers: {path: erp-suppliers.ndjson, "
    "key: id, fields: {id: integer, name: text, tax: text, city: text, parent: text}}\n",
    "table": "system: erp\nconnector: sql\nsqlite: ../data/erp.sqlite\nresources:\n"
    "  suppliers: {table: supplier, key: id}\n",
}  # fmt: skip
RECORD = st.fixed_dictionaries(
    {
        "id": st.one_of(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.none()),
        "name": st.sampled_from(["Supplier A", "Supplier B", " supplier a ", " ", None]),
        "tax": st.sampled_from(["T1", "T2", "T3", "T4", "T5", None]),
        "city": st.sampled_from(["Berlin", "Rome"]),
        "parent": st.sampled_from([None, None, "0", "5", "99"]),
    }
)
STATES = st.lists(st.lists(RECORD, min_size=4, max_size=12), min_size=2, max_size=3)
BORDERS = st.lists(st.integers(-1, 10), min_size=1, max_size=3, unique=True).map(sorted)
CASE = {"states": STATES, "at": BORDERS, "kind": st.sampled_from(sorted(SYSTEMS))}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return tmp_path_factory.mktemp


@few(3)
@given(**CASE)
def test_a_drawn_source_ends_alike_in_parts_and_undivided(place: Place, states: Any, at: list[int], kind: str) -> None:
    prove(place, states, at, kind)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(few(150))
@given(**CASE)
def test_many_more_drawn_sources_end_alike(place: Place, states: Any, at: list[int], kind: str) -> None:
    prove(place, states, at, kind)


def prove(place: Place, states: list[list[dict[str, Any]]], at: list[int], kind: str) -> None:
    whole, cut = (played(place(name), states, at, kind, parts=name == "cut") for name in ("whole", "cut"))
    for number, (one, other) in enumerate(zip(whole, cut, strict=True)):
        assert one == other, f"state {number} of a {kind} cut at {at}"


def played(folder: Path, states: list[list[dict[str, Any]]], at: list[int], kind: str, *, parts: bool) -> list[Any]:
    """The states of the source one after the other: how each run ended, and what the hub knew then."""
    world = World(folder / "w", SqliteStore())
    world.standard()
    world.write("config/systems/erp.yaml", SYSTEMS[kind])
    mapping = SUPPLIERS.replace("code: id", "code: CAST(id AS VARCHAR)")
    world.mapping(mapping, split=f"{{by: id, at: {at}}}", absent="{reaction: disable}", guard="off")
    world.fill()
    found = []
    try:
        for number, records in enumerate(states):
            put(world, kind, records)
            with world.opened() as opened:
                hub, key = opened.hub, f"run-{number}"

                def work(numbers: list[int], hub: Any = hub, key: str = key) -> None:
                    for part in reversed(numbers):  # in no order
                        run_part(hub, key, part)

                where = (hub, "suppliers", "full", key)
                result = reconciled(run_split(*where, work) if parts else run_exchange(*where))
            found.append([result.state, dict(result.counts), result.notes, known(world)])
    finally:
        world.close()
    return found


def put(world: World, kind: str, records: list[dict[str, Any]]) -> None:
    if kind == "files":
        world.put("erp.suppliers", *records)
        return
    with closing(sqlite3.connect(world.data / "erp.sqlite")) as made, made:
        made.execute("DROP TABLE IF EXISTS supplier")
        made.execute("CREATE TABLE supplier (id INTEGER, name TEXT, tax TEXT, city TEXT, parent TEXT)")
        made.executemany("INSERT INTO supplier VALUES (:id, :name, :tax, :city, :parent)", records)
