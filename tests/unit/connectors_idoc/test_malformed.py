"""What is wrong with a file, or with what SAP says of a type, is named with file, line and segment; nothing of it is
used."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.idoc import definition
from connectors.idoc.control import CONTROL_FIELDS, HEAD
from connectors.idoc.kinds import Kind
from hub.contract import Change
from hub.errors import ConfigError, HubError
from tests.unit.connectors_idoc.test_idocs import read, told
from tests.unit.connectors_idoc.test_sent import DEFINITIONS, back, drawn, opened

HERE = "<EDI_DC40 SEGMENT='1'><DOCNUM>1</DOCNUM></EDI_DC40>"
LAYOUT = {"E2MAKTM": {"name": "E1MAKTM", "fields": {"SPRAS": 1, "MAKTX": 10}}}


def xml(*lines: str) -> bytes:
    return "\n".join(("<M>", *lines, "</M>")).encode()


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (xml("<IDOC>", HERE, HERE, "</IDOC>"), 2, "holds 2 control records"),
        (xml("<IDOC>", HERE, "</IDOC>", "<IDOC/>"), 5, "IDoc 2 has no control record"),
        (xml("<IDOC>", HERE, "<E1A SEGMENT='1'>", "<A>1</A><A>2</A></E1A>", "</IDOC>"), 5, "A occurs more than once"),
        (xml("<IDOC>", HERE, "<E1A>1</E1A>", "<E1A SEGMENT='1'/>", "</IDOC>"), 5, "E1A occurs more than once"),
        (xml("<IDOC>", HERE, "<E1A SEGMENT='1'>x<A>1</A></E1A>", "</IDOC>"), 4, "text stands in segment E1A"),
        (xml("<IDOC>", HERE, "</IDOC>", "<OTHER/>"), 5, "stands OTHER, not IDOC"),
        (xml("<IDOC>", HERE.replace(">1<", "><Z>1</Z><"), "</IDOC>"), 2, "no control record EDI_DC40 with a DOCNUM"),
    ],
)
def test_a_malformed_xml_is_refused_with_its_line(tmp_path: Path, text: bytes, line: int, why: str) -> None:
    (tmp_path / "a.xml").write_bytes(text)
    with pytest.raises(HubError) as caught:
        read(tmp_path, path="a.xml")
    assert (caught.value.code, caught.value.where) == ("idoc.shape", f"a.xml:{line}")
    assert why in caught.value.message


def test_several_idocs_of_one_file_are_all_read(tmp_path: Path) -> None:
    second = HERE.replace(">1<", ">2<")
    (tmp_path / "a.xml").write_bytes(xml(f"<IDOC>{HERE}</IDOC>", "<!-- and -->", f"<IDOC>{second}</IDOC>"))
    assert [one["EDI_DC40"]["DOCNUM"] for one in read(tmp_path, path="a.xml")] == ["1", "2"]


def control(number: str = "1") -> str:
    said = {"TABNAM": "EDI_DC40", "DOCNUM": number}
    return "".join(said.get(name, "").ljust(length) for name, length in CONTROL_FIELDS.items())


def segment(name: str, number: str, above: str = "", docnum: str = "1", data: str = "") -> str:
    said = {"SEGNAM": name, "DOCNUM": docnum, "SEGNUM": number, "PSGNUM": above}
    return "".join(said.get(field, "").ljust(length) for field, length in HEAD.items()) + data


@pytest.mark.parametrize(
    ("lines", "line", "why"),
    [
        ([segment("E2MAKTM", "000001")], 1, "before the first control record"),
        ([control(), segment("E2MAKTM", "000001", docnum="2")], 2, "belongs to another IDoc"),
        ([control(), segment("E2MAKTM", "000001", "000007")], 2, "parent segment 000007 is not there"),
        ([control(), "", segment("E2MAKTM", "000001"), segment("E2MAKTM", "000001")], 4, "has the number 000001"),
        ([control(), segment("E2MAKTM", "")], 2, "has the number none"),
        ([control(), "short"], 2, "belongs to another IDoc"),
        ([control(), control("")], 2, "IDoc 2 has no control record"),
    ],
)
def test_a_malformed_flat_file_is_refused_with_its_line(tmp_path: Path, lines: list[str], line: int, why: str) -> None:
    (tmp_path / "a.txt").write_text("\n".join(lines))
    with pytest.raises(HubError) as caught:
        read(tmp_path, path="a.txt", format="flat", segments=LAYOUT)
    assert (caught.value.code, caught.value.where) == ("idoc.shape", f"a.txt:{line}")
    assert why in caught.value.message


def test_what_stands_behind_a_record_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{control()}more\n{segment('E2MAKTM', '000001', data='1' + 'x' * 10 + 'rest')}")
    (record,) = read(tmp_path, path="a.txt", format="flat", segments=LAYOUT)
    assert (record["EDI_DC40"]["SDATA"], record["E1MAKTM"][0]["SDATA"]) == ("more", "rest")


@pytest.mark.parametrize(
    ("encoding", "how", "data", "found"),
    [
        ("gb18030", {}, "1泵浦设备一", "泵浦设备一"),  # ten bytes
        ("gb18030", {"lengths": "characters"}, "1" + "泵" * 10, "泵" * 10),
        ("utf-8", {}, "1" + "泵" * 10, "泵" * 10),
        ("utf-8", {"lengths": "bytes"}, "1泵泵泵 ", "泵泵泵"),
        ("utf-8-sig", {}, "1泵", "泵"),
        ("utf-16", {}, "1" + "𠮷" * 5, "𠮷" * 5),
    ],
)
def test_lengths_of_a_flat_file_count_characters_or_bytes(
    tmp_path: Path, encoding: str, how: dict[str, Any], data: str, found: str
) -> None:
    text = f"{control()}\n{segment('E2MAKTM001', '000001', data=data)}\n"
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    (record,) = read(tmp_path, path="a.txt", format="flat", segments=LAYOUT, encoding=encoding, **how)
    assert record["E1MAKTM"] == [{"SPRAS": "1", "MAKTX": found}]


@pytest.mark.parametrize(
    ("written", "data", "declared", "where"),
    [
        ("gb18030", "泵", {"encoding": "utf-8"}, "a.txt:2"),
        ("utf-8", "泵  ", {"encoding": "gb18030"}, "a.txt:2 E1MAKTM.MAKTX"),
        ("utf-8", "泵" * 9, {"lengths": "bytes"}, "a.txt:2 E1MAKTM.MAKTX"),
        ("utf-8", "a" + "𠮷" * 9, {}, "a.txt:2 E1MAKTM.MAKTX"),
    ],
)
def test_a_length_that_cuts_a_character_in_two_is_an_error_with_its_field(
    tmp_path: Path, written: str, data: str, declared: dict[str, Any], where: str
) -> None:
    text = f"{control()}\n{segment('E2MAKTM', '000001', data='1' + data)}\n"
    (tmp_path / "a.txt").write_bytes(text.encode(written))
    with pytest.raises(HubError) as caught:
        read(tmp_path, path="a.txt", format="flat", segments=LAYOUT, **declared)
    assert (caught.value.code, caught.value.where) == ("encoding.invalid", where)


# ------------------------------------------------------------ the parser report


def reported(kind: Kind, level: int = 1) -> Iterator[str]:
    """A type as SAP's report writes it."""
    for one in kind.segments:
        often = [f"LEVEL {level:02}", f"STATUS {'MANDATORY' if one.least else 'OPTIONAL'}",
                 f"LOOPMIN {one.least:010}", f"LOOPMAX {one.most or 9_999_999_999:010}"]  # fmt: skip
        if one.segments:
            yield from ("BEGIN_GROUP 1", *often)
        yield from (f"BEGIN_SEGMENT {one.external}001", f"  SEGMENTTYPE {one.name}", *often, "  BEGIN_FIELDS")
        at = 64
        for field in one.fields:
            yield from (f"    NAME {field.name}", f"    TEXT {field.title}", "    TYPE CHARACTER")
            yield from (f"    CHARACTER_FIRST {at:06}", f"    CHARACTER_LAST  {at + (field.max_length or 0) - 1:06}")
            at += field.max_length or 0
        yield from ("  END_FIELDS", "END_SEGMENT")
        if one.segments:
            yield from reported(one, level + 1)
            yield "END_GROUP"


