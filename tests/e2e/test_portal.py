"""The portal in a real browser, by mouse and by keyboard, at the width of a desk and of a phone; the hub is a process
of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.e2e.test_webhook import PROGRAM, listens, process
from tests.stores import SqliteStore
from tests.unit.bus.busworld import until
from tests.unit.todos.conftest import Desk, desk

PASSWORD = "correct horse battery"
DESK, PHONE = (1280, 800), (390, 844)
LEAST = 24
"""The least size of what is pressed, in CSS pixels (WCAG 2.2, 2.5.8)."""
SMALL = f"""() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select")].filter(one => {{
  const box = (one.closest("label") ?? one).getBoundingClientRect();
  return one.checkVisibility() && !one.matches(".skip") && Math.min(box.height, box.width) < {LEAST};
}}).map(one => one.outerHTML.slice(0, 80))"""
NAMELESS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select")].filter(one =>
  !(one.innerText || one.ariaLabel || (one.labels && one.labels.length))).map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """People, of whom Li Na has an account, made on the command line."""
    made = desk(tmp_path_factory.mktemp("portal"), SqliteStore())
    words = [*PROGRAM, "-w", str(made.folder), "accounts", "add", "li.na", "--person", "1"]
    environment = os.environ | {"COPHUB_STORE": made.store}
    subprocess.run(words, input=PASSWORD, text=True, check=True, env=environment, capture_output=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def portal(office: Desk) -> Iterator[str]:
    """Where ``cophub serve`` serves it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPHUB_STORE", office.store)
        with process(office.folder, "serve", "--port", "0") as served:
            assert served.stderr is not None
            found = re.search(r"(http://\S+)/v1 and /portal", served.stderr.readline())
            assert found is not None
            until(lambda: listens(found[1]), 60)
            yield f"{found[1]}/portal"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: tests/services up chromium")
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """The cookies of who is logged in: one log-in serves many pages."""
    return {}


@pytest.fixture
def opened(chromium: Browser, portal: str, kept: dict[str, Any]) -> Iterator[Opener]:
    """Pages at a width and in a language; what the console says of errors fails the test."""
    said: list[str] = []
    with ExitStack() as stack:

        def page(size: tuple[int, int] = DESK, language: str = "en-GB", *, login: bool = True, **more: Any) -> Page:
            width, height = size
            viewport = {"width": width, "height": height}
            cookies = kept if login and kept else None
            context = chromium.new_context(
                viewport=viewport,  # type: ignore[arg-type]
                locale=language,
                storage_state=cookies,  # type: ignore[arg-type]
                **more,
            )
            stack.callback(context.close)
            context.set_default_timeout(20_000)
            made = context.new_page()
            made.on("pageerror", lambda error: said.append(str(error)))
            made.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
            made.goto(f"{portal}/todos")
            if login and not kept:
                made.fill("#name", "li.na")
                made.fill("#password", PASSWORD)
                made.click("button.primary")
                made.wait_for_selector("#inbox")
                kept.update(context.storage_state())
            return made

        yield page
    assert [one for one in said if not re.search("Failed to (load resource|fetch)", one)] == []


def todo(number: int, **more: Any) -> dict[str, Any]:
    return {
        "system": ("oa", "pms")[number % 2],
        "id": f"A-{number}",
        "version": {"at": f"2026-11-26T08:{number:02}:00Z"},
        "title": {"en": f"Purchase requisition of laptops for office {number}", "zh": f"办公室 {number} 的采购申请"},
        "text": "Please look at the offer.",
        "priority": ("medium", "very_high")[number % 2],
        "assignees": [{"to": {"code": "1"}, "read": number % 3 == 0}],
        "links": {"pc": f"https://oa.example.com/{number}", "mobile": f"https://m.oa.example.com/{number}"},
    } | more


@pytest.fixture(autouse=True)
def filled(office: Desk) -> None:
    with office.open_hub.hub.database.begin() as connection:
        for name in ("todo_report", "assignment", "todo"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    office.report(*(todo(number) for number in range(1, 7)))


@pytest.mark.parametrize(
    ("size", "language", "scheme"),
    [(DESK, "en-GB", "light"), (DESK, "zh-CN", "dark"), (PHONE, "en-GB", "dark"), (PHONE, "zh-CN", "light")],
)
def test_every_page_fits_its_width_and_names_what_is_pressed(
    opened: Opener, portal: str, size: tuple[int, int], language: str, scheme: str
) -> None:
    page = opened(size, language, color_scheme=scheme)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if language == "zh-CN" else "en")
    places = [page.url, f"{portal}/todos?box=done", f"{portal}/nothing"]
    places.append(page.locator(".item a").first.evaluate("one => one.href"))
    for place in places:
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], place
        assert page.evaluate(SMALL) == [], place
        assert page.evaluate(NAMELESS) == [], place
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(18, 22, 29)") == (scheme == "dark")
    mobile = page.locator("a[href='https://m.oa.example.com/6']")
    assert mobile.is_visible() == (size == PHONE)
    assert page.locator("a[href='https://oa.example.com/6']").is_visible() == (size == DESK)


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_everything_is_reached_by_keyboard(opened: Opener, size: tuple[int, int]) -> None:
    page = opened(size, login=False)
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type("li.na")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#inbox")
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    item = page.locator(".item a").nth(1)
    press_until(page, item)
    assert item.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    title = page.locator(".item .title").nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#todo h1")).to_have_text(title)
    press_until(page, page.locator(".crumb a"))
    page.keyboard.press("Enter")
    page.wait_for_selector("#inbox")
    press_until(page, page.locator("form[action='/portal/logout'] button"))
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_contain_text("logged out")


