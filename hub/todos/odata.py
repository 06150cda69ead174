"""To-dos as an OData 4 entity set: what it is, and the part of the query options that it understands.

OASIS OData 4.01, part 1 and 2: ``$filter`` with eq, ne, gt, ge, lt, le, and, or and brackets; ``$orderby`` by one of
``Id``, ``Since``, ``ChangedAt``, and then ``Id``. Whatever is not understood is refused, never passed over.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from hub.errors import ConfigError
from hub.literals import instant, integer
from hub.store.dashboards import Condition
from hub.todos.received import LEVELS

PROPERTIES: Final[Mapping[str, tuple[str, str]]] = {
    "Id": ("Edm.String", ""),
    "Todo": ("Edm.Guid", "todo"),
    "Person": ("Edm.Guid", "person"),
    "Organization": ("Edm.String", ""),
    "System": ("Edm.String", "system"),
    "SourceId": ("Edm.String", "source_id"),
    "Title": ("Edm.String", ""),
    "Status": ("Edm.String", "status"),
    "Box": ("Edm.String", "box"),
    "Outcome": ("Edm.String", "outcome"),
    "Read": ("Edm.Boolean", "read"),
    "Urges": ("Edm.Int32", "urges"),
    "Priority": ("Edm.String", "priority"),
    "Since": ("Edm.DateTimeOffset", "since"),
    "Due": ("Edm.DateTimeOffset", "due"),
    "ChangedAt": ("Edm.DateTimeOffset", "changed_at"),
    "Definition": ("Edm.String", "definition"),
    "Node": ("Edm.String", ""),
    "Link": ("Edm.String", ""),
}
"""Property → its type, and the column that ``$filter`` may compare; without one it may not."""
ORDERS: Final = {"Id": "id", "Since": "since", "ChangedAt": "changed_at"}
LONGEST, DEEPEST = 4000, 20
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<bracket>[()])|(?P<word>[A-Za-z0-9_:.+-]+))", re.ASCII
)


def metadata() -> bytes:
    """The service's $metadata."""
    properties = "".join(
        f'<Property Name="{name}" Type="{kind}" Nullable="{"true" if name == "Due" else "false"}"'
        f"{' Precision=' + chr(34) + '6' + chr(34) if kind == 'Edm.DateTimeOffset' else ''}/>"
        for name, (kind, _) in PROPERTIES.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        '<Schema Namespace="CopHub" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="Todo">'
        f'<Key><PropertyRef Name="Id"/></Key>{properties}</EntityType><EntityContainer Name="Container">'
        '<EntitySet Name="Todos" EntityType="CopHub.Todo"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    ).encode()


def entity(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of a dashboard as an entity."""
    names = {"Todo": "id", "SourceId": "source_id", "ChangedAt": "changed_at"}
    made = {"Id": f"{line['id']}_{line['person']}"}
    for name in PROPERTIES:
        if name != "Id":
            value = line[names.get(name, name.lower())]
            made[name] = _moment(value) if isinstance(value, dt.datetime) else value
    return made


def _moment(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def selected(text: str | None) -> Sequence[str]:
    """The properties of a $select."""
    if not text or text.strip() == "*":
        return tuple(PROPERTIES)
    names = [one.strip() for one in text.split(",")]
    for name in names:
        if name not in PROPERTIES:
            raise refused("$select", f"there is no property {name[:60]!r}")
    return names


def ordered(text: str | None) -> tuple[str, bool]:
    """The order of a $orderby, and whether it is backwards."""
    if not text:
        return "id", False
    terms = [one.split() for one in text.split(",")]
    directions = {term[1] if len(term) == 2 else "asc" for term in terms}
    names = [term[0] if term else "" for term in terms]
    fits = len(directions) == 1 and directions <= {"asc", "desc"} and all(len(term) in (1, 2) for term in terms)
    if not fits or names[0] not in ORDERS or names[1:] not in ([], ["Id"]):
        raise refused("$orderby", f"one of {', '.join(ORDERS)}, and then Id, all asc or all desc")
    return ORDERS[names[0]], directions == {"desc"}


def token(place: Sequence[Any]) -> str:
    """A place as a $skiptoken."""
    told = [one.isoformat() if isinstance(one, dt.datetime) else str(one) for one in place]
    return base64.urlsafe_b64encode(orjson.dumps(told)).decode().rstrip("=")


def placed(text: str, order: str) -> list[Any]:
    """The place of a $skiptoken."""
    kinds: list[Callable[[str], Any]] = [uuid.UUID, uuid.UUID]
    if order != "id":
        kinds.insert(0, instant)
    try:
        told = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return [kind(one) for kind, one in zip(kinds, told, strict=True)]
    except (ValueError, TypeError, AttributeError):
        raise refused("$skiptoken", "take it from @odata.nextLink, as it is") from None


# ------------------------------------------------------------ $filter


def filtered(text: str | None) -> list[Condition]:
    """The conditions of a $filter."""
    if not text or not text.strip():
        return []
    if len(text) > LONGEST:
        raise refused("$filter", f"it is longer than {LONGEST} characters")
    reader = _Reader(_tokens(text))
    found = reader.either(0)
    if reader.rest:
        raise refused("$filter", f"{reader.rest[0][:60]!r} is one too many")
    return [found]


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise refused("$filter", f"{text[at : at + 20]!r} is not understood")
        found.append(match[match.lastgroup or 0])
        at = match.end()
    return found


class _Reader:
    """Reads tokens from the left: ``or`` over ``and`` over comparisons and brackets."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def either(self, depth: int) -> Condition:
        return self._joined("or", lambda: self._joined("and", lambda: self._one(depth)))

    def _joined(self, word: str, read: Callable[[], Condition]) -> Condition:
        found = [read()]
        while self.rest[:1] == [word]:
            del self.rest[0]
            found.append(read())
        return found[0] if len(found) == 1 else ("", word, found)

    def _one(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise refused("$filter", "its brackets are too deep")
        if self.rest[:1] == ["("]:
            del self.rest[0]
            found = self.either(depth + 1)
            if self.rest[:1] != [")"]:
                raise refused("$filter", "a bracket is not closed")
            del self.rest[0]
            return found
        name, operator, literal = [*self.rest[:3], "", "", ""][:3]
        del self.rest[:3]
        kind, column = PROPERTIES.get(name, ("", ""))
        if not column:
            raise refused("$filter", f"{name[:60]!r} is no property that can be compared")
        if operator not in ("eq", "ne", "gt", "ge", "lt", "le"):
            raise refused("$filter", f"{operator[:60]!r} is no comparison that is understood")
        value = _value(literal, kind, name)
        if value is None and operator not in ("eq", "ne"):
            raise refused("$filter", f"null is compared by eq and ne only: {name}")
        return column, operator, value


def _value(literal: str, kind: str, name: str) -> Any:
    if literal == "null":
        return None
    try:
        match kind:
            case "Edm.Guid":
                return uuid.UUID(literal)
            case "Edm.Boolean":
                return {"true": True, "false": False}[literal]
            case "Edm.Int32":
                return integer(literal, -(2**31), 2**31 - 1)
            case "Edm.DateTimeOffset":
                return instant(literal)
        if len(literal) < 2 or literal[0] != "'" or "\0" in literal:
            raise ValueError(literal)
        text = literal[1:-1].replace("''", "'")
        return LEVELS[text] if name == "Priority" else text
    except (ValueError, KeyError):
        raise refused("$filter", f"{literal[:60]!r} is no value of {name}, which is {kind}") from None


def refused(option: str, message: str) -> ConfigError:
    """What an option says that is not understood."""
    return ConfigError("odata.option", message, where=option, hint="see docs/how-to/dashboards.md")
