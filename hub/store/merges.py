"""Merges of entities as stored: golden rows rewritten, links and references moved, ids redirected.

All of it happens in the caller's transaction, which holds the leases of every model and exchange it
touches.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Executable, Table, and_, delete, insert, select, update

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database
from hub.store.review_tables import decision, entity_merge, merge_link, redirect
from hub.store.tables import intent, shadow, source

Session = Connection  # what callers hand through
MERGED = 3  # the state of a golden row that went into another


@dataclass(frozen=True, slots=True)
class Golden:
    """One version of a golden row. ``origins``: field → mapping that supplied it."""

    id: uuid.UUID
    version: int
    state: int
    origins: Mapping[str, str]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """A foreign record that stands for an entity, or the object of a target that was made of it."""

    source: int
    exchange: str
    output: str
    direction: str
    key: str
    entity: uuid.UUID
    absent: bool
    outvoted: str | None
    foreign_id: str | None


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge as it was made."""

    id: uuid.UUID
    model: str
    survivor: uuid.UUID
    loser: uuid.UUID
    survivor_version: int
    loser_version: int
    seq: int
    state: str
    made_by: str
    reason: str
    made_at: dt.datetime
    undone_by: str | None = None
    undone_at: dt.datetime | None = None


class Statements:
    """A connection as the functions for bulk sessions take it: they only run statements."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect.name

    def run(self, statement: Executable | str) -> list[tuple[Any, ...]]:
        connection = self._connection
        if isinstance(statement, str):
            result: Any = connection.exec_driver_sql(statement)
        else:
            result = connection.execute(statement)
        return [tuple(row) for row in result.all()] if result.returns_rows else []


def session(connection: Connection) -> Bulk:
    """The connection for functions that only run statements."""
    return cast(Bulk, Statements(connection))


# ------------------------------------------------------------ links


def links(connection: Connection, entity: uuid.UUID) -> list[Link]:
    """Everything foreign that stands for an entity, inbound and in targets."""
    query = (
        select(shadow, source.c.exchange, source.c.output, source.c.direction)
        .join(source, source.c.id == shadow.c.source)
        .where(shadow.c.entity == entity)
        .order_by(source.c.exchange, shadow.c.key)
    )
    return [
        Link(
            row.source,
            row.exchange,
            row.output.partition(":")[2] or row.output,
            row.direction,
            row.key,
            entity,
            row.absent_at is not None,
            row.outvoted,
            row.foreign_id,
        )
        for row in connection.execute(query)
    ]


def in_doubt(connection: Connection, entity: uuid.UUID) -> list[str]:
    """Exchanges that have begun to create an object of the entity, and do not know how that ended."""
    query = (
        select(source.c.exchange)
        .join(intent, intent.c.source == source.c.id)
        .where(intent.c.key == str(entity), source.c.direction == "outbound")
    )
    return sorted(connection.scalars(query))


def remember(
    connection: Connection, merge: uuid.UUID, one: Link, role: str, outvoted: str | None
) -> None:
    """Keep how a record took part in a merge."""
    connection.execute(
        insert(merge_link).values(
            merge=merge,
            source=one.source,
            key=one.key,
            role=role,
            outvoted_before=one.outvoted,
            outvoted_after=outvoted,
        )
    )


def relink(connection: Connection, number: int, key: str, values: Mapping[str, Any]) -> None:
    """Change one shadow."""
    mine = and_(shadow.c.source == number, shadow.c.key == key)
    connection.execute(update(shadow).where(mine).values(dict(values)))


def relink_from(
    connection: Connection, number: int, key: str, old: uuid.UUID, new: uuid.UUID
) -> None:
    """A record that stands for ``old`` stands for ``new``."""
    mine = and_(shadow.c.source == number, shadow.c.key == key, shadow.c.entity == old)
    connection.execute(update(shadow).where(mine).values(entity=new))


def remembered(connection: Connection, merge: uuid.UUID) -> list[Any]:
    """source, key, role, outvoted_before and _after of a merge's records, with their exchange and how they
    stand now (entity, outvoted)."""
    query = (
        select(merge_link, source.c.exchange, shadow.c.entity, shadow.c.outvoted)
        .join(source, source.c.id == merge_link.c.source)
        .outerjoin(
            shadow, and_(shadow.c.source == merge_link.c.source, shadow.c.key == merge_link.c.key)
        )
        .where(merge_link.c.merge == merge)
        .order_by(merge_link.c.source, merge_link.c.key)
    )
    return list(connection.execute(query).all())


def decided_links(connection: Connection, entity: uuid.UUID) -> list[tuple[int, str]]:
    """source, key of the records that somebody said are an entity."""
    query = select(decision.c.source, decision.c.key).where(
        decision.c.entity == entity, decision.c.kind == "link"
    )
    return [(number, key) for number, key in connection.execute(query.distinct())]


# ------------------------------------------------------------ merges and redirects


def any_merged(bulk: Bulk, model: str) -> bool:
    return bool(bulk.run(select(redirect.c.entity).where(redirect.c.model == model).limit(1)))


def redirects(bulk: Bulk, model: str) -> Wire:
    """entity, target: where each merged entity of a model leads to."""
    return bulk.read(select(redirect.c.entity, redirect.c.target).where(redirect.c.model == model))


def stayed(bulk: Bulk, number: int, entities: Table) -> Wire:
    """key, loser, merge: records of a source that stand for ``entities`` and were put behind another record of it
    by a merge: then they stood for what went into those (``loser``)."""
    query = (
        select(merge_link.c.key, entity_merge.c.loser, entity_merge.c.id.label("merge"))
        .join(entity_merge, entity_merge.c.id == merge_link.c.merge)
        .join(shadow, and_(shadow.c.source == merge_link.c.source, shadow.c.key == merge_link.c.key))
        .join(entities, entities.c.entity == shadow.c.entity)
        .join(redirect, redirect.c.entity == entity_merge.c.loser)
        .where(
            merge_link.c.source == number,
            merge_link.c.role == "stayed",
            entity_merge.c.state == "made",
            redirect.c.target == shadow.c.entity,
        )
    )
    return bulk.read(query)


def redirected(connection: Connection, identity: uuid.UUID) -> uuid.UUID:
    """Where an id leads to; itself where it was not merged away."""
    return connection.scalar(select(redirect.c.target).where(redirect.c.entity == identity)) or identity


def ends_of(database: Database, identities: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """The same for several, each once."""
    with database.begin(reading=True) as connection:
        return list(dict.fromkeys(redirected(connection, one) for one in identities))


def add(connection: Connection, merge: Mapping[str, Any]) -> None:
    """A merge, and the redirects that follow from it: chains end at the survivor."""
    connection.execute(insert(entity_merge).values(state="made", **merge))
    loser, survivor = merge["loser"], merge["survivor"]
    connection.execute(update(redirect).where(redirect.c.target == loser).values(target=survivor))
    connection.execute(
        insert(redirect).values(
            entity=loser, model=merge["model"], survivor=survivor, target=survivor, merge=merge["id"]
        )
    )


def undo(connection: Connection, one: Merge, *, by: str, reason: str, moment: dt.datetime) -> None:
    """The loser is itself again, and what was merged into it before leads to it."""
    connection.execute(
        update(entity_merge)
        .where(entity_merge.c.id == one.id)
        .values(state="undone", undone_by=by, undone_reason=reason, undone_at=moment)
    )
    connection.execute(delete(redirect).where(redirect.c.entity == one.loser))
    behind = {
        row.entity: row.survivor
        for row in connection.execute(select(redirect).where(redirect.c.target == one.survivor))
    }
    for entity in behind:
        end = entity
        while end in behind:
            end = behind[end]
        if end == one.loser:
            connection.execute(update(redirect).where(redirect.c.entity == entity).values(target=end))


def find(connection: Connection, identity: uuid.UUID) -> Merge | None:
    """A merge by its id."""
    row = connection.execute(select(entity_merge).where(entity_merge.c.id == identity)).one_or_none()
    return None if row is None else read_row(row)


def later(connection: Connection, one: Merge) -> Merge | None:
    """The merge that must be undone first: a newer one of the survivor, or one that took the survivor away."""
    query = (
        select(entity_merge)
        .where(
            entity_merge.c.state == "made",
            entity_merge.c.id != one.id,
            (entity_merge.c.loser == one.survivor)
            | ((entity_merge.c.survivor == one.survivor) & (entity_merge.c.seq > one.seq)),
        )
        .order_by(entity_merge.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else read_row(row)


def list_merges(
    database: Database, model: str | None = None, *, undone: bool = False, limit: int = 50
) -> list[Merge]:
    """Newest first."""
    query = select(entity_merge).order_by(entity_merge.c.made_at.desc()).limit(limit)
    if model:
        query = query.where(entity_merge.c.model == model)
    if not undone:
        query = query.where(entity_merge.c.state == "made")
    with database.begin(reading=True) as connection:
        return [read_row(row) for row in connection.execute(query)]


def read_row(row: Any) -> Merge:
    """A row of the table as a merge."""
    names = (
        *("id", "model", "survivor", "loser", "survivor_version", "loser_version", "seq", "state"),
        *("made_by", "reason", "made_at", "undone_by", "undone_at"),
    )
    return Merge(**{name: row._mapping[name] for name in names})
