"""The worker: one process that relays the outbox, drains the inbox and runs what follows a model.

Each duty turns in a thread of its own, so that a long delivery delays no event. A duty turns when somebody
calls, when its next try is due, and at least every few seconds: a wake-up that is lost costs only that.
Several workers share the work by leases; an error of one exchange stops nobody.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from hub.errors import HubError
from hub.store import signs
from hub.store.database import Database, now
from hub.store.journal import holder
from hub.store.wake import Listener

SAFETY = 2.0
SHORTEST = 0.05
PATIENCE = 5.0


class Duty(Protocol):
    """A part of the work. ``turn`` does what there is and answers whether there was anything; ``due`` is when
    something is to be tried again."""

    due: dt.datetime | None

    def turn(self) -> bool: ...


@dataclass(slots=True)
class Worker:
    """``duties`` by name; ``tell`` says a line for people; ``stop`` ends all at the border of a batch."""

    database: Database
    duties: Mapping[str, Duty]
    tell: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
    _called: dict[str, threading.Event] = field(default_factory=dict)

    def once(self) -> list[HubError]:
        """Turn all duties until none has anything left that is due; an error is told, ends its duty and is
        answered."""
        left, errors = dict(self.duties), []
        while left and not self.stop.is_set():
            worked = False
            for name, duty in list(left.items()):
                if self.stop.is_set():
                    break
                try:
                    worked |= duty.turn()
                except HubError as error:
                    self.tell(f"{name}: {error}")
                    errors.append(error)
                    del left[name]
            if not worked:
                break
        return errors

    def run(self) -> None:
        """Until ``stop`` is set; answers when everything is given back."""
        self._called = {name: threading.Event() for name in self.duties}
        threads = [
            threading.Thread(target=self._turn, args=(name, duty), name=name)
            for name, duty in self.duties.items()
        ]
        for thread in threads:
            thread.start()
        try:
            self._listen()
        finally:
            self.stop.set()
            self.call()
            for thread in threads:
                thread.join()

    def call(self) -> None:
        """Wake all duties."""
        for event in self._called.values():
            event.set()

    def _listen(self) -> None:
        listener = Listener(self.database)
        signed, me = -signs.EVERY, f"{holder()}/{id(self)}"  # a process may have several
        try:
            while not self.stop.is_set():
                try:
                    if time.monotonic() - signed >= signs.EVERY:
                        signs.give(self.database, me, self.duties)
                        signed = time.monotonic()
                    if listener.wait(SAFETY, self.stop):
                        self.call()
                except HubError as error:
                    self.tell(f"wake-ups: {error}")
                    self.stop.wait(1.0)
        finally:
            listener.close()
            with suppress(HubError):  # it is forgotten by itself
                signs.end(self.database, me)

    def _turn(self, name: str, duty: Duty) -> None:
        failures = 0
        while not self.stop.is_set():
            called = self._called[name]
            called.clear()
            wait = SAFETY
            try:
                if duty.turn():
                    failures = 0
                    continue
                if duty.due is not None:
                    wait = max(SHORTEST, min(SAFETY, (duty.due - now()).total_seconds()))
                failures = 0
            except Exception as error:  # the frame of the worker: nothing ends it but a signal
                failures += 1
                wait = min(PATIENCE, 0.2 * 2**failures)
                self.tell(f"{name}: {error if isinstance(error, HubError) else type(error).__name__}")
            called.wait(wait)
