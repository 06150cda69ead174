"""The outbox reaches everybody at least once, in order, under one id; what is not taken is shown."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from hub.bus import relay
from hub.bus.cloudevents import shaped
from hub.contract import Secret
from hub.errors import Retriable
from hub.store import outbox, tables
from hub.store.database import now
from hub.store.outbox import Event
from hub.workspace.connectors import Connectors
from hub.workspace.load import lint
from tests.unit.bus.busworld import BusWorld, event, supplier
from tests.unit.bus.hook import SECRET, Hook

pytestmark = pytest.mark.by_turns

HOOKS = """
    hub: test
    webhooks:
      bi: {{url: {url}, secret: secret://hooks/bi, models: [supplier]}}
"""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as made:
        yield made


@pytest.fixture
def told(world: BusWorld, hook: Hook) -> BusWorld:
    world.write("config/hub.yaml", HOOKS.format(url=hook.url))
    return world


def relayed(world: BusWorld, turns: int = 1) -> None:
    with world.opened() as opened:
        made = world.relay(opened.hub, lambda reference: Secret(SECRET))
        for _ in range(turns):
            made.turn()


def change(world: BusWorld, *versions: int) -> None:
    """Commits of the model, one after the other."""
    for version in versions:
        world.put("erp.suppliers", supplier(1, version))
        world.run()


def unpublished(world: BusWorld) -> int:
    found: int = world.one("SELECT count(*) FROM outbox WHERE published_at IS NULL")
    return found


def due_now(world: BusWorld) -> None:
    with world.opened() as opened, opened.hub.database.begin() as connection:
        moment = now() - dt.timedelta(seconds=1)
        connection.execute(tables.handover.update().values(due_at=moment))


def test_without_subscribers_an_event_is_published_at_once(world: BusWorld):
    change(world, 1)
    relayed(world)
    assert unpublished(world) == 0


def test_a_webhook_gets_signed_events_in_the_order_of_commits(told: BusWorld, hook: Hook):
    change(told, 1, 2, 3)
    relayed(told)
    assert [one["data"]["seq"] for one in hook.events] == [1, 2, 3]
    assert hook.forged == 0
    assert unpublished(told) == 0


def test_events_are_cloudevents(told: BusWorld, hook: Hook, fixtures: Path):
    change(told, 1)
    relayed(told)
    schema = json.loads((fixtures / "events" / "cloudevents.schema.json").read_text())
    jsonschema.validate(hook.events[0], schema)
    assert hook.events[0]["source"] == "/cophub/test"
    assert hook.types == ["application/cloudevents+json"]


def test_what_fails_keeps_its_id_and_holds_back_what_is_behind_it(told: BusWorld, hook: Hook):
    change(told, 1, 2)
    hook.answers = [503, 200]
    relayed(told)
    assert (len(hook.events), unpublished(told)) == (1, 2)
    due_now(told)
    relayed(told)
    ids = [one["id"] for one in hook.events]
    assert (ids[0] == ids[1], len(ids), unpublished(told)) == (True, 3, 0)


def test_an_exhausted_event_is_shown_blocks_nobody_and_can_be_replayed(told: BusWorld, hook: Hook):
    change(told, 1, 2)
    hook.answers = [400] * relay.ATTEMPTS
    for _ in range(relay.ATTEMPTS):
        relayed(told)
        due_now(told)
    relayed(told)
    with told.opened() as opened:
        (shown,) = outbox.exhausted(opened.hub.database)
        assert (shown.subscriber, shown.attempts, shown.code) == ("bi", relay.ATTEMPTS, "http.status")
        assert hook.events[-1]["data"]["seq"] == 2
        assert outbox.replay(opened.hub.database) == 1
    relayed(told)
    assert hook.events[-1]["id"] == str(shown.event)
    assert unpublished(told) == 0


def test_a_webhook_that_took_nothing_for_a_day_is_disabled_until_its_events_are_replayed(told: BusWorld, hook: Hook):
    change(told, 1, 2)
    hook.answers = [400] * relay.ATTEMPTS
    for _ in range(relay.ATTEMPTS):
        with told.opened() as opened, opened.hub.database.begin() as connection:
            connection.execute(tables.outbox.update().where(tables.outbox.c.seq > 1).values(published_at=now()))
        relayed(told)
        due_now(told)
    with told.opened() as opened, opened.hub.database.begin() as connection:
        connection.execute(tables.outbox.update().where(tables.outbox.c.seq > 1).values(published_at=None))
        connection.execute(tables.handover.update().values(at=now() - dt.timedelta(days=2)))
    called = len(hook.events)
    relayed(told)
    assert (len(hook.events), unpublished(told)) == (called, 0)
    with told.opened() as opened:
        assert {one.code for one in outbox.exhausted(opened.hub.database)} == {"http.status", "webhook.disabled"}
        assert outbox.replay(opened.hub.database, "bi") == 2
    relayed(told)
    assert [one["data"]["seq"] for one in hook.events[called:]] == [1, 2]
    change(told, 3)
    relayed(told)
    assert hook.events[-1]["data"]["seq"] == 3


def test_two_relays_send_each_event_once(told: BusWorld, hook: Hook):
    change(told, 1, 2, 3)
    with told.opened() as one, told.opened() as two:
        carriers = [told.relay(each.hub, lambda reference: Secret(SECRET)) for each in (one, two)]
        for _ in range(2):
            for carrier in carriers:
                carrier.turn()
    assert len(hook.events) == 3


def test_published_events_are_forgotten_after_their_time(world: BusWorld):
    change(world, 1)
    relayed(world)
    change(world, 2)
    with world.opened() as opened:
        assert outbox.sweep(opened.hub.database, now() + dt.timedelta(hours=1)) == 1
    assert unpublished(world) == 1


def test_the_wait_grows_and_follows_what_the_receiver_asks():
    state = outbox.Handover(uuid.UUID(int=7), "bi")
    waits = []
    for _ in range(3):
        state = relay.failed(state, Retriable("http.status", "no"))
        assert state.due_at is not None
        waits.append(round((state.due_at - now()).total_seconds(), 1))
    assert waits == [0.5, 1.0, 2.0]
    asked = relay.failed(state, Retriable("http.rate", "slower", wait=90.0))
    assert asked.due_at is not None
    assert round((asked.due_at - now()).total_seconds()) == 90


def test_a_follower_that_is_ahead_is_not_run(world: BusWorld):
    world.push(event(1))
    world.work()
    runs = world.one("SELECT count(*) FROM run")
    world.work()
    assert world.one("SELECT count(*) FROM run") == runs


def test_the_shape_of_an_event_is_the_same_however_often_it_is_sent():
    moment = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
    one = Event(uuid.UUID(int=7), "entity.changed", "supplier", 3, {"seq": 3}, moment)
    assert shaped(one, "hub") == shaped(one, "hub")
    assert shaped(one, "hub")["time"] == "2026-03-01T10:00:00Z"


def test_a_webhook_for_a_model_that_is_not_there_is_found(world: BusWorld):
    world.write(
        "config/hub.yaml", HOOKS.format(url="https://bi.example.com/x").replace("supplier", "suplier")
    )
    _, findings = lint(world.folder, connectors=Connectors(modules=world.modules))
    assert [(one.code, one.line) for one in findings if one.level == "error"] == [("reference.model", 4)]


def test_a_secret_in_plain_text_is_refused(world: BusWorld):
    world.write(
        "config/hub.yaml", HOOKS.format(url="https://bi.example.com/x").replace("secret://hooks/bi", "x")
    )
    _, findings = lint(world.folder, connectors=Connectors(modules=world.modules))
    assert [one.line for one in findings if one.level == "error"]
