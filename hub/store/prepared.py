"""Statements that are asked for every request: their text is made once, and only the values of their parameters
change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, UpdateBase, Uuid, any_, bindparam

_NUMBERS = count()
Statement = Select[Any] | UpdateBase


class Prepared:
    """A statement with its parameters by name (``bindparam``). ``name`` is what PostgreSQL knows it by."""

    def __init__(self, query: Statement) -> None:
        self.query = query
        self.name = b"cophub_%d" % next(_NUMBERS)
        self.columns = [column.name for column in query.exported_columns]


Shape = tuple[Any, ...]
Make = Callable[[], Statement]
Values = Mapping[str, Any]
Ask = Callable[[Shape, Make, Values], list[dict[str, Any]]]
"""Executes a statement that is prepared, or was not seen before, with these values; answers its rows."""


def one_of(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column of texts or ids is one of a parameter's values: ``among`` for a ``Prepared``."""
    if dialect != "postgresql":
        return column.in_(bindparam(name, expanding=True))
    kind: Any = Uuid() if isinstance(column.type, Uuid) else Text()
    return column == any_(bindparam(name, type_=ARRAY(kind)))
