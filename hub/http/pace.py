"""How fast the hub talks to one system: rate, concurrency, pauses asked for, back-off."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.http.settings import Limits


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the transport sees it; tests give their own."""

    now: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Pace:
    """Shared by all transports of one system in this process."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._interval = 1.0 / limits.rate if limits.rate else 0.0
        self._slots = threading.BoundedSemaphore(limits.concurrency)
        self._lock = threading.Lock()
        self._next = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a free slot and for this request's moment."""
        with self._slots:
            with self._lock:
                now = self._clock.ticks()
                moment = max(now, self._next)
                self._next = moment + self._interval
            if moment > now:
                self._clock.sleep(moment - now)
            yield

    def pause(self, seconds: float) -> None:
        """Nobody asks this system anything for so long: it said so."""
        with self._lock:
            self._next = max(self._next, self._clock.ticks() + seconds)


_paces: dict[tuple[str, Limits], Pace] = {}
_paces_lock = threading.Lock()


def shared_pace(system: str, limits: Limits, clock: Clock) -> Pace:
    """The pace of a system; a change of its limits makes a new one."""
    with _paces_lock:
        return _paces.setdefault((system, limits), Pace(limits, clock))


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for (seconds or HTTP date, RFC 9110 §10.2.3)."""
    if not value:
        return None
    value = value.strip()
    if value.replace(".", "", 1).isdigit() and value.isascii():
        return float(value)
    moment = email.utils.parsedate_tz(value)
    return None if moment is None else max(0.0, email.utils.mktime_tz(moment) - now)


def backoff(attempt: int) -> float:
    """Seconds before repetition ``attempt`` (1, 2, …): doubling, half of it by chance, 20 at most."""
    full: float = min(20.0, 0.5 * 2 ** (attempt - 1))
    return full / 2 + random.random() * full / 2
