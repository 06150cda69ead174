"""Somebody presses a button: what is checked before his act is stored. What then becomes of it: ``settling``."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import ConfigError, RecordRejected
from hub.exchange.ground import Hub
from hub.mapping.check_acts import CONDITIONS
from hub.security import audit
from hub.store import acts
from hub.store.acts import Act
from hub.store.database import new_id
from hub.store.entities import next_seq
from hub.store.merges import session
from hub.store.todos import OPEN, held
from hub.todos.people import SEQUENCE
from hub.todos.reports import FINAL
from hub.todos.substitutes import whose
from hub.workspace.acting import Acts
from hub.workspace.workspace import System


@dataclass(frozen=True, slots=True)
class Press:
    """What somebody wants: the code of a response or action, with the words that go with it. ``key`` is of
    idempotency: the same one of the same caller is one press."""

    todo: uuid.UUID
    person: uuid.UUID
    response: str
    comment: str = ""
    reason: str = ""
    key: str = ""


def press(hub: Hub, wanted: Press, systems: Sequence[str] | None = None) -> Act:
    """Store an act, or answer the one that it repeats; ``systems`` are those that the caller may see (None: all).

    ConfigError ``todo.unknown``, ``acts.undeclared``, ``acts.off``; RecordRejected ``act.key``, ``act.pending``,
    ``act.closed``, ``act.over``, ``act.receiver``, ``act.response``, ``act.comment``, ``act.reason``,
    ``act.account``.
    """
    by, principal = hub.actor.name, _principal(hub, wanted)
    with hub.database.begin() as connection:
        seq = next_seq(session(connection), SEQUENCE)  # its row is locked: two presses follow each other
        known = acts.by_key(connection, by, wanted.key) if wanted.key else None
        if known is not None:
            return _repeated(known, wanted)
        row = acts.todo_row(connection, wanted.todo)
        if row is None or (systems is not None and row["system"] not in systems):
            raise ConfigError("todo.unknown", f"there is no to-do {wanted.todo}", hint="see /v1/todos")
        there = acts.in_flight(connection, wanted.todo, wanted.person)
        if there is not None:
            return _second(there, wanted)
        system = acted_on(hub, row["system"])
        rule = declared(system)
        receiver = _receiver(connection, row, wanted, principal)
        _offered(row, rule, wanted)
        moment = hub.clock()
        made = Act(
            new_id(),
            wanted.todo,
            wanted.person,
            receiver,
            system.name,
            _account(hub, system, "" if principal else receiver, wanted.person)
            if rule.as_ != "system"
            else "",
            wanted.response,
            wanted.comment,
            wanted.reason,
            by,
            wanted.key or str(new_id()),
            "submitting",
            "",
            "",
            [name for name in CONDITIONS if getattr(rule, name) is None],
            False,
            False,
            0,
            moment,
            moment,
            moment,
        )
        acts.begin(connection, made, seq)
        details = {"act": str(made.id), "person": str(made.person), "response": made.response}
        details |= {"for": str(principal[0])} if principal else {}
        audit.record(connection, hub.actor, "todo.acted", f"todo:{made.todo}", details=details)
    return made


def acted_on(hub: Hub, name: str) -> System:
    """A system that says how it is acted on. ConfigError ``acts.undeclared``."""
    found = hub.workspace.systems.get(name)
    if found is None or found.acts is None:
        raise ConfigError(
            "acts.undeclared",
            f"{name} does not say how its to-dos are acted on",
            where=f"config/systems/{name}.yaml",
            hint="declare acts:, or open the to-do by its link",
        )
    return found


def declared(system: System) -> Acts:
    """How it is acted on. ConfigError ``acts.off``."""
    assert system.acts is not None
    if system.writes != "on":
        raise ConfigError(
            "acts.off",
            f"nothing is written to {system.name}: writes is {system.writes}",
            where=f"config/systems/{system.name}.yaml",
            hint="act in the system itself until writes: on",
        )
    return system.acts


def _repeated(known: Act, wanted: Press) -> Act:
    same = (known.todo, known.person, known.response, known.comment, known.reason)
    if same != (wanted.todo, wanted.person, wanted.response, wanted.comment, wanted.reason):
        raise RecordRejected(
            "act.key", "this Idempotency-Key was used for another act", hint="take a new key for each press"
        )
    return known


def _second(there: Act, wanted: Press) -> Act:
    if there.response != wanted.response:
        raise RecordRejected(
            "act.pending",
            f"{there.response} is being submitted for this person already",
            where=str(there.id),
            hint="wait until it is done or failed",
        )
    return there


def _principal(hub: Hub, wanted: Press) -> tuple[uuid.UUID, str] | None:
    """For whom the person acts, and that one's receiver, where he has the to-do as a substitute only."""
    row = held(hub.database, whose(hub, wanted.person), wanted.todo)
    return None if row is None or row["person"] == wanted.person else (row["person"], row["receiver"])


