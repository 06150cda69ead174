"""The guard stops a run before its first write."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import Held
from tests.faults.matrix import row
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns


def many(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": str(number), "name": f"S{number}", **more} for number in range(count)]


def held(world: World, mapping: str = "suppliers", mode: str = "full") -> str:
    """The run is held and the database is as before, but for the journal."""
    before = world.dump()
    with pytest.raises(Held) as caught:
        world.run(mapping, mode)
    assert world.dump() == before
    assert caught.value.code == "guard.exceeded"
    assert world.one("SELECT state FROM run ORDER BY started_at DESC LIMIT 1") == "held"
    return caught.value.message


def test_a_count_is_a_count(world: World):
    world.mapping(SUPPLIERS, guard="{update: 2}")
    world.first("erp.suppliers", *many(5))
    world.put("erp.suppliers", *many(2, city="Bonn"), *many(5)[2:])
    assert world.run().counts["updated"] == 2
    world.put("erp.suppliers", *many(5, city="Ulm"))
    assert "5 records to update" in held(world)


@row(32, "most records are gone")
@pytest.mark.parametrize(("reaction", "limit"), [("disable", "disable"), ("delete", "delete")])
def test_removals_over_the_limit_stop_everything(world: World, reaction: str, limit: str):
    world.mapping(SUPPLIERS, absent=reaction, guard=f"{{{limit}: 1}}")
    world.first("erp.suppliers", *many(5))
    world.put("erp.suppliers", *many(3), {"id": "9", "name": "New"})
    assert f"2 records to {reaction}" in held(world)
    assert "9" not in world.golden()


def test_a_percentage_is_of_the_last_complete_snapshot(world: World):
    world.mapping(SUPPLIERS, absent="delete", guard="{delete: 2%}")
    world.first("erp.suppliers", *many(200))
    world.put("erp.suppliers", *many(195))
    assert "2.5 % of 200" in held(world)
    assert world.first("erp.suppliers", *many(196)).counts["deleted"] == 4


def test_a_percentage_says_nothing_under_a_hundred_records(world: World):
    world.mapping(SUPPLIERS, absent="delete", guard="{delete: 2%}")
    world.first("erp.suppliers", *many(99))
    assert world.first("erp.suppliers", *many(50)).counts["deleted"] == 49


def test_a_count_counts_under_a_hundred_records(world: World):
    world.mapping(SUPPLIERS, absent="delete", guard="{delete: 3}")
    world.first("erp.suppliers", *many(20))
    world.put("erp.suppliers", *many(16))
    held(world)


@pytest.mark.parametrize("limit", ["3", "50%"])
def test_a_first_load_over_its_limit_waits_for_initial(world: World, limit: str):
    world.mapping(SUPPLIERS, guard=f"{{create: {limit}}}")
    world.put("erp.suppliers", *many(4))
    world.fill()
    held(world)
    assert some(world.run(initial=True), "created") == {"created": 4}


def test_initial_frees_only_creations(world: World):
    world.mapping(SUPPLIERS, guard="{create: 1, update: 1}")
    world.put("erp.suppliers", *many(4))
    world.run(initial=True)
    world.put("erp.suppliers", *many(4, city="Bonn"))
    with pytest.raises(Held):
        world.run(initial=True)


def test_a_plan_over_the_limit_is_stored_and_says_so(world: World):
    world.mapping(SUPPLIERS, guard="{create: 1}")
    world.put("erp.suppliers", *many(4))
    plan = world.plan()
    assert world.one("SELECT state FROM plan") == "open"
    with pytest.raises(Held, match="4 records to create"):
        world.apply(plan)
    assert world.golden() == {}


def test_a_held_run_key_runs_again_when_the_source_is_mended(world: World):
    world.mapping(SUPPLIERS, absent="delete", guard="{delete: 1}")
    world.first("erp.suppliers", *many(5))
    world.put("erp.suppliers", *many(1))
    with pytest.raises(Held):
        world.run(key="monday")
    world.put("erp.suppliers", *many(5))
    assert some(world.run(key="monday")) == {"read": 5, "unchanged": 5}
