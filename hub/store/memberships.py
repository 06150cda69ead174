"""Members of groups have rows of their own, so that lists, counts and changes are those of anybody else.

The row of the group itself (``group:VALUE``) holds its registers and has no person; each member has a row
``member:PERSON:group:VALUE`` with the same box, as long as he is in the group. Who leaves keeps his row with an empty
box: what changed is told to him too.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from hub.store import moves
from hub.store.many import among, batches
from hub.store.todo_tables import assignment
from hub.store.todos import MEMBER, OPEN, leading, relead, write

Row = dict[str, Any]


def name(person: uuid.UUID, group: str) -> str:
    """The receiver of a member's row."""
    return f"{MEMBER}{person}:{group}"


def group_of(receiver: str) -> str:
    """The group of a member's row."""
    return receiver.removeprefix(MEMBER).partition(":")[2]


def with_members(
    rows: Sequence[Row], members: Mapping[str, Collection[uuid.UUID]], before: Mapping[str, Row], seq: int
) -> list[Row]:
    """The rows of one to-do with those of its groups' members, and who leads. ``members`` are by receiver,
    ``before`` the members' rows as stored."""
    found = {row["receiver"]: row for row in rows}
    for row in rows:
        for person in members.get(row["receiver"], ()):
            called = name(person, row["receiver"])
            if row["box"] in OPEN or before.get(called, {}).get("box"):  # what is over when somebody comes is not his
                found[called] = _row(row, person)
    for called, row in before.items():
        if called not in found:
            group = found.get(group_of(called))
            stays = _over(group) and _over(row)  # with those who were in it then
            found[called] = _row(group, row["person"]) if group and stays else row | {"box": "", "seq": seq}
    leads = leading((row["todo"], row["receiver"], row["person"], row["box"]) for row in found.values())
    return [row | {"lead": (row["todo"], called) in leads} for called, row in found.items()]


def _over(row: Mapping[str, Any] | None) -> bool:
    """Whether it lies with somebody, and there is nothing left to do."""
    return row is not None and row["box"] not in ("", *OPEN)


def _row(group: Mapping[str, Any], person: uuid.UUID) -> Row:
    called = name(person, group["receiver"])
    return {**group, "receiver": called, "person": person, "unresolved": "", "registers": {}, "lead": False}


def regroup(
    connection: Connection, system: str, receiver: str, members: Collection[uuid.UUID], why: str, seq: int
) -> tuple[int, int]:
    """Bring the rows of a group's members up to who they are now; answers how many came and how many left."""
    a = assignment.c
    open_ones = select(assignment).where(
        a.system == system, a.receiver == receiver, a.person.is_(None), a.box.in_(OPEN)
    )  # what is over stays with those who were in it then
    groups = [dict(row) for row in connection.execute(open_ones).mappings()]
    came: set[uuid.UUID] = set()
    left: set[uuid.UUID] = set()
    changed: list[Row] = []
    touched: set[uuid.UUID] = set()
    for some in batches(groups):
        known: dict[uuid.UUID, dict[uuid.UUID, Row]] = {row["todo"]: {} for row in some}
        query = select(assignment).where(among(connection, a.todo, list(known)), a.receiver.startswith(MEMBER))
        for row in connection.execute(query).mappings():
            if group_of(row["receiver"]) == receiver:
                known[row["todo"]][row["person"]] = dict(row)
        for group in some:
            there = {person for person, row in known[group["todo"]].items() if row["box"]}
            wanted = set(members)
            for person in wanted - there:
                changed.append(_row(group, person) | {"seq": seq})
            changed += [known[group["todo"]][person] | {"box": "", "seq": seq} for person in there - wanted]
            if there != wanted or group["unresolved"] != why:
                touched.add(group["todo"])
            came |= wanted - there
            left |= there - wanted
    if touched:
        connection.execute(
            update(assignment)
            .where(a.system == system, a.receiver == receiver, a.person.is_(None), a.unresolved != why)
            .values(unresolved=why, seq=seq)
        )
        moves.touched(connection, touched, seq)
        write(connection, [], changed, [])
        relead(connection, sorted(touched))
    return len(came), len(left)


