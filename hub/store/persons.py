"""Who is meant: persons by what others call them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, or_, select

from hub.store.database import Database
from hub.store.many import among, batches
from hub.store.models import entity_table
from hub.store.review_tables import entity_merge, merge_link, redirect
from hub.store.substitutes import stands_in
from hub.store.tables import shadow, source

DELETED = 2


def by_field(
    connection: Connection, database: Database, model: str, field: str, values: Iterable[str]
) -> dict[str, set[uuid.UUID]]:
    """Entities of a model by the text of a field: living ones, and merged ones, which lead to theirs."""
    golden = database.tables[entity_table(model)]
    found: dict[str, set[uuid.UUID]] = {}
    for some in batches(values):
        called = among(connection, golden.c[field], some)
        query = select(golden.c[field], golden.c["_id"]).where(called, golden.c["_state"] != DELETED)
        for value, identity in connection.execute(query).tuples():
            found.setdefault(str(value), set()).add(identity)
    return found


def by_key(database: Database, model: str, called: str) -> list[tuple[uuid.UUID, bool]]:
    """Living entities whose key, of one text field, is this, and whether each ever stood in for somebody; nobody where
    the key is another."""
    key = database.models[model].key
    if len(key) != 1 or database.models[model].fields[key[0]].type != "text":
        return []

    def query() -> Select[Any]:
        golden = database.tables[entity_table(model)]
        there = golden.c["_state"] == 0
        made = select(golden.c["_id"], stands_in(golden.c["_id"]).label("stands_in"))
        return made.where(golden.c[key[0]] == bindparam("called"), there).limit(2)

    found = database.rows(("persons_by_key", model), query, {"called": called})
    return [(row["_id"], bool(row["stands_in"])) for row in found]


def texts(
    connection: Connection, database: Database, model: str, field: str, identities: Iterable[uuid.UUID]
) -> dict[uuid.UUID, str]:
    """A field of entities as text, of those that have one."""
    golden = database.tables[entity_table(model)]
    found: dict[uuid.UUID, str] = {}
    for some in batches(identities):
        query = select(golden.c["_id"], golden.c[field]).where(
            among(connection, golden.c["_id"], some), golden.c[field].is_not(None)
        )
        found |= {identity: str(value) for identity, value in connection.execute(query).tuples()}
    return found


def by_id(
    connection: Connection, database: Database, model: str, identities: Iterable[uuid.UUID]
) -> dict[uuid.UUID, uuid.UUID]:
    """Where ids lead to, of entities that are there: who was merged away is his survivor."""
    golden = database.tables[entity_table(model)]
    wanted = list(identities)
    found: dict[uuid.UUID, uuid.UUID] = {}
    for some in batches(wanted):
        query = select(redirect.c.entity, redirect.c.target).where(among(connection, redirect.c.entity, some))
        ends = {one: one for one in some} | dict(connection.execute(query).tuples().all())
        meant = among(connection, golden.c["_id"], list(set(ends.values())))
        alive = select(golden.c["_id"]).where(meant, golden.c["_state"] < 2)
        there = set(connection.scalars(alive))
        found |= {one: end for one, end in ends.items() if end in there}
    return found


def changed(
    connection: Connection, database: Database, model: str, fields: Iterable[str], since: int, limit: int
) -> list[tuple[uuid.UUID, dict[str, str]]] | None:
    """Persons that changed after a commit of their model, with the texts of fields as they are now; None where they
    are more than ``limit``."""
    golden = database.tables[entity_table(model)]
    names = list(fields)
    query = select(golden.c["_id"], *(golden.c[name] for name in names)).where(golden.c["_seq"] > since)
    rows = connection.execute(query.limit(limit + 1)).all()
    if len(rows) > limit:
        return None
    return [
        (row[0], {name: str(value) for name, value in zip(names, row[1:], strict=True) if value is not None})
        for row in rows
    ]


def before_merges(connection: Connection, number: int, key: str, entity: uuid.UUID) -> uuid.UUID:
    """Whose a record of a source, which stands for an entity, would be without the merges that are in force: an undo
    gives it back to that one."""
    mine = and_(
        merge_link.c.source == number,
        or_(and_(merge_link.c.role.in_(("moved", "stayed")), merge_link.c.key == key), merge_link.c.role == "target"),
    )
    query = select(entity_merge.c.survivor, entity_merge.c.loser).join(
        merge_link, merge_link.c.merge == entity_merge.c.id
    )
    came = dict(connection.execute(query.where(mine, entity_merge.c.state == "made")).tuples().all())
    while entity in came:
        entity = came.pop(entity)
    return entity


def by_account(
    connection: Connection, model: str, system: str, accounts: Iterable[str], *, apart: bool = False
) -> dict[str, set[uuid.UUID]]:
    """Entities by the key of their record in a system: read from it, or written into it by the hub. ``apart``: those
    that it would be without merges."""
    found: dict[str, set[uuid.UUID]] = {}
    here = select(source.c.id, source.c.direction).where(source.c.system == system, source.c.model == model)
    for number, direction in connection.execute(here).tuples().all():
        read = direction == "inbound"
        names = [shadow.c.key] if read else [shadow.c.foreign_id, shadow.c.foreign_key]
        for some in batches(accounts):
            query = select(shadow.c.entity, shadow.c.key, *names).where(
                shadow.c.source == number,
                shadow.c.entity.is_not(None),
                or_(*(among(connection, name, some) for name in names)),
            )
            for entity, key, *called in connection.execute(query).tuples().all():
                if apart:
                    entity = before_merges(connection, number, key, entity)
                for name in {*called} & {*some}:
                    found.setdefault(name, set()).add(entity)
    return found

