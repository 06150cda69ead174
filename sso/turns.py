"""Who may wait for a provider or a directory at the moment, and how long: one that hangs takes some threads of a
process, never all of them, and whoever logs in otherwise does not notice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from hub.errors import HubError, Retriable

EACH: Final = 8
"""Log-ins that wait for one place at once."""
ALL: Final = 16
"""The same for all places together: of the 40 threads that answer requests in one process."""

_until: ContextVar[float | None] = ContextVar("until", default=None)


@dataclass(slots=True)
class Turns:
    """One per process."""

    _waiting: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def of(self, place: str, within: float | None = None) -> Iterator[None]:
        """Around all that one log-in asks of a place, for ``within`` seconds altogether (see ``left``). Retriable
        ``login.busy``: so many wait for it already that nobody else does."""
        with self._lock:
            if self._waiting[place] >= EACH or self._waiting.total() >= ALL:
                raise _busy(place)
            self._waiting[place] += 1
        mark = _until.set(None if within is None else time.monotonic() + within)
        try:
            yield
        finally:
            _until.reset(mark)
            with self._lock:
                self._waiting[place] -= 1


def left(longest: float) -> float:
    """Seconds that are left of what one log-in may take, at most ``longest``. Retriable ``http.timeout``."""
    until = _until.get()
    found = longest if until is None else min(longest, until - time.monotonic())
    if found <= 0:
        raise late()
    return found


def late() -> HubError:
    """``http.timeout``."""
    return Retriable(
        "http.timeout",
        "the log-in took too long altogether",
        hint="try again later, or raise timeout of the provider in config/hub.yaml",
    )


def _busy(place: str) -> HubError:
    return Retriable(
        "login.busy",
        f"too many log-ins wait for {place} at the moment",
        hint="try again in some seconds; cophub systems check tells whether it answers",
        wait=5.0,
    )
