"""A person logs in at a service by CAS: python-cas validates at a served hub; every error of the protocol."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from cas import CASClient

from hub.bus.relay import Relay
from hub.errors import Retriable
from hub.store import outbox, sso_grants
from hub.store.audit import newest
from hub.untrusted import parse_xml
from hub.workspace.load import lint
from hub.workspace.services import parsed
from sso.cas import Success
from sso.cas_answers import in_json, xml
from sso.ground import digest
from sso.logout import Telling
from tests.unit.provider.conftest import HUB, PERSON, Office, Rp
from tests.unit.provider.test_tokens import Nobody

SERVICE = "https://oa.example.com/seeyon/main.do?method=main"
WIKI = "https://wiki.example.com/wiki/"
CAS = "{http://www.yale.edu/tp/cas}"


class Cas:
    """A service with a person's browser."""

    def __init__(self, office: Office, service: str = SERVICE) -> None:
        self.office, self.service, self.rp = office, service, Rp(office)

    def go(self, **more: str) -> Any:
        """Where the browser ends: a page of the hub, or the redirect to the service."""
        asked = urlencode({"service": self.service} | more)
        return self.rp.follow(self.rp.browser.client.get(f"/sso/cas/login?{asked}"))

    def ticket(self, name: str = "li.na", **more: str) -> str:
        """Log in where that is needed; answers the ticket."""
        page = self.go(**more)
        if page.status_code == 200 and 'name="password"' in page.text:
            page = self.rp.login(page, name)
        assert page.status_code == 303, page.text
        place = page.headers["location"]
        assert place.startswith(self.service)
        found: str = dict(parse_qsl(urlsplit(place).query))["ticket"]
        return found

    def validate(self, ticket: str | None, place: str = "p3/serviceValidate", **more: str | None) -> Any:
        asked = {"ticket": ticket, "service": self.service} | more
        return self.office.client.get(
            f"/sso/cas/{place}", params={name: value for name, value in asked.items() if value is not None}
        )

    def code(self, ticket: str | None, place: str = "p3/serviceValidate", **more: str | None) -> str:
        """The code of a failure; empty for a success."""
        root = parse_xml(self.validate(ticket, place, **more).content)
        found = root.find(f"{CAS}authenticationFailure")
        return "" if found is None else str(found.get("code"))


@pytest.fixture
def at(office: Office) -> Cas:
    return Cas(office)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_python_cas_logs_somebody_in(at: Cas, cas_address: str, version: int) -> None:
    with requests.Session() as session:
        client = CASClient(version=version, service_url=SERVICE, server_url=cas_address, session=session)
        place = client.get_login_url().removeprefix(cas_address)
        page = at.rp.login(at.rp.follow(at.rp.browser.client.get(f"/sso/cas/{place}")))
        ticket = dict(parse_qsl(urlsplit(page.headers["location"]).query))["ticket"]
        user, attributes, proxy = client.verify_ticket(ticket)
        assert (user, proxy) == ("lina", None)
        assert client.verify_ticket(ticket)[0] is None
    if version == 3:
        assert (attributes["name"], attributes["preferred_username"]) == ("李娜", "lina")
        assert (attributes["address.formatted"], attributes["email_verified"]) == ("李娜", "true")
        assert (attributes["isFromNewLogin"], attributes["longTermAuthenticationRequestTokenUsed"]) == ("true", "false")
        assert dt.datetime.fromisoformat(attributes["authenticationDate"]).tzinfo is not None
    else:
        assert not attributes


def test_python_cas_is_told_of_a_failure_and_of_log_out(at: Cas, cas_address: str) -> None:
    with requests.Session() as session:
        client = CASClient(version=3, service_url=SERVICE, server_url=cas_address, session=session)
        assert client.verify_ticket("ST-0")[0] is None
        at.ticket()
        place = client.get_logout_url("https://oa.example.com/seeyon/bye").removeprefix(cas_address)
    answer = at.rp.follow(at.rp.browser.client.get(f"/sso/cas/{place}"))
    assert answer.headers["location"] == "https://oa.example.com/seeyon/bye"
    assert 'name="password"' in at.go().text


def test_a_session_is_enough_for_the_next_ticket_and_renew_asks_again(at: Cas) -> None:
    first, second = at.ticket(), at.ticket()
    assert first != second
    assert at.code(first, renew="true") == ""
    assert at.code(second, renew="true") == "INVALID_TICKET"
    assert at.code(at.ticket()) == ""
    assert 'name="password"' in at.go(renew="true", gateway="true").text
    assert at.code(at.ticket(renew="true"), renew="true") == ""


