"""The part of SOQL that integrations write: fields, one object, comparisons joined by AND, order, limit.

Source: developer.salesforce.com "SOQL and SOSL Reference: SELECT".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.simulators.wire import Refused

_QUERY = re.compile(
    r"(?is)\s*SELECT\s+(?P<fields>[\w.,\s]+?)\s+FROM\s+(?P<object>\w+)(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+(?P<order>[\w.,\s]+?))?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*"
)
_CONDITION = re.compile(r"(?is)\s*([\w.]+)\s*(>=|<=|!=|=|>|<)\s*('(?:[^'\\]|\\.)*'|[^\s']+)\s*")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a is not None and a > b,
    ">=": lambda a, b: a is not None and a >= b,
    "<": lambda a, b: a is not None and a < b,
    "<=": lambda a, b: a is not None and a <= b,
}


@dataclass(frozen=True, slots=True)
class Soql:
    """One query: ``conditions`` are (field, operator, value), ``order`` (field, descending)."""

    object: str
    fields: tuple[str, ...]
    conditions: tuple[tuple[str, str, Any], ...]
    order: tuple[tuple[str, bool], ...]
    limit: int | None

    @classmethod
    def parse(cls, text: str) -> Soql:
        """MALFORMED_QUERY where it is none, or none of this part of the language."""
        found = _QUERY.fullmatch(text)
        if found is None:
            raise Refused(400, "MALFORMED_QUERY", f"unexpected token in: {text[:80]}")
        order = [part.split() for part in (found["order"] or "").split(",") if part.strip()]
        return cls(
            found["object"],
            tuple(name.strip() for name in found["fields"].split(",")),
            tuple(_conditions(found["where"] or "")),
            tuple((words[0], words[-1].upper() == "DESC") for words in order),
            int(found["limit"]) if found["limit"] else None,
        )

    def run(self, rows: Sequence[Mapping[str, Any]], known: Sequence[str]) -> list[Mapping[str, Any]]:
        """The records it gives; INVALID_FIELD for a field that the object has not."""
        for name in (*self.fields, *(one[0] for one in (*self.conditions, *self.order))):
            if name not in known:
                message = f"No such column '{name}' on entity '{self.object}'."
                raise Refused(400, "INVALID_FIELD", message)
        found = [row for row in rows if all(_holds(row, *one) for one in self.conditions)]
        for name, descending in reversed(self.order):
            found.sort(key=lambda row: (row[name] is not None, row[name] or ""), reverse=descending)
        return found[: self.limit]


def _conditions(text: str) -> list[tuple[str, str, Any]]:
    found = []
    for part in re.split(r"(?i)\s+AND\s+(?=(?:[^']*'[^']*')*[^']*$)", text) if text.strip() else ():
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise Refused(400, "MALFORMED_QUERY", f"unexpected token: {part.strip()[:60]}")
        found.append((match[1], match[2], _literal(match[3])))
    return found


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if text.lower() in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[text.lower()]
    try:
        return datetime.fromisoformat(text) if "T" in text else float(text)
    except ValueError:
        raise Refused(400, "MALFORMED_QUERY", f"unexpected token: {text}") from None


def _holds(row: Mapping[str, Any], name: str, operator: str, wanted: Any) -> bool:
    value = row[name]
    if isinstance(wanted, datetime) and value is not None:
        if wanted.tzinfo is None:
            raise Refused(
                400,
                "MALFORMED_QUERY",
                f"value of filter criterion for field '{name}' must be of type dateTime",
            )
        value = datetime.fromisoformat(str(value))
    return _COMPARE[operator](value, wanted)
