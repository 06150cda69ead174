"""Types: DuckDB binds the rendered SQL to an empty record and says what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import TracebackType

import duckdb

from hub.errors import ConfigError
from hub.mapping.compile import Compiled
from hub.mapping.record import quoted, structure_type
from hub.mapping.rejects import cleaned
from hub.mapping.source import whole_structure
from hub.mapping.syntax import Issue

_FIELD = re.compile(r'\br\.("(?:[^"]|"")+")')
_JOINED = re.compile(r'"k_[0-9a-f]{12}"\.')


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
        only where that fails. What has the form of something that bound before is not asked again."""
        forms = _Forms(compiled)
        asked = [
            *(
                (column.name, column.sql)
                for column in compiled.columns
                if compiled.structure is None or not column.expression.plain
            ),
            *(("", lookup.input_sql) for lookup in compiled.lookups),
            *([("", f"CAST(({compiled.where}) AS BOOLEAN)")] if compiled.where else []),
        ]
        new = [(name, sql, form) for name, sql in asked if (form := forms.of(sql)) not in self._good]
        rows = self._rows(compiled) if new or compiled.checks else ""
        if not new or self._bound([(name, sql) for name, sql, _ in new], rows) is None:
            self._good.update(form for _, _, form in new)
        else:
            for name, sql, _ in new:
                reason = self._bound([(name, sql)], rows)
                if reason:
                    yield name, Issue("expression.type", f"{name or 'where'}: {reason}", _hint(reason))
        yield from self._checks(compiled)

    def _checks(self, compiled: Compiled) -> Iterator[tuple[str, Issue]]:
        """Patterns of the model that DuckDB's regular expressions do not know."""
        patterns = [check for check in compiled.checks if check.code == "format.pattern"]
        columns = ", ".join(
            f"CAST(NULL AS {one.type}) AS {quoted(one.name)}" for one in compiled.columns if one.type
        )
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


def mistyped(compiled: Compiled, error: duckdb.BinderException) -> ConfigError:
    """The error of a run whose mapping was not checked before: which expression does not bind."""
    with Binder() as binder:
        for name, issue in binder.issues(compiled):
            where = next(
                (column.where for column in compiled.columns if column.name == name), compiled.mapping
            )
            return ConfigError(issue.code, issue.message, where=where, hint=issue.hint)
    return ConfigError("expression.type", _plain(str(error)), where=compiled.mapping, hint="run cophub check")


class _Forms:
    """Expressions without the names of the fields they read, but with the types of these: what decides
    whether they bind."""

    def __init__(self, compiled: Compiled) -> None:
        self._types: dict[str, str] | None = None
        if compiled.structure is not None and not compiled.each:
            structure = whole_structure(compiled)
            self._types = {quoted(name): structure_type(shape) for name, shape in structure.items()}

    def of(self, sql: str) -> str:
        """The form of one expression; its own text where the record is a model or there is ``each``."""
        types = self._types
        if types is None:
            return f"{id(self)} {sql}"
        names: dict[str, str] = {}

        def renamed(match: re.Match[str]) -> str:
            return names.setdefault(match[1], f"r.{len(names)}")

        form = _JOINED.sub("k.", _FIELD.sub(renamed, sql))
        return " ".join([form, *(types.get(name, "?") for name in names)])


def _plain(message: str) -> str:
    """DuckDB's message without our own SQL: field references as the author wrote them."""
    text = re.sub(r'\br\."((?:[^"]|"")+)"', r"\1", cleaned(message))
    return re.sub(r'"l\d_\d"', "the element", text)


def _hint(reason: str) -> str:
    if "No function matches" in reason or "Cannot compare" in reason or "Cannot mix" in reason:
        return "undeclared fields are texts: write amount::DECIMAL(18, 2), or declare them below the resource"
    return ""
