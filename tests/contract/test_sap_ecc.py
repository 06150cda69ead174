"""SAP ECC: its IDocs by the profile, as SAP wrote them, and a BAPI by its own WSDL."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring, parse

import pytest

from connectors.idoc import SPEC as IDOC
from hub.contract import Change, Context
from tests.systems.profiled import on_profile
from tests.unit.http.fake import Answer, Asked, Fake, running

CONTROL = {"MESTYP": "DEBMAS", "SNDPOR": "ECC", "SNDPRT": "LS", "SNDPRN": "ECCCLNT100", "RCVPOR": "COPHUB",
           "RCVPRT": "LS", "RCVPRN": "COPHUB"}  # fmt: skip
HRMD = """<HRMD_A07><IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><DOCNUM>{number}</DOCNUM><IDOCTYP>HRMD_A07</IDOCTYP>
<MESTYP>HRMD_A</MESTYP><CREDAT>202601{day}</CREDAT><CRETIM>080000</CRETIM></EDI_DC40><E1PLOGI SEGMENT="1">
<PLVAR>01</PLVAR><OTYPE>P</OTYPE><OBJID>00001001</OBJID><E1PITYP SEGMENT="1"><INFTY>0002</INFTY>
<E1P0002 SEGMENT="1"><PERNR>00001001</PERNR><NACHN>{name}</NACHN></E1P0002></E1PITYP></E1PLOGI></IDOC></HRMD_A07>"""
CREMAS = """<CREMAS05><IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><DOCNUM>7</DOCNUM><IDOCTYP>CREMAS05</IDOCTYP>
<MESTYP>CREMAS</MESTYP><CREDAT>20260102</CREDAT><CRETIM>080000</CRETIM></EDI_DC40><E1LFA1M SEGMENT="1">
<MSGFN>005</MSGFN><LIFNR>0000100012</LIFNR><NAME1>Lieferant GmbH</NAME1></E1LFA1M></IDOC></CREMAS05>"""


def values(segment: Element) -> Mapping[str, Any]:
    """A segment as a record has it: fields as they are, segments below it in lists."""
    made: dict[str, Any] = {}
    for one in segment:
        if len(one):
            made.setdefault(one.tag, []).append(values(one))
        else:
            made[one.tag] = one.text or ""
    return made


@pytest.mark.against("sap_ecc", "IDocs of SAP", "recording")
def test_a_recorded_matmas_comes_by_the_profile_with_every_field(fixtures: Path, tmp_path: Path) -> None:
    source = fixtures / "idoc" / "MATMAS05_MATMAS.xml"
    shutil.copy(source, tmp_path / "MATMAS_0000000215172311.xml")
    with on_profile("sap_ecc", {"folder": str(tmp_path)}) as ecc:
        (material,) = ecc.rows("materials")
        assert ecc.connector.resource("materials").key == ("MATNR",)
    assert material["MATNR"] == "000000000123456789"
    idoc = parse(source).getroot().find("IDOC")
    assert idoc is not None
    for name, several in values(idoc).items():
        assert material[name] == (several[0] if name == "EDI_DC40" else several)


@pytest.mark.against("sap_ecc", "IDocs of SAP", "recording")
def test_a_customer_by_sap_s_own_definition_is_known_by_its_number(fixtures: Path, tmp_path: Path) -> None:
    shutil.copy(fixtures / "idoc" / "DEBMAS_customer_extension.xsd", tmp_path / "debmas.xsd")
    sends = {
        "path": "DEBMAS_{DOCNUM}.xml", "type": "DEBMAS07", "definition": "debmas.xsd", "key": "KUNNR",
        "lift": {"KUNNR": "E1KNA1M.KUNNR"}, "send": {"control": CONTROL},
    }  # fmt: skip
    settings = IDOC.settings.model_validate({"folder": str(tmp_path)})
    sender = IDOC.open(Context("ecc", str(tmp_path)), settings, {"out": IDOC.resource.model_validate(sends)})
    record = {"KUNNR": "0000004711", "E1KNA1M.NAME1": "安达 & Söhne", "E1KNA1M.LAND1": "CN"}
    (sent,) = sender.deliver(sender.resource("out"), [Change("create", {"KUNNR": "0000004711"}, record, id="c1")])
    assert sent.status == "done", sent
    with on_profile("sap_ecc", {"folder": str(tmp_path)}) as ecc:
        (customer,) = ecc.rows("customers")
    assert (customer["KUNNR"], customer["E1KNA1M"][0]["NAME1"]) == ("0000004711", "安达 & Söhne")


@pytest.mark.against("sap_ecc", "IDocs written by hand", "simulator")
def test_vendors_and_employees_come_by_their_objects(tmp_path: Path) -> None:
    (tmp_path / "CREMAS_7.xml").write_text(CREMAS)
    for number, (day, name) in enumerate((("02", "Zhang"), ("03", "Zhang-Li")), start=1):
        (tmp_path / f"HRMD_A_{number}.xml").write_text(HRMD.format(number=number, day=day, name=name))
    with on_profile("sap_ecc", {"folder": str(tmp_path)}) as ecc:
        (vendor,) = ecc.rows("vendors")
        both = ecc.rows("employees")
        assert ecc.connector.resource("employees").messages
    assert (vendor["LIFNR"], vendor["E1LFA1M"][0]["NAME1"]) == ("0000100012", "Lieferant GmbH")
    assert {(one["PLVAR"], one["OTYPE"], one["OBJID"]) for one in both} == {("01", "P", "00001001")}
    names = [one["E1PLOGI"][0]["E1PITYP"][0]["E1P0002"][0]["NACHN"] for one in both]
    assert (sorted(names), sorted(one["CREATED"] for one in both)[-1]) == (["Zhang", "Zhang-Li"], "2026-01-03T08:00:00")


@pytest.mark.against("sap_ecc_bapi", "the WSDL of a BAPI", "recording")
@pytest.mark.parametrize(("kind", "status"), [("S", "done"), ("", "done"), ("E", "rejected")])
def test_a_bapi_is_called_by_its_own_wsdl(fixtures: Path, tmp_path: Path, kind: str, status: str) -> None:
    shutil.copy(fixtures / "soap" / "sap" / "BAPI_USER_LOCK.wsdl", tmp_path / "lock.wsdl")
    item = f"<item><TYPE>{kind}</TYPE><NUMBER>124</NUMBER><MESSAGE>User HUB1 does not exist</MESSAGE></item>"
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<r:BAPI_USER_LOCK.Response xmlns:r="urn:sap-com:document:sap:rfc:functions">'
        f"<RETURN>{item if kind else ''}</RETURN></r:BAPI_USER_LOCK.Response></e:Body></e:Envelope>"
    )

    def reply(asked: Asked) -> Answer:
        return Answer(200, body.encode(), {"Content-Type": "text/xml; charset=utf-8"})

    server = Fake(reply)
    with running(server):
        said = {"url": f"{server.url}/sap/bc/srt/rfc/sap/bapi_user_lock", "wsdl": "lock.wsdl"}
        login = {"auth": {"basic": {"username": "HUB", "password": "p"}}}
        with on_profile("sap_ecc_bapi", said | login, folder=tmp_path, called=kind) as ecc:
            change = Change("update", {"USERNAME": "HUB1"}, {"USERNAME": "HUB1"}, "HUB1")
            (outcome,) = ecc.deliver("user_locks", change)
    assert outcome.status == status, outcome
    assert ("does not exist" in outcome.message) == (status == "rejected")
    (name,) = fromstring(server.asked[0].body).iter("USERNAME")
    assert name.text == "HUB1"
