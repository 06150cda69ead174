"""What becomes of tokens: rotation, reuse, revocation, introspection, exchange; who is told of a session's end."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from hub.bus.relay import Relay
from hub.exchange.uniting.merger import merge_entities
from hub.exchange.uniting.unmerging import unmerge_entities
from hub.store import outbox
from hub.store.sso_clients import known_subject, subject
from hub.todos.people import person
from sso.clients import EXCHANGE
from sso.jwts import Expected, decode
from sso.logout import Telling
from sso.upstream.tokens import public_keys
from tests.unit.provider.conftest import ISSUER, Office, Rp

ACCESS = "urn:ietf:params:oauth:token-type:access_token"
BACK = "oidcc-backchannel-rp-initiated-logout-certification-test-plan"


def test_a_refresh_token_that_comes_twice_ends_the_log_in(office: Office) -> None:
    rp = Rp(office)
    first = rp.tokens()
    second = rp.refresh(first["refresh_token"]).json()
    assert rp.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert rp.userinfo(second["access_token"]).status_code == 200  # at once: a parallel request of the same client
    office.ahead = dt.timedelta(seconds=10)
    assert rp.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert rp.userinfo(second["access_token"]).status_code == 401
    assert rp.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_may_ask_for_less_and_not_for_more(office: Office) -> None:
    rp = Rp(office)
    token = rp.tokens(scope="openid profile")
    assert rp.refresh(token["refresh_token"], scope="openid email").json()["error"] == "invalid_scope"
    less = rp.refresh(token["refresh_token"], scope="openid").json()
    assert "name" not in rp.userinfo(less["access_token"]).json()


def test_a_client_revokes_its_own_tokens_only(office: Office) -> None:
    rp, other = Rp(office), Rp(office, "post")
    token = rp.tokens()
    assert other.ask("revoke", token=token["refresh_token"]).status_code == 200
    assert rp.userinfo(token["access_token"]).status_code == 200
    assert rp.ask("revoke", token=token["refresh_token"]).status_code == 200
    assert rp.userinfo(token["access_token"]).status_code == 401


def test_a_token_is_told_to_who_holds_it_and_to_nobody_else(office: Office) -> None:
    rp, other = Rp(office), Rp(office, "front")
    token = rp.tokens()["access_token"]
    told = rp.ask("introspect", token=token).json()
    assert (told["active"], told["client_id"], told["username"]) == (True, "oa", "lina")
    assert other.ask("introspect", token=token).json() == {"active": False}
    assert rp.ask("introspect", token="unknown").json() == {"active": False}


def test_a_client_asks_as_itself(office: Office) -> None:
    rp = Rp(office, "batch")
    token = rp.ask("token", grant_type="client_credentials", scope="read").json()
    assert "refresh_token" not in token
    assert rp.ask("introspect", token=token["access_token"]).json()["sub"] == "batch"
    assert rp.userinfo(token["access_token"]).status_code == 401
    assert rp.ask("token", grant_type="client_credentials", scope="admin").json()["error"] == "invalid_scope"


def test_a_token_is_exchanged_for_less_and_for_named_clients(office: Office) -> None:
    front, oa = Rp(office, "front"), Rp(office)
    token = front.tokens(scope="openid read write")["access_token"]
    form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS, "audience": "oa"}
    made = front.ask("token", **form, scope="read").json()
    assert (made["issued_token_type"], made["scope"]) == (ACCESS, "read")
    assert "refresh_token" not in made
    told = oa.ask("introspect", token=made["access_token"]).json()
    assert (told["act"], told["aud"], told["username"]) == ({"sub": "front"}, ["oa"], "lina")
    assert front.ask("token", **form | {"audience": "post"}).json()["error"] == "invalid_target"
    assert front.ask("token", **form, scope="read email").json()["error"] == "invalid_scope"
    assert oa.ask("token", **form).json()["error"] == "unauthorized_client"
    assert front.userinfo(made["access_token"]).status_code == 401
    front.ask("revoke", token=token)
    assert front.ask("token", **form).json()["error"] == "invalid_grant"


class Listening(HTTPServer):
    """A client's address for logout tokens; it refuses the first of them."""

    refusals = 1
    tokens: list[str]


