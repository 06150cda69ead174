"""Types: DuckDB binds the rendered SQL to an empty record and says what does not fit."""

from __future__ import annotations

import re

from collections.abc import Iterator
from types import TracebackType

import duckdb

from hub.mapping.compile import Column, Compiled
from hub.mapping.record import WHOLE, quoted
from hub.mapping.rejects import cleaned
from hub.mapping.syntax import Issue


class Binder:
    """One in-memory DuckDB that binds and never runs."""

    def __init__(self) -> None:
        self.con = duckdb.connect(":memory:", config={"threads": 1})
        self.con.execute("SET enable_external_access = false")
        self._good: set[str] = set()

    def __enter__(self) -> Binder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.con.close()

    def issues(self, compiled: Compiled) -> Iterator[tuple[str, Issue]]:
        """Field ('' is the condition) and issue: all expressions are bound at once, and one by one
        only where that fails."""
        rows = self._rows(compiled)
        parts = [(column.name, column.sql) for column in compiled.columns if self._new(column, compiled)]
        inputs = [("", lookup.input_sql) for lookup in compiled.lookups]
        where = [("", f"CAST(({compiled.where}) AS BOOLEAN)")] if compiled.where else []
        if not (parts or inputs or where) or self._bound([*parts, *inputs, *where], rows) is None:
            self._good.update(filter(None, (_form(column) for column in compiled.columns)))
            yield from self._checks(compiled, rows)
            return
        for name, sql in [*parts, *where]:
            reason = self._bound([(name, sql)], rows)
            if reason:
                yield name, Issue("expression.type", f"{name or 'where'}: {reason}", _hint(reason))

    def _new(self, column: Column, compiled: Compiled) -> bool:
        """Whether binding can tell anything: a text cast to any type binds, and so does a form that did."""
        if compiled.structure is None:
            return True
        return not (column.expression.plain) and _form(column) not in self._good

    def _checks(self, compiled: Compiled, rows: str) -> Iterator[tuple[str, Issue]]:
        """Patterns of the model that DuckDB's regular expressions do not know."""
        patterns = [check for check in compiled.checks if check.code == "pattern"]
        columns = ", ".join(f"CAST(NULL AS {one.type}) AS {quoted(one.name)}" for one in compiled.columns if one.type)
        for check in patterns:
            reason = self._bound([(check.field, check.condition)], f"(SELECT {columns}) AS s")
            if reason:
                yield check.field, Issue("pattern.invalid", f"{check.field}: {reason}")

    def _bound(self, parts: list[tuple[str, str]], rows: str) -> str | None:
        """None where it binds, else DuckDB's reason."""
        columns = ", ".join(f"{sql} AS c{number}" for number, (_, sql) in enumerate(parts))
        try:
            self.con.sql(f"SELECT {columns} FROM {rows}")
        except duckdb.Error as error:
            return _plain(str(error))
        return None

    @staticmethod
    def _rows(compiled: Compiled) -> str:
        record = f"(SELECT CAST(NULL AS VARCHAR) AS key, CAST(NULL AS {compiled.record}) AS r)"
        rows = f"(SELECT *, UNNEST({compiled.each}) AS e FROM {record} AS s0)" if compiled.each else record
        sql = f"{rows} AS s"
        for lookup in compiled.lookups:
            sql += f", (SELECT '' AS input, '' AS output) AS {quoted(lookup.alias)}"
        return sql


def _form(column: Column) -> str | None:
    """The SQL without the names of the texts it reads; None where it reads lists, JSON or joins."""
    if any("[]" in path for path in column.inputs) or any(path[-1] == WHOLE for path in column.expression.inputs):
        return None
    return re.sub(r'\br(\."(?:[^"]|"")+")+', "r.x", column.sql)


def _plain(message: str) -> str:
    """DuckDB's message without our own SQL: field references as the author wrote them."""
    text = re.sub(r'\br\."((?:[^"]|"")+)"', r"\1", cleaned(message))
    return re.sub(r'"l\d_\d"', "the element", text)


def _hint(reason: str) -> str:
    if "No function matches" in reason or "Cannot compare" in reason or "Cannot mix" in reason:
        return "fields of a foreign record nobody declared are texts: cast them, for example amount::DECIMAL(18, 2)"
    return ""
