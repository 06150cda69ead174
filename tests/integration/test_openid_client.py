"""``openid-client`` of npm, a certified relying party, at a served hub: what it refuses would fail here."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import variables
from tests.integration.provided import Provided, followed, logged_in, pressed, provided
from tests.unit.portal.conftest import PASSWORD

SCOPE = "openid profile email offline_access"
CLIENT = """
client: {name}
title: {{en: Office, zh: 协同办公}}
system: oa
redirect_uris: ["{rp}/callback"]
grants: [authorization_code, refresh_token, device_code]
scopes: [openid, profile, email, offline_access]
claims: {{preferred_username: account, name: name, email: mail}}
consent: {consent}
logout: {{redirect_uris: ["{rp}/bye"]}}
"""


@pytest.fixture(scope="module")
def rp() -> str:
    return variables("RP")["HUB_TEST_RP_URL"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, rp: str) -> Iterator[Provided]:
    clients = {name: CLIENT.format(name=name, rp=rp, consent=name) for name in ("given", "ask")}
    with provided(tmp_path_factory.mktemp("rp"), clients) as made:
        yield made


class Application:
    """The program, as a test asks it."""

    def __init__(self, hub: Provided, rp: str, client: str) -> None:
        self.hub, self.rp = hub, rp
        self.metadata = self.do("configure", issuer=hub.issuer, id=client, secret=hub.secrets[client], scope=SCOPE)

    def do(self, what: str, status: int = 200, **told: Any) -> Any:
        answer = requests.post(f"{self.rp}/{what}", json=told, timeout=60)
        assert answer.status_code == status, answer.text
        return answer.json()

    def login(self, browser: requests.Session, name: str = "li.na", **more: str) -> requests.Response:
        page = followed(browser, browser.get(f"{self.rp}/login", params=more, allow_redirects=False, timeout=30))
        return logged_in(browser, page, name) if 'name="password"' in page.text else page


@pytest.fixture
def application(hub: Provided, rp: str) -> Application:
    return Application(hub, rp, "given")


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


def told(page: requests.Response) -> dict[str, Any]:
    found = re.search(r'<pre id="claims">(.*)</pre>', page.text)
    assert found is not None, page.text
    claims: dict[str, Any] = json.loads(found[1])
    return claims


def test_discovery_and_a_log_in_with_names_in_chinese(application: Application, browser: requests.Session) -> None:
    assert application.metadata["issuer"] == application.hub.issuer
    claims = told(application.login(browser))
    assert (claims["name"], claims["preferred_username"], claims["email"]) == ("李娜", "李娜", "li@example.com")
    tokens = application.do("tokens")
    assert tokens["claims"]["sub"] == claims["sub"] == application.do("userinfo")["sub"]
    assert tokens["claims"]["aud"] == "given"


def test_who_has_several_accounts_is_asked_which(application: Application, browser: requests.Session) -> None:
    page = application.login(browser, "wang.wei")
    assert 'name="account"' in page.text
    assert told(pressed(browser, page, account="王伟"))["preferred_username"] == "王伟"


def test_a_refresh_token_works_once(application: Application, browser: requests.Session) -> None:
    application.login(browser)
    first = application.do("tokens")
    second = application.do("refresh")
    assert second["refresh_token"] != first["refresh_token"]
    assert application.do("userinfo")["name"] == "李娜"
    assert application.do("again", 500, token=first["refresh_token"])["error"] == "invalid_grant"


def test_introspection_and_revocation(application: Application, browser: requests.Session) -> None:
    application.login(browser)
    found = application.do("introspect", kind="access_token")
    assert (found["active"], found["client_id"], found["username"]) == (True, "given", "李娜")
    application.do("revoke", kind="refresh_token")
    for kind in ("access_token", "refresh_token"):
        assert application.do("introspect", kind=kind) == {"active": False}
    application.do("userinfo", 500)


def test_a_log_out_that_the_application_begins(application: Application, browser: requests.Session) -> None:
    application.login(browser)
    page = followed(browser, browser.get(f"{application.rp}/logout", allow_redirects=False, timeout=30))
    assert page.url.startswith(f"{application.rp}/bye")
    assert parse_qs(urlsplit(page.url).query)["state"] == ["so long"]
    answer = application.login(browser, prompt="none")
    assert json.loads(answer.text)["error"] == "login_required"


def test_a_device_polls_until_somebody_has_typed_its_code(application: Application, browser: requests.Session) -> None:
    codes = application.do("begin")
    page = browser.get(codes["verification_uri_complete"], allow_redirects=False, timeout=30)
    page = logged_in(browser, followed(browser, page))
    page = pressed(browser, page, user_code=codes["user_code"])
    assert codes["user_code"] in page.text
    pressed(browser, page, agree="yes")
    assert application.do("poll")["claims"]["aud"] == "given"
    assert application.do("userinfo")["name"] == "李娜"


def test_in_chromium_a_person_logs_in_agrees_and_logs_out(hub: Provided, rp: str) -> None:
    """The policy of the pages forbids forms to lead elsewhere; what leads on must be let through all the same."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: tests/services up chromium")
    Application(hub, rp, "ask")
    said: list[str] = []
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        page = chromium.new_page(locale="zh-CN")
        page.set_default_timeout(20_000)
        page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
        _logs_in(page, rp)
        page.goto(f"{rp}/logout")
        page.wait_for_url(f"{rp}/bye?**")
        expect(page.locator("#bye")).to_have_text("so long")
        page.goto(f"{rp}/login")
        page.wait_for_selector("#password")
        chromium.close()
    assert [one for one in said if "favicon" not in one and "404" not in one] == []


def _logs_in(page: Page, rp: str) -> None:
    page.goto(f"{rp}/login")
    page.fill("#name", "li.na")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    expect(page.locator("h1")).to_have_text("协同办公")
    page.click('button[value="yes"]')
    page.wait_for_url(f"{rp}/callback?**")
    claims = json.loads(page.locator("#claims").inner_text())
    assert (claims["name"], claims["preferred_username"]) == ("李娜", "李娜")