def plain(kind: Kind, level: int = 0) -> Kind:
    """What both an XSD and a report tell."""
    below = tuple(plain(one, level + 1) for one in kind.segments)
    fields = tuple(field for field in kind.fields if field.name != "EDI_DC40")
    return replace(kind, title="", level=0, least=min(kind.least, 1), external="", fields=fields, segments=below)


def report(kind: Kind) -> str:
    head = ("BEGIN_RECORD_SECTION", "  BEGIN_CONTROL_RECORD", "    BEGIN_FIELDS", "      NAME TABNAM",
            "    END_FIELDS", "  END_CONTROL_RECORD", "END_RECORD_SECTION", "", "BEGIN_SEGMENT_SECTION",
            "  BEGIN_IDOC TYPE05")  # fmt: skip
    return "\n".join([*head, *reported(kind), "  END_IDOC", "END_SEGMENT_SECTION", ""])


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_parser_report_says_the_same_as_the_schema_and_the_names_in_files(
    fixtures: Path, tmp_path: Path, name: str, encoding: str
) -> None:
    shutil.copy(fixtures / DEFINITIONS[name], tmp_path / "d.xsd")
    schema = definition.kind(str(tmp_path), "d.xsd")
    (tmp_path / "d.txt").write_bytes(report(schema).encode(encoding, "replace"))
    found = definition.kind(str(tmp_path), "d.txt")
    assert replace(plain(found), name="", most=1, least=1) == replace(plain(schema), name="", most=1, least=1)
    assert {one.external for one in found.walk()} == {f"{one.external}001" for one in schema.walk()}
    assert {field.name for field in definition.fields(str(tmp_path), "d.txt")[0].fields} >= {"DOCNUM", "SERIAL"}


