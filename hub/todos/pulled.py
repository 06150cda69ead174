"""What mappings pull into the to-dos is read anew, and compared with what the hub keeps.

A look reads the source as a run of the exchange does, and writes nothing but what differs. It reads all, or a slice
from where the last one ended, in the order of the cursor. A pass of slices only nominates ghosts: nobody knows whether
the source gives its records in that order throughout. While one is suspected the next look reads all.

Nothing is concluded on doubt: of a read that was cut nothing is used, what is quarantined is no ghost, and where the
read is not proven whole (pages, claims that were refuted, canaries, a source that shrank) there are none at all.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from hub.contract import LocalFile, Page, Query
from hub.errors import ConfigError, RecordRejected
from hub.exchange.departures import ABSENT, SCOPE
from hub.exchange.drift import require_fields
from hub.exchange.extract import Extracted
from hub.exchange.gates import require_judged
from hub.exchange.ground import Asked, Hub, asked_of, keyed, opened_source, source_number
from hub.exchange.judging.certify import certify, doubts
from hub.exchange.lookup import Lookups
from hub.exchange.map import PARENT, map_records
from hub.exchange.outputs import make_outputs
from hub.exchange.pipeline import silent
from hub.exchange.reading import read_source
from hub.exchange.runfile import RunFile, open_run
from hub.exchange.staging import take
from hub.exchange.strategy import reading
from hub.mapping.compile import Compiled, compile_mapping
from hub.store import departures, journal, pushing, shadows, todo_drift, todo_passes
from hub.todos.drift import CONFIRMED, Difference, Listed, Pull, compare
from hub.todos.received import read
from hub.todos.reports import Key
from hub.todos.rows import Said, said
from hub.todos.target import ECHO, item_of
from hub.workspace.limits import AbsentStep
from hub.workspace.shape import MappingFile

INTO: Final = "hub.todos"
At = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found: to-dos read, whether they were all there are (``doubt`` says why not), whether a pass goes on
    with the next slice, and the differences of the systems whose to-dos they are."""

    mapping: str
    systems: Sequence[str]
    read: int
    whole: bool
    doubt: str
    goes_on: bool
    differences: Sequence[Difference]


@dataclass(slots=True)
class _Seen:
    """Rows of a read by to-do. ``spared`` are to-dos that are neither compared nor ghosts, ``ours`` those that the
    exchange delivered, ``parted`` those of which other records may have more receivers."""

    rows: dict[At, list[Said]]
    spared: set[At]
    ours: set[At]
    parted: set[At]


def look(hub: Hub, name: str, *, most: int | None = None) -> Look:
    """Read and compare. ``most``: a slice of about so many records, where the source gives them by a cursor.
    ConfigError ``drift.mapping``; Held and Retriable as of a run of the exchange, and then nothing was compared."""
    mapping = hub.workspace.mapping(name)
    if mapping.direction != "pass" or all(one.into != INTO for one in mapping.outputs):
        raise ConfigError(
            "drift.mapping", f"{name} pulls no to-dos", where=f"mappings/{name}.yaml",
            hint=f"name a mapping with into: {INTO}",
        )  # fmt: skip
    require_judged(mapping)
    compiled = compile_mapping(mapping, hub.workspace)
    began = hub.clock()
    with hub.database.begin(reading=True) as connection:
        under_way = todo_passes.reached(connection, name)
    if most is None or _suspects(hub, mapping):
        most = under_way = None
    with ExitStack() as stack:
        run = stack.enter_context(open_run(hub.scratch, hub.memory, hub.threads))
        seen, extracted, doubt, sliced = _Seen({}, set(), set(), set()), None, "", None
        for output, one in zip(mapping.outputs, compiled, strict=True):
            if output.into != INTO:
                continue
            run.use(one.number)
            number = source_number(hub.database, mapping, one)
            extracted, asked, sliced = _read(hub, run, stack, mapping, compiled, one, most, under_way)
            chains = {SCOPE: output.out_of_scope.chain, ABSENT: output.absent.chain}
            if sliced is not None and not sliced.ordered:
                return look(hub, name)  # slices would miss records
            doubt = doubt or _doubt(hub, mapping, extracted, asked, chains[ABSENT], sliced)
            with hub.database.bulk(write=False) as session:
                map_records(run, session, extracted, number, one, Lookups(run, session), compare=False)
                make_outputs(run, one)
                take(run, "held_there", shadows.acknowledged(session, number))
                take(run, "departed_before", departures.departed(session, number))
            _collect(hub, run, one, chains, seen)
            if one.each is None and (doubt or (sliced is not None and (sliced.stopped or under_way))):
                seen.parted |= seen.rows.keys()
        assert extracted is not None
        position = extracted.cursor if sliced is not None and sliced.stopped else None
        return _compared(hub, mapping, seen, began, under_way, position, doubt)


