"""Reports become one state, whatever order they arrive in and however often.

The state is made of registers that only grow: each keeps the newest version of what was said of one part, so joining
reports is commutative, associative and idempotent (a join-semilattice, Shapiro et al. 2011, "Conflict-free Replicated
Data Types"). What people see is reckoned from the registers:

- a final status stays, whatever is said later (P4); of several the newest counts;
- an assignee who has done it gets it back only by a newer report whose source told its time: a late or repeated
  "assigned" does not bring it back;
- who is missing in a newer whole list, or was taken off, has it no more; the same rule brings him back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from hub.todos.reports import FINAL, STATUSES, Assignee, Kind, Report, Status, Version

T = TypeVar("T")
GROUP: Final = "group:"
INFERRED: Final = "~inferred"
"""The digest of what was concluded from a row that left. It comes after those of reports of the same moment."""
NEVER: Final = Version(-(2**62), 0, True, "")


@dataclass(slots=True)
class Register(Generic[T]):
    """The newest that was said of one part."""

    version: Version = NEVER
    value: T | None = None

    def put(self, version: Version, value: T | None = None) -> bool:
        """Whether it is newer than what was there."""
        if version <= self.version:
            return False
        self.version, self.value = version, value
        return True

    @property
    def known(self) -> bool:
        return self.version != NEVER


@dataclass(slots=True)
class Row:
    """One receiver's part. ``returned``, ``reopened`` and ``unread`` are those that the source dated itself: only
    they undo ``gone``, ``done`` and ``read``."""

    about: Register[dict[str, Any]] = field(default_factory=Register)
    gone: Register[None] = field(default_factory=Register)
    returned: Register[None] = field(default_factory=Register)
    done: Register[str] = field(default_factory=Register)
    reopened: Register[None] = field(default_factory=Register)
    read: Register[None] = field(default_factory=Register)
    unread: Register[None] = field(default_factory=Register)
    urges: int = 0


@dataclass(slots=True)
class State:
    """All registers of one to-do."""

    content: Register[dict[str, Any]] = field(default_factory=Register)
    final: Register[dict[str, Any]] = field(default_factory=Register)
    going: Register[dict[str, Any]] = field(default_factory=Register)
    listed: Register[None] = field(default_factory=Register)
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        if self.final.value is not None:
            return STATUSES[self.final.value["status"]]
        if not self.content.known:
            return Status.INCOMPLETE
        return STATUSES[self.going.value["status"]] if self.going.value else Status.READY

    @property
    def outcome(self) -> str:
        said = self.final.value or self.going.value
        return str(said["outcome"]) if said else ""

    @property
    def processor(self) -> str:
        """Who claimed it: said with the newest status that is not final. Nobody, once it was taken off him; that a
        row of his left says so only where what told of the claim named him as a receiver, too: a candidate who
        claims is often no candidate any more."""
        said = self.going.value or {}
        row = self.rows.get(found := str(said.get("processor", "")))
        if row is None:
            return ""
        left = row.gone.version > self.going.version
        return "" if left and not (row.gone.version.digest == INFERRED and self.by_itself) else found

    @property
    def by_itself(self) -> bool:
        """Whether the claim was told without its receiver among the assignees."""
        said = self.going.value or {}
        return "processor" in said and not said.get("receiver")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a receiver has. ``box`` is where it lies for him: to_do, to_read, initiated, done, or none ("")."""

    box: str
    outcome: str
    read: bool
    since: dt.datetime | None
    urges: int


@dataclass(slots=True)
class Ignored:
    """A part of a report that changed nothing, with its reason code."""

    part: str
    code: str


def join(state: State, report: Report) -> list[Ignored]:
    """Put a report into the state; answers what of it came too late."""
    ignored: list[Ignored] = []
    version = report.version
    finished = state.final.known
    if report.content is not None and not state.content.put(version, dict(report.content)):
        _late(ignored, "content", version, state.content.version)
    if report.status in FINAL:
        if not state.final.put(version, {"status": report.status.value, "outcome": report.outcome}):
            _late(ignored, "status", version, state.final.version)
    elif report.status is not None:
        going: dict[str, Any] = {"status": report.status.value, "outcome": report.outcome}
        if report.processor:
            going["processor"] = report.processor
            if any(one.receiver == report.processor and one.there for one in report.assignees):
                going["receiver"] = True
            state.rows.setdefault(report.processor, Row())
        newer = state.going.put(version, going)
        if finished:
            ignored.append(Ignored("status", "todo.finished"))
        elif not newer:
            _late(ignored, "status", version, state.going.version)
    if report.whole:
        state.listed.put(version)
    for one in report.assignees:
        _assign(state.rows.setdefault(one.receiver, Row()), one, version, ignored, finished=finished)
    return ignored


