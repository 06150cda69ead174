"""Effective dates of a mapping, as columns of type DATE beside its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hub.mapping.columns import cast_sql
from hub.mapping.compiled import Column
from hub.mapping.record import path_text
from hub.mapping.scope import Expression
from hub.mapping.syntax import Issue
from hub.workspace.shape import Effective, ModelField

Place = tuple[str | int, ...]


class File(Protocol):
    """The mapping file at work: where findings go, and where a part of it stands."""

    def find(self, path: Place, issue: Issue, text: str = "") -> None: ...

    def place(self, path: Place) -> str: ...


def dates(
    rule: Effective | None,
    path: Place,
    translated: Callable[[Place, str], Expression | None],
    file: File,
    *,
    inbound: bool,
) -> list[Column | None]:
    """The days that say when a record is valid; None for one that does not translate."""
    if rule is None:
        return []
    if not inbound:
        what = "effective: only what becomes a model can wait for its day"
        file.find(path, Issue("effective.direction", what, "write it in the mapping that reads the dates"))
        return [None]
    found: list[Column | None] = []
    for name, text in (("from", rule.from_), ("to", rule.to)):
        if text is None:
            continue
        expression = translated((*path, name), text)
        if expression is None:
            found.append(None)
            continue
        sql = cast_sql(expression, ModelField(type="date"), "DATE")
        inputs = tuple(path_text(one) for one in expression.inputs)
        place = file.place((*path, name))
        found.append(Column(f"effective.{name}", sql, "DATE", "normal", inputs, None, place, expression))
    return found
