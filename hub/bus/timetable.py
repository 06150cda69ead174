"""Exchanges whose schedule has a time, or others after which they run: run by a worker when that came round.

The run key says which tick, or which run before, it is: whoever asks again, another worker or this one after a restart,
is answered by the journal. Of ticks that were missed only the last is made up for.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from hub import tracing
from hub.bus.followers import said
from hub.bus.trying import Tell, Tries
from hub.errors import HubError, Waits
from hub.exchange.gates import gates
from hub.exchange.ground import Hub
from hub.exchange.pipeline import run_exchange
from hub.exchange.report import WRITES
from hub.exchange.timing import full_is_due
from hub.store import scheduled, standstills
from hub.store.database import now
from hub.store.standstills import Standstill
from hub.workspace.shape import Schedule
from hub.workspace.ticks import MINUTE, Times, times

Came = tuple[dt.datetime, str]
"""When it came round, and the run key of that."""


@dataclass(slots=True)
class Timetable:
    """What came round before ``_since`` is covered: by a run, or because the schedule is younger.

    ``turn`` runs what came round, and answers whether there was anything; ``due`` is when to look again."""

    hub: Hub
    tell: Tell
    stopping: Callable[[], bool]
    due: dt.datetime | None = None
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    _tries: Tries = field(init=False)
    _clocks: dict[str, Times] = field(init=False)
    _since: dict[str, dt.datetime] = field(default_factory=dict)
    _ticks: dict[str, Came] = field(default_factory=dict)
    _minute: int = -1

    def __post_init__(self) -> None:
        self._tries = Tries(self.hub, self.tell, self.stopping)
        workspace = self.hub.workspace
        self.schedules = {
            name: mapping.schedule
            for name, mapping in sorted(workspace.mappings.items())
            if workspace.hub.schedules == "worker" and mapping.enabled and isinstance(mapping.schedule, Schedule)
        }
        self._clocks = {name: times(one, name) for name, one in self.schedules.items()}

    def turn(self) -> bool:
        """Run each exchange once whose newest tick, or newest run before it, it has not run for."""
        self.due = self._tries.due = None
        if not self.schedules:
            return False
        moment = self.hub.clock()
        if not self._since:
            digests = {name: _digest(one) for name, one in self.schedules.items()}
            self._since = scheduled.since(self.hub.database, digests, moment)
        wanted = self._wanted(moment)
        still = standstills.all_of(self.hub.database) if wanted else {}
        standing = gates(self.hub) if wanted else None
        worked = False
        for name, (at, key) in wanted.items():
            if self.stopping():
                break
            if standing is not None and standing.exchange(self.hub.workspace.mapping(name)) is not None:
                continue
            if not self._tries.stands(still.get(name)):
                worked |= self._run(name, key, at, still.get(name))
        self.due = self._tries.due
        return worked

    def upcoming(self) -> dict[str, dt.datetime]:
        """When each exchange that has a time comes round next."""
        moment, zone = self.hub.clock(), self.hub.workspace.hub.zone
        found = {name: clock.next(name, zone, moment) for name, clock in self._clocks.items()}
        return {name: at for name, at in found.items() if at is not None}

    def _wanted(self, moment: dt.datetime) -> dict[str, Came]:
        """Exchange → the newest that came round, where no run is done for it: a run covers all before."""
        self._look(moment)
        came = dict(self._ticks)
        for name, one in self._after().items():
            came[name] = max(one, came.get(name, one))
        keys = {key: name for name, (at, key) in came.items() if at > self._since[name]}
        done = scheduled.done(self.hub.database, keys) if keys else set()
        for key in done:  # by another worker, or before this one began anew
            self._covered(keys[key], came[keys[key]][0])
        return {name: came[name] for key, name in sorted(keys.items(), key=lambda item: item[1]) if key not in done}

    def _covered(self, name: str, at: dt.datetime) -> None:
        scheduled.cover(self.hub.database, name, _digest(self.schedules[name]), at)
        self._since[name] = at

    def _look(self, moment: dt.datetime) -> None:
        """The newest ticks, once a minute: cron knows nothing shorter. Shorter intervals are looked at each time."""
        zone, minute = self.hub.workspace.hub.zone, int(moment.timestamp() // MINUTE)
        for name, clock in self._clocks.items():
            if minute == self._minute and clock.every is None:
                continue
            tick = clock.last(name, zone, moment)
            if tick is not None:
                self._ticks[name] = tick, f"schedule/{name}/{tick:%Y-%m-%dT%H:%M:%SZ}"
            if tick is not None and clock.every is not None:
                self._tries.later(now() + (tick - moment) + dt.timedelta(seconds=clock.every))
        self._minute = minute
        self._tries.later(now() + dt.timedelta(seconds=MINUTE - moment.timestamp() % MINUTE))

    def _after(self) -> dict[str, Came]:
        """Of those that run after others: the newest run of these that changed something."""
        befores = {name: one.after for name, one in self.schedules.items() if one.after}
        if not befores:
            return {}
        every: Collection[str] = {name for names in befores.values() for name in names}
        changed = scheduled.changed(self.hub.database, sorted(every), WRITES)
        ended = {name: [changed[one] for one in names if one in changed] for name, names in befores.items()}
        newest = {name: max(runs) for name, runs in ended.items() if runs}
        return {name: (at, f"schedule/{name}/after/{run}") for name, (at, run) in newest.items()}

    def _run(self, name: str, key: str, at: dt.datetime, before: Standstill | None) -> bool:
        hub, cron = self.hub, self.schedules[name].full
        full = cron is not None and full_is_due(hub.database, name, cron, hub.workspace.hub.zone, hub.clock)
        mode = "full" if full else "incremental"
        try:
            with tracing.span(f"schedule {name}", exchange=name, run_key=key):
                result = run_exchange(hub, name, mode, key, full=full, progress=self._tries.watch)
        except Waits:  # it is looked at again soon: no try failed
            return False
        except HubError as error:
            return self._tries.failed(name, error)
        self._covered(name, at)
        if before is not None:
            standstills.resume(hub.database, name)
        if not result.repeated:
            self.tell(f"{name}: {said(result.counts)}")
        return True


def _digest(schedule: Schedule) -> str:
    return hashlib.sha256(schedule.model_dump_json().encode()).hexdigest()[:16]
