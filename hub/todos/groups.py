"""A group is its members: those of today, and of the groups below it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.exchange.ground import Hub
from hub.store import members, persons
from hub.workspace.groups import Groups, Through

DEEP: Final = 10
"""How many levels of groups below a group count."""
MOST: Final = 5_000
"""Members of one group: a to-do has a line for each."""

Known = Mapping[tuple[str, str], set[uuid.UUID]]
Look = Callable[[Iterable[tuple[str, str]]], Known]
"""(system, receiver) → who that can be."""


@dataclass(frozen=True, slots=True)
class Members:
    """Of one group, or why nobody is known: ``receiver.undeclared``, ``receiver.unknown``, ``receiver.ambiguous``,
    ``receiver.empty``, ``receiver.many``."""

    people: tuple[uuid.UUID, ...] = ()
    why: str = ""


def models(hub: Hub) -> list[str]:
    """Those whose commits change who is in a group, beside the model of people."""
    people = hub.workspace.hub.people
    groups = people.groups if people is not None else None
    if groups is None:
        return []
    return [groups.model, *([groups.members.model] if isinstance(groups.members, Through) else [])]


def expand(
    connection: Any, hub: Hub, wanted: Mapping[str, Iterable[str]], look: Look
) -> dict[tuple[str, str], Members]:
    """Members by (system, what it calls the group); ``wanted`` are names by system, ``look`` finds persons."""
    people = hub.workspace.hub.people
    groups = people.groups if people is not None else None
    every = [(system, value) for system, values in wanted.items() for value in values]
    if people is None or groups is None:
        return dict.fromkeys(every, Members((), "receiver.undeclared"))
    meant = _meant(connection, hub, groups, wanted)
    roots = {one for ids in meant.values() for one in ids}
    tree = _below(connection, hub, groups, roots)
    inside = {one for ids in tree.values() for one in ids}
    found: dict[tuple[str, str], Members] = {}
    for system, values in wanted.items():
        who = _people(connection, hub, people.model, groups, inside, system, look)
        for value in values:
            ids = meant.get((system, value), set())
            if len(ids) != 1:
                found[system, value] = Members((), "receiver.ambiguous" if ids else "receiver.unknown")
                continue
            (root,) = ids
            all_of_it = {one for group in tree[root] for one in who.get(group, ())}
            found[system, value] = _checked(all_of_it)
    return found


def _checked(everybody: set[uuid.UUID]) -> Members:
    if len(everybody) > MOST:
        return Members((), "receiver.many")
    return Members(tuple(sorted(everybody)), "" if everybody else "receiver.empty")


def _meant(
    connection: Any, hub: Hub, groups: Groups, wanted: Mapping[str, Iterable[str]]
) -> dict[tuple[str, str], set[uuid.UUID]]:
    """Groups by the key of their record in the system; else by the field with what they are called."""
    found: dict[tuple[str, str], set[uuid.UUID]] = {}
    for system, values in wanted.items():
        texts = list(values)
        for value, ids in persons.by_account(connection, groups.model, system, texts).items():
            found[system, value] = ids
        rest = [value for value in texts if (system, value) not in found]
        if groups.called is not None and rest:
            called = persons.by_field(connection, hub.database, groups.model, groups.called, rest)
            found |= {(system, value): ids for value, ids in called.items()}
    every = {one for ids in found.values() for one in ids}
    ends = persons.by_id(connection, hub.database, groups.model, every)
    there = members.active(connection, hub.database, groups.model, set(ends.values()))
    return {place: {ends[one] for one in ids if ends.get(one) in there} for place, ids in found.items()}


def _below(connection: Any, hub: Hub, groups: Groups, roots: set[uuid.UUID]) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Each group with those below it, ``DEEP`` levels down; a circle ends where it began."""
    children: dict[uuid.UUID, set[uuid.UUID]] = {}
    if groups.parent is not None:
        level = roots
        for _ in range(DEEP):
            pairs = members.referring(connection, hub.database, groups.model, groups.parent, level)
            for above, below in pairs:
                children.setdefault(above, set()).add(below)
            level = {below for _, below in pairs} - set(children)
            if not level:
                break
    found = {}
    for root in roots:
        reached, edge = {root}, {root}
        for _ in range(DEEP):
            edge = {below for one in edge for below in children.get(one, ())} - reached
            reached |= edge
        found[root] = reached
    return found


def _people(
    connection: Any, hub: Hub, people: str, groups: Groups, inside: set[uuid.UUID], system: str, look: Look
) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Persons by the group that they are in by themselves."""
    how, found = groups.members, dict[uuid.UUID, set[uuid.UUID]]()
    if isinstance(how, Through):
        pairs = members.referring(connection, hub.database, how.model, how.group, inside, how.person)
    elif hub.workspace.models[people].fields.get(how) is not None and (
        hub.workspace.models[people].fields[how].model == groups.model
    ):
        pairs = members.referring(connection, hub.database, people, how, inside)
    else:
        texts = members.listed(connection, hub.database, groups.model, how, inside)
        known = look({(system, f"{groups.by}:{value}") for _, value in texts})
        each = [(group, known.get((system, f"{groups.by}:{value}"), set())) for group, value in texts]
        pairs = [(group, one) for group, ids in each if len(ids) == 1 for one in ids]
    ends = persons.by_id(connection, hub.database, people, {one for _, one in pairs})
    for group, one in pairs:
        if one in ends:
            found.setdefault(group, set()).add(ends[one])
    return found
