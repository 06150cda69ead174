"""SAP's parser report of a type of IDoc (transaction WE60, menu Documentation, Parser; report RSEIDOC3).

Its lines are a keyword and a value. ``BEGIN_IDOC`` holds segments and groups; a group is a segment and what is below
it. A segment says its name in files, that in the type, its level, how often it comes, and its fields with their
lengths. Of the record sections before it nothing is needed: they are the same in every type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from connectors.idoc.control import CONTROL, CONTROL_FIELDS
from connectors.idoc.kinds import Kind
from hub.contract import Field
from hub.errors import ConfigError

DEEP = 40
_LINE = re.compile(r"\s*([A-Z][A-Z0-9_]*)(?:[ \t]+(.*?))?\s*")
_ENDLESS = 9_999_999_999
Line = tuple[int, str, str]


def is_report(text: bytes) -> bool:
    return b"BEGIN_SEGMENT_SECTION" in text or text.lstrip().startswith(b"BEGIN_RECORD_SECTION")


def wrong(where: str, why: str) -> ConfigError:
    """ConfigError ``idoc.definition``."""
    return ConfigError(
        "idoc.definition", f"definition: {why}", where=where,
        hint="let SAP write it whole into one file: transaction WE60, XML schema or parser; or leave definition: away",
    )  # fmt: skip


def of_report(text: bytes, where: str) -> Kind:
    """The IDoc that a report describes. ConfigError ``idoc.definition`` with the line of what is wrong."""
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError:  # titles of segments are in the language of who wrote the report
        decoded = text.decode("latin-1")
    return _Report(decoded, where).idoc()


class _Report:
    def __init__(self, text: str, where: str) -> None:
        self._where, self._line = where, 0
        self._lines = self._keywords(text)
        self._next: Line | None = None

    def _keywords(self, text: str) -> Iterator[Line]:
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            self._line = number
            found = _LINE.fullmatch(line)
            if found is None:
                raise self._wrong("the line begins with no keyword")
            yield number, found[1], found[2] or ""

    def _wrong(self, why: str) -> ConfigError:
        return wrong(f"{self._where}:{self._line}", why)

    def _peek(self) -> Line:
        if self._next is None:
            self._next = next(self._lines, None)
            if self._next is None:
                raise self._wrong("the report ends within a section")
        return self._next

    def _take(self) -> Line:
        found, self._next = self._peek(), None
        return found

    def _until(self, end: str) -> Iterator[Line]:
        while (found := self._take())[1] != end:
            yield found

    def idoc(self) -> Kind:
        while self._take()[1] != "BEGIN_SEGMENT_SECTION":
            pass
        while self._peek()[1] != "BEGIN_IDOC":
            self._take()
        _, _, name = self._take()
        control = Field(
            CONTROL,
            "json",
            False,
            tuple(Field(one, max_length=length) for one, length in CONTROL_FIELDS.items()),
        )
        return Kind("IDOC", (control,), self._nodes("END_IDOC", 0), name)

    def _nodes(self, end: str, depth: int) -> tuple[Kind, ...]:
        if depth > DEEP:
            raise self._wrong("groups are nested too deeply")
        made: list[Kind] = []
        while (found := self._take())[1] != end:
            if found[1] == "BEGIN_SEGMENT":
                made.append(self._segment(found[2]))
            elif found[1] == "BEGIN_GROUP":
                made.append(self._group(depth))
            elif found[1].startswith(("BEGIN_", "END_")):
                raise self._wrong(f"{found[1]} stands where {end} is due")
        return tuple(made)

    def _group(self, depth: int) -> Kind:
        """Its first segment leads it, and how often the group comes is how often that comes."""
        said: dict[str, str] = {}
        while (found := self._take())[1] not in ("BEGIN_SEGMENT", "END_GROUP"):
            said[found[1]] = found[2]
        if found[1] == "END_GROUP":
            raise self._wrong("a group has no segment")
        head = self._segment(found[2])
        least, most = _often(said)
        return replace(head, segments=self._nodes("END_GROUP", depth + 1), least=least, most=most)

    def _segment(self, name: str) -> Kind:
        said: dict[str, str] = {}
        fields: list[Field] = []
        for _, word, value in self._until("END_SEGMENT"):
            if word == "BEGIN_FIELDS":
                fields = list(self._fields())
            elif word.startswith(("BEGIN_", "END_")):
                raise self._wrong(f"{word} stands within segment {name}")
            else:
                said[word] = value
        if not name:
            raise self._wrong("a segment has no name")
        level = int(said["LEVEL"]) if said.get("LEVEL", "").isdigit() else 0
        least, most = _often(said)
        return Kind(said.get("SEGMENTTYPE") or name, tuple(fields), (), "", name, level, least, most)

    def _fields(self) -> Iterator[Field]:
        """Each begins with NAME; its length is told, or follows from where it begins and ends."""
        said: dict[str, str] = {}
        for _, word, value in self._until("END_FIELDS"):
            if word.startswith(("BEGIN_", "END_")):
                raise self._wrong(f"{word} stands among fields")
            if word == "NAME" and said:
                yield self._field(said)
                said = {}
            said[word] = value
        if said:
            yield self._field(said)

    def _field(self, said: dict[str, str]) -> Field:
        for unit in ("CHARACTER", "BYTE"):
            first, last = said.get(f"{unit}_FIRST", ""), said.get(f"{unit}_LAST", "")
            if first.isdigit() and last.isdigit():
                length = int(last) - int(first) + 1
                break
        else:
            length = int(said["LENGTH"]) if said.get("LENGTH", "").isdigit() else 0
        if not said.get("NAME") or length < 1:
            raise self._wrong(f"a field has no {'length' if said.get('NAME') else 'name'}")
        return Field(said["NAME"], title=said.get("TEXT", ""), max_length=length)


def _often(said: dict[str, str]) -> tuple[int, int | None]:
    """How many there are at least and at most. What is optional may be left out, whatever its LOOPMIN says."""
    least, most = said.get("LOOPMIN", ""), said.get("LOOPMAX", "")
    needed = said.get("STATUS", "OPTIONAL") == "MANDATORY"
    number = int(most) if most.isdigit() and int(most) else _ENDLESS
    return (max(1, int(least) if least.isdigit() else 1) if needed else 0), None if number >= _ENDLESS else number
