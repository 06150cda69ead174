"""mod_auth_cas in Apache before pages that know nothing of log-in, in Chromium: by CAS 3 and by SAML 1.1."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from hub.bootstrap import open_hub
from hub.store import outbox
from tests.e2e.test_portal import NAMELESS, SMALL
from tests.integration.provided import Provided, provided
from tests.systems import apache
from tests.systems.place import free_port
from tests.unit.bus.busworld import until
from tests.unit.portal.conftest import PASSWORD

CLIENT = """
client: {name}
title: {{en: Intranet, zh: 内网}}
system: oa
scopes: [openid, profile, email]
claims: {{name: name, email: mail}}
consent: given
cas: {{services: ["{url}/"]}}
home: "{url}/pages/index.html"
"""
WIKI = """
client: wiki
title: {en: Wiki, zh: 知识库}
redirect_uris: ["http://127.0.0.1:9/back"]
home: "http://127.0.0.1:9/"
"""
SETTINGS = """
CASLoginURL {hub}/sso/cas/login
CASValidateURL {hub}/sso/cas/{place}
CASValidateSAML {saml}
CASCookiePath ${{home}}/kept/
CASRootProxiedAs {url}
CASSSOEnabled On
CASAttributePrefix CAS-
AddDefaultCharset utf-8
<Location /pages>
  AuthType CAS
  CASAuthNHeader CAS-User
  Require valid-user
  Options +Includes
  ForceType text/html
  SetOutputFilter INCLUDES
</Location>
"""
WAYS = {"cas": ("p3/serviceValidate", "Off"), "saml": ("samlValidate", "On")}
SHOWN = "".join(
    f'<p id="{name}"><!--#echo encoding="none" var="{variable}" --></p>'
    for name, variable in (("user", "REMOTE_USER"), ("name", "HTTP_CAS_NAME"), ("mail", "HTTP_CAS_EMAIL"))
)
PAGES = {"pages/index.html": SHOWN, "bye.html": '<p id="bye">bye</p>'}


@pytest.fixture(scope="module")
def places() -> dict[str, str]:
    """An address for each way."""
    if not apache.installed():
        pytest.skip("Apache with its modules is not installed: tests/services up apache")
    return {name: f"http://127.0.0.1:{free_port()}" for name in WAYS}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, places: dict[str, str]) -> Iterator[Provided]:
    clients = {name: CLIENT.format(name=name, url=url) for name, url in places.items()} | {"wiki": WIKI}
    with provided(tmp_path_factory.mktemp("apache"), clients) as made, made.working():
        yield made


@pytest.fixture(scope="module", params=WAYS)
def intranet(request: pytest.FixtureRequest, hub: Provided, places: dict[str, str]) -> Iterator[str]:
    """Its address."""
    url, (place, saml) = places[request.param], WAYS[request.param]
    settings = SETTINGS.format(hub=hub.url, url=url, place=place, saml=saml)
    with apache.serving(int(url.rpartition(":")[2]), "auth_cas", settings, PAGES):
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


def waiting(hub: Provided) -> int:
    """How many are still to be told something."""
    with open_hub(hub.folder, variables=hub.environment) as opened:
        return outbox.lag(opened.hub.database).count


def test_in_and_out_with_names_in_chinese(hub: Provided, intranet: str, page: Page) -> None:
    page.goto(f"{intranet}/pages/index.html")
    page.fill("#name", "li.na")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url(f"{intranet}/pages/index.html")
    for name, text in (("user", "李娜"), ("name", "李娜"), ("mail", "li@example.com")):
        expect(page.locator(f"#{name}")).to_have_text(text)
    page.goto(f"{hub.url}/sso/cas/logout?service={quote(f'{intranet}/bye.html')}")
    page.wait_for_url(f"{intranet}/bye.html")

    def ended() -> bool:
        """The worker told Apache, which asks for a log-in again."""
        page.goto(f"{intranet}/pages/index.html")
        return page.locator("#password").is_visible()

    until(ended, 30)
    until(lambda: waiting(hub) == 0, 30)


def test_the_portal_opens_it_logged_in_by_keyboard(
    hub: Provided, places: dict[str, str], intranet: str, page: Page
) -> None:
    page.goto(f"{hub.url}/portal/apps")
    page.fill("#name", "li.na")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url(f"{hub.url}/portal/apps")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert (page.evaluate(SMALL), page.evaluate(NAMELESS)) == ([], [])
    page.keyboard.press("/")
    for key in ("ArrowDown", *["ArrowRight"] * list(places.values()).index(intranet)):
        page.keyboard.press(key)
    with page.expect_popup() as opened:
        page.keyboard.press("Enter")
    expect(opened.value.locator("#name")).to_have_text("李娜")
    assert opened.value.url == f"{intranet}/pages/index.html"
