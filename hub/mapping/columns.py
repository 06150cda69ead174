"""Columns: an expression in the type of its model field, and lookups in the order of their joins."""

from __future__ import annotations

from collections.abc import Mapping

from hub.mapping.scope import Expression, Lookup
from hub.workspace.shape import ModelField


def cast_sql(expression: Expression, declared: ModelField, type_: str) -> str:
    """The expression in its model field's type. A bare field is cast from the source's own text; a
    blank text is no value for anything but text."""
    sql = expression.sql
    if expression.plain and sql.startswith("CAST("):
        sql = sql[len("CAST(") :].rpartition(" AS ")[0]
    if declared.many or declared.type in ("text", "code", "ref", "content"):
        return f"CAST({sql} AS {type_})"
    if expression.plain and declared.type != "json":
        return f"CAST(NULLIF({sql}, '') AS {type_})"
    return f"CAST({sql} AS {type_})"


def ordered(lookups: Mapping[Lookup, None]) -> tuple[Lookup, ...]:
    """So that each comes after those whose output its input reads."""
    waiting, done = list(lookups), []
    while waiting:
        for lookup in waiting:
            if not any(other.alias in lookup.input_sql for other in waiting if other is not lookup):
                break
        waiting.remove(lookup)
        done.append(lookup)
    return tuple(done)