def test_a_flat_file_by_a_parser_report_is_read_as_it_was_written(fixtures: Path, tmp_path: Path) -> None:
    shutil.copy(fixtures / DEFINITIONS["ORDERS05"], tmp_path / "d.xsd")
    (tmp_path / "d").write_text(report(definition.kind(str(tmp_path), "d.xsd")), "utf-8")
    values = dict(drawn(definition.kind(str(tmp_path), "d"), random.Random("report"), "aZ泵"))
    connector = opened(tmp_path, type="ORDERS05", definition="d", lift={}, key="number", format="flat")
    (outcome,) = connector.deliver(connector.resource("out"), [Change("create", {}, values, id="1")])
    assert (outcome.status, outcome.message) == ("done", "")
    (found,) = back(connector)
    assert told(found) == told(values)
    (file,) = (tmp_path / "out").iterdir()
    names = {line[:30].rstrip() for line in file.read_text("utf-8").splitlines()[1:]}
    assert all(name.endswith("001") for name in names)


SMALL = ["BEGIN_SEGMENT_SECTION", "BEGIN_IDOC T", "BEGIN_SEGMENT E2A001", "SEGMENTTYPE E1A", "BEGIN_FIELDS",
         "NAME A", "LENGTH 000003", "END_FIELDS", "END_SEGMENT", "END_IDOC", "END_SEGMENT_SECTION"]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "line", "why"),
    [
        (SMALL[:7], 7, "ends within a section"),
        ([*SMALL[:6], *SMALL[7:]], 7, "has no length"),
        ([*SMALL[:5], *SMALL[6:]], 7, "has no name"),
        ([*SMALL[:2], "BEGIN_GROUP 1", "LEVEL 01", "END_GROUP", *SMALL[9:]], 5, "no segment"),
        ([*SMALL[:2], "lower case", *SMALL[2:]], 3, "begins with no keyword"),
        ([*SMALL[:2], "END_GROUP", *SMALL[2:]], 3, "END_GROUP stands where END_IDOC is due"),
        ([*SMALL[:7], "END_SEGMENT", *SMALL[7:]], 8, "stands among fields"),
        ([*SMALL[:2], *["BEGIN_GROUP 1", *SMALL[2:9]] * 50], 330, "nested too deeply"),
    ],
)
def test_a_malformed_report_is_refused_with_its_line(tmp_path: Path, lines: list[str], line: int, why: str) -> None:
    (tmp_path / "good.txt").write_text("\n".join(SMALL))
    assert [one.name for one in definition.fields(str(tmp_path), "good.txt")] == ["EDI_DC40", "E1A"]
    (tmp_path / "d.txt").write_text("\n".join(lines))
    with pytest.raises(ConfigError) as caught:
        definition.kind(str(tmp_path), "d.txt")
    assert (caught.value.code, caught.value.where) == ("idoc.definition", f"d.txt:{line}")
    assert why in caught.value.message
