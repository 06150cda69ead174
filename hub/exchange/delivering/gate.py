"""Whether a target is asked at all, how long a run waits for it, and who else is told.

The circuit of a system is stored: what one process found out holds for all. The budget is this run's.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from hub.http.pace import backoff
from hub.store import circuits
from hub.store.database import Database, now
from hub.workspace.shape import Delivering

LOOK = 1.0
"""Seconds for which a closed circuit is taken for granted."""


@dataclass(slots=True)
class Gate:
    """One target's gate in one run; shared by its threads."""

    database: Database
    system: str
    limits: Delivering
    retry_for: float
    pause: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _spent: float = 0.0
    _until: float = 0.0
    _failures: int = 0
    _looked: float = float("-inf")
    _probing: bool = False
    _stopped: bool = False

    def state(self) -> str:
        """``closed``, ``half_open`` (one row may try, and only this run's), ``open``. A pause that the system
        asked for is waited out where the budget allows."""
        with self._lock:
            if self._stopped:
                return "open"
            if self._probing:
                return "half_open"
            if time.monotonic() < self._looked + LOOK:
                return "closed"
        found = circuits.read(self.database, self.system)
        if (left := found.paused(now())) and not self.wait(left):
            return "open"
        state = circuits.admit(self.database, self.system)
        with self._lock:
            self._failures = max(self._failures, found.failures)
            self._looked = time.monotonic() if state == "closed" else float("-inf")
            self._probing = state == "half_open"
        return state

    @property
    def waited(self) -> float:
        """Seconds spent waiting for the target to be well again."""
        return self._spent

    def passable(self) -> bool:
        """Whether a row that was tried may be tried once more."""
        return self.state() != "open"

    def worked(self) -> None:
        """The target answered."""
        with self._lock:
            known, self._failures, self._probing = self._failures, 0, False
        if known:
            circuits.worked(self.database, self.system)

    def failed(self, code: str, message: str) -> None:
        """The target did not answer, or asked to be left alone, or could do nothing of a whole call."""
        with self._lock:
            self._failures += 1
            self._probing = False
            self._looked = float("-inf")
        circuits.failed(
            self.database,
            self.system,
            code,
            message[:500],
            limit=self.limits.failures,
            pause=self.pause,
        )

    def asked(self, wait: float) -> None:
        """The system asked to be left alone: every process is told."""
        if wait > LOOK:
            circuits.StoredPauses(self.database).pause(self.system, now().timestamp() + wait)

    def wait(self, asked: float | None, attempt: int = 1) -> bool:
        """Wait as long as was asked, or some time by chance; False, at once, where that is more than what is
        left of the run's budget. Threads that wait together spend it once."""
        seconds = asked if asked else backoff(attempt)
        with self._lock:
            moment = time.monotonic()
            more = max(0.0, moment + seconds - max(self._until, moment))
            if self._stopped or self._spent + more > self.retry_for:
                self._stopped = True
                return False
            self._spent += more
            self._until = max(self._until, moment + seconds)
        time.sleep(seconds)
        return True
