"""Which worker is first at which queue: each at as many as the others.

Every worker listens to every queue, so that another one goes on at once where one dies. Of a queue only who has waited
longest gets its events. Whoever is not to be first passes a queue on, once after each change of who listens: it then
stands behind who is to be first, whatever the order was before, and events are given back once only.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from hub.bus.broker import Broker
from hub.errors import HubError
from hub.store import signs
from hub.store.database import Database
from hub.store.journal import dead, holder

EVERY = 2.0


@dataclass(slots=True)
class Shares:
    """``settle`` is called between two batches, when nothing is at hand that was not stored."""

    database: Database
    broker: Broker
    _name: str = ""
    _crew: Sequence[str] = ()
    _signed: float = 0.0
    _looked: float = 0.0

    def settle(self) -> None:
        """Say that we listen, look who else does, and pass on what is theirs; at most every two seconds."""
        if self.broker.partitions == 1 or time.monotonic() - self._looked < EVERY:
            return
        self._sign(f"{holder()}/{id(self)}/{self.broker.listening()}")
        there = [one.holder for one in signs.living(self.database) if signs.LISTENS in one.duties]
        crew = [name for name in there if not dead(name.rsplit("/", 2)[0])]  # on this host that is known at once
        if self._name in crew and crew != self._crew:
            self.broker.pass_on(others(self.broker.partitions, crew.index(self._name), len(crew)))
            self._crew = crew
        self._looked = time.monotonic()

    def end(self) -> None:
        """We listen no longer."""
        if self._name:
            with suppress(HubError):  # it is forgotten by itself
                signs.end(self.database, self._name)
        self._name, self._crew, self._looked = "", (), 0.0

    def _sign(self, name: str) -> None:
        """Under a new name after every new connection: it stands behind all others then, who have to pass on again."""
        if name != self._name:
            self.end()
        elif time.monotonic() - self._signed < signs.EVERY:
            return
        signs.give(self.database, name, [signs.LISTENS])
        self._name, self._signed = name, time.monotonic()


def others(partitions: int, place: int, crew: int) -> list[int]:
    """The queues that another one is to be first at, for who stands at a place of the crew.

    >>> others(4, 0, 2), others(4, 1, 2)
    ([1, 3], [0, 2])
    """
    return [queue for queue in range(partitions) if queue % crew != place]
