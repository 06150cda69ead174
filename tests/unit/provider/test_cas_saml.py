"""Old clients validate tickets of CAS by SAML 1.1: python-cas at a served hub, and requests that are none."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from cas import SAML_ASSERTION_TEMPLATE, CASClient

from hub.errors import Retriable
from hub.store import sso_grants
from hub.untrusted import parse_xml
from sso.cas import Success
from sso.cas_saml import ASSERTION, PROTOCOL, written
from tests.unit.provider.conftest import Office
from tests.unit.provider.test_cas import SERVICE, WIKI, Cas

MOMENT = dt.datetime(2026, 11, 27, 8, 30, 0, 5000, tzinfo=dt.UTC)
HEADERS = {"content-type": "text/xml; charset=utf-8"}


def asked(ticket: str) -> str:
    filled = {"request_id": "_r1", "timestamp": "2026-11-27T08:30:00Z", "ticket": f"\n{ticket}\n"}
    return str(SAML_ASSERTION_TEMPLATE).format(**filled)


class Saml(Cas):
    """An old service, which calls itself TARGET and its ticket SAMLart."""

    def ticket(self, name: str = "li.na", **more: str) -> str:
        page = self.rp.follow(self.rp.browser.client.get(f"/sso/cas/login?{urlencode({'TARGET': self.service})}"))
        page = self.rp.login(page, name) if page.status_code == 200 else page
        given = dict(parse_qsl(urlsplit(page.headers["location"]).query))
        assert "ticket" not in given
        found: str = given["SAMLart"]
        return found

    def ask(self, body: str | bytes, *services: str) -> Any:
        place = f"/sso/cas/samlValidate?{urlencode([('TARGET', one) for one in services or (self.service,)])}"
        answer = self.office.client.post(place, content=body, headers=HEADERS)
        assert answer.headers["cache-control"] == "no-store"
        return parse_xml(answer.content)

    def refusal(self, body: str | bytes, *services: str) -> str:
        """The code of CAS in a refusal; nothing is asserted then."""
        root = self.ask(body, *services)
        assert root.find(f".//{{{ASSERTION}}}Assertion") is None
        codes = [one.get("Value") for one in root.iter(f"{{{PROTOCOL}}}StatusCode")]
        assert codes == ["samlp:Requester", "samlp:RequestDenied"]
        return str(root.findtext(f".//{{{PROTOCOL}}}StatusMessage")).partition(":")[0]


@pytest.fixture
def old(office: Office) -> Saml:
    return Saml(office)


def test_python_cas_logs_somebody_in_by_saml(old: Saml, cas_address: str) -> None:
    ticket = old.ticket()
    with requests.Session() as session:
        client = CASClient(version="CAS_2_SAML_1_0", service_url=SERVICE, server_url=cas_address, session=session)
        user, attributes, _ = client.verify_ticket(ticket)
        assert (user, attributes["name"], attributes["preferred_username"]) == ("lina", "李娜", "lina")
        assert (attributes["isFromNewLogin"], attributes["email_verified"]) == ("true", "true")
        assert client.verify_ticket(ticket)[0] is None


def test_an_answer_is_for_the_service_that_asked_and_for_a_minute(old: Saml) -> None:
    root = old.ask(asked(old.ticket()))
    response = root.find(f".//{{{PROTOCOL}}}Response")
    assert response is not None
    assert (response.get("InResponseTo"), response.get("Recipient")) == ("_r1", SERVICE)
    assert root.findtext(f".//{{{ASSERTION}}}Audience") == SERVICE
    conditions = root.find(f".//{{{ASSERTION}}}Conditions")
    assert conditions is not None
    begins, ends = (dt.datetime.fromisoformat(str(conditions.get(name))) for name in ("NotBefore", "NotOnOrAfter"))
    assert ends - begins == dt.timedelta(minutes=2)
    assert {one.text for one in root.iter(f"{{{ASSERTION}}}NameIdentifier")} == {"lina"}


def test_tickets_work_once_for_their_service_whichever_way_they_are_shown(old: Saml) -> None:
    first, second = old.ticket(), old.ticket()
    assert old.code(first) == ""
    assert old.refusal(asked(first)) == "INVALID_TICKET"
    assert old.refusal(asked(second), WIKI) == "INVALID_SERVICE"
    assert old.code(second) == "INVALID_TICKET"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<a",
        "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><x>&e;</x>",
        asked("ST-1").replace("samlp:AssertionArtifact", "samlp:Other"),
        asked("ST-1</samlp:AssertionArtifact><samlp:AssertionArtifact>ST-2"),
        asked("x" * 70_000),
        asked("ST-1").encode("utf-16").replace(b"1\0", b"\xd8\xd8"),
    ],
)
def test_what_is_no_request_is_refused_by_the_guard(old: Saml, body: str | bytes) -> None:
    assert old.refusal(body) == "INVALID_REQUEST"


def test_a_request_names_one_service(old: Saml) -> None:
    ticket = old.ticket()
    assert old.refusal(asked(ticket), SERVICE, WIKI) == "INVALID_REQUEST"
    assert old.code(ticket) == ""


def test_a_defect_is_told_in_saml(old: Saml, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise Retriable("store.away", "the database is away")

    monkeypatch.setattr(sso_grants, "service_ticket", broken)
    root = old.ask(asked("ST-1"))
    assert [one.get("Value") for one in root.iter(f"{{{PROTOCOL}}}StatusCode")] == ["samlp:Responder"]
    assert "away" not in str(root.findtext(f".//{{{PROTOCOL}}}StatusMessage"))


def test_what_people_are_called_is_no_markup_in_saml_either() -> None:
    told = Success("a<b>&\x00", {"list": ["]]>", "\ud800"], "none": []})
    root = parse_xml(written(told, "https://hub.example/sso", MOMENT, SERVICE, "\x01"))
    assert {one.text for one in root.iter(f"{{{ASSERTION}}}NameIdentifier")} == {"a<b>&\ufffd"}
    assert [one.text for one in root.iter(f"{{{ASSERTION}}}AttributeValue")] == ["]]>", "\ufffd"]
    assert [one.get("AttributeName") for one in root.iter(f"{{{ASSERTION}}}Attribute")] == ["list"]
