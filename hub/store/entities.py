"""Golden rows, their history, and the counter that orders a model's commits."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    Column,
    Connection,
    Table,
    and_,
    false,
    func,
    insert,
    inspect,
    literal,
    literal_column,
    or_,
    select,
    union,
    update,
)

from hub import tracing
from hub.store import tables, wake
from hub.store.bulk import Bulk, Wire, deferred_indexes
from hub.store.database import Database, new_id
from hub.store.models import entity_table, history_table
from hub.store.review_tables import redirect


def columns(database: Database, model: str) -> Mapping[str, Column[Any]]:
    """The columns of a model's golden table by name."""
    return {column.name: column for column in database.tables[entity_table(model)].columns}


def any_there(session: Bulk, database: Database, model: str) -> bool:
    return bool(session.run(select(_golden(database, model).c["_id"]).limit(1)))


def _golden(database: Database, model: str) -> Table:
    return database.tables[entity_table(model)]


def read(session: Bulk, database: Database, model: str, wanted: Table | None = None) -> Wire:
    """_id, _version, _state, _origin and all fields; of the ids in ``wanted`` (column _id) only."""
    golden = _golden(database, model)
    names = ("_id", "_version", "_state", "_origin", *database.models[model].fields)
    query = select(*(golden.c[name] for name in names))
    return session.read(query if wanted is None else query.join(wanted, wanted.c["_id"] == golden.c["_id"]))


def changed_since(
    session: Bulk, database: Database, model: str, seq: int, wanted: Table | None = None
) -> Wire:
    """_id, _version, _seq, _state and all fields of what was committed after ``seq``; of ``wanted`` ids only."""
    golden = _golden(database, model)
    names = ("_id", "_version", "_seq", "_state", *database.models[model].fields)
    query = select(*(golden.c[name] for name in names)).where(golden.c["_seq"] > seq)
    return session.read(query if wanted is None else query.join(wanted, wanted.c["_id"] == golden.c["_id"]))


def candidates(session: Bulk, database: Database, model: str, values: Table, fields: Sequence[str]) -> Wire:
    """_id and ``fields`` of living entities whose fields equal a row of ``values``; one that was merged away
    stands for the one it went into."""
    golden = _golden(database, model)
    same = [golden.c[name] == values.c[name] for name in fields]
    named = [golden.c[name] for name in fields]
    query = select(golden.c["_id"], *named).where(golden.c["_state"] < 2, *same)
    if not session.run(select(redirect.c.entity).where(redirect.c.model == model).limit(1)):
        return session.read(query)
    merged = (
        select(redirect.c.target.label("_id"), *named)
        .join(redirect, redirect.c.entity == golden.c["_id"])
        .where(*same)
    )
    return session.read(select(*union(query, merged).subquery("both").c))


def living(session: Bulk, database: Database, model: str, fields: Sequence[str]) -> Wire:
    """_id and ``fields`` of all living entities."""
    golden = _golden(database, model)
    return session.read(
        select(golden.c["_id"], *(golden.c[name] for name in fields)).where(golden.c["_state"] < 2)
    )


def some(
    connection: Connection, database: Database, model: str, fields: Sequence[str], most: int
) -> list[dict[str, Any]]:
    """``fields`` of at most so many living entities; none where the model has no table yet."""
    golden = _golden(database, model)
    if not fields or not inspect(connection).has_table(golden.name):
        return []
    query = select(*(golden.c[name] for name in fields)).where(golden.c["_state"] < 2).limit(most)
    return [dict(row._mapping) for row in connection.execute(query)]


def versions(session: Bulk, database: Database, model: str, wanted: Table) -> Wire:
    """_id, _version: what a plan must find unchanged."""
    golden = _golden(database, model)
    return session.read(
        select(golden.c["_id"], golden.c["_version"]).join(wanted, wanted.c["_id"] == golden.c["_id"])
    )


def linked_to(session: Bulk, database: Database, model: str, number: int, keys: Table, below: int) -> Wire:
    """_id, _version of entities in a state under ``below`` that a source's ``keys`` stand for, be it by one
    that was merged into them."""
    golden, shadow = _golden(database, model), tables.shadow
    return session.read(
        select(golden.c["_id"], golden.c["_version"])
        .select_from(keys)
        .join(shadow, shadow.c.key == keys.c.key)
        .outerjoin(redirect, redirect.c.entity == shadow.c.entity)
        .join(golden, golden.c["_id"] == func.coalesce(redirect.c.target, shadow.c.entity))
        .where(shadow.c.source == number, golden.c["_state"] < below)
    )


