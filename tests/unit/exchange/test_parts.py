"""A run in parts ends as the same run undivided, whatever lies on which side of a border."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hub.errors import ConfigError, Held, Retriable
from hub.exchange.parts.ranges import ranges
from hub.exchange.pipeline import Result, run_exchange
from hub.exchange.splitting.course import close_run, open_run, run_part, run_split
from hub.workspace.split import Split
from tests.stores import PostgresStore, SqliteStore
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, reconciled

pytestmark = pytest.mark.by_turns

SPLIT = "{by: id, at: [B, D]}"


def record(key: str | None, **more: Any) -> dict[str, Any]:
    base = {"name": f"Supplier {key}", "tax": f"T{key}", "city": "Berlin", "parent": None}
    return ({} if key is None else {"id": key}) | base | more


FIRST = [
    record("A1"), record("B1", parent="A1"), record("C1"), record("D1", tax="TA1"), record("E1"),
    record("E1", name="x"), record("C2", parent="Z9"), record("A2", name=" "), record(None), record("a3"), record("F1"),
]  # fmt: skip
SECOND = [
    record("A1", city="Rome"), record("C1"), record("D1", tax="TA1"), record("E1", name="x"), record("Z9"),
    record("C2", parent="Z9"), record("A2"), record("a3"), record("B2", tax="TF1"), record("F1"),
]  # fmt: skip


def split(world: World, key: str, mode: str = "full", *, work: Callable[[list[int]], None] | None = None) -> Result:
    """A run in parts, one after the other, each in a hub of its own as a process has one."""

    def parts(numbers: list[int]) -> None:
        for number in reversed(numbers):  # in no order
            with world.opened() as other:
                run_part(other.hub, key, number)

    with world.opened() as opened:
        return run_split(opened.hub, "suppliers", mode, key, work or parts)


def whole(world: World, key: str, mode: str = "full") -> Result:
    with world.opened() as opened:
        return run_exchange(opened.hub, "suppliers", mode, key)


def known(world: World) -> list[Any]:
    """What the hub knows, without what differs from run to run."""
    entities = world.golden()
    code = {row["_id"]: name for name, row in entities.items()}
    golden = [
        (name, row["name"], row["tax"], row["city"], code.get(row["parent"]), row["_state"], row["_version"])
        for name, row in sorted(entities.items())
    ]
    shadow = [
        (key, digest, mapped, code.get(uuid.UUID(str(entity))) if entity else None, there)
        for key, digest, mapped, entity, there in world.rows(
            "SELECT key, hash, map_hash, entity, absent_at IS NULL FROM shadow ORDER BY key"
        )
    ]
    held = [{name: value for name, value in row.items() if name not in ("original", "input")} for row in world.held()]
    return [golden, shadow, held, world.rows("SELECT value, snapshot, fields FROM watermark")]


def through(world: World, run: Callable[[World, str], Result], **replaced: str) -> list[Any]:
    """Three states of the source, one after the other; what the runs count and what is there then."""
    world.mapping(SUPPLIERS, split=SPLIT, absent="{reaction: disable}", guard="off", **replaced)
    world.fill()
    found: list[Any] = []
    for number, records in enumerate((FIRST, SECOND, SECOND)):
        world.put("erp.suppliers", *records)
        result = reconciled(run(world, f"run-{number}"))
        found += [result.state, dict(result.counts), result.notes, known(world)]
    return found


@pytest.fixture
def twin(world: World, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The same workspace on a store of the same kind."""
    sqlite = world.store.startswith("sqlite")
    made = World(tmp_path / "twin", SqliteStore() if sqlite else PostgresStore(request.getfixturevalue("postgres")))
    made.standard()
    yield made
    made.close()
    made._place.renew()


def test_parts_end_as_the_whole_does(world: World, twin: World) -> None:
    for mine, undivided in zip(through(world, split), through(twin, whole), strict=True):
        assert mine == undivided
    assert world.rows("SELECT * FROM part") == []
    assert kept(world) == kept(twin)


