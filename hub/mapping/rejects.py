"""Bad rows: by which signs they are known, and one line per problem for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from hub.mapping.compile import Column, Compiled
from hub.mapping.record import literal, path_text, quoted
from hub.mapping.scope import Guard

REASONS = 50
"""For how many rows per field DuckDB's own reason is asked: each costs a statement."""

INVALID = "value.invalid"
IN_WHERE = "$unknown"
"""How the names of flags begin whose rows are kept though the condition is not true, to be rejected."""
_GUARDED_LEVELS = frozenset(("L3", "L4", "L5"))


@dataclass(frozen=True, slots=True)
class Flag:
    """One sign of a bad row: the column of ``mapped`` that holds it (``inner``), or a condition over
    the columns; the field it speaks of, the problem's code and message; the fields that were read.

    ``text`` says that the sign is itself the message. ``raised`` is the SQL whose reason to raise may be
    asked, empty where none is to be told.
    """

    name: str
    inner: bool
    field: str
    code: str
    message: str
    condition: str
    reads: tuple[str, ...] = ()
    raised: str = ""
    text: bool = False

    @property
    def sign(self) -> str:
        """SQL over the columns of ``mapped`` and of flags: whether the row is bad."""
        if self.text:
            return f"({quoted(self.name)} IS NOT NULL)"
        return quoted(self.name) if self.inner else self.condition


def tried(sql: str) -> str:
    """SQL of ``{'v': value}``, NULL where the expression raises. TRY stands in a CASE that is always true:
    DuckDB's common subexpressions would otherwise move what two TRYs share out of both."""
    return f"CASE WHEN coalesce(length(key), 0) >= 0 THEN TRY({{'v': {sql}}}) END"


def tried_value(sql: str) -> str:
    """SQL of the value, NULL where the expression raises."""
    return f"struct_extract({tried(sql)}, 'v')"


def flags(compiled: Compiled, shape: bool, raising: bool = False) -> tuple[Flag, ...]:
    """All signs of this mapping; ``raising`` adds those of expressions that raise."""
    found: list[Flag] = []
    for number, column in enumerate(compiled.columns):
        found += _of_column(number, column, compiled, raising)
    reads = tuple(path_text(path) for one in compiled.conditions for path in one.inputs)
    guards = [guard for one in compiled.conditions for guard in one.guards if guard.lookup.rejects]
    for number, guard in enumerate(guards):
        found.append(_unknown(f"{IN_WHERE}{number}", "where", reads, guard, raising))
    if raising and compiled.where:
        found.append(_raised("$where", "where", compiled.where, reads, True))
    if shape:
        found.append(Flag("$shape", True, "", "record.shape", "", "shape", text=True))
    inputs = {column.name: column.inputs for column in compiled.columns}
    for number, check in enumerate(compiled.checks):
        others = [flag.name for flag in found if flag.inner and flag.field == check.field]
        condition = " AND ".join([check.condition, *(f"NOT {quoted(name)}" for name in others)])
        found.append(
            Flag(
                f"$c{number}",
                False,
                check.field,
                check.code,
                check.message,
                f"({condition})",
                inputs[check.field],
            )
        )
    return tuple(found)


def _of_column(number: int, column: Column, compiled: Compiled, raising: bool) -> Iterable[Flag]:
    told = column.field is None or column.field.level not in _GUARDED_LEVELS
    for which, guard in enumerate(column.guards):
        if guard.lookup.rejects:
            yield _unknown(f"$u{number}_{which}", column.name, column.inputs, guard, raising)
        if raising:
            yield _raised(f"$i{number}_{which}", column.name, guard.lookup.input_sql, column.inputs, told)
    if raising and column.raising:
        yield _raised(f"$e{number}", column.name, column.sql, column.inputs, told)
    if column.type == "BIGINT" and column.expression.plain and compiled.structure is not None:
        value = tried_value(column.expression.sql) if raising else column.expression.sql
        number_ = f"TRY_CAST(CAST({value} AS VARCHAR) AS DOUBLE)"
        broken = f"COALESCE(contains(CAST({value} AS VARCHAR), '.') AND {number_} <> trunc({number_}), false)"
        yield Flag(
            f"$f{number}",
            True,
            column.name,
            "value.fraction",
            "the value is no whole number",
            broken,
            column.inputs,
        )


def _unknown(name: str, field: str, reads: tuple[str, ...], guard: Guard, raising: bool) -> Flag:
    lookup = guard.lookup
    value = tried_value(lookup.input_sql) if raising else lookup.input_sql
    bad = f"{quoted(lookup.alias)}.input IS NULL AND ({value}) IS NOT NULL"
    bad += f" AND {guard.condition}" if guard.condition else ""
    told = f"the code list {lookup.args[0]} does not know the value"
    return Flag(name, True, field, "code.unknown", told, f"({bad})", reads)


