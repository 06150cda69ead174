"""Types: DuckDB binds the rendered SQL to an empty record and says what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple

import duckdb

from hub.errors import ConfigError
from hub.mapping.compile import Column, Compiled
from hub.mapping.record import ELEMENT, WHOLE, quoted, structure_type
from hub.mapping.rejects import cleaned
from hub.mapping.source import whole_structure
from hub.mapping.syntax import Issue

_FIELD = re.compile(r'\br\.("(?:[^"]|"")+")')
_JOINED = re.compile(r'"k_[0-9a-f]{12}"\.')


class _Asked(NamedTuple):
    """An expression to bind, for a field ('' for none), wanted in a type ('' for any)."""

    field: str
    sql: str
    type: str


class Binder:
    """One in-memory DuckDB that binds, and runs nothing but constants."""

    def __init__(self) -> None:
        self.con = duckdb.connect(":memory:", config={"threads": 1})
        self.con.execute("SET enable_external_access = false")
        self._bound: dict[str, str] = {}

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
        asked = [_Asked(column.name, column.expression.sql, column.type) for column in _doubtful(compiled)]
        asked += [_Asked("", lookup.input_sql, "") for lookup in compiled.lookups]
        asked += [_Asked("", compiled.where, "BOOLEAN")] if compiled.where else []
        new = {form: one.sql for one in asked if (form := forms.of(one.sql)) not in self._bound}
        reasons: dict[str, str] = {}
        rows = self._rows(compiled) if new else ""
        types = self.types(list(new.values()), rows)
        if isinstance(types, list):
            self._bound.update(zip(new, types, strict=True))
        else:
            for form, sql in new.items():
                one = self.types([sql], rows)
                reasons |= {form: one} if isinstance(one, str) else {}
                self._bound |= {form: one[0]} if isinstance(one, list) else {}
        for question in asked:
            form = forms.of(question.sql)
            reason = reasons.get(form) or misfit(self._bound[form], question.type)
            if reason:
                what = f"{question.field or 'where'}: {reason}"
                yield question.field, Issue("expression.type", what, _hint(reason))
        yield from self._checks(compiled)

    def _checks(self, compiled: Compiled) -> Iterator[tuple[str, Issue]]:
        """Patterns of the model that DuckDB's regular expressions do not know."""
        patterns = [check for check in compiled.checks if check.code == "format.pattern"]
        columns = ", ".join(
            f"CAST(NULL AS {one.type}) AS {quoted(one.name)}" for one in compiled.columns if one.type
        )
        for check in patterns:
            reason = self.types([check.condition], f"(SELECT {columns}) AS s")
            if isinstance(reason, str):
                yield check.field, Issue("pattern.invalid", f"{check.field}: {reason}")

    def type_of(self, compiled: Compiled, column: Column) -> str | None:
        """The type of a column as it is written; None where it does not bind."""
        found = self.types([column.sql], self._rows(compiled))
        return found[0] if isinstance(found, list) else None

    def raises(self, constant: str) -> bool:
        """Whether an expression over nothing has no value: it reads no record, so it is run."""
        try:
            self.con.sql(f"SELECT {constant}").fetchall()
        except duckdb.Error:
            return True
        return False

    def types(self, parts: list[str], rows: str) -> list[str] | str:
        """The types where all bind, else DuckDB's reason."""
        if not parts:
            return []
        columns = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(parts))
        try:
            return [str(one) for one in self.con.sql(f"SELECT {columns} FROM {rows}").types]
        except duckdb.Error as error:
            return _plain(str(error))

    @staticmethod
    def _rows(compiled: Compiled) -> str:
        record = f"(SELECT CAST(NULL AS VARCHAR) AS key, CAST(NULL AS {compiled.record}) AS r)"
        rows = f"(SELECT *, UNNEST({compiled.each}) AS e FROM {record} AS s0)" if compiled.each else record
        sql = f"{rows} AS s"
        for lookup in compiled.lookups:
            sql += f", (SELECT '' AS input, '' AS output) AS {quoted(lookup.alias)}"
        return sql


def _doubtful(compiled: Compiled) -> Iterator[Column]:
    """The columns that are more than one text of a foreign record: such a text can be cast to anything."""
    for column in compiled.columns:
        text = compiled.structure is not None and column.expression.plain and not column.many
        if not text or any(path[-1] in (ELEMENT, WHOLE) for path in column.expression.inputs):
            yield column


_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL\(.*\))(_LITERAL)?")
_NESTED = re.compile(r".*\[\d*\]|(STRUCT|MAP|UNION)\(.*|JSON", re.DOTALL)
_MOMENT = re.compile(r"DATE|TIMESTAMP.*")
_FITS = {
    "BIGINT": (_NUMBER, re.compile("BOOLEAN")),
    "DECIMAL": (_NUMBER, re.compile("BOOLEAN")),
    "BOOLEAN": (_NUMBER, re.compile("BOOLEAN")),
    "DATE": (_MOMENT,),
    "TIMESTAMPTZ": (_MOMENT,),
}


def misfit(type_: str, wanted: str) -> str:
    """Why a value of a type does not fit the type wanted; '' where it fits. A text fits everything but a
    list: whether it can be read as that is seen row by row."""
    if not wanted or wanted.startswith("JSON") or type_ in ("NULL", '"NULL"', "INTEGER_LITERAL"):
        return ""
    if wanted.endswith("[]"):
        return "" if type_.endswith("]") or type_ == "JSON" else f"the field is a list, the value is {type_}"
    if _NESTED.fullmatch(type_):
        kind = "a list" if type_.endswith("]") else "an object"
        return f"the value is {kind}, not a single value"
    fitting = _FITS.get(wanted.partition("(")[0])
    if fitting is None or type_ == "VARCHAR" or any(pattern.fullmatch(type_) for pattern in fitting):
        return ""
    return f"a value of type {type_} does not become {wanted}"


def mistyped(compiled: Compiled, error: duckdb.Error) -> ConfigError:
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
