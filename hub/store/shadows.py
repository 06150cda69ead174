"""Shadows and links: what the hub last saw of foreign records, and which entity each stands for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Table, Text, and_, func, insert, literal, or_, select, union, update

from hub.store.bulk import Bulk, Wire, deferred_indexes
from hub.store.database import now
from hub.store.review_tables import redirect
from hub.store.tables import KEY, intent, shadow, source

OUT = "0000-00-00"
"""``ends`` of a record that is out of scope, or gone and reacted to: it stands for its entity no more; of what a
target holds: the hub disabled it there."""

KEYS: dict[str, Column[Any]] = {"key": Column("key", KEY)}
ENTITIES: dict[str, Column[Any]] = {"entity": Column("entity", shadow.c.entity.type)}
CREATED: dict[str, Column[Any]] = {"key": Column("key", KEY), "known": Column("known", KEY)}
SEEN_AGAIN: dict[str, Column[Any]] = {
    name: shadow.c[name] for name in ("key", "hash", "map_hash", "cur", "entity", "parent", "outvoted", "ends")
}
STEPPING: dict[str, Column[Any]] = {
    **KEYS,
    **ENTITIES,
    "survivor": Column("survivor", shadow.c.entity.type),
}
OUTVOTES: dict[str, Column[Any]] = {name: shadow.c[name] for name in ("source", "key", "outvoted")}
BURIED: dict[str, Column[Any]] = {name: shadow.c[name] for name in ("key", "cur", "map_hash")}
NEW: dict[str, Column[Any]] = {"source": shadow.c.source} | SEEN_AGAIN


def seen(session: Bulk, number: int, wanted: Table | None = None, *, elements: bool = False) -> Wire:
    """key, hash, map_hash, cur, absent_at, parent of a source's records; of ``wanted`` keys only, with their
    ``elements`` and their entity."""
    names = ["key", "hash", "map_hash", "cur", "absent_at", "parent"]
    query = select(*(shadow.c[name] for name in names + ["entity"] * (wanted is not None)))
    query = query.where(shadow.c.source == number)
    if elements and wanted is not None:
        record = func.coalesce(shadow.c.parent, shadow.c.key)
        return session.read(query.join(wanted, wanted.c.key == record))
    return session.read(_wanted(query, wanted))


def current(session: Bulk, number: int, map_hash: int) -> Wire:
    """key, hash of the records that were there last time and were mapped by this mapping."""
    return session.read(
        select(shadow.c.key, shadow.c.hash).where(shadow.c.source == number, _current(map_hash))
    )


def other(session: Bulk, number: int, map_hash: int) -> Wire:
    """key, hash, map_hash, cur, absent_at, parent of the records that ``current`` leaves out."""
    query = select(*(shadow.c[name] for name in ("key", "hash", "map_hash", "cur", "absent_at", "parent")))
    return session.read(query.where(shadow.c.source == number, ~_current(map_hash)))


def _current(map_hash: int) -> Any:
    return and_(shadow.c.map_hash == map_hash, shadow.c.absent_at.is_(None))


def links(session: Bulk, number: int, wanted: Table | None = None) -> Wire:
    """key, entity of a source's linked records."""
    query = select(shadow.c.key, shadow.c.entity).where(
        shadow.c.source == number, shadow.c.entity.is_not(None)
    )
    return session.read(_wanted(query, wanted))


def led_to(session: Bulk, number: int, wanted: Table) -> Wire:
    """key, entity that a source's records stand for, be it by one that was merged into it."""
    entity = func.coalesce(redirect.c.target, shadow.c.entity).label("entity")
    query = select(shadow.c.key, entity).outerjoin(redirect, redirect.c.entity == shadow.c.entity)
    return session.read(_wanted(query.where(shadow.c.source == number, shadow.c.entity.is_not(None)), wanted))


def _wanted(query: Any, wanted: Table | None) -> Any:
    return query if wanted is None else query.join(wanted, wanted.c.key == shadow.c.key)


def hashes(session: Bulk, number: int, wanted: Table | None = None) -> Wire:
    """key, hash: what a plan must find unchanged."""
    return session.read(_wanted(select(shadow.c.key, shadow.c.hash).where(shadow.c.source == number), wanted))


def claimed(session: Bulk, number: int, entities: Table) -> Wire:
    """entity: those of ``entities`` that a record of this source stands for."""
    return session.read(
        select(shadow.c.entity)
        .join(entities, entities.c.entity == shadow.c.entity)
        .where(shadow.c.source == number, shadow.c.absent_at.is_(None))
    )


def speaking(session: Bulk, number: int, entities: Table) -> Wire:
    """key, entity: the records of this source that are there and stand for ``entities``."""
    query = select(shadow.c.key, shadow.c.entity).join(entities, entities.c.entity == shadow.c.entity)
    return session.read(query.where(shadow.c.source == number, shadow.c.absent_at.is_(None)))


