"""Declared credentials, tokens, certificates and pace."""

from __future__ import annotations

import math
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import trustme
from pydantic import ValidationError

from hub.errors import AuthError, ConfigError, Fatal, HubError
from hub.http import Clock, HttpSettings, Limits, Login, Post, Transport
from hub.http.pace import Pace
from hub.http.waits import retry_after
from tests.faults.matrix import row
from tests.unit.http.fake import Answer, Asked, Fake, as_json, fake
from tests.unit.http.tls import context_of, encrypted


def transport(url: str, clock: Clock | None = None, **settings: Any) -> Transport:
    made = HttpSettings.model_validate({"url": url, "limits": {"retries": 0}, **settings})
    return Transport(made, f"auth-{url}", clock=clock)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"bearer": {"token": "t"}}, "authorization", "Bearer t"),
        ({"basic": {"username": "ü", "password": "p:w"}}, "authorization", "Basic w7w6cDp3"),
        ({"basic": {"key": "k"}}, "authorization", "Basic azo="),
        (
            {"api_key": {"header": "Authorization", "prefix": "Token ", "value": "k"}},
            "authorization",
            "Token k",
        ),
    ],
)
def test_each_kind_of_credentials_is_sent_as_declared(auth: dict[str, Any], header: str, value: str):
    with fake(lambda asked: as_json(1)) as server:
        transport(server.url, auth=auth).request("GET", "/x")
    assert server.asked[0].headers[header] == value


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"basic": {"username": "u"}, "bearer": {"token": "t"}},
        {"api_key": {"value": "v"}},
        {"basic": {}},
        {"digest": {}},
    ],
)
def test_credentials_that_are_none_or_two_are_refused(auth: dict[str, Any]):
    with pytest.raises(ValidationError):
        HttpSettings.model_validate({"url": "https://x.example", "auth": auth})


@pytest.mark.parametrize(
    "url", ["x.example", "ftp://x.example", "https://u:p@x.example", "https://x.example?a=b", "https://"]
)
def test_an_address_that_cannot_be_a_base_is_refused(url: str):
    with pytest.raises(ValidationError):
        HttpSettings(url=url)


class Provider:
    """Gives tokens t1, t2, … and takes only the newest."""

    def __init__(self, **answer: Any) -> None:
        self.given = 0
        self.answer = {"expires_in": 3600, **answer}
        self.valid = ""
        self.refuses = False

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            self.given += 1
            self.valid = f"t{self.given}"
            return as_json({"access_token": self.valid, **self.answer})
        valid = asked.headers.get("authorization") == f"Bearer {self.valid}" and not self.refuses
        return as_json(1) if valid else Answer(401)


def oauth(server: Fake, clock: Clock | None = None, **more: Any) -> Transport:
    client = {"token_url": server.url + "/token", "client_id": "hub", "client_secret": "s3cr%t", **more}
    return transport(server.url, clock, auth={"oauth2": client})


def test_a_token_is_fetched_once_and_kept():
    provider = Provider()
    with fake(provider) as server:
        api = oauth(server, scope="a b", audience="crm")
        api.request("GET", "/x")
        api.request("GET", "/y")
    first = server.asked[0]
    assert provider.given == 1
    assert first.headers["authorization"] == "Basic aHViOnMzY3IlMjV0"
    assert parse_qs(first.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["a b"],
        "audience": ["crm"],
    }


def test_the_secret_may_go_in_the_body():
    with fake(Provider()) as server:
        oauth(server, client_auth="post").request("GET", "/x")
    assert parse_qs(server.asked[0].body.decode())["client_secret"] == ["s3cr%t"]
    assert "authorization" not in server.asked[0].headers


@row(37, "a token that ran out")
def test_a_token_that_is_refused_is_renewed_once():
    provider = Provider()
    with fake(provider) as server:
        api = oauth(server)
        api.request("GET", "/x")
        provider.valid = "revoked"
        assert api.request("POST", "/x", json={}).json() == 1
        assert provider.given == 2
        provider.refuses = True
        with pytest.raises(AuthError):
            api.request("GET", "/x")
    assert provider.given == 3


def test_a_token_is_renewed_before_it_ends():
    provider, now = Provider(expires_in=100), [0.0]
    with fake(provider) as server:
        api = oauth(server, Clock(now=lambda: now[0]))
        for moment in (0.0, 39.0, 51.0):
            now[0] = moment
            api.request("GET", "/x")
    assert provider.given == 2


@pytest.mark.parametrize("told", ["nan", "inf", "-inf", "-5", "1e999", "0", 0, -1, None, [], "soon"])
def test_a_lifetime_that_is_no_number_above_zero_counts_as_not_said(told: Any):
    provider, now = Provider(expires_in=told), [0.0]
    with fake(provider) as server:
        api = oauth(server, Clock(now=lambda: now[0]))
        for now[0], given in ((0.0, 1), (200.0, 1), (301.0, 2)):
            api.request("GET", "/x")
            assert provider.given == given


@row(37, "one renewal for all threads")
def test_threads_share_one_token():
    provider = Provider()
    with fake(provider) as server, ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(oauth(server).request, "GET", "/x") for _ in range(6)]:
            done.result()
    assert provider.given == 1


