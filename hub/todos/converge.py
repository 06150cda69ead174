"""Reports become one state, whatever order they arrive in and however often.

The state is made of registers that only grow: each keeps the newest version of what was said of one part, so joining
reports is commutative, associative and idempotent (a join-semilattice, Shapiro et al. 2011, "Conflict-free Replicated
Data Types"). What people see is reckoned from the registers:

- a final status stays, whatever is said later (P4). Of several *withdrawn* counts before *completed*, and that before
  *cancelled*, whenever they were said;
- who did it is reckoned as of when it was completed first: who claims it or is given it later changes nothing of that;
- what was concluded lies in registers of its own, and counts only where nothing that was said speaks against it;
- an assignee who has done it gets it back only by a newer report whose source told its time: a late or repeated
  "assigned" does not bring it back;
- who is missing in a newer whole list, or was taken off, has it no more; the same rule brings him back. Whom only a
  comparison took it off has it back by any later report.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub.todos import registers
from hub.todos.registers import HEALED, INFERRED, NEVER, Course, Ending, Moment, Register, moment
from hub.todos.reports import FINAL, STATUSES, Assignee, Kind, Report, Status, Version

GROUP: Final = "group:"
BEFORE: Final = (Status.WITHDRAWN, Status.COMPLETED, Status.CANCELLED)
"""Which final status counts, of several."""


@dataclass(slots=True)
class Row:
    """One receiver's part. ``returned``, ``reopened`` and ``unread`` are those that the source dated itself: only
    they undo ``gone``, ``done`` and ``read``. ``left``, ``over``, ``back`` and ``again`` are what was concluded
    of the same: gone, done, and that it was not so after all."""

    about: Course[dict[str, Any]] = field(default_factory=Course)
    gone: Course[None] = field(default_factory=Course)
    returned: Course[None] = field(default_factory=Course)
    left: Course[None] = field(default_factory=Course)
    back: Course[None] = field(default_factory=Course)
    done: Course[str] = field(default_factory=Course)
    reopened: Course[None] = field(default_factory=Course)
    over: Register[str] = field(default_factory=Register)
    again: Register[None] = field(default_factory=Register)
    read: Register[None] = field(default_factory=Register)
    unread: Register[None] = field(default_factory=Register)
    urges: int = 0

    @property
    def newest(self) -> Version:
        """Of all that is known of who has it and what he did."""
        parts: list[Register[Any]] = [self.about, self.gone, self.returned, self.left, self.back, self.done]
        return max(one.version for one in (*parts, self.reopened, self.over, self.again))

    def off(self, when: Moment | None = None) -> bool:
        """Whether it was taken off him, then or now. Where only a comparison did so, nobody said that he has it no
        more: any later report knows better, also one without a time."""
        gone = self.gone.at(when).version
        back = self.about if gone.digest == HEALED else self.returned
        return gone > back.at(when).version

    def concluded(self, when: Moment | None = None) -> Version | None:
        """When he had it last, where only the hub concludes that he has it no more; None where it does not."""
        left = self.left.at(when).version
        undone = max(self.returned.at(when).version, self.back.at(when).version)
        return left if left > undone else None

    def there(self) -> bool:
        """Whether he has it."""
        return self.about.known and not self.off() and self.concluded() is None

    def did(self, when: Moment | None = None) -> bool:
        """Whether its source said that he has done his part."""
        done = self.done.at(when)
        return done.known and not self.reopened.at(when).version > done.version

    def kind(self, when: Moment | None = None) -> str:
        return str((self.about.at(when).value or {}).get("kind", Kind.TO_DO))


@dataclass(slots=True)
class State:
    """All registers of one to-do. ``finals`` are the final statuses that were said, ``concluded`` those that the hub
    concluded."""

    content: Register[dict[str, Any]] = field(default_factory=Register)
    finals: dict[str, Ending] = field(default_factory=dict)
    concluded: dict[str, Ending] = field(default_factory=dict)
    going: Course[dict[str, Any]] = field(default_factory=Course)
    listed: Course[None] = field(default_factory=Course)
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def final(self) -> tuple[Status, Ending] | None:
        """How it ended; what was said counts before what was concluded."""
        endings = self.finals or self.concluded
        return next(((one, endings[one]) for one in BEFORE if one in endings), None)

    @property
    def status(self) -> Status:
        if self.final is not None:
            return self.final[0]
        if not self.content.known:
            return Status.INCOMPLETE
        return STATUSES[self.going.value["status"]] if self.going.value else Status.READY

    @property
    def outcome(self) -> str:
        if self.final is not None:
            return self.final[1].last.value or ""
        return str(self.going.value["outcome"]) if self.going.value else ""

    @property
    def newest(self) -> Version:
        """Of all that is known."""
        parts = [self.content.version, self.going.version, self.listed.version]
        parts += [one.last.version for some in (self.finals, self.concluded) for one in some.values()]
        return max([*parts, *(row.newest for row in self.rows.values())])

    @property
    def processor(self) -> str:
        """Who claimed it: said with the newest status that is not final. Nobody, once it was taken off him; that a
        row of his left says so only where what told of the claim named him as a receiver, too: a candidate who
        claims is often no candidate any more."""
        said = self.going.value or {}
        row = self.rows.get(found := str(said.get("processor", "")))
        if row is None or row.gone.version > self.going.version:
            return ""
        return "" if row.left.version > self.going.version and not self.by_itself else found

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
    finished = state.final is not None
    if report.content is not None and not state.content.put(version, dict(report.content)):
        _late(ignored, "content", version, state.content.version)
    if report.status in FINAL:
        _end(state, report, report.status, ignored)
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


def _end(state: State, report: Report, status: Status, ignored: list[Ignored]) -> None:
    """A conclusion's version lies just after what was known before; it counts from when it was drawn."""
    version, when = report.version, moment(report.version)
    endings = state.finals
    if version.digest == INFERRED:
        endings, when = state.concluded, max(when, (report.concluded, 0))
    ending = endings.setdefault(status.value, Ending(when))
    if not ending.put(version, report.outcome, when):
        _late(ignored, "status", version, ending.last.version)
    elif state.final is not None and state.final[1] is not ending:
        ignored.append(Ignored("status", "todo.finished"))


