"""Redis between the systems and the hub, killed and full: nothing is lost, nothing has two effects, and the events of a
key stay in their order."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import redis

from tests.faults.conftest import Make
from tests.faults.landscape import Landscape
from tests.faults.matrix import row
from tests.faults.test_broker import PUBLISHED, STORES, delivered, event, key, names, stop, until
from tests.systems.place import Unavailable
from tests.systems.redis import Server

pytestmark = pytest.mark.long


class Peer:
    """Another system: ``send`` puts events in, again and again until Redis has answered for each; ``read`` answers what
    the hub has put out."""

    def __init__(self, server: Server, hub: str) -> None:
        self.hub, self.redis = hub, redis.Redis.from_url(server.url, socket_timeout=5)

    def send(self, *bodies: bytes, partitions: int = 1, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        for body in bodies:
            stream = f"cophub.{self.hub}.in.{int(json.loads(body)['data']['code'][1:]) % partitions}"
            while True:
                try:
                    self.redis.xadd(stream, {"key": key(body), "body": body})
                    break
                except redis.RedisError:
                    assert time.monotonic() < end, "Redis does not come back"
                    time.sleep(0.2)

    def read(self) -> list[dict[str, Any]]:
        entries: Any = self.redis.xrange(f"cophub.{self.hub}.out")
        return [json.loads(entry[b"body"]) for _, entry in entries]

    def left(self) -> int:
        """How many events lie there still."""
        lengths: Any = [self.redis.xlen(f"cophub.{self.hub}.in.{number}") for number in range(4)]
        return sum(lengths)

    def readers(self) -> list[str]:
        """Who reads each stream."""
        found: Any = [self.redis.get(f"cophub.{self.hub}.in.{number}.reader") for number in range(4)]
        return [(one or b"").decode() for one in found]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="cophub-redis-", dir="/var/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        try:
            made = Server(folder)
        except Unavailable as why:
            pytest.skip(f"{why}: tests/services up redis")
        made.start()
        try:
            yield made
        finally:
            made.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


Hub = Callable[..., tuple[Landscape, Peer]]


@pytest.fixture
def hub(landscape: Make, server: Server, request: pytest.FixtureRequest) -> Hub:
    """A landscape on Redis under a name of its own, whose ERP follows the parties, and a peer."""

    def make(store: str = "sqlite", settings: str = "") -> tuple[Landscape, Peer]:
        address = request.getfixturevalue("postgres_store")() if store == "postgresql" else ""
        made, name = landscape(store=address), f"h{token_hex(4)}"
        (made.folder / "config/hub.yaml").write_text(f"hub: {name}\nbus: {{{settings}}}\n")
        with (made.folder / "mappings/to-erp.yaml").open("a") as file:
            file.write("schedule: on_change\n")
        made.environment = {"COPHUB_BUS": server.url}
        return made, Peer(server, name)

    return make


@row(23, "Redis is killed and started again while events pass through it both ways")
@pytest.mark.parametrize("store", STORES)
def test_redis_killed_in_the_middle_loses_and_doubles_nothing(hub: Hub, server: Server, store: str):
    made, peer = hub(store)
    worker = made.begun("worker")
    sender = threading.Thread(target=peer.send, args=[event(n) for n in range(1, 301)])
    sender.start()
    until(lambda: len(names(made)) > 40)
    server.kill()
    assert made.cophub("worker", "status").answer["bus"]["state"] == "away"
    server.start()
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
    assert peer.left() == 0


@row(25, "a worker is killed after it stored events of Redis and before it deletes them")
def test_a_worker_killed_before_it_deletes_stores_nothing_twice(hub: Hub, server: Server):
    made, peer = hub()
    rights = (f"~cophub.{peer.hub}.*", "+@all", "-@dangerous", "+info")  # as docs/how-to/broker.md says
    peer.redis.execute_command("ACL", "SETUSER", peer.hub, "on", ">s3same", *rights)
    made.environment = {"COPHUB_BUS": f"redis://{peer.hub}:s3same@127.0.0.1:{server.port}/0"}
    peer.send(*[event(n) for n in range(1, 21)])
    assert made.cophub("worker", "--once", kill="before_acknowledge").status == -signal.SIGKILL
    ran = made.cophub("worker", "--once")
    assert ran.answer["intake"] == {"new": 0, "repeated": 20, "dead": 0}
    assert len(made.targets()["created"]) == 20
    assert made.select("SELECT count(*), max(_version) FROM e_party") == [(20, 1)]
    assert made.cophub("worker", "status").answer["bus"]["state"] == "ok"


@row(28, "an event of Redis at which every worker dies")
def test_an_event_that_kills_its_worker_again_and_again_is_a_dead_letter(hub: Hub):
    made, peer = hub(settings="redeliveries: 2")
    peer.send(event(1))
    for _ in range(3):
        assert made.cophub("worker", "--once", kill="before_acknowledge").status == -signal.SIGKILL
    assert made.cophub("worker", "--once").answer["intake"] == {"new": 0, "repeated": 0, "dead": 0}
    (letter,) = made.cophub("events", "dead").answer["dead"]
    assert (letter["about"], letter["code"]) == ("files.parties/P0001", "bus.died")
    assert made.cophub("events", "replay", "--dead").answer == {"dead": 1}
    assert made.cophub("worker", "--once").answer["intake"] == {"new": 0, "repeated": 1, "dead": 0}


@row(19, "two workers share the streams of Redis, and one of them is killed")
def test_workers_share_the_streams_and_the_events_of_a_key_stay_in_their_order(hub: Hub):
    made, peer = hub("postgresql", "partitions: 4, prefetch: 20")
    first, second = made.begun("worker"), made.begun("worker")
    until(lambda: all(readers := peer.readers()) and sorted(map(readers.count, set(readers))) == [2, 2])
    bodies = [event(number, version) for version in range(1, 16) for number in range(1, 21)]
    sender = threading.Thread(target=peer.send, args=bodies, kwargs={"partitions": 4})
    sender.start()
    until(lambda: len(names(made)) > 5)
    first.send_signal(signal.SIGKILL)
    sender.join()
    until(lambda: set(names(made).values()) == {f"Party {number} v15" for number in range(1, 21)})
    until(lambda: len(set(peer.readers())) == 1)
    stop(second)
    arrived: dict[str, list[int]] = {}
    for (identity,) in made.select("SELECT event_id FROM inbox ORDER BY number"):
        number, _, version = identity.partition("/")
        arrived.setdefault(number, []).append(int(version))
    assert arrived == {str(number): list(range(1, 16)) for number in range(1, 21)}


@row(23, "Redis has no memory left")
def test_events_wait_in_the_outbox_while_redis_is_full(hub: Hub):
    made, peer = hub()
    peer.send(event(1))
    before: Any = peer.redis.config_get("maxmemory")
    peer.redis.config_set("maxmemory", "1mb")
    try:
        assert made.cophub("worker", "--once").status == 0
        assert made.select("SELECT code, state FROM handover") == [("bus.blocked", "due")]
        assert made.cophub("worker", "status").answer["bus"]["state"] == "blocked"
    finally:
        peer.redis.config_set("maxmemory", before["maxmemory"])
    assert names(made) == {"P0001": "Party 1 v1"}
    until(lambda: made.cophub("worker", "--once").status == 0 and made.select(PUBLISHED))
    assert {one["data"]["seq"] for one in peer.read()} == {1}
    assert made.cophub("worker", "status").answer["bus"]["state"] == "ok"
