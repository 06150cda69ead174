"""A to-do is opened in its system, logged in; where nobody is ever sent."""

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
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from joserfc.jwk import OKPKey

from hub.store.audit import newest
from hub.workspace.load import lint
from hub.workspace.tickets import Tickets
from sso.jwts import Expected, decode, sign
from sso.tickets.broker import TYPE
from tests.unit.portal.conftest import todo
from tests.unit.provider.conftest import HUB, ISSUER, PERSON, Office, Rp
from tests.unit.todos.conftest import forget


class Heard(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(self.server.alive)  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        server: Any = self.server
        server.forms.append((self.path, dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))))
        self._answer(200, b"0123456789ABCDEF0123456789ABCDEF")

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def system() -> Iterator[Any]:
    made_: Any = HTTPServer(("127.0.0.1", 0), Heard)
    thread = threading.Thread(target=made_.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made_
    made_.shutdown()
    thread.join()
    made_.server_close()


class Open:
    """An OA whose to-dos are opened through the hub; Li Na has one."""

    def __init__(self, office: Office, system: Any) -> None:
        forget(office)
        if not hasattr(office, "all"):
            office.all = office.key("all", "todos:read", "todos:write")
        self.office, self.system, self.rp = office, system, Rp(office)
        self.url = f"http://127.0.0.1:{system.server_port}/oa"
        system.alive, system.forms = 200, []
        self.clients: Any = office.open_hub.hub.workspace.clients
        self.before = self.clients["oa"]

    def rule(self, **more: Any) -> None:
        rule = {"dialect": "cophub", "url": self.url, "todo": "/flow?id={id}&ticket={token}"} | more
        shape = Tickets.model_validate(rule)
        self.clients["oa"] = self.before.model_copy(update={"tickets": shape})

    def todo(self, number: object = 1, key: str = "1", **more: Any) -> str:
        self.office.report(todo(number, key, **more))
        found: str = next(one["id"] for one in self.office.inbox(key) if one["source_id"] == f"A-{number}")
        return found

    def page(self, identity: str) -> Any:
        """Press the button; log in where that is needed."""
        answer = self.rp.follow(self.rp.browser.client.get(f"/sso/go/{identity}"))
        if answer.status_code == 200 and 'name="password"' in answer.text:
            fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', answer.text.partition("<main")[2])
            filled = {name: html.unescape(value) for name, value in fields}
            filled |= {"name": "li.na", "password": "correct horse battery"}
            answer = self.rp.follow(self.rp.browser.client.post("/portal/login", data=filled))
        return answer

    def opened(self, identity: str) -> str:
        found = self.rp.led(self.page(identity))
        assert found.status_code == 303, found.text
        place: str = found.headers["location"]
        return place

    def ticket(self, identity: str) -> str:
        return dict(parse_qsl(urlsplit(self.opened(identity)).query))["ticket"]

    def redeem(self, ticket: str, client: str = "oa") -> Any:
        rp = self.rp if client == "oa" else Rp(self.office, client)
        return rp.ask("tickets/redeem", ticket=ticket)


@pytest.fixture
def oa(office: Office, system: Any) -> Iterator[Open]:
    made_ = Open(office, system)
    made_.rule()
    yield made_
    made_.clients["oa"] = made_.before


def test_a_to_do_is_opened_by_a_ticket_that_works_once(oa: Open) -> None:
    identity = oa.todo(1)
    place = oa.opened(identity)
    assert place.startswith(f"{oa.url}/flow?id=A-1&ticket=")
    ticket = dict(parse_qsl(urlsplit(place).query))["ticket"]
    keys = [OKPKey.import_key(one) for one in oa.office.client.get("/sso/tickets/jwks").json()["keys"]]
    expected = Expected(ISSUER, "oa", ("Ed25519",), (TYPE,), ("jti", "sub", "tgt"))
    claims = decode(ticket, keys, expected, oa.office.provider.now().timestamp()).claims
    assert (claims["sub"], claims["tgt"], claims["todo"]) == ("lina", "todo", "A-1")
    assert claims["exp"] - claims["iat"] <= 60
    told = oa.redeem(ticket)
    assert (told.status_code, told.json()["sub"]) == (200, "lina")
    assert oa.redeem(ticket).json()["error"] == "invalid_grant"


def test_the_page_that_leads_on_tells_nobody_where_it_was(oa: Open) -> None:
    page = oa.page(oa.todo(1))
    assert page.headers.get_list("referrer-policy") == ["no-referrer"]
    assert page.headers["cache-control"] == "no-store"
    assert "/sso/go/" in oa.rp.browser.text(f"/portal/todos/{oa.todo(1)}")


def test_a_ticket_is_for_one_client_and_one_minute(oa: Open) -> None:
    identity = oa.todo(1)
    ticket = oa.ticket(identity)
    assert oa.redeem(ticket, "post").json()["error"] == "invalid_grant"
    wrong = oa.office.client.post("/sso/tickets/redeem", data={"ticket": ticket})
    assert wrong.status_code == 401
    oa.office.ahead = dt.timedelta(seconds=61)
    assert oa.redeem(ticket).json()["error"] == "invalid_grant"


def test_other_tokens_of_the_hub_are_no_tickets(oa: Open) -> None:
    here = oa.office.provider
    claims = {"iss": ISSUER, "aud": "oa", "sub": "lina", "jti": "x", "tgt": "todo", "iat": 1, "exp": 9_999_999_999}
    forged = [sign(here.keys.current(), "RS256", claims, TYPE), sign(here.ticket_keys.current(), "Ed25519", claims)]
    for one in (*forged, sign(here.ticket_keys.current(), "Ed25519", claims, TYPE), "", "a.b.c"):
        assert oa.redeem(one).json()["error"] == "invalid_grant"


def test_seeyon_asks_whose_a_ticket_is(oa: Open) -> None:
    oa.rule(dialect="seeyon", todo="/login/sso?from=hub&ticket={token}")
    ticket = oa.ticket(oa.todo(1))
    assert len(ticket) == 64
    ask = oa.office.client.get
    assert ask("/sso/tickets/seeyon/post", params={"ticket": ticket}).status_code == 403
    found = ask("/sso/tickets/seeyon/oa", params={"ticket": ticket})
    assert (found.status_code, found.text, found.headers["cache-control"]) == (200, "lina", "no-store")
    assert ask("/sso/tickets/seeyon/oa", params={"ticket": ticket}).status_code == 403
    assert oa.office.client.post("/sso/tickets/seeyon/oa", data={"ticket": "x"}).status_code == 403


def test_weaver_is_asked_for_a_token_for_the_account(oa: Open) -> None:
    oa.rule(dialect="weaver", app="hub", todo="/index.html?ssoToken={token}#/main/req?requestid={id}")
    place = oa.opened(oa.todo(1))
    assert place == f"{oa.url}/index.html?ssoToken=0123456789ABCDEF0123456789ABCDEF#/main/req?requestid=A-1"
    assert oa.system.forms == [("/oa/ssologin/getToken", {"appid": "hub", "loginid": "lina"})]


def test_a_ticket_can_go_in_a_form(oa: Open) -> None:
    oa.rule(todo="/flow?id={id}", send="post")
    page = oa.page(oa.todo(1))
    origin = oa.url.removesuffix("/oa")
    assert f"form-action 'self' {origin};" in page.headers["content-security-policy"]
    form = r'action="([^"]+)" data-onward>\s*<input type="hidden" name="ticket" value="([\w.-]+)"'
    found = re.search(form, page.text)
    assert found is not None
    assert html.unescape(found[1]) == f"{oa.url}/flow?id=A-1"
    assert oa.redeem(found[2]).status_code == 200


def test_nobody_is_sent_to_a_system_that_is_down(oa: Open) -> None:
    identity = oa.todo(1)
    for status, told in ((500, 503), (503, 503), (401, 200), (404, 200), (302, 200)):
        oa.system.alive = status
        answer = oa.page(identity)
        assert (answer.status_code, "ticket.down" in answer.text) == (told, told == 503)
    oa.rule(url="http://127.0.0.1:9/oa")
    assert oa.page(identity).status_code == 503


@pytest.mark.parametrize(
    "text", ["../../evil", "//evil.example/", "\\\\evil.example\\", "@evil.example", "x?ticket=1#", "%2e%2e/", "\u3002"]
)
def test_what_is_filled_in_never_leads_elsewhere(oa: Open, text: str) -> None:
    identity = oa.todo(f"7{text}", links={"pc": "https://evil.example/"})
    for template in ("/flow/{id}/x?ticket={token}", "/flow?id={id}&ticket={token}"):
        oa.rule(todo=template)
        answer = oa.rp.led(oa.page(identity))
        if answer.status_code == 303:
            parts = urlsplit(answer.headers["location"])
            assert f"{parts.scheme}://{parts.netloc}" == oa.url.removesuffix("/oa")
            assert parts.path.startswith("/oa/flow")
            assert ".." not in unquote(parts.path).split("/")
        else:
            assert "ticket.target" in answer.text


def test_a_to_do_without_what_its_page_is_found_by_is_not_opened(oa: Open) -> None:
    oa.rule(todo="/flow?id={affair}&ticket={token}")
    assert "ticket.target" in oa.page(oa.todo(1)).text
    identity = oa.todo(2, attributes={"affair": {"value": "4711"}})
    assert oa.opened(identity).startswith(f"{oa.url}/flow?id=4711&ticket=")


def test_only_ones_own_to_dos_are_opened(oa: Open) -> None:
    his = oa.todo(3, "3")
    for identity in (his, "01993f2e-0000-7000-8000-000000000000"):
        assert oa.page(identity).status_code == 404
    assert oa.office.client.get("/sso/go/https:evil.example", follow_redirects=False).status_code == 422


def test_who_has_no_account_there_is_told(oa: Open) -> None:
    identity = oa.todo(4, "2")
    page = oa.rp.browser.client.get("/portal/login")
    assert page.status_code == 200
    assert oa.rp.browser.login("wang.wei").status_code == 303
    answer = oa.page(identity)
    assert (answer.status_code, "sso.account" in answer.text) == (403, True)


def test_who_has_two_accounts_opens_it_by_the_one_that_the_to_do_names(oa: Open) -> None:
    assert oa.rp.browser.login("zhao.min").status_code == 303
    answer = oa.page(oa.todo(5, "3"))
    assert (answer.status_code, "ticket.account" in answer.text) == (403, True)
    for number, name in ((6, "赵敏"), (7, "赵敏-guest")):
        identity = oa.todo(number, "3", assignees=[{"to": {"account": name}}])
        assert oa.redeem(oa.ticket(identity)).json()["sub"] == name


def test_the_audit_chain_tells_of_tickets_what_became_of_them(oa: Open) -> None:
    one, other = oa.ticket(oa.todo(1)), oa.ticket(oa.todo(1))
    assert oa.redeem(one).status_code == 200
    assert oa.redeem(one).status_code == 400
    with oa.office.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE sso_ticket SET name = 'gone' WHERE used_at IS NULL")
    assert oa.redeem(other).status_code == 400
    oa.rule(dialect="weaver", app="hub", todo="/index.html?ssoToken={token}")
    oa.opened(oa.todo(1))
    found = newest(oa.office.open_hub.hub.database, 5, action="ticket")[::-1]
    assert [(each.action, each.actor, json.loads(each.details)["kind"]) for each in found] == [
        ("ticket.issued", "account:li.na", "cophub"),
        ("ticket.issued", "account:li.na", "cophub"),
        ("ticket.redeemed", "client:oa", "cophub"),
        ("ticket.refused", "client:oa", "cophub"),
        ("ticket.issued", "account:li.na", "weaver"),
    ]
    assert [each.object for each in found[:2]] == [each.object for each in found[2:4]]
    assert one.rpartition(".")[2] not in str(found)


def test_to_dos_of_systems_without_tickets_are_opened_by_their_links(oa: Open) -> None:
    identity = oa.todo(1, links={"pc": "https://oa.example.com/flow/1"})
    oa.clients["oa"] = oa.before
    assert "ticket.none" in oa.page(identity).text
    page = oa.rp.browser.text(f"/portal/todos/{identity}")
    assert "https://oa.example.com/flow/1" in page
    assert "/sso/go/" not in page


def test_a_disabled_account_takes_its_tickets_along(oa: Open) -> None:
    ticket = oa.ticket(oa.todo(1))
    with oa.office.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE account SET disabled_at = '2020-01-01 00:00:00.000000' WHERE name = 'li.na'")
    try:
        assert oa.redeem(ticket).json()["error"] == "invalid_grant"
    finally:
        with oa.office.open_hub.hub.database.begin() as connection:
            connection.exec_driver_sql("UPDATE account SET disabled_at = NULL")


def test_the_check_finds_tickets_that_lack_something(tmp_path: Path) -> None:
    files = {"hub": HUB, "models/person": dedent(PERSON), "systems/oa": "system: oa\nconnector: files\nfolder: data\n"}
    where = "url: 'https://oa.example.com/k3'"
    rules = {
        "a": f"{{dialect: kingdee_k3cloud, {where}, todo: '/x?ud={{token}}'}}",
        "b": f"{{dialect: cophub, {where}, todo: '/../x?t={{token}}', order: [user, user, time]}}",
        "c": f"{{dialect: cophub, {where}, todo: '/x'}}",
        "d": f"{{dialect: cophub, {where}, todo: '/x?{{token}}', send: post}}",
        "e": "{dialect: cophub, url: 'http://oa.example.com', todo: '/x?{token}'}",
    }
    for name, rule in rules.items():
        files[f"clients/{name}"] = f"client: {name}\nsystem: oa\ntickets: {rule}\n"
    for place, text in files.items():
        path = tmp_path / "config" / f"{place}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = Counter((one.path[15:16], one.code) for one in lint(tmp_path)[1] if "clients" in one.path)
    others = {(name, "client.tickets"): count for name, count in {"a": 4, "b": 3, "c": 2, "d": 2, "e": 1}.items()}
    assert found == others | {("e", "client.plain"): 1}
