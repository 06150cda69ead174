"""Values that were given to one entity and to no other: who holds them, and who held them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    union_all,
)

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database
from hub.store.issued_tables import issued
from hub.store.models import entity_table
from hub.store.review_tables import redirect

ISSUED = {"value": issued.c.value, "entity": issued.c.entity}
DELETED = 2


def _golden(database: Database, model: str) -> Table:
    return database.tables[entity_table(model)]


def _gone(golden: Table, model: str) -> ColumnElement[bool]:
    """Deleted for good: not merged into somebody who has what it had."""
    merged = exists().where(redirect.c.model == model, redirect.c.entity == golden.c["_id"])
    return and_(golden.c["_state"] == DELETED, ~merged)


def holders(session: Bulk, database: Database, model: str, field: str) -> Wire:
    """value, freed: what anybody has or had; freed is when its holder was deleted, else null. All of it: how values
    compare is known to no index."""
    golden = _golden(database, model)
    freed = case((_gone(golden, model), golden.c["_updated_at"]), else_=null()).label("freed")
    now = select(golden.c[field].label("value"), freed).where(golden.c[field].is_not(None))
    once = (
        select(issued.c.value, freed)
        .outerjoin(golden, golden.c["_id"] == issued.c.entity)
        .where(issued.c.model == model, issued.c.field == field)
    )
    return session.read(select(*union_all(now, once).subquery("both").c))


def own(session: Bulk, database: Database, model: str, field: str, wanted: Table) -> Wire:
    """entity, value, issued: what the entities of ``wanted`` (column _id) have, or had last."""
    golden = _golden(database, model)
    now = (
        select(golden.c["_id"].label("entity"), golden.c[field].label("value"), literal(0).label("rank"))
        .join(wanted, wanted.c["_id"] == golden.c["_id"])
        .where(golden.c[field].is_not(None))
    )
    once = (
        select(issued.c.entity, func.max(issued.c.value).label("value"), literal(1).label("rank"))
        .join(wanted, wanted.c["_id"] == issued.c.entity)
        .where(issued.c.model == model, issued.c.field == field)
        .group_by(issued.c.entity)
    )
    return session.read(select(*union_all(now, once).subquery("both").c))


def others(session: Bulk, model: str, field: str, given: Table) -> Wire:
    """entity: those of ``given`` (value, entity) whose value was issued to another entity."""
    return session.read(
        select(given.c.entity)
        .join(issued, issued.c.value == given.c.value)
        .where(issued.c.model == model, issued.c.field == field, issued.c.entity != given.c.entity)
    )


def release(session: Bulk, database: Database, model: str, field: str, given: Table) -> None:
    """Values of ``given`` (value, entity) that somebody had who is deleted are free."""
    golden = _golden(database, model)
    taken = exists().where(given.c.value == issued.c.value, given.c.entity != issued.c.entity)
    gone = exists().where(golden.c["_id"] == issued.c.entity, _gone(golden, model))
    session.run(delete(issued).where(issued.c.model == model, issued.c.field == field, taken, gone))


def give(session: Bulk, model: str, field: str, given: Table, moment: dt.datetime) -> None:
    """``given`` (value, entity) have these values from now on; who has one already keeps it."""
    there = exists().where(
        issued.c.model == model, issued.c.field == field, issued.c.value == given.c.value,
        issued.c.entity == given.c.entity,
    )  # fmt: skip
    at: Any = literal(moment, issued.c.at.type)
    columns = select(literal(model), literal(field), given.c.value, given.c.entity, at).where(~there)
    session.run(insert(issued).from_select(["model", "field", "value", "entity", "at"], columns))
