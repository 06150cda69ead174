"""RabbitMQ between the systems and the hub, killed and blocked: nothing is lost, nothing has two effects, and the
events of a key stay in their order."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any

import pytest

from tests.faults.broker import Peer, node
from tests.faults.conftest import Make
from tests.faults.landscape import Landscape, party
from tests.faults.matrix import row
from tests.systems.rabbitmq import Node

pytestmark = [pytest.mark.long, pytest.mark.by_turns]
STORES = ["sqlite", "postgresql"]
PUBLISHED = "SELECT 1 FROM outbox WHERE published_at IS NOT NULL"


@pytest.fixture(scope="module")
def rabbit() -> Iterator[Node]:
    with node() as made:
        yield made


Hub = Callable[..., tuple[Landscape, Peer]]


@pytest.fixture
def hub(landscape: Make, rabbit: Node, request: pytest.FixtureRequest) -> Hub:
    """A landscape on the broker under a name of its own, whose ERP follows the parties, and a peer."""

    def make(store: str = "sqlite", settings: str = "") -> tuple[Landscape, Peer]:
        address = request.getfixturevalue("postgres_store")() if store == "postgresql" else ""
        made, name = landscape(store=address), f"h{token_hex(4)}"
        bus = f"{{{settings}}}"
        (made.folder / "config/hub.yaml").write_text(f"hub: {name}\nbus: {bus}\n")
        with (made.folder / "mappings/to-erp.yaml").open("a") as file:
            file.write("schedule: on_change\n")
        made.environment = {"COPHUB_BUS": rabbit.url}
        assert made.cophub("worker", "--once", "--only", "intake").status == 0  # declares its queues
        return made, Peer(rabbit.url, name)

    return make


def event(number: int, version: int = 1) -> bytes:
    data = party(number, parent=None, name=f"Party {number} v{version}")
    said = {"specversion": "1.0", "id": f"{number}/{version}", "source": "/erp", "type": "party.changed"}
    return json.dumps(said | {"data": data}).encode()


def key(body: bytes) -> str:
    return f"files.parties/{json.loads(body)['data']['code']}"


def until(true: Callable[[], Any], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)


def names(made: Landscape) -> dict[str, str]:
    return dict(made.select("SELECT code, name FROM e_party"))


def delivered(made: Landscape, count: int) -> Callable[[], bool]:
    return lambda: len(made.targets()["created"]) >= count


def stop(*workers: Any) -> None:
    for one in workers:
        one.terminate()
    assert [one.wait(timeout=60) for one in workers] == [0] * len(workers)


@pytest.mark.parametrize("store", STORES)
def test_an_event_on_the_broker_reaches_the_target_and_what_changed_is_put_out(hub: Hub, store: str):
    made, peer = hub(store)
    peer.send(event(1), event(2), event(1), key=key)
    ran = made.cophub("worker", "--once")
    assert ran.status == 0, ran.err
    assert ran.answer["intake"] == {"new": 2, "repeated": 1, "dead": 0}
    assert made.targets()["created"] == [("P0001",), ("P0002",)]
    (told,) = peer.read()
    assert (told["subject"], told["data"]["created"]) == ("party", 2)
    assert made.select("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)]


@row(23, "the broker is killed and started again while events pass through it both ways")
@pytest.mark.parametrize("store", STORES)
def test_a_broker_killed_in_the_middle_loses_and_doubles_nothing(hub: Hub, rabbit: Node, store: str):
    made, peer = hub(store)
    worker = made.begun("worker")
    sender = threading.Thread(target=peer.send, args=[event(n) for n in range(1, 301)], kwargs={"key": key})
    sender.start()
    until(lambda: len(names(made)) > 40)
    rabbit.kill()
    time.sleep(1)
    rabbit.start()
    sender.join()
    until(delivered(made, 300))
    until(lambda: not made.select("SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT 1"))
    stop(worker)
    created = made.targets()["created"]
    assert len(created) == len(set(created)) == 300
    assert made.select("SELECT count(*), max(_version) FROM e_party") == [(300, 1)]
    told = {one["id"]: one["data"] for one in peer.read()}
    assert {one["seq"] for one in told.values()} == {seq for (seq,) in made.select("SELECT seq FROM outbox")}
    assert sum(one["created"] for one in told.values()) == 300


@row(25, "a worker is killed after it stored events and before it acknowledges them")
@row(18, "the broker brings again what a killed worker had stored")
@pytest.mark.parametrize("store", STORES)
def test_a_worker_killed_before_it_acknowledges_stores_nothing_twice(hub: Hub, store: str):
    made, peer = hub(store)
    peer.send(*[event(n) for n in range(1, 21)], key=key)
    assert made.cophub("worker", "--once", kill="before_acknowledge").status == -signal.SIGKILL
    ran = made.cophub("worker", "--once")
    took = ran.answer["intake"]  # the first may have stored some only: it takes what has arrived by then
    assert (took["new"] + took["repeated"], took["dead"]) == (20, 0)
    assert took["repeated"] > 0
    assert len(made.targets()["created"]) == 20
    assert made.select("SELECT count(*), max(_version) FROM e_party") == [(20, 1)]


@row(6, "a worker is killed after the broker confirmed an event, before the outbox knows")
def test_a_worker_killed_after_the_confirmation_puts_it_out_again_under_its_id(hub: Hub):
    made, peer = hub()
    peer.send(event(1), key=key)
    assert made.cophub("worker", "--once", kill="after_publish").status == -signal.SIGKILL
    assert made.cophub("worker", "--once").status == 0
    told = peer.read()
    assert (len(told), len({one["id"] for one in told})) == (2, 1)


def spread(rabbit: Node, hub: str) -> list[int]:
    """At how many queues each worker is the active one."""
    lines = rabbit.control("list_consumers", "queue_name", "consumer_tag", "active").splitlines()
    told = [line.split("\t") for line in lines if line.startswith(f"cophub.{hub}.in.")]
    return sorted(Counter(worker for _, worker, active in told if active == "true").values())


@row(19, "two workers share the partitions, one of them is killed and another one comes")
@pytest.mark.parametrize("store", STORES)
def test_workers_share_the_partitions_and_the_events_of_a_key_stay_in_their_order(hub: Hub, rabbit: Node, store: str):
    made, peer = hub(store, "partitions: 4, prefetch: 20")
    first, second = made.begun("worker"), made.begun("worker")
    until(lambda: spread(rabbit, peer.hub) == [2, 2])
    bodies = [event(number, version) for version in range(1, 16) for number in range(1, 21)]
    sender = threading.Thread(target=peer.send, args=bodies, kwargs={"key": key})
    sender.start()
    until(lambda: len(names(made)) > 5)
    first.send_signal(signal.SIGKILL)
    until(lambda: spread(rabbit, peer.hub) == [4])
    third = made.begun("worker")
    sender.join()
    until(lambda: set(names(made).values()) == {f"Party {number} v15" for number in range(1, 21)})
    until(lambda: spread(rabbit, peer.hub) == [2, 2])
    stop(second, third)
    arrived: dict[str, list[int]] = {}
    for (identity,) in made.select("SELECT event_id FROM inbox ORDER BY number"):
        number, _, version = identity.partition("/")
        arrived.setdefault(number, []).append(int(version))
    assert arrived == {str(number): list(range(1, 16)) for number in range(1, 21)}


def test_what_cannot_be_taken_is_a_dead_letter_with_its_cause_and_goes_on_when_it_is_mended(hub: Hub):
    made, peer = hub()
    (made.folder / "mappings/files-parties.yaml").rename(made.folder / "parties")
    peer.send(b"no json", event(1), key=lambda body: "files.parties/1")
    peer.send(b'{"code": "P0007", "name": "Bare"}', key=lambda body: "files.parties/7")
    made.cophub("worker", "--once")
    letters = made.cophub("events", "dead").answer["dead"]
    assert [(one["about"], one["code"]) for one in letters] == [
        ("files.parties/1", "event.malformed"),
        ("files.parties/1", "event.unread"),
        ("files.parties/7", "event.identity"),
    ]
    assert letters[1]["message"] == "no enabled mapping takes events of files.parties"
    (made.folder / "parties").rename(made.folder / "mappings/files-parties.yaml")
    assert made.cophub("events", "replay", "--dead").answer == {"dead": 3}
    made.cophub("worker", "--once")
    assert names(made) == {"P0001": "Party 1 v1"}
    codes = [one["code"] for one in made.cophub("events", "dead").answer["dead"]]
    assert codes == ["event.malformed", "event.identity"]


@row(28, "a message at which every worker dies")
def test_a_message_that_kills_its_worker_again_and_again_is_a_dead_letter(hub: Hub):
    made, peer = hub(settings="redeliveries: 2")
    peer.send(event(1), key=key)
    for _ in range(3):
        assert made.cophub("worker", "--once", kill="before_acknowledge").status == -signal.SIGKILL
    assert made.cophub("worker", "--once").answer["intake"] == {"new": 0, "repeated": 0, "dead": 0}
    (letter,) = made.cophub("events", "dead").answer["dead"]
    assert (letter["about"], letter["code"]) == ("files.parties/P0001", "bus.died")
    assert "delivery_limit" in letter["message"]
    assert made.cophub("events", "replay", "--dead").answer == {"dead": 1}
    assert made.cophub("worker", "--once").answer["intake"] == {"new": 0, "repeated": 1, "dead": 0}


@row(23, "the broker has a memory alarm")
def test_events_wait_in_the_outbox_while_the_broker_has_a_memory_alarm(hub: Hub, rabbit: Node):
    made, peer = hub()
    peer.send(event(1), key=key)
    rabbit.control("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        until(lambda: made.cophub("worker", "status").answer["bus"]["state"] == "blocked", 20)
        ran = made.cophub("worker", "--once")
        assert ran.status == 0, ran.err
        assert names(made) == {"P0001": "Party 1 v1"}
        assert made.select("SELECT code, state FROM handover") == [("bus.blocked", "due")]
        assert made.cophub("worker", "status").answer["status"]["outbox"]["count"] == 1
    finally:
        rabbit.control("set_vm_memory_high_watermark", "absolute", "1GB")
    until(lambda: made.cophub("worker", "status").answer["bus"]["state"] == "ok", 20)
    until(lambda: made.cophub("worker", "--once").status == 0 and made.select(PUBLISHED))
    assert {one["data"]["seq"] for one in peer.read()} == {1}


@row(24, "the broker lost all it had, queues and exchanges, too")
def test_a_broker_that_lost_everything_is_set_up_again_and_gets_what_it_had_not_confirmed(hub: Hub, rabbit: Node):
    made, peer = hub()
    rabbit.control("stop_app")
    rabbit.control("reset")
    made.run("files-parties", "--initial")
    made.cophub("worker", "--once")
    assert made.select("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(1,)]
    rabbit.control("start_app")
    again = Peer(rabbit.url, peer.hub)
    until(lambda: made.cophub("worker", "--once").status == 0 and made.select(PUBLISHED))
    assert [one["data"]["seq"] for one in again.read()] == [1]
