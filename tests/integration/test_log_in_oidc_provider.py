"""Log-in at ``oidc-provider`` of npm, a certified provider: there and back, and logged out there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

import pytest
import requests

from tests.conftest import variables
from tests.stores import SqliteStore
from tests.unit.portal.conftest import Browser
from tests.unit.todos.conftest import Desk, begun

LOGIN = """
address: https://hub.example
login:
  providers:
    npm:
      issuer: {issuer}
      client_id: cophub
      client_secret: secret://sso/npm
      account: {{system: oa, claim: oid}}
"""


@pytest.fixture(scope="module")
def issuer() -> str:
    return variables("OIDC")["HUB_TEST_OIDC_URL"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, issuer: str) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("npm") / "w", SqliteStore())
    made.variables["COPHUB_SECRET_SSO_NPM"] = "upstream-client-secret"
    begun(made)
    made.close()
    file = made.folder / "config" / "hub.yaml"
    made.write("config/hub.yaml", file.read_text(encoding="utf-8") + LOGIN.format(issuer=issuer))
    made.serve()
    yield made
    made.close()


@pytest.fixture
def told() -> Iterator[list[str]]:
    """Bodies that the provider sends to where it tells log-outs."""
    bodies: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", urlsplit(variables("OIDC")["HUB_TEST_OIDC_BACK"]).port or 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield bodies
    server.shutdown()
    thread.join()
    server.server_close()


def followed(there: requests.Session, answer: requests.Response) -> requests.Response | str:
    """The next page, or the address of the hub."""
    while answer.is_redirect:
        place = urljoin(answer.url, answer.headers["location"])
        if place.startswith("https://hub.example/"):
            return place
        answer = there.get(place, allow_redirects=False, timeout=20)
    return answer


def logged_in(there: requests.Session, place: str, name: str) -> str:
    """Through the provider's pages, as somebody."""
    page = followed(there, there.get(place, allow_redirects=False, timeout=20))
    while not isinstance(page, str):
        action = re.search(r'action="([^"]+)"', page.text)
        prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
        assert action is not None, page.text
        assert prompt is not None, page.text
        fields = {"prompt": prompt[1], "login": name, "password": "x"}
        page = followed(there, there.post(urljoin(page.url, action[1]), fields, allow_redirects=False, timeout=20))
    return page


def test_there_and_back_and_logged_out_there(office: Desk, issuer: str, told: list[str]):
    browser = Browser(office)
    place = browser.get("/portal/login/with/npm", 303).headers["location"]
    asked = parse_qs(urlsplit(place).query)
    assert asked["code_challenge_method"] == ["S256"]
    with requests.Session() as there:
        back = logged_in(there, place, "lina")
        assert dict(parse_qsl(urlsplit(back).query))["iss"] == issuer
        answer = browser.client.get(back.removeprefix("https://hub.example"))
        assert (answer.status_code, answer.headers.get("location")) == (303, "/portal/todos"), answer.text
        assert "npm:lina" in browser.text("/portal/todos")
        page = there.get(f"{issuer}/session/end", timeout=20)
        secret = re.search(r'name="xsrf" value="([^"]+)"', page.text)
        assert secret is not None
        fields = {"xsrf": secret[1], "logout": "yes"}
        there.post(f"{issuer}/session/end/confirm", fields, allow_redirects=False, timeout=20).close()
    (body,) = told
    browser.get("/portal/todos")
    taken = Browser(office).client.post("/portal/login/out/npm", data=dict(parse_qsl(body)))
    assert taken.status_code == 200, taken.text
    browser.get("/portal/todos", 303)


def test_who_has_no_account_of_the_linked_system_is_told_so(office: Desk, issuer: str):
    browser = Browser(office)
    with requests.Session() as there:
        back = logged_in(there, browser.get("/portal/login/with/npm", 303).headers["location"], "stranger")
    answer = browser.client.get(back.removeprefix("https://hub.example"))
    assert (answer.status_code, "login.unlinked" in answer.text) == (403, True)


def test_a_code_that_was_used_is_not_taken_again(office: Desk, issuer: str):
    browser = Browser(office)
    with requests.Session() as there:
        first = logged_in(there, browser.get("/portal/login/with/npm", 303).headers["location"], "lina")
    assert browser.client.get(first.removeprefix("https://hub.example")).status_code == 303
    place = browser.get("/portal/login/with/npm", 303).headers["location"]
    state = parse_qs(urlsplit(place).query)["state"][0]
    code = parse_qs(urlsplit(first).query)["code"][0]
    answer = browser.client.get("/portal/login/back/npm", params={"code": code, "state": state, "iss": issuer})
    assert (answer.status_code, "login.provider" in answer.text) == (403, True)