def kept(world: World) -> int:
    """How many files the run store has."""
    return sum(path.is_file() for path in (world.folder / ".cophub" / "keep").rglob("*"))


def ready(world: World, **replaced: str) -> None:
    world.mapping(SUPPLIERS, **{"split": SPLIT, "guard": "off", **replaced})
    world.fill()
    world.put("erp.suppliers", *FIRST)


def test_parts_are_opened_run_and_closed_by_processes_that_know_the_key_alone(world: World) -> None:
    ready(world)
    with world.opened() as opened:
        hub = opened.hub
        assert open_run(hub, "suppliers", "full", "apart") == [0, 1, 2]
        with pytest.raises(Retriable, match="is being written by another run"):
            run_exchange(hub, "suppliers", "full", "another")
        assert [run_part(hub, "apart", number) for number in (1, 0, 1)] == [True, True, False]
        with pytest.raises(Retriable, match="1 parts of the run are not read yet"):
            close_run(hub, "suppliers", "full", "apart")
        assert open_run(hub, "suppliers", "full", "apart") == [2]
        assert run_part(hub, "apart", 2)
        ended = close_run(hub, "suppliers", "full", "apart")
        assert (ended.state, ended.counts["created"]) == ("done", len(world.golden()))
        again = close_run(hub, "suppliers", "full", "apart")
        assert (again.repeated, dict(again.counts)) == (True, dict(ended.counts))
        assert open_run(hub, "suppliers", "full", "apart") == []


def test_parts_that_another_run_overtook_are_void(world: World) -> None:
    ready(world)

    def lost(numbers: list[int]) -> None:
        with world.opened() as other:
            run_part(other.hub, "first", numbers[0])
        raise Retriable("test.lost", "the process of a part was lost")

    with pytest.raises(Retriable, match="was lost"):
        split(world, "first", work=lost)
    asked: list[int] = []

    def noted(numbers: list[int]) -> None:
        asked.extend(numbers)
        lost(numbers)

    with pytest.raises(Retriable, match="was lost"):
        split(world, "first", work=noted)
    assert asked == [1, 2]  # what was read counts
    whole(world, "second")
    asked.clear()
    with pytest.raises(Retriable, match="was lost"):
        split(world, "first", work=noted)
    assert asked == [0, 1, 2]


def test_what_is_read_since_a_watermark_is_not_split(world: World) -> None:
    world.files("erp", "changed", suppliers=FIELDS)
    ready(world)
    world.put("erp.suppliers", *(record(key, changed=f"2026-01-0{at}T00:00:00Z") for at, key in enumerate("ACE", 1)))
    split(world, "all")
    assert world.one("SELECT value FROM watermark") == "2026-01-03T00:00:00Z"
    asked: list[int] = []
    ended = split(world, "since", "incremental", work=asked.extend)
    assert (ended.state, asked) == ("done", [])


def test_a_guard_sees_the_whole_plan(world: World) -> None:
    ready(world, guard="{create: 3}")  # each part creates fewer
    with pytest.raises(Held) as held:
        split(world, "many")
    assert "4 " in str(held.value)
    assert (world.golden(), world.rows("SELECT * FROM part")) == ({}, [])


def test_only_a_field_of_the_key_splits(world: World) -> None:
    ready(world, split="{by: tax, at: [B, D]}")
    with pytest.raises(ConfigError, match="tax is no field of the key"):
        split(world, "wrong")


@pytest.mark.parametrize("at", [[5], [-1, 0, 11], ["5"], ["", "1", "x"]], ids=str)
def test_every_key_is_in_one_range(at: Any) -> None:
    keys = [None, "", "x", "-1", "0", "1", "1.5", "5", "11", "10", "９", "1e3"]
    conditions = " + ".join(f"({one.sql('key', ('id',))})::INT" for one in ranges(Split(by="id", at=at)))
    with duckdb.connect() as con:
        con.execute("CREATE TABLE keys AS SELECT unnest($1::VARCHAR[]) AS key", [keys])
        assert con.execute(f"SELECT DISTINCT {conditions} FROM keys").fetchall() == [(1,)]
