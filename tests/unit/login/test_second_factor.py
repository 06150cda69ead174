"""The second factor of local accounts: set up, asked for, used once, and never a lock for others to close."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyotp
import pytest

from hub.errors import AuthError, Retriable
from hub.security import accounts, sessions
from hub.security.accounts import actor_of, digest
from hub.store import accounts as stored
from hub.store.accounts import AccountRow
from hub.workspace.roles import RolesFile
from sso import secondly
from tests.unit.portal.conftest import PASSWORD, Browser, ground
from tests.unit.todos.conftest import Desk


@pytest.fixture
def wang(office: Desk) -> AccountRow:
    """An account without a second factor, and a clock that stands still."""
    frozen = dt.datetime(2026, 11, 27, 8, 0, 10, tzinfo=dt.UTC)
    with office.open_hub.hub.database.begin() as connection:
        for name in ("login_totp", "login_recovery", "login_half", "login_trial"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    office.ahead = frozen - dt.datetime.now(dt.UTC)
    return stored.named(office.open_hub.hub.database, "wang.wei")


def code_of(office: Desk, key: str, steps: int = 0) -> str:
    return pyotp.TOTP(key).at(int(office.open_hub.hub.clock().timestamp()) + 30 * steps)


def later(office: Desk, seconds: int = 30) -> None:
    office.ahead += dt.timedelta(seconds=seconds)


def enrolled(office: Desk, row: AccountRow) -> tuple[str, list[str]]:
    hub = office.open_hub.hub
    key = secondly.proposed(hub, row)
    return key, secondly.confirmed(hub, row, code_of(office, key))


def answered(browser: Browser, code: str) -> Any:
    return browser.post("/portal/login/second", browser.token("/portal/login/second"), code=code)


def test_a_password_alone_opens_nothing_any_more(office: Desk, wang: AccountRow):
    key, _ = enrolled(office, wang)
    later(office)
    browser = Browser(office)
    answer = browser.login("wang.wei", next="/portal/todos?box=done")
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/login/second")
    assert office.rows("SELECT digest FROM session") == []
    browser.get("/portal/todos", 303)
    assert answered(browser, "000000").status_code == 403
    answer = answered(browser, code_of(office, key))
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/todos?box=done")
    browser.get("/portal/todos")
    assert [row[0] for row in office.rows("SELECT methods FROM session")] == ["pwd otp mfa"]


def test_a_code_is_taken_once_and_none_before_it(office: Desk, wang: AccountRow):
    hub = office.open_hub.hub
    key, _ = enrolled(office, wang)
    assert not secondly.fits(hub, wang, code_of(office, key))  # it confirmed the key
    later(office)
    code = code_of(office, key)
    assert secondly.fits(hub, wang, code)
    assert not secondly.fits(hub, wang, code)
    assert not secondly.fits(hub, wang, code_of(office, key, -1))
    assert secondly.fits(hub, wang, code_of(office, key, 1))  # a phone's clock that is ahead
    later(office, 90)
    assert not secondly.fits(hub, wang, code_of(office, key, -2))


def test_one_code_at_once_from_many_sides_is_taken_by_one(office: Desk, wang: AccountRow):
    hub = office.open_hub.hub
    key, codes = enrolled(office, wang)
    for code in (lambda: code_of(office, key), lambda: codes[0]):
        later(office, 16 * 60)  # seven wrong ones of each round do not count in the next
        given = code()
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _, given=given: secondly.fits(hub, wang, given), range(8))) == 1


def test_recovery_codes_are_kept_as_digests_and_used_once(office: Desk, wang: AccountRow):
    hub = office.open_hub.hub
    _, codes = enrolled(office, wang)
    assert len(set(codes)) == 10
    kept = {row[0] for row in office.rows("SELECT digest FROM login_recovery")}
    assert len(kept) == 10
    assert not {codes[0], codes[0].replace("-", "")} & kept
    assert secondly.fits(hub, wang, codes[0].upper())
    assert not secondly.fits(hub, wang, codes[0])
    assert office.rows("SELECT seq FROM audit WHERE action = 'second.recovered'")


def test_the_key_is_sealed_for_its_account(office: Desk, wang: AccountRow):
    key, _ = enrolled(office, wang)
    ((sealed,),) = office.rows("SELECT sealed FROM login_totp")
    assert key.encode() not in bytes(sealed)


def test_wrong_codes_are_bounded_and_strangers_do_not_lock_the_owner_out(office: Desk, wang: AccountRow):
    hub, home = office.open_hub.hub, Browser(office)
    home.login("wang.wei")
    device = digest(home.client.cookies["__Host-cophub-device"] + "\0wang.wei")
    key, _ = enrolled(office, wang)
    later(office)
    for _ in range(secondly.WRONG):
        assert not secondly.fits(hub, wang, "000000")
    with pytest.raises(Retriable) as many:
        secondly.fits(hub, wang, code_of(office, key))
    assert many.value.code == "request.many"
    assert secondly.fits(hub, wang, code_of(office, key), device)
    later(office, 16 * 60)
    assert secondly.fits(hub, wang, code_of(office, key))


def test_a_log_in_is_half_done_for_a_while_in_one_browser(office: Desk, wang: AccountRow):
    key, _ = enrolled(office, wang)
    browser, other = Browser(office), Browser(office)
    browser.login("wang.wei")
    assert "login.state" in other.get("/portal/login/second", 403).text
    token = browser.token("/portal/login/second")
    later(office, 11 * 60)
    assert "login.state" in browser.post("/portal/login/second", token, code=code_of(office, key)).text


def test_who_must_have_one_sets_it_up_while_he_logs_in(office: Desk, wang: AccountRow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(secondly, "required", lambda hub, row: True)
    browser = Browser(office)
    assert browser.login("wang.wei").headers["location"] == "/portal/login/second"
    page = browser.text("/portal/login/second")
    key = re.search(r'id="key">([A-Z2-7 ]+)<', page)
    token = re.search(r'name="token" value="([0-9a-f]{64})"', page)
    assert key is not None
    assert token is not None
    wrong = browser.post("/portal/login/second", token[1], code="000000")
    assert wrong.status_code == 403
    done = browser.post("/portal/login/second", token[1], code=code_of(office, key[1].replace(" ", "")))
    assert done.status_code == 200, done.text
    assert len(re.findall(r"<li><code>[a-z2-7]{4}-", done.text)) == 10
    browser.get("/portal/todos")


def test_who_is_logged_in_sets_one_up_by_his_own_will(office: Desk, wang: AccountRow):
    browser = Browser(office)
    browser.login("wang.wei")
    page = browser.post("/portal/log-ins/second", browser.token("/portal/log-ins")).text
    key = re.search(r'id="key">([A-Z2-7 ]+)<', page)
    assert key is not None
    form = browser.token("/portal/log-ins")
    done = browser.post("/portal/log-ins/second", form, code=code_of(office, key[1].replace(" ", "")))
    assert "recovery codes" in done.text
    assert "Codes of an authenticator app" in browser.text("/portal/log-ins")
    hub = office.open_hub.hub
    assert secondly.removed(hub, hub.actor, wang)
    assert not secondly.removed(hub, hub.actor, wang)


def test_a_role_asks_for_a_second_factor(office: Desk, wang: AccountRow):
    hub = office.open_hub.hub
    def ruled(second: Any) -> bool:
        login = hub.workspace.hub.login.model_copy(update={"second": second})
        roles = RolesFile(actors={actor_of("wang.wei").name: ["payroll"]})
        shape = hub.workspace.hub.model_copy(update={"login": login})
        return secondly.required(replace(hub, workspace=replace(hub.workspace, hub=shape, roles=roles)), wang)

    assert [ruled(one) for one in ("all", ["payroll"], ["other"], [])] == [True, True, False, False]


def test_what_changes_the_account_ends_what_is_half_done(office: Desk, wang: AccountRow):
    """Another password, a lock, and the end of all sessions: the second factor alone opens nothing after them."""
    hub, here = office.open_hub.hub, ground(office)
    key, _ = enrolled(office, wang)
    moment = hub.clock

    def locked() -> None:
        accounts.disable(hub.database, hub.actor, "wang.wei", moment())
        accounts.enable(hub.database, hub.actor, "wang.wei")

    changes: list[Callable[[], object]] = [
        lambda: accounts.set_password(hub.database, hub.actor, here.passwords, "wang.wei", PASSWORD, moment()),
        locked,
        lambda: sessions.end(hub.database, hub.actor, wang, here.ends, moment()),
    ]
    for change in changes:
        later(office, 60)
        browser = Browser(office)
        assert browser.login("wang.wei").headers["location"] == "/portal/login/second"
        token = browser.token("/portal/login/second")
        change()
        answer = browser.post("/portal/login/second", token, code=code_of(office, key))
        assert (answer.status_code, office.rows("SELECT digest FROM session")) == (403, [])
        assert office.rows("SELECT digest FROM login_half") == []


def test_what_was_proven_before_a_change_opens_nothing_after_it(office: Desk, wang: AccountRow):
    """The password is changed while somebody's former one is being looked at."""
    hub, here = office.open_hub.hub, ground(office)
    for again in (True, False):
        proven = stored.named(hub.database, "wang.wei")
        later(office)
        if again:
            accounts.set_password(hub.database, hub.actor, here.passwords, "wang.wei", PASSWORD, hub.clock())
        else:
            accounts.disable(hub.database, hub.actor, "wang.wei", hub.clock())
        with pytest.raises(AuthError) as caught:
            secondly.begin(hub, proven, "/portal/todos")
        assert caught.value.code == "login.state"
        with pytest.raises(AuthError) as caught:
            accounts.begin(hub.database, proven, here.ends, hub.clock())
        assert caught.value.code == "login.state"
    accounts.enable(hub.database, hub.actor, "wang.wei")
    assert office.rows("SELECT digest FROM session") == []
