"""What people ask the store: plans, runs, quarantine and golden records by their ids or the ends of them.

An id may be given whole or by its last characters (at least four): the beginnings of UUIDv7 are times,
and alike.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Table, Text, cast, func, literal, or_, select

from hub.errors import ConfigError
from hub.store import merges, plans, tables
from hub.store.database import Database, now
from hub.store.journal import RunRow, read_row
from hub.store.models import entity_table
from hub.store.quarantined import CLOSED

STATES = {0: "active", 1: "disabled", 2: "deleted", 3: "merged"}
MANY = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One reason why one record was not applied. ``input`` is JSON of the offending values, ``cause`` the
    fingerprint it shares with entries that one remedy helps, ``mapping`` the version that set it aside."""

    id: uuid.UUID
    exchange: str
    output: str
    key: str
    state: str
    code: str
    field: str
    message: str
    input: str | None
    position: str
    original: str | None
    cause: str
    mapping: str
    run: uuid.UUID
    created_at: dt.datetime
    resolved_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Cause:
    """Entries of one exchange that are open for the same reason. ``mappings`` are the versions of the mapping
    that set them aside."""

    id: str

    exchange: str
    output: str
    state: str
    code: str
    field: str
    count: int
    first_at: dt.datetime
    last_at: dt.datetime
    mappings: tuple[str, ...]
    examples: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Entity:
    """A golden record. ``origins`` says which mapping supplied each field, ``links`` the foreign records
    (exchange, key) that stand for it."""

    id: uuid.UUID
    version: int
    state: str
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    links: tuple[tuple[str, str], ...]
    updated_at: dt.datetime


def find_plan(database: Database, text: str) -> plans.PlanRow:
    """ConfigError ``plan.unknown`` or ``id.ambiguous``."""
    row = found_row(
        database,
        tables.plan,
        text,
        "plan.unknown",
        f"there is no plan {text}",
        "cophub plan EXCHANGE makes one",
    )
    return plans.read_row(row)


def find_run(database: Database, text: str) -> RunRow:
    """By id, its end, or its run key; ConfigError ``run.unknown`` or ``id.ambiguous``."""
    with database.begin(reading=True) as connection:
        keyed = connection.execute(select(tables.run).where(tables.run.c.run_key == text)).one_or_none()
    if keyed is not None:
        return read_row(keyed)
    row = found_row(database, tables.run, text, "run.unknown", f"there is no run {text}", "see: cophub runs")
    return read_row(row)


def find_entry(database: Database, text: str) -> Entry:
    """ConfigError ``quarantine.unknown`` or ``id.ambiguous``."""
    row = found_row(
        database,
        tables.quarantine,
        text,
        "quarantine.unknown",
        f"there is no quarantine entry {text}",
        "see: cophub quarantine",
    )
    return _entry(row, _outputs(database))


def lost_runs(database: Database) -> set[uuid.UUID]:
    """Runs that are noted as running while nobody holds their lease any more: their process was killed."""
    run, lease = tables.run, tables.lease
    query = (
        select(run.c.id)
        .join(lease, lease.c.name == literal("exchange:") + run.c.exchange)
        .where(
            run.c.state == "running",
            or_(lease.c.epoch != run.c.epoch, lease.c.holder == "", lease.c.expires_at < now()),
        )
    )
    with database.begin(reading=True) as connection:
        return set(connection.scalars(query))


def plan_of(database: Database, run: uuid.UUID) -> uuid.UUID | None:
    """The plan that a run made."""
    with database.begin(reading=True) as connection:
        return connection.scalar(select(tables.plan.c.id).where(tables.plan.c.run_id == run))


def deliveries(database: Database, run: uuid.UUID) -> dict[str, int]:
    """How the changes that a run sent were answered: ``operation status`` → how many."""
    table = tables.delivery
    query = (
        select(table.c.operation, table.c.status, func.count())
        .where(table.c.run_id == run)
        .group_by(table.c.operation, table.c.status)
        .order_by(table.c.operation, table.c.status)
    )
    with database.begin(reading=True) as connection:
        return {f"{operation} {status}": count for operation, status, count in connection.execute(query)}


