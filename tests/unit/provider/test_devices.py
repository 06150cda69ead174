"""Log-in for devices (RFC 8628): what they are told while somebody types their code, and what may happen once."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub.portal.app import NAMES
from sso.clients import GRANTS
from tests.unit.provider.conftest import Office, Rp

DEVICE = GRANTS["device_code"]


class Tv(Rp):
    """A device, and a person who logs in for it in a browser."""

    def __init__(self, office: Office) -> None:
        super().__init__(office, "tv")
        self.codes: dict[str, Any] = self.begin().json()

    def begin(self, **more: Any) -> Any:
        return self.ask("device", **({"scope": "openid profile offline_access"} | more))

    def poll(self, after: int = 6) -> tuple[int, str]:
        """Status and error, so many seconds later."""
        self.office.ahead += dt.timedelta(seconds=after)
        answer = self.ask("token", grant_type=DEVICE, device_code=self.codes["device_code"])
        self.given_tokens = answer.json()
        return answer.status_code, self.given_tokens.get("error", "")

    def page(self, name: str = "li.na") -> Any:
        """The page for codes, of who is logged in."""
        answer = self.follow(self.browser.client.get("/portal/sso/device"))
        return self.login(answer, name) if 'name="password"' in answer.text else answer

    def type(self, code: str = "") -> Any:
        page = self.page()
        if page.status_code == 303:
            page = self.browser.client.get(page.headers["location"])
        return self.press(page, "/portal/sso/device", user_code=code or self.codes["user_code"])

    def answer(self, yes: str = "yes") -> Any:
        return self.press(self.type(), "/portal/sso/ask", agree=yes)


def test_a_device_is_logged_in_by_its_code(office: Office) -> None:
    tv = Tv(office)
    assert urlsplit(tv.codes["verification_uri"]).path == "/portal/sso/device"
    assert (tv.codes["expires_in"], tv.codes["interval"]) == (600, 5)
    assert tv.poll() == (400, "authorization_pending")
    page = tv.type(tv.codes["user_code"].lower().replace("-", " "))
    assert (tv.codes["user_code"] in page.text, "Television" in page.text) == (True, True)
    assert tv.poll() == (400, "authorization_pending")
    assert "Done" in tv.press(page, "/portal/sso/ask", agree="yes").text
    assert tv.poll() == (200, "")
    claims = tv.claims(tv.given_tokens, nonce=False)
    assert claims["aud"] == "tv"
    assert tv.userinfo(tv.given_tokens["access_token"]).json()["name"] == "李娜"
    assert tv.refresh(tv.given_tokens["refresh_token"]).status_code == 200


def test_who_asks_too_often_must_wait_longer(office: Office) -> None:
    tv = Tv(office)
    assert [tv.poll(6), tv.poll(1), tv.poll(6), tv.poll(16)] == [
        (400, "authorization_pending"), (400, "slow_down"), (400, "slow_down"), (400, "authorization_pending"),
    ]  # fmt: skip


def test_a_code_of_a_device_works_once(office: Office) -> None:
    tv = Tv(office)
    tv.answer()
    assert tv.poll() == (200, "")
    tokens = tv.given_tokens
    assert tv.poll() == (400, "invalid_grant")
    assert tv.userinfo(tokens["access_token"]).status_code == 401
    assert "No device waits" in tv.type().text


def test_who_does_not_agree_ends_it(office: Office) -> None:
    tv = Tv(office)
    assert "was not logged in" in tv.answer("no").text
    assert tv.poll() == (400, "access_denied")
    assert "No device waits" in tv.type().text


def test_codes_end(office: Office) -> None:
    tv = Tv(office)
    page = tv.type()
    office.ahead += dt.timedelta(minutes=11)
    assert tv.poll() == (400, "expired_token")
    assert tv.press(page, "/portal/sso/ask", agree="yes").status_code != 303
    assert "No device waits" in tv.type().text


def test_codes_cannot_be_guessed(office: Office) -> None:
    tv = Tv(office)
    statuses = [tv.type("BBBB-BBBB").status_code for _ in range(NAMES[1] + 1)]
    assert statuses == [404] * NAMES[1] + [429]
    assert tv.type().status_code == 429


def test_a_client_is_asked_for_what_it_may(office: Office) -> None:
    tv, other = Tv(office), Rp(office)
    assert tv.begin(scope="openid email").json()["error"] == "invalid_scope"
    assert tv.begin(scope=None).json()["error"] == "invalid_scope"
    assert other.ask("device", scope="openid").json()["error"] == "unauthorized_client"
    stolen = other.ask("token", grant_type=DEVICE, device_code=tv.codes["device_code"])
    assert stolen.json()["error"] == "unauthorized_client"
    assert tv.ask("token", grant_type=DEVICE, device_code="cpd_x").json()["error"] == "invalid_grant"


@pytest.mark.parametrize("place", ["/portal/sso/device", "/portal/sso/device?user_code=BBBB-BBBB"])
def test_nobody_types_codes_without_a_log_in(office: Office, place: str) -> None:
    answer = Rp(office).browser.get(place, 303)
    assert answer.headers["location"].startswith("/portal/login?next=")
