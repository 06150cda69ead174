"""How long to leave a system alone, and who is told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest

from hub.errors import AuthError, Retriable
from hub.http import Clock, HttpSettings, Transport
from hub.http.pace import backoff
from hub.http.waits import LONGEST, wait_of
from tests.faults.matrix import row
from tests.unit.http.fake import Answer, Asked, as_json, fake

NOW = 1_700_000_000.0


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@row(13, "every vendor's form of wait, clocks askew")
@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry-after": "7"}, 7.0),
        (429, {"retry-after": "0.5"}, 0.5),
        (503, {"retry-after": date(30)}, 30.0),
        (503, {"retry-after": date(3630), "date": date(3600)}, 30.0),  # their clock is an hour ahead
        (503, {"retry-after": date(-3570), "date": date(-3600)}, 30.0),
        (503, {"retry-after": date(-5)}, 0.0),
        (429, {"retry-after": "-3"}, None),
        (429, {"retry-after": "1e9"}, None),
        (429, {"retry-after": "soon"}, None),
        (429, {"retry-after": "99999999999"}, LONGEST),
        (429, {"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, None),
        (429, {}, None),
        (429, {"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        (429, {"x-ratelimit-reset": str(int(NOW) + 12)}, 12.0),
        (429, {"x-ratelimit-reset": str(int(NOW + 12) * 1000)}, 12.0),
        (429, {"x-ratelimit-reset": "44"}, 44.0),
        (429, {"x-ogw-ratelimit-reset": "60", "x-ogw-ratelimit-limit": "100"}, 60.0),
        (429, {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "8"}, 8.0),
        (429, {"ratelimit": '"default";r=0;t=9'}, 9.0),
        (429, {"ratelimit": "limit=10, remaining=0, reset=6"}, 6.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 5)}, 5.0),
        (403, {"x-ratelimit-remaining": "17", "x-ratelimit-reset": str(int(NOW) + 5)}, None),
        (200, {"x-ratelimit-reset": "5"}, None),
    ],
)
def test_every_form_of_wait_is_read(status: int, headers: dict[str, str], wait: float | None):
    assert wait_of(status, headers, NOW) == wait


def test_back_off_is_by_chance_and_bounded():
    waits = [backoff(attempt) for attempt in range(1, 60)]
    assert all(0 < wait <= 20 for wait in waits)
    assert len({backoff(5) for _ in range(20)}) > 10


def transport(url: str, **more: Any) -> Transport:
    settings = HttpSettings.model_validate(
        {"url": url, "limits": {"retries": 0, "max_wait": 5}, **more.pop("settings", {})}
    )
    return Transport(settings, f"waits-{url}", **more)


class Board:
    """What all processes know, in this one."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}

    def until(self, system: str) -> float:
        return self.told.get(system, 0.0)

    def pause(self, system: str, until: float) -> None:
        self.told[system] = until


@row(13, "other processes")
def test_what_one_process_is_told_the_others_obey():
    board, slept = Board(), list[float]()
    with fake(lambda asked: Answer(429, b"", {"Retry-After": "3"})) as server:
        with pytest.raises(Retriable):
            transport(server.url, clock=Clock(now=lambda: NOW), pauses=board).request("GET", "/x")
        assert board.told == {f"waits-{server.url}": NOW + 3}
        clock = Clock(now=lambda: NOW + 1, ticks=lambda: 50.0, sleep=slept.append)
        other = transport(server.url, clock=clock, pauses=board, settings={"limits": {"concurrency": 1}})
        with pytest.raises(Retriable):
            other.request("GET", "/x", idempotent=False)
    assert slept == [2.0]


def test_a_long_pause_is_not_waited_out():
    board = Board()
    with fake(lambda asked: as_json(1)) as server:
        board.told[f"waits-{server.url}"] = NOW + 900
        with pytest.raises(Retriable) as caught:
            transport(server.url, clock=Clock(now=lambda: NOW), pauses=board).request("GET", "/x")
    assert (caught.value.code, caught.value.wait, server.asked) == ("http.paused", 900.0, [])


def oauth(url: str) -> dict[str, Any]:
    return {"auth": {"oauth2": {"token_url": f"{url}/token", "client_id": "hub", "client_secret": "s"}}}


@row(37, "one refresh of many threads")
def test_many_threads_fetch_one_token_when_it_runs_out_in_the_middle():
    good, fetched = ["one"], []

    def reply(asked: Asked) -> Answer:
        if asked.path == "/token":
            fetched.append(1)
            return as_json({"access_token": good[0], "expires_in": 3600})
        return as_json(1) if asked.headers["authorization"] == f"Bearer {good[0]}" else Answer(401)

    with fake(reply) as server:
        several = [transport(server.url, settings=oauth(server.url)) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: one.request("GET", "/x"), several))
            good[0] = "two"
            list(pool.map(lambda one: one.request("GET", "/x"), several))
    assert len(fetched) == 2


@row(37, "no storm")
@pytest.mark.parametrize("refused", ["/token", "/x"])
def test_refused_credentials_are_tried_once_and_not_by_every_thread(refused: str):
    lock = threading.Lock()
    tries = []

    def reply(asked: Asked) -> Answer:
        if asked.path == "/token" and refused != "/token":
            return as_json({"access_token": "t", "expires_in": 3600})
        with lock:
            tries.append(asked.path)
        return Answer(401)

    def ask(one: Transport) -> str:
        with pytest.raises(AuthError) as caught:
            one.request("GET", "/x")
        return caught.value.code

    with fake(reply) as server:
        several = [transport(server.url, settings=oauth(server.url)) for _ in range(6)]
        first = ask(several[0])
        assert first in ("auth.token", "auth.refused")
        assert {ask(one) for one in several[1:]} == {"auth.refused"}
        assert len(tries) == (1 if refused == "/token" else 2)  # a token may have run out: once more
        assert ask(transport(server.url, settings=oauth(server.url))) == first  # a new run may try