def press_until(page: Page, wanted: Any) -> None:
    """Tab, until it has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached")


def test_searching_and_filtering_renew_the_list_alone(opened: Opener, portal: str) -> None:
    page = opened()
    page.evaluate("window.same = true")
    page.locator("#q").press_sequentially("office 3")
    expect(page.locator(".item")).to_have_count(1)
    assert "q=office+3" in page.url
    expect(page.locator("#q")).to_be_focused()
    page.fill("#q", "")
    expect(page.locator(".item")).to_have_count(6)
    page.select_option("#priority", "very_high")
    expect(page.locator(".item")).to_have_count(3)
    page.check("[name=unread]")
    expect(page.locator(".item")).to_have_count(2)
    assert page.evaluate("window.same") is True
    page.click(".clear")
    expect(page.locator(".item")).to_have_count(6)
    page.click("nav.boxes a:has-text('oa')")
    expect(page.locator(".item")).to_have_count(3)


SELDOM = "const often = setInterval; setInterval = (call, time, ...more) => time < 10000 && often(call, time, ...more)"
"""A page that asks for nothing by the clock."""


def test_what_arrives_appears_by_itself(opened: Opener, office: Desk) -> None:
    page = opened()
    page.add_init_script(SELDOM)
    page.reload()
    page.fill("#q", "office")
    expect(page.locator(".item")).to_have_count(6)
    item = page.locator(".item a").nth(2)
    item.focus()
    office.report(todo(9, title="Arrived at office 9", version={"at": "2026-11-26T09:30:00Z"}))
    expect(page.locator(".item")).to_have_count(7, timeout=20_000)
    expect(page.locator(".item .title").first).to_have_text("Arrived at office 9")
    expect(page.locator("[role=status][aria-live]")).to_contain_text("7 to-dos")
    expect(page.locator("#q")).to_have_value("office")
    assert page.evaluate("document.activeElement.closest('.item a') !== null")
    page.click(".item a")
    page.wait_for_selector("#todo")
    office.report(todo(9, status="withdrawn", version={"at": "2026-11-26T09:31:00Z"}))
    expect(page.locator(".error code").first).to_have_text("todo.unknown", timeout=20_000)


def test_a_stream_that_is_refused_is_asked_for_again(opened: Opener, office: Desk) -> None:
    page = opened()
    page.add_init_script(SELDOM)
    page.route(re.compile(r"/portal/stream"), lambda route: route.fulfill(status=429), times=1)
    page.reload()
    expect(page.locator(".item")).to_have_count(6)
    office.report(todo(11, version={"at": "2026-11-26T09:30:00Z"}))
    expect(page.locator(".item")).to_have_count(7, timeout=20_000)
    office.report(todo(11, status="withdrawn", version={"at": "2026-11-26T09:31:00Z"}))
    expect(page.locator(".item")).to_have_count(6, timeout=20_000)


def test_what_arrives_while_the_list_is_being_renewed_appears_as_well(opened: Opener, office: Desk) -> None:
    page = opened()
    page.add_init_script(SELDOM)
    page.reload()

    def late(route: Route) -> None:
        answer = route.fetch()
        office.report(todo(10, title="Arrived at office 10", version={"at": "2026-11-26T09:30:00Z"}))
        page.wait_for_timeout(1_500)
        route.fulfill(response=answer)

    page.route(re.compile(r"/portal/todos\?.*q=office(?!.*live)"), late, times=1)
    page.fill("#q", "office")
    expect(page.locator(".item")).to_have_count(7, timeout=20_000)
    office.report(todo(10, status="withdrawn", version={"at": "2026-11-26T09:31:00Z"}))
    expect(page.locator(".item")).to_have_count(6, timeout=20_000)


def test_who_is_not_logged_in_any_more_is_led_to_log_in(
    opened: Opener, office: Desk, kept: dict[str, Any]
) -> None:
    page = opened()
    kept.clear()
    page.clock.install()
    page.reload()
    with office.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM session")
    page.clock.fast_forward("00:16")
    expect(page).to_have_url(re.compile(r"/portal/login\?ended=1$"), timeout=20_000)
    expect(page.locator("#told")).to_contain_text("session has ended")


def test_a_hub_that_does_not_answer_is_told(opened: Opener) -> None:
    page = opened()
    page.clock.install()
    page.reload()
    expect(page.locator("#offline")).to_be_hidden()
    page.context.set_offline(True)
    page.clock.fast_forward("00:16")
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator(".item")).to_have_count(6)
    page.context.set_offline(False)
    page.clock.fast_forward("00:16")
    expect(page.locator("#offline")).to_be_hidden()


def test_it_works_without_scripts(opened: Opener) -> None:
    page = opened(PHONE, java_script_enabled=False)
    page.fill("#q", "office 3")
    page.click("noscript button")
    expect(page.locator(".item")).to_have_count(1)
    page.click(".item a")
    expect(page.locator("#todo h1")).to_contain_text("office 3")


def test_the_language_is_changed_and_kept(opened: Opener) -> None:
    page = opened()
    page.click("button[name=language]")
    expect(page.locator("h1")).to_have_text("我的待办")
    page.click("button[name=language]")
    expect(page.locator("h1")).to_have_text("My to-dos")
