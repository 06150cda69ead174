"""Purchase requisitions of a real Tryton approved by a button in a real browser: decided there once, whatever happens
to the button, to Tryton and to the hub, while the page says what is so. Tryton's own log counts the decisions."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from tests.conftest import Login
from tests.e2e.test_portal import DESK, PASSWORD, chromium
from tests.e2e.test_webhook import listens, process
from tests.integration.test_acts_tryton import ERP, PERSON, USERS, Purchasing, anna, requisition
from tests.stores import SqliteStore
from tests.systems.place import Unavailable, free_port
from tests.systems.tryton import PASSWORD as SECRET
from tests.systems.tryton import USER, Own
from tests.systems.tryton_seed import PASSWORDS, Session
from tests.unit.bus.busworld import until
from tests.unit.http.between import Between
from tests.unit.http.fake import Answer, Asked, running

__all__ = ["anna", "chromium", "requisition"]
pytestmark = pytest.mark.against("jsonrpc", "Tryton 8.0", "real")

WAIT = 40_000
"""Milliseconds for what the hub does by itself: a pause between two tries may be half of it."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    try:
        made = Own(tmp_path_factory.mktemp("tryton"))
    except Unavailable as why:
        pytest.skip(str(why))
    made.begin()
    yield made
    made.end()


@pytest.fixture(scope="module")
def tryton(own: Own) -> Login:
    """The module's own, which it may hold and end, in place of that of all tests."""
    return Login(own.url, USER, SECRET)


@pytest.fixture(autouse=True)
def _tryton_runs(own: Own) -> Iterator[None]:
    """After each test, however it ended; and pages have the time that a hub takes between two tries."""
    expect.set_options(timeout=WAIT)
    yield
    expect.set_options(timeout=5_000)
    own.go_on()
    own.begin()


class Way(Between):
    """To Tryton, which is held the moment an approval has come to it, while the connection breaks: the hub has no
    answer, and Tryton still has the call."""

    def __init__(self, own: Own) -> None:
        super().__init__(own.url.rpartition("/")[0], lambda asked: b'.requisition.approve"' in asked.body)
        self.own, self.late = own, ThreadPoolExecutor(1)

    def reply(self, asked: Asked) -> Answer:
        if not self.lost(asked):
            return super().reply(asked)
        self.own.hold()
        self.late.submit(super().reply, asked)
        return Answer(raw=b"")


