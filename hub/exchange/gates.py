"""What is not to be done now: a stop switch is set, or a system is being maintained. It waits; nothing failed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hub.errors import ConfigError, Waits
from hub.exchange.ground import Hub
from hub.store import switches
from hub.store.switches import EXCHANGE, TARGET, Switch
from hub.workspace.shape import MappingFile
from hub.workspace.windows import closed_until


@dataclass(frozen=True, slots=True)
class Gates:
    """How all gates of a hub stand at one moment."""

    hub: Hub
    moment: dt.datetime
    stopped: Mapping[tuple[str, str], Switch]

    def exchange(self, mapping: MappingFile, mode: str = "") -> Waits | None:
        """Why an exchange waits; None where it may run. What only plans writes nothing: it waits for maintenance of
        what it reads, and for no switch."""
        plans = mode == "plan"
        if not plans and (one := self.stopped.get((EXCHANGE, mapping.mapping))):
            return _stopped("exchange.stopped", f"the exchange {one.name}", one)
        for name in sorted(() if plans else targets_of(mapping)):
            if one := self.stopped.get((TARGET, name)):
                return _stopped("system.stopped", f"what writes to {one.name}", one)
        return self.maintained(sources_of(mapping) | (set() if plans else targets_of(mapping)))

    def target(self, system: str) -> Waits | None:
        """Why nothing is written to a system; None where it may be."""
        if one := self.stopped.get((TARGET, system)):
            return _stopped("system.stopped", f"what writes to {one.name}", one)
        return self.maintained([system])

    def maintained(self, systems: Collection[str]) -> Waits | None:
        """The longest maintenance of some systems."""
        workspace = self.hub.workspace
        ends = {
            name: end
            for name in systems
            if name in workspace.systems
            and (end := closed_until(workspace.systems[name].maintenance, self.moment, workspace.hub.zone))
        }
        if not ends:
            return None
        name, end = max(ends.items(), key=lambda item: (item[1], item[0]))
        return Waits(
            "system.maintenance",
            f"{name} is being maintained until {end:%Y-%m-%d %H:%M} UTC",
            where=f"config/systems/{name}.yaml: maintenance",
            hint="it goes on by itself then",
            wait=max(1.0, (end - self.moment).total_seconds()),
        )


def gates(hub: Hub) -> Gates:
    """As they stand now."""
    return Gates(hub, hub.clock(), switches.stopped(hub.database))


def require_open(hub: Hub, mapping: MappingFile, mode: str = "") -> None:
    """Waits ``exchange.stopped``, ``system.stopped`` or ``system.maintenance`` where a mapping is not to run now;
    ConfigError ``mapping.draft`` where it is not to run at all, but only to be planned."""
    if mode != "plan":
        require_judged(mapping)
    if (waits := gates(hub).exchange(mapping, mode)) is not None:
        raise waits


def require_judged(mapping: MappingFile) -> None:
    """ConfigError ``mapping.draft`` where nobody has judged the mapping yet."""
    if mapping.draft:
        raise ConfigError(
            "mapping.draft", f"{mapping.mapping} is a draft: it can be planned, and nothing runs it",
            where=f"mappings/{mapping.mapping}.yaml: draft",
            hint="read it line by line, try it by cophub plan, then remove draft: true",
        )  # fmt: skip


def sources_of(mapping: MappingFile) -> set[str]:
    """The systems that a mapping reads."""
    places = [mapping.from_, *(one.from_ for one in mapping.with_.values())]
    return {place.partition(".")[0] for place in places if "." in place}


def targets_of(mapping: MappingFile) -> set[str]:
    """The systems that a mapping writes to."""
    return {output.into.partition(".")[0] for output in mapping.outputs if "." in output.into}


def _stopped(code: str, what: str, one: Switch) -> Waits:
    name = one.name if one.kind == EXCHANGE else f"--target {one.name}"
    message = f"{what} is stopped by {one.actor} since {one.since:%Y-%m-%d %H:%M} UTC: {one.reason}"
    return Waits(code, message, hint=f"let it go on: cophub resume {name}")
