"""Lists by keyset: the rows after a place, in an order that no later write disturbs. Only rows of the exchanges
and models that the caller may see are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, tuple_

from hub.store import plans, reviews, tables
from hub.store.database import Database
from hub.store.journal import RunRow, read_row
from hub.store.models import entity_table
from hub.store.plans import PlanRow
from hub.store.quarantined import CLOSED
from hub.store.reports import STATES, Entity, Entry, entity_rows, entry_rows
from hub.store.review_tables import review
from hub.store.reviews import Review

After = Sequence[Any] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a model is wanted: fields that have a value (text as it is compared), a state (None: all),
    and the order: ``created`` or ``changed``."""

    equal: Mapping[str, Any]
    state: str | None = "active"
    order: str = "created"


def runs(
    database: Database, exchanges: Collection[str], after: After, limit: int, state: str | None = None
) -> list[RunRow]:
    """The newest first; ``after`` is (id,)."""
    table = tables.run
    query = select(table).where(table.c.exchange.in_(exchanges))
    if state is not None:
        query = query.where(table.c.state == state)
    with database.begin(reading=True) as connection:
        return [read_row(row) for row in connection.execute(back(query, [table.c.id], after, limit))]


def last_runs(database: Database, exchanges: Collection[str]) -> dict[str, RunRow]:
    """The newest run of each exchange that has one, in one question however many there are."""
    table = tables.run
    newest = [
        select(table.c.id).where(table.c.exchange == name).order_by(table.c.id.desc()).limit(1).scalar_subquery()
        for name in exchanges
    ]
    with database.begin(reading=True) as connection:
        rows = connection.execute(select(table).where(table.c.id.in_(newest)))
        return {row.exchange: read_row(row) for row in rows}


def stored_plans(
    database: Database, exchanges: Collection[str], after: After, limit: int, state: str | None = None
) -> list[PlanRow]:
    """The newest first; ``after`` is (id,)."""
    table = tables.plan
    query = select(table).where(table.c.exchange.in_(exchanges))
    if state is not None:
        query = query.where(table.c.state == state)
    with database.begin(reading=True) as connection:
        return [plans.read_row(row) for row in connection.execute(back(query, [table.c.id], after, limit))]


def quarantined(
    database: Database,
    exchanges: Collection[str],
    after: After,
    limit: int,
    *,
    code: str | None = None,
    cause: str | None = None,
    closed: bool = False,
) -> list[Entry]:
    """The newest first; ``after`` is (id,)."""
    table = tables.quarantine
    query = select(table).where(table.c.exchange.in_(exchanges))
    if code is not None:
        query = query.where((table.c.code == code) | table.c.code.startswith(f"{code}.", autoescape=True))
    if cause is not None:
        query = query.where(table.c.cause == cause)
    if not closed:
        query = query.where(table.c.state.not_in(CLOSED))
    return entry_rows(database, back(query, [table.c.id], after, limit))


def open_reviews(
    database: Database, exchanges: Collection[str], after: After, limit: int, state: str = "open"
) -> list[Review]:
    """The oldest first; ``after`` is (opened_at, id)."""
    query = reviews.counted().where(review.c.exchange.in_(exchanges), review.c.state == state)
    with database.begin(reading=True) as connection:
        rows = connection.execute(on(query, [review.c.opened_at, review.c.id], after, limit))
        return [reviews.read_row(row) for row in rows]


def entities(database: Database, model: str, wanted: Wanted, after: After, limit: int) -> list[tuple[int, Entity]]:
    """Golden records with their place in the model's sequence of commits, in the order in which they came, or
    by that place: ``after`` is (id,) or (seq, id)."""
    golden = database.tables[entity_table(model)]
    query = select(golden)
    if wanted.state is not None:
        numbers = {name: number for number, name in STATES.items()}
        query = query.where(golden.c["_state"] == numbers[wanted.state])
    for name, value in wanted.equal.items():
        query = query.where(golden.c[name] == value)
    changed = wanted.order == "changed"
    columns = [golden.c["_seq"], golden.c["_id"]] if changed else [golden.c["_id"]]
    return entity_rows(database, model, on(query, columns, after, limit))


def on(query: Select[Any], columns: Sequence[ColumnElement[Any]], after: After, limit: int) -> Select[Any]:
    """The rows after a place, upwards."""
    if after is not None:
        query = query.where(tuple_(*columns) > place(columns, after))
    return query.order_by(*columns).limit(limit)


def back(query: Select[Any], columns: Sequence[ColumnElement[Any]], after: After, limit: int) -> Select[Any]:
    """The rows after a place, downwards."""
    if after is not None:
        query = query.where(tuple_(*columns) < place(columns, after))
    return query.order_by(*(column.desc() for column in columns)).limit(limit)


def place(columns: Sequence[ColumnElement[Any]], after: Sequence[Any]) -> Any:
    """A place as a row that the columns are compared with."""
    return tuple_(*(literal(value, column.type) for column, value in zip(columns, after, strict=True)))
