"""$filter and $orderby of OData V2: the operators and functions that SAP Gateway services take."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.simulators.edm import EntitySet, from_literal
from connectors.simulators.wire import Refused

Row = Mapping[str, Any]
Value = Callable[[Row], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<literal>(?:datetimeoffset|datetime|time|guid)?'(?:[^']|'')*'|[+-]?\d+(?:\.\d+)?[mMlLdDfF]?(?![\w])|(?:true|false|null)\b)"
    r"|(?P<name>[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*)|(?P<sign>[(),]))"
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "substringof": lambda part, text: part in text,
    "tolower": str.lower,
    "toupper": str.upper,
    "length": len,
}


def condition(text: str, entity: EntitySet) -> Value:
    """A function from a record to whether it passes; 400 for what the service would not understand."""
    parser = _Parser(text, entity)
    value = parser.either()
    parser.end()
    return value


def order(text: str, entity: EntitySet) -> list[tuple[str, bool]]:
    """(column, descending) of $orderby."""
    terms = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(" ")
        found = entity.property(name)
        if found is None or direction.strip() not in ("", "asc", "desc"):
            raise Refused(400, "/IWFND/CM_MGW/104", f"Invalid $orderby term '{part.strip()}'")
        terms.append((found.source, direction.strip() == "desc"))
    return terms


class _Parser:
    """Recursive descent: or < and < not < comparison < function, literal, property."""

    def __init__(self, text: str, entity: EntitySet) -> None:
        self._text = text
        self._entity = entity
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None or found.lastgroup is None:
                raise self._syntax(place)
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()
        self._at = 0

    def either(self) -> Value:
        left = self._both()
        while self._take("or"):
            left = _either(left, self._both())
        return left

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._syntax(self._text.find(self._tokens[self._at][1]))

    def _both(self) -> Value:
        left = self._negated()
        while self._take("and"):
            left = _both(left, self._negated())
        return left

    def _negated(self) -> Value:
        if self._take("not"):
            inner = self._negated()
            return lambda row: not inner(row)
        return self._comparison()

    def _comparison(self) -> Value:
        left = self._term()
        for word, compare in _COMPARISONS.items():
            if self._take(word):
                return _compared(compare, left, self._term())
        return left

    def _term(self) -> Value:
        kind, text = self._next()
        if text == "(":
            inner = self.either()
            self._expect(")")
            return inner
        if kind == "literal":
            constant = from_literal(text)
            return lambda row: constant
        if kind == "name" and self._take("("):
            return self._function(text)
        if kind == "name":
            found = self._entity.property(text)
            if found is None:
                raise Refused(
                    400,
                    "/IWCOR/CX_DS_EP_PROPERTY_ERROR",
                    f"Property {text} not found in type {self._entity.name}Type",
                )
            source = found.source
            return lambda row: row[source]
        raise self._syntax(0)

    def _function(self, name: str) -> Value:
        if name not in _FUNCTIONS:
            raise Refused(501, "/IWFND/CM_MGW/502", f"Function {name} is not supported")
        arguments = [self.either()]
        while self._take(","):
            arguments.append(self.either())
        self._expect(")")
        function = _FUNCTIONS[name]
        return lambda row: function(*(str(argument(row) or "") for argument in arguments))

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1] == text:
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._syntax(len(self._text))

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self._syntax(len(self._text))
        self._at += 1
        return self._tokens[self._at - 1]

    def _syntax(self, place: int) -> Refused:
        return Refused(
            400, "/IWCOR/CX_DS_EXPR_SYNTAX/0", f"Syntax error in $filter at position {max(place, 0)}"
        )


def _either(left: Value, right: Value) -> Value:
    return lambda row: left(row) or right(row)


def _both(left: Value, right: Value) -> Value:
    return lambda row: left(row) and right(row)


def _compared(compare: Callable[[Any, Any], bool], left: Value, right: Value) -> Value:
    def test(row: Row) -> bool:
        a, b = left(row), right(row)
        if a is None or b is None:  # a comparison with null is true for eq and ne only
            return compare in (operator.eq, operator.ne) and compare(a, b)
        if _kind(a) is not _kind(b):
            raise Refused(400, "/IWCOR/CX_DS_EXPR_TYPE/0", "Incompatible types in $filter")
        if isinstance(a, datetime) and (a.tzinfo is None) != (b.tzinfo is None):
            raise Refused(
                400, "/IWCOR/CX_DS_EXPR_TYPE/0", "Edm.DateTime cannot be compared with Edm.DateTimeOffset"
            )
        return compare(a, b)

    return test


def _kind(value: Any) -> type:
    for kind in (bool, str, datetime, timedelta):
        if isinstance(value, kind):
            return kind
    return Decimal
