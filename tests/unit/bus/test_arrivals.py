"""Records that wait go on by themselves when what they refer to arrives."""

from __future__ import annotations

import pytest

from hub.bus.arrivals import Arrivals
from tests.unit.bus.busworld import BusWorld, event, supplier
from tests.unit.exchange.world import FIELDS, SUPPLIERS

pytestmark = pytest.mark.by_turns

UNITS = SUPPLIERS.replace("mapping: suppliers", "mapping: units").replace("erp.suppliers", "erp.units")


def look(world: BusWorld, times: int = 1) -> list[bool]:
    with world.opened() as opened:
        duty = Arrivals(opened.hub, world.said.append, lambda: False)
        found = []
        for _ in range(times):
            duty._rests.clear()
            found.append(duty.turn())
        return found


def waiting_world(world: BusWorld) -> None:
    """A supplier that waits for its parent, and no run of its exchange to come."""
    world.put("erp.suppliers", supplier(2, parent="1"))
    world.run()
    assert world.reasons() == [("2", "waiting", "ref.missing")]
    world.put("erp.suppliers")


def test_a_record_goes_on_when_its_reference_arrives_as_an_event(world: BusWorld):
    waiting_world(world)
    world.push(event(1))
    with world.worker() as worker:
        worker.once()
    look(world)
    assert world.golden()["2"]["parent"] == world.golden()["1"]["_id"]
    assert world.held() == []


def test_what_arrives_by_another_exchange_counts_where_it_is_the_same_system(world: BusWorld):
    waiting_world(world)
    world.files("erp", cursor="changed", suppliers=FIELDS, units=FIELDS)
    world.mapping(UNITS)
    world.first("erp.units", supplier(1), mapping="units")
    assert look(world) == [True]
    assert world.held() == []


def test_nothing_is_looked_at_twice_without_a_commit(world: BusWorld):
    waiting_world(world)
    assert look(world, 2) == [False, False]
    assert world.one("SELECT count(*) FROM run WHERE run_key LIKE 'arrivals/%'") == 1


def test_a_chain_goes_on_link_by_link(world: BusWorld):
    world.put("erp.suppliers", supplier(3, parent="2"), supplier(2, parent="1"))
    world.run()
    world.put("erp.suppliers")
    world.push(event(1))
    with world.worker() as worker:
        worker.once()
    look(world, 3)
    assert world.held() == []
    assert world.golden()["3"]["parent"] == world.golden()["2"]["_id"]
