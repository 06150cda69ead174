"""Records that are gone: only a complete snapshot says so, and only the written reaction follows."""

from __future__ import annotations

import pytest

from tests.faults.matrix import row
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

ONE, TWO = {"id": "1", "name": "ACME", "tax": "T1"}, {"id": "2", "name": "Best", "tax": "T2"}


def states(world: World) -> dict[str, int]:
    return {code: row["_state"] for code, row in world.golden().items()}


@pytest.mark.parametrize(("reaction", "state"), [("disable", 1), ("delete", 2)])
def test_an_entity_follows_its_record(world: World, reaction: str, state: int):
    world.mapping(SUPPLIERS, absent=reaction)
    world.first("erp.suppliers", ONE, TWO)
    result = world.first("erp.suppliers", ONE)
    assert some(result) == {"read": 1, "unchanged": 1, "absent": 1, f"{reaction}d": 1}
    assert states(world) == {"1": 0, "2": state}
    assert [row["code"] for row in world.history()] == ["2"]


def test_what_follows_once_is_not_done_again(world: World):
    world.mapping(SUPPLIERS, absent="disable")
    world.first("erp.suppliers", ONE, TWO)
    world.first("erp.suppliers", ONE)
    seq = world.seq()
    assert some(world.run()) == {"read": 1, "unchanged": 1}
    assert world.seq() == seq


def test_ignored_absence_is_counted_and_changes_nothing(world: World):
    world.first("erp.suppliers", ONE, TWO)
    result = world.first("erp.suppliers", ONE)
    assert some(result) == {"read": 1, "unchanged": 1, "absent": 1}
    assert states(world) == {"1": 0, "2": 0}


def test_an_unlinked_record_leaves_its_entity_for_others(world: World):
    world.mapping(SUPPLIERS, absent="unlink")
    world.first("erp.suppliers", ONE, TWO)
    world.first("erp.suppliers", ONE)
    assert states(world) == {"1": 0, "2": 0}
    assert world.one("SELECT entity FROM shadow WHERE key = '2'") is None


def test_grace_waits(world: World):
    world.mapping(SUPPLIERS, absent="{reaction: delete, grace: 7d}")
    world.first("erp.suppliers", ONE, TWO)
    world.first("erp.suppliers", ONE)
    assert states(world) == {"1": 0, "2": 0}
    world.first("erp.suppliers", ONE)
    assert states(world) == {"1": 0, "2": 0}


def test_grace_ends(world: World):
    world.mapping(SUPPLIERS, absent="{reaction: delete, grace: 1ms}")
    world.first("erp.suppliers", ONE, TWO)
    world.first("erp.suppliers", ONE)
    assert states(world)["2"] == 0
    result = world.first("erp.suppliers", ONE)
    assert some(result, "absent", "deleted") == {"absent": 0, "deleted": 1}
    assert states(world)["2"] == 2


def test_grace_begins_anew_after_a_return(world: World):
    world.mapping(SUPPLIERS, absent="{reaction: delete, grace: 1ms}")
    for records in ((ONE, TWO), (ONE,), (ONE, TWO), (ONE,)):
        world.first("erp.suppliers", *records)
    assert states(world)["2"] == 0


@row(32, "an empty source")
def test_an_empty_source_deletes_nothing_and_says_so(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", ONE, TWO)
    result = world.first("erp.suppliers")
    assert some(result) == {}
    assert states(world) == {"1": 0, "2": 0}
    assert [note for note in result.notes if "no record where it had 2" in note]


@row(32, "an empty source, twice")
def test_an_empty_source_does_not_make_the_next_run_forget_its_size(world: World):
    world.mapping(SUPPLIERS, absent="delete", guard="{delete: 0}")
    world.first("erp.suppliers", ONE, TWO)
    world.first("erp.suppliers")
    assert [note for note in world.run().notes if "no record where it had 2" in note]


def test_a_record_that_comes_back_restores_its_entity(world: World):
    world.mapping(SUPPLIERS, absent="disable")
    world.first("erp.suppliers", ONE, TWO)
    world.first("erp.suppliers", ONE)
    identity = world.golden()["2"]["_id"]
    result = world.first("erp.suppliers", ONE, TWO)
    assert some(result) == {"read": 2, "applied": 1, "updated": 1, "unchanged": 1}
    assert (states(world), world.golden()["2"]["_id"]) == ({"1": 0, "2": 0}, identity)


def test_a_deleted_entity_comes_back_with_its_record(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", ONE, TWO)
    world.first("erp.suppliers", ONE)
    world.first("erp.suppliers", ONE, TWO | {"name": "Better"})
    assert (states(world)["2"], world.golden()["2"]["name"]) == (0, "Better")


def test_an_entity_that_another_source_stands_for_stays(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.files("crm", suppliers=FIELDS)
    crm = SUPPLIERS.replace("erp.", "crm.").replace("mapping: suppliers", "mapping: crm")
    world.mapping(crm, absent="delete")
    world.first("erp.suppliers", ONE, TWO)
    world.first("crm.suppliers", {"id": "2", "name": "Best", "tax": "T2"}, ONE, mapping="crm")
    assert some(world.first("erp.suppliers", ONE), "absent", "deleted") == {"absent": 1, "deleted": 0}
    assert states(world) == {"1": 0, "2": 0}
    assert some(world.first("crm.suppliers", ONE, mapping="crm"), "deleted") == {"deleted": 1}
    assert states(world) == {"1": 0, "2": 2}


@row(28, "a bad record is not absent")
def test_a_quarantined_record_is_not_absent(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", ONE, TWO)
    result = world.first("erp.suppliers", ONE, TWO | {"name": None})
    assert some(result) == {"read": 2, "unchanged": 1, "quarantined": 1}
    assert states(world) == {"1": 0, "2": 0}


@row(32, "a filter that leaves records out")
def test_a_record_that_leaves_the_condition_is_out_of_scope_and_not_absent(world: World):
    world.mapping(SUPPLIERS, absent="delete", where="city = 'Bonn'")
    world.first("erp.suppliers", ONE | {"city": "Bonn"}, TWO | {"city": "Bonn"})
    result = world.first("erp.suppliers", ONE | {"city": "Bonn"}, TWO | {"city": "Ulm"})
    assert some(result) == {"read": 2, "unchanged": 1, "out_of_scope": 1}
    assert states(world) == {"1": 0, "2": 0}


@row(34, "an incremental read")
def test_an_incremental_read_counts_no_absence(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.files("erp", cursor="changed", suppliers=FIELDS)
    old = ONE | {"changed": "2026-01-01T00:00:00Z"}
    world.first("erp.suppliers", old, TWO | {"changed": "2026-01-02T00:00:00Z"})
    world.put("erp.suppliers", {"id": "3", "name": "New", "changed": "2026-01-03T00:00:00Z"})
    result = world.run(mode="incremental")
    assert some(result, "absent", "deleted") == {"absent": 0, "deleted": 0}
    assert states(world) == {"1": 0, "2": 0, "3": 0}
