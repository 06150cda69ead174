"""Who is let in to the portal, how long, and what nobody can send for him."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from hub.errors import ConfigError
from hub.portal.app import ADDRESSES, NAMES
from hub.portal.ground import onward
from hub.security import accounts
from hub.security.accounts import Ends, digest
from hub.security.passwords import Passwords, require_good
from hub.security.rates import Buckets
from hub.store import accounts as stored
from tests.unit.portal.conftest import CHEAP, PASSWORD, Browser
from tests.unit.todos.conftest import Desk

SESSION = "__Host-cophub-session"
ENDS = Ends(dt.timedelta(minutes=30), dt.timedelta(hours=12))


def audited(office: Desk, action: str) -> list[tuple[Any, ...]]:
    query = f"SELECT actor, object FROM audit WHERE action = '{action}' ORDER BY seq"
    return [tuple(row) for row in office.rows(query)]


def test_a_session_is_a_cookie_that_only_its_digest_is_kept_of(office: Desk):
    browser = Browser(office)
    answer = browser.login("Li.Na", next="/portal/todos?box=done")
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/todos?box=done")
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith(SESSION)]
    assert {one.strip().lower() for one in cookie.split(";")[1:]} == {"httponly", "path=/", "samesite=lax", "secure"}
    token = browser.client.cookies[SESSION]
    assert [row[0] for row in office.rows("SELECT digest FROM session")] == [digest(token)]
    assert browser.get("/portal/todos").status_code == 200
    assert audited(office, "session.begun")[-1] == ("account:li.na", "account:li.na")


def test_without_a_session_one_is_led_to_log_in_and_back(office: Desk):
    browser = Browser(office)
    answer = browser.get("/portal/todos?box=done", 303)
    assert answer.headers["location"] == "/portal/login?next=/portal/todos%3Fbox%3Ddone"
    assert browser.get("/", 303).headers["location"] == "/portal/todos"
    part = browser.get("/portal/todos?live=1", 401, {"hx-request": "true"})
    assert (part.headers["hx-redirect"], part.text) == ("/portal/login?ended=1", "")
    assert browser.get("/portal/stream?live=1", 401, {"accept": "text/event-stream"}).text == ""


def test_what_is_wrong_is_not_told(office: Desk):
    hub = office.open_hub.hub
    told = {}
    for name, password in (("li.na", "not the password"), ("nobody", PASSWORD), ("", ""), ("li.na", "x" * 5000)):
        answer = Browser(office).login(name, password)
        assert answer.status_code == 403
        told[name, password[:3]] = answer.text.partition("<p id=\"told\"")[2].partition("</p>")[0]
    accounts.disable(hub.database, hub.actor, "wang.wei", hub.clock())
    told["wang.wei", "cor"] = Browser(office).login("wang.wei").text.partition("<p id=\"told\"")[2].partition("</p>")[0]
    accounts.enable(hub.database, hub.actor, "wang.wei")
    assert len(set(told.values())) == 1
    assert "nobody" not in str(audited(office, "session.refused"))
    assert ("portal", "account:li.na") in audited(office, "session.refused")


def test_a_long_name_is_cut_before_it_is_normalized():
    """Whole it would take minutes: to put its marks in order takes the square of their number."""
    assert len(accounts.normal("\u0315\u0300" * 500_000)) <= 2 * accounts.LONGEST


def test_an_unknown_name_costs_the_same_work():
    passwords, work = Passwords(CHEAP), []
    verify = passwords.hasher.verify

    class Counting:
        def verify(self, stored: str, given: str) -> bool:
            work.append(stored.rpartition("$")[0].rpartition("$")[0])
            return verify(stored, given)

    known = passwords.hash(PASSWORD)
    passwords.hasher = Counting()  # type: ignore[assignment] # it only counts
    assert not passwords.fits(None, PASSWORD)
    assert passwords.fits(known, PASSWORD)
    assert len(work) == 2
    assert len(set(work)) == 1


@pytest.mark.parametrize("name", ["li.na", "nobody"])
def test_wrong_passwords_are_slowed_down_by_name(office: Desk, name: str):
    for _ in range(NAMES[1]):
        assert Browser(office).login(name, "x").status_code == 403
    answer = Browser(office).login(name, PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many attempts" in answer.text
    assert Browser(office).login("wang.wei").status_code == 303  # others are not locked out


def test_the_number_of_names_that_one_address_tries_is_bounded():
    many = Buckets(*ADDRESSES)
    assert [many.take("10.0.0.9") > 0 for _ in range(ADDRESSES[1] + 1)] == [False] * ADDRESSES[1] + [True]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_from_elsewhere_is_refused(office: Desk, headers: dict[str, str]):
    browser = Browser(office)
    fields = {"name": "li.na", "password": PASSWORD}
    answer = browser.post("/portal/login", browser.token(), headers, **fields)
    assert answer.status_code == 403
    assert "form.forged" in answer.text
    own = {"origin": "https://hub.example", "sec-fetch-site": "same-origin"}
    assert browser.post("/portal/login", browser.token(), own, **fields).status_code == 303


@pytest.mark.parametrize("place", ["/portal/logout", "/portal/language", "/portal/login"])
def test_a_form_of_another_session_is_refused(office: Desk, li: Browser, place: str):
    other = Browser(office)
    strange = other.token()
    for token in ("", "0" * 64, strange):
        answer = li.post(place, token, language="zh", name="li.na", password=PASSWORD)
        assert (answer.status_code, "form.forged" in answer.text) == (403, True)
    assert li.get("/portal/todos").status_code == 200


def test_logging_out_ends_the_session_in_the_store(office: Desk, li: Browser):
    token = li.client.cookies[SESSION]
    answer = li.post("/portal/logout", li.token("/portal/todos"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/login?out=1")
    li.client.cookies.set(SESSION, token, domain="hub.example")
    li.get("/portal/todos", 303)
    assert audited(office, "session.ended")[-1] == ("account:li.na", "account:li.na")


def test_every_log_in_has_a_session_of_its_own(office: Desk):
    browser = Browser(office)
    browser.client.cookies.set(SESSION, "chosen-by-somebody-else", domain="hub.example")
    browser.login("li.na")
    assert browser.client.cookies.get(SESSION, domain="hub.example") != "chosen-by-somebody-else"
    assert len(office.rows("SELECT digest FROM session")) == 1


def test_a_new_password_and_a_disabled_account_end_sessions(office: Desk):
    hub, passwords = office.open_hub.hub, Passwords(CHEAP)
    wang = Browser(office)
    wang.login("wang.wei")
    accounts.set_password(hub.database, hub.actor, passwords, "wang.wei", PASSWORD, hub.clock())
    wang.get("/portal/todos", 303)
    wang.login("wang.wei")
    accounts.disable(hub.database, hub.actor, "wang.wei", hub.clock())
    wang.get("/portal/todos", 303)
    accounts.enable(hub.database, hub.actor, "wang.wei")


def test_a_session_ends_when_it_is_not_used_and_when_it_is_old(office: Desk):
    hub = office.open_hub.hub
    row, begun = stored.named(hub.database, "li.na"), hub.clock()

    def after(minutes: float, *, used: bool = True) -> bool:
        moment = begun + dt.timedelta(minutes=minutes)
        return accounts.visitor(hub.database, token, ENDS, moment, used=used) is not None

    token = accounts.begin(hub.database, row, ENDS, begun)
    assert after(29, used=False)  # a page that looks by itself
    assert not after(31)
    assert not after(1)  # it is gone
    token = accounts.begin(hub.database, row, ENDS, begun)
    assert all(after(29 * turn) for turn in range(1, 25))
    assert not after(12 * 60 + 1)


def test_who_left_is_not_let_in(office: Desk):
    hub = office.open_hub.hub
    browser = Browser(office)
    browser.login("wang.wei")
    with hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE e_person SET _state = 1 WHERE number = '2'")
    try:
        browser.get("/portal/todos", 303)
        assert Browser(office).login("wang.wei").status_code == 403
    finally:
        with hub.database.begin() as connection:
            connection.exec_driver_sql("UPDATE e_person SET _state = 0 WHERE number = '2'")


def test_passwords_come_over_tls_or_from_this_machine(office: Desk):
    plain = Browser(office, base="http://hub.example")
    refused = plain.get("/portal/login", 403)
    assert "portal.plain" in refused.text
    assert "--behind" in refused.text
    here = Browser(office, base="http://127.0.0.1:8080")
    answer = here.login("li.na")
    assert answer.status_code == 303
    assert any(one.startswith("cophub-session=") for one in answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    "place",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/portal/../../x\\y", "/portal/\r\nx: y", "", "/v1",
     "javascript:alert(1)", "/portal//evil.example\t", "https:/portal/", "http://[/portal/"],
)  # fmt: skip
def test_after_log_in_one_stays_here(place: str):
    assert onward(place) == "/portal/todos"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password.short"),
        ("x" * 300, "password.long"),
        ("a" * 20, "password.weak"),
        ("li.nali.nali.na1", "password.weak"),
        ("Schöne neue Welt", ""),
        ("三个字三个字的密码也要够长才行啊", ""),
    ],
)
def test_what_is_taken_as_a_password(password: str, code: str):
    if not code:
        require_good(password, "li.na")
        return
    with pytest.raises(ConfigError) as told:
        require_good(password, "li.na")
    assert told.value.code == code


def test_a_password_is_the_same_however_it_is_composed():
    passwords = Passwords(CHEAP)
    assert passwords.fits(passwords.hash("Schöne neue Welt"), "Scho\u0308ne neue Welt")


def test_a_name_is_taken_once_and_a_hash_by_old_parameters_is_renewed(office: Desk):
    hub = office.open_hub.hub
    row = stored.named(hub.database, "wang.wei")
    with pytest.raises(ConfigError, match="already"):
        stored.add(hub.database, replace(row), lambda *_: None)
    old = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$"
    assert Passwords().is_old(old + "AAAAAAAAAAAAAAAAAAAAAA")
    with pytest.raises(ConfigError) as told:
        accounts.add(hub.database, hub.actor, Passwords(), "a b", row.person, PASSWORD, hub.clock())
    assert told.value.code == "account.name"


def test_a_hash_by_newer_parameters_is_of_the_password_of_now(office: Desk):
    """A new password is set while the former one is being hashed again."""
    hub = office.open_hub.hub

    class Between(Passwords):
        def is_old(self, stored: str) -> bool:
            accounts.set_password(hub.database, hub.actor, Passwords(CHEAP), "li.na", "quite another one", hub.clock())
            return True

    accounts.proven(hub.database, Between(CHEAP), "person", "li.na", PASSWORD)
    kept = stored.named(hub.database, "li.na").password
    try:
        assert Passwords(CHEAP).fits(kept, "quite another one")
    finally:
        accounts.set_password(hub.database, hub.actor, Passwords(CHEAP), "li.na", PASSWORD, hub.clock())
