"""Creates that were begun and whose answer never came, of records that leave before the next run.

The target may hold the object or not. It is looked up, and follows the mapping's reaction like any other; nothing of
it stays behind, in the target or among the intents.
"""

from __future__ import annotations

import pytest

from hub import failpoints
from hub.errors import Fatal
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_departures import GONE, ONE, TO_CRM, TWO, aged, states
from tests.unit.exchange.test_departures_through import THROUGH, through
from tests.unit.exchange.test_outbound import send, target
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

STOPS = ["after_intent", "after_target_ack"]
"""Before the target was called, and after it acknowledged: in the second case it holds the object."""


@pytest.fixture
def crm(world: World) -> Crm:
    made = target(world, Crm())
    world.mapping(SUPPLIERS, absent="disable", guard="off")
    world.mapping(TO_CRM, out_of_scope="disable", absent="delete")
    return made


def stopped(world: World, mapping: str, point: str) -> None:
    """A run that stops at a point on its way."""
    failpoints.arm(f"{point}=raise")
    try:
        with pytest.raises(Fatal):
            world.run(mapping)
    finally:
        failpoints.arm("")


def begun(world: World, crm: Crm, point: str) -> None:
    """Two suppliers of whom the second is begun, and nothing more is known of it."""
    send(world, ONE)
    world.first("erp.suppliers", ONE, TWO)
    stopped(world, "to-crm", point)
    assert ("2" in states(crm)) == (point == "after_target_ack")


def intents(world: World) -> int:
    return int(world.rows("SELECT count(*) FROM intent")[0][0])


@pytest.mark.parametrize("point", STOPS)
def test_what_is_deleted_is_not_left_in_the_target(world: World, crm: Crm, point: str):
    begun(world, crm, point)
    assert some(send(world, ONE), "applied", "deleted") == {"applied": 1, "deleted": 1}
    assert (states(crm), intents(world)) == ({"1": True}, 0)
    calls = len(crm.calls)
    assert some(send(world, mode="full")) == {"read": 2, "unchanged": 1, "out_of_scope": 1}
    assert len(crm.calls) == calls


@pytest.mark.parametrize("point", STOPS)
def test_what_is_disabled_is_disabled_where_it_is_there(world: World, crm: Crm, point: str):
    begun(world, crm, point)
    assert some(send(world, ONE, GONE), "applied", "disabled") == {"applied": 1, "disabled": 1}
    there = {"1": True} | ({"2": False} if point == "after_target_ack" else {})
    assert (states(crm), intents(world)) == (there, 0)
    send(world, ONE, TWO)
    assert states(crm) == {"1": True, "2": True}


@pytest.mark.parametrize("point", STOPS)
def test_what_is_kept_is_the_same_object_when_it_is_back(world: World, crm: Crm, point: str):
    world.mapping(TO_CRM.replace("    disable: {active: false}\n", ""))
    begun(world, crm, point)
    assert some(send(world, ONE, GONE)) == {"read": 1, "out_of_scope": 1}
    assert some(send(world, ONE, TWO), "created") == {"created": 1}
    assert (states(crm), len(crm.rows), intents(world)) == ({"1": True, "2": True}, 2, 0)


@pytest.mark.parametrize("point", STOPS)
def test_a_grace_is_counted(world: World, crm: Crm, point: str):
    world.mapping(TO_CRM, out_of_scope="{reaction: disable, grace: 1d}")
    begun(world, crm, point)
    there = states(crm)
    assert some(send(world, ONE, GONE)) == {"read": 1, "out_of_scope": 1}
    assert states(crm) == there
    aged(world, 2)
    assert some(send(world), "disabled") == {"disabled": 1}
    assert states(crm) == {name: name == "1" for name in there}
    assert intents(world) == 0


def test_a_target_that_is_away_leaves_it_listed_and_is_asked_again(world: World, crm: Crm):
    text = (world.folder / "config/systems/crm.yaml").read_text("utf-8")
    world.write("config/systems/crm.yaml", text + "delivery: {attempts: 2, retry_for: 1s}\n")
    begun(world, crm, "after_target_ack")
    crm.silent = True
    assert some(send(world, ONE), "waiting", "applied") == {"waiting": 1, "applied": 0}
    assert [key for key, *_ in world.held("to-crm")] != []
    crm.silent = False
    assert some(send(world), "deleted", "applied") == {"deleted": 1, "applied": 1}
    assert (states(crm), world.held("to-crm"), intents(world)) == ({"1": True}, [], 0)


def test_one_that_got_another_key_meanwhile_is_found_under_the_one_it_had(world: World, crm: Crm):
    world.mapping(TO_CRM, fields='{code: name, name: name, active: "true"}')
    send(world, ONE)
    world.first("erp.suppliers", ONE, TWO)
    stopped(world, "to-crm", "after_target_ack")
    assert set(states(crm)) == {"N1", "N2"}
    send(world, ONE, TWO | {"name": "N3"})
    assert set(states(crm)) == {"N1", "N3"}
    assert intents(world) == 0


@pytest.mark.parametrize("point", STOPS)
def test_of_a_pass_through_as_well(world: World, point: str):
    crm = Crm()
    world.modules["crm"] = crm.spec
    world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\nresources: {accounts: {}}\n")
    world.mapping(THROUGH, out_of_scope="disable", absent="delete")
    through(world, ONE)
    world.put("erp.suppliers", ONE, TWO)
    stopped(world, "through", point)
    assert some(through(world, ONE), "deleted", "absent") == {"deleted": 1, "absent": 1}
    assert (states(crm), intents(world)) == ({"1": True}, 0)


def test_the_plan_tells_what_it_does_and_asks_the_target_nothing(world: World, crm: Crm):
    begun(world, crm, "after_target_ack")
    calls = len(crm.calls)
    world.first("erp.suppliers", ONE)
    planned = world.run("to-crm", "plan")
    assert (planned.counts["deleted"], len(crm.calls)) == (1, calls)
    assert planned.plan is not None
    assert some(world.apply(planned.plan), "deleted") == {"deleted": 1}
    assert states(crm) == {"1": True}
