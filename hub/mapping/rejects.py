"""Bad rows: by which signs they are known, and one line per problem for each of them."""

from __future__ import annotations

import re

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from hub.mapping.compile import Column, Compiled
from hub.mapping.record import literal, quoted

REASONS = 50
"""For how many rows per field DuckDB's own reason is asked: each costs a statement."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One sign of a bad row: its column (where ``inner``, computed beside the values; otherwise over
    them), the field it speaks of, the problem's code and message, SQL condition, and what was read."""

    name: str
    inner: bool
    field: str
    code: str
    message: str
    condition: str
    reads: tuple[str, ...] = ()
    raising: str = ""


def flags(compiled: Compiled, shape: bool, raising: bool = False) -> tuple[Flag, ...]:
    """All signs of this mapping; ``raising`` adds those of expressions that raised."""
    found: list[Flag] = []
    for number, column in enumerate(compiled.columns):
        for guard in column.guards:
            if guard.lookup.rejects:
                found.append(_unknown(f"$u{number}_{len(found)}", column, guard.lookup, guard.condition))
        if raising and column.raising:
            found.append(_raised(f"$e{number}", column.name, column.sql, column.inputs))
    if raising and compiled.where_expression:
        found.append(_raised("$ew", "where", compiled.where, _inputs(compiled.where_expression.inputs)))
    if shape:
        found.append(Flag("$shape", True, "", "record.shape", "the record does not have the expected shape",
                          "(shape IS NOT NULL)"))
    by_name = {column.name: column for column in compiled.columns}
    for number, check in enumerate(compiled.checks):
        raised = f"$e{[column.name for column in compiled.columns].index(check.field)}"
        condition = check.condition
        if any(flag.name == raised or (flag.field == check.field and flag.inner) for flag in found):
            others = [flag.name for flag in found if flag.inner and flag.field == check.field]
            condition = "(" + " AND ".join([condition, *(f"NOT {quoted(name)}" for name in others)]) + ")"
        found.append(Flag(f"$c{number}", False, check.field, check.code, check.message, condition,
                          by_name[check.field].inputs))
    return tuple(found)


def _inputs(paths: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path[0] for path in paths))


def _unknown(name: str, column: Column, lookup: object, condition: str) -> Flag:
    alias, value = quoted(lookup.alias), lookup.input_sql  # type: ignore[attr-defined]
    bad = f"({alias}.input IS NULL AND TRY(({value}) IS NOT NULL) IS TRUE{f' AND {condition}' if condition else ''})"
    listed = lookup.args[0]  # type: ignore[attr-defined]
    return Flag(name, True, column.name, "code.unknown", f"the code list {listed} does not know the value", bad,
                column.inputs)


def _raised(name: str, field: str, sql: str, inputs: tuple[str, ...]) -> Flag:
    return Flag(name, True, field, "value.invalid", "the value could not be used",
                f"(TRY(({sql}) IS NULL) IS NULL)", inputs, sql)


def collect(
    con: duckdb.DuckDBPyConnection, compiled: Compiled, found: tuple[Flag, ...], mapped: str, rejected: str
) -> tuple[int, int]:
    """Move the bad rows of ``mapped`` to ``rejected``; answers how many outputs, and problems."""
    con.execute(
        f"CREATE OR REPLACE TABLE {rejected} (key VARCHAR, hash UUID, field VARCHAR, code VARCHAR, message VARCHAR, "
        "input VARCHAR)"
    )
    if not found:
        return 0, 0
    row = con.execute(f'SELECT count(*) FROM {mapped} WHERE "$bad"').fetchone()
    bad = int(row[0]) if row else 0
    problems = 0
    if bad:
        for flag in found:
            con.execute(_problems(compiled, flag, mapped, rejected))
        row = con.execute(f"SELECT count(*) FROM {rejected}").fetchone()
        problems = int(row[0]) if row else 0
        con.execute(f'DELETE FROM {mapped} WHERE "$bad"')
    extra = [flag.name for flag in found if flag.inner] + ["$bad", "$r"] + (["$e"] if compiled.each else [])
    for name in extra:
        con.execute(f"ALTER TABLE {mapped} DROP COLUMN {quoted(name)}")
    return bad, problems


def _problems(compiled: Compiled, flag: Flag, mapped: str, rejected: str) -> str:
    tops = dict.fromkeys(re.split(r"[.\[]", path)[0] for path in flag.reads)
    parts = [f'{literal(name)}: "$r".{quoted(name)}' for name in tops]
    value = f"CAST(to_json({{{', '.join(parts)}}}) AS VARCHAR)" if parts else "NULL"
    condition = quoted(flag.name) if flag.inner else flag.condition
    return (
        f"INSERT INTO {rejected} SELECT key, hash, {literal(flag.field)}, {literal(flag.code)}, "
        f"{literal(flag.message)}, {value} FROM {mapped} WHERE \"$bad\" AND {condition}"
    )
