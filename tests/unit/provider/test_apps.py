"""The page of applications: those that a person may open, found by search, and opened logged in."""

from __future__ import annotations

import doctest
import html
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from hub.portal import apps
from hub.workspace.load import lint
from tests.unit.portal.conftest import Browser
from tests.unit.provider.conftest import HUB, ISSUER, PERSON, Office, Rp
from tests.unit.provider.test_tickets import Heard as Heard
from tests.unit.provider.test_tickets import Open
from tests.unit.provider.test_tickets import system as system

SERVICE = "https://oa.example.com/seeyon/main.do#/start"
LINK = re.compile(r'class="(?:face )?go" href="([^"]+)"')


class Launcher:
    """A person's browser at the page of applications."""

    def __init__(self, office: Office, name: str = "li.na", language: str = "en") -> None:
        self.rp = Rp(office)
        self.rp.browser = Browser(office, language)
        assert self.rp.browser.login(name).status_code == 303

    def links(self, q: str = "", **headers: str) -> list[str]:
        found = self.rp.browser.get(f"/portal/apps?q={q}", headers=headers).text
        return [html.unescape(one) for one in LINK.findall(found)]

    def go(self, name: str) -> Any:
        """Where the browser ends: at an address of an application, or a page of the hub."""
        return self.rp.led(self.rp.follow(self.rp.browser.client.get(f"/portal/apps/{name}")))


@pytest.fixture
def clients(office: Office) -> Iterator[Any]:
    """An OA by CAS, a wiki that begins log-ins itself, a page for everybody, and clients without a beginning."""
    found: Any = office.open_hub.hub.workspace.clients
    before = dict(found)
    found["oa"] = before["oa"].model_copy(update={"home": SERVICE})
    begins = {"initiate_login_uri": "https://wiki.example.com/login?x=1", "title": "Wiki"}
    found["wiki"] = before["wiki"].model_copy(update=begins | {"home": "https://wiki.example.com/start?a=b"})
    found["post"] = before["post"].model_copy(update={"home": "https://post.example.com/#/in"})
    yield found
    found.update(before)


def test_who_has_an_account_there_sees_an_application(office: Office, clients: Any) -> None:
    assert Launcher(office).links() == ["/portal/apps/oa", "/portal/apps/post", "/portal/apps/wiki"]
    hers = Launcher(office, "wang.wei")
    assert hers.links() == ["/portal/apps/post", "/portal/apps/wiki"]
    for name in ("oa", "batch", "unknown"):
        answer = hers.go(name)
        assert (answer.status_code, "app.unknown" in answer.text) == (404, True)


def test_a_service_of_cas_is_opened_with_a_ticket(office: Office, clients: Any) -> None:
    place = urlsplit(Launcher(office).go("oa").headers["location"])
    assert (place.netloc, place.path, place.fragment) == ("oa.example.com", "/seeyon/main.do", "/start")
    asked = {"service": SERVICE, "ticket": dict(parse_qsl(place.query))["ticket"]}
    assert "<cas:user>lina<" in office.client.get("/sso/cas/serviceValidate", params=asked).text


def test_a_client_of_openid_is_opened_where_it_begins_a_log_in(office: Office, clients: Any) -> None:
    answer = Launcher(office).go("wiki")
    place = urlsplit(answer.headers["location"])
    assert (place.netloc, place.path) == ("wiki.example.com", "/login")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert dict(parse_qsl(place.query)) == {
        "x": "1",
        "iss": ISSUER,
        "target_link_uri": "https://wiki.example.com/start?a=b",
    }
    assert Launcher(office).go("post").headers["location"] == "https://post.example.com/#/in"


def test_a_system_of_tickets_is_opened_with_one_for_the_account_that_was_chosen(office: Office, system: Any) -> None:
    oa = Open(office, system)
    try:
        oa.rule(home="/main?ticket={token}")
        oa.clients["oa"] = oa.clients["oa"].model_copy(update={"cas": None})
        for name, account, path in (
            ("li.na", "lina", ""),
            ("zhao.min", "赵敏", "?account=%E8%B5%B5%E6%95%8F"),
            ("zhao.min", "赵敏-guest", "?account=%E8%B5%B5%E6%95%8F-guest"),
        ):
            at = Launcher(office, name)
            assert f"/portal/apps/oa{path}" in at.links()
            place = at.go(f"oa{path}").headers["location"]
            assert place.startswith(f"{oa.url}/main?ticket=")
            told = at.rp.ask("tickets/redeem", ticket=dict(parse_qsl(urlsplit(place).query))["ticket"]).json()
            assert (told["sub"], told["tgt"], "todo" in told) == (account, "home", False)
        answer = at.go("oa?account=lina")
        assert (answer.status_code, "ticket.account" in answer.text) == (403, True)
    finally:
        oa.clients["oa"] = oa.before


def test_applications_are_found_by_words_of_any_language(office: Office, clients: Any) -> None:
    at = Launcher(office, language="zh")
    assert "协同办公" in at.rp.browser.text("/portal/apps")
    for q, found in (("协同", ["oa"]), ("OFF", ["oa"]), ("wik", ["wiki"]), ("off wik", []), ("%3Cb%3E", [])):
        assert at.links(q) == [f"/portal/apps/{name}" for name in found]
    part = at.rp.browser.get("/portal/apps?q=%3Cb%3E", headers={"hx-request": "true"}).text
    assert part.startswith('<div id="apps"')
    assert "没有名称包含“&lt;b&gt;”的应用" in part


def test_who_has_none_is_told_and_strangers_log_in_first(office: Office) -> None:
    assert "There is no application for you" in Launcher(office).rp.browser.text("/portal/apps")
    for place in ("/portal/apps", "/portal/apps/oa"):
        answer = Browser(office).get(place, 303)
        assert answer.headers["location"] == f"/portal/login?next={place}"


def test_initials_stand_for_icons() -> None:
    assert doctest.testmod(apps).failed == 0


def test_the_check_finds_beginnings_that_are_none(tmp_path: Path) -> None:
    rule = "{dialect: cophub, url: 'https://oa.example.com/a', todo: '/x?{token}', home: '/../{id}'}"
    files = {
        "hub": HUB,
        "models/person": dedent(PERSON),
        "systems/oa": "system: oa\nconnector: files\nfolder: data\n",
        "clients/a": "client: a\nhome: 'https://a.example/x/../y'\ninitiate_login_uri: 'http://a.example/'\n"
        "redirect_uris: ['https://a.example/back']\n",
        "clients/b": f"client: b\nsystem: oa\ntickets: {rule}\n",
    }
    for place, text in files.items():
        path = tmp_path / "config" / f"{place}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = sorted((one.path[15:16], one.code) for one in lint(tmp_path)[1])
    assert found == [("a", "client.home"), ("a", "client.plain"), *[("b", "client.tickets")] * 3]
