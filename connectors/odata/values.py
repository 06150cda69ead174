"""Values in addresses and bodies: literals, key predicates, V2's own dates and times.

Sources: OData V2 "Overview" §6 (primitive types) and "JSON format"; OData V4.01 ABNF (literals) and
JSON format. Inside the hub times are ISO 8601 texts.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from connectors.odata.edmx import Property, Type, Version
from hub.contract import key_text
from hub.errors import RecordRejected

_EPOCH = datetime(1970, 1, 1)
_TICKS = re.compile(r"/Date\((-?\d+)(?:([+-])(\d{1,4}))?\)/")
_DURATION = re.compile(r"P(?:0D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(\.\d+)?S)?")
_TYPED = re.compile(r"(?:datetimeoffset|datetime|guid|time|duration|binary|X)?'((?:[^']|'')*)'")
_PAIR = re.compile(r"\s*(?:([\w.]+)\s*=\s*)?((?:[\w.]+)?'(?:[^']|'')*'|[^,']+)\s*(?:,|$)")
# unquoted literals must be of their form, or a value could become part of the filter
_UNQUOTED = {
    "Edm.Boolean": re.compile(r"(?i)true|false"),
    "Edm.Guid": re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "Edm.Date": re.compile(r"\d{4}-\d\d-\d\d([T ].*)?"),
    "Edm.TimeOfDay": re.compile(r"\d\d:\d\d(:\d\d(\.\d+)?)?"),
    "Edm.Duration": re.compile(r"[-+]?P[0-9.DTHMS]+"),
    "Edm.Binary": re.compile(r"[\w+/=-]*"),
    **dict.fromkeys(
        ("Edm.Decimal", "Edm.Double", "Edm.Single"), re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
    ),
    **dict.fromkeys(
        ("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"), re.compile(r"[-+]?\d+")
    ),
}
INTEGERS = frozenset({"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32"})


def iso(one: Property, text: str) -> str:
    """A V2 date or time as ISO 8601; a text of another form is left to fail visibly where it is used."""
    if one.type == "Edm.Time":
        found = _DURATION.fullmatch(text)
        if not found:
            return text
        hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
        return f"{hours:02}:{minutes:02}:{seconds:02}{found[4] or ''}"
    found = _TICKS.fullmatch(text)
    if not found:
        return text
    try:
        made = _EPOCH + timedelta(milliseconds=int(found[1]))
    except OverflowError:
        return text
    spec = "milliseconds" if made.microsecond else "seconds"
    if one.date:
        return made.date().isoformat()
    if one.type == "Edm.DateTime" and not found[2]:
        return made.isoformat(timespec=spec)
    offset = timedelta(minutes=int(found[3] or 0) * (-1 if found[2] == "-" else 1))
    if not offset:
        return made.isoformat(timespec=spec) + "Z"
    return made.replace(tzinfo=UTC).astimezone(timezone(offset)).isoformat(timespec=spec)


def literal(one: Property, value: Any, version: Version) -> str:
    """A value as it stands in $filter and in keys; RecordRejected ``value.type`` where it does not fit."""
    text = _text(value)
    kind = one.type
    if kind in _UNQUOTED and not _UNQUOTED[kind].fullmatch(text):
        raise _unfit(one, value)
    if kind == "Edm.Boolean":
        return text.lower()
    if kind in INTEGERS:
        return text
    if kind == "Edm.Int64":
        return text + "L" * (version == 2)
    if kind == "Edm.Decimal":
        return text + "M" * (version == 2)
    if kind in ("Edm.Double", "Edm.Single"):
        return text + ("d" if kind == "Edm.Double" else "f") * (version == 2)
    if kind == "Edm.Guid":
        return f"guid'{text}'" if version == 2 else text
    if kind == "Edm.DateTime":
        return f"datetime'{_moment(one, text, zone=False)}'"
    if kind == "Edm.DateTimeOffset":
        stamp = _moment(one, text, zone=True)
        return f"datetimeoffset'{stamp}'" if version == 2 else stamp
    if kind == "Edm.Time":
        return f"time'{_duration(one, text)}'"
    if kind == "Edm.Date":
        return text[:10]
    if kind == "Edm.TimeOfDay":
        return text
    if kind == "Edm.Duration":
        return f"duration'{text}'"
    if kind == "Edm.Binary":
        return f"X'{text}'" if version == 2 else f"binary'{text}'"
    return "'" + text.replace("'", "''") + "'"


def to_json(one: Property, value: Any, version: Version) -> Any:
    """A value as a body of this version wants it; RecordRejected ``value.type`` where it does not fit."""
    if value is None:
        return None
    kind = one.type
    try:
        if kind == "Edm.Boolean":
            return _boolean(value)
        if kind in INTEGERS:
            return int(str(value))
        if kind == "Edm.Int64":
            return str(int(str(value))) if version == 2 else int(str(value))
        if kind == "Edm.Decimal":
            text = format(Decimal(str(value)), "f")
            return text if version == 2 else msgspec.Raw(text.encode())
        if kind in ("Edm.Double", "Edm.Single"):
            return float(value)
        if kind == "Edm.DateTime":
            return f"/Date({_ticks(_moment(one, _text(value), zone=False))})/"
        if kind == "Edm.DateTimeOffset":
            stamp = _moment(one, _text(value), zone=True)
            return f"/Date({_ticks(stamp)}+0000)/" if version == 2 else stamp
        if kind == "Edm.Time":
            return _duration(one, _text(value))
    except (ValueError, KeyError, InvalidOperation):
        raise _unfit(one, value) from None
    return _text(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _moment(one: Property, text: str, *, zone: bool) -> str:
    """An ISO text with its zone as Z, or without one, which then means UTC."""
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        raise _unfit(one, text) from None
    if made.tzinfo:
        made = made.astimezone(UTC).replace(tzinfo=None)
    return made.isoformat() + "Z" * zone


def _ticks(stamp: str) -> int:
    made = datetime.fromisoformat(stamp.removesuffix("Z")) - _EPOCH
    return made // timedelta(milliseconds=1)


def _duration(one: Property, text: str) -> str:
    if _DURATION.fullmatch(text):
        return text
    try:
        made = time.fromisoformat(text)
    except ValueError:
        raise _unfit(one, text) from None
    return f"PT{made.hour:02}H{made.minute:02}M{made.second:02}S"


def _unfit(one: Property, value: Any) -> RecordRejected:
    return RecordRejected("value.type", f"{str(value)[:60]!r} is no {one.type}", where=one.name)


def predicate(type_: Type, values: Mapping[str, Any], version: Version) -> str:
    """The key predicate of a record, encoded for a path: ``('1')`` or ``(A='1',B=2)``."""
    parts = [literal(type_.properties[name], values[name], version) for name in type_.key]
    coded = [quote(part, safe="'") for part in parts]
    if len(coded) == 1:
        return f"({coded[0]})"
    return "(" + ",".join(f"{name}={part}" for name, part in zip(type_.key, coded, strict=True)) + ")"


def key_of_address(type_: Type, address: str) -> str | None:
    """The key text of the record an address ends in, None where it has no key predicate."""
    found = re.search(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)$", unquote(address.partition("?")[0].rstrip("/")))
    if not found:
        return None
    values: dict[str, str] = {}
    for name, text in _PAIR.findall(found[1]):
        values[name or type_.key[0]] = _bare(type_.properties.get(name or type_.key[0]), text.strip())
    if set(values) != set(type_.key):
        return None
    return key_text([values[name] for name in type_.key])


def _bare(one: Property | None, text: str) -> str:
    found = _TYPED.fullmatch(text)
    if found:
        inner = found[1].replace("''", "'")
        if one and one.type == "Edm.Time":
            return iso(one, inner)
        return inner[:10] if one and one.date else inner
    if one and one.type in ("Edm.Int64", "Edm.Decimal", "Edm.Double", "Edm.Single"):
        return text.rstrip("LlMmDdFf")
    return text


def split_key(type_: Type, text: str) -> dict[str, str]:
    """The key properties of a key text (see ``hub.contract.key_text``)."""
    parts: Sequence[Any] = [text] if len(type_.key) == 1 else _composite(text)
    if len(parts) != len(type_.key):
        raise RecordRejected("key.shape", f"{text[:80]!r} is no key of {', '.join(type_.key)}")
    return dict(zip(type_.key, (str(part) for part in parts), strict=True))


def _composite(text: str) -> list[Any]:
    try:
        return msgspec.json.decode(text.encode(), type=list[Any])
    except msgspec.DecodeError:
        return []
