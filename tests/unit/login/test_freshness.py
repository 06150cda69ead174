"""How long ago a provider saw somebody is what counts, and not when he came back from it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.login.conftest import back, come_back
from tests.unit.login.upstream import Upstream
from tests.unit.portal.conftest import Browser
from tests.unit.todos.conftest import Desk


def began(browser: Browser, more: str = "") -> tuple[str, dict[str, str]]:
    """The address of the provider that a log-in leads to, and what it asks there."""
    place = browser.get(f"/portal/login/with/idp?next=/portal/todos{more}", 303).headers["location"]
    return place, {name: several[0] for name, several in parse_qs(urlsplit(place).query).items()}


def proven(office: Desk) -> Any:
    ((found,),) = office.rows("SELECT proven_at FROM session")
    return found and dt.datetime.fromisoformat(str(found)).replace(tzinfo=dt.UTC)


def test_what_is_asked_of_the_hub_is_asked_of_the_provider(office: Desk, provider: Upstream):
    browser = Browser(office)
    _, asked = began(browser)
    assert {"max_age", "prompt"} & set(asked) == set()
    _, asked = began(browser, "&oldest=300")
    assert (asked["max_age"], "prompt" in asked) == ("300", False)
    _, asked = began(browser, "&oldest=0")
    assert (asked["max_age"], asked["prompt"]) == ("0", "login")
    page = browser.text("/portal/login?next=/portal/todos&oldest=300")
    assert "/portal/login/with/idp?next=/portal/todos&amp;oldest=300" in page
    assert "&amp;oldest=0" in browser.text("/portal/login?again=1")
    page = browser.login("li@corp.example", "x", oldest="300").text
    assert "oldest=300" in page


@pytest.mark.parametrize(("ago", "oldest"), [(3600, "0"), (None, "0"), (3600, "300"), (None, "300"), ("x", "300")])
def test_an_old_log_in_at_the_provider_is_none_where_a_new_one_is_asked_for(
    office: Desk, provider: Upstream, ago: Any, oldest: str
):
    provider.ago = ago if ago != "x" else None
    if ago == "x":
        provider.lie = lambda said: said.update(auth_time="now")
    browser = Browser(office)
    place, _ = began(browser, f"&oldest={oldest}")
    answer = back(browser, provider.code(place))
    assert (answer.status_code, "login.provider" in answer.text) == (403, True)
    assert office.rows("SELECT digest FROM session") == []
    assert "auth_time" in str(office.rows("SELECT details FROM audit ORDER BY seq DESC LIMIT 1"))


def test_the_session_is_as_old_as_what_the_provider_says(office: Desk, provider: Upstream):
    """What changes a way to log in asks for a new log-in: an old one at the provider is none."""
    provider.ago = 3600
    browser = Browser(office)
    assert come_back(browser, provider).status_code == 303
    assert 3500 < (dt.datetime.now(dt.UTC) - proven(office)).total_seconds() < 3700
    answer = browser.post("/portal/log-ins/link/idp", browser.token("/portal/log-ins"))
    assert answer.headers["location"].startswith("/portal/login?again=1")
    provider.ago = 0
    place, _ = began(browser, "&oldest=0")
    assert back(browser, provider.code(place)).status_code == 303
    assert browser.post("/portal/log-ins/link/idp", browser.token("/portal/log-ins")).status_code == 200


def test_a_provider_that_does_not_say_when_has_seen_nobody_lately(office: Desk, provider: Upstream):
    provider.ago = None
    browser = Browser(office)
    assert come_back(browser, provider).status_code == 303
    assert proven(office) is None
    answer = browser.post("/portal/log-ins/link/idp", browser.token("/portal/log-ins"))
    assert answer.headers["location"].startswith("/portal/login?again=1")


def test_nobody_proves_who_he_is_in_the_future(office: Desk, provider: Upstream):
    provider.ago = -86_400
    assert come_back(Browser(office), provider).status_code == 303
    assert proven(office) <= dt.datetime.now(dt.UTC)
