"""What a model's field demands of its values, as SQL conditions that are true for a bad row.

Conditions speak of the output's columns, are never NULL, and name a value that is there: only
``required`` is about a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from hub.mapping.record import literal, quoted
from hub.workspace.shape import CodesFile, ModelField, ModelFile

FORMATS = {
    "email": r"[^@\s,;<>()\[\]\\]+@[^@\s.,;<>()]+(\.[^@\s.,;<>()]+)+",
    "phone": r"\+?[0-9][0-9 ()/.\-]{3,30}( ?(x|ext\.?|转) ?[0-9]{1,8})?",
    "url": r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s/?#]+[^\s]*",
}
"""Whole-text patterns (RE2); e-mail as WHATWG's, less quoted local parts, plus a dot in the domain."""


@dataclass(frozen=True, slots=True)
class Check:
    """One demand: the field, the code of the problem, the condition under which a row is bad, and the
    message of the problem."""

    field: str
    code: str
    condition: str
    message: str


class Checked(Protocol):
    """What a check needs to know of a column."""

    @property
    def name(self) -> str: ...

    @property
    def field(self) -> ModelField | None: ...

    @property
    def many(self) -> bool: ...

    @property
    def code_list(self) -> str | None: ...


def field_checks(
    columns: Iterable[Checked], model: ModelFile, codes: Mapping[str, CodesFile]
) -> tuple[Check, ...]:
    """All checks of all columns that have a model field."""
    checks: list[Check] = []
    for column in columns:
        if column.field is not None:
            checks += _of_field(column, column.field, codes)
    return tuple(checks)


def _of_field(column: Checked, field: ModelField, codes: Mapping[str, CodesFile]) -> list[Check]:
    name, checks = quoted(column.name), []

    def add(code: str, condition: str, message: str) -> None:
        checks.append(Check(column.name, code, condition, message))

    if field.required:
        empty = (
            f"len({name}) = 0"
            if column.many
            else f"{name} = ''"
            if field.type in ("text", "code", "ref", "content")
            else ""
        )
        add(
            "required",
            f"({name} IS NULL{' OR ' + empty if empty else ''})",
            "the field is required and has no value",
        )
    value = '"x"' if column.many else name
    for code, bad, message in _of_value(value, column, field, codes):
        held = f"len(list_filter({name}, lambda x: {bad})) > 0" if column.many else bad
        add(code, f"({name} IS NOT NULL AND {held})", message)
    return checks


def _of_value(
    value: str, column: Checked, field: ModelField, codes: Mapping[str, CodesFile]
) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    if field.type in ("text", "code", "ref", "content"):  # PostgreSQL stores none, and would refuse the whole load
        found.append(("value.nul", f"contains({value}, chr(0))", "the value holds a NUL character"))
    if field.format:
        pattern = literal(FORMATS[field.format])
        bad = f"{value} <> '' AND NOT regexp_full_match({value}, {pattern})"
        found.append((f"format.{field.format}", bad, f"the value is no {_SPOKEN[field.format]}"))
    if field.pattern:
        bad = f"{value} <> '' AND NOT regexp_full_match({value}, {literal(field.pattern)})"
        found.append(("format.pattern", bad, f"the value does not fit the pattern {field.pattern}"))
    if field.max_length is not None:
        bad = f"length({value}) > {field.max_length}"
        found.append(("value.too_long", bad, f"the value is longer than {field.max_length} characters"))
    if field.min is not None:
        found.append(
            ("value.too_small", f"{value} < {field.min:.15g}", f"the value is less than {field.min:.15g}")
        )
    if field.max is not None:
        found.append(
            ("value.too_large", f"{value} > {field.max:.15g}", f"the value is more than {field.max:.15g}")
        )
    if (
        field.type == "code"
        and field.list_ is not None
        and field.list_ in codes
        and column.code_list != field.list_
    ):
        listed = ", ".join(literal(code) for code in codes[field.list_].values)
        bad = f"{value} <> '' AND {value} NOT IN ({listed})"
        found.append(("code.unknown", bad, f"the value is not in the code list {field.list_}"))
    return found


_SPOKEN = {"email": "e-mail address", "phone": "telephone number", "url": "URL"}


def valid_pattern(pattern: str) -> bool:
    """Whether a pattern compiles; the expressions DuckDB's RE2 lacks are found when it is bound."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