def _raised(name: str, field: str, sql: str, reads: tuple[str, ...], told: bool) -> Flag:
    alone = told and not re.search(r'"k_[0-9a-f]{12}"', sql)
    return Flag(
        name,
        True,
        field,
        INVALID,
        "the value cannot be used",
        f"({tried(sql)} IS NULL)",
        reads,
        sql if alone else "",
    )


def collect(
    con: duckdb.DuckDBPyConnection, compiled: Compiled, found: tuple[Flag, ...], mapped: str, rejected: str
) -> tuple[int, int]:
    """Move the bad rows of ``mapped`` to ``rejected``; answers how many outputs, and problems."""
    con.execute(
        f"CREATE OR REPLACE TABLE {rejected} AS "
        "SELECT _key AS key, _hash AS hash, '' AS field, '' AS code, '' AS message, '' AS input "
        f"FROM {mapped} LIMIT 0"
    )
    if not found:
        return 0, 0
    bad, problems = _count(con, f'{mapped} WHERE "$bad"'), 0
    if bad:
        for flag in found:
            _tell(con, compiled, flag, mapped, rejected)
        problems = _count(con, rejected)
        con.execute(f'DELETE FROM {mapped} WHERE "$bad"')
    extra = [flag.name for flag in found if flag.inner] + ["$bad", "$r"] + (["$e"] if compiled.each else [])
    for name in extra:
        con.execute(f"ALTER TABLE {mapped} DROP COLUMN {quoted(name)}")
    return bad, problems


def _count(con: duckdb.DuckDBPyConnection, what: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {what}").fetchall()[0][0])


def _tell(con: duckdb.DuckDBPyConnection, compiled: Compiled, flag: Flag, mapped: str, rejected: str) -> None:
    rows = f'{mapped} AS m WHERE "$bad" AND {flag.sign}'
    message = quoted(flag.name) if flag.text else literal(flag.message)
    if flag.raised:
        reasons = _reasons(con, compiled, flag, rows, mapped)
        if reasons:
            told = ", ".join(f"{number}: {literal(reason)}" for number, reason in reasons)
            message = f"COALESCE((MAP {{{told}}})[m.rowid], {message})"
    con.execute(
        f"INSERT INTO {rejected} SELECT _key, _hash, {literal(flag.field)}, {literal(flag.code)}, {message}, "
        f"{_input(compiled, flag)} FROM {rows}"
    )


def _input(compiled: Compiled, flag: Flag) -> str:
    """The fields that were read, as a JSON object; an element of ``each`` under its path."""
    parts, within = [], f"{compiled.each_path}[]" if compiled.each else ""
    for path in dict.fromkeys(flag.reads):
        if within and path.startswith(within):
            inner = [part for part in path[len(within) :].split(".") if part]
            value = '"$e"' + "".join(f".{quoted(part)}" for part in inner[:1] if "[]" not in part)
            parts.append((path, value))
        else:
            top = re.split(r"[.\[]", path)[0]
            parts.append((top, '"$r".' + quoted(top)) if top != "id" else ("id", "_key"))
    if not parts:
        return "NULL"
    texts = ", ".join(f"{literal(name)}: {value}" for name, value in dict(parts).items())
    return f"CAST(to_json({{{texts}}}) AS VARCHAR)"


def _reasons(
    con: duckdb.DuckDBPyConnection, compiled: Compiled, flag: Flag, rows: str, mapped: str
) -> list[tuple[int, str]]:
    """Why the expression raised, for some rows: each is evaluated alone."""
    found = []
    element = ', "$e" AS e' if compiled.each else ""
    for (number,) in con.execute(f"SELECT m.rowid FROM {rows} LIMIT {REASONS}").fetchall():
        try:
            con.execute(
                f"SELECT {flag.raised} FROM "
                f'(SELECT _key AS key, "$r" AS r{element} FROM {mapped} WHERE rowid = {number}) AS s'
            ).fetchall()
        except duckdb.Error as error:
            found.append((int(number), cleaned(str(error))))
    return found


def cleaned(message: str) -> str:
    """DuckDB's message without its class, the statement it quotes, and advice on SQL."""
    text = message.split("\n\nLINE ")[0].split("\n")[0].strip()
    text = re.sub(r"^(\w+ )+Error: ", "", text)
    text = re.sub(r'^Could not parse string (".*?") according to format.*$', r"\1 fits no format given", text)
    text = re.sub(r" when casting from source column.*$|\. Try .*$", "", text)
    return text[:300]
