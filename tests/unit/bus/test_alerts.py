"""People are told once when an exchange failed, is late or is held, and once when that is over; a dead channel costs
nobody a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress

import pytest

from hub.bus.alerts import Alarms, watch
from hub.bus.relay import Relay
from hub.bus.transport import Embedded
from hub.errors import HubError
from hub.portal.exchanges import router
from hub.portal.ground import HOME
from hub.store import outbox
from tests.unit.bus.busworld import BusWorld, event, supplier
from tests.unit.bus.hook import SECRET, Hook
from tests.unit.bus.robots import KEY, SIGN, Robots

pytestmark = pytest.mark.by_turns

CHANNELS = """
hub: test
alerts:
  ding: {channel: dingtalk, url: secret://alerts/dingtalk, secret: secret://alerts/sign, language: zh}
  wecom: {channel: wecom, url: secret://alerts/wecom, on: [failed, held]}
  lark: {channel: feishu, url: secret://alerts/feishu, secret: secret://alerts/sign, exchanges: [to-crm]}
"""


@pytest.fixture
def robots(world: BusWorld) -> Iterator[Robots]:
    with Robots() as made:
        for product in ("dingtalk", "wecom", "feishu"):
            world.variables[f"COPHUB_SECRET_ALERTS_{product.upper()}"] = made.url(product)
        world.variables["COPHUB_SECRET_ALERTS_SIGN"] = SIGN
        world.write("config/hub.yaml", CHANNELS)
        yield made


def look(world: BusWorld) -> None:
    """What the duties of a worker do that are about alerts."""
    with world.opened() as opened:
        watch(opened.hub)
        resolve = opened.secrets.resolve
        inner = Embedded(opened.hub.workspace, resolve, lambda: None)
        Relay(opened.hub, Alarms(inner, opened.hub, resolve)).turn()


def broken(world: BusWorld, *, broken: bool) -> None:
    source = world.data / "erp-suppliers.ndjson"
    if broken:
        source.unlink(missing_ok=True)
    else:
        world.put("erp.suppliers", supplier(1))


def run(world: BusWorld, mapping: str = "suppliers") -> None:
    with suppress(HubError):
        world.run(mapping, "full")


def test_a_failure_is_told_once_and_its_end_once_in_the_words_of_each_channel(world: BusWorld, robots: Robots):
    broken(world, broken=True)
    for _ in range(3):
        run(world)
        look(world)
    assert [product for product, _ in robots.said] == ["dingtalk", "wecom"]  # not Feishu: another exchange
    ding, wecom = (text for _, text in robots.said)
    assert "suppliers 于" in ding
    assert "[COP Hub test] suppliers failed (" in wecom
    assert "cophub runs suppliers" in wecom
    broken(world, broken=False)
    run(world)
    for _ in range(2):
        look(world)
    assert ("wecom", "[COP Hub test] suppliers is well again") in [(name, text[:38]) for name, text in robots.said[2:]]
    assert len(robots.said) == 4
    assert world.rows("SELECT 1 FROM alert") == []


def test_a_text_leads_to_the_page_of_its_exchange(world: BusWorld, robots: Robots):
    world.write("config/hub.yaml", CHANNELS + "address: https://hub.example\n")
    broken(world, broken=True)
    run(world)
    look(world)
    page = f"https://hub.example{HOME}{router.prefix}/suppliers"
    assert [text.split()[-1] for _, text in robots.said] == [page, page]


def test_what_is_held_and_what_is_late_is_told(world: BusWorld, robots: Robots):
    world.mapping((world.folder / "mappings/suppliers.yaml").read_text(), fresh_within="1h", guard="{create: 0}")
    world.put("erp.suppliers", supplier(1))
    run(world)
    look(world)
    kinds = {kind for (kind,) in world.rows("SELECT kind FROM alert")}
    assert kinds == {"held", "late"}  # it has never ended well
    assert sorted(product for product, _ in robots.said) == ["dingtalk", "dingtalk", "wecom"]
    world.mapping((world.folder / "mappings/suppliers.yaml").read_text(), guard="{create: 5}")
    run(world)
    look(world)
    assert world.rows("SELECT kind FROM alert") == []
    world.clock = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    look(world)
    assert world.rows("SELECT kind FROM alert") == [("late",)]


def test_a_commit_that_is_not_followed_and_an_event_that_waits_are_late(world: BusWorld, robots: Robots):
    world.mapping((world.folder / "mappings/to-crm.yaml").read_text(), fresh_within="10m")
    world.mapping((world.folder / "mappings/suppliers.yaml").read_text(), fresh_within="10m", schedule="on_event")
    look(world)
    assert robots.said == []
    world.push(event(1))
    with world.worker() as worker:
        worker.duties["inbox"].turn()
    world.push(event(2))
    look(world)
    assert robots.said == []
    world.clock = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=11)
    look(world)
    assert sorted(world.rows("SELECT exchange, kind FROM alert")) == [("suppliers", "late"), ("to-crm", "late")]
    world.clock = lambda: dt.datetime.now(dt.UTC)
    world.work()
    look(world)
    assert world.rows("SELECT 1 FROM alert") == []


def test_a_dead_channel_waits_leaves_the_others_alone_and_tells_no_secret(world: BusWorld, robots: Robots):
    robots.away = True
    with Hook() as hook:
        world.variables["COPHUB_SECRET_HOOKS_OPS"] = SECRET
        more = f"  ops: {{channel: webhook, url: '{hook.url}', secret: secret://hooks/ops}}\n"
        world.write("config/hub.yaml", CHANNELS + more)
        broken(world, broken=True)
        run(world)
        look(world)
        assert [one["data"]["state"] for one in hook.events] == ["raised"]
        assert (hook.events[0]["type"], hook.forged) == ("cophub.alert", 0)
    rows = world.rows("SELECT subscriber, state, code, message FROM handover WHERE state = 'due' ORDER BY 1")
    assert [row[0] for row in rows] == ["alert:ding", "alert:wecom"]
    assert not [row for row in rows if KEY in row[3] or SIGN in row[3]]
    robots.away, robots.codes = False, []
    with world.looking() as connection:
        connection.exec_driver_sql("UPDATE handover SET due_at = at")
    look(world)
    assert {product for product, _ in robots.said} == {"dingtalk", "wecom"}


@pytest.mark.parametrize(("number", "code"), [(130101, "alert.busy"), (93000, "alert.refused"), (7, "alert.answer")])
def test_what_a_robot_answers_decides_what_is_done(world: BusWorld, robots: Robots, number: int, code: str):
    robots.codes = [number, number]
    broken(world, broken=True)
    run(world)
    look(world)
    told = world.rows("SELECT DISTINCT code FROM handover WHERE state = 'due'")
    assert told == [(code,)]


def test_a_channel_that_is_not_declared_any_more_is_not_waited_for(world: BusWorld, robots: Robots):
    robots.away = True
    broken(world, broken=True)
    run(world)
    look(world)
    world.write("config/hub.yaml", "hub: test")
    look(world)
    with world.opened() as opened:
        assert outbox.lag(opened.hub.database).count == 0
