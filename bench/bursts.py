"""The burst of the events job: thousands of events at once, until the target that follows the model has them.

Workers are killed meanwhile, and the broker too, if that is asked for. At the end nothing may be lost and nothing
may be doubled, neither in the store nor in the target.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from connectors.simulators import Simulator
from hub.bus.broker import Broker, Message
from hub.errors import Retriable
from hub.exchange.ground import Hub

AT_ONCE = 500


class Way(Protocol):
    """Hands events of a place over; returns when somebody answers for them."""

    def __call__(self, place: str, bodies: Sequence[bytes], /) -> object: ...


class Crew(Protocol):
    """The workers: ``grow`` to a number of them, ``kill`` one and start another, seconds on the processor of all."""

    def grow(self, count: int) -> None: ...

    def kill(self) -> None: ...

    def cpu(self) -> float: ...


def published(broker: Broker, place: str, bodies: Sequence[bytes]) -> None:
    """Given to the broker and confirmed by it, however often that has to be tried."""
    keys = [json.loads(body)["data"]["id"] for body in bodies]
    messages = [Message(f"{place}/{key}", body) for key, body in zip(keys, bodies, strict=True)]
    while True:
        try:
            broker.publish("in", messages)
            return
        except Retriable:
            time.sleep(0.2)


def measure(
    hub: Hub, crm: Simulator, crew: Crew, way: Way, bodies: Sequence[bytes], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Events per second, and seconds of the processor; the keys of ``bodies`` begin with A1. SystemExit where one is
    lost or doubled."""
    crew.grow(arguments.workers)
    before = len(crm.product.tables["accounts"])
    count, used, start = len(bodies), crew.cpu(), time.perf_counter()
    with _sending(way, bodies) as sent:
        golden = _watched(hub, crm, crew, start, before, arguments)
    seconds = time.perf_counter() - start
    _prove(hub, crm, count)
    result = {
        "accepted_rate": round(count / (sent[0] - start), 1),
        "golden_rate": round(count / golden, 1),
        "delivered_rate": round(count / seconds, 1),
        "burst_cpu_ms": round(1000 * (crew.cpu() - used) / count, 2),
    }
    say(
        f"burst: {count:,} events, per second {result['accepted_rate']:,.0f} accepted, {result['golden_rate']:,.0f} "
        f"golden, {result['delivered_rate']:,.0f} delivered; workers: {result['burst_cpu_ms']:.2f} ms of processor each"
    )
    say(f"{arguments.kill} workers killed; nothing lost, nothing doubled")
    return result


@contextmanager
def _sending(way: Way, bodies: Sequence[bytes]) -> Iterator[list[float]]:
    """Hands them over meanwhile; when it ended is answered at the end."""
    ended: list[float] = []

    def send() -> None:
        for at in range(0, len(bodies), AT_ONCE):
            way("erp.accounts", bodies[at : at + AT_ONCE])
        ended.append(time.perf_counter())

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    yield ended
    sender.join()


def _watched(
    hub: Hub, crm: Simulator, crew: Crew, start: float, before: int, arguments: argparse.Namespace
) -> float:
    """Until the target has all of them; the seconds after which the golden store had them."""
    count, golden, midway = arguments.burst, 0.0, arguments.midway
    accounts = crm.product.tables["accounts"]
    steps = [count * (step + 1) // (arguments.kill + 1) for step in range(arguments.kill)]
    while (there := len(accounts) - before) < count:
        if not golden and _golden(hub)[0] == count:
            golden = time.perf_counter() - start
        if midway and there >= count // 2:
            subprocess.run(midway, shell=True, check=True)
            midway = ""
        if steps and there >= steps[0]:
            steps.pop(0)
            crew.kill()
        if time.perf_counter() - start > arguments.patience:
            raise SystemExit(f"{count - there} of {count} events were not delivered within {arguments.patience:g} s")
        time.sleep(0.2)
    return golden or time.perf_counter() - start


def _prove(hub: Hub, crm: Simulator, count: int) -> None:
    """Each event has one golden row of version 1, and one record in the target."""
    golden, copies = _golden(hub), _copies(crm)
    if golden != (count, 1) or len(copies) != count or max(copies.values()) != 1:
        most = max(copies.values())
        raise SystemExit(f"lost or doubled: golden {golden}, in the target {len(copies)} keys, at most {most} times")


def _golden(hub: Hub) -> tuple[int, int]:
    """How many rows of the burst there are, and their highest version."""
    with hub.database.begin(reading=True) as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*), max(_version) FROM e_account WHERE code >= 'A1' AND code < 'A2'"
        ).one()
    return int(found[0]), int(found[1] or 0)


def _copies(crm: Simulator) -> Counter[str]:
    """How often the target has each record of the burst."""
    names = (str(row["external_id"]) for row in crm.rows("accounts"))
    return Counter(name for name in names if name.startswith("A1"))


def say(text: str) -> None:
    """A line for people."""
    with suppress(BrokenPipeError):
        print(text, flush=True)
