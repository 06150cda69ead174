"""A worker sleeps until it is called, does what there is, and ends when it is asked to."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import text

from hub.bus.worker import Worker
from hub.contract import Change, Outcome, Resource
from hub.errors import AuthError, Fatal, Held, Retriable
from hub.store import standstills
from hub.store.wake import Listener
from tests.unit.bus.busworld import TO_CRM, BusWorld, event, until
from tests.unit.exchange.target import Crm

pytestmark = pytest.mark.by_turns

ONCE = "system: crm\nconnector: crm\ndelivery: {attempts: 1, failures: 100}\n"


@pytest.fixture
def running(world: BusWorld) -> Iterator[Worker]:
    """A worker in a thread, asked to end after the test."""
    with world.worker() as worker:
        thread = threading.Thread(target=worker.run)
        thread.start()
        yield worker
        worker.stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_a_worker_is_woken_by_an_event_of_another_process(world: BusWorld, running: Worker):
    for number in range(3):
        world.push(event(number))
        until(lambda want=number + 1: len(world.crm.rows) == want)
    assert world.states() == {"done": 3}


def test_a_listener_hears_what_was_committed_and_nothing_else(world: BusWorld):
    stop = threading.Event()
    with world.opened() as opened:
        listener = Listener(opened.hub.database)
        assert listener.wait(0.0, stop)  # the first time: look
        assert not listener.wait(0.1, stop)
        world.push(event(1))
        assert listener.wait(2.0, stop)
        stop.set()
        assert not listener.wait(60.0, stop)
        listener.close()


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)  # SQLite has no server to end a connection
def test_a_lost_connection_is_told_and_the_worker_goes_on(world: BusWorld, running: Worker):
    world.push(event(1))
    until(lambda: len(world.crm.rows) == 1)
    for number in (2, 3):
        with world.opened() as opened, opened.hub.database.engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        world.push(event(number))
        until(lambda want=number: len(world.crm.rows) == want)
    assert world.states() == {"done": 3}


@pytest.mark.parametrize(
    "error",
    [
        AuthError("auth.refused", "no"),
        Fatal("http.status", "no"),
        Held("guard.exceeded", "no"),
        Retriable("http.unreachable", "no"),
    ],
)
def test_an_exchange_that_cannot_go_on_stands_still_and_stops_nobody(
    world: BusWorld, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    other, deliver, broken = Crm(), world.crm.deliver, [True]
    world.modules["shop"] = other.spec
    world.write("config/systems/shop.yaml", "system: shop\nconnector: shop\n")
    world.mapping(TO_CRM.replace("to-crm", "to-shop").replace("crm.accounts", "shop.accounts"))

    def refusing(resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        if broken:
            raise error
        return deliver(resource, changes)

    monkeypatch.setattr(world.crm, "deliver", refusing)
    world.write("config/systems/crm.yaml", ONCE)
    world.push(event(1))
    world.work()
    with world.opened() as opened:
        stands = standstills.all_of(opened.hub.database)
    assert set(stands) == {"to-crm"}
    assert stands["to-crm"].message
    assert (other.named(), world.crm.rows) == ({"1": "S1 v1"}, {})
    broken.clear()
    assert world.run("to-crm", "incremental").state == "done"
    world.push(event(2))
    world.work()
    assert len(world.crm.rows) == len(other.rows) == 2
    with world.opened() as opened:
        assert standstills.all_of(opened.hub.database) == {}


def test_waiting_deliveries_are_tried_again_later(world: BusWorld, monkeypatch: pytest.MonkeyPatch):
    world.write("config/systems/crm.yaml", ONCE)
    monkeypatch.setattr("hub.bus.followers.RETRY", 0.0)
    world.crm.answers["1"] = ["retry"]
    world.push(event(1))
    world.work()
    assert world.crm.named() == {"1": "S1 v1"}
    with world.opened() as opened:
        assert standstills.all_of(opened.hub.database) == {}


def test_two_workers_share_the_work(world: BusWorld):
    with world.worker() as one, world.worker() as two:
        threads = [threading.Thread(target=worker.run) for worker in (one, two)]
        for thread in threads:
            thread.start()
        for number in range(30):
            world.push(event(number))
        until(lambda: len(world.crm.rows) == 30)
        for worker in (one, two):
            worker.stop.set()
        for thread in threads:
            thread.join(timeout=30)
    creates = [code for operation, code in world.crm.calls if operation == "create"]
    assert len(creates) == len(set(creates)) == 30
    assert {row["_version"] for row in world.golden().values()} == {1}
