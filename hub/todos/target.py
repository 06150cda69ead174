"""The hub's to-dos as the target of mappings: ``into: hub.todos``. What reads them is ``pushing``.

A row is one receiver's part of one to-do. What leaves is taken off its receiver, or gets what ``disable`` names. That
is inferred, nobody reported it: it counts from just after the last that the row's source said, and is undone as soon
as the row is there again, whatever its time. An update whose source tells no newer time counts from there too: the
exchange knows what it read last.

Reports are sent again in doubt: joined twice they change nothing. What the hub itself put into the system that is
read is no to-do of that system: such a row is taken and makes nothing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from hub.contract import Change, Found, Outcome, Page, Probe, Query, Resource
from hub.errors import ConfigError, RecordRejected
from hub.exchange.ground import Hub
from hub.store import pushing as pushed
from hub.store import todos
from hub.todos import pushing
from hub.todos.converge import Row, is_done, loaded
from hub.todos.inbox import Taken, take
from hub.todos.received import read
from hub.todos.registers import INFERRED
from hub.todos.reports import EPOCH, Assignee, Key, Report, Version, micros
from hub.todos.rows import KEY, Said, field_of, malformed, receiver_of, said, taken_off, told
from hub.workspace.builtin import OWN, RECEIVERS

BY: Final = "pull"
ECHO: Final = "~own"
"""Stands for the to-do of a row that the hub put there by itself."""
MOST: Final = 500
"""Receivers in one report."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A report and the rows it is of, by their numbers."""

    report: Report
    rows: Sequence[int]


class Todos:
    """The target; the connection is the hub's own."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._zone = ZoneInfo(hub.workspace.hub.zone)

    def check(self) -> list[Probe]:
        return [Probe("write todos", "ok", "the hub keeps them itself")]

    def resource(self, name: str) -> Resource:
        found = OWN.describe(name)
        assert found is not None
        return found

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        raise ConfigError("write.find", "to-dos are not looked up: they are reported again", where=resource.name)

    def read(self, query: Query) -> Iterator[Page]:
        return pushing.pages(self._hub, query)

    def close(self) -> None: ...

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        """Report all rows; a wrong one is rejected by itself."""
        moment = self._hub.clock()
        outcomes: dict[int, Outcome] = {}
        rows: dict[int, Said] = {}
        inferred: list[_Read] = []
        echoes = self._echoes(changes)
        for number, change in enumerate(changes):
            if number in echoes:
                outcomes[number] = Outcome("done", ECHO)
                continue
            try:
                row, left = self._said(change, moment)
                if row is not None:
                    read(item_of(row), moment)
            except RecordRejected as error:
                outcomes[number] = _rejected(change, error)
                continue
            inferred += [_Read(one, [number]) for one in left]
            if row is not None:
                rows[number] = row
        reports = [*_together(rows, moment), *inferred]
        taken = take(self._hub, [one.report for one in reports], BY)
        for one, became in zip(reports, taken, strict=True):
            if became.error is not None:
                outcomes |= {number: _rejected(changes[number], became.error) for number in one.rows}
        reports += self._revive(reports, taken)
        identities = {one.key: one.id for one in taken}
        of: dict[int, list[Report]] = defaultdict(list)
        for one in reports:
            for number in one.rows:
                of[number].append(one.report)
        for number, change in enumerate(changes):
            outcomes.setdefault(number, _done(change, of[number], identities))
        return [outcomes[number] for number in range(len(changes))]

    def _echoes(self, changes: Sequence[Change]) -> set[int]:
        """Numbers of rows that are what mappings from the hub's to-dos put there."""
        named: dict[str, dict[int, str]] = defaultdict(dict)
        for number, change in enumerate(changes):
            named[str(change.key.get("system"))][number] = str(change.key.get("id"))
        found = {number for number, change in enumerate(changes) if change.foreign_id == ECHO}
        with self._hub.database.begin(reading=True) as connection:
            for system, ids in named.items():
                known = pushed.own(connection, system, set(ids.values()))
                found |= {number for number, one in ids.items() if one in known}
        return found

    def _said(self, change: Change, moment: dt.datetime) -> tuple[Said | None, list[Report]]:
        """What a change says, and what it makes the hub infer."""
        key = change.key
        self._require_known(change.values.get("system") or key.get("system"))
        if change.operation == "delete":
            off = taken_off(key)
            return None, [_inferred(off, change, moment)] if off else []
        if "id" not in change.values:
            return None, [_inferred(told(key, change.values, self._zone), change, moment)]
        row = said(change.values, self._zone)
        if row.assignee is None and not {"title", "status"} & row.item.keys():
            raise malformed(next((n for n in RECEIVERS if n in change.values), "id"), "it has no receiver")
        _follow(row, _acknowledged(change))
        before = change.begun or (key if change.operation == "update" else None)
        off = taken_off(before) if before and _named(before) != _named(change.values) else None
        return row, [_inferred(off, change, moment)] if off else []

    def _require_known(self, system: Any) -> None:
        if system not in self._hub.workspace.systems:
            raise RecordRejected("system.unknown", "the hub has no such system", where="system",
                                 hint="declare it in config/systems")  # fmt: skip

    def _revive(self, reports: Sequence[_Read], taken: Sequence[Taken]) -> list[_Read]:
        """Rows that are there again although the hub took them off, or called them done, by itself; answers what
        it reported of them."""
        doubted = [
            (one, assignee)
            for one, became in zip(reports, taken, strict=True)
            for assignee in one.report.assignees
            if assignee.there and any(part.part == assignee.receiver for part in became.ignored)
        ]
        if not doubted:
            return []
        with self._hub.database.begin() as connection:
            known = todos.find(connection, sorted({one.report.key for one, _ in doubted}))
        again = []
        for one, assignee in doubted:
            stored = known[one.report.key]
            registers = {assignee.receiver: stored.receivers[assignee.receiver]["registers"]}
            row = loaded(stored.row["registers"], stored.row["content"], registers).rows[assignee.receiver]
            if (version := _after_inferred(row, assignee)) is not None:
                part = dataclasses.replace(assignee, done=False if assignee.done is False else None, read=None)
                again.append(_Read(dataclasses.replace(one.report, version=version, assignees=[part]), one.rows))
        take(self._hub, [one.report for one in again], BY)
        return again


