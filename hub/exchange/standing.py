"""How every exchange stands: its last run, and what it waits for now."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from hub.errors import Waits
from hub.exchange.gates import gates
from hub.exchange.ground import Hub
from hub.exchange.late import late_since
from hub.store import standstills
from hub.store.journal import RunRow
from hub.store.listing import last_runs
from hub.store.standstills import Standstill
from hub.workspace.windows import closed_until


@dataclass(frozen=True, slots=True)
class Standing:
    """``last`` is the last run, None where there was none; ``waits`` is why it would not run now, ``still`` why workers
    leave it alone, ``late`` since when it is later than it may be."""

    exchange: str
    last: RunRow | None = None
    waits: Waits | None = None
    still: Standstill | None = None
    late: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """The maintenance of a system: until when, where it goes on now, and when it begins next."""

    system: str
    until: dt.datetime | None
    next: dt.datetime | None


def standing(hub: Hub) -> list[Standing]:
    """All enabled exchanges, by name."""
    mappings = {name: one for name, one in sorted(hub.workspace.mappings.items()) if one.enabled}
    now = gates(hub)
    still = standstills.all_of(hub.database)
    last = last_runs(hub.database, list(mappings))
    late = late_since(hub, list(mappings.values()))
    found = []
    for name, mapping in mappings.items():
        ran = last.get(name)
        stands = still.get(name)
        if stands is not None and stands.until <= now.moment:
            stands = None
        found.append(Standing(name, ran, now.exchange(mapping), stands, late.get(name)))
    return found


def windows(hub: Hub) -> list[Closed]:
    """All systems that are maintained at times."""
    moment, zone, found = hub.clock(), hub.workspace.hub.zone, []
    for name, system in sorted(hub.workspace.systems.items()):
        if system.maintenance:
            until = closed_until(system.maintenance, moment, zone)
            begins = [one.next(until or moment, zone) for one in system.maintenance]  # what touches it is part of it
            found.append(Closed(name, until, min((one for one in begins if one is not None), default=None)))
    return found
