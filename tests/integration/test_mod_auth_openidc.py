"""mod_auth_openidc in Apache, a certified relying party, before pages that know nothing of log-in; in Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.integration.provided import provided
from tests.systems import apache
from tests.systems.place import free_port
from tests.unit.portal.conftest import PASSWORD

CLIENT = """
client: apache
title: {{en: Intranet, zh: 内网}}
system: oa
redirect_uris: ["{url}/pages/back"]
home: "{url}/pages/index.html"
initiate_login_uri: "{url}/pages/back"
scopes: [openid, profile, email]
claims: {{preferred_username: account, name: name, email: mail}}
consent: given
logout: {{redirect_uris: ["{url}/bye.html"]}}
"""
SETTINGS = """
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret {secret}
OIDCRedirectURI {url}/pages/back
OIDCScope "openid profile email"
OIDCPKCEMethod S256
OIDCCryptoPassphrase "only in tests"
OIDCRemoteUserClaim preferred_username
OIDCPassClaimsAs environment
AddDefaultCharset utf-8
<Location /pages>
  AuthType openid-connect
  Require valid-user
  Options +Includes
  ForceType text/html
  SetOutputFilter INCLUDES
</Location>
"""
SHOWN = "".join(
    f'<p id="{name}"><!--#echo encoding="none" var="{variable}" --></p>'
    for name, variable in (("user", "REMOTE_USER"), ("name", "OIDC_CLAIM_name"), ("mail", "OIDC_CLAIM_email"))
)


@pytest.fixture(scope="module")
def intranet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; the hub knows it as a client."""
    if not apache.installed():
        pytest.skip("Apache with its modules is not installed: tests/services up apache")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    pages = {"pages/index.html": SHOWN, "bye.html": '<p id="bye">bye</p>'}
    with provided(tmp_path_factory.mktemp("apache"), {"apache": CLIENT.format(url=url)}) as hub:
        settings = SETTINGS.format(url=url, issuer=hub.issuer, secret=hub.secrets["apache"])
        with apache.serving(port, "auth_openidc", settings, pages):
            yield url


@pytest.fixture
def page() -> Iterator[Page]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: tests/services up chromium")
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=arguments)
        made = chromium.new_page(locale="zh-CN")
        made.set_default_timeout(20_000)
        yield made
        chromium.close()


def logged_in(page: Page, name: str) -> None:
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("button.primary")


def test_in_and_out_with_names_in_chinese(intranet: str, page: Page) -> None:
    page.goto(f"{intranet}/pages/index.html")
    logged_in(page, "li.na")
    page.wait_for_url(f"{intranet}/pages/index.html")
    for name, text in (("user", re.compile("^李娜")), ("name", "李娜"), ("mail", "li@example.com")):
        expect(page.locator(f"#{name}")).to_have_text(text)
    page.goto(f"{intranet}/pages/back?logout={intranet}/bye.html")
    page.wait_for_url(f"{intranet}/bye.html")
    page.goto(f"{intranet}/pages/index.html")
    expect(page.locator("#password")).to_be_visible()


def test_the_account_that_was_chosen_is_the_user(intranet: str, page: Page) -> None:
    page.goto(f"{intranet}/pages/index.html")
    logged_in(page, "wang.wei")
    page.click('button[value="王伟"]')
    page.wait_for_url(f"{intranet}/pages/index.html")
    expect(page.locator("#user")).to_have_text(re.compile("^王伟"))
    expect(page.locator("#name")).to_have_text("欧阳·伟")


def test_the_portal_opens_it_logged_in(intranet: str, page: Page) -> None:
    page.goto(f"{intranet}/pages/index.html")
    page.goto(f"{page.url.partition('/portal')[0]}/portal/apps")
    logged_in(page, "li.na")
    page.wait_for_url("**/portal/apps")
    with page.expect_popup() as opened:
        page.click('a[href="/portal/apps/apache"]')
    expect(opened.value.locator("#name")).to_have_text("李娜")
    assert opened.value.url == f"{intranet}/pages/index.html"
