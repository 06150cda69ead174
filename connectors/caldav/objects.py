"""To-dos (RFC 5545) as records, and changes of their text that leave every other line as it was.

icalendar reads and writes lines and values. A change replaces the lines of the properties it is about; unknown
properties, parameters, alarms and time zones stay, and so does what the server's clients added.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from icalendar import Calendar, Todo
from icalendar.parser import Contentline, Contentlines, Parameters
from icalendar.prop import vDate, vDatetime, vText

from hub.contract import Field
from hub.errors import RecordRejected

What = Literal["text", "plain", "time", "integer", "list", "address", "addresses"]
FIELDS: Mapping[str, What] = {
    "uid": "text", "summary": "text", "description": "text", "status": "plain", "due": "time", "dtstart": "time",
    "completed": "time", "created": "time", "last_modified": "time", "dtstamp": "time", "priority": "integer",
    "percent_complete": "integer", "sequence": "integer", "categories": "list", "location": "text", "class": "plain",
    "url": "plain", "organizer": "address", "attendee": "addresses", "related_to": "text", "rrule": "plain",
    "duration": "plain", "geo": "plain", "recurrence_id": "time",
}  # fmt: skip
"""Fields of a record, which are its properties in lower case; ``plain`` is sent without escapes."""
OWN = ("href", "etag", "problem")
MAX_TEXT = 1 << 20
MAX_LINES = 20_000
_Line: Any = Contentline
_Lines: Any = Contentlines
_ESCAPES = {"n": "\n", "N": "\n"}
_UID = re.compile(r"(?im)^UID[^:\r\n]*:([^\r\n]{1,500})")
_KINDS: Mapping[What, Any] = {"time": "datetime", "integer": "integer"}


def fields(further: Mapping[str, Field]) -> tuple[Field, ...]:
    """What a record has: the properties of RFC 5545, those declared, and three of our own."""
    made = {
        name: Field(name, _KINDS.get(what, "text"), what in ("list", "addresses"))
        for name, what in FIELDS.items()
    }
    return tuple((made | {name: Field(name) for name in OWN} | dict(further)).values())


def record(text: str, href: str, etag: str | None) -> dict[str, Any] | None:
    """One calendar object as a record; None where it holds no to-do. What cannot be read is a record too, with
    its ``problem``: a mapping that requires a field sets it aside."""
    made: dict[str, Any] = {"href": href, "etag": etag, "problem": None}
    try:
        todos = _todos(text)
        if todos:
            made |= _values(next((one for one in todos if "RECURRENCE-ID" not in one), todos[0]))
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        found = _UID.search(text[:MAX_TEXT])
        return made | {
            "uid": found[1].strip() if found else None,
            "problem": f"unreadable: {type(error).__name__}",
        }
    return made if todos else None


def _todos(text: str) -> list[Todo]:
    if len(text) > MAX_TEXT or text.count("\n") > MAX_LINES:
        raise ValueError("too large")
    found = [todo for calendar in Calendar.from_ical(text, multiple=True) for todo in calendar.walk("VTODO")]
    return [one for one in found if isinstance(one, Todo)]


def _values(todo: Todo) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(FIELDS)
    for name in todo:
        field = name.lower().replace("-", "_")
        what = FIELDS.get(field)
        if what is None and not field.startswith("x_"):
            continue
        value = todo[name]
        several = value if isinstance(value, list) else [value]
        # of what nobody knows the type, the text is as it was sent: with its escapes
        made[field] = _value(what, several) if what else _unescaped(several[0])
    return made


def _unescaped(value: Any) -> str:
    text = str(value)
    return (
        text if type(value) is vText else re.sub(r"(?s)\\(.)", lambda one: _ESCAPES.get(one[1], one[1]), text)
    )


def _value(what: What, several: Sequence[Any]) -> Any:
    first = several[0]
    match what:
        case "time":
            return stamp(first.dt)
        case "integer":
            return int(first)
        case "list":
            return [str(one) for each in several for one in getattr(each, "cats", [each])]
        case "addresses":
            return [str(one) for one in several]
        case "plain":
            raw = first.to_ical()
            return raw.decode() if isinstance(raw, bytes) else str(raw)
    return str(first)


def stamp(value: Any) -> str:
    """A date, a time with its zone, or a time that is meant wherever one is (without a zone), as ISO 8601."""
    if isinstance(value, dt.datetime):
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, dt.date):
        return value.isoformat()
    raise ValueError("no time")


# ---------------------------------------------------------------------- writing


def made(uid: str, values: Mapping[str, Any], now: dt.datetime) -> str:
    """The text of a new to-do."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//COP Hub//EN", "BEGIN:VTODO"]
    given = {"created": stamp(now), **values, "uid": uid, "dtstamp": stamp(now)}
    lines = [line for name, value in given.items() for line in _lines(name, value, [])]
    return _text([*(_Line(one) for one in head), *lines, _Line("END:VTODO"), _Line("END:VCALENDAR")])


