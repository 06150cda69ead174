"""What a broker does for the hub: it takes events that are confirmed, and brings those of others in order.

A hub has three places on it: ``in``, where others put events, ``out``, where the hub puts what changed, and
``dead``, where what cannot be taken lies with its cause.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hub.errors import HubError

FRESH = 5.0
Place = Literal["in", "out", "dead"]


@dataclass(frozen=True, slots=True)
class Message:
    """``key`` says where it belongs: of ``in`` SYSTEM.RESOURCE/KEY, of ``out`` the model. ``id`` is what the same
    again is known by; of what others put there it may be missing."""

    key: str
    body: bytes
    id: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that came out of a queue, which is counted from 0; ``tag`` is what it is acknowledged by on the
    ``connection`` that it came by."""

    message: Message
    tag: int | str
    connection: int
    queue: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """How much lies in a queue, and how many workers listen to it."""

    name: str
    messages: int
    consumers: int


@dataclass(frozen=True, slots=True)
class Look:
    """How a broker is: ``state`` is ok, blocked (it takes nothing: memory or disk) or away, ``why`` in words."""

    broker: str
    state: str
    why: str = ""
    queues: tuple[Queue, ...] = ()


def without_causes(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The sender's own headers: without what the broker and the hub wrote on a dead letter."""
    return {name: value for name, value in headers.items() if not name.startswith(("x-", "cophub-"))}


class Glance:
    """How the broker is, looked at every few seconds at most however often it is asked; None where there is none."""

    def __init__(self, broker: Callable[[], Broker | None]) -> None:
        self._broker, self._lock = broker, threading.Lock()
        self._until = 0.0
        self._last: Look | None = None

    def __call__(self) -> Look | None:
        """One look at a time, on a connection of its own."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._last = self._look()
                self._until = time.monotonic() + FRESH
            return self._last

    def _look(self) -> Look | None:
        try:
            if (broker := self._broker()) is None:
                return None
        except HubError as error:  # its password
            return Look("broker", "away", f"{error.message} ({error.code})")
        try:
            return broker.look()
        finally:
            broker.close()


class Broker(Protocol):
    """One connection, of one thread; it is opened when it is first used, and again after an error.

    Every call raises Retriable ``bus.away``, ``bus.blocked`` or ``bus.nacked``, AuthError ``bus.refused``, ConfigError
    ``bus.declared`` or ``bus.plugin``.
    """

    @property
    def partitions(self) -> int:
        """Queues that arriving events are spread over by their keys."""
        ...

    def publish(self, place: Place, messages: Sequence[Message]) -> None:
        """Returns when the broker has confirmed all of them. One that was tried before, under its id, is not put
        there again while the connection lasts, but waited for."""
        ...

    def receive(self, most: int, wait: float) -> list[Arrival]:
        """What arrives within ``wait`` seconds; none of it is gone from the broker before ``done``."""
        ...

    def done(self, arrivals: Sequence[Arrival]) -> None:
        """These are stored, and all that came before them out of their queues. On a connection that has ended it does
        nothing: all comes again."""
        ...

    def listening(self) -> int:
        """Listen to all queues, if that is not done yet; a number that is another one after every new connection."""
        ...

    def pass_on(self, queues: Collection[int]) -> None:
        """Stand behind everybody else who listens to these queues. What was received of them and is not done comes
        again, in its order, to who is first now."""
        ...

    def dead(self, most: int) -> list[Message]:
        """Dead letters, the oldest first; they stay."""
        ...

    def revive(self, most: int) -> int:
        """Put dead letters back to where they came from, and answer how many."""
        ...

    def look(self) -> Look:
        """How it is, within a few seconds; away is an answer, not an error."""
        ...

    def close(self) -> None: ...
