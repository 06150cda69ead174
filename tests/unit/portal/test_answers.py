"""Answering a to-do from its page: once, in the reader's name, with the truth about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connectors.simulators import Simulator
from connectors.simulators.taskcenter import CLIENT_SECRET
from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from tests.stores import SqliteStore
from tests.unit.portal.conftest import CHEAP, PASSWORD, Browser, ground
from tests.unit.todos.conftest import begun
from tests.unit.todos.test_acts import CENTER, Center

KEY = re.compile(r'name="key" value="([0-9a-f]{64})"')
HTMX = {"hx-request": "true"}


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """A desk with a simulated task provider beside, and accounts of its portal."""
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
        tasks = [row for row in simulator.product.tables["tasks"] if row["status"] == "READY"]
        made.ready = iter([str(row["urn"]) for row in tasks])
        hub, passwords = made.open_hub.hub, Passwords(CHEAP)
        ground(made).passwords = passwords
        for name, key in (("li.na", "1"), ("wang.wei", "2")):
            accounts.add(hub.database, hub.actor, passwords, name, person(hub, key), PASSWORD, hub.clock())
        yield made


@pytest.fixture
def li(center: Center) -> Browser:
    made = Browser(center)
    made.login("li.na")
    return made


def pressed(browser: Browser, todo: str, response: str = "approve", key: str | None = None, comment: str = "") -> Any:
    """A press of a button of the page as it is, or with the key of one that was."""
    place = f"/portal/todos/{todo}"
    page = browser.text(place)
    found = KEY.search(page)
    given = key if key is not None else found[1] if found else ""
    return browser.post(f"{place}/acts", browser.token(place), HTMX, response=response, key=given, comment=comment)


def test_a_press_answers_in_the_source_and_the_page_says_so(center: Center, li: Browser) -> None:
    todo = center.task("1")
    answer = pressed(li, todo)
    assert (answer.status_code, center.response(todo)) == (200, ("approve", 1))
    assert "“approve” is done" in answer.text
    assert "by an answer given here" in answer.text
    assert "<html" not in answer.text
    (act,) = center.get(f"/{todo}/acts")["items"]
    assert (act["by"], act["state"]) == ("account:li.na", "done")


def test_a_button_pressed_twice_decides_once(center: Center, li: Browser) -> None:
    todo = center.task("1")
    found = KEY.search(li.text(f"/portal/todos/{todo}"))
    assert found is not None
    for _ in range(2):
        assert pressed(li, todo, key=found[1]).status_code == 200
    assert center.response(todo) == ("approve", 1)
    late = pressed(li, todo, "reject", key=found[1], comment="no")  # of a page that was open meanwhile
    assert (late.status_code, "act.key" in late.text) == (200, True)
    assert center.response(todo) == ("approve", 1)


def test_without_scripts_the_page_is_loaded_again(center: Center, li: Browser) -> None:
    todo = center.task("1")
    answer = li.post(f"/portal/todos/{todo}/acts", li.token(f"/portal/todos/{todo}"), response="approve", key="k" * 9)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/portal/todos/{todo}")
    assert "is done" in li.text(f"/portal/todos/{todo}")


def test_what_is_missing_is_said_in_the_readers_language(center: Center, li: Browser) -> None:
    todo = center.task("1")
    assert "needed for reject" in li.text(f"/portal/todos/{todo}")
    answer = pressed(li, todo, "reject")
    assert "act.comment" in answer.text
    assert "Write a comment" in answer.text
    li.client.headers["accept-language"] = "zh-CN"
    assert "需要填写意见" in pressed(li, todo, "reject").text
    assert center.response(todo) == (None, 0)
    assert "is done" not in pressed(li, todo, "reject", comment="too dear").text
    assert center.response(todo) == ("reject", 1)


def test_nobody_answers_for_another(center: Center, li: Browser) -> None:
    todo = center.task("2")
    token = li.token("/portal/todos")
    answer = li.post(f"/portal/todos/{todo}/acts", token, HTMX, response="approve", key="x")
    assert (answer.status_code, "todo.unknown" in answer.text) == (404, True)
    assert li.post(f"/portal/todos/{todo}/acts", "0" * 64, response="approve").status_code == 403
    assert center.response(todo) == (None, 0)


def test_a_source_that_is_down_delays_and_a_failure_is_told(center: Center, li: Browser) -> None:
    todo = center.task("1")
    center.simulator.faults.set("unavailable")
    try:
        answer = pressed(li, todo)
        assert "is being submitted" in answer.text
        assert 'hx-trigger="every 2s' in answer.text
        assert 'name="response"' not in answer.text
        assert "Submitting" in li.text("/portal/todos?order=newest")
    finally:
        center.simulator.faults.clear()
    center.again(center.get(f"/{todo}/acts")["items"][0])
    assert "is done" in li.text(f"/portal/todos/{todo}")
    assert center.response(todo) == ("approve", 1)


def test_what_the_hub_cannot_give_is_not_pressed(center: Center, li: Browser) -> None:
    todo = str(center.report({"system": "oa", "id": "O-1", "title": "Leave", "responses": [{"code": "agree"}],
                              "assignees": [{"to": {"code": "1"}}]})[0]["todo"])  # fmt: skip
    page = li.text(f"/portal/todos/{todo}")
    assert "open it in its system" in page
    assert KEY.search(page) is None
    refused = pressed(li, todo, "agree", key="x")
    assert "acts.undeclared" in refused.text
