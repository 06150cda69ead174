"""IDocs in files: the public ones read, and what is none is refused with its cause."""

from __future__ import annotations

import datetime
import os
import shutil
from pathlib import Path
from typing import Any

import fsspec
import orjson
import pytest

from connectors.idoc import SPEC, definition, messages, order
from hub.contract import Context, Query
from hub.errors import ConfigError, HubError

pytestmark = pytest.mark.against("idoc", "IDocs of SAP", "recording")

WSDL = "soap/sap/ORDERS05_idoc.wsdl"
XS = "xmlns:x='http://www.w3.org/2001/XMLSchema'"
FLAT = {"path": "*.txt", "format": "flat", "segments": {
    "E2EDK03": {"name": "E1EDK03", "fields": {"IDDAT": 3, "DATUM": 8, "UZEIT": 6}},
    "E2EDKA1": {"name": "E1EDKA1", "fields": {"PARVW": 3, "PARTN": 17}},
    "E2EDKA3": {"name": "E1EDKA3", "fields": {"QUALP": 3, "STDPN": 70}}}}  # fmt: skip


def read(folder: Path | str, **resource: Any) -> list[Any]:
    settings = SPEC.settings.model_validate({"folder": str(folder)})
    source = SPEC.open(Context("sap", str(folder)), settings, {"docs": SPEC.resource.model_validate(resource)})
    pages = list(source.read(Query(source.resource("docs"))))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return [orjson.loads(line) for page in pages for line in page.records.splitlines()]


def test_every_public_idoc_is_one_nested_record(fixtures: Path) -> None:
    found = read(fixtures / "idoc", path="*.xml")
    assert [(one["EDI_DC40"]["IDOCTYP"], one["CREATED"]) for one in found] == [
        ("ORDERS05", "2018-11-29T14:28:09"), ("MATMAS05", "2024-02-23T14:36:21"), ("DELVRY07", "2024-03-19T06:14:11"),
    ]  # fmt: skip
    assert found[1]["E1MARAM"][0]["MATNR"] == "000000000123456789"
    assert [one["PARVW"] for one in found[0]["E1EDKA1"]] == ["AG", "RE", "LF", "LF", "LF"]
    assert found[2]["E1EDL20"][0]["E1EDL22"][0]["INCO1_BEZ"] == "Free Carrier"


