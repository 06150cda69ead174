"""Reading SOAP services: every way of paging, every kind of value, and what the schema does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from connectors.soap import records as reading
from hub.contract import Query
from hub.errors import ConfigError
from tests.contract.soapweb import ENVELOPE, SPACE, envelope, message, wsdl
from tests.unit.connectors_soap.opening import opened, people, read, records
from tests.unit.http.fake import Answer, Asked, fake

ALL = [{"code": str(n), "name": f"n{n}", "amount": n + 0.5, "at": "2026-01-01T00:00:00Z"} for n in range(1, 8)]


def asked_for(asked: Asked) -> dict[str, str]:
    call = etree.fromstring(asked.body).find(f"{{{ENVELOPE}}}Body")[0]  # type: ignore[index]
    return {etree.QName(one).localname: one.text or "" for one in call.iter()}


def by_offset(asked: Asked) -> Answer:
    given = asked_for(asked)
    start, size = int(given.get("skip") or 0), min(int(given.get("top") or 3), 3)
    return envelope(people(*range(start + 1, min(start + size, 7) + 1), total=7))


def by_page(asked: Asked) -> Answer:
    page = int(asked_for(asked)["skip"])
    return envelope(people(*range(page * 3 - 2, min(page * 3, 7) + 1), more="<pages>3</pages>", total=7))


def by_token(asked: Asked) -> Answer:
    start = int(asked_for(asked).get("code") or 1)
    more = f"<next>{start + 3}</next>" if start + 3 <= 7 else "<next/>"
    return envelope(people(*range(start, min(start + 3, 8)), more=more, total=7))


@pytest.mark.parametrize(
    ("reply", "resource"),
    [
        (by_offset, {"paging": {"offset": {"param": "skip", "size_param": "top", "size": 500}}}),
        (by_offset, {"total": "total", "paging": {"offset": {"param": "skip", "overlap": 1}}}),
        (by_page, {"paging": {"page": {"param": "skip", "size": 3}}}),
        (by_page, {"paging": {"page": {"param": "skip", "pages": "pages"}}}),
        (by_page, {"paging": {"page": {"param": "skip", "size": 3, "until": "short"}}}),
        (by_page, {"total": "total", "paging": {"page": {"param": "skip", "size_param": "top"}}}),
        (by_token, {"paging": {"token": {"param": "code", "from": "next"}}}),
        (by_token, {"paging": {"token": {"param": "code", "from": "next", "size_param": "top", "size": 3}}}),
    ],
)
def test_every_way_of_paging_reads_everything_once(
    reply: Callable[[Asked], Answer], resource: dict[str, Any], tmp_path: Path
) -> None:
    with fake(reply) as server:
        pages = read(opened(server.url, resource, tmp_path))
    assert records(pages) == ALL
    assert [page.first for page in pages] == [
        1 + sum(one.count for one in pages[:n]) for n in range(len(pages))
    ]


def test_one_answer_may_hold_everything(tmp_path: Path) -> None:
    with fake(lambda asked: envelope(people(1, 2))) as server:
        (page,) = read(opened(server.url, {}, tmp_path))
    assert (records([page]), page.origin) == (ALL[:2], "GetPeople")


def test_parameters_come_from_yaml_the_cursor_and_the_paging(tmp_path: Path) -> None:
    resource = {
        "params": {"code": "007"}, "cursor": {"field": "at", "param": "since", "format": "%Y-%m-%d"},
        "paging": {"offset": {"param": "skip", "size_param": "top", "size": 9}},
    }  # fmt: skip
    with fake(lambda asked: envelope(people())) as server:
        read(opened(server.url, resource, tmp_path), since="2026-03-01T23:59:59+08:00", size=5)
    (asked,) = server.asked
    given = asked_for(asked)
    assert {name: given[name] for name in ("code", "since", "skip", "top")} == {
        "code": "007", "since": "2026-03-01", "skip": "0", "top": "5",
    }  # fmt: skip
    assert asked.headers["soapaction"] == '"GetPeople"'
    assert asked.headers["content-type"] == "text/xml; charset=utf-8"


@pytest.mark.parametrize(
    ("params", "words"),
    [({"kode": "1"}, "did you mean code"), ({"skip": {"a": 1}}, ""), ({"skip.deep": 1}, "")],
)
def test_a_parameter_that_does_not_fit_is_a_fault_of_the_file(
    params: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with fake(lambda asked: envelope(people())) as server, pytest.raises(ConfigError) as caught:
        read(opened(server.url, {"params": params}, tmp_path))
    assert server.asked == []
    assert words in caught.value.hint
    assert next(iter(params)).partition(".")[0] in caught.value.message


# ------------------------------------------------------------ values

TYPES = """<xs:complexType name="Item"><xs:sequence>
<xs:element name="text" type="xs:string" minOccurs="0" nillable="true"/>
<xs:element name="whole" type="xs:integer" minOccurs="0"/><xs:element name="part" type="xs:decimal" minOccurs="0"/>
<xs:element name="rough" type="xs:double" minOccurs="0"/><xs:element name="yes" type="xs:boolean" minOccurs="0"/>
<xs:element name="day" type="xs:date" minOccurs="0"/><xs:element name="at" type="xs:dateTime" minOccurs="0"/>
<xs:element name="bytes" type="xs:base64Binary" minOccurs="0"/><xs:element name="small" type="t:Small" minOccurs="0"/>
<xs:element name="tag" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
<xs:element name="price" type="t:Price" minOccurs="0"/><xs:element name="part_of" type="t:Item" minOccurs="0"/>
<xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="red" type="xs:int"/>
<xs:element name="blue" type="xs:int"/></xs:choice><xs:element name="owner" type="t:Party" minOccurs="0"/></xs:sequence>
<xs:attribute name="no" type="xs:int"/><xs:attribute name="text" type="xs:string"/></xs:complexType>
<xs:simpleType name="Small"><xs:restriction base="xs:int"><xs:maxInclusive value="9"/></xs:restriction></xs:simpleType>
<xs:complexType name="Price"><xs:simpleContent><xs:extension base="xs:decimal">
<xs:attribute name="currency" type="xs:string"/></xs:extension></xs:simpleContent></xs:complexType>
<xs:complexType name="Party"><xs:sequence><xs:element name="name" type="xs:string"/></xs:sequence></xs:complexType>
<xs:complexType name="Person2"><xs:complexContent><xs:extension base="t:Party"><xs:sequence>
<xs:element name="born" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>"""
ITEMS = '<xs:element name="item" type="t:Item" minOccurs="0" maxOccurs="unbounded"/>'


def items(tmp_path: Path, inner: str, size: int | None = None) -> list[Any]:
    """What is read of an answer with these items."""
    text = wsdl().decode().replace('<xs:complexType name="Person">', f'{TYPES}<xs:complexType name="Person">')
    start = text.index('<xs:element name="GetPeopleResponse">')
    end = text.index("</xs:element>", text.index("</xs:complexType>", start))
    made = f"<xs:complexType><xs:sequence>{ITEMS}</xs:sequence></xs:complexType>"
    answered = f'<xs:element name="GetPeopleResponse">{made}'
    (tmp_path / "items.wsdl").write_text(text[:start] + answered + text[end:])
    answer = message("GetPeopleResponse", inner)
    with fake(lambda asked: answer) as server:
        return records(read(opened(server.url, {"key": "text"}, tmp_path, wsdl="items.wsdl")))


XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<text>a &lt;b&gt; &#x5b89; <![CDATA[<&>]]></text>", {"text": "a <b> 安 <&>"}),
        ("<text> two  blanks </text>", {"text": " two  blanks "}),
        ("<text/>", {"text": ""}),
        (f'<text {XSI} xsi:nil="true"/>', {"text": None}),
        ("<text>a<!-- b -->c</text>", {"text": "ac"}),
        ("<whole>123456789012345678901234567890</whole>", {"whole": 123456789012345678901234567890}),
        ("<whole>+007</whole><part>-.50</part>", {"whole": 7, "part": -0.50}),
        ("<whole> 12 </whole><part>1e3</part>", {"whole": 12, "part": 1000.0}),
        ("<whole/><part/><yes/><day/><at/>", dict.fromkeys(("whole", "part", "yes", "day", "at"))),
        ("<whole>twelve</whole>", {"whole": "twelve"}),
        ("<rough>INF</rough>", {"rough": "INF"}),
        ("<rough>1.5E-3</rough><small>4</small>", {"rough": 0.0015, "small": 4}),
        ("<yes>1</yes>", {"yes": True}),
        ("<yes>false</yes>", {"yes": False}),
        ("<yes>maybe</yes>", {"yes": "maybe"}),
        ("<day>2026-01-31+08:00</day>", {"day": "2026-01-31"}),
        ("<at>2026-01-31T10:00:00.5+08:00</at>", {"at": "2026-01-31T10:00:00.5+08:00"}),
        ("<bytes>\nYWJj\nZGVm\n</bytes>", {"bytes": "YWJjZGVm"}),
        ("<tag>a</tag>", {"tag": ["a"]}),
        ("<tag>a</tag><text>x</text><tag>b</tag>", {"tag": ["a", "b"], "text": "x"}),
        ('<price currency="EUR">1.50</price>', {"price": {"currency": "EUR", "_value_1": 1.5}}),
        ("<price>2</price>", {"price": {"_value_1": 2}}),
        ("<part_of><part_of><text>in</text></part_of></part_of>", {"part_of": {"part_of": {"text": "in"}}}),
        ("<red>1</red><blue>2</blue><red>3</red>", {"red": [1, 3], "blue": [2]}),
        ("<owner><name>A</name></owner>", {"owner": {"name": "A"}}),
        (f'<owner xmlns:t="{SPACE}" {XSI} xsi:type="t:Person2"><name>A</name><born>1980</born></owner>',
         {"owner": {"name": "A", "born": 1980}}),
        (f'<owner {XSI} xsi:type="unknown:Type"><name>A</name></owner>', {"owner": {"name": "A"}}),
        (f'<owner {XSI} xsi:nil="1"/>', {"owner": None}),
        # what the schema does not know is kept
        ("<fresh>1</fresh>", {"fresh": "1"}),
        ('<fresh a="b"><x>1</x><x>2</x></fresh>', {"fresh": {"a": "b", "x": ["1", "2"]}}),
        ("<text>a</text><text>b</text>", {"text": ["a", "b"]}),
        ("<text><b>bold</b></text>", {"text": {"b": "bold"}}),
        ("<owner>only text</owner>", {"owner": {"_value_1": "only text"}}),
        ('<text xmlns="urn:other">foreign</text>', {"text": "foreign"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("streamed", [False, True])
def test_values_are_read_by_their_types(
    inner: str, expected: dict[str, Any], streamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if streamed:
        monkeypatch.setattr(reading, "STREAMED", 0)
    assert items(tmp_path, f"<item>{inner}</item>") == [expected]


def test_attributes_stand_beside_elements(tmp_path: Path) -> None:
    made = items(tmp_path, '<item no="7" text="attr"><text>element</text></item>')
    assert made == [{"text": "element", "no": 7, "attr__text": "attr"}]


def test_long_numbers_keep_their_digits(tmp_path: Path) -> None:
    answer = message("GetPeopleResponse", "<total>1</total><person><amount>1.500000000000000000001</amount></person>")
    with fake(lambda asked: answer) as server:
        (page,) = read(opened(server.url, {}, tmp_path))
    assert page.records == b'{"amount":1.500000000000000000001}'


def test_only_records_at_the_path_are_read(tmp_path: Path) -> None:
    nested = "<item><text>a</text><fresh><item><text>not one</text></item></fresh></item>"
    made = items(tmp_path, f"{nested}<other><item><text>neither</text></item></other>")
    assert made == [{"text": "a", "fresh": {"item": {"text": "not one"}}}]


def test_a_list_that_is_not_there_is_empty_only_where_the_wsdl_allows_it(tmp_path: Path) -> None:
    with fake(lambda asked: message("GetPeopleResponse", "<total>0</total>")) as server:
        assert records(read(opened(server.url, {}, tmp_path))) == []


def test_a_fault_may_mean_that_there_is_nothing(tmp_path: Path) -> None:
    from tests.contract.soapweb import fault

    rules = [{"code": "Client.NoData", "means": "nothing"}]
    with fake(lambda asked: fault("Client.NoData")) as server:
        assert records(read(opened(server.url, {}, tmp_path, faults=rules))) == []


# ------------------------------------------------------------ older and other shapes


def multiref(targets: str, body: str) -> Answer:
    return envelope(f'<r xmlns="{SPACE}">{body}</r>{targets}')


def test_references_of_the_soap_encoding_are_followed(tmp_path: Path) -> None:
    answer = multiref(
        '<multiRef id="id0"><code>1</code><name href="#id1"/></multiRef><multiRef id="id1">deep</multiRef>',
        '<person href="#id0"/><person><code>2</code></person>',
    )
    with fake(lambda asked: answer) as server:
        found = records(read(opened(server.url, {"records": "person"}, tmp_path)))
    assert found == [{"code": "1", "name": "deep"}, {"code": "2"}]


def test_references_cannot_explode(tmp_path: Path) -> None:
    levels = "".join(
        f'<m id="i{n}">{f"""<x href="#i{n + 1}"/>""" * 10}</m>' for n in range(12)
    )
    answer = multiref(f'{levels}<m id="i12">boom</m>', '<person href="#i0"/>')
    with fake(lambda asked: answer) as server, pytest.raises(Exception, match="references") as caught:
        read(opened(server.url, {}, tmp_path))
    assert caught.value.code == "soap.references"  # type: ignore[attr-defined]


def test_a_reference_to_itself_ends(tmp_path: Path) -> None:
    answer = multiref('<m id="i"><code>1</code><name href="#i"/></m>', '<person href="#i"/>')
    with fake(lambda asked: answer) as server:
        assert records(read(opened(server.url, {}, tmp_path))) == [{"code": "1", "name": {"href": "#i"}}]


def test_an_answer_in_parts_is_put_together(tmp_path: Path) -> None:
    inner = people(1).replace("<name>n1</name>", '<name><xop:Include xmlns:xop="x" href="cid:a%40b"/></name>')
    root = envelope(inner).body
    body = b"\r\n".join([
        b"--B", b"Content-Type: application/xop+xml; charset=UTF-8", b"Content-ID: <root>", b"", root,
        b"--B", b"Content-ID: <a@b>", b"", b"\x00\xff--B is not a boundary", b"--B--", b"",
    ])  # fmt: skip
    kind = 'multipart/related; type="application/xop+xml"; start="<root>"; boundary="B"'
    with fake(lambda asked: Answer(200, body, {"Content-Type": kind})) as server:
        (record,) = records(read(opened(server.url, {}, tmp_path)))
    assert record["name"] == "AP8tLUIgaXMgbm90IGEgYm91bmRhcnk="


def test_a_read_asks_only_for_what_is_needed_and_closes(tmp_path: Path) -> None:
    with fake(by_offset) as server:
        source = opened(server.url, {"paging": {"offset": {"param": "skip", "size": 3}}}, tmp_path)
        pages = source.read(Query(source.resource("people")))
        next(pages)
        assert len(server.asked) == 1
        source.close()
        source.close()