def causes(
    database: Database,
    exchange: str | None = None,
    code: str | None = None,
    *,
    resolved: bool = False,
    examples: int = 3,
) -> list[Cause]:
    """Open entries by cause, the most frequent first, each with its newest examples."""
    table = tables.quarantine
    grouped = (table.c.exchange, table.c.source, table.c.state, table.c.cause, table.c.code, table.c.field)
    conditions = [table.c.exchange == exchange] if exchange else []
    conditions += [or_(table.c.code == code, table.c.code.like(f"{code}.%"))] if code else []
    # what is open is found without what was settled
    conditions += [] if resolved else [table.c.state.not_in(CLOSED), table.c.resolved_at.is_(None)]
    counted = select(*grouped, func.count(), func.min(table.c.created_at), func.max(table.c.created_at))
    place = func.row_number().over(partition_by=grouped, order_by=(table.c.created_at.desc(), table.c.id))
    newest = select(table.c.id, place.label("place")).where(*conditions).subquery()
    shown = select(table).join(newest, newest.c.id == table.c.id).where(newest.c.place <= examples)
    outputs, found = _outputs(database), []
    made_by, examples_of = defaultdict[Any, set[str]](set), defaultdict[Any, list[Entry]](list)
    with database.begin(reading=True) as connection:  # three questions, however many causes there are
        for *of, map_hash in connection.execute(select(*grouped, table.c.map_hash).where(*conditions).distinct()):
            made_by[tuple(of)].add(version(map_hash))
        for row in connection.execute(shown.order_by(newest.c.place)) if examples else ():
            of = [row._mapping[column] for column in grouped]
            examples_of[tuple(of)].append(_entry(row, outputs))
        for *of, count, first, last in connection.execute(counted.where(*conditions).group_by(*grouped)):
            name, source, state, cause, reason, field = of
            made, like = tuple(sorted(made_by[tuple(of)])), tuple(examples_of[tuple(of)])
            output = outputs.get(source, "")
            found.append(Cause(cause, name, output, state, reason, field, count, first, last, made, like))
    return sorted(found, key=lambda cause: (-cause.count, cause.exchange, cause.code, cause.field))


def entities(
    database: Database, model: str, key: str | None = None, limit: int = 20, *, gone: bool = False
) -> list[Entity]:
    """Golden records by their key fields; ``key`` is a value of any key field, or an id or its end."""
    golden = database.tables[entity_table(model)]
    query = (
        select(golden)
        .order_by(*(golden.c[name] for name in database.models[model].key), golden.c["_id"])
        .limit(limit)
    )
    if key is not None:
        named = [cast(golden.c[name], Text) == key for name in database.models[model].key]
        query = query.where(or_(*named, *same_id(golden.c["_id"], key)))
    elif not gone:
        query = query.where(golden.c["_state"] == 0)
    if key is not None:  # who was merged away is shown as what it went into
        with database.begin(reading=True) as connection:
            rows = connection.execute(query).all()
            ends = {merges.redirected(connection, row._mapping["_id"]) for row in rows}
        query = select(golden).where(golden.c["_id"].in_(ends))
    return [entity for _, entity in entity_rows(database, model, query)]


def entity_rows(database: Database, model: str, query: Select[Any]) -> list[tuple[int, Entity]]:
    """Golden records that a query of the model's table finds, each with its place in the sequence of commits."""
    fields = list(database.models[model].fields)
    with database.begin(reading=True) as connection:
        rows = connection.execute(query).all()
        origins = _origins(connection, model)
        links = _links(connection, [row._mapping["_id"] for row in rows])
    return [
        (
            row._mapping["_seq"],
            Entity(
                row._mapping["_id"],
                row._mapping["_version"],
                STATES.get(row._mapping["_state"], "?"),
                {name: row._mapping[name] for name in fields},
                origins.get(row._mapping["_origin"], {}),
                tuple(links.get(row._mapping["_id"], ())),
                row._mapping["_updated_at"],
            ),
        )
        for row in rows
    ]


