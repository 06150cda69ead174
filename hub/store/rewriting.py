"""Golden rows rewritten by hand of a merge: single versions, and references of every model moved."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import Connection, and_, func, insert, literal, select, update

from hub.store import entities, origins
from hub.store.database import Database, now
from hub.store.merges import Golden, session
from hub.store.models import entity_table, history_table
from hub.store.review_tables import entity_merge, merge_reference
from hub.store.tables import shadow, source


def golden(
    connection: Connection, database: Database, model: str, identity: uuid.UUID, version: int | None = None
) -> Golden | None:
    """An entity as it is, or as it was in a version."""
    current = database.tables[entity_table(model)]
    past = database.tables[history_table(model)]
    for table in (current, past) if version is not None else (current,):
        query = select(table).where(table.c["_id"] == identity)
        if version is not None:
            query = query.where(table.c["_version"] == version)
        row = connection.execute(query).mappings().one_or_none()
        if row is not None:
            known = origins.read(session(connection), model)
            values = {name: row[name] for name in database.models[model].fields}
            return Golden(identity, row["_version"], row["_state"], known.get(row["_origin"], {}), values)
    return None


def count_living(database: Database, model: str) -> int:
    """How many entities of a model are neither deleted nor merged into another one."""
    table = database.tables[entity_table(model)]
    with database.begin(reading=True) as connection:
        return connection.scalar(select(func.count()).where(table.c["_state"] < 2)) or 0


def rewrite(
    connection: Connection,
    database: Database,
    model: str,
    old: Golden,
    new: Golden,
    *,
    seq: int,
    moment: dt.datetime,
    by: uuid.UUID,
) -> None:
    """``new`` takes the place of ``old``, which goes to history."""
    table = database.tables[entity_table(model)]
    _to_history(connection, database, model, table.c["_id"] == old.id, moment, by)
    origin = origins.intern(session(connection), model, dict(new.origins))
    connection.execute(
        update(table)
        .where(table.c["_id"] == old.id)
        .values(
            {
                **new.values,
                "_version": old.version + 1,
                "_state": new.state,
                "_origin": origin,
                "_seq": seq,
                "_updated_at": moment,
            }
        )
    )


def _to_history(
    connection: Connection, database: Database, model: str, which: Any, moment: dt.datetime, by: uuid.UUID
) -> None:
    table = database.tables[entity_table(model)]
    past = database.tables[history_table(model)]
    names = ["_id", "_version", "_seq", "_state", "_origin", "_updated_at", *database.models[model].fields]
    stamps = (literal(moment, past.c["_replaced_at"].type), literal(by, past.c["_replaced_by"].type))
    rows = select(*(table.c[name] for name in names), *stamps).where(which)
    connection.execute(insert(past).from_select([*names, "_replaced_at", "_replaced_by"], rows))


def announce(
    connection: Connection, model: str, seq: int, exchange: str, updated: int, moment: dt.datetime
) -> None:
    """One event for what the transaction changed of a model."""
    body = {"model": model, "seq": seq, "exchange": exchange, "created": 0, "updated": updated, "removed": 0}
    entities.announce(session(connection), model, body, moment)


def add_empty(connection: Connection, database: Database, model: str, identity: uuid.UUID, seq: int) -> None:
    """A golden row without values, for a record to fill."""
    table, moment = database.tables[entity_table(model)], now()
    values = {"_id": identity, "_version": 1, "_seq": seq, "_state": 0, "_origin": 0}
    connection.execute(insert(table).values({**values, "_created_at": moment, "_updated_at": moment}))


# ------------------------------------------------------------ references


def referring(database: Database, model: str) -> list[tuple[str, str]]:
    """Model and field of every reference to a model."""
    return [
        (name, field_name)
        for name, shape in database.models.items()
        for field_name, declared in shape.fields.items()
        if declared.type == "ref" and declared.model == model and not declared.many
    ]


def count_references(
    connection: Connection, database: Database, model: str, name: str, identity: uuid.UUID
) -> int:
    """How many rows refer to an entity by one field."""
    table = database.tables[entity_table(model)]
    return connection.scalar(select(func.count()).where(table.c[name] == identity)) or 0


def move_references(
    connection: Connection,
    database: Database,
    place: tuple[str, str],
    old: uuid.UUID,
    new: uuid.UUID,
    *,
    seq: int,
    moment: dt.datetime,
    merge: uuid.UUID,
    undo: bool = False,
) -> int:
    """Rows that refer to ``old`` refer to ``new``; a merge remembers which, its undo moves only those."""
    model, name = place
    table = database.tables[entity_table(model)]
    which = and_(table.c[name] == old, table.c["_id"].not_in([old, new]))
    mine = select(merge_reference.c.entity).where(
        merge_reference.c.merge == merge, merge_reference.c.model == model, merge_reference.c.field == name
    )
    if undo:
        which = and_(which, table.c["_id"].in_(mine))
    else:
        rows = select(literal(merge, merge_reference.c.merge.type), literal(model), table.c["_id"], literal(name))
        connection.execute(
            insert(merge_reference).from_select(["merge", "model", "entity", "field"], rows.where(which))
        )
    _to_history(connection, database, model, which, moment, merge)
    moved = connection.execute(
        update(table)
        .where(which)
        .values({name: new, "_version": table.c["_version"] + 1, "_seq": seq, "_updated_at": moment})
    )
    return moved.rowcount


def look_again(
    connection: Connection, database: Database, place: tuple[str, str], target: uuid.UUID, merge: uuid.UUID
) -> None:
    """Records behind rows that came to refer to ``target`` after a merge are mapped again by the next full
    run: which side of it they mean, only they can tell."""
    table = database.tables[entity_table(place[0])]
    known = select(merge_reference.c.entity).where(
        merge_reference.c.merge == merge,
        merge_reference.c.model == place[0],
        merge_reference.c.field == place[1],
    )
    since = select(entity_merge.c.made_at).where(entity_merge.c.id == merge).scalar_subquery()
    rows = select(table.c["_id"]).where(
        table.c[place[1]] == target, table.c["_updated_at"] > since, table.c["_id"].not_in(known)
    )
    connection.execute(
        update(shadow).where(shadow.c.entity.in_(rows), shadow.c.source.in_(_inbound())).values(map_hash=0)
    )


def _inbound() -> Any:
    return select(source.c.id).where(source.c.direction == "inbound")


