"""From the text of a file to records, one per IDoc."""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

from connectors.idoc.control import CONTROL, CONTROL_FIELDS, HEAD, SDATA, units
from connectors.idoc.settings import IdocResource, Segment
from hub.errors import Fatal
from hub.untrusted import parse_xml

LINE = re.compile(r"\r\n|\r|\n")
BYTES = re.compile(rb"\r\n|\r|\n")
"""Nothing else ends a segment: a value may hold what Unicode calls the end of a line."""


def records(text: bytes, declared: IdocResource, where: str) -> list[dict[str, Any]]:
    """The IDocs of a file. Fatal ``idoc.*``, ``xml.*`` and ``encoding.invalid`` name file, line and segment of what is
    wrong; then none is given."""
    made: list[dict[str, Any]] = []
    for place, record in _of_xml(text, where) if declared.format == "xml" else _of_flat(text, declared, where):
        control = record.get(CONTROL)
        number = control.get("DOCNUM") if isinstance(control, dict) else None
        if not isinstance(control, dict) or not isinstance(number, str) or not number:
            raise _wrong(f"IDoc {len(made) + 1} has no control record {CONTROL} with a DOCNUM", place)
        if declared.type and control.get("IDOCTYP") != declared.type:
            raise _wrong(f"IDoc {len(made) + 1} is of type {control.get('IDOCTYP')}, not {declared.type}", place)
        record["CREATED"] = _created(control)
        for name, path in declared.lift.items():
            if name in record:
                raise _wrong(f"IDoc {len(made) + 1} has a segment {name}: lift: needs another name", place)
            record[name] = _first(record, path.split("."))
        made.append(record)
    if not made:
        raise _wrong("the file holds no IDoc", where)
    return made


def _first(record: Any, path: list[str]) -> Any:
    """The field at a path through the first segment of each name; None where there is none."""
    for step in path:
        record = record[0] if isinstance(record, list) else record
        record = record.get(step) if isinstance(record, dict) else None
    return None if isinstance(record, list | dict) else record


def _wrong(message: str, where: str) -> Fatal:
    return Fatal(
        "idoc.shape",
        message,
        where=where,
        hint="check path:, format: and type: of the resource; nothing was used",
    )


def _created(control: Mapping[str, Any]) -> str | None:
    """When SAP made it, in its own time; None where it does not say, or says no time that there is."""
    try:
        moment = dt.datetime.strptime(
            f"{control.get('CREDAT') or ''} {control.get('CRETIM') or '000000'}", "%Y%m%d %H%M%S"
        )
    except ValueError:
        return None
    return moment.isoformat()


Found = Iterator[tuple[str, dict[str, Any]]]
"""The place of an IDoc, and its record."""


def _of_xml(text: bytes, where: str) -> Found:
    """The IDocs below the root, however many there are."""
    root = parse_xml(text, where=where)
    for idoc in root:
        place = f"{where}:{idoc.sourceline}"
        if _name(idoc) != "IDOC":
            raise _wrong(f"below {_name(root)} stands {_name(idoc)}, not IDOC", place)
        record = _segment(idoc, where)
        if isinstance(control := record.get(CONTROL), list):
            if len(control) > 1:
                raise _wrong(
                    f"one IDOC holds {len(control)} control records: where the next IDoc begins is not told", place
                )
            record[CONTROL] = control[0]
        yield place, record


def _segment(element: etree._Element, where: str) -> dict[str, Any]:
    """Fields as texts, segments as lists. A segment says so by its attribute, or has children."""
    made: dict[str, Any] = {}
    stray = [element.text, *(child.tail for child in element)]
    if any(one and not one.isspace() for one in stray):
        raise _wrong(f"text stands in segment {_name(element)} outside of its fields", f"{where}:{element.sourceline}")
    for child in element:
        name = _name(child)
        many = child.get("SEGMENT") is not None or len(child) > 0
        if name in made and not (many and isinstance(made[name], list)):
            raise _wrong(
                f"{name} occurs more than once in {_name(element)}, and is no segment", f"{where}:{child.sourceline}"
            )
        if many:
            made.setdefault(name, []).append(_segment(child, where))
        else:
            made[name] = child.text or ""
    return made


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


