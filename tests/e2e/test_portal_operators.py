"""The pages of administrators in a real browser: no inline script, by keyboard, at the width of a desk and a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from tests.e2e.test_portal import DESK, NAMELESS, PASSWORD, PHONE, SMALL, chromium, press_until
from tests.e2e.test_webhook import listens, process
from tests.stores import SqliteStore
from tests.unit.bus.busworld import until
from tests.unit.identity.conftest import FOLK, Registry, registry
from tests.unit.identity.test_operators import CLIENT, ROLES, SCIM

__all__ = ["chromium"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = registry(tmp_path_factory.mktemp("operators"), SqliteStore())
    hub = made.open_hub.hub
    for number, name in enumerate(("ola", "sam", "amy"), 1):
        accounts.add(hub.database, hub.actor, Passwords(), name, person(hub, str(number)), PASSWORD, hub.clock())
    made.write("config/roles.yaml", ROLES)
    made.write("config/clients/shop.yaml", CLIENT)
    made.write("config/systems/entra.yaml", SCIM)
    file = made.folder / "config" / "hub.yaml"
    made.write("config/hub.yaml", file.read_text(encoding="utf-8") + "address: https://hub.example\nsso: {}\n")
    yield made
    made.close()


@pytest.fixture(scope="module")
def portal(office: Registry) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPHUB_STORE", office.store)
        with process(office.folder, "serve", "--port", "0") as served:
            assert served.stderr is not None
            found = re.search(r"(http://\S+)/v1 and /portal", served.stderr.readline())
            assert found is not None
            until(lambda: listens(found[1]), 60)
            yield f"{found[1]}/portal"


@pytest.mark.parametrize(("size", "language"), [(DESK, "en-GB"), (PHONE, "zh-CN")])
def test_administrators_find_people_and_are_told_why(
    chromium: Browser, portal: str, size: tuple[int, int], language: str
) -> None:
    with watched(chromium, size, language) as page:
        enter(page, portal, "sam")
        expect(page.locator("#q")).to_be_focused()
        page.evaluate("window.same = true")
        page.keyboard.type("li")
        expect(page.locator(".item")).to_have_count(3)
        assert "q=li" in page.url
        fits(page, size)
        press_until(page, page.locator(".item a:has-text('李娜')"))
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("李娜")
        page.evaluate("window.same = true")
        press_until(page, page.locator("#accounts a[href*='account=lina']"))
        page.keyboard.press("Enter")
        expect(page.locator("#why code")).to_have_text("account.rule")
        assert page.evaluate("window.same") is True
        fits(page, size)
        page.click("nav.boxes li:nth-child(2) a")
        fits(page, size)
        page.click(".item a")
        page.fill("#person", "1")
        page.press("#person", "Enter")
        expect(page.locator("#told tbody tr")).to_have_count(4)
        fits(page, size)
        page.goto(f"{portal}/log-ins")
        fits(page, size)
        for name, pages in (("ola", 10), ("amy", 1)):
            enter(page, portal, name)
            expect(page.locator("nav.boxes li")).to_have_count(pages)
            fits(page, size)


@pytest.mark.parametrize(("size", "language"), [(DESK, "en-GB"), (PHONE, "zh-CN")])
def test_an_exchange_is_planned_seen_and_its_plan_applied(
    chromium: Browser, portal: str, office: Registry, size: tuple[int, int], language: str
) -> None:
    with watched(chromium, size, language) as page:
        office.put("hr.people", *(
            {"id": one, "name": f"{name} {size[0]}", "phone": "+4971155512" + one * 2, "unit": unit}
            for one, name, unit in FOLK
        ))  # fmt: skip
        enter(page, portal, "ola")
        page.fill("#q", "hr.people")
        expect(page.locator(".item")).to_have_count(1)
        fits(page, size)
        page.click(".item a")
        expect(page.locator(".timeline rect")).not_to_have_count(0)
        fits(page, size)
        page.click("button[value=plan]")
        expect(page.locator("#waits")).to_be_visible(timeout=60_000)  # the page asks by itself until it is there
        fits(page, size)
        page.click("section[aria-labelledby=waits] .item a")
        expect(page.locator(".change")).to_have_count(len(FOLK))
        expect(page.locator(".change ins").first).to_contain_text(str(size[0]))
        fits(page, size)
        page.click("#plan form button")
        expect(page.locator("tbody tr:first-child .tag.run")).to_have_class(re.compile("done"), timeout=60_000)
        assert f"李娜 {size[0]}" in office.names("/people")
        page.click("nav.boxes li:nth-child(3) a")
        expect(page.locator("h1")).to_have_text(re.compile("Set aside|隔离区"))
        fits(page, size)


@contextmanager
def watched(chromium: Browser, size: tuple[int, int], language: str) -> Iterator[Page]:
    """A page of its own, on which nothing goes wrong."""
    said: list[str] = []
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, locale=language)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    yield page
    context.close()
    assert said == []


def enter(page: Page, portal: str, name: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{portal}/operators")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("nav.boxes")


def fits(page: Page, size: tuple[int, int]) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(SMALL) == []
    assert page.evaluate(NAMELESS) == []
