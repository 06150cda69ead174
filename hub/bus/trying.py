"""What becomes of exchanges that a worker runs by itself: one that cannot go on is left alone for a while, with the
reason for everybody to see, and stops no other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.errors import AuthError, Fatal, Held, HubError, Retriable, Waits
from hub.exchange.ground import Hub
from hub.store import standstills
from hub.store.database import now
from hub.store.standstills import Standstill

Tell = Callable[[str], None]
# How long an exchange is left alone after an error, before the next try; doubled each time in a row.
RETRY, REFUSED, STOPPED = 1.0, 60.0, 30.0
BUSY = 0.25


class Stopped(Waits):
    """The worker is to end; the run stops at the border of a batch and is gone on with later."""


@dataclass(slots=True)
class Tries:
    """``due`` is when the next try of those is that could not go on."""

    hub: Hub
    tell: Tell
    stopping: Callable[[], bool]
    due: dt.datetime | None = None

    def stands(self, one: Standstill | None) -> bool:
        """Whether an exchange is still left alone."""
        if one is None or one.until <= now():
            return False
        if standstills.ended_by_hand(self.hub.database, one):
            standstills.resume(self.hub.database, one.exchange)
            return False
        self.later(one.until)
        return True

    def watch(self, stage: str, counts: Mapping[str, int]) -> None:
        """Between batches: stop where the worker is to end."""
        if self.stopping():
            raise Stopped(
                "worker.stopped", "the worker was asked to end", hint="it goes on with the next run"
            )

    def failed(self, name: str, error: HubError) -> bool:
        """How long it is left alone depends on who can mend it. Answers whether there was a try: none where another
        run is busy."""
        if isinstance(error, Retriable) and error.code == "run.busy":
            self.later(now() + dt.timedelta(seconds=BUSY))
            return False
        if isinstance(error, Retriable) and error.code.startswith("store."):
            raise error
        wait = RETRY
        if isinstance(error, AuthError | Fatal):
            wait = REFUSED if isinstance(error, AuthError) else STOPPED
        elif isinstance(error, Retriable):
            wait = max(RETRY, error.wait or 0.0)
        else:
            wait = 3600.0  # Held, ConfigError: a person decides, or mends a file
        first = self.pause(name, error.code, error.message, error.hint, wait).attempts == 1
        if first or not isinstance(error, Held):
            self.tell(f"{name}: {error}")
        return True

    def pause(self, name: str, code: str, message: str, hint: str, seconds: float) -> Standstill:
        """Leave an exchange alone, longer each time in a row."""
        one = standstills.pause(self.hub.database, name, code, message, hint, seconds)
        self.later(one.until)
        return one

    def later(self, moment: dt.datetime) -> None:
        """Something is to be looked at again then."""
        self.due = moment if self.due is None else min(self.due, moment)
