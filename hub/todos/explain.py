"""Why a person sees a to-do, or does not: every reason there is, each with what to do about it."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.exchange.ground import Hub
from hub.store import circuits, standstills, substitutes, todo_reasons, todos
from hub.store.memberships import group_of
from hub.store.substitutes import Substitution, Whose
from hub.store.todos import Stored, is_member
from hub.todos.converge import GROUP, State, is_done, loaded
from hub.todos.feed import masked
from hub.todos.reports import Kind, Status
from hub.todos.substitutes import names, whose

OWN: Final = "hub.todos"


@dataclass(frozen=True, slots=True)
class Reason:
    """``code`` is stable; ``hint`` says what to do."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Explained:
    """``box`` is where it lies in the person's list, empty where it does not; the first reason is the decisive one."""

    box: str
    todo: uuid.UUID | None
    reasons: Sequence[Reason]
    near: Sequence[Mapping[str, str]] = field(default_factory=list)


def explain(
    hub: Hub, system: str, tenant: str, source_id: str, person: uuid.UUID, systems: Sequence[str] | None
) -> Explained:
    """Of a to-do by its source's id; ``systems`` are those that the asking key may see (None: all)."""
    if system not in hub.workspace.systems or (systems is not None and system not in systems):
        return Explained("", None, [_scope(system)])
    with hub.database.begin(reading=True) as connection:
        identity = todo_reasons.identity(connection, system, tenant, source_id)
    found = todos.one(hub.database, identity) if identity is not None else None
    if found is None or identity is None:
        near = _near(hub, system, source_id)
        unknown = Reason(
            "todo.unknown",
            f"{system} has reported no to-do {source_id!r}" + (f" of tenant {tenant!r}" if tenant else ""),
            "compare the id, and the tenant, with what the system says; near has those that are alike",
        )
        return Explained("", None, [*_source(hub, system, source_id), unknown], near)
    his = whose(hub, person)
    with hub.database.begin(reading=True) as connection:
        line = todo_reasons.line(connection, his, identity)
    if line is not None:
        return Explained(line[1], identity, [_shown(his, *line), *_late(hub, identity)])
    own, general = list(_own(found, person)), list(_general(found))
    decisive = found.row["status"] in (Status.WITHDRAWN, Status.INCOMPLETE)  # nobody sees it, whatever he did
    reasons = [
        *(general + own if decisive else own + general), *_standing(hub, found, person), *_nobody(found),
        *_late(hub, identity), *_source(hub, system, source_id),
    ]  # fmt: skip
    if not any(row["person"] == person for row in found.receivers.values()):
        reasons.append(
            Reason(
                "todo.not_his",
                "none of its receivers is this person",
                "have the system assign it to him; or link the account that it is assigned to",
            )
        )
    return Explained("", identity, reasons)


def _scope(system: str) -> Reason:
    return Reason(
        "scope.system",
        f"{system} is no system of the hub that this key may see",
        "use a key that is not confined to others, or declare the system in config/systems",
    )


def _shown(his: Whose, person: uuid.UUID, box: str) -> Reason:
    if person != his.person:
        return Reason(
            "todo.shown_for",
            f"it is in the list, for {his.names.get(person, '')}: the person stands in",
            "nothing; cophub todos substitute end ID ends it",
        )
    if box == "done":
        return Reason("todo.done_by_him", "he has done his part: it is in the list as done", "ask for it with box=done")
    if box != "to_do":
        return Reason("todo.elsewhere", f"it is in the person's list as {box}", f"ask for it with box={box}")
    return Reason("todo.shown", "it is in the person's list", "nothing")


def _own(found: Stored, person: uuid.UUID) -> Iterator[Reason]:
    """What became of the person's own parts."""
    rows = {name: row["registers"] for name, row in found.receivers.items() if not is_member(name)}
    state = loaded(found.row["registers"], found.row["content"], rows)
    for name, row in sorted(found.receivers.items()):
        if row["person"] != person:
            continue
        if is_member(name):
            yield from _member(found, state, name)
        else:
            yield from _part(state, name)


def _member(found: Stored, state: State, name: str) -> Iterator[Reason]:
    group = group_of(name)
    if found.receivers[group]["box"]:
        yield Reason(
            "todo.left_group",
            f"he had it as a member of {group}, and is in it no more",
            "nothing; where he should be in it, mend the source of the group's members",
        )
    else:
        yield from _part(state, group)


def _part(state: State, name: str) -> Iterator[Reason]:
    part = state.rows[name]
    called = masked(name)
    kind = (part.about.value or {}).get("kind", Kind.TO_DO)
    if part.off() or (part.concluded() is not None and not part.did()):
        yield Reason(
            "todo.off_him",
            f"it was taken off {called}",
            "nothing; where he has it again, the system has to report that with version.at",
        )
    elif is_done(part):  # it is in his list as done, unless nobody sees it
        return
    elif state.listed.known and part.about.version < state.listed.version and name != state.processor:
        yield Reason(
            "todo.not_listed",
            f"a newer list of receivers does not name {called}",
            "nothing; where he has it, the system has to report all assignees, or these with partial: true",
        )
    elif state.status is Status.RESERVED and kind == Kind.TO_DO and name != state.processor:
        by = masked(state.processor) if state.processor else "those who are named"
        yield Reason(
            "todo.claimed", f"it is reserved by {by}", "wait until it is given back (status ready), or ask who has it"
        )
    elif state.status in (Status.COMPLETED, Status.CANCELLED) and name.startswith(GROUP):
        yield Reason(
            "todo.group_over",
            f"which member of {called} did it was not reported",
            "have the system name who did it: an assignee with done: true",
        )


