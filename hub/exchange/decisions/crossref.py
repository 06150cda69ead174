"""Importing a cross-reference table: every line is judged, and what is good becomes a plan of its exchange.

While one line contradicts what is known there is no plan at all. A plan is applied as every other: under its
guard, approved where that holds it, and bound to what it saw.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.exchange.judging.guard import Judged, judge
from hub.exchange.linking import lines
from hub.exchange.linking.lines import GOOD, JUDGED, QUIET, Place, place_of, places, read_lines
from hub.exchange.manifest import Manifest
from hub.exchange.pipeline import Result, lease_names, plan_by_hand
from hub.exchange.quarantine import nothing_held
from hub.exchange.runfile import RunFile, open_run, sql_text
from hub.store import linking, marks
from hub.workspace.explain import suggest


@dataclass(frozen=True, slots=True)
class LineFound:
    """One line as it is told: ``other`` is what stands in its way."""

    line: int
    exchange: str
    key: str
    entity: str
    verdict: str
    other: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import would do: how many lines of each verdict, the first of those that need a look, and the
    plans that do it, one per exchange; none while there is a conflict."""

    lines: int
    counts: Mapping[str, int]
    shown: tuple[LineFound, ...]
    plans: tuple[Result, ...] = ()

    @property
    def conflicts(self) -> int:
        return sum(count for name, count in self.counts.items() if name not in (*GOOD, *QUIET))


def plan_links(hub: Hub, file: Path, place: str | None, reason: str, *, shown: int = 50) -> Imported:
    """Judge every line, and store the plans. ConfigError ``links.file`` for a file that cannot be read,
    ``links.place`` where nothing says of which exchange it is."""
    with open_run(hub.scratch, hub.memory, hub.threads) as run:
        found = _judged(hub, run, file, place)
        told = _told(run, shown)
    if told.conflicts:
        return told
    made = []
    for name, one in found.items():
        if one is None:
            continue
        make = partial(_plan, hub, file, place, name, one, reason)
        key = f"links/{one.mapping.mapping}/{uuid.uuid4().hex[:12]}"
        result = plan_by_hand(hub, one.mapping.mapping, key, lease_names(one.mapping), make)
        if result.counts["applied"]:
            made.append(result)
    return Imported(told.lines, told.counts, told.shown, tuple(made))


def _judged(hub: Hub, run: RunFile, file: Path, place: str | None) -> dict[str, Place | None]:
    """``judged``; answers the places that the lines are about."""
    read_lines(run, file)
    run.sql(f"CREATE TABLE judged ({JUDGED})")
    found = {name: place_of(hub, name) for name in places(run, place)}
    if place is not None and place in found and found[place] is None:
        message = f'there is no exchange or system.resource "{place}"'
        raise ConfigError("links.place", message, hint=suggest(place, hub.workspace.mappings))
    with hub.database.bulk(write=False) as session:
        for name, one in found.items():
            lines.judge(hub, run, session, name, one)
    return found


def _told(run: RunFile, shown: int) -> Imported:
    counts = dict(run.sql("SELECT verdict, count(*) FROM judged GROUP BY verdict ORDER BY verdict"))
    good = ", ".join(sql_text(name) for name in ("link", *QUIET))
    found = run.sql(f"""SELECT line, place, coalesce(key, ''), coalesce(CAST(entity AS VARCHAR), ''), verdict,
        coalesce(other, '') FROM judged WHERE verdict NOT IN ({good})
        ORDER BY verdict = 'unseen', line LIMIT {shown}""")
    return Imported(sum(counts.values()), counts, tuple(LineFound(*row) for row in found))


def _plan(
    hub: Hub, file: Path, place: str | None, name: str, one: Place, reason: str, run: RunFile
) -> list[Manifest]:
    """The plan of one exchange: ``linking`` (line, key, entity)."""
    run.use(one.compiled.number)
    _judged(hub, run, file, place)
    mine = f"FROM judged WHERE place = {sql_text(name)}"
    good, quiet = (", ".join(sql_text(word) for word in words) for words in (GOOD, QUIET))
    read, new, known = run.sql(f"""SELECT count(*), count(*) FILTER (verdict IN ({good})),
        count(*) FILTER (verdict IN ({quiet})) {mine}""")[0]
    if read != new + known:
        raise ConfigError(
            "links.conflict",
            f"{read - new - known} lines contradict what is known since a moment ago",
            where=str(file),
            hint="the same command again lists them",
        )
    run.sql(f"CREATE TABLE linking AS SELECT line, key, entity {mine} AND verdict IN ({good}) ORDER BY line")
    nothing_held(run)
    with hub.database.bulk(write=False) as session:
        count = linking.known(session, one.number)
    mark = marks.read(hub.database, one.mapping.mapping)
    previous = count if one.outbound else (mark.snapshot or 0) if mark else 0
    return [
        Manifest(
            exchange=one.mapping.mapping,
            output=one.compiled.output,
            number=one.compiled.number,
            direction="links",
            source=one.number,
            mode="plan",
            map_hash=0,
            compiled_hash=one.compiled.hash,
            workspace_hash=hub.workspace.hash,
            counts={"read": read, "applied": new, "unchanged": known, "linked": new},
            breaches=judge(one.mapping.guard, Judged({"link": new}, previous), initial=False),
            model=one.model,
            moves=False,
            said={
                "direction": one.compiled.direction,
                "name": file.name,
                "file": hashlib.sha256(file.read_bytes()).hexdigest()[:16],
                "reason": reason,
                "by": hub.actor.name,
                "on_behalf": hub.actor.on_behalf,
            },
        )
    ]
