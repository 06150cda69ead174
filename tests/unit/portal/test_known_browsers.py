"""A browser that its owner logged in from: what its cookie is good for, and what it is not."""

from __future__ import annotations

import pytest

from hub.portal.app import NAMES
from hub.security import accounts
from hub.security.rates import Buckets, network
from hub.store.login_devices import WRONG
from tests.unit.portal.conftest import PASSWORD, Browser, ground
from tests.unit.todos.conftest import Desk

DEVICE = "__Host-cophub-device"


@pytest.fixture
def office(office: Desk) -> Desk:
    """Addresses do not matter here, and no browser is known."""
    ground(office).addresses = Buckets(1000, 1000)
    with office.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM login_device")
    return office


def known(office: Desk, name: str) -> str:
    """What the cookie of a browser holds that somebody logged in from."""
    browser = Browser(office)
    assert browser.login(name).status_code == 303
    return str(browser.client.cookies[DEVICE])


def guessed(office: Desk, name: str, device: str, most: int = 40) -> int:
    """How many wrong passwords are tried by browsers that hold a cookie, until it is enough."""
    for count in range(most):
        browser = Browser(office)
        browser.client.cookies.set(DEVICE, device)
        if browser.login(name, "wrong").status_code == 429:
            return count
    return most


def test_a_cookie_of_one_name_is_a_strangers_at_another(office: Desk):
    assert [guessed(office, "wang.wei", known(office, "li.na"), NAMES[1]) for _ in range(3)] == [NAMES[1], 0, 0]


def test_strangers_do_not_lock_the_owner_out_of_his_browser(office: Desk):
    device = known(office, "li.na")
    assert guessed(office, "li.na", "", NAMES[1] + 1) == NAMES[1]
    browser = Browser(office)
    browser.client.cookies.set(DEVICE, device)
    assert browser.login("li.na").status_code == 303


def test_a_stolen_cookie_is_worth_some_guesses_in_all_processes_and_then_nothing(office: Desk):
    device, here = known(office, "li.na"), ground(office)
    for _ in range(WRONG):
        here.names = Buckets(*NAMES)  # another process
        assert guessed(office, "li.na", device, 1) == 1
    here.names = Buckets(*NAMES)
    assert guessed(office, "li.na", "", NAMES[1]) == NAMES[1]
    assert guessed(office, "li.na", device) == 0
    assert not office.rows("SELECT digest FROM login_device")


def test_its_owner_counts_anew_when_he_logs_in(office: Desk):
    device = known(office, "li.na")
    for _ in range(3):
        ground(office).names = Buckets(*NAMES)
        assert guessed(office, "li.na", device, WRONG - 1) == WRONG - 1
        browser = Browser(office)
        browser.client.cookies.set(DEVICE, device)
        assert browser.login("li.na").status_code == 303


def test_a_new_password_forgets_the_browsers(office: Desk):
    device, hub = known(office, "li.na"), office.open_hub.hub
    accounts.set_password(hub.database, hub.actor, ground(office).passwords, "li.na", PASSWORD, hub.clock())
    assert guessed(office, "li.na", "", NAMES[1]) == NAMES[1]
    assert guessed(office, "li.na", device) == 0


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_one_network_of_ipv6_is_one_address(host: str, counted: str):
    assert network((host, 443)) == counted
