"""What a source lists as open is compared with what the hub shows as open; what differs twice is healed by reports.

One comparison proves little: a report may be on its way. What the next one finds again, of a to-do that the hub heard
nothing of meanwhile, is drift. Nothing that is healed is final: a ghost is taken off whoever has it, and a later report
of its source brings it back. What a mapping pulls is read anew (``pulled``) and compared part by part (``differing``).

What the hub heard since a comparison is known by the numbers of its commits. Only how old a source's list is is told by
clocks; a time that is still to come is of one that was ahead, and decides nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.errors import ConfigError, Held
from hub.exchange.ground import Hub
from hub.security import audit
from hub.store import todo_drift, todos
from hub.store.entities import next_seq
from hub.store.merges import session
from hub.store.moves import floor
from hub.store.todos import Stored
from hub.todos.converge import State
from hub.todos.differing import difference, mending, off, state_of
from hub.todos.inbox import take_within
from hub.todos.people import SEQUENCE, resolve
from hub.todos.received import read
from hub.todos.registers import HEALED, INFERRED, NEVER
from hub.todos.reports import FINAL, Assignee, Key, Report, Status, Version, moment_of, version

KINDS: Final = ("ghost", "missing", "wrong_owner", "stale", "finished")
CONFIRMED: Final = 2
"""Comparisons in a row that find it."""
JUMPED: Final = dt.timedelta(minutes=1)
"""What a source dated so much later than the hub heard it is of a clock that was ahead."""
FEW: Final = 10
MOST: Final = 0.1
"""Ghosts that are healed without asking: so many, or this share of what the hub shows."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A to-do, as its source lists it: when it changed last, the receivers that have it to do (None: not told), and a
    whole report of it where the list holds one. ``exact`` is that report of one that was pulled, open or not: it is
    compared part by part; ``whole``: who is not named in it has it no more."""

    key: Key
    at: dt.datetime | None = None
    receivers: Sequence[str] | None = None
    report: Mapping[str, Any] | None = None
    exact: Report | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Pull:
    """A list that a mapping read. ``began`` is when its first slice was, ``settled`` when the newest run of the
    exchange began that ended well; ``ours`` are the to-dos (tenant, id) that only this mapping can miss (None: all of
    the system), ``spared`` those that other slices held, or of which there is doubt: no ghosts, though not
    listed."""

    mapping: str
    began: dt.datetime
    settled: dt.datetime | None
    ours: Collection[tuple[str, str]] | None = None
    spared: Collection[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class _Moment:
    """A comparison: when it is made, when its list was, the last commit it sees, and the last one that the comparison
    before it saw (None: it is not known)."""

    now: dt.datetime
    began: dt.datetime
    seq: int
    before: int | None

    def since(self, changed_at: dt.datetime, seq: int, began: dt.datetime | None = None) -> bool:
        """Whether the hub heard of a to-do after the list was made, or began to be (``began``)."""
        if changed_at > self.now:
            return self.before is None or seq > self.before
        return changed_at >= floor(began or self.began)


@dataclass(frozen=True, slots=True)
class Difference:
    """``action``: report, assign, take_off; send, where the source must report it again; nothing."""

    kind: str
    tenant: str
    id: str
    cycles: int
    action: str

    @property
    def confirmed(self) -> bool:
        return self.cycles >= CONFIRMED


@dataclass(frozen=True, slots=True)
class Plan:
    """What would heal a system; ``digest`` names exactly this plan. ``held``: more ghosts than are healed unasked."""

    system: str
    digest: str
    differences: Sequence[Difference]
    held: bool


def compare(
    hub: Hub, system: str, items: Sequence[Listed], began: dt.datetime, *, whole: bool, pull: Pull | None = None
) -> list[Difference]:
    """A cycle: compare, and remember what differs. ``whole``: the items are all that are open; else nothing is a
    ghost by not being there, only the items are read, and what was found of others stays as it was. ``began`` is when
    the source made its list: what the hub heard since is no difference."""
    with hub.database.begin() as connection:
        upto, before = todo_drift.reached(connection), todo_drift.last(connection, system)
        moment = _Moment(hub.clock(), began, upto, before["seq"] if before else None)
        only = None if whole else sorted({one.key.id for one in items})
        stored = todos.find(connection, sorted({one.key for one in items}))
        shown = {(one.tenant, one.source_id): one for one in todo_drift.shown(connection, system, only)}
        receivers = {(system, name) for one in items for name in one.receivers or ()}
        people = {name: one for (_, name), one in resolve(connection, hub, receivers).items()}
        now: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        about = {} if pull is None else {"mapping": pull.mapping}
        for item in items:
            at = (item.key.tenant, item.key.id)
            found, one = stored.get(item.key), shown.get(at)
            if item.exact is not None:
                kind = difference(found, item.exact, whole=item.whole)
            else:
                who: set[uuid.UUID] | None = None
                if item.receivers is not None and all(people[name].anybody for name in item.receivers):
                    who = {p for name in item.receivers for p in (people[name].person, *people[name].members) if p}
                kind = _kind(item, found, who, one.people if one else frozenset())
            if kind and (found is None or not moment.since(found.row["changed_at"], found.row["seq"])):
                now[at] = (kind, {"receivers": list(item.receivers or ()), "report": item.report} | about)
                if item.exact is not None:
                    now[at][1]["whole"] = item.whole
        listed = {(item.key.tenant, item.key.id) for item in items}
        spared = listed if pull is None else listed.union(pull.spared)
        if whole:
            heard = began if pull is None else pull.began
            ours = shown.keys() if pull is None or pull.ours is None else pull.ours
            gone = [
                at for at in shown
                if at in ours and at not in spared and not moment.since(shown[at].changed_at, shown[at].seq, heard)
            ]  # fmt: skip
            now |= {at: ("ghost", dict(about)) for at in gone}
        moved = {key[1:]: found.row["seq"] for key, found in stored.items()}
        moved |= {at: one.seq for at, one in shown.items()}
        check, rows = _cycle(connection, system, now, moment, len(items), len(shown) if whole else None, moved, pull)
        if not whole or pull is not None:
            known = todo_drift.found(connection, system)
            mine = pull.mapping if whole and pull is not None else None
            rows += [
                row for row in known
                if (row["tenant"], row["source_id"]) not in listed.union(now)
                and (mine is None or row["said"].get("mapping") != mine or (row["tenant"], row["source_id"]) in spared)
            ]  # fmt: skip
            rows.sort(key=lambda row: (row["tenant"], row["source_id"]))
        todo_drift.replace(connection, check, rows)
    return [_difference(row) for row in rows]


def _cycle(
    connection: Any, system: str, now: Mapping[tuple[str, str], tuple[str, dict[str, Any]]], moment: _Moment,
    compared: int, shown: int | None, moved: Mapping[tuple[str, str], int], pull: Pull | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:  # fmt: skip
    before, began = todo_drift.last(connection, system), moment.began
    if before is not None and began <= before["began"] <= moment.now:
        raise ConfigError(
            "drift.order", "a list of this system that is as new was compared already", where="began",
            hint="send the time at which the list was made",
        )  # fmt: skip
    known = {(row["tenant"], row["source_id"]): row for row in todo_drift.found(connection, system)}
    rows = []
    for at, (kind, said) in sorted(now.items()):
        old = known.get(at)
        cycles, since, told = 1, began, said | {"began": began.isoformat(), "seq": moment.seq}
        if old is not None and old["kind"] == kind and _began(old) <= moment.now and _again(old, said, moved.get(at)):
            cycles, since = old["cycles"] + 1, old["since"]
            if pull is not None and not (pull.settled and pull.settled > _began(old)):
                cycles, told = old["cycles"], old["said"]  # the exchange had no chance to hear of it yet
        rows.append(
            {"system": system, "tenant": at[0], "source_id": at[1], "kind": kind, "said": told, "cycles": cycles,
             "since": since}
        )  # fmt: skip
    check = {
        "system": system, "cycle": (before["cycle"] if before else 0) + 1, "began": began, "compared": compared,
        "shown": shown if shown is not None else before["shown"] if before else 0,
        "healed": before["healed"] if before else 0, "seq": moment.seq,
    }  # fmt: skip
    return check, rows


def _began(row: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(row["said"]["began"])


def _again(old: Mapping[str, Any], said: Mapping[str, Any], moved: int | None) -> bool:
    """Whether it is the same as last time: neither did the to-do change in the hub since, nor in its source."""
    if _later(old, moved):
        return False
    return "mapping" not in said or {name: old["said"].get(name) for name in said} == dict(said)


def _later(row: Mapping[str, Any], seq: int | None) -> bool:
    """Whether a commit came after the comparison that found a difference."""
    return seq is not None and seq > row["said"].get("seq", -1)


def _kind(item: Listed, found: Stored | None, who: set[uuid.UUID] | None, has: frozenset[uuid.UUID]) -> str:
    """How the hub differs from what the source lists; nothing where it does not."""
    if found is None or found.row["status"] == Status.INCOMPLETE:
        return "missing"
    if found.row["status"] in FINAL:
        return "finished"
    if item.at is not None and _known_of(found, item.at) < item.at:
        return "stale"
    return "wrong_owner" if who is not None and who != has else ""


def _known_of(found: Stored, at: dt.datetime) -> dt.datetime:
    """From when what the hub knows is, at most; of a version that says ``at``, that."""
    last, heard = moment_of(state_of(found).newest), found.row["changed_at"]
    return min(last, heard) if last != at and last > heard + JUMPED else last


def _difference(row: Mapping[str, Any]) -> Difference:
    said: Mapping[str, Any] = row["said"]
    # a wrong owner has the source's own version: only a newer one decides between two reports of one moment
    action = {"ghost": "take_off", "finished": "nothing", "wrong_owner": "assign"}.get(row["kind"], "")
    if "whole" in said and action != "nothing":
        action = "report"
    if not action:
        action = "report" if said.get("report") else "send"
    return Difference(row["kind"], row["tenant"], row["source_id"], row["cycles"], action)


def plan(hub: Hub, system: str) -> Plan:
    """What the last comparison found, and what would be done about it."""
    with hub.database.begin(reading=True) as connection:
        check, rows = todo_drift.last(connection, system), todo_drift.found(connection, system)
    return _plan(system, check, rows)


def _plan(system: str, check: Mapping[str, Any] | None, rows: Sequence[Mapping[str, Any]]) -> Plan:
    ghosts = sum(row["kind"] == "ghost" and row["cycles"] >= CONFIRMED for row in rows)
    shown = check["shown"] if check else 0
    told = [check["cycle"] if check else 0, [[row["tenant"], row["source_id"], row["kind"]] for row in rows]]
    digest = hashlib.sha256(orjson.dumps(told)).hexdigest()[:16]
    return Plan(system, digest, [_difference(row) for row in rows], ghosts > max(FEW, MOST * shown))


def heal(hub: Hub, system: str, digest: str, *, many: bool = False) -> int:
    """Do exactly what the plan says for what is confirmed, by reports; answers how many were healed. ConfigError
    ``drift.changed``; Held ``drift.many`` unless ``many``."""
    with hub.database.begin() as connection:
        seq = next_seq(session(connection), SEQUENCE)  # its row is locked: nothing is reported meanwhile
        check, rows = todo_drift.last(connection, system), todo_drift.found(connection, system)
        wanted = _plan(system, check, rows)
        if wanted.digest != digest:
            raise ConfigError(
                "drift.changed", "the plan is not the newest", hint="look again: cophub todos drift SYSTEM"
            )
        if wanted.held and not many:
            raise Held("drift.many", "more to-dos than usual would be taken off", hint="look at them, then use --many")
        stored = todos.find(connection, sorted({(system, row["tenant"], row["source_id"]) for row in rows}))
        reports, keys = [], []
        for row in rows:
            known = stored.get((system, row["tenant"], row["source_id"]))
            report = _report(row, known) if row["cycles"] >= CONFIRMED else None
            if report is not None:
                reports.append(report)
                keys.append((row["tenant"], row["source_id"]))
        take_within(connection, hub, reports, "drift", seq)
        todo_drift.healed(connection, system, keys)
        details = {"healed": len(keys), "plan": digest}
        audit.record(connection, hub.actor, "todos.healed", f"system:{system}", details=details)
    return len(keys)


def _report(row: Mapping[str, Any], known: Stored | None) -> Report | None:
    """As of when the source made the list that told it, or just after all that is known where that is later: of what
    was pulled, and of a source whose clock was ahead. None where the hub heard of it since: that is newer."""
    key, said, began = Key(row["system"], row["tenant"], row["source_id"]), row["said"], _began(row)
    action = _difference(row).action
    if known is not None and _later(row, max(known.row["seq"], known.heard if action == "take_off" else 0)):
        return None
    state = state_of(known) if known is not None else None
    match action:
        case "report" if "whole" in said:
            return mending(state, read(said["report"], began), whole=said["whole"])
        case "report":
            report = read(said["report"], began)
            late = state is not None and report.version <= state.newest
            return mending(state, report, whole=report.whole) if late else report
        case "assign":
            assignees = [Assignee(name) for name in said["receivers"]]
            assignees += off(state, said["receivers"]) if state else []
            return Report(key, _version(began, state, dated=True), assignees=assignees)
        case "take_off" if state is not None:
            at = _version(began, state, dated=False)
            if "mapping" in said:  # concluded: undone as soon as the row is there again
                last = state.newest
                at = Version(last.at, last.seq + 1, False, INFERRED)
            given_back = Status.READY if state.by_itself else None
            return Report(key, at, status=given_back, assignees=off(state, ()))
    return None


def _version(began: dt.datetime, state: State | None, *, dated: bool) -> Version:
    made = version(began, 0, None, began)
    last = state.newest if state is not None else NEVER
    return Version(*max((made.at, made.seq), (last.at, last.seq + 1)), dated, HEALED)


def told(hub: Hub, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Per system: its last comparison, and how many differences of each kind, suspected and confirmed."""
    answer: list[Mapping[str, Any]] = []
    for name in names:
        with hub.database.begin(reading=True) as connection:
            check = todo_drift.last(connection, name)
        if check is None:
            continue
        found = plan(hub, name)
        kinds = {
            kind: {
                "suspected": sum(one.kind == kind and not one.confirmed for one in found.differences),
                "confirmed": sum(one.kind == kind and one.confirmed for one in found.differences),
            }
            for kind in KINDS
        }
        answer.append({**check, "kinds": kinds, "plan": found.digest, "held": found.held})
    return answer
