"""What disabling writes to a target: values of the mapping, in the types of the columns they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.mapping.binding import Binder
from hub.mapping.compile import Compiled
from hub.mapping.record import literal, quoted
from hub.mapping.syntax import Issue
from hub.workspace.delivering import Disabling


def body_sql(values: Disabling, types: Mapping[str, str]) -> str:
    """DuckDB SQL of the values as one JSON object, made as outputs are; ``types`` by field."""
    parts = ", ".join(f"{quoted(name)} := {value_sql(values[name], types[name])}" for name in sorted(values))
    return f"CAST(to_json(struct_pack({parts})) AS VARCHAR)"


def value_sql(value: str | float | bool | None, type_: str) -> str:
    """One value cast to its column's type."""
    if value is None:
        return f"CAST(NULL AS {type_})"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"CAST({literal(text)} AS {type_})"


def disabling_issues(values: Disabling, compiled: Compiled, binder: Binder) -> Iterator[tuple[str, Issue]]:
    """Field and issue: values that are none of the type that the mapping's rule gives."""
    for column in compiled.columns:
        if column.name not in values or (type_ := binder.type_of(compiled, column)) is None:
            continue
        value = values[column.name]
        if binder.raises(value_sql(value, type_)):
            message = f"disable: {value!r} is no {type_}, which the rule of {column.name} gives"
            yield column.name, Issue("disable.value", message, "write a value of that type, or cast the rule's")
