"""People as they are looked for: by beginnings of texts, by what they are called, by where they belong."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Connection,
    Date,
    Integer,
    Select,
    Table,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)

from hub.store.database import Database
from hub.store.many import among, batches
from hub.store.models import beginning, entity_table, history_table
from hub.store.prepared import one_of
from hub.workspace.organization import LINE, Posts
from hub.workspace.people import People

TOP: Final = "\U0010ffff"
RECORD: Final = ("_id", "_seq", "_state", "_updated_at")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """``text`` is what one of ``fields`` begins with; ``equal`` are fields and their values; ``state`` None: all."""

    text: str = ""
    fields: Sequence[str] = ()
    equal: Mapping[str, Any] = field(default_factory=dict)
    state: int | None = 0


Place = tuple[int, str, uuid.UUID]
"""Where a list stands: the number of the field that was searched, its text, the person."""
START: Final[Place] = (0, "", uuid.UUID(int=0))


def matching(
    database: Database,
    people: People,
    wanted: Wanted,
    after: Place | None,
    limit: int,
    units: Collection[uuid.UUID] | None = None,
    today: dt.date | None = None,
    *,
    light: bool = False,
) -> list[Row]:
    """Persons one of whose fields begins with the text: those of the first field in the order of its text (``_by``) and
    of their ids, then those of the next (``_n``) that no field before it finds. ``units`` are the organizations that
    they belong to, by themselves or by a post of a day. Of a row what lists show, and of its organization ``_u_…``;
    with ``light`` only where it stands and its organization's id."""
    fields = tuple(wanted.fields) if wanted.text else ()
    shape = ("matching", fields, tuple(wanted.equal), wanted.state, after is not None, units is not None, light)

    def query() -> Select[Any]:
        golden = database.tables[entity_table(people.model)]
        shown = _shown(database, people, golden, light=light)
        near = _near(database, people) if units is not None else None
        return _statement(database, shown, golden, wanted, fields, near, paged=after is not None)

    branch, by, one = after or START
    given: dict[str, Any] = {f"eq_{name}": value for name, value in wanted.equal.items()} | {"most": limit}
    if fields:
        given["text"] = wanted.text
    if after is not None:
        given |= {"branch": branch, "by": by, "one": one} if fields else {"one": one}
    if units is not None:
        given["units"] = list(units)
        if people.posts is not None and LINE in people.posts.in_:
            given["day"] = today
    return database.rows(shape, query, given)


def told(database: Database, people: People, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Row]:
    """The same rows of persons by id, without where they stand."""

    def query() -> Select[Any]:
        golden = database.tables[entity_table(people.model)]
        return _shown(database, people, golden).where(one_of(database.dialect, golden.c["_id"], "ids"))

    found: dict[uuid.UUID, Row] = {}
    for some in batches(ids):
        found |= {row["_id"]: row for row in database.rows(("people_told", people.model), query, {"ids": some})}
    return found


def _statement(
    database: Database,
    shown: Select[Any],
    golden: Table,
    wanted: Wanted,
    fields: Sequence[str],
    near: CTE | None,
    *,
    paged: bool,
) -> Select[Any]:
    """Each branch is looked at only where those before it do not fill the page."""
    conditions = [golden.c[name] == bindparam(f"eq_{name}", type_=golden.c[name].type) for name in wanted.equal]
    conditions.append(golden.c["_state"] < 2 if wanted.state is None else golden.c["_state"] == wanted.state)
    if near is not None:
        conditions.append(golden.c["_id"].in_(select(near.c.person)))
    most = bindparam("most", type_=Integer())
    one = bindparam("one", type_=golden.c["_id"].type)
    if not fields:
        query = shown.add_columns(literal_column("0").label("_n"), literal_column("''").label("_by")).where(*conditions)
        return (query.where(golden.c["_id"] > one) if paged else query).order_by(golden.c["_id"]).limit(most)
    branches: list[CTE] = []
    for number, name in enumerate(fields):
        by = beginning(golden.c[name], database.dialect)
        query = shown.add_columns(literal_column(str(number)).label("_n"), by.label("_by"))
        query = query.where(*conditions, *_begins(database, golden, fields, number))
        if branches:
            filled = union_all(*(select(each.c["_n"]) for each in branches)).subquery()
            query = query.where(select(func.count()).select_from(filled).scalar_subquery() < most)
        if paged:
            query = query.where(*_after(by, golden.c["_id"], one, number))
        made = query.order_by(by, golden.c["_id"]).limit(most).cte(f"b{number}")
        branches.append(made.prefix_with("MATERIALIZED", dialect="postgresql"))
    every = union_all(*(select(each) for each in branches)).subquery()
    return select(every).order_by(every.c["_n"], every.c["_by"], every.c["_id"]).limit(most)


