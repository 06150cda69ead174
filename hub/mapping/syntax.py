"""Syntax: the text of one expression becomes sqlglot's tree, or an issue that says why not."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError

LONGEST_TEXT = 8_000
DEEPEST = 60


@dataclass(frozen=True, slots=True)
class Issue:
    """What is wrong with an expression; ``column`` counts characters within it from 1."""

    code: str
    message: str
    hint: str = ""
    column: int = 1
    level: str = "error"


class _Dialect(DuckDB):
    """DuckDB's syntax without any knowledge of functions: each stays what its author called it, so
    that the allow-list sees the very name that DuckDB will run."""

    INDEX_OFFSET = 0  # positions stay as written: parsed and rendered by the same dialect

    class Parser(DuckDB.Parser):  # type: ignore[valid-type, misc] # made at run time by the library
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: DuckDB.Parser.FUNCTION_PARSERS[name] for name in ("CAST", "TRY_CAST", "EXTRACT")
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            "CASE": DuckDB.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]
        }


DIALECT = _Dialect()
_BINDING = (exp.Binary, exp.Neg, exp.BitwiseNot, exp.Between, exp.In, exp.Cast)


class _Tools(threading.local):
    """Made once per thread: each parse and each rendering would otherwise build its own, which costs
    more than its work."""

    def __init__(self) -> None:
        self.tokenizer = DIALECT.tokenizer()
        self.parser = DIALECT.parser()
        self.generator = DIALECT.generator(comments=False)


_TOOLS = _Tools()
_STATEMENTS = re.compile(
    r"\s*(select|with|from|attach|detach|set|reset|pragma|copy|create|insert|update|delete|drop|alter|call|"
    r"install|load|export|import|use|values|vacuum|prepare|execute|begin|commit)\b(?!\s*(\.|$|[=<>|,)]))",
    re.I,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORDS = frozenset(
    [
        "case",
        "null",
        "true",
        "false",
        "not",
        "cast",
        "try_cast",
        "interval",
        "date",
        "time",
        "timestamp",
        "map",
        "lambda",
        "exists",
    ]
)


def render(tree: exp.Expr) -> str:
    """The SQL of a tree of ours; comments do not survive."""
    tight = [one for one in tree.find_all(exp.Not) if _binds(one.parent)]
    for negation in tight:  # ``!`` binds as a sign does, the NOT that it is written as looser than what is around it
        held = exp.Paren()
        negation.replace(held)
        held.set("this", negation)
    return str(_TOOLS.generator.generate(tree, copy=False))


def _binds(around: exp.Expr | None) -> bool:
    return isinstance(around, _BINDING) and not isinstance(around, exp.Connector)


@lru_cache(maxsize=20_000)
def parse(text: str) -> tuple[exp.Expr | None, Issue | None]:
    """The syntax tree of one expression (shared: never changed), or why there is none."""
    bare = _bare(text[: LONGEST_TEXT + 1])
    if not bare.strip():
        return None, Issue("expression.empty", "the expression is empty", "write NULL for no value")
    if len(text) > LONGEST_TEXT:
        return None, Issue("expression.too_long", f"the expression is longer than {LONGEST_TEXT} characters")
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return exp.Column(this=exp.Identifier(this=text, quoted=False)), None
    if ";" in bare:
        what = "a semicolon separates statements; a value is one expression"
        return None, Issue("expression.forbidden", what, column=bare.find(";") + 1)
    deep = _depth(bare)
    if deep is not None:
        return None, Issue("expression.too_deep", f"the expression nests deeper than {DEEPEST}", column=deep)
    if match := _STATEMENTS.match(text):
        return None, Issue(
            "expression.forbidden",
            f"{match[1].upper()} begins a statement; a value is one expression",
            f'a field of that name is written "{match[1]}"',
            match.start(1) + 1,
        )
    return _parsed(text)


def _parsed(text: str) -> tuple[exp.Expr | None, Issue | None]:
    try:
        trees = _TOOLS.parser.parse_into(exp.Condition, _TOOLS.tokenizer.tokenize(text), text)
    except ParseError as error:
        detail = error.errors[0] if error.errors else {}
        near = str(detail.get("highlight") or "")
        column = _offset(text, int(detail.get("line") or 1), int(detail.get("col") or 1)) - len(near) + 1
        what = str(detail.get("description") or "cannot be understood").rstrip(".")
        if near.lower() in ("select", "with", "from"):
            return None, Issue(
                "expression.forbidden",
                "a subquery is not an expression over one record",
                "join another resource by with:",
                max(column, 1),
            )
        at = f" near {near!r}" if near else ""
        return None, Issue("expression.syntax", f"not a SQL expression{at}: {what}", column=max(column, 1))
    except (TokenError, RecursionError, AttributeError, ValueError) as error:
        what = "a quote is not closed" if isinstance(error, TokenError) else "it cannot be understood"
        return None, Issue("expression.syntax", f"not a SQL expression: {what}")
    if len(trees) != 1 or trees[0] is None:
        return None, Issue("expression.syntax", "not one SQL expression")
    return trees[0], None


def _offset(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return sum(len(part) + 1 for part in lines[: line - 1]) + column


def _bare(text: str) -> str:
    """The text with what stands in quotes and comments blanked, same length."""
    return _QUOTED.sub(lambda match: ("_" if match[0][0] in "'\"" else " ") * len(match[0]), text)


def _depth(bare: str) -> int | None:
    """Where brackets nest deeper than allowed, or None. Prefix operators and CASE count too: the
    parser recurses on them."""
    depth = 0
    for match in re.finditer(r"[(\[{]|[)\]}]|\bcase\b|\bend\b", bare, re.I):
        depth += 1 if match[0].lower() in ("(", "[", "{", "case") else -1
        if depth > DEEPEST:
            return match.start() + 1
    prefix = re.search(rf"((\bnot\b|[-+~@!])\s*){{{DEEPEST},}}", bare, re.I)
    if prefix:
        return prefix.start() + 1
    long = list(re.finditer(r"[-+*/%|<>=]+|\b(and|or|like|ilike|is|in)\b", bare, re.I))
    return long[DEEPEST * 5].start() + 1 if len(long) > DEEPEST * 5 else None
