"""Golden records as they were: what the hub held of them at a moment."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, select, union_all

from hub.store.database import Database
from hub.store.many import among, batches
from hub.store.models import entity_table, history_table
from hub.store.prepared import one_of
from hub.store.tables import model_seq

THERE: Final = 2
"""States below it are those of records that are there: active or disabled."""
Row = dict[str, Any]


def seq_of(database: Database, model: str) -> int:
    """The number of a model's last commit."""
    rows = database.rows(
        ("seq_of",), lambda: select(model_seq.c.seq).where(model_seq.c.model == bindparam("model")), {"model": model}
    )
    return rows[0]["seq"] if rows else 0


def rows_of(
    database: Database, model: str, ids: Iterable[uuid.UUID], moment: dt.datetime | None = None
) -> dict[uuid.UUID, Row]:
    """Records by their ids, ``_state`` and all fields included; at a moment, those that the hub had then."""

    def query() -> Select[Any]:
        golden = database.tables[entity_table(model)]
        return select(golden).where(one_of(database.dialect, golden.c["_id"], "ids"))

    found: dict[uuid.UUID, Row] = {}
    for some in batches(ids):
        rows = {row["_id"]: row for row in database.rows(("rows_of", model), query, {"ids": some})}
        if moment is not None:
            later = [one for one, row in rows.items() if row["_updated_at"] > moment]
            rows = {one: row for one, row in rows.items() if row["_updated_at"] <= moment}
            rows |= _then(database, model, later, moment)
        found |= rows
    return found


def _then(database: Database, model: str, ids: list[uuid.UUID], moment: dt.datetime) -> dict[uuid.UUID, Row]:
    if not ids:
        return {}
    history = database.tables[history_table(model)]
    with database.begin(reading=True) as connection:
        query = select(history).where(among(connection, history.c["_id"], ids), _held(history, moment))
        return {row["_id"]: dict(row) for row in connection.execute(query).mappings()}


def _held(history: Table, moment: dt.datetime) -> ColumnElement[bool]:
    return and_(history.c["_updated_at"] <= moment, history.c["_replaced_at"] > moment)


def changed(database: Database, model: str, names: Iterable[str], since: int) -> tuple[int, list[tuple[Any, ...]]]:
    """The number of the last commit, and _id, _state and ``names`` of what was changed after ``since``."""
    golden = database.tables[entity_table(model)]
    with database.begin(reading=True) as connection:
        last = connection.scalar(select(model_seq.c.seq).where(model_seq.c.model == model)) or 0
        rows = connection.execute(_named(golden, names).where(golden.c["_seq"] > since, golden.c["_seq"] <= last))
        return last, [tuple(row) for row in rows]


def all_then(database: Database, model: str, names: Iterable[str], moment: dt.datetime) -> list[tuple[Any, ...]]:
    """_id, _state and ``names`` of every record as the hub had it at a moment."""
    golden, history = database.tables[entity_table(model)], database.tables[history_table(model)]
    every = list(names)
    query = union_all(
        _named(golden, every).where(golden.c["_updated_at"] <= moment),
        _named(history, every).where(_held(history, moment)),
    )
    with database.begin(reading=True) as connection:
        return [tuple(row) for row in connection.execute(query)]


def _named(table: Table, names: Iterable[str]) -> Select[Any]:
    return select(table.c["_id"], table.c["_state"], *(table.c[name] for name in names))
