"""Who is in a group, as golden records say it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable

from sqlalchemy import Connection, select

from hub.store.database import Database
from hub.store.many import among, batches
from hub.store.models import entity_table
from hub.store.tables import model_seq

Pairs = list[tuple[uuid.UUID, uuid.UUID]]


def referring(
    connection: Connection, database: Database, model: str, field: str, wanted: Iterable[uuid.UUID], told: str = "_id"
) -> Pairs:
    """(whom it refers to, what ``told`` holds) of active entities of a model that refer to the wanted ones."""
    table = database.tables[entity_table(model)]
    found: Pairs = []
    for some in batches(wanted):
        query = select(table.c[field], table.c[told]).where(
            among(connection, table.c[field], some), table.c[told].is_not(None), table.c["_state"] == 0
        )
        found += [tuple(row) for row in connection.execute(query).tuples()]
    return found


def listed(
    connection: Connection, database: Database, model: str, field: str, wanted: Iterable[uuid.UUID]
) -> list[tuple[uuid.UUID, str]]:
    """(group, text) of a list of texts, entry by entry."""
    table = database.tables[entity_table(model)]
    found: list[tuple[uuid.UUID, str]] = []
    for some in batches(wanted):
        of_them = among(connection, table.c["_id"], some)
        query = select(table.c["_id"], table.c[field]).where(of_them, table.c[field].is_not(None))
        for identity, values in connection.execute(query).tuples():
            every = json.loads(values) if isinstance(values, str) else values
            found += [(identity, str(value)) for value in every if value is not None]
    return found


def active(connection: Connection, database: Database, model: str, wanted: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Those of them that are there and not disabled."""
    table = database.tables[entity_table(model)]
    found: set[uuid.UUID] = set()
    for some in batches(wanted):
        of_them = among(connection, table.c["_id"], some)
        found |= set(connection.scalars(select(table.c["_id"]).where(of_them, table.c["_state"] == 0)))
    return found


def stamps(database: Database, models: Iterable[str]) -> int:
    """What grows with every commit of these models."""
    query = select(model_seq.c.seq).where(model_seq.c.model.in_(list(models)))
    with database.begin(reading=True) as connection:
        return sum(connection.scalars(query))
