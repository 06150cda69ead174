"""What a source lists as open is compared with what the hub shows as open; what differs twice is healed by reports.

One comparison proves little: a report may be on its way. What the next one finds again is drift. Nothing that is healed
is final: a ghost is taken off whoever has it, and a newer report of its source brings it back.
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
from hub.store.todos import Stored, is_member
from hub.todos.converge import Register, State, is_done, loaded
from hub.todos.inbox import take
from hub.todos.people import resolve
from hub.todos.received import read
from hub.todos.reports import FINAL, Assignee, Key, Kind, Report, Status, Version, moment_of, version

KINDS: Final = ("ghost", "missing", "wrong_owner", "stale", "finished")
CONFIRMED: Final = 2
"""Comparisons in a row that find it."""
FEW: Final = 10
MOST: Final = 0.1
"""Ghosts that are healed without asking: so many, or this share of what the hub shows."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An open to-do, as its source lists it: when it changed last, the receivers that have it to do (None: not told),
    and a whole report of it where the list holds one."""

    key: Key
    at: dt.datetime | None
    receivers: Sequence[str] | None = None
    report: Mapping[str, Any] | None = None


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


def compare(hub: Hub, system: str, items: Sequence[Listed], began: dt.datetime, *, whole: bool) -> list[Difference]:
    """A cycle: compare, and remember what differs. ``whole``: the items are all that are open; else nothing is a
    ghost, only the items are read, and what was found of others stays as it was. ``began`` is when the source made its
    list: what the hub heard since is no difference."""
    with hub.database.begin() as connection:
        only = None if whole else sorted({one.key.id for one in items})
        stored = todos.find(connection, sorted({one.key for one in items}))
        shown = {(one.tenant, one.source_id): one for one in todo_drift.shown(connection, system, only)}
        receivers = {(system, name) for one in items for name in one.receivers or ()}
        people = {name: one for (_, name), one in resolve(connection, hub, receivers).items()}
        now: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        for item in items:
            at = (item.key.tenant, item.key.id)
            who: set[uuid.UUID] | None = None
            if item.receivers is not None and all(people[name].anybody for name in item.receivers):
                who = {p for name in item.receivers for p in (people[name].person, *people[name].members) if p}
            one = shown.get(at)
            kind = _kind(item, stored.get(item.key), who, one.people if one else frozenset())
            if kind and not _since(stored.get(item.key), began):
                now[at] = (kind, {"receivers": list(item.receivers or ()), "report": item.report})
        listed = {(item.key.tenant, item.key.id) for item in items}
        if whole:
            now |= {at: ("ghost", {}) for at, one in shown.items() if at not in listed and one.changed_at < began}
        check, rows = _cycle(connection, system, now, began, len(items), len(shown) if whole else None)
        if not whole:
            known = todo_drift.found(connection, system)
            rows += [row for row in known if (row["tenant"], row["source_id"]) not in listed]
            rows.sort(key=lambda row: (row["tenant"], row["source_id"]))
        todo_drift.replace(connection, check, rows)
    return [_difference(row) for row in rows]


def _cycle(
    connection: Any, system: str, now: Mapping[tuple[str, str], tuple[str, dict[str, Any]]], began: dt.datetime,
    compared: int, shown: int | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:  # fmt: skip
    before = todo_drift.last(connection, system)
    if before is not None and began <= before["began"]:
        raise ConfigError(
            "drift.order", "a list of this system that is as new was compared already", where="began",
            hint="send the time at which the list was made",
        )  # fmt: skip
    known = {(row["tenant"], row["source_id"]): row for row in todo_drift.found(connection, system)}
    rows = []
    for at, (kind, said) in sorted(now.items()):
        old = known.get(at)
        again = old is not None and old["kind"] == kind
        rows.append(
            {"system": system, "tenant": at[0], "source_id": at[1], "kind": kind,
             "said": said | {"began": began.isoformat()},
             "cycles": old["cycles"] + 1 if again and old else 1, "since": old["since"] if again and old else began}
        )  # fmt: skip
    check = {
        "system": system, "cycle": (before["cycle"] if before else 0) + 1, "began": began, "compared": compared,
        "shown": shown if shown is not None else before["shown"] if before else 0,
        "healed": before["healed"] if before else 0,
    }  # fmt: skip
    return check, rows


def _kind(item: Listed, found: Stored | None, who: set[uuid.UUID] | None, has: frozenset[uuid.UUID]) -> str:
    """How the hub differs from what the source lists; nothing where it does not."""
    if found is None or found.row["status"] == Status.INCOMPLETE:
        return "missing"
    if found.row["status"] in FINAL:
        return "finished"
    if item.at is not None and _newest(found) < item.at:
        return "stale"
    return "wrong_owner" if who is not None and who != has else ""


def _state(found: Stored) -> State:
    rows = {name: row["registers"] for name, row in found.receivers.items() if not is_member(name)}
    return loaded(found.row["registers"], found.row["content"], rows)


def _newest(found: Stored) -> dt.datetime:
    """The newest time of what is known."""
    state = _state(found)
    parts: list[Register[Any]] = [state.content, state.final, state.going, state.listed]
    parts += [register for row in state.rows.values() for register in (row.about, row.gone, row.done)]
    return moment_of(max(one.version for one in parts if one.known))


def _since(found: Stored | None, began: dt.datetime) -> bool:
    """Whether the hub heard of it after the list was made."""
    return found is not None and bool(found.row["changed_at"] >= began)


def _difference(row: Mapping[str, Any]) -> Difference:
    said: Mapping[str, Any] = row["said"]
    # a wrong owner has the source's own version: only a newer one decides between two reports of one moment
    action = {"ghost": "take_off", "finished": "nothing", "wrong_owner": "assign"}.get(row["kind"], "")
    if not action:
        action = "report" if said.get("report") else "send"
    return Difference(row["kind"], row["tenant"], row["source_id"], row["cycles"], action)


def plan(hub: Hub, system: str) -> Plan:
    """What the last comparison found, and what would be done about it."""
    return _plan(system, *_known(hub, system))


def _known(hub: Hub, system: str) -> tuple[Mapping[str, Any] | None, list[dict[str, Any]]]:
    with hub.database.begin(reading=True) as connection:
        return todo_drift.last(connection, system), todo_drift.found(connection, system)


def _plan(system: str, check: Mapping[str, Any] | None, rows: Sequence[Mapping[str, Any]]) -> Plan:
    ghosts = sum(row["kind"] == "ghost" and row["cycles"] >= CONFIRMED for row in rows)
    shown = check["shown"] if check else 0
    told = [check["cycle"] if check else 0, [[row["tenant"], row["source_id"], row["kind"]] for row in rows]]
    digest = hashlib.sha256(orjson.dumps(told)).hexdigest()[:16]
    return Plan(system, digest, [_difference(row) for row in rows], ghosts > max(FEW, MOST * shown))


def heal(hub: Hub, system: str, digest: str, *, many: bool = False) -> int:
    """Do exactly what the plan says for what is confirmed, by reports; answers how many were healed. ConfigError
    ``drift.changed``; Held ``drift.many`` unless ``many``."""
    check, rows = _known(hub, system)  # once: what is checked is what is done
    wanted = _plan(system, check, rows)
    if wanted.digest != digest:
        raise ConfigError("drift.changed", "the plan is not the newest", hint="look again: cophub todos drift SYSTEM")
    if wanted.held and not many:
        raise Held("drift.many", "more to-dos than usual would be taken off", hint="look at them, then use --many")
    with hub.database.begin(reading=True) as connection:
        stored = todos.find(connection, sorted({(system, row["tenant"], row["source_id"]) for row in rows}))
    reports, keys = [], []
    for row in rows:
        known = stored.get((system, row["tenant"], row["source_id"]))
        report = _report(row, known) if row["cycles"] >= CONFIRMED else None
        if report is not None:
            reports.append(report)
            keys.append((row["tenant"], row["source_id"]))
    take(hub, reports, "drift")
    with hub.database.begin() as connection:
        todo_drift.healed(connection, system, keys)
        details = {"healed": len(keys), "plan": digest}
        audit.record(connection, hub.actor, "todos.healed", f"system:{system}", details=details)
    return len(keys)


def _report(row: Mapping[str, Any], known: Stored | None) -> Report | None:
    """As of when the source made the list that told it: what it reported since is newer."""
    key, said = Key(row["system"], row["tenant"], row["source_id"]), row["said"]
    began = dt.datetime.fromisoformat(said["began"])
    match _difference(row).action:
        case "report":
            return read(said["report"], began)
        case "assign":
            assignees = [*(Assignee(name) for name in said["receivers"]), *_off(known, said["receivers"])]
            return Report(key, _version(began, said, dated=True), assignees=assignees)
        case "take_off":
            return Report(key, _version(began, "ghost", dated=False), assignees=_off(known, ()))
    return None


def _off(known: Stored | None, stays: Collection[str]) -> list[Assignee]:
    """Take it off all others who have it to do; who began it or reads it keeps it."""
    rows = _state(known).rows if known is not None else {}
    return [
        Assignee(name, there=False)
        for name, row in sorted(rows.items())
        if name not in stays and (row.about.value or {}).get("kind", Kind.TO_DO) == Kind.TO_DO and not is_done(row)
    ]


def _version(began: dt.datetime, said: Any, *, dated: bool) -> Version:
    return version(began, 0, said, began)._replace(dated=dated)


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