def disabled(session: Bulk, number: int, entities: Table) -> Wire:
    """entity: those of ``entities`` that the hub disabled in a target."""
    return session.read(
        select(shadow.c.entity)
        .join(entities, entities.c.entity == shadow.c.entity)
        .where(shadow.c.source == number, shadow.c.absent_at.is_(None), shadow.c.ends == OUT)
    )


def held_by_others(session: Bulk, number: int, entities: Table, gone: Table) -> Wire:
    """entity: those of ``entities`` that a record other than the ``gone`` ones still stands for."""
    leaving = and_(shadow.c.source == number, shadow.c.key.in_(select(gone.c.key)))
    there = and_(shadow.c.absent_at.is_(None), _in_scope(), ~leaving, _inbound())
    own = select(shadow.c.entity).join(entities, entities.c.entity == shadow.c.entity).where(there)
    merged = (  # records that still stand for what was merged into it hold it too
        select(redirect.c.target.label("entity"))
        .join(entities, entities.c.entity == redirect.c.target)
        .join(shadow, shadow.c.entity == redirect.c.entity)
        .where(there)
    )
    return session.read(select(*union(own, merged).subquery("holding").c))


def standing(session: Bulk, number: int, entities: Table, gone: Table) -> Wire:
    """entity, source: whose words count for ``entities``: those of all records but the ``gone`` ones of this
    source. What is absent goes on counting until its mapping reacts to that."""
    leaving = and_(shadow.c.source == number, shadow.c.key.in_(select(gone.c.key)))
    return session.read(
        select(shadow.c.entity, shadow.c.source)
        .join(entities, entities.c.entity == shadow.c.entity)
        .where(_in_scope(), ~leaving, _inbound())
        .distinct()
    )


def _in_scope() -> Any:
    return or_(shadow.c.ends.is_(None), shadow.c.ends != OUT)


def _inbound() -> Any:
    return shadow.c.source.in_(select(source.c.id).where(source.c.direction == "inbound"))


def referred(session: Bulk, system: str, model: str, wanted: Table) -> Wire:
    """key, entity (text): entities of a model by the keys a system gives them."""
    entity = func.coalesce(redirect.c.target, shadow.c.entity)
    query = (
        select(shadow.c.key, func.min(entity.cast(Text)).label("entity"))
        .join(wanted, wanted.c.key == shadow.c.key)
        .join(source, source.c.id == shadow.c.source)
        .outerjoin(redirect, redirect.c.entity == shadow.c.entity)
        .where(
            source.c.system == system,
            source.c.model == model,
            source.c.direction == "inbound",
            shadow.c.entity.is_not(None),
        )
        .group_by(shadow.c.key)
    )
    return session.read(query)


def keys_in(session: Bulk, system: str, entities: Table) -> Wire:
    """entity (text), known: the key that a system knows each of ``entities`` by, its own id first."""
    known = func.min(func.coalesce(shadow.c.foreign_id, shadow.c.foreign_key, shadow.c.key).cast(Text))
    query = (
        select(shadow.c.entity.cast(Text).label("entity"), known.label("known"))
        .join(entities, entities.c.entity == shadow.c.entity)
        .join(source, source.c.id == shadow.c.source)
        .where(source.c.system == system)
        .group_by(shadow.c.entity)
    )
    return session.read(query)


def acknowledged(session: Bulk, number: int) -> Wire:
    """key, hash, foreign_id, foreign_key, version, ends (OUT where it is disabled): what a target last said it
    holds."""
    names = ("key", "hash", "foreign_id", "foreign_key", "version", "ends")
    return session.read(
        select(*(shadow.c[name] for name in names)).where(
            shadow.c.source == number, shadow.c.absent_at.is_(None)
        )
    )


def kept(session: Bulk, number: int, wanted: Table) -> Wire:
    """key, kept: fingerprints of what a target acknowledged, of ``wanted`` keys."""
    return session.read(_wanted(select(shadow.c.key, shadow.c.kept).where(shadow.c.source == number), wanted))


def outvoted(session: Bulk, entities: Table) -> Wire:
    """entity, source, key, exchange, outvoted: what losing sources say of ``entities``, by the records that
    stand for them."""
    query = (
        select(shadow.c.entity, shadow.c.source, shadow.c.key, source.c.exchange, shadow.c.outvoted)
        .join(entities, entities.c.entity == shadow.c.entity)
        .join(source, source.c.id == shadow.c.source)
        .where(source.c.direction == "inbound", _in_scope())
    )
    return session.read(query)


