"""From the text of a file to records, one per IDoc."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from connectors.idoc import IdocResource, Segment
from hub.errors import Fatal
from hub.untrusted import parse_xml

CONTROL = "EDI_DC40"
CONTROL_FIELDS = {
    "TABNAM": 10, "MANDT": 3, "DOCNUM": 16, "DOCREL": 4, "STATUS": 2, "DIRECT": 1, "OUTMOD": 1, "EXPRSS": 1,
    "TEST": 1, "IDOCTYP": 30, "CIMTYP": 30, "MESTYP": 30, "MESCOD": 3, "MESFCT": 3, "STD": 1, "STDVRS": 6,
    "STDMES": 6, "SNDPOR": 10, "SNDPRT": 2, "SNDPFC": 2, "SNDPRN": 10, "SNDSAD": 21, "SNDLAD": 70, "RCVPOR": 10,
    "RCVPRT": 2, "RCVPFC": 2, "RCVPRN": 10, "RCVSAD": 21, "RCVLAD": 70, "CREDAT": 8, "CRETIM": 6, "REFINT": 14,
    "REFGRP": 14, "REFMES": 14, "ARCKEY": 70, "SERIAL": 20,
}  # fmt: skip
"""The control record of SAP's file port, release 4 and later (structure EDI_DC40)."""
HEAD = {"SEGNAM": 30, "MANDT": 3, "DOCNUM": 16, "SEGNUM": 6, "PSGNUM": 6, "HLEVEL": 2}
"""What stands before the data of a segment (structure EDI_DD40)."""
SDATA = sum(HEAD.values())
LINE = re.compile(r"\r\n|\r|\n")
"""Nothing else ends a segment: a value may hold what Unicode calls the end of a line."""


def records(text: bytes, declared: IdocResource, where: str) -> list[dict[str, Any]]:
    """The IDocs of a file. Fatal ``idoc.*`` and ``xml.*`` name what is wrong; then none is given."""
    found = list(_of_xml(text, where) if declared.format == "xml" else _of_flat(text, declared, where))
    if not found:
        raise _wrong("the file holds no IDoc", where)
    for number, record in enumerate(found, 1):
        control = record.get(CONTROL)
        if not isinstance(control, dict) or not control.get("DOCNUM"):
            raise _wrong(f"IDoc {number} has no control record {CONTROL} with a DOCNUM", where)
        if declared.type and control.get("IDOCTYP") != declared.type:
            raise _wrong(f"IDoc {number} is of type {control.get('IDOCTYP')}, not {declared.type}", where)
        record["CREATED"] = _created(control)
        for name, path in declared.lift.items():
            if name in record:
                raise _wrong(f"IDoc {number} has a segment {name}: lift: needs another name", where)
            record[name] = _first(record, path.split("."))
    return found


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
    day, time = str(control.get("CREDAT") or ""), str(control.get("CRETIM") or "000000")
    if len(day) != 8 or len(time) != 6 or not (day + time).isdigit() or day == "00000000":
        return None
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}"


def _of_xml(text: bytes, where: str) -> Iterator[dict[str, Any]]:
    root = parse_xml(text, where=where)
    for idoc in root:
        if _name(idoc) != "IDOC":
            raise _wrong(f"below {_name(root)} stands {_name(idoc)}, not IDOC", where)
        record = _segment(idoc)
        if isinstance(control := record.get(CONTROL), list):
            record[CONTROL] = control[0]
        yield record


def _segment(element: etree._Element) -> dict[str, Any]:
    """Fields as texts, segments as lists. A segment says so by its attribute, or has children."""
    made: dict[str, Any] = {}
    for child in element:
        name = _name(child)
        if child.get("SEGMENT") is not None or len(child):
            made.setdefault(name, []).append(_segment(child))
        else:
            made[name] = child.text or ""
    return made


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _of_flat(text: bytes, declared: IdocResource, where: str) -> Iterator[dict[str, Any]]:
    try:
        lines = LINE.split(text.decode(declared.encoding))
    except (LookupError, UnicodeError):
        raise Fatal("encoding.invalid", f"the bytes are not {declared.encoding}", where=where) from None
    record: dict[str, Any] | None = None
    open_: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        if line.startswith(CONTROL):
            if record is not None:
                yield record
            record, open_ = {CONTROL: _cut(line, CONTROL_FIELDS)}, {}
        elif line.strip():
            if record is None:
                raise _wrong("a segment stands before the first control record", f"{where}:{number}")
            head = _cut(line, HEAD)
            if head["DOCNUM"] != record[CONTROL]["DOCNUM"]:
                raise _wrong("the segment belongs to another IDoc than its control record", f"{where}:{number}")
            layout = _layout(head["SEGNAM"], declared.segments)
            above = open_.get(head["PSGNUM"], record)
            if head["PSGNUM"].strip("0") and above is record:
                raise _wrong(f"its parent segment {head['PSGNUM']} is not there", f"{where}:{number}")
            name = (layout.name if layout else None) or head["SEGNAM"]
            made = _cut(line[SDATA:], layout.fields) if layout else {}
            rest = line[SDATA + sum(layout.fields.values() if layout else ()) :].rstrip()
            if rest or not layout:  # what the layout says nothing of: nothing is lost
                made["SDATA"] = rest
            above.setdefault(name, []).append(made)
            open_[head["SEGNUM"]] = made
    if record is not None:
        yield record


def _layout(name: str, segments: Mapping[str, Segment]) -> Segment | None:
    """The layout with the longest name that the segment's begins with: E2EDK01 is that of E2EDK01005."""
    fitting = [one for one in segments if name.startswith(one)]
    return segments[max(fitting, key=len)] if fitting else None


def _cut(line: str, lengths: Mapping[str, int]) -> dict[str, Any]:
    made, at = {}, 0
    for name, length in lengths.items():
        made[name] = line[at : at + length].rstrip()
        at += length
    return made
