"""IDocs to SAP's inbound service: what each answer means, and that a lost one leads to no second message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from connectors.idoc import SPEC
from connectors.idoc.parsing import records
from connectors.idoc.settings import IdocResource
from hub.contract import Change, Context, Outcome
from hub.errors import AuthError, ConfigError
from hub.untrusted import parse_xml
from tests.unit.connectors_idoc.test_sent import CONTROL, FIELD, KEYED, XSD
from tests.unit.http.fake import Answer, Asked, Fake, fake

pytestmark = pytest.mark.against("idoc", "SAP's inbound service for IDocs", "simulator")

SECRET = "pass-w0rd"
SOAP = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>{}</e:Body></e:Envelope>"
DONE = Answer(200, SOAP.format("<a/>").encode(), {"Content-Type": "text/xml"})


def fault(status: int, code: str, said: str = "no partner profile") -> Answer:
    told = f"<e:Fault><faultcode>e:{code}</faultcode><faultstring>{said}</faultstring></e:Fault>"
    return Answer(status, SOAP.format(told).encode(), {"Content-Type": "text/xml"})


class Sap:
    """The inbound service: it keeps each message once by the id in ARCKEY, and answers as a test says."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.answers: list[Answer] = []

    def reply(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            body = parse_xml(asked.body)
            (idoc,) = [body] if body.tag == "MATMAS05" else body.findall("{*}Body/{*}MATMAS05")
            (record,) = records(etree.tostring(idoc), IdocResource(path="*"), "asked")
            self.kept[record["EDI_DC40"].get("ARCKEY") or str(len(self.kept))] = record
        return self.answers.pop(0) if self.answers else DONE


@pytest.fixture
def sap() -> Iterator[tuple[Sap, Fake]]:
    system = Sap()
    with fake(system.reply) as server:
        yield system, server


def opened(folder: Path, server: Fake, **http: Any) -> Any:
    fields = FIELD.format("MATNR", 8) + FIELD.format("BRGEW", 13)
    (folder / "m.xsd").write_text(XSD.format(fields=fields, texts=FIELD.format("MAKTX", 10)))
    resource = {"type": "MATMAS05", "definition": "m.xsd", **KEYED, "send": {"control": CONTROL}}
    auth = {"basic": {"username": "HUB", "password": SECRET}}
    settings = {"http": {"url": server.url, "client": "100", "auth": auth, "limits": {"retries": 0}, **http}}
    made = SPEC.open(
        Context(f"sap{server.url}", str(folder)),
        SPEC.settings.model_validate(settings),
        {"out": SPEC.resource.model_validate(resource)},
    )
    return made


def sent(connector: Any, identity: str = "1", **values: Any) -> Outcome:
    outcome: Outcome
    try:
        change = Change("create", {"MATNR": "M1"}, values, id=identity)
        (outcome,) = connector.deliver(connector.resource("out"), [change])
    finally:
        connector.close()
    return outcome


def test_a_message_is_one_idoc_in_an_envelope_with_its_id(sap: tuple[Sap, Fake], tmp_path: Path) -> None:
    system, server = sap
    texts: Any = {"E1MARAM.E1MAKTM": [{"MAKTX": "泵 & Co"}]}
    outcome = sent(opened(tmp_path, server), **texts)
    (asked,) = server.asked
    assert (asked.target, asked.headers["content-type"]) == (
        "/sap/bc/srt/idoc?sap-client=100", "text/xml; charset=utf-8"
    )  # fmt: skip
    ((key, record),) = system.kept.items()
    assert key.startswith("urn:sap.com:msgid=")
    assert len(key) == 50
    assert (outcome.status, outcome.foreign_id) == ("done", record["EDI_DC40"]["DOCNUM"])
    assert record["E1MARAM"] == [{"MATNR": "M1", "E1MAKTM": [{"MAKTX": "泵 & Co"}]}]
    assert b'xmlns="urn:sap-com:document:sap:idoc:soap:messages"' in asked.body


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (DONE, "done", ""),
        (Answer(202), "done", ""),
        (fault(500, "Client"), "rejected", "idoc.fault"),
        (fault(500, "Server"), "unknown", "idoc.fault"),
        (fault(200, "Client.Sub"), "rejected", "idoc.fault"),
        (fault(503, "Server"), "retry", "idoc.fault"),
        (Answer(500, b"dump"), "unknown", "http.500"),
        (Answer(503, b"", {"Retry-After": "7"}), "retry", "http.503"),
        (Answer(400, b"bad"), "rejected", "http.400"),
        (Answer(200, b"<a/>"), "unknown", "idoc.answer"),
        (Answer(200, SOAP.encode()[:40]), "unknown", "xml.malformed"),
        (Answer(200, b"<html>hello</html>", {"Content-Type": "text/html"}), "unknown", "http.html"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxx"), "unknown", "http.cut"),
        (Answer(raw=b""), "unknown", "http.cut"),
    ],
)
def test_what_an_answer_means(
    sap: tuple[Sap, Fake], tmp_path: Path, answer: Answer, status: str, code: str
) -> None:
    system, server = sap
    system.answers = [answer]
    outcome = sent(opened(tmp_path, server))
    assert (outcome.status, outcome.code) == (status, code)
    assert SECRET not in outcome.message


