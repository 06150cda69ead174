"""What is kept for who has not logged in: bounded by address, and swept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from hub.security.rates import STRANGERS
from tests.unit.provider.conftest import Office, Rp

BURST = 12
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def office(office: Office) -> Iterator[Office]:
    """A dozen requests of one address."""
    strangers = office.provider.strangers
    strangers.rate, strangers.burst = 1e-6, BURST
    strangers.forget()
    yield office
    strangers.rate, strangers.burst = STRANGERS
    strangers.forget()


class Stranger:
    """Somebody at an address who never logs in."""

    def __init__(self, office: Office, host: str) -> None:
        self.office = office
        self.client = TestClient(
            office.client.app, "https://hub.example", client=(host, 40000), follow_redirects=False,
            raise_server_exceptions=False,
        )  # fmt: skip

    def ask(self, how: str) -> Any:
        rp = Rp(self.office)
        match how:
            case "authorize":
                return self.client.get("/sso/authorize", params=rp.parameters())
            case "posted":
                return self.client.post("/sso/authorize", data=rp.parameters())
            case "logout" | "cas/logout":
                return self.client.get(f"/sso/{how}")
            case "cas/login":
                return self.client.get("/sso/cas/login", params={"service": SERVICE})
        proof = ("tv", self.office.secret("tv"))
        return self.client.post("/sso/device", data={"scope": "openid"}, auth=proof)


SERVICE = "https://wiki.example.com/wiki/"


def kept(office: Office) -> int:
    """Rows of who has not logged in."""
    ((asks, found),) = office.rows("SELECT (SELECT count(*) FROM sso_ask), (SELECT count(*) FROM sso_device)")
    return int(asks) + int(found)


@pytest.mark.parametrize("how", ["authorize", "posted", "logout", "cas/logout", "cas/login", "device"])
def test_one_address_has_so_many_rows_made_and_no_more(office: Office, how: str):
    answers = [Stranger(office, f"2001:db8:1:2::{number:x}").ask(how) for number in range(4 * BURST)]
    assert kept(office) == BURST
    assert {one.status_code for one in answers[:BURST]} == {200 if how == "device" else 303}
    assert {one.status_code for one in answers[BURST:]} == {429}
    assert answers[-1].json()["error_description"].startswith("request.many")
    assert int(answers[-1].headers["retry-after"]) > 0
    assert Stranger(office, "2001:db8:1:3::1").ask(how).status_code in (200, 303)
    assert Rp(office).code()


def test_who_logs_in_is_not_counted(office: Office):
    for _ in range(BURST + 3):
        assert Rp(office).code()
    assert kept(office) == 0


@pytest.mark.parametrize("how", ["authorize", "device"])
def test_what_nobody_answered_is_swept(office: Office, how: str):
    for number in range(BURST):
        Stranger(office, f"10.0.0.{number}").ask(how)
    office.ahead += 2 * HOUR
    for number in range(3):
        Stranger(office, f"10.0.1.{number}").ask(how)
    assert kept(office) == 3
