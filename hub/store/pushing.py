"""What mappings that push to-dos need to know: whose they are, and which records of a target are the hub's own."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, func, select

from hub.store.database import Database
from hub.store.feed_tables import todo_left
from hub.store.many import among, batches
from hub.store.tables import intent, shadow, source
from hub.store.todo_tables import assignment
from hub.workspace.builtin import HUB

Pair = tuple[uuid.UUID, uuid.UUID]
"""(to-do, person)"""


def held(database: Database, identities: Collection[uuid.UUID]) -> set[Pair]:
    """Everybody who has these to-dos or had them, as far as a row still says so."""
    found: set[Pair] = set()
    with database.begin(reading=True) as connection:
        for some in batches(identities):
            query = select(assignment.c.todo, assignment.c.person).where(among(connection, assignment.c.todo, some))
            found |= {(one, person) for one, person in connection.execute(query).tuples() if person is not None}
    return found


def left(database: Database, since: int) -> set[Pair]:
    """Who lost to-dos to others after a commit."""
    query = select(todo_left.c.todo, todo_left.c.person).where(todo_left.c.seq > since)
    with database.begin(reading=True) as connection:
        return set(connection.execute(query).tuples())


def of_persons(database: Database, persons: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """The to-dos that these persons see."""
    found: set[uuid.UUID] = set()
    with database.begin(reading=True) as connection:
        for some in batches(persons):
            seen = among(connection, assignment.c.person, some), assignment.c.lead, assignment.c.box != ""
            found |= set(connection.scalars(select(assignment.c.todo).where(*seen)))
    return sorted(found)


def accounts(
    connection: Connection, model: str, persons: Collection[uuid.UUID]
) -> dict[uuid.UUID, dict[str, set[str]]]:
    """By person, the accounts of each system: keys of records read from it, or written into it by the hub."""
    found: dict[uuid.UUID, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    read = source.c.direction == "inbound"
    for direction, name in ((read, shadow.c.key), (~read, func.coalesce(shadow.c.foreign_key, shadow.c.foreign_id))):
        for some in batches(persons):
            query = (
                select(shadow.c.entity, source.c.system, name)
                .join_from(shadow, source, source.c.id == shadow.c.source)
                .where(among(connection, shadow.c.entity, some), source.c.model == model, direction)
                .where(shadow.c.absent_at.is_(None), name.is_not(None))
            )
            for person, system, account in connection.execute(query).tuples():
                found[person][system].add(str(account))
    return found


def own(connection: Connection, system: str, ids: Collection[str]) -> set[str]:
    """Those of ``ids`` by which a system has to-dos that the hub delivered to it, or began to."""
    into = source.c.output.contains(f":{system}.", autoescape=True)
    numbers = list(
        connection.scalars(
            select(source.c.id).where(source.c.system == HUB, source.c.direction == "pass", into)
        )
    )
    found: set[str] = set()
    for some in batches(ids) if numbers else ():
        keys = {json.dumps([one], ensure_ascii=False, separators=(",", ":")): one for one in some}
        for table, column, meant in (
            (shadow, shadow.c.foreign_id, {one: one for one in some}),
            (shadow, shadow.c.foreign_key, keys),
            (intent, intent.c.foreign_key, keys),
        ):
            query = select(column).where(table.c.source.in_(numbers), among(connection, column, list(meant)))
            found |= {meant[str(one)] for one in connection.scalars(query)}
    return found