def test_a_flat_file_says_the_same_as_its_xml(fixtures: Path) -> None:
    (flat,) = read(fixtures / "idoc" / "flat", **FLAT)
    (xml,) = read(fixtures / "idoc" / "flat", path="*.xml")
    control = {name: value for name, value in flat["EDI_DC40"].items() if value}
    assert control.items() >= {("DOCNUM", xml["EDI_DC40"]["DOCNUM"]), ("RCVPRN", "CPI"), ("CRETIM", "162035")}
    assert flat["CREATED"] == xml["CREATED"]
    assert flat["E1EDK03"][0] == {"IDDAT": "011", "DATUM": "20201215", "UZEIT": ""}
    told = [(one["PARVW"], one["E1EDKA3"][0]["STDPN"]) for one in flat["E1EDKA1"]]
    assert told == [(one["PARVW"], one["E1EDKA3"][0]["STDPN"]) for one in xml["E1EDKA1"]]
    assert flat["E2EDK14"][0]["SDATA"].startswith("0081000")  # without a layout nothing is lost


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "xml.malformed"),
        (b"<ORDERS05><IDOC>", "xml.malformed"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><ORDERS05/>', "xml.doctype"),
        (b"<ORDERS05/>", "idoc.shape"),
        (b"<ORDERS05><X/></ORDERS05>", "idoc.shape"),
        (b"<ORDERS05><IDOC><E1 SEGMENT='1'/></IDOC></ORDERS05>", "idoc.shape"),
        (b"<O><IDOC><EDI_DC40><DOCNUM>1</DOCNUM><IDOCTYP>X</IDOCTYP></EDI_DC40></IDOC></O>", "idoc.shape"),
    ],
)
def test_what_is_no_idoc_is_refused(text: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(text)
    with pytest.raises(HubError) as caught:
        read(tmp_path, path="a.xml", type="ORDERS05")
    assert (caught.value.code, caught.value.where.partition(":")[0]) == (code, "a.xml")


def test_a_flat_file_is_cut_by_the_lengths_of_saps_own_definition(fixtures: Path) -> None:
    """Both fixtures are of one IDoc; segments that the XML has and what they say are the same."""
    (flat,) = read(fixtures / "idoc" / "flat", path="*.txt", format="flat", definition=str(fixtures / WSDL))
    (xml,) = read(fixtures / "idoc" / "flat", path="*.xml")
    assert {name for name in flat if name.startswith("E1")} == {name for name in xml if name.startswith("E1")}
    assert told(flat) == told(xml)


def told(record: Any) -> Any:
    """What segments say: fields that are not empty, of all but the control record."""
    if isinstance(record, list):
        return [told(one) for one in record]
    if isinstance(record, dict):
        return {name: told(value) for name, value in record.items() if value and name not in ("EDI_DC40", "CREATED")}
    return record


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "Document is empty"),
        ("<a/>", "neither an XSD nor a WSDL"),
        (f"<x:schema {XS}/>", "no element of it contains IDOC"),
        (f"<x:schema {XS}><x:include schemaLocation='b.xsd'/></x:schema>", "imports b.xsd, which is not fetched"),
        (f"<x:schema {XS}><x:element name='A'><x:complexType><x:sequence><x:element name='IDOC' type='T'/></x:sequence>"
         "</x:complexType></x:element></x:schema>", "speaks of T, which is not in it"),
        (f"<x:schema {XS}><x:element name='A' type='T'/><x:complexType name='T'><x:sequence>"
         "<x:element name='IDOC' type='T'/></x:sequence></x:complexType></x:schema>", "contain each other"),
    ],
)  # fmt: skip
def test_a_definition_that_is_none_names_its_cause(text: str, cause: str, tmp_path: Path) -> None:
    (tmp_path / "a.xsd").write_text(text)
    with pytest.raises(ConfigError, match=cause) as caught:
        definition.fields(str(tmp_path), "a.xsd")
    assert caught.value.code == "idoc.definition"


def test_a_definition_tells_segments_of_customers_too(fixtures: Path) -> None:
    found = {one.name: one for one in definition.fields(str(fixtures / "idoc"), "DEBMAS_customer_extension.xsd")}
    inner = {one.name: one for one in found["E1KNA1M"].fields}
    (number,) = (one for one in inner["Z1ZAKNA1"].fields if one.name == "ZZ_ID")
    assert (number.max_length, found["EDI_DC40"].many, inner["Z1ZAKNA1"].many) == (36, False, True)