def _general(found: Stored) -> Iterator[Reason]:
    """What holds for everybody."""
    match found.row["status"]:
        case "withdrawn":
            yield Reason("todo.withdrawn", "its system has withdrawn it", "nothing; a new one needs a new id")
        case "completed" | "cancelled":
            yield Reason(
                "todo.over", f"it is {found.row['status']}", "nothing: it stays so; box=done has what he did of it"
            )
        case "incomplete":
            yield Reason(
                "todo.incomplete", "its title has not been reported yet", "have its system report the content: a title"
            )


def _standing(hub: Hub, found: Stored, person: uuid.UUID) -> Iterator[Reason]:
    """Why a substitution does not show it."""
    with hub.database.begin(reading=True) as connection:
        every = substitutes.of(connection, person, (substitutes.SUBSTITUTE,))
    have = {row["person"] for row in found.receivers.values() if row["box"] == "to_do"}
    wanted = [one for one in every if one.principal in have]
    called = names(hub, {one.principal for one in wanted})
    for one in wanted:
        yield _stood(one, called.get(one.principal, ""), one.state(hub.clock()))


def _stood(one: Substitution, called: str, state: str) -> Reason:
    hint = "cophub todos substitute add FROM TO --from DATE --until DATE"
    match state:
        case "coming":
            return Reason("substitute.coming", f"he stands in for {called} from {one.since:%Y-%m-%d %H:%M}Z on", hint)
        case "over" | "ended":
            end = one.ended_at or one.until
            return Reason("substitute.over", f"he stood in for {called} until {end:%Y-%m-%d %H:%M}Z", hint)
    return Reason(
        "substitute.narrow", f"he stands in for {called} in other systems, or for another to-do, only", hint
    )


def _nobody(found: Stored) -> Iterator[Reason]:
    """Receivers that no person is known for: the person may be one of them."""
    said: Mapping[str, tuple[str, str]] = {
        "receiver.unknown": ("nobody is called", "mend the person's record, or link the account; it heals by itself"),
        "receiver.ambiguous": ("several persons are called", "merge them, or have the system name him otherwise"),
        "receiver.undeclared": ("the hub does not say where to look for", "name the field: people of config/hub.yaml"),
        "receiver.empty": ("there is nobody in", "put somebody into the group; it heals by itself"),
        "receiver.many": ("there are too many people in", "send the to-do to smaller groups"),
    }
    for name, row in sorted(found.receivers.items()):
        if row["unresolved"] in said and row["box"]:
            message, hint = said[row["unresolved"]]
            yield Reason(row["unresolved"], f"{message} {masked(name)}", hint)


def _late(hub: Hub, identity: uuid.UUID) -> Iterator[Reason]:
    with hub.database.begin(reading=True) as connection:
        late = todo_reasons.late(connection, identity)
    if late:
        codes = sorted({code for line in late for _, code in line["ignored"]})
        yield Reason(
            "todo.late",
            f"{len(late)} of its reports came too late, in part or whole ({', '.join(codes)})",
            "nothing; where a late one was right, the system has to report it with a newer version.at",
        )


def _source(hub: Hub, system: str, source_id: str) -> Iterator[Reason]:
    """What keeps reports of the system from coming."""
    circuit = circuits.read(hub.database, system)
    if circuit.state != "closed" and circuit.since is not None:
        yield Reason(
            "source.down",
            f"{system} has not answered since {circuit.since:%Y-%m-%d %H:%M}Z ({circuit.code})",
            f"cophub systems check {system}",
        )
    exchanges = [
        name
        for name, mapping in sorted(hub.workspace.mappings.items())
        if mapping.from_.partition(".")[0] == system and any(one.into == OWN for one in mapping.outputs)
    ]
    stand = standstills.all_of(hub.database)
    with hub.database.begin(reading=True) as connection:
        runs = todo_reasons.last_runs(connection, exchanges)
        aside = todo_reasons.set_aside(connection, exchanges, source_id)
    for exchange, code, entry in aside:
        yield _aside(exchange, code, entry)
    for name in exchanges:
        yield from _exchange(name, runs.get(name), stand.get(name))


def _aside(exchange: str, code: str, entry: str) -> Reason:
    return Reason(
        "todo.quarantined",
        f"its report by {exchange} was set aside ({code})",
        f"cophub quarantine show {entry}, mend the cause, and cophub quarantine replay",
    )


def _exchange(name: str, last: tuple[str, Any, Any] | None, stand: Any) -> Iterator[Reason]:
    if stand is not None:
        yield Reason(
            "source.stands", f"{name} stands still since {stand.since:%Y-%m-%d %H:%M}Z ({stand.code})", stand.hint
        )
    if last is None:
        yield Reason("source.never", f"{name}, which brings its to-dos, has not run yet", f"cophub run {name}")
    elif last[0] in ("failed", "held"):
        code = (last[2] or {}).get("code", last[0])
        yield Reason(
            "source.failed", f"the last run of {name}, of {last[1]:%Y-%m-%d %H:%M}Z, {last[0]} ({code})", "cophub runs"
        )


def _near(hub: Hub, system: str, source_id: str) -> Sequence[Mapping[str, str]]:
    with hub.database.begin(reading=True) as connection:
        alike = todo_reasons.alike(connection, system, source_id)
    close = set(difflib.get_close_matches(source_id, {one for _, one in alike}, 5, 0.6))
    return [{"tenant": tenant, "id": one} for tenant, one in alike if one in close][:5]