def test_gateway_never_asks(at: Cas) -> None:
    assert at.go(gateway="true").headers["location"] == SERVICE
    at.ticket()
    assert "ticket=ST-" in at.go(gateway="true").headers["location"]


def test_the_method_post_takes_the_ticket_in_a_form(at: Cas) -> None:
    at.ticket()
    page = at.go(method="POST")
    assert page.status_code == 200
    assert "form-action 'self' https://oa.example.com;" in page.headers["content-security-policy"]
    assert len(page.headers.get_list("content-security-policy")) == 1
    form = r'action="(https[^"]+)" data-onward>\s*<input type="hidden" name="ticket" value="(ST-\w+)"'
    found = re.search(form, page.text)
    assert found is not None
    assert html.unescape(found[1]) == SERVICE
    assert at.code(found[2]) == ""


def test_without_a_service_the_portal_is_shown(at: Cas) -> None:
    answer = at.rp.browser.client.get("/sso/cas/login")
    assert answer.headers["location"] == "/portal/todos"


@pytest.mark.parametrize(
    "service",
    [
        "https://evil.example/seeyon/",
        "https://oa.example.com/seeyonx",
        "https://oa.example.com/other",
        "https://oa.example.com/seeyon/../other",
        "https://oa.example.com/seeyon/%2e%2E/other",
        "https://oa.example.com/seeyon/..;x/other",
        "https://oa.example.com/seeyon/%2f..%2fother",
        "https://oa.example.com/seeyon/a\\b",
        "https://oa.example.com\\@evil.example/seeyon/",
        "https://oa.example.com:8444/seeyon/",
        "https://oa.example.com@evil.example/seeyon/",
        "https://evil.example/https://oa.example.com/seeyon/",
        "https://oa.example.com.evil.example/seeyon/",
        "https://oa。example.com/seeyon/",
        "https://oa.example.com:99999/seeyon/",
        "https://[oa.example.com]/seeyon/",
        "http://oa.example.com/seeyon/",
        "//oa.example.com/seeyon/",
        "javascript:alert(1)//oa.example.com/seeyon",
        "https://oa.example.com/seeyon/\r\nset-cookie: x",
        "https://oa.example.com/seeyon/\thidden",
        f"https://oa.example.com/seeyon/{'x' * 2000}",
    ],
)
def test_only_declared_services_get_tickets_or_browsers(at: Cas, service: str) -> None:
    at.ticket()
    at.service = service
    page = at.go()
    assert page.status_code == 422
    assert "sso.request" in page.text
    answer = at.rp.follow(at.rp.browser.client.get(f"/sso/cas/logout?{urlencode({'service': service})}"))
    assert urlsplit(answer.headers.get("location", "")).netloc == ""


@pytest.mark.parametrize(
    "service",
    ["https://oa.example.com/seeyon", "HTTPS://OA.example.com:443/seeyon/x?a=b#/main", "https://oa.example.com:8443/x"],
)
def test_services_are_compared_part_by_part(at: Cas, service: str) -> None:
    place = parsed(service)
    assert place is not None
    at.service = place.text.partition("#")[0]
    at.ticket()
    at.service = service
    page = at.go().headers["location"]
    assert page.partition("#")[2] == place.rest.partition("#")[2]
    ticket = dict(parse_qsl(urlsplit(page).query))["ticket"]
    assert at.code(ticket) == ""


def test_requests_that_lack_something_are_invalid(at: Cas) -> None:
    for place in ("serviceValidate", "p3/serviceValidate", "proxyValidate", "p3/proxyValidate"):
        assert at.code(None, place) == "INVALID_REQUEST"
        assert at.code("ST-1", place, service=None) == "INVALID_REQUEST"
    twice = at.office.client.get(f"/sso/cas/serviceValidate?service={SERVICE}&service={WIKI}&ticket=ST-1")
    assert b"INVALID_REQUEST" in twice.content


def test_a_ticket_for_another_service_is_used_up(at: Cas) -> None:
    ticket = at.ticket()
    assert at.code(ticket, service=f"{SERVICE}&x=1") == "INVALID_SERVICE"
    assert at.code(ticket) == "INVALID_TICKET"


