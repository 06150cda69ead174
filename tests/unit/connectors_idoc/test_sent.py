"""IDocs that are sent: read again they say what was to be sent, the same intent is the same message, and what cannot
be written as it is, is refused."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import orjson
import pytest
from pydantic import ValidationError

from connectors.idoc import SPEC, definition
from connectors.idoc.control import units
from connectors.idoc.kinds import Kind
from hub.contract import Change, Context, Outcome, Query
from hub.errors import ConfigError
from tests.unit.connectors_idoc.test_idocs import told

CONTROL = {"MESTYP": "MATMAS", "SNDPOR": "COPHUB", "SNDPRT": "LS", "SNDPRN": "COPHUB", "RCVPOR": "SAPS4H",
           "RCVPRT": "LS", "RCVPRN": "S4HCLNT100", "MANDT": "100"}  # fmt: skip
DEFINITIONS = {"ORDERS05": "soap/sap/ORDERS05_idoc.wsdl", "DEBMAS07": "idoc/DEBMAS_customer_extension.xsd"}
XSD = """<x:schema xmlns:x='http://www.w3.org/2001/XMLSchema'><x:element name='MATMAS05'><x:complexType><x:sequence>
<x:element name='IDOC'><x:complexType><x:sequence>
<x:element name='EDI_DC40'><x:complexType><x:sequence><x:element name='DOCNUM'/></x:sequence></x:complexType>
</x:element>
<x:element name='E1MARAM' maxOccurs='2'><x:complexType><x:sequence>{fields}
<x:element name='E1MAKTM' minOccurs='0' maxOccurs='99'><x:complexType><x:sequence>{texts}</x:sequence></x:complexType>
</x:element></x:sequence></x:complexType></x:element></x:sequence></x:complexType></x:element>
</x:sequence></x:complexType></x:element></x:schema>"""
FIELD = (
    "<x:element name='{}'><x:simpleType><x:restriction base='x:string'><x:maxLength value='{}'/>"
    "</x:restriction></x:simpleType></x:element>"
)
KEYED = {"lift": {"MATNR": "E1MARAM.MATNR"}, "key": "MATNR"}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with the definition of a small type."""
    fields = FIELD.format("MATNR", 8) + FIELD.format("BRGEW", 13)
    texts = FIELD.format("SPRAS", 1) + FIELD.format("MAKTX", 10)
    (tmp_path / "m.xsd").write_text(XSD.format(fields=fields, texts=texts))
    return tmp_path


def opened(folder: Path, place: str = "out", **resource: Any) -> Any:
    """A connector with ``out``, which sends, and ``back``, which reads the same files."""
    end = "txt" if resource.get("format") == "flat" else "xml"
    send = {"control": CONTROL, **resource.pop("send", {})}
    both = {"type": "MATMAS05", "definition": "m.xsd", **KEYED, **resource}
    if "://" not in place:
        (folder / place).mkdir(exist_ok=True)
    resources = {
        "out": SPEC.resource.model_validate({"path": f"m_{{DOCNUM}}.{end}", **both, "send": send}),
        "back": SPEC.resource.model_validate({**both, "path": f"*.{end}"}),
    }
    return SPEC.open(Context("sap", str(folder)), SPEC.settings.model_validate({"folder": place}), resources)


def sent(connector: Any, values: dict[str, Any], identity: str = "1", operation: Any = "create") -> Outcome:
    key = {"MATNR": values.get("MATNR", "M1")}
    outcome: Outcome
    (outcome,) = connector.deliver(connector.resource("out"), [Change(operation, key, values, id=identity)])
    return outcome


def back(connector: Any) -> list[Any]:
    pages = connector.read(Query(connector.resource("back")))
    return [orjson.loads(line) for page in pages for line in page.records.splitlines()]


# ------------------------------------------------------------ written → read = the record


