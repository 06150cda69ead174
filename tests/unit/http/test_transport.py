"""The guarded transport against systems that misbehave."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from hub.contract import Secret
from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable
from hub.http import ANY, Clock, HttpSettings, Transport
from tests.faults.matrix import row
from tests.unit.http.fake import Answer, Asked, Fake, as_json, fake, free_port


class Slept(list[float]):
    """A clock that notes how long it should have slept."""

    @property
    def clock(self) -> Clock:
        return Clock(sleep=self.append)


def transport(url: str, slept: Slept | None = None, **settings: Any) -> Transport:
    made = HttpSettings.model_validate({"url": url, **settings})
    return Transport(made, f"test-{url}", clock=(slept or Slept()).clock)


def refused(server: Fake, *, path: str = "/x", method: str = "GET", **settings: Any) -> HubError:
    with pytest.raises(HubError) as caught:
        transport(server.url, limits={"retries": 0, **settings.pop("limits", {})}, **settings).request(
            method, path
        ).json()
    return caught.value


def test_a_read_sends_what_was_declared_and_answers_the_body():
    with fake(lambda asked: as_json({"ok": 1})) as server:
        api = transport(
            server.url + "/api", auth={"basic": {"username": "HUB", "password": "pw"}}, headers={"X-T": "1"}
        )
        answer = api.request("GET", "/items", params={"$filter": "a eq 'b c'", "p": "1+1"})
    assert answer.json() == {"ok": 1}
    asked = server.asked[0]
    assert asked.target == "/api/items?$filter=a%20eq%20'b%20c'&p=1%2B1"
    assert asked.headers["authorization"] == "Basic SFVCOnB3"
    assert asked.headers["x-t"] == "1"


@row(40, "a corpus of wrong answers")
@pytest.mark.parametrize(
    ("answer", "code", "kind"),
    [
        (Answer(200, b"<html>Hi</html>", {"Content-Type": "text/html"}), "http.html", Fatal),
        (Answer(200, b"<!DOCTYPE html><p>", {"Content-Type": "application/json"}), "http.html", Fatal),
        (Answer(200, b"<html><input type=password></html>"), "auth.login_page", AuthError),
        (Answer(204), "http.empty", Fatal),
        (Answer(200, b""), "http.empty", Fatal),
        (Answer(200, b'{"a": 1, "b'), "page.cut", Retriable),
        (Answer(200, b"hello"), "http.not_json", Fatal),
        (Answer(raw=b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a": 1}'), "http.cut", Retriable),
        (Answer(raw=b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"a": 1}'), "page.cut", Retriable),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n[1,"), "http.cut", Retriable),
        (Answer(raw=b""), "http.cut", Retriable),
        (Answer(raw=b"garbage\r\n\r\n"), "http.cut", Retriable),
        (Answer(401), "auth.refused", AuthError),
        (Answer(403), "auth.forbidden", AuthError),
        (Answer(404), "http.not_found", ConfigError),
        (Answer(418), "http.status", Fatal),
        (Answer(500), "http.status", Retriable),
        (Answer(500, b"<html>" + b"<title" * 1_000_000), "http.status", Retriable),
        (Answer(200, b"[" + b"a" * 2_000_000 + b"-" + b"9" * 2_000_000, {"Content-Type": "text/x; charset=punycode"}),
         "http.encoding", Fatal),
        (Answer(429, b"", {"Retry-After": "7"}), "http.rate", Retriable),
        (Answer(302, b"", {"Location": "/login?next=/x"}), "auth.login_page", AuthError),
        (Answer(302, b"", {"Location": "http://other.example/x"}), "http.redirect", Fatal),
        (Answer(200, b"{}", {"Content-Encoding": "gzip"}), "http.encoding", Fatal),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_an_error_and_never_empty(answer: Answer, code: str, kind: type[HubError]):
    with fake(lambda asked: answer) as server:
        error = refused(server)
    assert (error.code, type(error)) == (code, kind)
    assert error.where == f"GET {server.url.removeprefix('http://')}/x"


@row(40, "a gzip bomb")
def test_a_gzip_bomb_stops_at_the_limit():
    bomb = gzip.compress(b"0" * 20_000_000)
    with fake(lambda asked: Answer(200, bomb, {"Content-Encoding": "gzip"})) as server:
        assert refused(server, limits={"max_body": "1MB"}).code == "http.too_large"


@row(30, "a page over the limit")
def test_an_announced_length_over_the_limit_is_not_read():
    with fake(lambda asked: Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")) as server:
        assert refused(server, limits={"max_body": "1MB"}).code == "http.too_large"


@row(39, "a source that drips")
@pytest.mark.parametrize(
    "raw", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-A: "]
)
def test_a_dripping_answer_ends_at_the_deadline(raw: bytes):
    with fake(lambda asked: Answer(raw=raw, drip=True)) as server:
        assert refused(server, limits={"timeout": "300ms"}).code == "http.timeout"


def test_a_closed_port_is_unreachable():
    with pytest.raises(Retriable) as caught:
        transport(f"http://127.0.0.1:{free_port()}", limits={"retries": 0}).request("GET", "/")
    assert caught.value.code == "http.unreachable"


@row(41, "an unknown name")
def test_an_unknown_name_is_named():
    def resolve(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    settings = HttpSettings.model_validate({"url": "http://s4.example.com", "limits": {"retries": 0}})
    with pytest.raises(Retriable, match=r"s4\.example\.com") as caught:
        Transport(settings, "x", resolve=resolve).request("GET", "/")
    assert caught.value.code == "http.dns"


@row(13, "each form of Retry-After")
@pytest.mark.parametrize("header", ["Retry-After", "RateLimit-Reset", "x-ogw-ratelimit-reset"])
def test_a_read_waits_as_long_as_asked_and_tries_again(header: str):
    answers = [Answer(429, b"", {header: "3"}), as_json([1])]
    slept = Slept()
    with fake(lambda asked: answers.pop(0)) as server:
        settings = HttpSettings(url=server.url)
        clock = Clock(now=lambda: 4_000_000_000.0, sleep=slept.append)
        assert Transport(settings, "waits" + header, clock=clock).request("GET", "/x").json() == [1]
    assert 3.0 in slept


@row(13, "longer than allowed")
def test_a_longer_wait_than_allowed_is_left_to_the_caller():
    answer = Answer(503, b"", {"Retry-After": "3600"})
    with fake(lambda asked: answer) as server, pytest.raises(Retriable) as caught:
        transport(server.url).request("GET", "/x")
    assert caught.value.wait == 3600.0
    assert len(server.asked) == 1


@row(14, "a write is never repeated blindly")
def test_reads_are_repeated_a_bounded_number_of_times_and_writes_never():
    with fake(lambda asked: Answer(502)) as server:
        api = transport(server.url, limits={"retries": 2})
        for method in ("GET", "POST"):
            with pytest.raises(Retriable):
                api.request(method, "/x", json=None if method == "GET" else {})
    assert [asked.method for asked in server.asked] == ["GET", "GET", "GET", "POST"]


def test_a_redirect_within_the_origin_is_followed():
    def reply(asked: Asked) -> Answer:
        return as_json(1) if asked.path == "/new" else Answer(301, b"", {"Location": "/new"})

    with fake(reply) as server:
        assert transport(server.url).request("GET", "/old").json() == 1


@row(40, "a redirect elsewhere")
def test_a_redirect_to_another_port_gets_neither_request_nor_credentials():
    def reply(asked: Asked) -> Answer:
        return Answer(302, b"", {"Location": other.url + "/x"})

    with fake(lambda asked: as_json(1)) as other, fake(reply) as server:
        error = refused(
            server, auth={"bearer": {"token": "s3cret-token"}}, hosts=[other.url.removeprefix("http://")]
        )
    assert error.code == "http.redirect"
    assert other.asked == []


def test_expected_statuses_come_back_and_others_raise():
    with fake(lambda asked: as_json({"e": 1}, 409)) as server:
        api = transport(server.url)
        assert api.request("POST", "/x", json={}, expect=ANY).json() == {"e": 1}
        with pytest.raises(Fatal):
            api.request("POST", "/x", json={}, expect=[404])


def test_an_error_shows_neither_query_nor_secret():
    secret = "k3y-of-the-system"
    body = f'{{"error": "bad key {secret} for /x?sig=abc", "password": "hunter2!"}}'.encode()
    with fake(lambda asked: Answer(400, body)) as server:
        api = transport(server.url, auth={"api_key": {"query": "apikey", "value": secret}})
        with pytest.raises(Fatal) as caught:
            api.request("GET", "/x", params={"personal": "wang"})
    text = str(caught.value)
    assert server.asked[0].params == {"personal": "wang", "apikey": secret}
    assert not any(word in text for word in (secret, "hunter2", "wang", "sig=abc"))
    assert "bad key" in text


def test_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with fake(lambda asked: as_json(1)) as server:
        assert transport(server.url).request("GET", "/").json() == 1


def test_a_declared_proxy_is_used():
    with fake(lambda asked: as_json("by proxy")) as server:
        api = transport("http://s4.example.com", proxy={"url": server.url, "username": "u", "password": "p"})
        assert api.request("GET", "/x").json() == "by proxy"
    assert server.asked[0].target == "http://s4.example.com/x"
    assert server.asked[0].headers["proxy-authorization"] == "Basic dTpw"


def test_a_secret_is_not_shown_by_settings():
    settings = HttpSettings.model_validate(
        {"url": "https://x.example", "auth": {"bearer": {"token": Secret("abc123")}}}
    )
    assert "abc123" not in repr(settings)


@row(41, "a proxy that refuses CONNECT")
@pytest.mark.parametrize(("status", "code"), [(407, "auth.proxy"), (403, "http.proxy")])
def test_a_proxy_that_refuses_is_named(status: int, code: str):
    with fake(lambda asked: Answer(status)) as server:
        api = transport("https://s4.example.com", proxy=server.url, limits={"retries": 0})
        with pytest.raises(HubError) as caught:
            api.request("GET", "/x")
    assert caught.value.code == code
    assert [(asked.method, asked.target) for asked in server.asked] == [("CONNECT", "s4.example.com:443")]


def test_json_that_is_called_html_is_json():
    with fake(lambda asked: Answer(200, b' {"a": 1}', {"Content-Type": "text/html"})) as server:
        assert transport(server.url).request("GET", "/x").json() == {"a": 1}


def test_json_in_another_character_set_is_read_by_its_header():
    answer = Answer(
        200, '{"a": "中文"}'.encode("gb18030"), {"Content-Type": "application/json; charset=GB18030"}
    )
    with fake(lambda asked: answer) as server:
        assert transport(server.url).request("GET", "/x").json() == {"a": "中文"}