def _receiver(
    connection: Any, row: Mapping[str, Any], wanted: Press, principal: tuple[uuid.UUID, str] | None
) -> str:
    """By which receiver the person, or for whom he stands in, has it to do."""
    mine = acts.receivers_of(connection, wanted.todo, principal[0] if principal else wanted.person)
    if principal:
        mine = [one for one in mine if one[0] == principal[1]]
    if not any(box for _, box in mine):
        raise RecordRejected(
            "act.receiver", "the person does not have this to-do", hint="see who has it: /v1/todos/ID"
        )
    if row["status"] in {one.value for one in FINAL}:
        raise RecordRejected("act.closed", f"the to-do is {row['status']}", hint="there is nothing left to do")
    found = next((receiver for receiver, box in mine if box in OPEN), None)
    if found is None:
        raise RecordRejected(
            "act.over", "the person has done it already, or only began it", hint="there is nothing left to do for him"
        )
    return found


def _offered(row: Mapping[str, Any], rule: Acts, wanted: Press) -> None:
    """The to-do must offer it and the system's file say how, with the words that it wants."""
    content = row["content"] or {}
    offered = {one["code"]: one for name in ("responses", "actions") for one in content.get(name, ())}
    if not offered:  # a source that lists none has those of its file
        offered = {code: {} for code in rule.responses}
    one = offered.get(wanted.response)
    if one is None or wanted.response not in rule.responses:
        known = sorted(set(offered) & set(rule.responses))
        raise RecordRejected(
            "act.response",
            f"{wanted.response!r} is no response of this to-do that the hub can give",
            where="response",
            hint=f"one of {', '.join(known)}" if known else "open the to-do by its link",
        )
    policy = one.get("comment", "optional")
    if policy == "required" and not wanted.comment.strip():
        raise RecordRejected("act.comment", f"{wanted.response} takes a comment", where="comment", hint="write one")
    if policy == "unsupported" and wanted.comment:
        raise RecordRejected(
            "act.comment", f"{wanted.response} takes no comment", where="comment", hint="leave it out"
        )
    reasons = one.get("reasons", ())
    if wanted.reason and wanted.reason not in reasons:
        hint = f"one of {', '.join(reasons)}" if reasons else "leave it out"
        raise RecordRejected("act.reason", f"{wanted.reason!r} is no reason of it", where="reason", hint=hint)


def _account(hub: Hub, system: System, receiver: str, person: uuid.UUID) -> str:
    """The person's account: that by which he has the to-do, or his only one in the system."""
    kind, _, value = receiver.partition(":")
    people = hub.workspace.hub.people
    found = [value] if kind == "account" else []
    if not found and people is not None:
        found = acts.accounts(hub.database, people.model, system.name, person)
    if len(found) != 1:
        what = "has several accounts" if found else "has no account"
        raise RecordRejected(
            "act.account",
            f"the person {what} in {system.name}, and it is acted on by the person's own",
            hint="link his account by an exchange, or report the to-do with its account",
        )
    return found[0]