class _Line:
    """A line of a flat file, cut by characters as SAP counts them, or by bytes."""

    def __init__(self, line: str | bytes, encoding: str, where: str) -> None:
        self._line, self._encoding, self._unit, self.where = line, encoding, 1, where
        if isinstance(line, str) and units(line) != len(line):
            self._line, self._encoding, self._unit = line.encode("utf-16-le"), "utf-16-le", 2

    def part(self, name: str, at: int, length: int | None = None) -> str:
        """What stands at a position, without the blanks behind it."""
        piece = self._line[at * self._unit : None if length is None else (at + length) * self._unit]
        if isinstance(piece, str):
            return piece.rstrip(" ")
        try:
            return piece.decode(self._encoding).rstrip(" ")
        except UnicodeError:
            raise Fatal(
                "encoding.invalid", f"a field cuts a character in two, or its bytes are not {self._encoding}",
                where=f"{self.where} {name}", hint="check encoding: and lengths: of the resource; nothing was used",
            ) from None  # fmt: skip

    def cut(self, lengths: Mapping[str, int], at: int = 0, segment: str = "") -> dict[str, Any]:
        made = {}
        for name, length in lengths.items():
            made[name] = self.part(f"{segment}.{name}".lstrip("."), at, length)
            at += length
        return made


def _lines(text: bytes, declared: IdocResource, where: str) -> Iterator[_Line]:
    """The lines that hold something."""
    found: Iterable[str | bytes] = (
        BYTES.split(text) if declared.by_bytes else LINE.split(_decoded(text, declared, where))
    )
    for number, line in enumerate(found, 1):
        if line and not line.isspace():
            yield _Line(line, declared.encoding, f"{where}:{number}")


def _decoded(text: bytes, declared: IdocResource, where: str) -> str:
    try:
        return text.decode(declared.encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        wide = codecs.lookup(declared.encoding).name.startswith(("utf-16", "utf-32"))
        place = where if wide else f"{where}:{len(BYTES.split(text[:at]))}"
        raise Fatal(
            "encoding.invalid", f"the bytes are not {declared.encoding}", where=place,
            hint="check encoding: of the resource; nothing was used",
        ) from None  # fmt: skip


def _of_flat(text: bytes, declared: IdocResource, where: str) -> Found:
    record: dict[str, Any] | None = None
    place, open_ = where, dict[str, dict[str, Any]]()
    for line in _lines(text, declared, where):
        if line.part("SEGNAM", 0, CONTROL_FIELDS["TABNAM"]) == CONTROL:
            if record is not None:
                yield place, record
            control = line.cut(CONTROL_FIELDS, 0, CONTROL)
            if rest := line.part(f"{CONTROL}.SDATA", sum(CONTROL_FIELDS.values())):
                control["SDATA"] = rest
            place, record, open_ = line.where, {CONTROL: control}, {}
        else:
            if record is None:
                raise _wrong("a segment stands before the first control record", line.where)
            _flat_segment(line, declared, record, open_)
    if record is not None:
        yield place, record


def _flat_segment(
    line: _Line, declared: IdocResource, record: dict[str, Any], open_: dict[str, dict[str, Any]]
) -> None:
    """Lay a segment below the one that its PSGNUM names."""
    head = line.cut(HEAD)
    if not head["SEGNAM"] or head["DOCNUM"] != record[CONTROL]["DOCNUM"]:
        raise _wrong("the segment belongs to another IDoc than its control record", line.where)
    if not head["SEGNUM"].isdigit() or head["SEGNUM"] in open_:
        number = head["SEGNUM"] or "none"
        raise _wrong(f"segment {head['SEGNAM']} has the number {number}: numbers tell segments apart", line.where)
    above = record
    if head["PSGNUM"].strip("0"):
        if head["PSGNUM"] not in open_:
            raise _wrong(f"its parent segment {head['PSGNUM']} is not there", line.where)
        above = open_[head["PSGNUM"]]
    layout = _layout(head["SEGNAM"], declared.segments)
    name = (layout.name if layout else None) or head["SEGNAM"]
    made = line.cut(layout.fields, SDATA, name) if layout else {}
    rest = line.part(f"{name}.SDATA", SDATA + sum(layout.fields.values() if layout else ()))
    if rest or not layout:  # what the layout says nothing of: nothing is lost
        made["SDATA"] = rest
    if not isinstance(above.setdefault(name, []), list):
        raise _wrong(f"{name} is a segment and a field of what is above it", line.where)
    above[name].append(made)
    open_[head["SEGNUM"]] = made


def _layout(name: str, segments: Mapping[str, Segment]) -> Segment | None:
    """The layout with the longest name that the segment's begins with: E2EDK01 is that of E2EDK01005."""
    fitting = [one for one in segments if name.startswith(one)]
    return segments[max(fitting, key=len)] if fitting else None