def _assign(row: Row, one: Assignee, version: Version, ignored: list[Ignored], *, finished: bool) -> None:
    before, was_done = row.there(), is_done(row)
    concluded = version.digest == INFERRED
    if not one.there:
        off = row.left if concluded else row.gone
        if not off.put(version):
            _late(ignored, one.receiver, version, off.version)
        return
    about = {"kind": one.kind.value, "since": one.since.isoformat() if one.since else None}
    newer = row.about.put(version, about)
    if version.dated:
        (row.back if concluded else row.returned).put(version)
    if one.done:
        (row.over if concluded else row.done).put(version, one.outcome)
    elif one.done is False and version.dated:
        (row.again if concluded else row.reopened).put(version)
    if one.read:
        row.read.put(version)
    elif one.read is False and version.dated:
        row.unread.put(version)
    row.urges = max(row.urges, one.urges)
    if finished and not one.done and one.kind is Kind.TO_DO:
        ignored.append(Ignored(one.receiver, "todo.finished"))
    elif one.done is False and was_done and is_done(row):
        ignored.append(Ignored(one.receiver, "todo.done"))
    elif not before and (row.gone.known or row.left.known) and not row.there():
        ignored.append(Ignored(one.receiver, "todo.taken_off"))
    elif not newer:
        _late(ignored, one.receiver, version, row.about.version)


def _late(ignored: list[Ignored], part: str, version: Version, known: Version) -> None:
    if version != known:  # the same again is no news and no complaint
        ignored.append(Ignored(part, "todo.stale"))


def is_done(row: Row) -> bool:
    """Whether the receiver has done his part."""
    return row.did() or row.over.version > max(row.reopened.version, row.again.version)


@dataclass(frozen=True, slots=True)
class _Whole:
    """What is the same whoever looks: ``ended`` is when it was first, ``last`` who had it alone then, ``named`` whether
    anybody has it to do by name."""

    status: Status
    outcome: str
    processor: str
    ended: Moment | None
    last: str
    named: bool


def _whole(state: State) -> _Whole:
    final, status = state.final, state.status
    ended = final[1].first if final is not None else None
    last = _last(state, ended) if ended is not None and status is Status.COMPLETED else ""
    named = status is Status.RESERVED and any(
        not name.startswith(GROUP) and row.there() and row.kind() == Kind.TO_DO for name, row in state.rows.items()
    )
    return _Whole(status, state.outcome, state.processor, ended, last, named)


def seen(state: State, receiver: str) -> Seen:
    """What a receiver sees of the to-do."""
    return _seen(state, _whole(state), receiver)


def seen_by(state: State) -> dict[str, Seen]:
    """What each receiver sees of it, in a time that grows as their number does."""
    whole = _whole(state)
    return {receiver: _seen(state, whole, receiver) for receiver in state.rows}


