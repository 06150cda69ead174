"""Links in bulk: how they cover a source and a model, what an import finds, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Table, Text, and_, case, cast, func, literal, select, update

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database
from hub.store.models import entity_table
from hub.store.review_tables import decision, redirect
from hub.store.tables import shadow, source

DECISIONS: dict[str, Column[Any]] = {column.name: column for column in decision.columns}
OBJECTS: dict[str, Column[Any]] = {
    name: shadow.c[name]
    for name in ("source", "key", "hash", "map_hash", "entity", "foreign_id", "foreign_key")
}
END: Any = func.coalesce(redirect.c.target, shadow.c.entity)
"""The entity that a record stands for, be it by one that was merged into it (``_end`` joins it)."""
LINKS: dict[str, Column[Any]] = {"key": shadow.c.key, "entity": shadow.c.entity}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the links of one source cover both sides. ``entities`` are the living ones of the model."""

    exchange: str
    place: str
    direction: str
    model: str
    records: int
    linked: int
    entities: int
    covered: int


def coverage(database: Database, exchange: str | None = None) -> list[Coverage]:
    """Per source: records with and without entity, entities with and without record."""
    query = select(source).where(source.c.direction != "pass").order_by(source.c.exchange, source.c.id)
    if exchange:
        query = query.where(source.c.exchange == exchange)
    found = []
    with database.begin(reading=True) as connection:
        for row in connection.execute(query).all():
            if row.model not in database.models:
                continue
            golden = database.tables[entity_table(row.model)]
            there = and_(shadow.c.source == row.id, shadow.c.absent_at.is_(None))
            linked = func.coalesce(func.sum(case((shadow.c.entity.is_not(None), 1), else_=0)), 0)
            records, with_entity = connection.execute(
                select(func.count(), linked).select_from(shadow).where(there)
            ).one()
            living = connection.scalar(select(func.count()).select_from(golden).where(golden.c["_state"] < 2))
            covered = connection.scalar(
                select(func.count(func.distinct(shadow.c.entity)))
                .join(golden, golden.c["_id"] == shadow.c.entity)
                .where(there, golden.c["_state"] < 2)
            )
            found.append(
                Coverage(
                    row.exchange,
                    f"{row.system}.{row.resource}",
                    row.direction,
                    row.model,
                    records,
                    int(with_entity),
                    living or 0,
                    covered or 0,
                )
            )
    return found


def linked_keys(session: Bulk, number: int, keys: Table) -> Wire:
    """key, entity (None where there is none): the records of ``keys`` that were seen before."""
    query = select(shadow.c.key, END.label("entity")).join(keys, keys.c.key == shadow.c.key)
    return session.read(_end(query).where(shadow.c.source == number))


def _end(query: Any) -> Any:
    return query.outerjoin(redirect, redirect.c.entity == shadow.c.entity)


def linked_entities(session: Bulk, number: int, entities: Table, *, outbound: bool) -> Wire:
    """entity, key: what stands for each of ``entities`` in a source; of a target its own id."""
    key = func.coalesce(shadow.c.foreign_id, shadow.c.foreign_key) if outbound else shadow.c.key
    query = select(shadow.c.entity, cast(key, Text).label("key")).join(
        entities, entities.c.entity == shadow.c.entity
    )
    return session.read(query.where(shadow.c.source == number, shadow.c.absent_at.is_(None)))


def foreign_ids(session: Bulk, number: int, keys: Table) -> Wire:
    """key (the target's id), entity: objects of a target that the hub knows."""
    query = select(shadow.c.foreign_id.label("key"), END.label("entity")).join(
        keys, keys.c.key == shadow.c.foreign_id
    )
    return session.read(_end(query).where(shadow.c.source == number))


def there(session: Bulk, database: Database, model: str, entities: Table) -> Wire:
    """entity, living: those of ``entities`` that live, or went into one that does."""
    golden = database.tables[entity_table(model)]
    query = (
        select(entities.c.entity, golden.c["_id"].label("living"))
        .select_from(entities)
        .outerjoin(redirect, redirect.c.entity == entities.c.entity)
        .join(golden, golden.c["_id"] == func.coalesce(redirect.c.target, entities.c.entity))
    )
    return session.read(query.where(golden.c["_state"] < 2))


def known(session: Bulk, number: int) -> int:
    """How many records or objects of a source are known."""
    query = select(func.count()).where(shadow.c.source == number, shadow.c.absent_at.is_(None))
    return int(session.run(query)[0][0])


def all_links(session: Bulk, number: int, *, outbound: bool) -> Wire:
    """key, entity of every link of a source; of a target its own ids."""
    key = func.coalesce(shadow.c.foreign_id, shadow.c.foreign_key) if outbound else shadow.c.key
    return session.read(
        _end(select(cast(key, Text).label("key"), END.label("entity"))).where(
            shadow.c.source == number, shadow.c.entity.is_not(None), shadow.c.absent_at.is_(None)
        )
    )


def say(session: Bulk, rows: pa.RecordBatchReader) -> None:
    """Append decisions (columns of DECISIONS)."""
    session.load(decision, rows)


def link_seen(session: Bulk, number: int, rows: Table) -> None:
    """Records seen before without an entity get it at once; the next full run applies their values."""
    session.run(
        update(shadow)
        .where(shadow.c.source == number, shadow.c.key == rows.c.key, shadow.c.entity.is_(None))
        .values(entity=rows.c.entity, map_hash=0)
    )


def know_objects(session: Bulk, rows: pa.RecordBatchReader) -> None:
    """Append objects that a target holds already (columns of OBJECTS)."""
    session.load(shadow, rows)


def living(session: Bulk, database: Database, model: str, fields: Sequence[str]) -> Wire:
    """entity, called: the living entities of a model, with the values of some fields as one text."""
    golden = database.tables[entity_table(model)]
    parts = [func.coalesce(cast(golden.c[name], Text), "") for name in fields]
    called: Any = literal("")
    for number, part in enumerate(parts):
        called = part if number == 0 else called + " " + part
    query = select(golden.c["_id"].label("entity"), called.label("called"))
    return session.read(query.where(golden.c["_state"] < 2))
