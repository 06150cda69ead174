"""The typed tables of models: one for golden records, one for their earlier versions.

``e_MODEL`` columns: _id, _version (1 for the first), _seq (the model's commit counter), _state
(0 active, 1 disabled, 2 deleted), _origin (which mapping supplied which field), _created_at,
_updated_at, then one column per field (no field name starts with an underscore).
``h_MODEL`` holds every version that was replaced, with the run that replaced it; the current version
is never copied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    collate,
    func,
    literal_column,
)
from sqlalchemy.types import TypeEngine

from hub.store.tables import KEY, NAMING, STATE
from hub.store.types import Exact, Moment
from hub.workspace.shape import ModelField, ModelFile

SYSTEM_COLUMNS = ("_id", "_version", "_seq", "_state", "_origin", "_created_at", "_updated_at")


SEARCH = "xs_"
SCIM = f"{SEARCH}scim_resource_compared"
"""Begins the names of indexes by which beginnings of texts are found."""
FOUND_BY = 64
"""Characters of a text by which it is found."""


def beginning(column: ColumnElement[Any], dialect: str) -> ColumnElement[str]:
    """What a text is found by: its first characters in small letters, compared byte by byte. Written with constants,
    or a prepared statement would not know the index by it."""
    first = func.substr(column, literal_column("1"), literal_column(str(FOUND_BY)))
    return collate(func.lower(first), "C" if dialect == "postgresql" else "BINARY")


def entity_table(model: str) -> str:
    return f"e_{model}"


def history_table(model: str) -> str:
    return f"h_{model}"


def column_type(field: ModelField, *, key: bool = False) -> TypeEngine[Any]:
    """Lists and JSON are JSON text; references are ids of entities."""
    if field.many or field.type == "json":
        return Text()
    match field.type:
        case "integer":
            return BigInteger()
        case "decimal":
            return Exact(field.digits, field.scale)
        case "boolean":
            return Boolean()
        case "date":
            return Date()
        case "datetime":
            return Moment()
        case "ref":
            return Uuid()
        case _:
            return KEY if key else Text()


def _columns(model: ModelFile) -> list[Column[Any]]:
    keyed = set(model.key) | {name for name, field in model.fields.items() if field.unique}
    return [Column(name, column_type(field, key=name in keyed)) for name, field in model.fields.items()]


def build(
    models: Mapping[str, ModelFile], asked: Mapping[str, Collection[str]] | None = None
) -> MetaData:
    """The tables of a workspace's models. ``asked`` are fields by which entities are looked for, by model: they get
    an index, as unique ones and keys do."""
    whole = MetaData(naming_convention=NAMING)
    for name, model in sorted(models.items()):
        golden = Table(
            entity_table(name),
            whole,
            Column("_id", Uuid, primary_key=True),
            Column("_version", Integer, nullable=False),
            Column("_seq", BigInteger, nullable=False),
            Column("_state", STATE, nullable=False),
            Column("_origin", Integer, nullable=False),
            Column("_created_at", Moment, nullable=False),
            Column("_updated_at", Moment, nullable=False),
            *_columns(model),
        )
        Index(f"ix_{golden.name}_key", *(golden.c[field] for field in model.key))
        Index(f"ix_{golden.name}_seq", golden.c["_seq"], postgresql_using="brin")
        for field_name, field in model.fields.items():
            if [field_name] == model.key or field.many:
                continue
            if field.unique:
                Index(f"ix_{golden.name}_{field_name}", golden.c[field_name])
            elif field_name in (asked or {}).get(name, ()):  # by equality only, and texts of any length
                Index(f"ix_{golden.name}_{field_name}", golden.c[field_name], postgresql_using="hash")
        Table(
            history_table(name),
            whole,
            Column("_id", Uuid, primary_key=True),
            Column("_version", Integer, primary_key=True, autoincrement=False),
            Column("_seq", BigInteger, nullable=False),
            Column("_state", STATE, nullable=False),
            Column("_origin", Integer, nullable=False),
            Column("_updated_at", Moment, nullable=False),
            Column("_replaced_at", Moment, nullable=False),
            Column("_replaced_by", Uuid, nullable=False),
            *_columns(model),
        )
    return whole
