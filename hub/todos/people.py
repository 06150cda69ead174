"""Receivers are people: what a system calls somebody by becomes a person, or a case with its reason.

A receiver is ``KIND:VALUE`` within its system: ``account`` (the key of a record of people in that system), ``person``
(an id of the hub), what ``people.receivers`` of config/hub.yaml names (login, code, phone, mail), or a ``group``, which
stands for its members.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.store import members, persons
from hub.store.entities import next_seq
from hub.store.memberships import regroup
from hub.store.merges import session
from hub.store.moves import SEQUENCE as SEQUENCE
from hub.store.reports import entities
from hub.store.todos import Near, give, receivers, relead, stamp
from hub.todos import groups

KINDS: Final = ("account", "person", "login", "code", "phone", "mail", "group")
GROUP: Final = "group:"
HOURLY: Final = dt.timedelta(hours=1)
MANY: Final = 5_000


@dataclass(frozen=True, slots=True)
class Found:
    """The person of a receiver, or why there is none: ``receiver.undeclared`` (the hub has no such way to find
    one), ``receiver.unknown``, ``receiver.ambiguous``. A group has ``members`` in place of a person."""

    person: uuid.UUID | None
    why: str = ""
    members: tuple[uuid.UUID, ...] = ()

    @property
    def anybody(self) -> bool:
        """Whether somebody gets what is sent to the receiver."""
        return self.person is not None or bool(self.members)


@dataclass(frozen=True, slots=True)
class Healed:
    """How many receivers have a person now who had none or another, how many lost theirs, how many have none."""

    found: int
    lost: int
    open: int


def resolve(connection: Any, hub: Hub, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Found]:
    """Who (system, receiver) are."""
    every = set(wanted)
    found = dict.fromkeys(every, Found(None, "receiver.undeclared"))
    for place, meant in _meant(connection, hub, every).items():
        found[place] = (
            Found(meant.pop())
            if len(meant) == 1
            else Found(None, "receiver.ambiguous" if meant else "receiver.unknown")
        )
    grouped: dict[str, list[str]] = {}
    for system, receiver in every:
        if receiver.startswith(GROUP):
            grouped.setdefault(system, []).append(receiver.removeprefix(GROUP))
    expanded = groups.expand(connection, hub, grouped, lambda asked: _meant(connection, hub, asked))
    for (system, value), one in expanded.items():
        found[system, GROUP + value] = Found(None, one.why, one.people)
    return found


def _meant(
    connection: Any, hub: Hub, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], set[uuid.UUID]]:
    """Everybody whom (system, receiver) can be; a way to look that the hub does not have is left out."""
    people = hub.workspace.hub.people
    if people is None:
        return {}
    asked: dict[tuple[str, str], list[str]] = {}
    places = list(wanted)
    for system, receiver in places:
        kind, _, value = receiver.partition(":")
        asked.setdefault((system if kind == "account" else "", kind), []).append(value)
    called = {place: _called(connection, hub, *place, values) for place, values in asked.items()}
    every = {one for by_value in called.values() for ids in (by_value or {}).values() for one in ids}
    ends = persons.by_id(connection, hub.database, people.model, every)
    found = {}
    for system, receiver in places:
        kind, _, value = receiver.partition(":")
        by_value = called[system if kind == "account" else "", kind]
        if by_value is not None:
            found[system, receiver] = {ends[one] for one in by_value.get(value, ()) if one in ends}
    return found


def _called(
    connection: Any, hub: Hub, system: str, kind: str, values: list[str]
) -> dict[str, set[uuid.UUID]] | None:
    people = hub.workspace.hub.people
    assert people is not None
    match kind:
        case "account":
            return persons.by_account(connection, people.model, system, values)
        case "person":
            return {value: {identity} for value in values if (identity := _uuid(value)) is not None}
    field = next((field for called, field in people.receivers.items() if called == kind), None)
    if field is None:
        return None
    return persons.by_field(connection, hub.database, people.model, field, values)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def person(hub: Hub, called: str) -> uuid.UUID:
    """The person of a key or an id; the errors of ``known``."""
    return known(hub, called)[0]


def known(hub: Hub, called: str) -> tuple[uuid.UUID, bool]:
    """The person of a key or an id, and whether it may be that he stands in for somebody. ConfigError
    ``people.undeclared``, ``person.unknown``, ``id.ambiguous``."""
    people = hub.workspace.hub.people
    if people is None:
        raise ConfigError(
            "people.undeclared",
            "this hub does not say who is a person",
            where="config/hub.yaml: people",
            hint="declare people: {model: …, receivers: {…}}",
        )
    quickly = persons.by_key(hub.database, people.model, called)
    if len(quickly) == 1:
        return quickly[0]
    found = entities(hub.database, people.model, called, 2, gone=True)
    if not found:
        raise ConfigError("person.unknown", "there is no such person", hint=f"cophub entities {people.model}")
    if len(found) > 1:
        raise ConfigError("id.ambiguous", "several persons are called so", hint="ask by id")
    return uuid.UUID(str(found[0].id)), True


def heal(hub: Hub, near: Near | None = None) -> Healed:
    """Look again for receivers without a person and those ``near`` a change, or for all. One transaction."""
    found = lost = still = 0
    moment = hub.clock()
    with hub.database.begin() as connection:
        seq = next_seq(session(connection), SEQUENCE)  # first: whoever takes reports has stored them then
        known = receivers(connection, near)
        now = resolve(connection, hub, [(system, receiver) for system, receiver, _ in known])
        for system, receiver, before in known:
            one = now[system, receiver]
            still += not one.anybody
            if receiver.startswith(GROUP):
                joined, left = regroup(connection, system, receiver, one.members, one.why, seq)
                found, lost = found + joined, lost + left
                continue
            if one.person == before:
                continue
            found, lost = found + (one.person is not None), lost + (one.person is None)
            relead(connection, give(connection, system, receiver, one.person, one.why, seq, moment))
    return Healed(found, lost, still)


@dataclass(slots=True)
class Healing:
    """A duty of the worker: receivers get their persons when people change."""

    hub: Hub
    due: dt.datetime | None = None
    _seen: tuple[int, int, int] | None = None
    _whole: dt.datetime | None = None

    def turn(self) -> bool:
        """Looks when the model of people has a new commit; at all receivers when persons were merged or unmerged,
        when many changed, and once an hour, since accounts are linked without a commit; and at the members of
        all groups when one of their models has a new commit. Answers whether anybody was found."""
        people = self.hub.workspace.hub.people
        if people is None:
            return False
        in_groups = members.stamps(self.hub.database, groups.models(self.hub))
        now, moment = (*stamp(self.hub.database, people.model), in_groups), self.hub.clock()
        old = self._whole is None or moment - self._whole >= HOURLY
        if now == self._seen and not old:
            return False
        near = None
        if not old and self._seen is not None and now[1] == self._seen[1]:
            near = self._near(self._seen[0])
        healed = heal(self.hub, near)
        self._seen = now
        if near is None:
            self._whole = moment
        return bool(healed.found or healed.lost)

    def _near(self, since: int) -> Near | None:
        people = self.hub.workspace.hub.people
        assert people is not None
        with self.hub.database.begin(reading=True) as connection:
            rows = persons.changed(
                connection, self.hub.database, people.model, set(people.receivers.values()), since, MANY
            )
        if rows is None:
            return None
        called = {
            f"{kind}:{values[field]}"
            for _, values in rows
            for kind, field in people.receivers.items()
            if field in values
        }
        return Near({identity for identity, _ in rows}, called)