def _after(by: ColumnElement[str], identity: Any, one: Any, number: int) -> list[ColumnElement[bool]]:
    """The rows of a branch after a place, which lies in it or before it; the second condition is for the index."""
    here, place = bindparam("branch", type_=Integer()), bindparam("by", type_=Text())
    low = case((here == number, place), else_=func.lower(bindparam("text", type_=Text())))
    return [here <= number, by >= low, or_(here < number, by > place, and_(by == place, identity > one))]


def _shown(database: Database, people: People, golden: Table, *, light: bool = False) -> Select[Any]:
    """What lists show of a person: the columns of his record, and those of his organization."""
    shape = database.models[people.model]
    names = dict.fromkeys([*shape.key, *people.receivers.values()])
    if people.name is not None:
        names[people.name] = None
    line = people.organization
    if light and line is not None:
        return select(golden.c["_id"], golden.c[line.of])
    if line is None:
        return select(*(golden.c[name] for name in (*RECORD, *names)))
    names[line.of] = None
    units = database.tables[entity_table(line.model)].alias("u")
    of_unit = dict.fromkeys(["_id", *database.models[line.model].key])
    of_unit |= dict.fromkeys(name for name in (line.name, line.external) if isinstance(name, str))
    told = [units.c[name].label(f"_u_{name}") for name in of_unit]
    query = select(*(golden.c[name] for name in (*RECORD, *names)), *told)
    return query.select_from(golden.outerjoin(units, units.c["_id"] == golden.c[line.of]))


def _begins(database: Database, golden: Table, fields: Sequence[str], branch: int) -> list[ColumnElement[bool]]:
    low = func.lower(bindparam("text", type_=Text()))

    def begins(name: str) -> ColumnElement[bool]:
        by = beginning(golden.c[name], database.dialect)
        return and_(by >= low, by < low.concat(TOP))

    def found(name: str) -> ColumnElement[bool]:  # no index is asked, and this folds the text once
        by = beginning(golden.c[name], database.dialect)
        return func.starts_with(by, low) if database.dialect == "postgresql" else begins(name)

    earlier = [~func.coalesce(found(name), literal(False)) for name in fields[:branch]]
    return [begins(fields[branch]), *earlier]


def _near(database: Database, people: People) -> CTE:
    """Who belongs to the organizations: found first, because they are few."""
    assert people.organization is not None
    golden = database.tables[entity_table(people.model)]

    def among_units(column: Any) -> ColumnElement[bool]:
        if database.dialect == "postgresql":
            return cast(ColumnElement[bool], column == any_(bindparam("units", type_=ARRAY(Uuid()))))
        return cast(ColumnElement[bool], column.in_(bindparam("units", expanding=True, type_=Uuid())))

    found: Any = select(golden.c["_id"].label("person")).where(among_units(golden.c[people.organization.of]))
    posts = people.posts
    if posts is not None and LINE in posts.in_:
        table = database.tables[entity_table(posts.model)]
        day = bindparam("day", type_=Date())
        here = among_units(table.c[posts.in_[LINE]])
        found = found.union(select(table.c[posts.person].label("person")).where(here, *valid(table, posts, day)))
    cte: CTE = found.cte("near").prefix_with("MATERIALIZED", dialect="postgresql")
    return cte


def valid(table: Table, posts: Posts, day: Any) -> list[ColumnElement[bool]]:
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

    def query() -> Select[Any]:
        golden = database.tables[entity_table(model)]
        found = select(golden.c["_id"], golden.c["_state"])
        return found.where(golden.c[key[0]] == bindparam("called"), golden.c["_state"] < 3).limit(100)

    rows = database.rows(("records_by_key", model), query, {"called": called})
    best = min((row["_state"] for row in rows), default=0)
    return [row["_id"] for row in rows if row["_state"] == best][:2]


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