def drawn(kind: Kind, draw: random.Random, signs: str) -> Iterator[tuple[str, Any]]:
    """Any values that the definition allows: texts of any length up to a field's, segments up to three of a kind."""
    for field in kind.fields:
        if field.name != "EDI_DC40" and draw.random() < 0.4:
            text, length = "", draw.randint(1, field.max_length or 5)
            while units(longer := text + draw.choice(signs)) <= length:
                text = longer
            yield field.name, text.rstrip() or "x"
    for one in kind.segments:
        least = max(one.least, int(draw.random() < 0.3))
        number = min(one.most or 3, draw.randint(least, max(least, 3 if draw.random() < 0.2 else least)))
        if number:
            yield one.name, [dict(drawn(one, draw, signs)) for _ in range(number)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("how", "signs"),
    [
        ({}, "aZ09 <&>'\"泵é𠮷\t"),
        ({"format": "flat"}, "aZ09 <&>泵é𠮷"),
        ({"format": "flat", "encoding": "utf-16"}, "aZ 泵é𠮷"),
        ({"format": "flat", "encoding": "gb18030"}, "aZ09"),
    ],
    ids=["xml", "flat", "flat-utf16", "flat-bytes"],
)
@pytest.mark.parametrize("name", DEFINITIONS)
def test_what_is_written_is_read_as_the_record_that_was_sent(
    fixtures: Path, tmp_path: Path, name: str, how: dict[str, Any], signs: str, seed: int
) -> None:
    shutil.copy(fixtures / DEFINITIONS[name], tmp_path / "d")
    kind = definition.kind(str(tmp_path), "d")
    values = dict(drawn(kind, random.Random(f"{name}{how}{seed}"), signs))
    assert values
    with_key = opened(tmp_path, type=name, definition="d", lift={}, key="number", **how)
    (outcome,) = with_key.deliver(with_key.resource("out"), [Change("create", {}, values, id=f"{seed}")])
    assert (outcome.status, outcome.message) == ("done", "")
    (found,) = back(with_key)
    assert told(found) == told(values)
    want = {**CONTROL, "TABNAM": "EDI_DC40", "DIRECT": "2", "IDOCTYP": name, "DOCNUM": outcome.foreign_id}
    assert {field: value for field, value in found["EDI_DC40"].items() if value} == want


@pytest.mark.parametrize("how", ["xml", "flat"])
def test_a_public_idoc_is_written_as_it_was_read(fixtures: Path, tmp_path: Path, how: str) -> None:
    shutil.copy(fixtures / DEFINITIONS["ORDERS05"], tmp_path / "d")
    declared: dict[str, Any] = {"type": "ORDERS05", "definition": "d", "lift": {}, "key": "number"}
    (tmp_path / "public").mkdir()
    shutil.copy(fixtures / "idoc/flat/IDOC_XML2Flat_ORDERS05.xml", tmp_path / "public")
    (values,) = back(opened(tmp_path, "public", **declared))
    body = {field: value for field, value in values.items() if field not in ("EDI_DC40", "CREATED")}
    connector = opened(tmp_path, **declared, format=how)
    (outcome,) = connector.deliver(connector.resource("out"), [Change("create", {}, body, id="1")])
    assert (outcome.status, outcome.message) == ("done", "")
    assert told(back(connector)[0]) == told(values)


# ------------------------------------------------------------ the form


def test_names_are_paths_and_segments_follow_the_definition(small: Path) -> None:
    values = {"E1MARAM.E1MAKTM[2].MAKTX": "second", "E1MARAM.E1MAKTM[1].SPRAS": "E", "MATNR": "M1",
              "E1MARAM[2].BRGEW": 1.50, "EDI_DC40.RCVPRN": "OTHER", "E1MARAM.E1MAKTM[3].MAKTX": None}  # fmt: skip
    outcome = sent(opened(small), values)
    (file,) = (small / "out").iterdir()
    assert file.name == f"m_{outcome.foreign_id}.xml"
    segments = file.read_text("utf-8").partition("</EDI_DC40>")[2]
    assert segments == (
        '<E1MARAM SEGMENT="1"><MATNR>M1</MATNR><E1MAKTM SEGMENT="1"><SPRAS>E</SPRAS></E1MAKTM>'
        '<E1MAKTM SEGMENT="1"><MAKTX>second</MAKTX></E1MAKTM></E1MARAM>'
        '<E1MARAM SEGMENT="1"><BRGEW>1.5</BRGEW></E1MARAM></IDOC></MATMAS05>'
    )
    assert "<RCVPRN>OTHER</RCVPRN>" in file.read_text()