def test_a_file_that_is_too_large_is_not_read_in_part(
    fixtures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = next((fixtures / "idoc" / "flat").glob("*.txt")).read_bytes()
    (tmp_path / "a.txt").write_bytes(flat)
    monkeypatch.setattr(messages, "XML_LIMIT", len(flat) - 1)
    with pytest.raises(HubError) as caught:
        read(tmp_path, **FLAT)
    assert (caught.value.code, caught.value.where) == ("file.large", "a.txt")


def test_only_an_end_of_line_ends_a_segment_and_segments_of_another_idoc_are_refused(
    fixtures: Path, tmp_path: Path
) -> None:
    flat = next((fixtures / "idoc" / "flat").glob("*.txt")).read_text()
    number = flat[13:29]
    head = f"{'E2EDKT9':30}{'':3}{number}{'000999':6}{'000000':6}02"
    (tmp_path / "a.txt").write_text(f"{flat.rstrip()}\n{head}one\u2028two\x85three\n", encoding="utf-8")
    (found,) = read(tmp_path, **FLAT)
    assert found["E2EDKT9"][0]["SDATA"] == "one\u2028two\x85three"
    (tmp_path / "a.txt").write_text(f"{flat.rstrip()}\n{head.replace(number, '9' * 16)}one\n")
    with pytest.raises(HubError, match="belongs to another IDoc"):
        read(tmp_path, **FLAT)


def test_a_file_without_its_marker_waits(fixtures: Path, tmp_path: Path) -> None:
    shutil.copy(fixtures / "idoc" / "ORDERS05_ORDERS.xml", tmp_path / "o.xml")
    with pytest.raises(HubError) as caught:
        read(tmp_path, path="*.xml", done="{name}.done")
    assert caught.value.code == "file.unfinished"
    (tmp_path / "o.xml.done").touch()
    assert len(read(tmp_path, path="*.xml", done="{name}.done")) == 1


def test_a_folder_on_a_server_is_read_as_one_of_this_host(fixtures: Path) -> None:
    url = "memory://idocs-that-are-read"
    far = fsspec.filesystem("memory")
    try:
        far.pipe(f"{url}/in/o.xml", (fixtures / "idoc" / "ORDERS05_ORDERS.xml").read_bytes())
        with pytest.raises(HubError) as caught:
            read(url, path="in/*.xml", done="{name}.done")
        assert caught.value.code == "file.unfinished"
        far.pipe(f"{url}/in/o.xml.done", b"")
        assert read(url, path="in/*.xml", done="{name}.done") == read(fixtures / "idoc", path="ORDERS05_ORDERS.xml")
        with pytest.raises(ConfigError, match="does not exist there"):
            read(f"{url}/out", path="*.xml")
    finally:
        far.rm(url, recursive=True)


IDOC = (
    "<MATMAS05><IDOC><EDI_DC40 SEGMENT='1'><DOCNUM>{number}</DOCNUM><CREDAT>2026010{day}</CREDAT>"
    "<CRETIM>120000</CRETIM></EDI_DC40></IDOC></MATMAS05>"
)


def files(folder: Path, named: dict[str, list[tuple[int, int]]]) -> None:
    """Each file with IDocs of (day, number)."""
    for name, idocs in named.items():
        texts = [IDOC.format(day=day, number=f"{number:016}")[10:-11] for day, number in idocs]
        (folder / name).write_text(f"<MATMAS05>{''.join(texts)}</MATMAS05>")


@pytest.mark.parametrize("kept", [64 << 20, 500, 0])
def test_records_come_by_their_time_and_at_one_time_by_docnum_whatever_files_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(order, "KEPT", kept)
    files(tmp_path, {"a.xml": [(2, 9), (2, 11)], "b.xml": [(2, 10), (1, 99)], "c.xml": [(0, 7), (2, 12), (2, 13)]})
    settings = SPEC.settings.model_validate({"folder": str(tmp_path)})
    source = SPEC.open(Context("sap"), settings, {"docs": SPEC.resource.model_validate({"path": "*.xml"})})
    pages = list(source.read(Query(source.resource("docs"))))
    found = [orjson.loads(line) for page in pages for line in page.records.splitlines()]
    assert [int(one["EDI_DC40"]["DOCNUM"]) for one in found] == [7, 99, 9, 10, 11, 12, 13]
    assert [(page.origin, page.first, page.count) for page in pages] == [
        ("c.xml", 1, 1), ("b.xml", 2, 1), ("a.xml", 1, 1), ("b.xml", 1, 1), ("a.xml", 2, 1), ("c.xml", 2, 2),
    ]  # fmt: skip
    assert [page.last for page in pages] == [False] * 5 + [True]


def test_a_read_since_leaves_out_what_surely_is_older_and_loses_nothing_that_came_late(tmp_path: Path) -> None:
    files(tmp_path, {"old.xml": [(1, 1)], "new.xml": [(5, 2)], "late.xml": [(1, 3)]})
    day = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC).timestamp()
    for name, at in (("old.xml", day), ("new.xml", day + 4 * 86_400), ("late.xml", day + 5 * 86_400)):
        os.utime(tmp_path / name, (at, at))
    (tmp_path / "old.xml").write_text("it is not even opened")
    os.utime(tmp_path / "old.xml", (day, day))
    settings = SPEC.settings.model_validate({"folder": str(tmp_path)})
    source = SPEC.open(Context("sap"), settings, {"docs": SPEC.resource.model_validate({"path": "*.xml"})})
    query = Query(source.resource("docs"), since="2026-01-05T11:55:00")
    found = [orjson.loads(line) for page in source.read(query) for line in page.records.splitlines()]
    assert [int(one["EDI_DC40"]["DOCNUM"]) for one in found] == [3, 2]
    with pytest.raises(HubError, match=r"malformed|Start tag"):
        list(source.read(Query(source.resource("docs"))))