class Sessions:
    """Logs in by POST /login, and takes each session for three requests."""

    def __init__(self) -> None:
        self.given, self.left, self.lock = 0, 0, threading.Lock()

    def __call__(self, asked: Asked) -> Answer:
        with self.lock:
            if asked.path == "/login":
                self.given, self.left = self.given + 1, 3
                return as_json(f"s{self.given}")
            if asked.headers.get("authorization") != f"Session s{self.given}" or not self.left:
                return Answer(401)
            self.left -= 1
            return as_json(self.given)


def session(server: Fake, *, refuse: bool = False) -> Transport:
    def begin(post: Post) -> tuple[str, float]:
        answer = post(f"{server.url}/login", {}, b"")
        if refuse:
            raise AuthError("auth.refused", "the log-in was refused")
        return answer.json(str), math.inf

    auth = {"basic": {"username": "u", "password": "p"}}
    made = HttpSettings.model_validate({"url": server.url, "auth": auth, "limits": {"retries": 0}})
    return Transport(made, f"session-{server.url}", login=Login(begin, "Session"))


def test_a_session_is_begun_once_for_all_threads_and_again_when_it_is_over():
    sessions = Sessions()
    with fake(sessions) as server, ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(session(server).request, "POST", "/x") for _ in range(3)]:
            done.result()
        assert sessions.given == 1
        assert session(server).request("POST", "/x").json() == 2


def test_a_refused_login_is_tried_by_one_thread_only():
    sessions = Sessions()
    with fake(sessions) as server, ThreadPoolExecutor(4) as pool:
        opened = [session(server, refuse=True) for _ in range(4)]
        found = [pool.submit(one.request, "GET", "/x").exception() for one in opened]
    assert sessions.given == 1
    assert {type(error) for error in found} == {AuthError}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (as_json({"error": "invalid_client", "error_description": "s3cr%t is wrong"}, 401), AuthError),
        (as_json({"error": "invalid_scope"}, 400), AuthError),
        (as_json({"token": "x"}), Fatal),
        (Answer(200, b"<html></html>"), Fatal),
    ],
)
def test_a_token_endpoint_that_refuses_is_named_without_secrets(answer: Answer, kind: type[HubError]):
    with fake(lambda asked: answer) as server, pytest.raises(kind) as caught:
        oauth(server).request("GET", "/x")
    assert "s3cr" not in str(caught.value)
    assert "/token" in caught.value.where


# ------------------------------------------------------------------ TLS


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[Fake, Path, trustme.CA]]:
    authority = trustme.CA()
    context = context_of(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with encrypted(lambda asked: as_json(1), context) as server:
        yield server, tmp_path, authority


def secured(server: Fake, folder: Path, **tls: str) -> Transport:
    settings = HttpSettings.model_validate(
        {"url": server.url, "tls": tls, "limits": {"retries": 0, "timeout": "5s"}}
    )
    return Transport(settings, "tls" + server.url, folder=folder)


def test_a_private_authority_and_a_client_certificate_are_used(tls: tuple[Fake, Path, trustme.CA]):
    server, folder, authority = tls
    client = authority.issue_cert("hub@example.com")
    client.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    assert secured(server, folder, ca="ca.pem", cert="client.pem").request("GET", "/").json() == 1


@row(38, "an unknown authority")
def test_an_unknown_authority_is_refused_and_named(tls: tuple[Fake, Path, trustme.CA]):
    server, folder, _ = tls
    with pytest.raises(ConfigError, match="certificate is not accepted") as caught:
        secured(server, folder).request("GET", "/")
    assert caught.value.code == "http.tls"
    assert server.asked == []


@row(38, "another host")
def test_a_certificate_for_another_host_is_refused(tls: tuple[Fake, Path, trustme.CA]):
    server, folder, _ = tls
    server.url = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(ConfigError, match=r"(?i)hostname mismatch"):
        secured(server, folder, ca="ca.pem").request("GET", "/")


def test_a_missing_certificate_file_is_named(tmp_path: Path):
    settings = HttpSettings.model_validate({"url": "https://x.example", "tls": {"ca": "nope.pem"}})
    with pytest.raises(ConfigError, match=r"nope\.pem"):
        Transport(settings, "x", folder=tmp_path)


# ------------------------------------------------------------------ pace


def test_requests_are_spaced_and_a_pause_holds_everybody():
    slept: list[float] = []
    pace = Pace(Limits.model_validate({"rate": "2/s"}), Clock(ticks=lambda: 100.0, sleep=slept.append))
    for _ in range(3):
        with pace.turn():
            pass
    pace.pause(10)
    with pace.turn():
        pass
    assert slept == [0.5, 1.0, 10.0]


def test_no_more_requests_at_once_than_allowed():
    pace = Pace(Limits(concurrency=2), Clock())
    inside, most, lock = [0], [0], threading.Lock()
    together = threading.Barrier(2)

    def work() -> None:
        with pace.turn():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            together.wait(5)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work) for _ in range(6)]:
            done.result()
    assert most == [2]


@row(13, "seconds and dates")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("5", 5.0), ("1.5", 1.5), ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
     ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
     ("soon", None), ("", None), (None, None), ("-5", None)],
)  # fmt: skip
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None):
    assert retry_after(header, 10.0) == seconds