def test_a_flat_file_numbers_its_segments_and_names_them_as_declared(small: Path) -> None:
    segments = {"E2MARAM009": {"name": "E1MARAM", "fields": {"MATNR": 8, "BRGEW": 13}}}
    connector = opened(small, format="flat", segments=segments)
    sent(connector, {"MATNR": "M1", "E1MARAM.E1MAKTM": [{"MAKTX": "a"}, {"MAKTX": "b"}], "E1MARAM[2].MATNR": "M2"})
    (file,) = (small / "out").iterdir()
    control, *lines = file.read_text("utf-8").splitlines()
    assert len(control) == 524
    assert [(one[:30].rstrip(), one[49:55], one[55:61], one[61:63], len(one)) for one in lines] == [
        ("E2MARAM009", "000001", "000000", "01", 84), ("E2MAKTM", "000002", "000001", "02", 74),
        ("E2MAKTM", "000003", "000001", "02", 74), ("E2MARAM009", "000004", "000000", "01", 84),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "code", "where"),
    [
        ({"MATNR": "123456789"}, "idoc.too_long", "E1MARAM[1].MATNR"),
        ({"E1MARAM.E1MAKTM": [{}, {"MAKTX": "x" * 11}]}, "idoc.too_long", "E1MARAM[1].E1MAKTM[2].MAKTX"),
        ({"MATNR": "a\x01"}, "idoc.character", "E1MARAM[1].MATNR"),
        ({"MATNR": "\ud800"}, "idoc.character", "E1MARAM[1].MATNR"),
        ({"E1MARAM.NONE": "1"}, "field.unknown", "E1MARAM[1].NONE"),
        ({"E1MARAM.NONE.MATNR": None}, "field.unknown", "E1MARAM.NONE"),
        ({"NONE": "1"}, "field.unknown", "NONE"),
        ({"E1MARAM..MATNR": "1"}, "field.unknown", "E1MARAM..MATNR"),
        ({"E1MARAM": "text"}, "value.type", "E1MARAM"),
        ({"E1MARAM.BRGEW": True}, "value.type", "E1MARAM[1].BRGEW"),
        ({"E1MARAM.BRGEW": ["1"]}, "value.type", "E1MARAM[1].BRGEW"),
        ({"E1MARAM": [{}, {}, {}]}, "idoc.segment", "E1MARAM"),
        ({"MATNR": None}, "idoc.segment", "E1MARAM"),
        ({"EDI_DC40.DOCNUM": "1"}, "idoc.control", "EDI_DC40.DOCNUM"),
        ({"EDI_DC40.NONE": "1"}, "field.unknown", "EDI_DC40.NONE"),
        ({"EDI_DC40.RCVPRN": "x" * 11}, "idoc.too_long", "EDI_DC40.RCVPRN"),
    ],
)
@pytest.mark.parametrize("how", ["xml", "flat"])
def test_what_cannot_be_written_as_it_is_is_refused_and_the_others_go(
    small: Path, values: dict[str, Any], code: str, where: str, how: str
) -> None:
    connector = opened(small, format=how)
    changes = [Change("create", {}, {"MATNR": "M1", **values}, id="1"), Change("create", {"MATNR": "M2"}, {}, id="2")]
    refused, done = connector.deliver(connector.resource("out"), changes)
    assert (refused.status, refused.code, done.status) == ("rejected", code, "done")
    assert where in refused.message
    assert len(list((small / "out").iterdir())) == 1


@pytest.mark.parametrize(
    ("how", "text", "code"),
    [
        ({"encoding": "gb18030"}, "泵泵泵泵泵", ""),  # ten bytes
        ({"encoding": "gb18030"}, "泵泵泵泵泵x", "idoc.too_long"),
        ({"encoding": "gb18030", "lengths": "characters"}, "泵" * 10, ""),
        ({"encoding": "utf-8"}, "泵" * 10, ""),
        ({"encoding": "utf-8", "lengths": "bytes"}, "泵泵泵泵", "idoc.too_long"),
        ({"encoding": "utf-8"}, "𠮷" * 6, "idoc.too_long"),  # two characters each, as SAP counts
        ({"encoding": "utf-8"}, "𠮷" * 5, ""),
        ({"encoding": "latin-1"}, "泵", "idoc.character"),
        ({"encoding": "utf-8"}, "a\nb", "idoc.character"),
    ],
)
def test_lengths_count_characters_or_bytes_and_nothing_is_cut(
    small: Path, how: dict[str, Any], text: str, code: str
) -> None:
    connector = opened(small, format="flat", **how)
    outcome = sent(connector, {"MATNR": "M1", "E1MARAM.E1MAKTM": [{"SPRAS": "1", "MAKTX": text}, {"MAKTX": "b"}]})
    assert outcome.code == code
    if not code:
        (found,) = back(connector)
        assert [one["MAKTX"] for one in found["E1MARAM"][0]["E1MAKTM"]] == [text, "b"]