def entry_rows(database: Database, query: Select[Any]) -> list[Entry]:
    """Quarantine entries that a query of their table finds."""
    outputs = _outputs(database)
    with database.begin(reading=True) as connection:
        return [_entry(row, outputs) for row in connection.execute(query)]


def values_of(database: Database, model: str, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """The golden records of some ids as they are now: field → value, ``_version`` and ``_state`` included."""
    golden, wanted = database.tables[entity_table(model)], list(ids)
    found: dict[uuid.UUID, dict[str, Any]] = {}
    with database.begin(reading=True) as connection:
        for start in range(0, len(wanted), MANY):
            query = select(golden).where(golden.c["_id"].in_(wanted[start : start + MANY]))
            found |= {row._mapping["_id"]: dict(row._mapping) for row in connection.execute(query)}
    return found


def key_texts(database: Database, model: str, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What people call some entities: the values of their model's key fields."""
    keys = database.models[model].key
    return {
        identity: " ".join(str(row[name]) for name in keys if row[name] is not None)
        for identity, row in values_of(database, model, ids).items()
    }


def found_row(database: Database, table: Table, text: str, code: str, message: str, hint: str) -> Any:
    """The one row that is meant; ConfigError ``code`` where there is none, ``id.ambiguous`` for several."""
    with database.begin(reading=True) as connection:
        rows = connection.execute(select(table).where(or_(*same_id(table.c["id"], text))).limit(2)).all()
    if not rows:
        raise ConfigError(code, message, hint=hint)
    if len(rows) > 1:
        raise ConfigError("id.ambiguous", f"more than one id ends in {text}", hint="give more of the id")
    return rows[0]


def same_id(column: Any, text: str) -> list[Any]:
    """Conditions under which an id is meant; none is true for a text that can be no id."""
    plain = text.lower().replace("-", "")
    if re.fullmatch(r"[0-9a-f]{32}", plain):
        return [column == uuid.UUID(plain)]
    # The last group of an id has twelve digits: its end reads the same with and without hyphens.
    if re.fullmatch(r"[0-9a-f]{4,12}", plain):
        return [cast(column, Text).like(f"%{plain}")]
    return [column == uuid.UUID(int=0)]


def _outputs(database: Database) -> dict[int, str]:
    with database.begin(reading=True) as connection:
        rows = connection.execute(select(tables.source.c.id, tables.source.c.output))
        return {identity: output.partition(":")[2] or output for identity, output in rows}


def version(map_hash: int) -> str:
    """A version of a mapping as people name it: the first digits of its hash."""
    return f"{map_hash % 2**64:016x}"[:8]


def _entry(row: Any, outputs: Mapping[int, str]) -> Entry:
    return Entry(
        row.id,
        row.exchange,
        outputs.get(row.source, ""),
        row.key,
        row.state,
        row.code,
        row.field,
        row.message,
        row.input,
        row.position,
        row.original,
        row.cause,
        version(row.map_hash),
        row.run_id,
        row.created_at,
        row.resolved_at,
    )


def _origins(connection: Any, model: str) -> dict[int, Mapping[str, str]]:
    rows = connection.execute(
        select(tables.origin.c.id, tables.origin.c.fields).where(tables.origin.c.model == model)
    )
    return {identity: fields if isinstance(fields, dict) else json.loads(fields) for identity, fields in rows}


def _links(connection: Any, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, str]]]:
    shadow, source = tables.shadow, tables.source
    found: dict[uuid.UUID, list[tuple[str, str]]] = {}
    for start in range(0, len(ids), MANY):
        query = (
            select(shadow.c.entity, source.c.exchange, shadow.c.key)
            .join(source, source.c.id == shadow.c.source)
            .where(
                shadow.c.entity.in_(ids[start : start + MANY]),
                source.c.direction == "inbound",
                shadow.c.absent_at.is_(None),
            )
            .order_by(source.c.exchange, shadow.c.key)
        )
        for entity, exchange, key in connection.execute(query):
            found.setdefault(entity, []).append((exchange, key))
    return found
