"""Queries that are asked for every request: their text is made once, and only the values of their parameters change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, Uuid, any_, bindparam

_NUMBERS = count()


class Prepared:
    """A query with its parameters by name (``bindparam``). ``name`` is what PostgreSQL knows it by."""

    def __init__(self, query: Select[Any]) -> None:
        self.query = query
        self.name = b"cophub_%d" % next(_NUMBERS)
        self.columns = [column.name for column in query.selected_columns]


Shape = tuple[Any, ...]
Make = Callable[[], Select[Any]]
Values = Mapping[str, Any]


def one_of(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column of texts or ids is one of a parameter's values: ``among`` for a ``Prepared``."""
    if dialect != "postgresql":
        return column.in_(bindparam(name, expanding=True))
    kind: Any = Uuid() if isinstance(column.type, Uuid) else Text()
    return column == any_(bindparam(name, type_=ARRAY(kind)))
