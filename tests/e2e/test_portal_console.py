"""The pages of who administers the system in a real browser, at the width of a desk and of a phone: what waits for a
person."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from tests.e2e.test_portal import DESK, PASSWORD, PHONE, chromium
from tests.e2e.test_portal_operators import enter, fits, watched
from tests.e2e.test_webhook import listens, process
from tests.stores import SqliteStore
from tests.unit.bus.busworld import until
from tests.unit.identity.conftest import registry
from tests.unit.identity.test_delivery_pages import delivered, doubted
from tests.unit.identity.test_mapping_pages import written
from tests.unit.identity.test_operators import ROLES
from tests.unit.identity.test_review_pages import doubtful

__all__ = ["chromium"]
DRAWN = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(one => one)"""
WIDTHS = pytest.mark.parametrize(("size", "language"), [(DESK, "en-GB"), (PHONE, "zh-CN")])


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = registry(tmp_path_factory.mktemp("console"), SqliteStore())
    hub = made.open_hub.hub
    accounts.add(hub.database, hub.actor, Passwords(), "ola", person(hub, "1"), PASSWORD, hub.clock())
    made.stack.close()
    made.write("config/roles.yaml", ROLES)
    doubtful(made)
    delivered(made)
    with made.opened() as opened:
        doubted(opened.hub)
    made.modules.clear()  # what another process knows
    written(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPHUB_STORE", made.store)
        with process(made.folder, "serve", "--port", "0") as served:
            assert served.stderr is not None
            found = re.search(r"(http://\S+)/v1 and /portal", served.stderr.readline())
            assert found is not None
            until(lambda: listens(found[1]), 60)
            yield f"{found[1]}/portal"
    made.close()


@WIDTHS
def test_a_record_is_seen_beside_its_candidates_and_decided(
    chromium: Browser, portal: str, size: tuple[int, int], language: str
) -> None:
    with watched(chromium, size, language) as page:
        enter(page, portal, "ola")
        to(page, "reviews")
        before = page.locator(".item").count()
        fits(page, size)
        page.click(".item a:has-text('c')")
        expect(page.locator(".beside thead th")).to_have_count(4)
        expect(page.locator(".differs").first).to_contain_text("≠")
        fits(page, size)
        page.fill("#reason", "asked her")
        page.locator("button[value^='link:']").first.click()
        expect(page.locator("#said")).to_be_visible()
        fits(page, size)
        to(page, "reviews")
        expect(page.locator(".item")).to_have_count(before - 1)


@WIDTHS
def test_deliveries_are_seen_and_what_differs_is_compared(
    chromium: Browser, portal: str, size: tuple[int, int], language: str
) -> None:
    with watched(chromium, size, language) as page:
        enter(page, portal, "ola")
        to(page, "deliveries")
        expect(page.locator(".item")).to_have_count(1)
        fits(page, size)
        page.click(".item a")
        expect(page.locator("#doubts")).to_be_visible()
        fits(page, size)
        page.click("a[href^='?status=rejected']")
        expect(page.locator(".plain li")).to_have_count(1)
        to(page, "drift")
        fits(page, size)
        page.fill("#q", "to-shop")
        expect(page.locator(".drift")).to_have_count(1)
        page.click(".drift button")
        page.wait_for_url("**/operators/exchanges/to-shop**")
        to(page, "drift")
        page.click(".item a[href$='/todos/oa']")
        fits(page, size)
        if size == PHONE:
            page.click("#heal ~ form button")
            expect(page.locator("#differs + p")).to_have_text(re.compile("Nothing differs|无差异"))


@WIDTHS
def test_reports_are_drawn_from_the_tables_beside_them(
    chromium: Browser, portal: str, size: tuple[int, int], language: str
) -> None:
    with watched(chromium, size, language) as page:
        enter(page, portal, "ola")
        to(page, "reports")
        expect(page.locator("canvas")).not_to_have_count(0)
        for number in range(page.locator("canvas").count()):  # what is drawn is not empty, under the policy of the page
            assert page.locator("canvas").nth(number).evaluate(DRAWN)
        fits(page, size)
        with page.expect_download() as told:
            page.click("#throughput ~ .buttons a[href$='.xlsx']")
        assert told.value.suggested_filename == "throughput.xlsx"


@WIDTHS
def test_a_mapping_is_read_and_the_way_of_its_field_is_drawn(
    chromium: Browser, portal: str, size: tuple[int, int], language: str
) -> None:
    with watched(chromium, size, language) as page:
        enter(page, portal, "ola")
        to(page, "mappings")
        page.fill("#q", "hr.people")
        expect(page.locator(".item")).to_have_count(1)
        fits(page, size)
        page.click(".item a")
        expect(page.locator(".source .nt").first).to_be_visible()
        expect(page.locator("#tests ~ ul .tag.failed")).to_have_count(1)
        fits(page, size)
        page.click("a[href$='/lineage/person.name']")
        expect(page.locator(".lineage rect")).to_have_count(4)
        fits(page, size)
        page.locator(".lineage a[aria-label='shop.accounts.name']").press("Enter")
        expect(page.locator("h1")).to_have_text("shop.accounts.name")


def to(page: Page, name: str) -> None:
    """By the list of pages."""
    page.click(f"nav.boxes a[href$='/operators/{name}']")
    expect(page.locator(f"nav.boxes a[href$='/operators/{name}']")).to_have_attribute("aria-current", "page")