def changed(text: str, values: Mapping[str, Any], now: dt.datetime) -> str | None:
    """The text with other values of the to-do; None where it holds them already. RecordRejected
    ``caldav.unreadable`` where the text is no to-do."""
    before = record(text, "", None)
    if before is None or before["problem"]:
        raise RecordRejected(
            "caldav.unreadable", "the to-do that is there cannot be read, and is left as it is"
        )
    wanted = {
        name: value for name, value in values.items() if name not in OWN and not _alike(name, value, before)
    }
    if not wanted:
        return None
    wanted["last_modified"] = wanted["dtstamp"] = stamp(now)
    if before["sequence"] is not None and "sequence" not in wanted:
        wanted["sequence"] = before["sequence"] + 1
    lines = [line for line in _Lines.from_ical(text) if line]
    start, end = _master(lines)
    names = {name.upper().replace("_", "-") for name in wanted}
    kept, old = _without(lines[start + 1 : end], names)
    new = [line for name, value in wanted.items() for line in _lines(name, value, old)]
    return _text([*lines[: start + 1], *kept, *new, *lines[end:]])


def _alike(name: str, value: Any, before: Mapping[str, Any]) -> bool:
    there, what = before.get(name), FIELDS.get(name, "text")
    if value is None or there is None:
        return bool(there is None and value in (None, "", []))
    if what == "time":
        return _moment(name, value) == _moment(name, there)
    if what in ("list", "addresses"):
        return bool(_several(value) == there)
    return str(value) == str(there)


def _moment(name: str, value: Any) -> dt.date:
    """A day or a time; a time with a zone is brought to UTC."""
    text = value.isoformat() if isinstance(value, dt.date) else str(value)
    try:
        if len(text) == 10:
            return dt.date.fromisoformat(text)
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise RecordRejected("value.type", f"{text[:60]!r} is no time", where=name) from None
    return found.astimezone(dt.UTC) if found.tzinfo else found


def _master(lines: Sequence[str]) -> tuple[int, int]:
    """The place of the to-do that is no single occurrence: its BEGIN and its END."""
    begins = [at for at, line in enumerate(lines) if line.upper() == "BEGIN:VTODO"]
    ends = [at for at, line in enumerate(lines) if line.upper() == "END:VTODO"]
    places = list(zip(begins, ends, strict=False))
    for start, end in places:
        if not any(_name(line) == "RECURRENCE-ID" for line in lines[start:end]):
            return start, end
    return places[0]


def _without(lines: Sequence[str], names: set[str]) -> tuple[list[str], list[str]]:
    """Lines of a to-do that stay, and those of its own properties of these names; alarms inside stay whole."""
    kept: list[str] = []
    taken: list[str] = []
    depth = 0
    for line in lines:
        name = _name(line)
        depth += (name == "BEGIN") - (name == "END")
        (taken if depth == 0 and name in names else kept).append(line)
    return kept, taken


def _name(line: str) -> str:
    return re.split("[;:]", line, maxsplit=1)[0].upper()


def _lines(name: str, value: Any, old: Sequence[str]) -> list[str]:
    """The lines of one property; those of people who stay keep their parameters."""
    what = FIELDS.get(name, "text" if name.startswith("x_") else None)
    if what is None:
        raise RecordRejected("field.unknown", f"{name} is no property of a to-do", where=name)
    property_ = name.upper().replace("_", "-")
    if value is None or value in ("", []):
        return []
    if what in ("address", "addresses"):
        people = [line for line in old if _name(line) == property_]
        return [_person(property_, one, people) for one in _several(value)]
    if what == "time":
        found = _moment(name, value)
        day = not isinstance(found, dt.datetime)
        shown: Any = vDate(found) if day else vDatetime(found)  # type: ignore[arg-type] # a day is a date
        return [_Line.from_parts(property_, Parameters({"VALUE": "DATE"} if day else {}), shown)]
    if what == "list":
        texts = [vText(one).to_ical().decode() for one in _several(value)]
        return [_Line(f"{property_}:{','.join(texts)}")]
    return [_Line.from_parts(property_, Parameters(), vText(_plain(name, what, value)))] if what == "text" else [
        _Line(f"{property_}:{_plain(name, what, value)}")
    ]  # fmt: skip


def _plain(name: str, what: What, value: Any) -> str:
    text = str(value)
    if what == "integer" and not re.fullmatch(r"-?\d{1,9}", text):
        raise RecordRejected("value.type", f"{text[:60]!r} is no integer", where=name)
    if what != "text" and re.search(r"[\x00-\x1f\x7f]", text):
        raise RecordRejected("value.type", "the value must be one line", where=name)
    return text


def _person(property_: str, address: str, there: Sequence[str]) -> str:
    uri = address if ":" in address else f"mailto:{address}"
    for line in there:
        if line.lower().endswith(f":{uri.lower()}"):
            return line
    return str(_Line(f"{property_}:{_plain(property_.lower(), 'address', uri)}"))


def _several(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def _text(lines: Sequence[str]) -> str:
    return "".join(_Line(line).to_ical().decode() + "\r\n" for line in lines)