def test_a_lost_answer_leads_to_the_same_message_again(sap: tuple[Sap, Fake], tmp_path: Path) -> None:
    system, server = sap
    system.answers = [Answer(raw=b"")]
    assert sent(opened(tmp_path, server)).status == "unknown"
    assert sent(opened(tmp_path, server)).status == "done"  # another process, later
    first, second = server.asked
    assert (first.body, len(system.kept)) == (second.body, 1)
    sent(opened(tmp_path, server), "2")
    assert len(system.kept) == 2


def test_without_an_envelope_the_idoc_goes_alone(sap: tuple[Sap, Fake], tmp_path: Path) -> None:
    system, server = sap
    system.answers = [Answer(200, b"<html>IDoc received</html>", {"Content-Type": "text/html"})]
    outcome = sent(opened(tmp_path, server, path="/sap/bc/idoc_xml", envelope="none"), **{"EDI_DC40.ARCKEY": "mine"})
    assert (outcome.status, list(system.kept)) == ("done", ["mine"])
    assert server.asked[0].target == "/sap/bc/idoc_xml?sap-client=100"
    refused = sent(opened(tmp_path, server), **{"EDI_DC40.ARCKEY": "mine"})
    assert (refused.status, refused.code) == ("rejected", "idoc.control")


def test_refused_credentials_stop_and_show_no_secret(sap: tuple[Sap, Fake], tmp_path: Path) -> None:
    system, server = sap
    system.answers = [Answer(401, SECRET.encode())]
    with pytest.raises(AuthError) as caught:
        sent(opened(tmp_path, server))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "probes"),
    [
        (Answer(405), {"authentication": "ok", "write out": "skipped"}),
        (Answer(401), {"authentication": "failed", "write out": "skipped"}),
        (Answer(404), {"authentication": "failed", "write out": "skipped"}),
    ],
)
def test_a_check_asks_the_service_and_sends_nothing(
    sap: tuple[Sap, Fake], tmp_path: Path, answer: Answer, probes: dict[str, str]
) -> None:
    system, server = sap
    system.answers = [answer]
    connector = opened(tmp_path, server)
    found = {one.name: one.status for one in connector.check()}
    connector.close()
    assert {name: found[name] for name in probes} == probes
    assert system.kept == {}


def test_where_to_send_is_said(tmp_path: Path) -> None:
    resource = {"type": "MATMAS05", "definition": "m.xsd", **KEYED, "send": {"control": CONTROL}}
    (tmp_path / "m.xsd").write_text(XSD.format(fields=FIELD.format("MATNR", 8), texts=""))
    made = SPEC.open(
        Context("sap", str(tmp_path)),
        SPEC.settings.model_validate({"folder": "."}),
        {"out": SPEC.resource.model_validate(resource)},
    )
    with pytest.raises(ConfigError) as caught:
        made.deliver(made.resource("out"), [Change("create", {"MATNR": "M1"}, {}, id="1")])
    assert caught.value.code == "idoc.nowhere"
