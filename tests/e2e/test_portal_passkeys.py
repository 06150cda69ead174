"""Security keys and passkeys in a real browser, with the virtual authenticator of its developer tools; and the page of
one's own account, at the width of a desk and of a phone."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from tests.e2e.test_portal import DESK, NAMELESS, PASSWORD, PHONE, SMALL, chromium, press_until
from tests.e2e.test_webhook import listens, process
from tests.stores import SqliteStore
from tests.unit.bus.busworld import until
from tests.unit.todos.conftest import Desk, desk

__all__ = ["chromium"]


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Desk]:
    made = desk(tmp_path_factory.mktemp("passkeys"), SqliteStore())
    file = made.folder / "config" / "hub.yaml"
    made.write("config/hub.yaml", file.read_text(encoding="utf-8") + f"address: http://localhost:{port}\n")
    hub = made.open_hub.hub
    accounts.add(hub.database, hub.actor, Passwords(), "li.na", person(hub, "1"), PASSWORD, hub.clock())
    yield made
    made.close()


@pytest.fixture(scope="module")
def portal(office: Desk, port: int) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPHUB_STORE", office.store)
        with process(office.folder, "serve", "--port", str(port)):
            until(lambda: listens(f"http://127.0.0.1:{port}"), 60)
            yield f"http://localhost:{port}/portal"


@pytest.fixture
def page(chromium: Browser, office: Desk) -> Iterator[Page]:
    """A browser of its own, whose console says nothing of errors."""
    with office.open_hub.hub.database.begin() as connection:
        for name in ("login_passkey", "login_totp", "login_recovery"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    said: list[str] = []
    context = chromium.new_context(viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB")
    context.set_default_timeout(20_000)
    made = context.new_page()
    made.on("pageerror", lambda error: said.append(str(error)))
    made.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    yield made
    context.close()
    assert [one for one in said if "Failed to load resource" not in one] == []


def authenticator(page: Page, **options: Any) -> tuple[Any, str]:
    """A virtual one: a phone that knows its owner, where nothing else is said."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    about = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = tools.send("WebAuthn.addVirtualAuthenticator", {"options": about | options})
    return tools, made["authenticatorId"]


def logged_in(page: Page, portal: str) -> None:
    page.goto(f"{portal}/login?next=/portal/log-ins")
    page.fill("#name", "li.na")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")


def with_key(page: Page, portal: str, name: str) -> None:
    logged_in(page, portal)
    page.fill("#key-name", name)
    page.press("#key-name", "Enter")
    expect(page.locator("#codes li")).to_have_count(10)
    page.click("a.primary")
    expect(page.locator(".rows .title")).to_have_text(name)


# Keys here answer at once, so the page is another one before a click has looked where it hit: Enter does not look.


def test_a_key_is_added_and_asked_for_after_the_password(page: Page, portal: str) -> None:
    authenticator(page, transport="usb", hasResidentKey=False, hasUserVerification=False, isUserVerified=False)
    with_key(page, portal, "Blue token")
    page.click("form[action='/portal/logout'] button")
    logged_in(page, portal)
    page.press("form[data-passkey] button", "Enter")
    expect(page.locator("h1")).to_have_text("My account")
    expect(page.locator(".rows")).to_contain_text("last used just now")


def test_a_passkey_logs_in_without_a_name_and_is_removed(page: Page, portal: str) -> None:
    tools, identity = authenticator(page)
    with_key(page, portal, "My phone")
    page.click("form[action='/portal/logout'] button")
    press_until(page, page.locator("form[data-passkey] button"))
    page.keyboard.press("Enter")
    page.wait_for_selector("#inbox")
    tools.send("WebAuthn.setUserVerified", {"authenticatorId": identity, "isUserVerified": False})
    page.click("form[action='/portal/logout'] button")
    page.press("form[data-passkey] button", "Enter")
    expect(page.locator("form[data-passkey] [role=alert]")).to_contain_text("got no answer from a key")
    tools.send("WebAuthn.setUserVerified", {"authenticatorId": identity, "isUserVerified": True})
    page.press("form[data-passkey] button", "Enter")
    page.wait_for_selector("#inbox")
    page.goto(f"{portal}/log-ins")
    page.click("button:has-text('Remove')")
    expect(page.locator(".rows li")).to_have_count(0)
    page.goto(portal.replace("localhost", "127.0.0.1") + "/login")  # a key of another address
    page.press("form[data-passkey] button", "Enter")
    expect(page.locator("form[data-passkey] [role=alert]")).to_be_visible()


def test_an_old_session_is_led_to_log_in_once_more_and_back(page: Page, portal: str, office: Desk) -> None:
    authenticator(page)
    logged_in(page, portal)
    page.wait_for_selector("#key-name")
    with office.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE session SET proven_at = datetime(seen_at, '-11 minutes') || '.000000'")
    page.press("form[data-passkey] button", "Enter")
    expect(page.locator("#told")).to_contain_text("Log in once more")
    page.fill("#name", "li.na")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("#key-name")
    page.press("form[data-passkey] button", "Enter")
    expect(page.locator("#codes li")).to_have_count(10)


def test_the_account_and_the_enrolment_fit_their_width(page: Page, portal: str) -> None:
    authenticator(page)
    with_key(page, portal, "A key with a name that is as long as it may be, for phones")
    for size in (DESK, PHONE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"{portal}/log-ins")
        _fits(page, size)
        page.click("form[action='/portal/log-ins/second'] button")
        picture = page.locator("svg.qr")
        box = picture.bounding_box()
        assert box is not None
        assert box["width"] >= 200
        assert picture.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
        _fits(page, size)
        assert re.fullmatch(r"([A-Z2-7]{4} ?)+", page.locator("#key").inner_text())


def _fits(page: Page, size: tuple[int, int]) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(SMALL) == []
    assert page.evaluate(NAMELESS) == []
