"""An IDoc as XML and as a flat file of SAP's file port. The same IDoc is the same bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from connectors.idoc.building import Built, Message, too_long
from connectors.idoc.control import CONTROL, CONTROL_FIELDS, HEAD, units
from connectors.idoc.settings import IdocResource
from hub.errors import ConfigError, RecordRejected

MOST_SEGMENTS = 999_999
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_FLAT = re.compile("[\x00-\x1f\x7f]")


def as_xml(message: Message, namespace: str = "") -> etree._Element:
    """The element of the IDoc: it is called as the extension, or as the basic type."""
    prefix = f"{{{namespace}}}" if namespace else ""
    name = message.control.get("CIMTYP") or message.control["IDOCTYP"]
    names: Any = {None: namespace} if namespace else None
    root = etree.Element(f"{prefix}{name}", nsmap=names)
    idoc = etree.SubElement(root, f"{prefix}IDOC", BEGIN="1")
    control = etree.SubElement(idoc, f"{prefix}{CONTROL}", SEGMENT="1")
    for field, value in message.control.items():
        etree.SubElement(control, f"{prefix}{field}").text = _xml_text(value, f"{CONTROL}.{field}")
    for segment in message.root.segments():
        _element(idoc, segment, prefix)
    return root


def xml(message: Message) -> bytes:
    """The file."""
    return bytes(etree.tostring(as_xml(message), encoding="UTF-8", xml_declaration=True))


def _element(above: etree._Element, segment: Built, prefix: str) -> None:
    made = etree.SubElement(above, f"{prefix}{segment.kind.name}", SEGMENT="1")
    for field in segment.kind.fields:
        value = segment.values.get(field.name)
        if value is None:
            continue
        where = f"{segment.where}.{field.name}"
        if field.max_length is not None and units(value) > field.max_length:
            raise too_long(where, units(value), field.max_length, "characters")
        etree.SubElement(made, f"{prefix}{field.name}").text = _xml_text(value, where)
    for one in segment.segments():
        _element(made, one, prefix)


def _xml_text(value: str, where: str) -> str:
    if _NOT_XML.search(value):
        raise RecordRejected("idoc.character", "XML has no such character", where=where)
    return value


def flat(message: Message, declared: IdocResource) -> bytes:
    """The file: a line for the control record, and one for each segment."""
    file = _File(declared)
    file.record((message.control, CONTROL_FIELDS), where=CONTROL)
    head = {name: message.control.get(name, "") for name in ("MANDT", "DOCNUM")}
    for number, above, depth, segment in _numbered(message.root):
        named = {"SEGNAM": segment.kind.external, **head}
        named |= {"SEGNUM": f"{number:06}", "PSGNUM": f"{above:06}", "HLEVEL": f"{segment.kind.level or depth:02}"}
        file.record((named, HEAD), (segment.values, _lengths(segment)), where=segment.where)
    return b"".join(file.parts)


def _numbered(root: Built) -> Iterator[tuple[int, int, int, Built]]:
    """Each segment with its number, that of the one above it (0: none) and its depth from 1."""
    number = 0

    def below(made: Built, above: int, depth: int) -> Iterator[tuple[int, int, int, Built]]:
        nonlocal number
        for one in made.segments():
            number += 1
            if number > MOST_SEGMENTS:
                raise RecordRejected("idoc.segment", f"an IDoc holds {MOST_SEGMENTS:,} segments", where=one.where)
            own = number
            yield own, above, depth, one
            yield from below(one, own, depth + 1)

    yield from below(root, 0, 1)


def _lengths(segment: Built) -> dict[str, int]:
    lengths = {field.name: field.max_length or 0 for field in segment.kind.fields}
    if unknown := next((name for name, length in lengths.items() if not length), ""):
        raise ConfigError(
            "idoc.layout", f"nothing tells the length of {segment.kind.name}.{unknown}", where=segment.where,
            hint="declare the segment below segments:",
        )  # fmt: skip
    return lengths


class _File:
    """Records, field by field, each filled up with blanks."""

    def __init__(self, declared: IdocResource) -> None:
        self._name, self._bytes = declared.encoding, declared.by_bytes
        self._encode = codecs.getincrementalencoder(declared.encoding)().encode
        self.parts: list[bytes] = []

    def record(self, *pieces: tuple[Mapping[str, str], Mapping[str, int]], where: str) -> None:
        for values, lengths in pieces:
            for name, length in lengths.items():
                self._field(values.get(name, ""), length, f"{where}.{name}")
        self.parts.append(self._encode("\n"))

    def _field(self, value: str, length: int, where: str) -> None:
        if _NOT_FLAT.search(value):
            raise RecordRejected("idoc.character", "a flat file has no line ends and control characters", where=where)
        try:
            made = self._encode(value)
        except UnicodeError:
            raise RecordRejected(
                "idoc.character", f"{self._name} lacks a character of the value", where=where,
                hint="write another encoding:, one that both sides have",
            ) from None  # fmt: skip
        count = len(made) if self._bytes else units(value)
        if count > length:
            raise too_long(where, count, length, f"bytes in {self._name}" if self._bytes else "characters")
        self.parts += [made, self._encode(" " * (length - count))]
