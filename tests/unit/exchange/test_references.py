"""References by the source's own keys: to what is there, to what comes in the same batch, and to nothing yet."""

from __future__ import annotations

import pytest

from tests.unit.exchange.world import FIELDS, World, some

pytestmark = pytest.mark.by_turns


def supplier(key: str, parent: str | None = None, **more: object) -> dict[str, object]:
    return {"id": key, "name": f"S{key}", "parent": parent, **more}


def parents(world: World) -> dict[str, str | None]:
    golden = world.golden()
    codes = {row["_id"]: code for code, row in golden.items()}
    return {code: codes.get(row["parent"]) for code, row in golden.items()}


def test_a_reference_into_the_same_batch(world: World):
    result = world.first("erp.suppliers", supplier("1", "2"), supplier("2"))
    assert some(result) == {"read": 2, "applied": 2, "created": 2}
    assert parents(world) == {"1": "2", "2": None}


def test_a_reference_to_an_earlier_batch(world: World):
    world.first("erp.suppliers", supplier("2"))
    world.first("erp.suppliers", supplier("2"), supplier("1", "2"))
    assert parents(world) == {"1": "2", "2": None}


def test_a_record_may_refer_to_itself(world: World):
    world.first("erp.suppliers", supplier("1", "1"))
    assert parents(world) == {"1": "1"}


def test_chains_and_cycles_close_in_one_run(world: World):
    result = world.first(
        "erp.suppliers", supplier("1", "2"), supplier("2", "3"), supplier("3", "1"), supplier("4", "1")
    )
    assert some(result, "created", "waiting") == {"created": 4, "waiting": 0}
    assert parents(world) == {"1": "2", "2": "3", "3": "1", "4": "1"}


def test_a_record_that_refers_to_nothing_yet_waits(world: World):
    result = world.first("erp.suppliers", supplier("1", "9"), supplier("2"))
    assert some(result) == {"read": 2, "applied": 1, "created": 1, "waiting": 1}
    (entry,) = world.held()
    assert (entry["key"], entry["state"], entry["code"], entry["field"], entry["input"]) == (
        "1",
        "waiting",
        "ref.missing",
        "parent",
        '"9"',
    )
    assert "supplier 9" in entry["message"]
    assert entry["position"] == "erp-suppliers.ndjson:1"


def test_who_refers_to_a_waiting_record_waits_too(world: World):
    result = world.first("erp.suppliers", supplier("1", "2"), supplier("2", "3"), supplier("3", "9"))
    assert some(result) == {"read": 3, "waiting": 3}
    assert world.golden() == {}


def test_a_long_chain_behind_a_waiting_record_waits(world: World):
    chain = [supplier(str(number), str(number + 1)) for number in range(130)]
    result = world.first("erp.suppliers", *chain)
    assert some(result) == {"read": 130, "waiting": 130}
    healed = world.first("erp.suppliers", *chain, supplier("130"))
    assert some(healed) == {"read": 131, "applied": 131, "created": 131}


def test_a_waiting_record_goes_on_when_its_reference_comes(world: World):
    world.first("erp.suppliers", supplier("1", "9"))
    assert some(world.run(), "read", "waiting") == {"read": 1, "waiting": 1}
    assert len(world.held()) == 1
    result = world.first("erp.suppliers", supplier("1", "9"), supplier("9"))
    assert some(result) == {"read": 2, "applied": 2, "created": 2}
    assert (world.held(), parents(world)) == ([], {"1": "9", "9": None})


def test_a_waiting_record_goes_on_in_an_incremental_run_that_does_not_bring_it_again(world: World):
    world.files("erp", cursor="changed", suppliers=FIELDS)
    world.first("erp.suppliers", supplier("1", "9", changed="2026-01-01T00:00:00Z"))
    world.put("erp.suppliers", supplier("9", changed="2026-01-02T00:00:00Z"))
    result = world.run(mode="incremental")
    assert some(result) == {"read": 2, "applied": 2, "created": 2}
    assert (world.held(), parents(world)) == ([], {"1": "9", "9": None})


def test_an_entity_whose_new_reference_is_missing_keeps_its_old_one(world: World):
    world.first("erp.suppliers", supplier("1", "2"), supplier("2"))
    result = world.first("erp.suppliers", supplier("1", "9"), supplier("2"))
    assert some(result) == {"read": 2, "waiting": 1, "unchanged": 1}
    assert parents(world) == {"1": "2", "2": None}


def test_a_reference_to_a_record_that_is_in_quarantine_waits(world: World):
    result = world.first("erp.suppliers", supplier("1", "2"), supplier("2", name=None))
    assert some(result) == {"read": 2, "waiting": 1, "quarantined": 1}
    assert world.reasons() == [("1", "waiting", "ref.missing"), ("2", "quarantined", "required")]


def test_a_reference_changes_and_ends(world: World):
    world.first("erp.suppliers", supplier("1", "2"), supplier("2"), supplier("3"))
    world.first("erp.suppliers", supplier("1", "3"), supplier("2"), supplier("3"))
    assert parents(world)["1"] == "3"
    world.first("erp.suppliers", supplier("1"), supplier("2"), supplier("3"))
    assert parents(world)["1"] is None
