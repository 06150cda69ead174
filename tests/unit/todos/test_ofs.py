"""Weaver's SOAP service, called by zeep from the WSDL that the hub serves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import etree
from requests import Session
from zeep import Client
from zeep.exceptions import Fault
from zeep.transports import Transport

from hub.errors import RecordRejected
from hub.todos.ofs import NS, REWRITTEN, _json
from tests.unit.todos.conftest import Desk
from tests.unit.todos.test_dropins import OFS

PLACE = "/services/OfsTodoDataWebService"


class Wire(Transport):
    """zeep's transport, whose requests the application answers in this process."""

    def __init__(self, office: Desk, headers: dict[str, str]) -> None:
        super().__init__(session=Session())
        self.office, self.headers = office, headers

    def load(self, url: str) -> bytes:
        return self.office.client.get(url).content

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> Any:
        return self.office.client.post(address, content=message, headers=headers | self.headers)


@pytest.fixture
def weaver(shared: Desk) -> Any:
    wire = Wire(shared, shared.all)
    yield Client(f"http://testserver{PLACE}?wsdl", transport=wire).service
    wire.session.close()


def entries(given: dict[str, str]) -> dict[str, Any]:
    return {"entry": [{"key": name, "value": value} for name, value in given.items()]}


def test_a_to_do_comes_as_json_map_and_xml(shared: Desk, weaver: Any):
    said = json.loads(weaver.receiveRequestInfoByJson(json.dumps(OFS)))
    assert (said["syscode"], said["operResult"], said["message"]) == ("FLOW", "1", "created")
    assert [one["title"] for one in shared.inbox("1")] == ["出差申请"]
    done = weaver.processDoneRequestByMap(entries(OFS | {"receivets": "1793606700002"}))
    assert {one["key"]: one["value"] for one in done}["operResult"] == "1"
    assert (shared.inbox("1"), len(shared.inbox("1", box="done"))) == ([], 1)
    gone = {"syscode": "FLOW", "flowid": "77", "receiver": "1", "receivets": "1793606700003"}
    text = "".join(f"<{name}>{value}</{name}>" for name, value in gone.items())
    answer = etree.fromstring(weaver.deleteUserRequestInfoByXML(f"<a>{text}</a>").encode())
    assert (answer.tag, answer.findtext("operResult"), answer.findtext("operType")) == ("ResultInfo", "1", "Del")
    assert shared.inbox("1", box="done") == []


def test_json_with_apostrophes_is_read_as_weaver_reads_it(shared: Desk, weaver: Any):
    title = "Li's \\\"trip\\\""
    text = json.dumps(OFS | {"requestname": "TITLE"}).replace('"', "'").replace("'TITLE'", f'"{title}"')
    assert json.loads(weaver.receiveTodoRequestByJson(text))["operResult"] == "1"
    assert shared.titles("1") == ["Li's \"trip\""]
    said = json.loads(weaver.receiveTodoRequestByJson("{'syscode':'FLOW','flowid':'it\\'s','requestname':'\"x\"',"
                                                      "'receiver':'1'}"))
    assert said["operResult"] == "1"
    assert sorted(shared.titles("1")) == ['"x"', "Li's \"trip\""]


@pytest.mark.parametrize(
    ("given", "code"), [({"syscode": "OTHER"}, "system.unknown"), ({"receivets": "soon"}, "todo.malformed")]
)
def test_what_is_wrong_is_told_in_the_result(weaver: Any, given: dict[str, str], code: str):
    said = json.loads(weaver.receiveRequestInfoByJson(json.dumps(OFS | given)))
    assert (said["operResult"], said["message"].partition(":")[0]) == ("0", code)


@pytest.mark.parametrize(
    ("call", "text", "code"),
    [
        ("receiveRequestInfoByJson", "[1]", "todo.malformed"),
        ("receiveRequestInfoByXml", "<a", "xml.malformed"),
        ("receiveRequestInfoByXml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "xml.doctype"),
    ],
)
def test_what_cannot_be_read_is_a_fault(weaver: Any, call: str, text: str, code: str):
    with pytest.raises(Fault, match=code):
        getattr(weaver, call)(text)


def test_a_stranger_without_key_gets_a_fault(shared: Desk):
    wire = Wire(shared, {})
    with pytest.raises(Fault, match=r"key\.refused"):
        Client(f"http://testserver{PLACE}?wsdl", transport=wire).service.receiveRequestInfoByJson(json.dumps(OFS))
    wire.session.close()
    assert shared.inbox("1") == []


@pytest.mark.parametrize("body", [b"", b"<a/>", b"x", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'])
def test_what_is_no_envelope_is_a_fault(shared: Desk, body: bytes):
    answer = shared.client.post(PLACE, content=body, headers=shared.all)
    assert answer.status_code == 500
    assert b"faultstring" in answer.content


def test_soap_1_2_is_answered_in_its_own_envelope(shared: Desk):
    space = "http://www.w3.org/2003/05/soap-envelope"
    inner = '<w:in0>{}</w:in0>'
    call = f"<w:receiveRequestInfoByJson xmlns:w='{NS}'>{inner}</w:receiveRequestInfoByJson>"
    body = f"<e:Envelope xmlns:e='{space}'><e:Body>{call}</e:Body></e:Envelope>"
    answer = shared.client.post(PLACE, content=body, headers=shared.all)
    assert etree.fromstring(answer.content).tag == f"{{{space}}}Envelope"


@pytest.mark.parametrize("part", ["\\'", "'", '\\"', "\\", "'a"])
def test_quotes_that_nothing_closes_are_read_once(part: str):
    """Read for each of them anew it would take minutes."""
    with pytest.raises(RecordRejected, match="no JSON object"):
        _json(part * (REWRITTEN // len(part) - 1))