def _seen(state: State, whole: _Whole, receiver: str) -> Seen:
    row, status = state.rows[receiver], whole.status
    did = row.did()
    if whole.ended is not None:  # it does not come back to him after that
        did = did or row.did(whole.ended)
    done = did or is_done(row)
    listed = not state.listed.known or row.about.version >= state.listed.version
    box = ""
    if status is Status.RESERVED and receiver == whole.processor:  # it is his, whatever the assignees are
        box = "done" if done else "to_do"
    elif whole.ended is not None and status is Status.COMPLETED and _did(state, receiver, whole.ended, whole.last):
        done, box = True, "done"
    elif row.about.known and not row.off() and status not in (Status.INCOMPLETE, Status.WITHDRAWN):
        left = row.concluded() is not None
        if done and (did or not left):
            box = "done"  # who did it keeps it, also where a newer list names only those who have it now
        elif listed and not left and row.kind() != Kind.TO_DO:
            box = row.kind()
        elif listed and not left and status not in FINAL:
            box = "to_do" if _offered(whole, receiver) else ""
    read = row.read.known and not row.unread.version > row.read.version
    since = (row.about.value or {}).get("since")
    outcome = (row.done.value if did else row.over.value) or whole.outcome
    return Seen(box, outcome if done else "", read, dt.datetime.fromisoformat(since) if since else None, row.urges)


def _did(state: State, receiver: str, when: Moment, last: str) -> bool:
    """Whether a to-do that is completed was completed by him: who had claimed it, or nobody else had it. Only that
    its source took it off himself counts later, too."""
    row, claim = state.rows[receiver], state.going.at(when)
    if receiver == (claim.value or {}).get("processor"):
        before = row.gone.at(when).version > claim.version
        return not before and not row.gone.version > max(row.returned.version, claim.version)
    return receiver == last and not row.off() and not receiver.startswith(GROUP)  # which of a group is not known


def _last(state: State, when: Moment) -> str:
    """Who alone had it to do at a moment, or left as the last of those who had it; "" where they are several."""
    left = {name: row.concluded(when) for name, row in state.rows.items() if _had(state, row, when)}
    newest = max(left.values(), key=lambda at: (at is None, at or NEVER), default=None)
    alone = [name for name, at in left.items() if at == newest]
    return alone[0] if len(alone) == 1 else ""


def _had(state: State, row: Row, when: Moment) -> bool:
    """Whether somebody had it to do at a moment, as far as it was said."""
    about, listed = row.about.at(when), state.listed.at(when)
    if not about.known or row.off(when) or row.kind(when) != Kind.TO_DO:
        return False
    return not listed.known or about.version >= listed.version


def _offered(whole: _Whole, receiver: str) -> bool:
    """Whether a to-do that is not finished is to be seen: a claimed one by who claimed it, or where that is not said
    by those who have it by name."""
    if whole.status is not Status.RESERVED:
        return True
    return not whole.processor and not (receiver.startswith(GROUP) and whole.named)


# ------------------------------------------------------------ as JSON


COURSES: Final = ("about", "gone", "returned", "left", "back", "done", "reopened")
SINGLE: Final = ("over", "again", "read", "unread")


def dumped(state: State) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The registers as JSON: those of the to-do (but for the content's value), and those of each receiver, of which
    only what is known is written."""
    own = {
        "content": registers.dumped(state.content, value=False),
        "finals": registers.endings_dumped(state.finals),
        "concluded": registers.endings_dumped(state.concluded),
        "going": registers.dumped(state.going),
        "listed": registers.dumped(state.listed),
    }
    return own, {receiver: _row_dumped(row) for receiver, row in state.rows.items()}


def _row_dumped(row: Row) -> dict[str, Any]:
    known = {name: told for name in (*COURSES, *SINGLE) if (told := registers.dumped(getattr(row, name)))}
    return known | {"urges": row.urges}


def loaded(
    own: Mapping[str, Any], content: Mapping[str, Any] | None, rows: Mapping[str, Mapping[str, Any]]
) -> State:
    """The state of ``dumped``, also in the shape it had when what was concluded lay beside what was said."""
    if "finals" not in own:
        own, rows = _split(own, rows)
    state = State(
        registers.loaded(own["content"]),
        registers.endings_loaded(own["finals"]),
        registers.endings_loaded(own["concluded"]),
        registers.course(own["going"]),
        registers.course(own["listed"]),
    )
    if state.content.known:
        state.content.value = dict(content or {})
    for receiver, told in rows.items():
        row = state.rows[receiver] = Row(urges=told["urges"])
        for name in told.keys() & set(COURSES):
            setattr(row, name, registers.course(told[name]))
        for name in told.keys() & set(SINGLE):
            setattr(row, name, registers.loaded(told[name]))
    return state


def _split(
    own: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What was kept in one register each, by whether it was said or concluded."""
    endings: dict[str, dict[str, Any]] = {"finals": {}, "concluded": {}}
    if (final := own["final"]) is not None:
        *version, said = final
        where = "concluded" if registers.is_inferred(final) else "finals"
        endings[where] = {said["status"]: [*version[:2], [*version, said["outcome"]]]}
    found = {}
    for receiver, told in rows.items():
        row = found[receiver] = dict(told)
        for register, beside in (("gone", "left"), ("returned", "back"), ("done", "over"), ("reopened", "again")):
            if registers.is_inferred(row.get(register)):
                row[beside] = row.pop(register)
    return {**own, **endings}, found