def test_a_ticket_works_once_and_for_half_a_minute(at: Cas) -> None:
    ticket, late = at.ticket(), at.ticket()
    assert at.code(ticket) == ""
    assert at.code(ticket) == "INVALID_TICKET"
    at.office.ahead = dt.timedelta(seconds=31)
    assert at.code(late) == "INVALID_TICKET"


def test_there_are_no_proxy_tickets(at: Cas) -> None:
    ticket = at.ticket()
    assert at.code(ticket, pgtUrl="https://oa.example.com/pgt") == "UNAUTHORIZED_SERVICE_PROXY"
    assert at.code(ticket, "p3/proxyValidate") == ""
    for place in ("serviceValidate", "proxyValidate"):
        assert at.code("PT-1", place) == "INVALID_TICKET_SPEC"
    for asked, code in (({"pgt": "PGT-1", "targetService": SERVICE}, "UNAUTHORIZED_SERVICE"), ({}, "INVALID_REQUEST")):
        root = parse_xml(at.office.client.get("/sso/cas/proxy", params=asked).content)
        found = root.find(f"{CAS}proxyFailure")
        assert found is not None
        assert found.get("code") == code


def test_a_defect_is_an_internal_error_of_the_protocol(at: Cas, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise Retriable("store.away", "the database is away")

    monkeypatch.setattr(sso_grants, "service_ticket", broken)
    answer = at.validate("ST-1")
    assert (answer.status_code, b"INTERNAL_ERROR" in answer.content, b"away" in answer.content) == (503, True, False)


def test_cas_1_answers_two_lines(at: Cas) -> None:
    ticket = at.ticket()
    assert at.validate(ticket, "validate").text == "yes\nlina\n"
    assert at.validate(ticket, "validate").text == "no\n\n"


def test_answers_come_as_json_too(at: Cas) -> None:
    told = at.validate(at.ticket(), format="JSON").json()["serviceResponse"]["authenticationSuccess"]
    assert (told["user"], told["attributes"]["email_verified"]) == ("lina", True)
    told = at.validate("ST-1", format="json").json()["serviceResponse"]["authenticationFailure"]
    assert told["code"] == "INVALID_TICKET"
    assert "attributes" not in in_json(Success("x", {"a": 1}), attributes=False)


def test_what_people_are_called_is_no_markup() -> None:
    root = parse_xml(xml(Success("a<b>&\x00", {"list": ["]]>", "\ud800"], "none": []}), attributes=True))
    assert root.findtext(f".//{CAS}user") == "a<b>&\ufffd"
    assert [one.text for one in root.iter(f"{CAS}list")] == ["]]>", "\ufffd"]


def test_who_has_no_account_there_meets_a_page_that_says_so(at: Cas) -> None:
    page = at.rp.login(at.go(), "wang.wei")
    assert page.status_code == 403
    assert "sso.account" in page.text
    assert at.go(gateway="true").headers["location"] == SERVICE


def test_a_person_agrees_first_and_is_his_sub_where_there_is_no_system(office: Office) -> None:
    at = Cas(office, WIKI)
    page = at.rp.login(at.go(), "wang.wei")
    assert "your name" in page.text
    declined = at.rp.press(page, "/portal/sso/ask", agree="no")
    assert (declined.status_code, "sso.declined" in declined.text) == (403, True)
    place = at.rp.press(at.go(), "/portal/sso/ask", agree="yes").headers["location"]
    told = at.validate(dict(parse_qsl(urlsplit(place).query))["ticket"], format="JSON").json()["serviceResponse"]
    assert told["authenticationSuccess"]["attributes"]["name"] == "Wang Wei"
    assert len(told["authenticationSuccess"]["user"]) == 24


def test_a_ticket_falls_with_its_session(at: Cas) -> None:
    ticket = at.ticket()
    at.rp.follow(at.rp.browser.client.get("/sso/cas/logout"))
    assert at.code(ticket) == "INVALID_TICKET"


def test_nothing_of_a_ticket_is_kept_in_the_clear(at: Cas) -> None:
    ticket = at.ticket()
    folder = at.office.folder / ".cophub"
    kept = b"".join(one.read_bytes() for one in folder.glob("hub.sqlite*"))
    assert ticket.encode() not in kept
    assert len(ticket) == len("ST-") + 64


def test_the_audit_chain_tells_of_tickets_what_became_of_them(at: Cas) -> None:
    one, other = at.ticket(), at.ticket()
    assert at.code(one) == at.code(other, service=WIKI).removeprefix("INVALID_SERVICE")
    assert at.code(one) == at.code("ST-1") == "INVALID_TICKET"
    found = newest(at.office.open_hub.hub.database, 4, action="ticket")[::-1]
    told = [(each.action, each.actor, each.object) for each in found]
    first, second = f"ticket:{digest(one)}", f"ticket:{digest(other)}"
    assert told == [
        ("ticket.issued", "account:li.na", first),
        ("ticket.issued", "account:li.na", second),
        ("ticket.redeemed", "client:oa", first),
        ("ticket.refused", "client:oa", second),
    ]
    assert all(json.loads(each.details) == {"client": "oa", "kind": "cas"} for each in found)


class Heard(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        fields = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        server.heard.append((self.path, fields["logoutRequest"][0]))
        self.send_response(503 if len(server.heard) == 1 else 302)  # as mod_auth_cas answers
        self.send_header("location", "https://hub.example/sso/cas/login")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def listening(office: Office) -> Iterator[Any]:
    made: Any = HTTPServer(("127.0.0.1", 0), Heard)
    made.heard = []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    clients: Any = office.open_hub.hub.workspace.clients
    before = clients["oa"]
    place = f"http://127.0.0.1:{made.server_port}/app"
    cas = before.cas.model_copy(update={"services": [place]})
    clients["oa"] = before.model_copy(update={"cas": cas})
    yield made
    clients["oa"] = before
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_service_is_told_that_a_session_ended_until_it_has_taken_it(office: Office, listening: Any) -> None:
    at = Cas(office, f"http://127.0.0.1:{listening.server_port}/app/in?x=1")
    ticket = at.ticket()
    assert at.code(ticket) == ""
    hub = office.open_hub.hub
    assert outbox.lag(hub.database).count == 0
    at.rp.follow(at.rp.browser.client.get("/sso/cas/logout"))
    assert outbox.lag(hub.database).count == 1  # and nothing for OpenID Connect
    relay = Relay(hub, Telling(Nobody(), office.provider))
    for _ in range(2):
        relay.turn()
        with hub.database.begin() as connection:
            connection.exec_driver_sql("UPDATE handover SET due_at = '2020-01-01 00:00:00.000000'")
    assert [path for path, _ in listening.heard] == ["/app/in?x=1"] * 2
    message = listening.heard[1][1]
    client = CASClient(version=3, service_url=at.service, server_url="https://hub.example/sso/cas/")
    assert client.verify_logout_request(message, ticket)
    assert not client.verify_logout_request(message, "ST-other")
    assert ">lina<" in message
    assert outbox.lag(hub.database).count == 0


def test_a_service_that_is_not_declared_any_more_is_not_called(office: Office, listening: Any) -> None:
    at = Cas(office, f"http://127.0.0.1:{listening.server_port}/app/in")
    at.ticket()
    clients: Any = office.open_hub.hub.workspace.clients
    other = clients["oa"].cas.model_copy(update={"services": ["https://oa.example.com/seeyon"]})
    clients["oa"] = clients["oa"].model_copy(update={"cas": other})
    at.rp.follow(at.rp.browser.client.get("/sso/cas/logout"))
    Relay(office.open_hub.hub, Telling(Nobody(), office.provider)).turn()
    assert listening.heard == []
    assert outbox.lag(office.open_hub.hub.database).count == 0


def test_the_check_finds_services_that_are_none_or_shared_and_tickets_that_wait_too_long(tmp_path: Path) -> None:
    files = {"hub": HUB.replace("sso: {}", "sso: {ticket: 6m}"), "models/person": dedent(PERSON)}
    services = '["https://a.example/x", "https://b@a.example/", "http://a.example/", "https://a.example/y?z"]'
    for name in ("one", "two"):
        files[f"clients/{name}"] = f"client: {name}\ncas: {{services: {services}}}\n"
    for place, text in files.items():
        path = tmp_path / "config" / f"{place}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = Counter((one.path, one.code) for one in lint(tmp_path)[1])
    one, two = (f"config/clients/{name}.yaml" for name in ("one", "two"))
    assert found == {
        ("config/hub.yaml", "sso.ticket"): 1,
        (one, "client.plain"): 1,
        (two, "client.plain"): 1,
        (one, "client.service"): 2,
        (two, "client.service"): 6,
    }