def _suspects(hub: Hub, mapping: MappingFile) -> bool:
    """Whether a ghost of this mapping waits for its second look, which reads all."""
    with hub.database.begin(reading=True) as connection:
        rows = todo_drift.suspected(connection, mapping.mapping, CONFIRMED)
    return any(row["kind"] == "ghost" and "whole" not in row["said"] for row in rows)


def _read(
    hub: Hub, run: RunFile, stack: ExitStack, mapping: MappingFile, outputs: list[Compiled], compiled: Compiled,
    most: int | None, under_way: tuple[dt.datetime, str] | None,
) -> tuple[Extracted, Asked, _Slice | None]:  # fmt: skip
    system, _, resource_name = mapping.from_.partition(".")
    source = opened_source(hub, stack, system)
    resource = keyed(source.resource(resource_name), compiled)
    asked = asked_of(hub.database, mapping, outputs, "plan", cursor=resource.cursor, initial=False, full=True)
    sliced = None
    refuted = reading(hub.database, mapping.from_).refuted
    if most is not None and resource.cursor and not {"cursor", "paging"} & refuted.keys():
        since = under_way[1] if under_way else None
        asked = dataclasses.replace(asked, since=since)
        source = sliced = _Slice(source, resource.cursor, most, since)
    others = {system: source}
    extracted = read_source(
        hub, run, source, resource, outputs, asked, lambda other: others.get(other) or opened_source(hub, stack, other),
        silent, waiting=False,
    )  # fmt: skip
    extracted = require_fields(run, hub.workspace, extracted, asked.fields, [compiled], accepted=False)
    return certify(run, extracted, mapping.canaries), asked, sliced


def _doubt(
    hub: Hub, mapping: MappingFile, extracted: Extracted, asked: Asked, reactions: Sequence[AbsentStep],
    sliced: _Slice | None,
) -> str:  # fmt: skip
    """Why what was not read may be there all the same; "" where it is not."""
    if not reactions:
        return "the mapping leaves what is absent as it is"
    if sliced is not None and (sliced.stopped or asked.since is not None):  # others were read, or are to come
        return reading(hub.database, mapping.from_).incomplete
    if not extracted.certificate.complete:
        return extracted.certificate.reason
    if not extracted.read:
        return "the source gave no record"
    return "; ".join(doubts(extracted, asked.previous, reactions, "", 0))


def _collect(
    hub: Hub, run: RunFile, compiled: Compiled, chains: Mapping[str, Sequence[AbsentStep]], seen: _Seen
) -> None:
    """The rows that were mapped, and what the exchange has delivered of which no row came."""
    zone, found = ZoneInfo(hub.workspace.hub.zone), defaultdict[At, list[Said]](list)
    for (body,) in run.sql("SELECT body FROM output_rows ORDER BY key"):
        values = orjson.loads(body)
        at = _at(values)
        try:
            found[at].append(said(values, zone))
        except RecordRejected:
            seen.spared.add(at)
    record, rejected = (PARENT, "(key->>'$[0]')") if compiled.each else ("key", "key")
    query = f"""SELECT foreign_key, coalesce(foreign_id, ''), CASE
            WHEN key IN (SELECT key FROM output_rows) THEN 'mapped'
            WHEN {record} IN (SELECT {rejected} FROM rejected) THEN 'rejected'
            WHEN key IN (SELECT key FROM departed_before) THEN 'departing'
            WHEN {record} IN (SELECT key FROM extracted WHERE key IS NOT NULL) THEN '{SCOPE}' ELSE '{ABSENT}' END
        FROM held_there WHERE foreign_key IS NOT NULL"""
    each = compiled.each is not None
    for foreign_key, foreign_id, why in run.sql(query):
        at = _at(dict(zip(compiled.target_key, json.loads(foreign_key), strict=True)))
        seen.ours.add(at)
        reaction = chains[ABSENT if each and why == SCOPE else why] if why in chains else ()
        if why == "rejected":
            seen.parted.add(at)
        if foreign_id == ECHO or why in ("rejected", "departing") or (why in chains and not reaction):
            seen.spared.add(at)
    with hub.database.begin(reading=True) as connection:
        for system in {at[0] for at in found}:
            own = pushing.own(connection, system, {at[2] for at in found if at[0] == system})
            seen.spared |= {at for at in found if at[0] == system and at[2] in own}
    for at, rows in found.items():
        seen.rows.setdefault(at, []).extend(rows)