def _named(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Whose row it is; blanks are no names."""
    return (*(str(values.get(name) or "") for name in KEY), receiver_of(values))


def item_of(row: Said, *others: Said) -> dict[str, Any]:
    """Rows of one to-do as an item of POST /v1/todos; what they say of the to-do is that of the first."""
    assignees = [one.assignee for one in (row, *others) if one.assignee is not None]
    return row.item | ({"assignees": assignees, "partial": True} if assignees else {})


def _together(rows: Mapping[int, Said], moment: dt.datetime) -> list[_Read]:
    """One report of the rows of a to-do that say the same of it."""
    groups: dict[tuple[bytes, int], list[int]] = {}
    seen: dict[bytes, int] = {}
    for number, row in rows.items():
        same = orjson.dumps(row.item, option=orjson.OPT_SORT_KEYS)
        turn = seen.get(same, 0)
        there = [rows[other].assignee for other in groups.get((same, turn), ())]
        if len(there) == MOST or any(one and row.assignee and one["to"] == row.assignee["to"] for one in there):
            turn = seen[same] = turn + 1
        groups.setdefault((same, turn), []).append(number)
    found = []
    for numbers in groups.values():
        first, *others = (rows[number] for number in numbers)
        found.append(_Read(read(item_of(first, *others), moment, numbers[0]), numbers))
    return found


def _follow(row: Said, last: tuple[int, int] | None) -> None:
    """A dated row comes after what was acknowledged of it, also where its system's time did not move."""
    given = row.item.get("version")
    if last is None or given is None:
        return
    at = micros(dt.datetime.fromisoformat(given["at"]))
    if (at, int(given["seq"])) <= last:
        row.item["version"] = {"at": (EPOCH + dt.timedelta(microseconds=last[0])).isoformat(), "seq": last[1] + 1}


def _inferred(row: Said, change: Change, moment: dt.datetime) -> Report:
    """A report of what nobody said: just after the last that was acknowledged, or now where that had no time."""
    report, last = read(item_of(row), moment), _acknowledged(change)
    version = Version(*last, False, INFERRED) if last else report.version._replace(digest=INFERRED)
    version = version._replace(seq=version.seq + 1)
    return dataclasses.replace(report, version=version, concluded=micros(moment))


def _acknowledged(change: Change) -> tuple[int, int] | None:
    """The newest time that was reported of the row so far."""
    at, _, seq = (change.version or "").partition(".")
    return (int(at), int(seq)) if at and seq else None


def _done(change: Change, reports: Sequence[Report], identities: Mapping[Key, uuid.UUID]) -> Outcome:
    """``version`` is the newest time that was reported of the row: what is inferred later comes after it."""
    times = [(one.version.at, one.version.seq) for one in reports if one.version.dated]
    times += [last] if (last := _acknowledged(change)) else []
    version = f"{max(times)[0]}.{max(times)[1]}" if times else None
    return Outcome("done", str(identities[reports[0].key]) if reports else None, version)


def _after_inferred(row: Row, said: Assignee) -> Version | None:
    """The version that undoes what was inferred of a receiver; None where what holds was reported."""
    holding = [left] if (left := row.concluded()) is not None else []
    if said.done is False and is_done(row):
        holding.append(row.over.version)
    if not holding or row.off() or (said.done is False and row.did()):
        return None
    newest = max(holding)
    return Version(newest.at, newest.seq + 1, True, INFERRED)


def _rejected(change: Change, error: RecordRejected) -> Outcome:
    """Names the to-do and the field of the mapping."""
    field = field_of(error.where) if error.where else ""
    named = {**change.key, **change.values}
    what = f"to-do {named.get('id')}"
    try:
        to = receiver_of(named)
    except RecordRejected:
        to = None
    if to:
        what += " of " + " ".join((*to, *to.values()))
    message = error.message.removeprefix(f"{error.where}: ")
    return Outcome("rejected", code=error.code, message=": ".join(part for part in (what, field, message) if part))
