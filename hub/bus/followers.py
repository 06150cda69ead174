"""Exchanges with ``schedule: on_change``: run when their model is ahead of their own cursor.

A wake-up says only that it is worth looking; what is to be done follows from the model's commits and the
exchange's watermark.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub import tracing
from hub.bus.trying import RETRY, Tries
from hub.errors import HubError, Waits
from hub.exchange.gates import gates
from hub.exchange.ground import Hub
from hub.exchange.pipeline import Result, run_exchange
from hub.exchange.warm import Warm
from hub.store import outbox, standstills
from hub.store.standstills import Standstill

Tell = Callable[[str], None]
MANY = 10_000


@dataclass(slots=True)
class Followers:
    """``turn`` runs what is behind, and answers whether there was anything; ``due`` is when the next try is."""

    hub: Hub
    tell: Tell
    stopping: Callable[[], bool]
    due: dt.datetime | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    _tries: Tries = field(init=False)
    _warm: Warm | None = None

    def __post_init__(self) -> None:
        self._tries = Tries(self.hub, self.tell, self.stopping)
        ours = self.hub.workspace.hub.airflow.on_change == "worker"
        self.names = {
            mapping.mapping: mapping.from_
            for mapping in self.hub.workspace.mappings.values()
            if ours
            and mapping.enabled
            and mapping.schedule == "on_change"
            and mapping.direction == "outbound"
        }

    def turn(self) -> bool:
        """Run each exchange that is behind once."""
        self.due = self._tries.due = None
        if not self.names:
            return False
        behind = standstills.behind(self.hub.database, self.names)
        still = standstills.all_of(self.hub.database) if behind else {}
        standing = gates(self.hub) if behind else None
        worked = False
        for name in sorted(behind):
            if self.stopping():
                break
            if standing is not None and standing.exchange(self.hub.workspace.mapping(name)) is not None:
                continue
            if self._tries.stands(still.get(name)):
                continue
            worked |= self._run(name, still.get(name))
        self.due = self._tries.due
        return worked

    def _run(self, name: str, before: Standstill | None) -> bool:
        key = f"worker/{name}/{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        try:
            with self._open().lent() as run, self._traced(name):
                result = run_exchange(self.hub, name, "incremental", key, progress=self._tries.watch, run_file=run)
            if result.counts.get("read", 0) > MANY:  # what a large run needed is not kept
                self.close()
        except Waits:  # it is looked at again soon: no try failed
            return False
        except HubError as error:
            return self._tries.failed(name, error)
        self._ended(name, result, before)
        return True

    def _traced(self, name: str) -> tracing.Told:
        """As a part of what changed the model since the exchange read it."""
        after = outbox.traces(self.hub.database, name, self.names[name], tracing.LINKS) if tracing.is_on() else []
        return tracing.span(f"follow {name}", "consumer", after=after, exchange=name, model=self.names[name])

    def close(self) -> None:
        """Give the run file back."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None

    def _open(self) -> Warm:
        if self._warm is None:
            self._warm = Warm(self.hub.scratch, self.hub.memory, 1)
        return self._warm

    def _ended(self, name: str, result: Result, before: Standstill | None) -> None:
        waiting = result.counts.get("waiting", 0)
        logged = result.counts.get("held", 0)
        if waiting or logged:  # the watermark stays before them: the next try is later
            what = f"{waiting or logged} records were not delivered"
            code = "delivery.waiting" if waiting else "system.logged"
            self._tries.pause(name, code, what, "cophub quarantine", RETRY if waiting else 3600.0)
        elif before is not None:
            standstills.resume(self.hub.database, name)
        self.tell(f"{name}: {said(result.counts)}")


def said(counts: Mapping[str, Any]) -> str:
    """What came of records, for people."""
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"
