"""A button of the portal pressed in a real browser decides in the source, once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from connectors.simulators import Simulator
from connectors.simulators.taskcenter import CLIENT_SECRET
from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from tests.e2e.test_portal import DESK, PASSWORD, PHONE, chromium
from tests.e2e.test_webhook import listens, process
from tests.stores import SqliteStore
from tests.unit.bus.busworld import until
from tests.unit.todos.conftest import begun
from tests.unit.todos.test_acts import CENTER, Center

__all__ = ["chromium"]


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator("taskcenter", records=60))
        made = begun(Center(tmp_path_factory.mktemp("center") / "w", SqliteStore()))
        stack.callback(made.close)
        made.stack.close()
        made.variables["COPHUB_SECRET_CENTER_CLIENT"] = CLIENT_SECRET
        made.write("config/systems/center.yaml", CENTER.replace("URL", simulator.url))
        made.serve()
        made.all = made.key("acts", "todos:read", "todos:write", "todos:act")
        made.simulator = simulator
        made.ready = iter([str(row["urn"]) for row in simulator.product.tables["tasks"] if row["status"] == "READY"])
        hub = made.open_hub.hub
        accounts.add(hub.database, hub.actor, Passwords(), "li.na", person(hub, "1"), PASSWORD, hub.clock())
        yield made


@pytest.fixture(scope="module")
def portal(center: Center) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPHUB_STORE", center.store)
        patch.setenv("COPHUB_SECRET_CENTER_CLIENT", CLIENT_SECRET)
        with process(center.folder, "serve", "--port", "0") as served:
            assert served.stderr is not None
            found = re.search(r"(http://\S+)/v1 and /portal", served.stderr.readline())
            assert found is not None
            until(lambda: listens(found[1]), 60)
            yield f"{found[1]}/portal"


def test_a_button_pressed_decides_once(center: Center, portal: str, chromium: Browser) -> None:
    first, second = center.task("1"), center.task("1")
    context = chromium.new_context(viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB")
    page = context.new_page()
    page.goto(f"{portal}/todos/{first}")
    page.fill("#name", "li.na")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("#act")
    page.evaluate("window.same = true")
    page.dblclick("button[value=approve]")
    expect(page.locator(".notice.good")).to_contain_text("“approve” is done", timeout=20_000)
    assert page.evaluate("window.same") is True
    assert center.response(first) == ("approve", 1)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.goto(f"{portal}/todos/{second}")
    page.click("button[value=reject]")
    expect(page.locator(".notice.bad")).to_contain_text("act.comment")
    page.fill("#comment", "Too dear")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.focus("button[value=reject]")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("“reject” is done", timeout=20_000)
    assert center.response(second) == ("reject", 1)
    context.close()
