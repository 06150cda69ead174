"""What is stopped, maintained and told, as who administers the system and Prometheus see it."""

from __future__ import annotations

import datetime as dt
import urllib.request
from collections.abc import Iterator

import pytest

from hub.metrics import told_at
from hub.store import alerts, journal, switches
from hub.store.alerts import Alarm
from hub.store.database import now
from hub.store.outbox import Handover, note, unpublished
from tests.stores import SqliteStore
from tests.unit.identity.administrators import serve
from tests.unit.identity.conftest import Registry, registry
from tests.unit.identity.test_delivery_pages import delivered
from tests.unit.identity.test_exchange_pages import logged
from tests.unit.identity.test_operators import ROLES, text

PLACE = "/portal/operators/stops"
CHANNELS = "alerts:\n  ops: {channel: webhook, url: 'http://127.0.0.1:9/', secret: secret://ops/sign}\n"


def stopped(office: Registry) -> None:
    """A shop that is maintained and that somebody stopped, and an alert that its channel did not take."""
    file = office.folder / "config/systems/shop.yaml"
    file.write_text(file.read_text() + "maintenance: [{at: '00:00', for: 24h}]\n")
    hub_file = office.folder / "config/hub.yaml"
    hub_file.write_text(hub_file.read_text() + CHANNELS)
    with office.opened() as opened:
        database = opened.hub.database
        with database.begin() as connection:
            switches.stop(connection, switches.Switch("target", "shop", "olga", "<b>moves</b> to a new host", now()))
        with journal.leases(database, ["alerts"]) as held:
            one = Alarm("to-shop", "failed", "http.timeout", now() - dt.timedelta(minutes=5))
            alerts.change(database, held, [one], [], [("ops", {"exchange": "to-shop"})] * 2, now())
            event = unpublished(database, "alert:ops", 1)[0]
            note(database, held, Handover(event.id, "alert:ops", "exhausted", 12, code="http.unreachable"))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = registry(tmp_path_factory.mktemp("stops"), SqliteStore())
    made.stack.close()
    made.write("config/roles.yaml", ROLES)
    delivered(made)
    stopped(made)
    serve(made, "ola")
    yield made
    made.close()


def test_what_is_stopped_maintained_and_told_is_seen(office: Registry) -> None:
    answer = logged(office, "ola").get(PLACE)
    shown = text(answer)
    assert "All that writes to shop &lt;b&gt;moves&lt;/b&gt; to a new host by olga" in shown
    assert "cophub resume --target shop" in shown
    assert "shop until" in shown
    assert "to-shop failed http.timeout ·" in shown
    assert "ops 1 given up 2 to be told http.unreachable" in shown
    assert "已放弃 1" in text(logged(office, "ola", "zh-CN").get(PLACE))


def test_the_same_is_told_to_prometheus(office: Registry) -> None:
    with told_at("127.0.0.1:0", office.open_hub.hub) as port, urllib.request.urlopen(
        f"http://127.0.0.1:{port}/metrics", timeout=30
    ) as answer:
        found = answer.read().decode().splitlines()
    assert {
        'cophub_stopped{kind="target",name="shop"} 1.0',
        'cophub_maintenance{system="shop"} 1.0',
        'cophub_alerts{exchange="to-shop",kind="failed"} 1.0',
        'cophub_alert_events{channel="ops",state="waiting"} 2.0',
        'cophub_alert_events{channel="ops",state="exhausted"} 1.0',
    } <= set(found)
