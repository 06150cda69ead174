"""What one SCIM request may ask for at most, judged before anything of it is parsed: filters cost as much as they are
long, deep and manifold, and a PATCH as much as it has operations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from scim2_models import InvalidFilterException, InvalidValueException, PayloadTooLargeException

from hub.errors import RecordRejected

LONGEST: Final = 8000
"""Characters of a filter, or of a path that may hold one."""
DEEPEST: Final = 20
"""Parentheses and brackets within each other."""
TERMS: Final = 100
"""Conditions between ``and`` and ``or``."""
NAMES: Final = 100
"""Attributes that are asked for, or left out, by name."""
FARTHEST: Final = 1_000_000_000
"""A page begins at this resource at most."""
OPERATIONS: Final = 1000
"""Of one PATCH."""
TOGETHER: Final = 10_000
"""Of all PATCHes of one bulk request."""

# a text that never ends is one piece, too: else it would be looked through again from each of its quotes
_PIECES: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[()\[\]]|\b(?:and|or)\b', re.IGNORECASE | re.DOTALL)
_HINT: Final = "ask several times for less"


def require_filter(text: str) -> None:
    """InvalidFilterException ``scim.filter``."""
    depth = deepest = 0
    terms = 1
    for found in _PIECES.finditer(text[:LONGEST]):
        piece = found[0]
        depth += (piece in "([") - (piece in ")]")
        deepest = max(deepest, depth)
        terms += piece.lower() in ("and", "or")
    if len(text) > LONGEST or deepest > DEEPEST or terms > TERMS:
        error = RecordRejected(
            "scim.filter",
            f"a filter has at most {TERMS} conditions, {DEEPEST} levels and {LONGEST} characters",
            hint=_HINT,
        )
        raise InvalidFilterException(detail=f"{error.code}: {error.message}")


def require_small(query: Mapping[str, str], body: bytes) -> None:
    """InvalidFilterException ``scim.filter``; InvalidValueException ``scim.attributes`` and ``scim.start``;
    PayloadTooLargeException ``scim.operations``."""
    for name, value in query.items():
        if name.lower() == "filter":
            require_filter(value)
        _require_place(name, value)
    try:
        said = orjson.loads(body) if body else None
    except ValueError:
        return  # the protocol says what is wrong with it
    if not isinstance(said, dict):
        return
    for name, value in said.items():
        _require_place(name, value)
    several = list(_operations(said))
    nested = [one for each in several for one in _operations(each.get("data"))]
    if not any("method" in map(str.lower, one) for one in several) and len(several) > OPERATIONS:
        raise _too_many(OPERATIONS)
    if len(nested) > TOGETHER or any(len(list(_operations(one.get("data")))) > OPERATIONS for one in several):
        raise _too_many(OPERATIONS)
    for one in (said, *several, *nested):
        for text in _filters(one):
            require_filter(text)


def _require_place(name: str, value: Any) -> None:
    """Which part of what, of which resources: in a query texts, attributes with commas; in a body numbers and lists."""
    error = None
    if name.lower() in ("attributes", "excludedattributes"):
        count = value.count(",") + 1 if isinstance(value, str) else len(value) if isinstance(value, list) else 0
        if count > NAMES:
            error = RecordRejected("scim.attributes", f"at most {NAMES} attributes are asked for by name", hint=_HINT)
    elif name.lower() == "startindex" and isinstance(value, str | int) and _number(value) > FARTHEST:
        error = RecordRejected(
            "scim.start", f"startIndex is at most {FARTHEST}", hint="go through what is further away by cursor"
        )
    if error is not None:
        raise InvalidValueException(detail=f"{error.code}: {error.message}")


def _number(value: str | int) -> int:
    """What is none is for the protocol to refuse."""
    try:
        return int(value)
    except ValueError:
        return 0


def _operations(said: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(said, dict):
        for name, value in said.items():
            if name.lower() == "operations" and isinstance(value, list):
                yield from (one for one in value if isinstance(one, dict))


def _filters(said: Mapping[str, Any]) -> Iterator[str]:
    """Texts that are parsed as filters, or as paths with filters in them."""
    for name, value in said.items():
        if name.lower() in ("filter", "path") and isinstance(value, str):
            yield value
        if name.lower() == "value" and isinstance(value, dict):
            yield from (one for one in value if "[" in one)


def _too_many(most: int) -> PayloadTooLargeException:
    error = RecordRejected(
        "scim.operations", f"one PATCH has at most {most} operations, those of a bulk request {TOGETHER}", hint=_HINT
    )
    return PayloadTooLargeException(detail=f"{error.code}: {error.message}")
