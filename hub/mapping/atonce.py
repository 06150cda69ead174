"""Expressions over one record that is at hand: checked when the workspace is, valued at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import orjson

from hub.errors import ConfigError, RecordRejected
from hub.mapping.expressions import translate
from hub.mapping.record import Clash, Node, OpenFields, literal, quoted, structure, structure_text
from hub.mapping.scope import Expression, Scope
from hub.mapping.single import memory
from hub.mapping.syntax import Issue


def over(record: Node, added: Mapping[str, Node]) -> Node:
    """A record with further names, which go before its own; open where the record is."""
    if record.fields is None:
        return Node("object", fields=OpenFields(added))
    return Node("object", fields={**record.fields, **added})


def checked(text: str, record: Node) -> tuple[Expression | None, tuple[Issue, ...]]:
    """One expression in the scope of the record; what looks something up elsewhere is refused."""
    found, issues = translate(text, Scope(record))
    if found is not None and (found.guards or found.ref):
        return None, (*issues, Issue("acts.lookup", f"it cannot look up: {text}", "compare with a field of the record"))
    return found, issues


def valued(expressions: Mapping[str, str], record: Node, value: Mapping[str, Any]) -> dict[str, Any]:
    """The values of expressions by their names, texts as texts. ConfigError ``expression.invalid`` where one is
    wrong, RecordRejected ``expression.value`` where one has no value for this record."""
    if not expressions:
        return {}
    trees = {name: _checked(name, text, record) for name, text in expressions.items()}
    paths = [path for tree in trees.values() for path in tree.inputs]
    try:
        shape = literal(structure_text(structure(paths))) if paths else "'{}'"
    except Clash as clash:
        raise ConfigError("expression.invalid", str(clash), hint="cophub check") from None
    columns = ", ".join(f"{tree.sql} AS {quoted(name)}" for name, tree in trees.items())
    made = f"json_transform(CAST(? AS JSON), {shape})" if paths else "NULL"
    text = orjson.dumps(value, default=str).decode()
    with memory() as con:
        try:
            rows = con.execute(f"SELECT {columns} FROM (SELECT {made} AS r)", [text] if paths else [])
            (row,) = rows.fetchall()
        except duckdb.BinderException:
            names = ", ".join(expressions)
            raise ConfigError(
                "expression.invalid", f"the types of {names} do not fit", hint="cophub check"
            ) from None
        except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException):
            raise RecordRejected(
                "expression.value", f"{', '.join(expressions)}: no value for this record", hint="mend the expression"
            ) from None
    return dict(zip(expressions, row, strict=True))


def unbound(expressions: Mapping[str, str], record: Node) -> Iterator[tuple[str, Issue]]:
    """What is wrong with expressions, by name: their issues, or that their types do not fit."""
    for name, text in expressions.items():
        found, issues = checked(text, record)
        yield from ((name, issue) for issue in issues)
        if found is None:
            continue
        try:
            valued({name: text}, record, {})
        except ConfigError as error:
            yield name, Issue("expression.type", error.message)
        except RecordRejected:
            continue  # of an empty record


def _checked(name: str, text: str, record: Node) -> Expression:
    found, issues = checked(text, record)
    if found is None:
        raise ConfigError("expression.invalid", f"{name}: {issues[0].message}", hint=issues[0].hint or "cophub check")
    return found