class Office(Purchasing):
    """The hub of ``test_acts_tryton``, served by a process of its own at ``portal``."""

    admin: Session
    number: int
    browser: Browser
    cookies: dict[str, Any]

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.number}/portal"

    @contextmanager
    def served(self, **variables: str) -> Iterator[subprocess.Popen[str]]:
        with self.running("serve", "--port", str(self.number), **variables) as made:
            assert made.stderr is not None
            assert "/portal" in made.stderr.readline()
            until(lambda: listens(self.portal), 60)
            yield made

    @contextmanager
    def running(self, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        with pytest.MonkeyPatch.context() as patch:
            for name, text in {**self.variables, "COPHUB_STORE": self.store, **variables}.items():
                patch.setenv(name, text)
            with process(self.folder, *words) as made:
                yield made

    @contextmanager
    def erp_at(self, url: str) -> Iterator[None]:
        """Where hubs that begin meanwhile find Tryton."""
        path = self.folder / "config" / "systems" / "erp.yaml"
        before = path.read_text(encoding="utf-8")
        path.write_text(re.sub("url: .*", f"url: {url}", before), encoding="utf-8")
        yield
        path.write_text(before, encoding="utf-8")

    def working(self) -> Any:
        """The worker, which tries what waits."""
        return self.running("worker", "--only", "acts")

    def decisions(self, requisition: int) -> list[tuple[str, str]]:
        """Who decided, by Tryton's log: each press that reached it, and each change of its state that came of one."""
        asked = [["resource", "=", f"purchase.requisition,{requisition}"], ["event", "in", ["button", "transition"]]]
        rows = self.admin.call("ir.model.log", "search_read", asked, 0, None, [["id", "ASC"]], ["user.login", "target"])
        decided = ("approve", "reject", "state:approved", "state:rejected")
        return [(row["user."]["login"], row["target"]) for row in rows if row["target"] in decided]


@pytest.fixture(scope="module")
def office(
    own: Own, tryton: Login, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    made = Office(tmp_path_factory.mktemp("office") / "w", SqliteStore())
    made.number = free_port()
    made.write("config/hub.yaml", "hub: test\napi: {rate: 100000, burst: 100000}\npeople: {model: person}\n")
    made.model(PERSON)
    erp = ERP.replace("URL", tryton.url).replace("USER", tryton.username)
    made.write("config/systems/erp.yaml", erp.replace("connector:", "title: Purchasing\n    connector:"))
    made.mapping(USERS)
    made.variables["COPHUB_SECRET_ERP_PASSWORD"] = tryton.password
    for login, password in PASSWORDS.items():
        made.variables[f"COPHUB_SECRET_ERP_USERS_{login.upper()}"] = password
    made.migrate()
    made.run("users", initial=True)
    made.serve()
    made.all = made.key("all", "todos:read", "todos:write", "todos:act")
    hub = made.open_hub.hub
    for login in PASSWORDS:
        accounts.add(hub.database, hub.actor, Passwords(), login, person(hub, login), PASSWORD, hub.clock())
    made.admin = Session(tryton.url, tryton.username, tryton.password)
    made.admin.context = made.admin.rpc("model.res.user.get_preferences", True, {})
    made.browser, made.cookies = chromium, {}
    yield made
    made.close()


Opener = Callable[..., Page]


@pytest.fixture
def opened(office: Office) -> Iterator[Opener]:
    """The page of a to-do, or the list, as somebody sees it."""
    with ExitStack() as stack:

        def page(login: str, todo: str = "") -> Page:
            context = office.browser.new_context(
                viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", storage_state=office.cookies.get(login)
            )
            stack.callback(context.close)
            context.set_default_timeout(WAIT)
            made = context.new_page()
            made.goto(f"{office.portal}/todos/{todo}".rstrip("/"))
            if login not in office.cookies:
                made.fill("#name", login)
                made.fill("#password", PASSWORD)
                made.press("#password", "Enter")
                made.wait_for_selector("#act")
                office.cookies[login] = context.storage_state()
            made.evaluate("window.same = true")
            return made

        yield page


def done(page: Page, response: str = "approve") -> None:
    """The page tells it, without having been loaded again."""
    expect(page.locator(".notice.good")).to_contain_text(f"“{response}” is done")
    assert page.evaluate("window.same") is True


APPROVED = [("bob", "approve"), ("bob", "state:approved")]


def test_a_button_pressed_approves_in_tryton_once(
    office: Office, opened: Opener, requisition: Callable[[], int]
) -> None:
    number = requisition()
    with office.served():
        page = opened("bob", office.report(number, "bob"))
        assert office.decisions(number) == []
        page.click("button[value=approve]")
        done(page)
        assert office.decisions(number) == APPROVED
        expect(page.locator("#act")).to_have_count(0)
        page.goto(f"{office.portal}/todos")
        expect(page.locator("#inbox")).not_to_contain_text(f"Requisition {number}")


def test_pressed_twice_quickly_and_in_two_windows_it_is_one_decision(
    office: Office, opened: Opener, requisition: Callable[[], int]
) -> None:
    first, second = requisition(), requisition()
    with office.served():
        page = opened("bob", office.report(first, "bob"))
        page.dblclick("button[value=approve]")
        done(page)
        assert office.decisions(first) == APPROVED
        todo = office.report(second, "bob")
        windows = [opened("bob", todo) for _ in range(2)]
        for window in windows:
            window.click("button[value=approve]", no_wait_after=True)
        for window in windows:
            done(window)
        assert office.decisions(second) == APPROVED


def test_while_tryton_is_stopped_the_page_says_that_it_is_tried_and_then_it_is_done_once(
    office: Office, own: Own, opened: Opener, requisition: Callable[[], int]
) -> None:
    number = requisition()
    with office.served():
        page = opened("bob", office.report(number, "bob"))
        own.end()
        page.click("button[value=approve]")
        told = page.locator("#todo .notice")
        expect(told).to_contain_text("is being submitted")
        expect(told.locator("code")).to_have_text(re.compile(r"^\w+\.\w+$"))
        expect(page.locator("button[value=approve]")).to_have_count(0)
        listed = opened("bob")
        expect(listed.locator(".item", has_text=f"Requisition {number}")).to_contain_text("Submitting")
        with office.working():
            own.begin()
            done(page)
        assert office.decisions(number) == APPROVED


def test_tryton_held_in_the_middle_of_the_call_decides_late_and_is_not_asked_again(
    office: Office, own: Own, opened: Opener, requisition: Callable[[], int]
) -> None:
    number = requisition()
    way = Way(own)
    with way.late, running(way.fake), office.erp_at(f"{way.fake.url}/hub"), office.served(), office.working():
        page = opened("bob", office.report(number, "bob"))
        page.click("button[value=approve]")
        told = page.locator("#todo .notice")
        expect(told).to_contain_text("is being submitted")
        expect(told.locator("code")).to_have_count(1)
        own.go_on()  # with the call, and with whatever the hub has asked since
        done(page)
    assert office.decisions(number) == APPROVED
    assert sum(way.lost(asked) for asked in way.fake.asked) == 1


def test_a_hub_killed_after_the_call_finds_out_what_became_of_it(
    office: Office, opened: Opener, requisition: Callable[[], int]
) -> None:
    number = requisition()
    with office.served(COPHUB_FAILPOINT="after_target_ack=kill") as served:
        page = opened("bob", office.report(number, "bob"))
        page.click("button[value=approve]")
        assert served.wait(60) == -signal.SIGKILL
        expect(page.locator("#offline")).to_be_visible()
        expect(page.locator(".notice.good")).to_have_count(0)
        assert office.decisions(number) == APPROVED
    with office.served():
        expect(page.locator("#todo .notice")).to_contain_text("is being submitted")
        expect(page.locator("#offline")).to_be_hidden()
        with office.working():
            done(page)
    assert office.decisions(number) == APPROVED


def test_who_may_not_approve_is_refused_by_tryton_and_who_may_is_not(
    office: Office, opened: Opener, requisition: Callable[[], int]
) -> None:
    number = requisition()
    with office.served():
        todo = office.report(number, "anna", "bob")
        hers, his = opened("anna", todo), opened("bob", todo)
        hers.click("button[value=approve]")
        expect(hers.locator(".notice.bad")).to_contain_text("not allowed")
        expect(hers.locator(".notice.bad code")).to_have_text("act.refused")
        assert office.decisions(number) == []
        his.click("button[value=approve]")
        done(his)
        assert office.decisions(number) == APPROVED
        expect(hers.locator("#act")).to_have_count(0)