def _assign(row: Row, one: Assignee, version: Version, ignored: list[Ignored], *, finished: bool) -> None:
    before, was_done = _there(row), is_done(row)
    if not one.there:
        if not row.gone.put(version):
            _late(ignored, one.receiver, version, row.gone.version)
        return
    about = {"kind": one.kind.value, "since": one.since.isoformat() if one.since else None}
    newer = row.about.put(version, about)
    if version.dated:
        row.returned.put(version)
    if one.done:
        row.done.put(version, one.outcome)
    elif one.done is False and version.dated:
        row.reopened.put(version)
    if one.read:
        row.read.put(version)
    elif one.read is False and version.dated:
        row.unread.put(version)
    row.urges = max(row.urges, one.urges)
    if finished and not one.done and one.kind is Kind.TO_DO:
        ignored.append(Ignored(one.receiver, "todo.finished"))
    elif one.done is False and was_done and is_done(row):
        ignored.append(Ignored(one.receiver, "todo.done"))
    elif not before and row.gone.known and not _there(row):
        ignored.append(Ignored(one.receiver, "todo.taken_off"))
    elif not newer:
        _late(ignored, one.receiver, version, row.about.version)


def _late(ignored: list[Ignored], part: str, version: Version, known: Version) -> None:
    if version != known:  # the same again is no news and no complaint
        ignored.append(Ignored(part, "todo.stale"))


def is_done(row: Row) -> bool:
    """Whether the receiver has done his part."""
    return row.done.known and not row.reopened.version > row.done.version


def _there(row: Row) -> bool:
    if not row.about.known:
        return False
    return not row.gone.known or row.returned.version > row.gone.version


def seen(state: State, receiver: str) -> Seen:
    """What a receiver sees of the to-do."""
    row = state.rows[receiver]
    about: Mapping[str, Any] = row.about.value or {"kind": Kind.TO_DO}
    done, status = is_done(row), state.status
    listed = not state.listed.known or row.about.version >= state.listed.version
    box = ""
    claimed = receiver == state.processor
    if claimed and status in (Status.RESERVED, Status.COMPLETED):  # it is his, whatever the assignees are
        done = done or status is Status.COMPLETED
        box = "done" if done else "to_do"
    elif _there(row) and status not in (Status.INCOMPLETE, Status.WITHDRAWN):
        if done:
            box = "done"  # who did it keeps it, also where a newer list names only those who have it now
        elif about["kind"] != Kind.TO_DO:
            box = about["kind"] if listed else ""
        elif status not in FINAL and listed:
            box = "to_do" if _offered(state, receiver) else ""
        elif status is Status.COMPLETED and listed and _alone(state, receiver):
            done, box = True, "done"  # nobody else had it: it was he
    read = row.read.known and not row.unread.version > row.read.version
    since = about.get("since")
    return Seen(
        box,
        (row.done.value or state.outcome) if done else "",
        read,
        dt.datetime.fromisoformat(since) if since else None,
        row.urges,
    )


def _alone(state: State, receiver: str) -> bool:
    """Whether no other receiver had it to do; which of a group did it is not known."""
    return not receiver.startswith(GROUP) and not any(
        _there(row) and (row.about.value or {}).get("kind") == Kind.TO_DO
        for other, row in state.rows.items()
        if other != receiver
    )


def _offered(state: State, receiver: str) -> bool:
    """Whether a to-do that is not finished is to be seen: a claimed one by who claimed it, or where that is not said
    by those who have it by name."""
    if state.status is not Status.RESERVED:
        return True
    if state.processor:
        return False
    return not receiver.startswith(GROUP) or not any(
        _there(row) and not other.startswith(GROUP) and (row.about.value or {}).get("kind") == Kind.TO_DO
        for other, row in state.rows.items()
    )


def dumped(state: State) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The registers as JSON: those of the to-do (but for the content's value), and those of each receiver."""
    own = {
        name: _dumped(getattr(state, name), value=name != "content")
        for name in ("content", "final", "going", "listed")
    }
    rows = {
        receiver: {name: _dumped(getattr(row, name)) for name in _ROW} | {"urges": row.urges}
        for receiver, row in state.rows.items()
    }
    return own, rows


def loaded(
    own: Mapping[str, Any], content: Mapping[str, Any] | None, rows: Mapping[str, Mapping[str, Any]]
) -> State:
    """The state of ``dumped``."""
    state = State(
        _loaded(own["content"]), _loaded(own["final"]), _loaded(own["going"]), _loaded(own["listed"])
    )
    if state.content.known:
        state.content.value = dict(content or {})
    for receiver, row in rows.items():
        state.rows[receiver] = Row(**{name: _loaded(row[name]) for name in _ROW}, urges=row["urges"])
    return state


_ROW: Final = ("about", "gone", "returned", "done", "reopened", "read", "unread")


def _dumped(register: Register[Any], *, value: bool = True) -> list[Any] | None:
    if not register.known:
        return None
    return [*register.version, register.value if value else None]


def _loaded(found: list[Any] | None) -> Register[Any]:
    if found is None:
        return Register()
    at, seq, dated, digest, value = found
    return Register(Version(at, seq, dated, digest), value)
