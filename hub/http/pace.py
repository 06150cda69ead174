"""How fast the hub talks to one system: rate, concurrency, pauses asked for, back-off."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.contract import Pauses
from hub.errors import Retriable
from hub.http.settings import Limits

LOOK = 1.0
"""Seconds between two looks at what other processes were told."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the transport sees it; tests give their own."""

    now: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Pace:
    """Shared by all transports of one system in this process; ``pauses`` by all processes of the hub."""

    def __init__(self, limits: Limits, clock: Clock, system: str = "", pauses: Pauses | None = None) -> None:
        self._clock = clock
        self._system, self.pauses = system, pauses
        self._longest, self._looked = limits.max_wait, float("-inf")
        self._interval = 1.0 / limits.rate if limits.rate else 0.0
        self._slots = threading.BoundedSemaphore(limits.concurrency)
        self._lock = threading.Lock()
        self._next = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a free slot and for this request's moment. Retriable ``http.paused`` where the system
        asked, this process or another one, to be left alone for longer than it may be waited for."""
        with self._slots:
            self._look()
            with self._lock:
                now = self._clock.ticks()
                moment = max(now, self._next)
                self._next = moment + self._interval
            if moment > now:
                self._clock.sleep(moment - now)
            yield

    def pause(self, seconds: float) -> None:
        """Nobody asks this system anything for so long: it said so."""
        self._hold(min(seconds, self._longest))
        if self.pauses is not None and seconds > LOOK:
            self.pauses.pause(self._system, self._clock.now() + seconds)

    def _hold(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, self._clock.ticks() + seconds)

    def _look(self) -> None:
        """What other processes were told, asked for once in a while."""
        if self.pauses is None or self._clock.ticks() < self._looked + LOOK:
            return
        self._looked = self._clock.ticks()
        left = self.pauses.until(self._system) - self._clock.now()
        if left > self._longest:
            self._looked = float("-inf")
            raise Retriable(
                "http.paused",
                f"the system {self._system} asked to be left alone for another {left:.0f} s",
                hint="run again later",
                wait=left,
            )
        if left > 0:
            self._hold(left)


_paces: dict[tuple[str, Limits], Pace] = {}
_paces_lock = threading.Lock()


def shared_pace(system: str, limits: Limits, clock: Clock, pauses: Pauses | None = None) -> Pace:
    """The pace of a system; a change of its limits makes a new one. The hub that opened it last lends its
    ``pauses``."""
    with _paces_lock:
        pace = _paces.setdefault((system, limits), Pace(limits, clock, system))
        pace.pauses = pauses
        return pace


def backoff(attempt: int) -> float:
    """Seconds before repetition ``attempt`` (1, 2, …): by chance up to a bound that doubles, 20 at most, so
    that many who failed together do not come back together; never none at all."""
    full: float = min(20.0, 0.5 * 2 ** (attempt - 1))
    return max(0.05, random.random() * full)
