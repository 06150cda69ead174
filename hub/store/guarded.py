"""What a guard compares a plan with: values that are filled, entities per value, fields as last sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Table, delete, func, insert, select, update

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database
from hub.store.models import entity_table
from hub.store.tables import KEY, shadow
from hub.store.target_tables import printed, printing

PRINTS: dict[str, Column[Any]] = {
    "key": Column("key", KEY),
    "hash": Column("hash", printed.c.hash.type),
    "prints": Column("prints", printed.c.prints.type),
}
WIDTH = 4
EMPTY = "-" * WIDTH


def filled(session: Bulk, database: Database, model: str, number: int, field: str) -> int:
    """How many entities that a source's records stand for have a value in a field."""
    golden = database.tables[entity_table(model)]
    query = (
        select(func.count(golden.c[field]))
        .select_from(golden.join(shadow, shadow.c.entity == golden.c["_id"]))
        .where(shadow.c.source == number, shadow.c.absent_at.is_(None), golden.c["_state"] == 0)
    )
    return int(session.run(query)[0][0])


def per_value(
    session: Bulk,
    database: Database,
    model: str,
    field: str,
    through: tuple[str, str] | None,
    number: int | None,
) -> Wire:
    """value, n: living entities per value of a field, or of a field of the model it refers to (``through``:
    model, field); only those that records of source ``number`` stand for, where one is given."""
    golden = database.tables[entity_table(model)]
    value: Any = golden.c[field]
    source: Any = golden
    if through is not None:
        other = database.tables[entity_table(through[0])].alias("referred")
        source, value = golden.join(other, other.c["_id"] == golden.c[field]), other.c[through[1]]
    living = golden.c["_state"] == 0
    query = select(value.label("value"), func.count().label("n")).where(living).group_by(value)
    if number is not None:
        source = source.join(shadow, shadow.c.entity == golden.c["_id"])
        query = query.where(shadow.c.source == number, shadow.c.absent_at.is_(None))
    return session.read(query.select_from(source))


# ---------------------------------------------------------------- fields as last sent


def prints(session: Bulk, number: int, wanted: Table | None) -> Wire:
    """key, hash, map_hash, prints of what was sent and acknowledged last."""
    query = select(printed.c.key, printed.c.hash, printed.c.map_hash, printed.c.prints)
    query = query.where(printed.c.source == number)
    return session.read(query if wanted is None else query.join(wanted, wanted.c.key == printed.c.key))


def names_of(session: Bulk, number: int) -> dict[int, list[str]]:
    """The fields that prints are of, in their order, by the hash of the mapping that made them."""
    found = session.run(select(printing.c.map_hash, printing.c.names).where(printing.c.source == number))
    return {int(key): str(names).split(" ") for key, names in found}


def sent_filled(session: Bulk, number: int, map_hash: int, place: int) -> int:
    """How many records were last sent with a value in the field at ``place`` of their prints."""
    sign = func.substr(printed.c.prints, WIDTH * place + 1, WIDTH)
    query = select(func.count()).where(
        printed.c.source == number, printed.c.map_hash == map_hash, sign != EMPTY
    )
    return int(session.run(query)[0][0])


def stay(session: Bulk, number: int, rows: Table) -> None:
    """Of what was disabled (key, hash) the prints of all fields as last sent stay good."""
    session.run(
        update(printed)
        .where(printed.c.source == number, printed.c.key == rows.c.key)
        .values(hash=rows.c.hash)
    )


def remember(
    session: Bulk, number: int, map_hash: int, names: Sequence[str], rows: Table, gone: Table | None
) -> None:
    """Keep the prints in ``rows`` (key, hash, prints) of what was acknowledged, and drop those ``gone``."""
    if gone is not None:
        session.run(delete(printed).where(printed.c.source == number, printed.c.key.in_(select(gone.c.key))))
    session.run(delete(printed).where(printed.c.source == number, printed.c.key.in_(select(rows.c.key))))
    fresh = (
        select(shadow.c.source, rows.c.key, rows.c.hash, shadow.c.map_hash, rows.c.prints)
        .join(shadow, shadow.c.key == rows.c.key)
        .where(shadow.c.source == number, shadow.c.hash == rows.c.hash, shadow.c.map_hash == map_hash)
    )
    session.run(insert(printed).from_select(["source", "key", "hash", "map_hash", "prints"], fresh))
    session.run(delete(printing).where(printing.c.source == number, printing.c.map_hash == map_hash))
    session.run(insert(printing).values(source=number, map_hash=map_hash, names=" ".join(names)))
