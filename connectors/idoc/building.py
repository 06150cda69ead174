"""From the values of a record to the segments of an IDoc, as its definition says: nothing is cut, nothing is guessed.

A name is a path of segments, ``E1MARAM.E1MAKTM.MAKTX``; ``E1EDKA1[2].PARVW`` is of the second of its name, without a
number of the first. A segment's value may be an object or a list of them, as records that were read have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connectors.idoc.control import CONTROL, CONTROL_FIELDS, OWN, units
from connectors.idoc.kinds import Kind
from connectors.idoc.settings import IdocResource, Send
from hub.errors import RecordRejected

_STEP = re.compile(r"([^.\[\]]+)(?:\[([1-9]\d{0,5})\])?")


@dataclass(slots=True)
class Built:
    """A segment with its values as texts; ``below`` by kind and number. ``where`` is its path, for messages."""

    kind: Kind
    where: str
    values: dict[str, str] = field(default_factory=dict)
    below: dict[str, dict[int, Built]] = field(default_factory=dict)

    def segments(self) -> Iterator[Built]:
        """The segments below, in the order of the definition."""
        for kind in self.kind.segments:
            found = self.below.get(kind.name, {})
            yield from (found[number] for number in sorted(found))

    def at(self, kind: Kind, number: int) -> Built:
        """The segment of that number, made where it is not there yet."""
        several = self.below.setdefault(kind.name, {})
        if number not in several:
            above = f"{self.where}." if self.where else ""
            several[number] = Built(kind, f"{above}{kind.name}[{number}]")
        return several[number]


@dataclass(frozen=True, slots=True)
class Message:
    """An IDoc that is to be written."""

    control: Mapping[str, str]
    root: Built


def message(
    values: Mapping[str, Any], kind: Kind, declared: IdocResource, send: Send, docnum: str
) -> Message:
    """The IDoc of a record. RecordRejected names the segment and field, never the value."""
    root = Built(kind, "")
    control: dict[str, Any] = {}
    for name, value in values.items():
        path = declared.lift.get(name, name)
        if path == CONTROL and isinstance(value, Mapping):
            control |= value
        elif path.startswith(f"{CONTROL}."):
            control[path.removeprefix(f"{CONTROL}.")] = value
        else:
            _put(root, _steps(path), value)
    _complete(root)
    if not root.below:
        raise RecordRejected("idoc.empty", "the record makes no segment", hint="map fields of segments")
    return Message(_control(control, declared, send, docnum), root)


def _steps(path: str) -> list[tuple[str, int]]:
    found = [_STEP.fullmatch(step) for step in path.split(".")]
    if None in found:
        raise RecordRejected("field.unknown", f"{path} is no path of segments", where=path)
    return [(one[1], int(one[2] or 1)) for one in found if one is not None]


def _put(made: Built, steps: list[tuple[str, int]], value: Any) -> None:
    (name, number), rest = steps[0], steps[1:]
    if _nothing(value):
        value = None
    kind = made.kind.segment(name)
    if kind is not None and rest:
        if value is not None:
            _put(made.at(kind, number), rest, value)
        else:
            _known(kind, rest)
    elif kind is not None:
        _segment(made, kind, number, value)
    elif rest or made.kind.field(name) is None:
        raise _unknown(made.kind, made.where, name)
    elif value is not None:
        made.values[name] = _text(value, f"{made.where}.{name}".lstrip("."))


def _known(kind: Kind, steps: list[tuple[str, int]]) -> None:
    """A path that is none is refused whatever the value is."""
    for name, _ in steps[:-1]:
        below = kind.segment(name)
        if below is None:
            raise _unknown(kind, kind.name, name)
        kind = below
    name = steps[-1][0]
    if kind.segment(name) is None and kind.field(name) is None:
        raise _unknown(kind, kind.name, name)


def _unknown(kind: Kind, where: str, name: str) -> RecordRejected:
    what = f"segment {kind.name}" if where else "the IDoc"
    return RecordRejected(
        "field.unknown", f"{what} has no {name}", where=f"{where}.{name}".lstrip("."),
        hint="see cophub systems describe for what the definition names",
    )  # fmt: skip


def _nothing(value: Any) -> bool:
    """Whether an object holds no value at all, as the mapping of a record without one gives it. An empty object is an
    empty segment."""
    if isinstance(value, Mapping):
        return bool(value) and all(_nothing(one) for one in value.values())
    return value is None


def _segment(made: Built, kind: Kind, number: int, value: Any) -> None:
    if value is None:
        return
    several = value if isinstance(value, list) else [value]
    where = f"{made.where}.{kind.name}".lstrip(".")
    for at, one in enumerate((one for one in several if not _nothing(one)), number):
        if not isinstance(one, Mapping):
            raise RecordRejected("value.type", f"{kind.name} is a segment: an object, or a list of them", where=where)
        inner = made.at(kind, at)
        for name, part in one.items():
            _put(inner, _steps(name), part)


def _text(value: Any, where: str) -> str:
    """A value as SAP's fields take it: texts as they are, numbers with a point and without exponent."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        why = "SAP's fields have no true and false: write 'X' or ''" if isinstance(value, bool) else "it is no text"
        raise RecordRejected("value.type", f"the value cannot be written: {why}", where=where)
    number = Decimal(str(value))
    if not number.is_finite():
        raise RecordRejected("value.type", "the value is no finite number", where=where)
    return format(number, "f")


def _complete(made: Built) -> None:
    """Numbers without a gap, and as many segments of each kind as the definition allows; lengths fit."""
    for kind in made.kind.segments:
        several = made.below.get(kind.name, {})
        count, where = len(several), f"{made.where}.{kind.name}".lstrip(".")
        if count < kind.least:
            raise RecordRejected("idoc.segment", f"{kind.name} is missing: {kind.least} at least", where=where)
        if kind.most is not None and count > kind.most:
            raise RecordRejected("idoc.segment", f"{kind.name} comes {count} times: {kind.most} at most", where=where)
        for one in several.values():
            _complete(one)


def _control(given: Mapping[str, Any], declared: IdocResource, send: Send, docnum: str) -> dict[str, str]:
    """The control record in the order of its fields; empty ones are left out."""
    said = dict(send.control)
    for name, value in given.items():
        where = f"{CONTROL}.{name}"
        if name not in CONTROL_FIELDS:
            raise RecordRejected("field.unknown", f"{CONTROL} has no field {name}", where=where)
        if name in OWN:
            raise RecordRejected("idoc.control", f"{name} is filled by the hub", where=where, hint="do not map it")
        if value is not None:
            said[name] = _text(value, where)
            if units(said[name]) > CONTROL_FIELDS[name]:
                raise too_long(where, units(said[name]), CONTROL_FIELDS[name], "characters")
    own = {"TABNAM": CONTROL, "DOCNUM": docnum, "DIRECT": "2", "IDOCTYP": declared.type, "CIMTYP": send.extension}
    said |= {name: value for name, value in own.items() if value}
    return {name: said[name] for name in CONTROL_FIELDS if said.get(name)}


def too_long(where: str, count: int, length: int, what: str) -> RecordRejected:
    """RecordRejected ``idoc.too_long``."""
    return RecordRejected(
        "idoc.too_long", f"the value has {count} {what}, and its field takes {length}", where=where,
        hint="shorten it in the mapping, where that is right; the hub cuts nothing",
    )  # fmt: skip
