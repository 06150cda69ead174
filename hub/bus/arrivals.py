"""Records that wait for another: looked at again when a model they refer to has moved on.

Every run of their exchange looks at them too; here nobody has to start one. What still waits afterwards is
left alone until the next commit of such a model, and the longer the look took, the longer it rests.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from hub.errors import ConfigError, HubError, Retriable, Waits
from hub.exchange.decisions.replay import replay
from hub.exchange.ground import Hub
from hub.mapping.compile import compile_mapping
from hub.store import quarantined, standstills
from hub.store.database import now
from hub.workspace.workspace import Workspace

SHORTEST, TIMES = 0.2, 10.0
AFTER_ERROR = 30.0


@dataclass(slots=True)
class Arrivals:
    """``turn`` looks at what waits, and answers whether anything went on; ``due`` is when the next look is."""

    hub: Hub
    tell: Callable[[str], None]
    stopping: Callable[[], bool]
    due: dt.datetime | None = None
    readers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _seen: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _rests: dict[str, dt.datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.readers = _readers(self.hub.workspace)

    def turn(self) -> bool:
        """Look once at each exchange whose models have moved on."""
        self.due, worked = None, False
        commits = standstills.commits(self.hub.database) if self.readers else {}
        for name, models in self.readers.items():
            newest = tuple(commits.get(model, 0) for model in sorted(models))
            if self.stopping() or self._seen.get(name) == newest:
                continue
            if (rests := self._rests.get(name)) is not None and rests > now():
                self._later(rests)
                continue
            worked |= self._look(name, newest)
        return worked

    def _look(self, name: str, newest: tuple[int, ...]) -> bool:
        start, moved = time.monotonic(), False
        try:
            for chosen in quarantined.chosen(self.hub.database, exchange=name, state="waiting"):
                if not chosen.originals:
                    continue
                result = replay(self.hub, chosen, f"arrivals/{name}/{secrets.token_hex(6)}")
                if moved := result.counts.get("waiting", 0) < chosen.entries:
                    self.tell(f"{name}: {result.counts.get('applied', 0)} waiting records went on")
        except Waits:  # its exchange is stopped, or its system maintained: no error
            self._rest(name, AFTER_ERROR)
            return False
        except HubError as error:
            busy = isinstance(error, Retriable) and error.code == "run.busy"
            if not busy:
                self.tell(f"{name}: {error}")
            self._rest(name, SHORTEST if busy else AFTER_ERROR)
            return False
        self._seen[name] = newest
        self._rest(name, max(SHORTEST, TIMES * (time.monotonic() - start)))
        return moved

    def _rest(self, name: str, seconds: float) -> None:
        self._rests[name] = now() + dt.timedelta(seconds=seconds)
        self._later(self._rests[name])

    def _later(self, moment: dt.datetime) -> None:
        self.due = moment if self.due is None else min(self.due, moment)


def _readers(workspace: Workspace) -> dict[str, frozenset[str]]:
    """Enabled inbound exchanges → the models that their records refer to."""
    found: dict[str, frozenset[str]] = {}
    for name, mapping in sorted(workspace.mappings.items()):
        if not mapping.enabled or mapping.direction != "inbound":
            continue
        with suppress(ConfigError):  # one that does not compile runs nowhere, and says why when it is run
            compiled = compile_mapping(mapping, workspace)
            if models := {column.ref for one in compiled for column in one.columns if column.ref}:
                found[name] = frozenset(models)
    return found
