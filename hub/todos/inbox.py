"""Reports come in: joined with what is known, resolved to people, and stored, in one transaction."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.errors import RecordRejected
from hub.exchange.ground import Hub
from hub.store import memberships, todos
from hub.store.database import new_id
from hub.store.entities import next_seq
from hub.store.merges import session
from hub.store.moves import SEQUENCE, Left, following, leave
from hub.store.todos import Stored
from hub.todos.converge import Ignored, State, dumped, join, loaded, seen_by
from hub.todos.people import Found, resolve
from hub.todos.received import LEVELS
from hub.todos.registers import NEVER
from hub.todos.reports import Key, Report, moment_of

RECEIVERS: Final = 5_000
"""Of one to-do, whoever had it ever: as many as a group has members."""
HISTORY: Final = 500
"""Lines of the history of one to-do: the newest are kept. What it converges by is in its registers, and not there."""
Registers = tuple[dict[str, Any], dict[str, dict[str, Any]]]
"""As ``converge.dumped`` answers them."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a report: ``created``, ``updated``, ``unchanged``, ``ignored`` (all of it came too late), or
    ``rejected`` with its ``error`` (``todo.receivers``)."""

    key: Key
    id: uuid.UUID
    result: str
    ignored: Sequence[Ignored] = ()
    error: RecordRejected | None = None


@dataclass(slots=True)
class _Open:
    """A to-do while its reports are joined."""

    id: uuid.UUID
    state: State
    seen: dict[str, Any]  # as it is after the last of them
    stored: Stored | None
    reports: list[dict[str, Any]] = field(default_factory=list)


def take(hub: Hub, reports: Sequence[Report], by: str) -> list[Taken]:
    """Join reports, in their order, and answer for each. ``by`` is who brought them."""
    if not reports:
        return []
    with hub.database.begin() as connection:
        seq = next_seq(session(connection), SEQUENCE)  # its row is locked: one writer of to-dos at a time
        return take_within(connection, hub, reports, by, seq)


def take_within(connection: Any, hub: Hub, reports: Sequence[Report], by: str, seq: int) -> list[Taken]:
    """``take`` in the caller's transaction, which took the next number of ``SEQUENCE`` first."""
    moment = hub.clock()
    known = todos.find(connection, sorted({one.key for one in reports}))
    opened: dict[Key, _Open] = {}
    taken = [_join(opened, known.get(one.key), one, seq, moment, by) for one in reports]
    changed = {key: registers for key, one in opened.items() if (registers := _changed(one)) is not None}
    meant = {(key.system, name) for key in changed for name in opened[key].state.rows}
    people = resolve(connection, hub, meant)
    rows, given = [], []
    changed_at = following(connection, moment) if changed else moment
    for key, (own, receivers) in changed.items():
        rows.append(_row(key, opened[key], own, seq, moment, changed_at))
        rows_of = _assignments(key, opened[key], receivers, people, seq)
        stored = opened[key].stored
        left = stored.members if stored else {}
        given += memberships.with_members(
            rows_of, {name: people[key.system, name].members for name in opened[key].state.rows}, left, seq
        )
    history = [row for one in opened.values() for row in one.reports]
    leave(connection, _left(opened, given), seq, moment)
    todos.write(connection, rows, given, history)
    ends = {one.id: one.reports[-1]["number"] - HISTORY for one in opened.values() if one.reports}
    todos.forget(connection, {todo: upto for todo, upto in ends.items() if upto > 0})
    return taken


def _join(
    opened: dict[Key, _Open], stored: Stored | None, report: Report, seq: int, moment: dt.datetime, by: str
) -> Taken:
    one = opened.get(report.key) or _opened(stored)
    if _many(one.state, report):
        return Taken(report.key, one.id, "rejected", error=_refused(report.key))
    opened[report.key] = one
    created = one.stored is None and not one.reports
    ignored = join(one.state, report)
    after = _visible(one.state)
    moved = after != one.seen
    one.seen = after
    one.reports.append(_told(one, report, ignored, seq, moment, by))
    result = "created" if created else "updated" if moved else "ignored" if ignored else "unchanged"
    return Taken(report.key, one.id, result, ignored)


def _many(state: State, report: Report) -> bool:
    """Whether it names more receivers than one to-do may have."""
    new = {one.receiver for one in report.assignees}.union({report.processor} - {""}).difference(state.rows)
    return bool(new) and len(state.rows) + len(new) > RECEIVERS


