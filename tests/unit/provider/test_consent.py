"""What somebody agrees to, he agrees to himself: in his session, to what he was shown."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.unit.provider.conftest import Office, Rp
from tests.unit.provider.test_devices import Tv


def ask_of(page: Any) -> str:
    """The request that a page is about."""
    found: str = page.text.partition('name="id" value="')[2].partition('"')[0]
    assert found.startswith("ask_"), page.text
    return found


def come(rp: Rp, id_: str, name: str = "") -> Any:
    """Somebody opens the address of a request that another was at."""
    page = rp.follow(rp.browser.client.get(f"/portal/sso/ask?id={id_}"))
    return rp.login(page, name) if 'name="password"' in page.text else page


def test_who_is_sent_the_question_of_a_device_is_not_asked_it(office: Office) -> None:
    """RFC 8628, 5.4: the attacker types the code himself, and sends the address that follows."""
    tv, victim = Tv(office), Rp(office, "tv")
    victim.follow(victim.login(victim.browser.get("/portal/login"), "wang.wei"))
    page = come(victim, ask_of(tv.type()))
    assert (page.status_code, "sso.ask" in page.text, 'name="agree"' in page.text) == (422, True, False)
    victim.press(victim.browser.get("/portal/sso/device"), "/portal/sso/ask", id=ask_of(tv.type()), agree="yes")
    assert tv.poll() == (400, "authorization_pending")


def test_a_link_with_the_code_of_a_device_shows_it_and_asks(office: Office) -> None:
    tv = Tv(office)
    place = urlsplit(tv.codes["verification_uri_complete"])
    page = tv.login(tv.follow(tv.browser.client.get(f"{place.path}?{place.query}")))
    page = tv.browser.get(page.headers["location"]) if page.status_code == 303 else page
    assert tv.poll() == (400, "authorization_pending")
    page = tv.press(page, "/portal/sso/device", user_code=tv.codes["user_code"])
    assert (tv.codes["user_code"] in page.text, "Television" in page.text) == (True, True)
    assert tv.poll() == (400, "authorization_pending")


def test_nobody_agrees_for_another(office: Office) -> None:
    """He agrees before he is to prove who he is once more; whoever does so then has agreed to nothing."""
    attacker, victim = Rp(office, "post"), Rp(office, "post")
    attacker.follow(attacker.login(attacker.browser.get("/portal/login")))
    page = attacker.authorize(scope="openid profile", prompt="consent")
    id_ = ask_of(page)
    asked = attacker.authorize(scope="openid profile", prompt="login consent")
    waiting = attacker.office.rows("SELECT digest FROM sso_ask")
    assert ('name="password"' in asked.text, len(waiting)) == (True, 2)
    again = asked.text.partition("ask?id=")[2] or asked.text.partition("ask%3Fid%3D")[2]
    later = again[: len(id_)]
    attacker.press(page, "/portal/sso/ask", id=later, agree="yes")
    victim.follow(victim.login(victim.browser.get("/portal/login"), "wang.wei"))
    shown = come(victim, later)
    assert (shown.status_code, 'name="agree"' in shown.text) == (200, True), shown.text
    assert office.rows("SELECT id FROM sso_grant") == []


def test_what_was_shown_to_one_session_is_not_agreed_to_in_another(office: Office) -> None:
    rp = Rp(office, "post")
    page = rp.login(rp.authorize(scope="openid profile"), "wang.wei")
    other = Rp(office, "post")
    own = other.login(other.authorize(scope="openid profile"), "zhao.min")
    fields = {"id": ask_of(page), "agree": "yes"}
    answer = other.press(own, "/portal/sso/ask", **fields)  # his form, the request of somebody else
    assert (answer.status_code, 'name="agree"' in answer.text) == (200, True)
    assert office.rows("SELECT account FROM sso_consent") == []


def test_an_account_that_somebody_else_chose_is_not_chosen(office: Office) -> None:
    one, other = Rp(office), Rp(office)
    page = one.login(one.authorize(), "zhao.min")
    id_ = ask_of(page)
    other.follow(other.login(other.browser.get("/portal/login"), "zhao.min"))
    asked = office.provider.hub.database
    with asked.begin() as connection:
        connection.exec_driver_sql("UPDATE sso_ask SET asked = json_set(asked, '$.prompt', json('[\"consent\"]'))")
    one.press(page, "/portal/sso/ask", account="赵敏-guest")
    shown = come(other, id_)
    assert (shown.status_code, 'name="account"' in shown.text) == (200, True)


# ------------------------------------------------------------ claims by name


@pytest.mark.parametrize("where", ["userinfo", "id_token"])
def test_claims_that_are_asked_for_by_name_are_shown_and_agreed_to(office: Office, where: str) -> None:
    rp = Rp(office, "post")
    claims = json.dumps({where: {"name": None}})
    page = rp.login(rp.authorize(scope="openid"), "wang.wei")
    assert "your name" not in page.text
    rp.given(rp.press(page, "/portal/sso/ask", agree="yes"))
    assert "code" in rp.given(rp.authorize(scope="openid", prompt="none"))
    assert rp.given(rp.authorize(scope="openid", claims=claims, prompt="none"))["error"] == "consent_required"
    page = rp.authorize(scope="openid", claims=claims)
    assert "your name" in page.text
    rp.given(rp.press(page, "/portal/sso/ask", agree="yes"))
    assert "code" in rp.given(rp.authorize(scope="openid", claims=claims, prompt="none"))