def load(session: Bulk, rows: pa.RecordBatchReader, *, many: bool) -> None:
    """Append records seen for the first time (columns of NEW)."""
    empty = many and not session.run(select(shadow.c.key).limit(1))
    rebuild = deferred_indexes(session, shadow) if empty else []
    session.load(shadow, rows)
    for statement in rebuild:
        session.run(statement)


def see_again(session: Bulk, number: int, rows: Table) -> None:
    """Records seen before, as they are now (columns of SEEN_AGAIN); a link is kept where none is given."""
    values = {name: rows.c[name] for name in SEEN_AGAIN if name not in ("key", "entity")}
    linked = func.coalesce(rows.c.entity, shadow.c.entity)
    session.run(
        update(shadow)
        .where(shadow.c.source == number, shadow.c.key == rows.c.key)
        .values({**values, "entity": linked, "absent_at": None})
    )


def outvote(session: Bulk, rows: Table) -> None:
    """What other sources' records say in vain from now on (source, key, outvoted)."""
    session.run(
        update(shadow)
        .where(shadow.c.source == rows.c.source, shadow.c.key == rows.c.key)
        .values(outvoted=rows.c.outvoted)
    )


def mark_absent(session: Bulk, number: int, keys: Table, moment: dt.datetime) -> None:
    session.run(
        update(shadow).where(shadow.c.source == number, shadow.c.key == keys.c.key).values(absent_at=moment)
    )


def created(session: Bulk, number: int, wanted: Table) -> Wire:
    """key, entity: records (CREATED) that an outbound source knows by the id its target gave, or by the natural
    key it was delivered under."""
    there = and_(shadow.c.source == number, shadow.c.entity.is_not(None), shadow.c.absent_at.is_(None))
    found = [
        select(wanted.c.key, shadow.c.entity).join(shadow, alike).where(there)
        for alike in (shadow.c.foreign_id == wanted.c.key, shadow.c.foreign_key == wanted.c.known)
    ]
    return session.read(select(*union(*found).subquery("created").c))


def intended(session: Bulk, number: int, wanted: Table) -> Wire:
    """key, entity (text): records (CREATED) that the hub meant to create, and does not know whether it did."""
    return session.read(
        select(wanted.c.key, intent.c.key.label("entity"))
        .join(intent, intent.c.foreign_key == wanted.c.known)
        .where(intent.c.source == number, intent.c.operation == "create")
    )


def past(session: Bulk, number: int, today: dt.date) -> Wire:
    """key, ends of a source's linked records whose last day has passed and was not reacted to yet."""
    return session.read(
        select(shadow.c.key, shadow.c.ends).where(
            shadow.c.source == number,
            shadow.c.ends < today.isoformat(),
            shadow.c.ends > OUT,
            shadow.c.entity.is_not(None),
            shadow.c.absent_at.is_(None),
        )
    )


def put_out_of_scope(session: Bulk, number: int, keys: Table) -> None:
    """Records that are gone, or whose last day has passed, and that was reacted to."""
    session.run(
        update(shadow).where(shadow.c.source == number, shadow.c.key == keys.c.key).values(ends=OUT)
    )


def silence(session: Bulk, number: int, keys: Table) -> None:
    """What records said that are gone does not come forward any more."""
    session.run(
        update(shadow)
        .where(shadow.c.source == number, shadow.c.key == keys.c.key, shadow.c.outvoted.is_not(None))
        .values(outvoted=None)
    )


def step_back(session: Bulk, number: int, rows: Table) -> None:
    """Records that stood for ``survivor`` stand for ``entity`` again, and are looked at by the next full run."""
    session.run(
        update(shadow)
        .where(shadow.c.source == number, shadow.c.key == rows.c.key, shadow.c.entity == rows.c.survivor)
        .values(entity=rows.c.entity, map_hash=0)
    )


def unlink(session: Bulk, number: int, keys: Table) -> None:
    session.run(
        update(shadow).where(shadow.c.source == number, shadow.c.key == keys.c.key).values(entity=None)
    )


def bury(session: Bulk, number: int, rows: Table) -> None:
    """The version by which each record was deleted (columns of BURIED)."""
    session.run(
        update(shadow)
        .where(shadow.c.source == number, shadow.c.key == rows.c.key)
        .values(cur=rows.c.cur, map_hash=rows.c.map_hash)
    )


def bury_unseen(session: Bulk, number: int, rows: Table) -> None:
    """The same for records that were never seen: an absent one without hash and entity."""
    values = select(
        literal(number, shadow.c.source.type),
        rows.c.key,
        literal(0, shadow.c.hash.type),
        rows.c.map_hash,
        rows.c.cur,
        literal(now(), shadow.c.absent_at.type),
    )
    names = ("source", "key", "hash", "map_hash", "cur", "absent_at")
    session.run(insert(shadow).from_select([shadow.c[name] for name in names], values))