# ------------------------------------------------------------ once


def test_the_same_intent_is_the_same_file_and_another_is_another(small: Path) -> None:
    first = sent(opened(small, done="{name}.ok"), {"MATNR": "M1"})
    (marker,) = (small / "out").glob("*.ok")
    file = marker.with_name(marker.name.removesuffix(".ok"))
    before = file.read_bytes()
    marker.unlink()  # a process that was killed between the two
    again = sent(opened(small, done="{name}.ok"), {"MATNR": "M1"})
    assert (again, marker.exists(), file.read_bytes()) == (first, True, before)
    file.unlink()  # SAP took it
    sent(opened(small), {"MATNR": "M1"})
    assert file.read_bytes() == before
    assert sent(opened(small), {"MATNR": "M1"}, "2").foreign_id != first.foreign_id
    assert sent(opened(small), {"MATNR": "M2"}).code == "idoc.taken"  # a file is never overwritten by another
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("updates", "status", "files"), [("refuse", "rejected", 0), ("skip", "done", 0), ("send", "done", 1)]
)
def test_a_changed_record_does_what_is_declared(small: Path, updates: str, status: str, files: int) -> None:
    connector = opened(small, send={"updates": updates})
    assert sent(connector, {"MATNR": "M1"}, operation="update").status == status
    gone = sent(connector, {}, operation="delete")
    assert gone.status == ("done" if updates == "skip" else "rejected")
    assert len(list((small / "out").iterdir())) == files


def test_a_message_goes_to_a_folder_on_a_server(small: Path) -> None:
    far, url = fsspec.filesystem("memory"), "memory://idocs-that-are-sent"
    far.makedirs(url)
    try:
        connector = opened(small, url, done="{name}.ok")
        assert sent(connector, {"MATNR": "M1"}).status == "done"
        assert [one["MATNR"] for one in back(connector)] == ["M1"]
        assert len(far.ls(url)) == 2
    finally:
        far.rm(url, recursive=True)


def test_what_is_sent_cannot_be_read_or_looked_up_and_the_reverse(small: Path) -> None:
    connector = opened(small)
    out, in_ = connector.resource("out"), connector.resource("back")
    assert ((out.writable, out.messages, out.cursor), in_.writable) == ((True, True, None), False)
    for attempt, code in (
        (lambda: list(connector.read(Query(out))), "idoc.send_only"),
        (lambda: connector.find(out, [{"MATNR": "M1"}]), "write.find"),
        (lambda: connector.deliver(in_, [Change("create", {}, {}, id="1")]), "idoc.read_only"),
    ):
        with pytest.raises(ConfigError) as caught:
            attempt()
        assert caught.value.code == code
    assert [(one.name, one.status) for one in connector.check()] == [
        ("folder", "ok"), ("write out", "ok"), ("read back", "ok"), ("encoding back", "skipped"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"path": "m.xml"}, "DOCNUM"),
        ({"path": None, "format": "flat"}, "about files"),
        ({"type": None}, "needs type"),
        ({"key": "EDI_DC40.DOCNUM"}, "key: of its own"),
        ({"send": {"control": {**CONTROL, "DOCNUM": "1"}}}, "filled by the hub"),
        ({"send": {"control": {**CONTROL, "RCVPRN": ""}}}, "without RCVPRN"),
        ({"send": {"control": {**CONTROL, "RCVPRT": "LSX"}}}, "2 characters"),
        ({"send": {"control": {**CONTROL, "NONE": "1"}}}, "no field NONE"),
        ({"encoding": "none"}, "no encoding"),
        ({"encoding": "utf-16", "lengths": "bytes"}, "does not go with"),
        ({"send": None, "path": None}, "write path"),
    ],
)
def test_what_is_declared_wrongly_is_said(changed: dict[str, Any], why: str) -> None:
    declared = {"path": "m_{DOCNUM}.xml", "type": "MATMAS05", "definition": "m.xsd", **KEYED}
    declared["send"] = {"control": CONTROL}
    SPEC.resource.model_validate(declared)
    with pytest.raises(ValidationError, match=why):
        SPEC.resource.model_validate(declared | changed)