@pytest.fixture
def listening(office: Office) -> Iterator[Listening]:
    class Heard(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server: Any = self.server
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            if server.refusals:
                server.refusals -= 1
                self.send_response(503)
            else:
                server.tokens += parse_qs(body)["logout_token"]
                self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    made = Listening(("127.0.0.1", 0), Heard)
    made.tokens = []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    clients: Any = office.open_hub.hub.workspace.clients
    before = clients["oa"]
    place = f"http://127.0.0.1:{made.server_port}/logout"
    clients["oa"] = before.model_copy(update={"logout": before.logout.model_copy(update={"backchannel": place})})
    yield made
    clients["oa"] = before
    made.shutdown()
    thread.join()
    made.server_close()


class Nobody:
    """No other subscribers."""

    def subscribers(self, subject: str) -> list[str]:
        return []

    def send(self, subscriber: str, event: Any) -> None:
        raise AssertionError(subscriber)

    def wake(self, subject: str) -> None:
        """Nobody sleeps."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.suite(BACK, "oidcc-backchannel-rp-initiated-logout")
def test_a_client_is_told_that_a_session_ended_until_it_has_taken_it(office: Office, listening: Listening) -> None:
    rp = Rp(office)
    claims = rp.claims(rp.tokens())
    page = rp.browser.get("/portal/todos")
    rp.press(page, "/portal/logout", token=_form(page.text))
    hub = office.open_hub.hub
    relay = Relay(hub, Telling(Nobody(), office.provider))
    relay.turn()
    assert listening.tokens == []
    assert outbox.lag(hub.database).count == 1
    with hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE handover SET due_at = '2020-01-01 00:00:00.000000'")
    relay.turn()
    keys = public_keys(office.client.get("/sso/jwks").json())
    expected = Expected(ISSUER, "oa", typ=("logout+jwt",), needed=("exp", "jti", "iat", "sub", "sid"))
    told = decode(listening.tokens[0], keys, expected, office.provider.now().timestamp()).claims
    assert (told["sub"], told["sid"]) == (claims["sub"], claims["sid"])
    assert told["exp"] - told["iat"] <= 120
    assert "nonce" not in told
    assert "http://schemas.openid.net/event/backchannel-logout" in told["events"]


@pytest.mark.suite(BACK, "oidcc-backchannel-rp-initiated-logout-discovery-endpoint-verification")
def test_discovery_tells_of_logout_tokens(office: Office) -> None:
    found = office.client.get("/sso/.well-known/openid-configuration").json()
    assert (found["backchannel_logout_supported"], found["backchannel_logout_session_supported"]) == (True, True)


def test_what_a_person_lets_a_client_keep_outlives_the_session_and_not_the_account(office: Office) -> None:
    rp = Rp(office)
    short, long = rp.tokens(), rp.tokens(scope="openid offline_access")
    page = rp.browser.get("/portal/todos")
    rp.press(page, "/portal/logout", token=_form(page.text))
    assert rp.userinfo(short["access_token"]).status_code == 401
    assert rp.userinfo(long["access_token"]).status_code == 200
    assert rp.refresh(short["refresh_token"]).json()["error"] == "invalid_grant"
    assert rp.refresh(long["refresh_token"]).status_code == 200


def test_a_client_keeps_the_sub_that_it_knew_through_a_merge_and_its_undoing(office: Office) -> None:
    hub, here = office.open_hub.hub, office.provider
    li, zhao = person(hub, "1"), person(hub, "3")
    mine = {one: subject(hub.database, one, li, here.now()) for one in ("oa", "post")}
    his = subject(hub.database, "batch", zhao, here.now())
    made = merge_entities(hub, "person", li, [zhao], "the same")
    assert {one: known_subject(hub.database, one, li) for one in ("oa", "post", "batch")} == mine | {"batch": his}
    unmerge_entities(hub, str(made[0]), "they are not")
    assert known_subject(hub.database, "batch", zhao) == his
    assert known_subject(hub.database, "batch", li) == mine["oa"]


def _form(text: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{64})"', text)
    assert found is not None
    return found[1]