def _at(values: Mapping[str, Any]) -> At:
    return str(values.get("system") or ""), str(values.get("tenant") or ""), str(values.get("id") or "")


def _compared(
    hub: Hub, mapping: MappingFile, seen: _Seen, began: dt.datetime, under_way: tuple[dt.datetime, str] | None,
    position: str | None, doubt: str,
) -> Look:  # fmt: skip
    """Each system by itself; and the pass goes on, or is over."""
    name, (home, _, _) = mapping.mapping, mapping.from_.partition(".")
    first = under_way[0] if under_way else began
    with hub.database.begin(reading=True) as connection:
        passed = todo_passes.passed(connection, name) if under_way else set[At]()
    systems = sorted({home} | {at[0] for at in {*seen.rows, *seen.ours}} & hub.workspace.systems.keys())
    settled, found = journal.caught_up(hub.database, name, hub.clock()), list[Difference]()
    whole = position is None and not doubt
    for system in systems:
        alone = system == home and _alone(hub, system)
        items = []
        for at in sorted(at for at in seen.rows if at[0] == system and at not in seen.spared):
            try:
                items.append(_listed(at, seen.rows[at], began, whole=alone and at not in seen.parted))
            except RecordRejected:
                seen.spared.add(at)  # the exchange has it in its quarantine
        ours = None if alone else _within(seen.ours, system)
        pull = Pull(name, first, settled, ours, _within(seen.spared | passed, system))
        found += compare(hub, system, items, began, whole=whole, pull=pull)
    with hub.database.begin() as connection:
        if position is None:
            todo_passes.end(connection, name)
        else:
            todo_passes.advance(connection, name, first, position, ({*seen.rows} | seen.spared) - passed)
    return Look(name, systems, len(seen.rows), whole, doubt, position is not None, found)


def _alone(hub: Hub, system: str) -> bool:
    """Whether one mapping reads all to-dos of a system."""
    into = [
        output for one in hub.workspace.mappings.values() if one.from_.partition(".")[0] == system
        for output in one.outputs if output.into == INTO
    ]  # fmt: skip
    return len(into) == 1


def _within(some: Collection[At], system: str) -> set[tuple[str, str]]:
    return {at[1:] for at in some if at[0] == system}


def _listed(at: At, rows: Sequence[Said], began: dt.datetime, *, whole: bool) -> Listed:
    """Of rows that say several things of one to-do the newest counts."""
    if len(rows) > 1:
        rows = sorted(rows, key=lambda row: read(item_of(row), began).version, reverse=True)
    item = item_of(*rows)
    return Listed(Key(*at), report=item, exact=read(item, began), whole=whole)


class _Slice:
    """A source that ends after about ``most`` records: at the end of a page, and where the cursor has moved on."""

    def __init__(self, source: Any, cursor: str, most: int, since: str | None) -> None:
        self._source, self._cursor, self._most, self._since = source, cursor, most, since
        self.stopped, self.ordered, self._last = False, True, since

    def read(self, query: Query) -> Iterator[Page]:
        if query.resource.cursor != self._cursor:  # one that is joined
            yield from self._source.read(query)
            return
        count = 0
        for page in self._source.read(dataclasses.replace(query, takes_files=False)):
            count += page.count
            moved = self._moved(page)
            if not page.last and moved and count >= self._most:
                self.stopped = True
                yield dataclasses.replace(page, last=True, token=None)
                return
            yield page

    def _moved(self, page: Page) -> bool:
        """Whether the page ends behind where the slice began."""
        for value in _values(page, self._cursor):
            if self._last is not None and value < self._last:
                self.ordered = False
            self._last = value
        return self._last is not None and self._last != self._since

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def _values(page: Page, cursor: str) -> Iterator[str]:
    if isinstance(page.records, bytes):
        records = [orjson.loads(line) for line in page.records.splitlines() if line.strip()]
    else:
        records = page.records.to_pylist() if not isinstance(page.records, LocalFile) else []
    for record in records:
        value: Any = record
        for part in cursor.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            yield str(value)
