"""P9: what was to leave, and changed after the plan was made, does not leave by that plan."""

from __future__ import annotations

import pytest

from tests.unit.exchange.test_effective import ONE as DATED
from tests.unit.exchange.test_effective import dated, on
from tests.unit.exchange.test_matching import FROM_CRM
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

ONE, TWO = {"id": "1", "name": "ACME", "tax": "T1"}, {"id": "2", "name": "Best", "tax": "T2"}
GONE = ONE | {"city": "Ulm"}
__all__ = ("dated",)


@pytest.mark.parametrize("grace", [False, True])
def test_what_is_in_scope_again_is_not_removed(world: World, grace: bool):
    rule = "{reaction: delete, grace: 1ms}" if grace else "delete"
    world.mapping(SUPPLIERS, where="city IS NULL", out_of_scope=rule)
    world.first("erp.suppliers", ONE, TWO)
    world.put("erp.suppliers", GONE, TWO)
    if grace:
        world.run()
    plan = world.plan()
    world.put("erp.suppliers", ONE, TWO)
    result = world.apply(plan)
    assert (world.golden()["1"]["_state"], result.counts["deleted"]) == (0, 0)
    assert world.reasons() == [("1", "refused", "plan.changed")]
    world.run()
    assert (world.golden()["1"]["_state"], world.reasons()) == (0, [])


def test_what_another_run_saw_since_is_not_removed_unchecked(world: World):
    world.mapping(SUPPLIERS, where="city IS NULL", out_of_scope="delete")
    world.first("erp.suppliers", ONE, TWO)
    world.put("erp.suppliers", GONE, TWO)
    plan = world.plan()
    world.first("erp.suppliers", ONE | {"parent": ""}, TWO)
    world.apply(plan, unchecked="the ERP is down")
    assert world.golden()["1"]["_state"] == 0


def test_what_left_as_planned_is_removed(world: World):
    world.mapping(SUPPLIERS, where="city IS NULL", out_of_scope="delete")
    world.first("erp.suppliers", ONE, TWO)
    world.put("erp.suppliers", GONE, TWO)
    assert some(world.apply(world.plan()), "deleted", "refused") == {"deleted": 1, "refused": 0}


@pytest.mark.parametrize("corrected", [False, True])
def test_a_last_day_that_passed_is_applied_unless_it_was_corrected(dated: World, corrected: bool):
    ends = DATED | {"end": "2026-03-31"}
    dated.first("erp.suppliers", ends, mapping="erp")
    on(dated, "2026-04-01")
    plan = dated.plan("erp")
    if corrected:
        dated.put("erp.suppliers", DATED | {"changed": "2026-04-01T00:00:00Z"})
    dated.apply(plan)
    assert dated.golden()["1"]["_state"] == (0 if corrected else 1)
    assert len(dated.reasons("erp")) == int(corrected)


@pytest.mark.parametrize("leaves", ["absent", "out of scope"])
def test_what_another_source_stands_for_by_now_is_not_removed(world: World, leaves: str):
    """It says what is known already: the entity is the same version as before."""
    world.files("crm", accounts=FIELDS)
    world.mapping(FROM_CRM)
    world.mapping(SUPPLIERS, where="city IS NULL", out_of_scope="delete", absent="delete")
    world.first("erp.suppliers", ONE, TWO)
    world.put("erp.suppliers", *([GONE] if leaves == "out of scope" else []), TWO)
    plan, version = world.plan(), world.golden()["1"]["_version"]
    assert some(world.first("crm.accounts", ONE, mapping="crm-suppliers"), "linked", "updated") == {
        "linked": 1,
        "updated": 0,
    }
    assert world.golden()["1"]["_version"] == version
    result = world.apply(plan)
    assert (world.golden()["1"]["_state"], result.counts["deleted"]) == (0, 0)
    world.run()
    assert (world.golden()["1"]["_state"], world.origin("1")["name"]) == (0, "crm-suppliers")
    world.put("crm.accounts", TWO)
    world.mapping(FROM_CRM, absent="delete")
    world.run("crm-suppliers")
    assert world.golden()["1"]["_state"] == 2
