"""Rows of ``hub.todos`` as items of POST /v1/todos. A row is one receiver's part of one to-do; its fields are flat."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from hub.errors import RecordRejected
from hub.todos.reports import Status
from hub.workspace.builtin import CONTENT, RECEIVERS

Values = Mapping[str, Any]

KEY: Final = ("system", "tenant", "id")
PART: Final = ("kind", "done", "outcome", "read", "since", "urges")
"""What is said of the receiver."""
TEXTS: Final = ("tenant", "id", "title", "text", "definition", "process", "node", "priority", "outcome", *RECEIVERS)
TIMES: Final = ("changed", "due", "created", "since")
LISTS: Final = ("responses", "actions", "attributes")
DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
HINT: Final = "see docs/how-to/pull-todos.md"


@dataclass(frozen=True, slots=True)
class Said:
    """What one row says: an item without its assignees, and the receiver's part, where it names one."""

    item: dict[str, Any]
    assignee: dict[str, Any] | None


def receiver_of(values: Values) -> dict[str, str] | None:
    """What a row calls its receiver by; RecordRejected ``todo.malformed`` where it does so twice."""
    found = {name: _text(values[name]) for name in RECEIVERS if not _blank(values.get(name))}
    if len(found) > 1:
        raise malformed(next(iter(found)), f"a row has one receiver, and this one has {' and '.join(found)}")
    return found or None


def said(values: Values, zone: ZoneInfo) -> Said:
    """A whole row. RecordRejected ``todo.malformed`` names the field."""
    given = {name: _value(name, value, zone) for name, value in values.items() if not _blank(value)}
    item = _key(given)
    content: dict[str, Any] = {name: given[name] for name in CONTENT if name in given}
    content |= {top: parts for top in ("links", "initiator", "attributes") if (parts := _parts(given, top, content))}
    title = _parts(given, "title", {}) or given.get("title")
    if title is None and any(name.partition(".")[0] == "title" for name in values):
        raise malformed("title", "it is empty")
    if title is not None:
        item |= {"title": title, **content}
    if "changed" in given:
        item["version"] = {"at": given["changed"], "seq": given.get("seq", 0)}
    if given.get("status") == Status.RESERVED and (processor := _parts(given, "processor", {})):
        item["processor"] = processor
    return Said(item | _status(given), _assignee(given))


def told(key: Values, values: Values, zone: ZoneInfo) -> Said:
    """What ``disable`` sets of the row of that key: nothing else is said."""
    given = {name: _value(name, value, zone) for name, value in values.items() if not _blank(value)}
    about = given.keys() & set(PART) - {"outcome"}
    assignee = _assignee({**key, **given}) if about else None
    return Said(_key(key) | _status(given), assignee)


def taken_off(key: Values) -> Said | None:
    """That the receiver of a key has it no more; None where the key names none."""
    to = receiver_of(key)
    return Said(_key(key), {"to": to, "there": False}) if to else None


def _key(given: Values) -> dict[str, Any]:
    return {name: _text(given[name]) for name in KEY if not _blank(given.get(name))}


def _status(given: Values) -> dict[str, Any]:
    if "status" not in given:
        return {}
    return {"status": given["status"], "outcome": given.get("outcome", "")}


def _assignee(given: Values) -> dict[str, Any] | None:
    to = receiver_of(given)
    if to is None:
        return None
    part = {name: given[name] for name in PART if name in given}
    if not part.get("done"):
        part.pop("outcome", None)  # that of the to-do
    return {"to": to, **part}


def _parts(given: Values, top: str, content: Values) -> dict[str, Any]:
    """The nested object: ``links.pc`` and the like over what ``links`` itself gives."""
    whole = content.get(top)
    parts = dict(whole) if isinstance(whole, Mapping) else {}
    for name, value in given.items():
        first, dot, rest = name.partition(".")
        if first == top and dot:
            parts[rest] = value
    if top == "attributes":
        return {name: one if isinstance(one, Mapping) else {"value": _text(one)} for name, one in parts.items()}
    return parts


def _value(name: str, value: Any, zone: ZoneInfo) -> Any:
    if name in TIMES:
        return _time(name, value, zone)
    if name in LISTS:
        return _json(name, value)
    if name == "seq":
        return _number(name, value)
    if name in TEXTS or "." in name:
        return _text(value) if not isinstance(value, Mapping | list) else value
    return value


def _time(name: str, value: Any, zone: ZoneInfo) -> str:
    """ISO 8601 with an offset. Without one it is of the hub's zone; a day ends its ``due``."""
    text = _text(value)
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise malformed(name, "it is no time (2026-11-26T08:15:00Z, or a day)") from None
    if name == "due" and DAY.fullmatch(text):
        found = found.replace(hour=23, minute=59, second=59)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).isoformat()


def _number(name: str, value: Any) -> int:
    if not re.fullmatch(r"\d{1,15}", text := _text(value)):
        raise malformed(name, "it is no whole number")
    return int(text)


def _json(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise malformed(name, "it is no JSON") from None


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value)


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def field_of(where: str) -> str:
    """The field of a row that a place in its item came from.

    >>> field_of("version.at"), field_of("assignees.0.to.account"), field_of("title.constrained-str")
    ('changed', 'account', 'title')
    """
    return next(_named(where.split(".")), where)


def _named(parts: list[str]) -> Iterator[str]:
    if parts[0] == "version":
        yield "seq" if "seq" in parts else "changed"
    if parts[0] == "assignees":
        yield parts[-1]
    if parts[0] in ("links", "initiator", "processor"):
        yield ".".join(parts[:2])
    yield parts[0]


def malformed(field: str, message: str) -> RecordRejected:
    """A row that is no to-do, for a field of it."""
    return RecordRejected("todo.malformed", message, where=field, hint=HINT)