def drifted(
    session: Bulk,
    database: Database,
    model: str,
    number: int,
    beaten: Mapping[str, Sequence[int]],
    by_hand: Sequence[int],
) -> Wire:
    """key: a source's records that say something in vain of a field (``beaten``: field → origins) although
    they claim it more strongly, and those whose entities somebody changed by hand (origins)."""
    golden, shadow = _golden(database, model), tables.shadow
    vain = [
        and_(shadow.c.outvoted.contains(f'"{field}":', autoescape=True), golden.c["_origin"].in_(origins))
        for field, origins in beaten.items()
    ]
    return session.read(
        select(func.coalesce(shadow.c.parent, shadow.c.key).label("key"))
        .join(golden, golden.c["_id"] == shadow.c.entity)
        .where(
            shadow.c.source == number,
            shadow.c.absent_at.is_(None),
            golden.c["_state"] < 2,
            or_(
                and_(shadow.c.outvoted.is_not(None), or_(*vain, false())),
                golden.c["_origin"].in_(by_hand) if by_hand else false(),
            ),
        )
    )


def earlier(session: Bulk, database: Database, model: str, wanted: Table, seq: int) -> Wire:
    """_id and all fields of the earlier versions of those in ``wanted`` that changed after the commit ``seq``."""
    golden, history = _golden(database, model), database.tables[history_table(model)]
    names = ("_id", *database.models[model].fields)
    return session.read(
        select(*(history.c[name] for name in names))
        .join(wanted, wanted.c["_id"] == history.c["_id"])
        .join(golden, golden.c["_id"] == history.c["_id"])
        .where(golden.c["_seq"] > seq)
    )


def next_seq(session: Bulk, model: str) -> int:
    """The model's next commit number. Its row stays locked until commit, so commits follow it."""
    counter = tables.model_seq
    session.run(update(counter).where(counter.c.model == model).values(seq=counter.c.seq + 1))
    found = session.run(select(counter.c.seq).where(counter.c.model == model))
    if found:
        return int(found[0][0])
    session.run(insert(counter).values(model=model, seq=1))
    return 1


def load(session: Bulk, database: Database, model: str, rows: pa.RecordBatchReader, *, many: bool) -> None:
    """Append new golden rows; the indexes of an empty table are built once, after many of them."""
    golden = _golden(database, model)
    rebuild = deferred_indexes(session, golden) if many and not any_there(session, database, model) else []
    session.load(golden, rows)
    for statement in rebuild:
        session.run(statement)


def replace(
    session: Bulk,
    database: Database,
    model: str,
    rows: Table,
    names: Sequence[str],
    *,
    seq: int,
    moment: dt.datetime,
    run_id: uuid.UUID,
) -> None:
    """``rows`` (_id, _version and ``names``) take the place of the versions before them, which go to history."""
    golden, history = _golden(database, model), database.tables[history_table(model)]
    copied = ["_id", "_version", "_seq", "_state", "_origin", "_updated_at", *database.models[model].fields]
    old = select(
        *(golden.c[name] for name in copied),
        literal(moment, history.c["_replaced_at"].type),
        literal(run_id, history.c["_replaced_by"].type),
    ).join(rows, rows.c["_id"] == golden.c["_id"])
    session.run(insert(history).from_select([*copied, "_replaced_at", "_replaced_by"], old))
    new: dict[str, Any] = {name: rows.c[name] for name in ("_version", *names)}
    session.run(
        update(golden)
        .where(golden.c["_id"] == rows.c["_id"], golden.c["_version"] == rows.c["_version"] - 1)
        .values({**new, "_seq": seq, "_updated_at": moment})
    )


def announce(session: Bulk, model: str, body: Mapping[str, Any], moment: dt.datetime) -> None:
    """One event for all that a commit changed, in the same transaction."""
    session.run(
        insert(tables.outbox).values(
            id=new_id(),
            type="entity.changed",
            subject=model,
            body=json_literal(body),
            created_at=moment,
            seq=int(body["seq"]),
            trace=tracing.current(),
        )
    )
    wake.call(session)


def json_literal(value: Any) -> Any:
    """A JSON value as SQL text: the bulk session binds no parameters."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True).replace("'", "''")
    return literal_column(f"'{text}'")
