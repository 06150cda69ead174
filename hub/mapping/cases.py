"""Mapping tests: the cases of ``mappings/NAME.test.yaml``, run through the real expressions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import duckdb
import pyarrow as pa

from hub.mapping.compile import Column, Compiled, compile_mapping
from hub.mapping.evaluate import evaluate
from hub.mapping.lookups import ANSWER, Inputs
from hub.mapping.scope import Lookup
from hub.mapping.single import memory, relation
from hub.workspace.shape import TestCase
from hub.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as expected; values as JSON."""

    field: str
    expected: str
    actual: str


NO_DIFFERENCES: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case ended. ``path``, ``line`` and ``column`` are the case's place in its file."""

    mapping: str
    number: int
    title: str
    ok: bool
    path: str
    line: int
    column: int
    message: str = ""
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        state = "ok" if self.ok else f"failed: {self.message}"
        lines = [
            f"{self.path}:{self.line}: {self.mapping} {self.title or f'case {self.number + 1}'}: {state}"
        ]
        lines += [f"    {one.field}: expected {one.expected}, got {one.actual}" for one in self.differences]
        return "\n".join(lines)


def run_cases(workspace: Workspace, mappings: Sequence[str] = ()) -> list[CaseResult]:
    """Run the cases of the mappings named, or all. ConfigError where a mapping does not compile."""
    results = []
    with memory() as con:
        for name, cases in workspace.tests.items():
            if mappings and name not in mappings:
                continue
            compiled = compile_mapping(workspace.mapping(name), workspace)
            results += [_run(con, workspace, compiled, number, case) for number, case in enumerate(cases)]
    return results


def _run(
    con: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    outputs: Sequence[Compiled],
    number: int,
    case: TestCase,
) -> CaseResult:
    compiled = next((one for one in outputs if case.into in (None, one.output)), None)
    name = outputs[0].mapping
    message, differences = f"the mapping has no output {case.into}", NO_DIFFERENCES
    if compiled is not None:
        message, differences = _judged(con, workspace, compiled, case)
    path, line, column = workspace.locate("test", name, number)
    return CaseResult(name, number, case.title, not message, str(path), line, column, message, differences)


def _judged(
    con: duckdb.DuckDBPyConnection, workspace: Workspace, compiled: Compiled, case: TestCase
) -> tuple[str, tuple[Difference, ...]]:
    """What is wrong ('' for nothing), and the fields that differ."""
    evaluate(con, compiled, relation(con, compiled, workspace, [case.given]), _answering(case))
    rows = [json.loads(text) for (text,) in con.execute("SELECT to_json(m) FROM mapped AS m").fetchall()]
    problems = con.execute("SELECT field, code, message FROM rejected ORDER BY ALL").fetchall()
    told = "; ".join(f"{field or 'record'}: {text} [{code}]" for field, code, text in problems)
    if case.expect_none:
        return ("" if not rows and not problems else f"expected no output, got {told or 'one'}"), ()
    if case.expect_problem is not None:
        wanted = case.expect_problem
        met = any(
            all(wanted.get(key, value) == value for key, value in (("field", field), ("code", code)))
            for field, code, _ in problems
        )
        return (
            ""
            if met
            else f"expected the problem {json.dumps(wanted, ensure_ascii=False)}, got "
            f"{told or ('an output' if rows else 'no output')}"
        ), ()
    if not rows:
        return f"expected an output, got {told or 'none: its where is not true'}", ()
    found = [_differences(compiled, case, row) for row in rows]
    best = min(found, key=len)
    return (f"{len(best)} fields differ" if best else ""), best


def _answering(case: TestCase) -> Any:
    """Answers of key_in from the case."""

    def provide(lookup: Lookup, inputs: Inputs) -> pa.Table:
        known = case.lookups.get(lookup.args[0], {})
        texts = [text for text in inputs.to_pylist() if text in known]
        return pa.table([texts, [known[text] for text in texts]], schema=ANSWER)

    return provide


def _differences(compiled: Compiled, case: TestCase, row: Mapping[str, Any]) -> tuple[Difference, ...]:
    columns = {column.name: column for column in compiled.columns}
    found = []
    for name, expected in (case.expect or {}).items():
        actual = row.get(name)
        column = columns.get(name)
        if column is not None and column.ref and isinstance(actual, str):
            actual = case.lookups.get(column.ref, {}).get(actual, actual)
        if not _same(expected, actual, column):
            missing = "" if column else " (the output has no such field)"
            found.append(Difference(name, _text(expected), _text(actual) + missing))
    return tuple(found)


def _same(expected: Any, actual: Any, column: Column | None) -> bool:
    """Equal, or equal as numbers, or as moments where the field is one."""
    if expected == actual and isinstance(expected, bool) == isinstance(actual, bool):
        return True
    if isinstance(expected, list) and isinstance(actual, list):
        pairs = zip(expected, actual, strict=False)
        return len(expected) == len(actual) and all(_same(one, other, column) for one, other in pairs)
    if column is not None and column.type.startswith("TIMESTAMPTZ"):
        return _moment(expected) == _moment(actual) is not None
    if column is not None and column.type.startswith(("DECIMAL", "BIGINT")) and actual is not None:
        try:
            return Decimal(str(expected)) == Decimal(str(actual))
        except InvalidOperation:
            return False
    if column is not None and column.type == "JSON" and isinstance(actual, str):
        return bool(expected == json.loads(actual))
    return False


def _moment(value: Any) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
