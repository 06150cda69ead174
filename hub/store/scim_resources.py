"""Resources of SCIM clients: read, searched page by page, and written with their version."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scim2_models import Resource
from scim2_models.path import AttributeBinding
from sqlalchemy import Connection, and_, delete, false, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from hub.errors import RecordRejected
from hub.store.database import Database
from hub.store.scim_filter import Condition, columns, condition, either, sorting
from hub.store.scim_tables import scim_resource

STEP = dt.timedelta(microseconds=1)
COLUMNS = (columns.id, columns.kind, columns.created, columns.modified, columns.version, columns.content)


@dataclass(frozen=True, slots=True)
class Row:
    """A stored resource; ``content`` is what the client said of it."""

    id: uuid.UUID
    kind: str
    created: dt.datetime
    modified: dt.datetime
    version: int
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A resource to be stored: what is unique of it, what is compared, and itself."""

    name: str | None
    external_id: str | None
    content: Mapping[str, Any]
    compared: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """How a search is sorted: an attribute, as each of the models has it, or by id alone."""

    bindings: Sequence[AttributeBinding] = ()
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One page: how many there are, its rows, and whether others come before and after it. ``keys`` are the sort
    values of its first and its last row."""

    total: int
    rows: Sequence[Row]
    before: bool = False
    after: bool = False
    keys: tuple[Any, Any] = (None, None)


def get(connection: Connection, client: str, kind: str, identity: uuid.UUID, *, lock: bool = False) -> Row | None:
    """One resource of a client. With ``lock`` nobody else changes it before the transaction ends."""
    query = select(*COLUMNS).where(columns.client == client, columns.kind == kind, columns.id == identity)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return Row(*row) if row else None


def add(connection: Connection, client: str, kind: str, identity: uuid.UUID, one: Written, moment: dt.datetime) -> Row:
    """A new resource. RecordRejected ``scim.taken``."""
    values = {
        "id": identity, "client": client, "kind": kind, "created": moment, "modified": moment, "version": 1,
        **_values(one),
    }  # fmt: skip
    try:
        connection.execute(insert(scim_resource).values(values))
    except IntegrityError as error:
        raise _taken(one) from error
    return Row(identity, kind, moment, moment, 1, one.content)


def change(
    connection: Connection, client: str, row: Row, one: Written, moment: dt.datetime
) -> Row | None:
    """The resource as it is now; None where somebody else changed it first. RecordRejected ``scim.taken``."""
    modified = max(moment, row.modified + STEP)  # a later state is later by its time too, whatever the clocks say
    here = and_(columns.client == client, columns.id == row.id, columns.version == row.version)
    statement = update(scim_resource).where(here).values(modified=modified, version=row.version + 1, **_values(one))
    try:
        changed = connection.execute(statement).rowcount
    except IntegrityError as error:
        raise _taken(one) from error
    return Row(row.id, row.kind, row.created, modified, row.version + 1, one.content) if changed else None


def remove(connection: Connection, client: str, row: Row) -> bool:
    """Whether it was there in that version."""
    here = and_(columns.client == client, columns.id == row.id, columns.version == row.version)
    return connection.execute(delete(scim_resource).where(here)).rowcount > 0


def matching(
    dialect: str, client: str, models: Mapping[str, type[Resource[Any]]], written: str | None
) -> Condition:
    """A client's resources of some kinds that a filter keeps. InvalidFilterException."""
    own = columns.client == client
    if written is None:
        return and_(own, columns.kind.in_(list(models)))
    kinds = [and_(columns.kind == kind, condition(dialect, model, written)) for kind, model in models.items()]
    return and_(own, either(kinds) if len(kinds) > 1 else kinds[0])


def by_index(
    connection: Connection, where: Condition, order: Order, start: int, count: int | None
) -> Found:
    """A page by its place."""
    if count == 0:
        return Found(_total(connection, where), [])
    key = sorting(connection.dialect.name, list(order.bindings))
    query = select(*COLUMNS).where(where).order_by(*_ordered(key, order.descending)).offset(start)
    rows = [Row(*row) for row in connection.execute(query if count is None else query.limit(count))]
    last = bool(rows or not start) and (count is None or len(rows) < count)  # then they need not be counted
    return Found(start + len(rows) if last else _total(connection, where), rows)


def by_key(
    connection: Connection,
    where: Condition,
    order: Order,
    count: int | None,
    position: tuple[bool, Any, uuid.UUID] | None,
) -> Found:
    """A page after a resource, or before it: ``position`` is whether it is before, its sort value and its id."""
    if count == 0:
        return Found(_total(connection, where), [])
    key = sorting(connection.dialect.name, list(order.bindings))
    backwards = position is not None and position[0]
    against = order.descending != backwards
    shown = key if key is not None else columns.id
    query = select(*COLUMNS, shown).where(where).order_by(*_ordered(key, against))
    if position is not None:
        query = query.where(_beyond(key, position[1], position[2], against))
    rows = connection.execute(query if count is None else query.limit(count + 1)).all()
    more = count is not None and len(rows) > count
    total = _total(connection, where) if more or position is not None else len(rows)
    rows = rows[:count] if more else rows
    if backwards:
        rows = rows[::-1]
    if not rows:
        return Found(total, [])
    ends = (rows[0][-1], rows[-1][-1]) if key is not None else (None, None)
    there = position is not None
    return Found(
        total,
        [Row(*row[:-1]) for row in rows],
        before=more if backwards else there,
        after=there if backwards else more,
        keys=ends,
    )


def _total(connection: Connection, where: Condition) -> int:
    return connection.scalar(select(func.count()).select_from(scim_resource).where(where)) or 0


def since(database: Database, client: str, kind: str, moment: dt.datetime | None, size: int) -> Iterator[list[Row]]:
    """All resources of a kind that changed since a moment, oldest first, in pages; the last one may be empty."""
    last: tuple[dt.datetime, uuid.UUID] | None = None
    here = and_(columns.client == client, columns.kind == kind)
    if moment is not None:
        here = and_(here, columns.modified >= moment)
    while True:
        query = select(*COLUMNS).where(here).order_by(columns.modified, columns.id).limit(size)
        if last is not None:
            after = or_(columns.modified > last[0], and_(columns.modified == last[0], columns.id > last[1]))
            query = query.where(after)
        with database.begin(reading=True) as connection:
            rows = [Row(*row) for row in connection.execute(query)]
        yield rows
        if len(rows) < size:
            return
        last = (rows[-1].modified, rows[-1].id)


def _values(one: Written) -> dict[str, Any]:
    return {"name": one.name, "external_id": one.external_id, "content": one.content, "compared": one.compared}


def _taken(one: Written) -> RecordRejected:
    return RecordRejected("scim.taken", "another resource of this client has the same name", hint="choose another one")


def _ordered(key: Any, descending: bool) -> list[Any]:
    """What has no value is last, and first in descending order."""
    parts = [] if key is None else [key.is_(None), key]
    return [part.desc() if descending else part.asc() for part in (*parts, columns.id)]


def _beyond(key: Any, value: Any, identity: uuid.UUID, descending: bool) -> Condition:
    """What comes after a resource in the order, forwards or against it."""
    later = columns.id < identity if descending else columns.id > identity
    if key is None:
        return later
    if value is None:
        rest = key.is_not(None) if descending else false()
        return or_(rest, and_(key.is_(None), later))
    beyond = key < value if descending else or_(key > value, key.is_(None))
    return or_(beyond, and_(key == value, later))
