"""What is stopped by hand, or being maintained, waits: it is not lost, not counted as a failure, and goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from hub.contract import Change, Outcome, Resource
from hub.errors import Waits
from hub.exchange import course
from hub.store import standstills, switches
from hub.store.database import now
from hub.store.switches import Switch
from tests.unit.bus.busworld import BusWorld, event, supplier

pytestmark = pytest.mark.by_turns


def switched(world: BusWorld, kind: str, name: str, *, stop: bool) -> None:
    with world.opened() as opened, opened.hub.database.begin() as connection:
        if stop:
            switches.stop(connection, Switch(kind, name, "ann", "the month is being closed", now()))
        else:
            switches.resume(connection, kind, name)


def nothing_failed(world: BusWorld) -> bool:
    """No run failed, nobody stands still, and no event was tried in vain."""
    with world.opened() as opened:
        stands = standstills.all_of(opened.hub.database)
    tried = world.one("SELECT coalesce(max(attempts), 0) FROM reception")
    return not stands and not tried and world.rows("SELECT 1 FROM run WHERE state = 'failed'") == []


@pytest.mark.parametrize(
    ("kind", "name", "applied"), [("exchange", "suppliers", 0), ("exchange", "to-crm", 1), ("target", "crm", 1)]
)
def test_events_and_deliveries_wait_while_they_are_stopped(world: BusWorld, kind: str, name: str, applied: int):
    switched(world, kind, name, stop=True)
    world.push(event(1))
    world.work()
    assert (len(world.golden()), len(world.crm.rows)) == (applied, 0)
    assert nothing_failed(world)
    switched(world, kind, name, stop=False)
    world.work()
    assert world.crm.named() == {"1": "S1 v1"}
    assert world.states() == {"done": 1}


@pytest.mark.parametrize(("system", "applied"), [("erp", 0), ("crm", 1)])
def test_events_and_deliveries_wait_while_a_system_is_maintained(world: BusWorld, system: str, applied: int):
    file = world.folder / "config" / "systems" / f"{system}.yaml"
    file.write_text(file.read_text() + '\nmaintenance: [{at: "02:00", for: 1h, zone: Asia/Shanghai}]\n')
    world.clock = lambda: dt.datetime(2026, 3, 4, 18, 30, tzinfo=dt.UTC)
    world.push(event(1))
    world.work()
    assert (len(world.golden()), len(world.crm.rows)) == (applied, 0)
    assert nothing_failed(world)
    with pytest.raises(Waits) as waits:
        world.run("suppliers" if system == "erp" else "to-crm", "incremental")
    assert (waits.value.code, waits.value.wait) == ("system.maintenance", 1800.0)
    world.clock = lambda: dt.datetime(2026, 3, 4, 19, 0, tzinfo=dt.UTC)
    world.work()
    assert world.crm.named() == {"1": "S1 v1"}


def test_a_stopped_exchange_is_planned_and_neither_run_nor_applied(world: BusWorld):
    world.put("erp.suppliers", supplier(1))
    switched(world, "exchange", "suppliers", stop=True)
    plan = world.plan("suppliers", initial=True)
    for ask in (lambda: world.run("suppliers"), lambda: world.apply(plan)):
        with pytest.raises(Waits, match=r"stopped by ann since .*: the month is being closed"):
            ask()
    assert world.rows("SELECT state FROM run") == [("planned",)]
    switched(world, "exchange", "suppliers", stop=False)
    assert world.apply(plan).state == "done"


def test_a_delivery_that_is_stopped_ends_at_a_batch_and_goes_on_with_the_rest(
    world: BusWorld, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(course, "LOOK", 0.0)
    world.crm.batch = 1
    world.modules["crm"] = world.crm.spec
    world.push(*[event(number) for number in range(4)])
    with world.worker() as worker:
        worker.duties["inbox"].turn()
    deliver = world.crm.deliver

    def stopping(resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        done = deliver(resource, changes)
        if len(world.crm.rows) == 2:
            switched(world, "target", "crm", stop=True)
        return done

    monkeypatch.setattr(world.crm, "deliver", stopping)
    with pytest.raises(Waits):
        world.run("to-crm", "incremental", key="again")
    assert len(world.crm.rows) == 2
    assert world.one("SELECT state FROM run WHERE run_key = 'again'") == "stopped"
    monkeypatch.setattr(world.crm, "deliver", deliver)
    switched(world, "target", "crm", stop=False)
    assert world.run("to-crm", "incremental", key="again").state == "done"
    assert len([1 for operation, _ in world.crm.calls if operation == "create"]) == len(world.crm.rows) == 4
