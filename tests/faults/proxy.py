"""A TCP proxy on the loopback that does to a connection what bad networks do.

    with Proxy(simulator.port) as proxy:
        proxy.set(Fault("reset", after=300))          # RST once 300 bytes of the answer have passed
        proxy.set(Fault("cut", way="request", after=80, skip=1))

A fault strikes a connection when it is accepted, in the order they were set; the first ``skip`` connections are
left alone, ``times`` are struck. Kinds:

    close      accepted and closed at once
    reset      RST to both sides after N bytes        cut        FIN to both sides after N bytes
    half       this direction ends after N bytes, the other goes on
    blackhole  nothing passes any more after N bytes, and nobody is told
    latency    every block waits ``value`` seconds     trickle    ``value`` bytes per second after N bytes
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Self

Kind = Literal["close", "reset", "cut", "half", "blackhole", "latency", "trickle"]
Way = Literal["answer", "request"]
BLOCK = 65_536


@dataclass(slots=True)
class Fault:
    """One fault of the network; ``times`` None means every connection."""

    kind: Kind
    after: int = 0
    way: Way = "answer"
    value: float = 0.0
    skip: int = 0
    times: int | None = 1

    def due(self) -> bool:
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
            return self.times >= 0
        return True


class Proxy:
    """Listens on ``port`` and passes on to ``server``. ``heard`` has what the server sent, by connection."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.server = (host, port)
        self.heard: list[bytearray] = []
        self.struck = 0
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
        self._listener.close()

    def set(self, *faults: Fault) -> None:
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        """No fault for connections to come."""
        with self._lock:
            self._faults = []

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                fault = next((one for one in self._faults if one.due()), None)
                self.struck += fault is not None
            self._start(self._connect, client, fault)

    def _connect(self, client: socket.socket, fault: Fault | None) -> None:
        with client, suppress(OSError):
            if fault and fault.kind == "close":
                return
            with socket.create_connection(self.server) as server:
                self.heard.append(heard := bytearray())
                _Connection(client, server, fault, heard, self._stopped).serve()


class _Connection:
    """Both directions of one connection in one thread: what is closed here is closed at once."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        fault: Fault | None,
        heard: bytearray,
        stopped: threading.Event,
    ) -> None:
        self.client, self.server, self.fault = client, server, fault
        self.heard, self.stopped, self.passed = heard, stopped, 0

    def serve(self) -> None:
        reading = {self.client, self.server}
        while reading and not self.stopped.is_set():
            for here in select.select(reading, [], [], 0.2)[0]:
                block = here.recv(BLOCK)
                there = self.server if here is self.client else self.client
                if not block:
                    reading.discard(here)
                    there.shutdown(socket.SHUT_WR)
                elif not self._pass(here, there, block):
                    return

    def _pass(self, here: socket.socket, there: socket.socket, block: bytes) -> bool:
        """Send a block on; False where that was the end of the connection."""
        if here is self.server:
            self.heard += block
        fault = self.fault
        if fault is None or (fault.way == "answer") != (here is self.server):
            there.sendall(block)
            return True
        if fault.kind in ("latency", "trickle"):
            self._slowly(there, block, fault)
            return True
        left = fault.after - self.passed
        self.passed += len(block)
        if left > 0:
            there.sendall(block[:left])
        return len(block) < left or self._strike(there, fault)

    def _slowly(self, there: socket.socket, block: bytes, fault: Fault) -> None:
        size = len(block) if fault.kind == "latency" else 1
        for at in range(0, len(block), size):
            self.stopped.wait(fault.value if fault.kind == "latency" else 1 / fault.value)
            there.sendall(block[at : at + size])

    def _strike(self, there: socket.socket, fault: Fault) -> bool:
        """End the connection as the fault says, or this direction of it."""
        match fault.kind:
            case "blackhole":
                return True  # what comes is taken, and goes nowhere
            case "half":
                with suppress(OSError):
                    there.shutdown(socket.SHUT_WR)
                return True
            case "reset":  # closing with nothing to linger for sends RST
                time.sleep(0.005)
                for one in (self.client, self.server):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