def _refused(key: Key) -> RecordRejected:
    return RecordRejected(
        "todo.receivers",
        f"the to-do {key.id!r} of {key.system} would have more than {RECEIVERS} receivers",
        where="assignees",
        hint="name a group as the receiver, or use a new id for each round",
    )


def _opened(stored: Stored | None) -> _Open:
    if stored is None:
        return _Open(new_id(), State(), {}, None)
    row = stored.row
    registers = {name: one["registers"] for name, one in stored.receivers.items()}
    state = loaded(row["registers"], row["content"], registers)
    return _Open(row["id"], state, _visible(state), stored)


def _changed(one: _Open) -> Registers | None:
    """Its registers, where they are others than those stored; None where nothing is to be written."""
    now = dumped(one.state)
    if one.stored is None:
        return now
    receivers = {name: row["registers"] for name, row in one.stored.receivers.items()}
    return None if now == (one.stored.row["registers"], receivers) else now


def _visible(state: State) -> dict[str, Any]:
    return {
        "status": state.status,
        "outcome": state.outcome,
        "content": state.content.value,
        "rows": seen_by(state),
    }


def _told(
    one: _Open, report: Report, ignored: Sequence[Ignored], seq: int, moment: dt.datetime, by: str
) -> dict[str, Any]:
    """A line of the history: which parts there were, and no values of them."""
    said: dict[str, Any] = {}
    if report.content is not None:
        said["content"] = True
    if report.status is not None:
        said["status"] = report.status.value
    if report.assignees:
        said["assignees"] = len(report.assignees)
    if report.whole:
        said["whole"] = True
    return {
        "todo": one.id,
        "number": (one.stored.reports if one.stored else 0) + len(one.reports) + 1,
        "seq": seq,
        "told_at": moment_of(report.version) if report.version.dated else None,
        "received_at": moment,
        "by": by,
        "said": said,
        "ignored": [[part.part, part.code] for part in ignored],
    }


def _row(
    key: Key, one: _Open, registers: Mapping[str, Any], seq: int, moment: dt.datetime, changed_at: dt.datetime
) -> dict[str, Any]:
    content = one.state.content.value
    return {
        "id": one.id,
        "system": key.system,
        "tenant": key.tenant,
        "source_id": key.id,
        "seq": seq,
        "status": one.state.status.value,
        "outcome": one.state.outcome,
        "title": " ".join((content or {}).get("title", {}).values()),
        "content": content,
        "registers": registers,
        "first_seen": one.stored.row["first_seen"] if one.stored else moment,
        "changed_at": changed_at,
    }


def _assignments(
    key: Key,
    one: _Open,
    registers: Mapping[str, Any],
    people: Mapping[tuple[str, str], Found],
    seq: int,
) -> list[dict[str, Any]]:
    content: Mapping[str, Any] = one.state.content.value or {}
    rows = []
    for receiver in one.state.rows:
        now, found = one.seen["rows"][receiver], people[key.system, receiver]
        since = now.since or _moment(content.get("created")) or _said_at(one.state, receiver)
        rows.append(
            {
                "todo": one.id,
                "receiver": receiver,
                "person": found.person,
                "unresolved": found.why,
                "box": now.box,
                "outcome": now.outcome,
                "read": now.read,
                "urges": now.urges,
                "since": since,
                "system": key.system,
                "definition": content.get("definition", ""),
                "priority": LEVELS[content.get("priority", "medium")],
                "due_at": _moment(content.get("due")),
                "seq": seq,
                "registers": registers[receiver],
            }
        )
    return rows


def _left(opened: Mapping[Key, _Open], given: Sequence[Mapping[str, Any]]) -> Iterator[Left]:
    """Who had what is given to somebody else now: a receiver may be another person than when he was stored."""
    before = {one.id: one.stored.receivers for one in opened.values() if one.stored is not None}
    for row in given:
        old = before.get(row["todo"], {}).get(row["receiver"])
        if old is not None and old["person"] not in (None, row["person"]):
            yield old["person"], row["todo"], row["system"]


def _moment(text: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _said_at(state: State, receiver: str) -> dt.datetime:
    row = state.rows[receiver]
    newest = max(row.about.version, row.gone.version, row.left.version)
    return moment_of(newest if newest != NEVER else state.going.version)  # or it is known by a claim only
