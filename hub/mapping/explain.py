"""One record traced step by step: what each expression read, gave, and which check refused it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from hub.mapping.compile import Compiled
from hub.mapping.evaluate import evaluate, joined_rows
from hub.mapping.lookups import Provider
from hub.mapping.record import quoted
from hub.mapping.rejects import cleaned
from hub.mapping.single import memory, relation
from hub.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``stage`` is key, where, lookup, field, problem or result; ``name`` the field, function
    or output; ``text`` the expression as written; ``reads`` and ``value`` are JSON, ``note`` says why."""

    stage: str
    name: str
    text: str = ""
    reads: str = ""
    value: str = ""
    note: str = ""


def explain(
    compiled: Compiled, workspace: Workspace, record: Mapping[str, Any], provider: Provider | None = None
) -> list[Step]:
    """Trace one record (an object as the source gives it, or of a model) through one output. With
    ``each`` every element is traced in turn."""
    with memory() as con:
        source = relation(con, compiled, workspace, [record])
        with joined_rows(con, compiled, source, provider) as rows:
            con.execute(f"CREATE OR REPLACE TEMP TABLE step AS SELECT s.*{_outputs(compiled)} FROM {rows}")
        steps = [*_keys(con, compiled)]
        count = int(con.execute("SELECT count(*) FROM step").fetchall()[0][0])
        for number in range(count):
            steps += _traced(con, compiled, number)
        evaluate(con, compiled, source, provider)
        steps += _ends(con)
    return steps


def _outputs(compiled: Compiled) -> str:
    """The answers of lookups, kept as structs under their aliases: expressions read them unchanged."""
    return "".join(
        f", {{'input': {alias}.input, 'output': {alias}.output}} AS {alias}"
        for alias in (quoted(one.alias) for one in compiled.lookups)
    )


def _keys(con: duckdb.DuckDBPyConnection, compiled: Compiled) -> Iterator[Step]:
    rows = con.execute("SELECT DISTINCT key FROM step").fetchall()
    for (key,) in rows:
        yield Step(
            "key",
            ", ".join(compiled.key_fields) or "id",
            value=json.dumps(key, ensure_ascii=False),
            note="" if key else "the record has no key",
        )
    if not rows and compiled.each:
        yield Step("where", compiled.each_path, note="the list is empty: there is no output")


def _traced(con: duckdb.DuckDBPyConnection, compiled: Compiled, number: int) -> Iterator[Step]:
    row = f"(SELECT * FROM step LIMIT 1 OFFSET {number}) AS s"
    if compiled.where:
        value, note = _value(con, compiled.where, row)
        texts = " AND ".join(one.text for one in compiled.conditions)
        yield Step(
            "where", compiled.output, texts, "", value, note or ("" if value == "true" else "out of scope")
        )
    for lookup in compiled.lookups:
        asked, _ = _value(con, lookup.input_sql, row)
        answer, note = _value(con, f"{quoted(lookup.alias)}.output", row)
        unknown = "nothing is known for it" if answer == "null" and asked != "null" else ""
        yield Step(
            "lookup",
            f"{lookup.kind}({', '.join(arg for arg in lookup.args if arg)})",
            reads=asked,
            value=answer,
            note=note or unknown,
        )
    for column in compiled.columns:
        value, note = _value(con, column.sql, row)
        yield Step(
            "field",
            column.name,
            column.expression.text,
            _reads(con, column.inputs, compiled, row),
            value,
            note or (f"reference to {column.ref} by its key" if column.ref else ""),
        )


def _reads(con: duckdb.DuckDBPyConnection, inputs: tuple[str, ...], compiled: Compiled, row: str) -> str:
    parts = []
    for path in dict.fromkeys(inputs):
        top = path.split(".")[0].replace("[]", "")
        source = "key" if top == "id" and compiled.structure is None else f"r.{quoted(top)}"
        parts.append(f"'{top.replace(chr(39), chr(39) * 2)}': {source}")
    return _value(con, f"{{{', '.join(dict.fromkeys(parts))}}}", row)[0] if parts else ""


def _value(con: duckdb.DuckDBPyConnection, sql: str, row: str) -> tuple[str, str]:
    """A value as JSON text, and DuckDB's reason where it raises."""
    try:
        rows = con.execute(f"SELECT CAST(to_json({sql}) AS VARCHAR) FROM {row}").fetchall()
        return str(rows[0][0] if rows[0][0] is not None else "null"), ""
    except duckdb.Error as error:
        return "null", cleaned(str(error))


def _ends(con: duckdb.DuckDBPyConnection) -> Iterator[Step]:
    problems = con.execute("SELECT field, code, message, input FROM rejected ORDER BY ALL").fetchall()
    for field, code, message, given in problems:
        yield Step("problem", field or "record", reads=given or "", value=json.dumps(code), note=message)
    for (text,) in con.execute("SELECT CAST(to_json(m) AS VARCHAR) FROM mapped AS m").fetchall():
        yield Step("result", "mapped", value=text)
    if problems:
        yield Step("result", "rejected", value=str(len(problems)), note="the record goes to quarantine")
