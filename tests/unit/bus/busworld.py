"""A world with a bus: suppliers that change by events, a target that follows them, workers that turn once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub.bus.accept import Accepted, Door
from hub.bus.drain import Drain
from hub.bus.followers import Followers
from hub.bus.relay import Relay
from hub.bus.transport import Embedded
from hub.bus.worker import Duty, Worker
from hub.exchange.ground import Hub
from tests.stores import Store
from tests.unit.exchange.target import Crm
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World

TO_CRM = """
    mapping: to-crm
    from: supplier
    into: crm.accounts
    key: code
    fields: {code: code, name: name, city: city}
    absent: {reaction: delete}
    schedule: on_change
"""
LATER = "2026-03-01T10:{:02d}:00Z"


def supplier(number: int, version: int = 1, **more: Any) -> dict[str, Any]:
    """A record of the source in one of its versions."""
    name = f"S{number} v{version}"
    return {"id": str(number), "name": name, "tax": f"T{number}", "changed": LATER.format(version)} | more


def event(number: int, version: int = 1, *, deleted: bool = False, identity: str = "") -> bytes:
    """A CloudEvent about it."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": identity or f"{number}-{version}{'-gone' if deleted else ''}",
            "source": "/erp",
            "type": f"erp.supplier.{'deleted' if deleted else 'changed'}",
            "data": supplier(number, version),
        }
    ).encode()


class BusWorld(World):
    """``crm`` is the target in memory; what the workers say is kept in ``said``."""

    def __init__(self, folder: Path, store: Store) -> None:
        super().__init__(folder, store)
        self.crm = Crm()
        self.modules = {"crm": self.crm.spec}
        self.said: list[str] = []

    def begin(self) -> None:
        self.standard()
        self.files("erp", cursor="changed", suppliers=FIELDS)
        self.mapping(SUPPLIERS, absent="{reaction: disable}")
        self.write("config/systems/crm.yaml", "system: crm\nconnector: crm\n")
        self.mapping(TO_CRM)
        self.put("erp.suppliers")
        self.fill()

    def push(self, *bodies: bytes, place: str = "erp.suppliers", **more: Any) -> Accepted:
        with self.opened() as opened:
            return Door(opened.hub).accept(place, bodies, **more)

    def relay(self, hub: Hub, secret: Any = None) -> Relay:
        return Relay(hub, Embedded(hub.workspace, secret, lambda: None))

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        with self.opened() as opened:
            stop = threading.Event()
            drain = Drain(opened.hub, self.said.append, stop.is_set)
            followers = Followers(opened.hub, self.said.append, stop.is_set)
            duties: dict[str, Duty] = {
                "inbox": drain,
                "outbox": self.relay(opened.hub, opened.secrets.resolve),
                "exchanges": followers,
            }
            try:
                yield Worker(opened.hub.database, duties, self.said.append, stop)
            finally:
                drain.close()
                followers.close()

    def work(self) -> None:
        """What one worker does that ends when nothing is left."""
        with self.worker() as worker:
            worker.once()

    def states(self) -> dict[str, int]:
        """How many events are in which state."""
        return dict(self.rows("SELECT state, count(*) FROM reception GROUP BY state"))

    def named(self) -> dict[str, tuple[str, int]]:
        """Golden suppliers: code → name and state."""
        return {code: (row["name"], row["_state"]) for code, row in self.golden().items()}


def until(true: Any, seconds: float = 20.0) -> None:
    """Wait for what a worker in another thread or process brings about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
