"""What comes late, by events or from the quarantine, is known by its version: older states answer for nothing."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from hub.exchange.at_hand import Given
from hub.exchange.pipeline import Result, run_exchange
from hub.exchange.uniting.merger import merge_entities
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, reconciled, some

pytestmark = pytest.mark.by_turns


def handed(world: World, *records: dict[str, Any], deleted: tuple[str, ...] = ()) -> Result:
    """Records that come late, and deletions, as events bring them."""
    lines = [json.dumps(record).encode() for record in records]
    with world.opened() as opened:
        given = Given(lines, deleted)
        return reconciled(run_exchange(opened.hub, "suppliers", "replay", f"h-{uuid.uuid4()}", given=given))


def version(number: int, **more: Any) -> dict[str, Any]:
    return {"id": "1", "name": f"v{number}", "changed": f"2026-01-0{number}T00:00:00Z"} | more


def test_an_older_version_does_not_answer_for_a_newer_one_that_is_held_back(world: World):
    world.files("erp", cursor="changed", suppliers=FIELDS)
    world.first("erp.suppliers", version(1))
    handed(world, version(3, parent="9"))
    assert some(handed(world, version(2))) == {"read": 1, "superseded": 1}
    assert world.reasons() == [("1", "waiting", "ref.missing")]
    assert world.golden()["1"]["name"] == "v1"


def test_an_older_version_overwrites_nothing_after_the_mapping_changed(world: World):
    world.files("erp", cursor="changed", suppliers=FIELDS)
    world.first("erp.suppliers", version(3))
    world.mapping_without("city")
    assert some(handed(world, version(2))) == {"read": 1, "superseded": 1}
    assert world.golden()["1"]["name"] == "v3"


def test_two_versions_in_one_read_leave_the_newer_one_listed(world: World):
    world.files("erp", cursor="changed", suppliers=FIELDS)
    world.first("erp.suppliers", version(1), version(2, name=None))
    before = world.reasons()
    world.run()
    assert world.reasons() == before == [("1", "quarantined", "required")]


@pytest.mark.parametrize("again", [False, True])
def test_what_waited_when_it_was_deleted_does_not_come_back(world: World, again: bool):
    world.mapping(SUPPLIERS, absent="disable")
    waits = {"id": "1", "name": "A", "parent": "9"}
    world.first("erp.suppliers", {"id": "1", "name": "A"})
    world.first("erp.suppliers", waits)
    handed(world, *([waits] if again else []), deleted=("1",))
    assert (world.golden()["1"]["_state"], world.reasons()) == (1, [])


def test_the_last_record_of_a_merged_entity_takes_it_along(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", {"id": "1", "name": "A"}, {"id": "2", "name": "B"})
    one, two = (world.golden()[code]["_id"] for code in "12")
    with world.opened() as opened:
        merge_entities(opened.hub, "supplier", one, [two], "the same")
    handed(world, deleted=("1",))
    assert world.golden()["1"]["_state"] == 0
    handed(world, deleted=("2",))
    assert world.golden()["1"]["_state"] == 2
