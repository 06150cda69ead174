"""People as they are looked for: by beginnings of texts, by what they are called, by where they belong."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, Select, Table, and_, func, literal, or_, select, tuple_

from hub.store.dashboards import below
from hub.store.database import Database
from hub.store.listing import on
from hub.store.many import among, batches
from hub.store.models import beginning, entity_table, history_table
from hub.workspace.organization import LINE, Posts
from hub.workspace.people import People

TOP: Final = "\U0010ffff"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """``text`` is what one of ``fields`` begins with; ``equal`` are fields and their values; ``state`` None: all."""

    text: str = ""
    fields: Sequence[str] = ()
    equal: Mapping[str, Any] = field(default_factory=dict)
    state: int | None = 0


def matching(
    connection: Connection,
    database: Database,
    people: People,
    wanted: Wanted,
    branch: int,
    after: tuple[str, uuid.UUID] | None,
    limit: int,
    near: Collection[uuid.UUID] | None = None,
    today: dt.date | None = None,
) -> list[Row]:
    """Persons whose field number ``branch`` begins with the text, and no field before it: in the order of that text
    (``_by``), then of their ids. ``near`` are organizations, each with all below it, that they must belong to."""
    golden = database.tables[entity_table(people.model)]
    conditions: list[ColumnElement[bool]] = [golden.c[name] == value for name, value in wanted.equal.items()]
    conditions += _begins(database, golden, wanted, branch)
    if wanted.state is None:
        conditions.append(golden.c["_state"] < 2)
    else:
        conditions.append(golden.c["_state"] == wanted.state)
    if near is not None and today is not None:
        conditions.append(golden.c["_id"].in_(select(_near(database, people, near, today).c.person)))
    if not wanted.text:
        place = None if after is None else [after[1]]
        query = on(select(golden, literal("").label("_by")).where(*conditions), [golden.c["_id"]], place, limit)
    else:
        by = beginning(golden.c[wanted.fields[branch]], database.dialect)
        query = select(golden, by.label("_by")).where(*conditions)
        if after is not None:
            query = query.where(by >= after[0], or_(by > after[0], golden.c["_id"] > after[1]))
        query = query.order_by(by, golden.c["_id"]).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def _begins(database: Database, golden: Table, wanted: Wanted, branch: int) -> list[ColumnElement[bool]]:
    if not wanted.text:
        return []
    low = func.lower(literal(wanted.text))

    def begins(name: str) -> ColumnElement[bool]:
        by = beginning(golden.c[name], database.dialect)
        return and_(by >= low, by < low.concat(TOP))

    earlier = [~func.coalesce(begins(name), literal(False)) for name in wanted.fields[:branch]]
    return [begins(wanted.fields[branch]), *earlier]


def _near(database: Database, people: People, roots: Collection[uuid.UUID], today: dt.date) -> CTE:
    """Who belongs to the organizations: found first, because they are few."""
    assert people.organization is not None
    golden = database.tables[entity_table(people.model)]
    units = below(database, people.organization, roots).subquery("units")
    found: Any = select(golden.c["_id"].label("person")).join(units, units.c.id == golden.c[people.organization.of])
    posts = people.posts
    if posts is not None and LINE in posts.in_:
        table = database.tables[entity_table(posts.model)]
        by_post = (
            select(table.c[posts.person].label("person"))
            .join(units, units.c.id == table.c[posts.in_[LINE]])
            .where(*valid(table, posts, today))
        )
        found = found.union(by_post)
    cte: CTE = found.cte("near").prefix_with("MATERIALIZED", dialect="postgresql")
    return cte


def valid(table: Table, posts: Posts, day: dt.date) -> list[ColumnElement[bool]]:
    """Posts that somebody has on a day: neither before the first nor after the last, both included."""
    found = [table.c["_state"] == 0]
    if posts.from_ is not None:
        found.append(or_(table.c[posts.from_].is_(None), table.c[posts.from_] <= day))
    if posts.to is not None:
        found.append(or_(table.c[posts.to].is_(None), table.c[posts.to] >= day))
    return found


def posts_of(connection: Connection, database: Database, posts: Posts, persons: Iterable[uuid.UUID]) -> list[Row]:
    """All posts that these persons ever had in the hub, whatever their state."""
    table = database.tables[entity_table(posts.model)]
    found: list[Row] = []
    for some in batches(persons):
        query = select(table).where(among(connection, table.c[posts.person], some), table.c["_state"] < 3)
        found += [dict(row) for row in connection.execute(query.order_by(table.c["_id"])).mappings()]
    return found


def places(
    connection: Connection, database: Database, posts: Posts, dimension: str, persons: Iterable[uuid.UUID], day: dt.date
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(person, organization) by posts of a day."""
    if dimension not in posts.in_:
        return []
    table = database.tables[entity_table(posts.model)]
    person, unit = table.c[posts.person], table.c[posts.in_[dimension]]
    found: list[tuple[uuid.UUID, uuid.UUID]] = []
    for some in batches(persons):
        theirs = select(person, unit).where(among(connection, person, some), unit.is_not(None))
        query = theirs.where(*valid(table, posts, day))
        found += [(row[0], row[1]) for row in connection.execute(query)]
    return found


def changed(
    connection: Connection, database: Database, model: str, after: tuple[int, uuid.UUID], limit: int
) -> list[Row]:
    """Records of a model in the order of commits."""
    golden = database.tables[entity_table(model)]
    columns = [golden.c["_seq"], golden.c["_id"]]
    query: Select[Any] = select(golden).where(golden.c["_seq"] >= after[0])  # by its index of blocks
    query = query.where(tuple_(*columns) > tuple_(*(literal(v, c.type) for c, v in zip(columns, after, strict=True))))
    return [dict(row) for row in connection.execute(query.order_by(*columns).limit(limit)).mappings()]


def by_key(database: Database, model: str, called: str) -> list[uuid.UUID]:
    """At most two records whose key, of one text field, is this: those that are there before those that are gone.
    Nothing where the key is another."""
    key = database.models[model].key
    if len(key) != 1 or database.models[model].fields[key[0]].type != "text":
        return []
    golden = database.tables[entity_table(model)]
    query = select(golden.c["_id"], golden.c["_state"]).where(golden.c[key[0]] == called, golden.c["_state"] < 3)
    with database.begin(reading=True) as connection:
        rows = [(state, identity) for identity, state in connection.execute(query.limit(100))]
    best = min((state for state, _ in rows), default=0)
    return [identity for state, identity in rows if state == best][:2]


def ever(
    connection: Connection, database: Database, model: str, field: str, ids: Iterable[uuid.UUID]
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(record, what a reference of it named) of its versions, the present one included."""
    found: list[tuple[uuid.UUID, uuid.UUID]] = []
    for table in (database.tables[entity_table(model)], database.tables[history_table(model)]):
        for some in batches(ids):
            query = select(table.c["_id"], table.c[field]).where(among(connection, table.c["_id"], some))
            found += [(row[0], row[1]) for row in connection.execute(query.where(table.c[field].is_not(None)))]
    return found


def named(
    connection: Connection, database: Database, model: str, fields: Sequence[str], text: str, limit: int
) -> list[uuid.UUID]:
    """Active records of a small model, one of whose fields contains a text."""
    golden = database.tables[entity_table(model)]
    has = [func.lower(golden.c[name]).contains(text.lower(), autoescape=True) for name in fields]
    query = select(golden.c["_id"]).where(or_(*has), golden.c["_state"] == 0).order_by(golden.c["_id"])
    return list(connection.scalars(query.limit(limit)))
