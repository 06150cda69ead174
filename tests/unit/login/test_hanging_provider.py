"""A provider that answers nothing, answers for ever, or answers slowly: others log in beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import islice
from threading import Thread

import httpx2 as httpx
import pytest
import uvicorn

from hub.errors import Retriable
from sso.turns import ALL, EACH, Turns, left
from sso.upstream import provider as asked
from tests.unit.login.conftest import back, come_back
from tests.unit.login.upstream import Upstream
from tests.unit.portal.conftest import FORM, PASSWORD, Browser, ground
from tests.unit.todos.conftest import Desk

DOCUMENT = "/.well-known/openid-configuration"
MANY = 60
"""More than there are threads."""


@pytest.fixture
def served(office: Desk) -> Iterator[str]:
    """The portal in one process of uvicorn, with the threads that it has."""
    server = uvicorn.Server(uvicorn.Config(office.client.app, port=0, log_level="error", lifespan="off"))
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def told(place: str) -> tuple[int, str]:
    """Status and code of one request."""
    answer = httpx.get(place, timeout=100)
    return answer.status_code, "login.busy" if "login.busy" in answer.text else ""


def log_in(base: str) -> None:
    """Somebody logs in by his password."""
    with httpx.Client(base_url=base, timeout=100) as client:
        form = FORM.search(client.get("/portal/login").text)
        assert form is not None
        given = {"token": form[1], "name": "wang.wei", "password": PASSWORD}
        assert client.post("/portal/login", data=given).status_code == 303


@pytest.mark.parametrize("how", ["silent", "endless"])
def test_others_log_in_while_a_provider_hangs(served: str, provider: Upstream, how: str):
    provider.hang(DOCUMENT, how)
    with ThreadPoolExecutor(MANY) as pool:
        several = [pool.submit(told, f"{served}/portal/login/with/idp") for _ in range(MANY)]
        try:
            refused = [one.result() for one in islice(as_completed(several, 50), MANY - EACH)]
            log_in(served)
            assert sum(not one.done() for one in several) == EACH
        finally:
            provider.truth()
        assert refused == [(503, "login.busy")] * (MANY - EACH)
        assert sorted(one.result()[0] for one in several) == [303] * EACH + [503] * (MANY - EACH)


def test_of_all_places_together_some_threads_are_left():
    turns = Turns()
    with ExitStack() as stack:
        for at in range(ALL):
            stack.enter_context(turns.of(f"place {at // EACH}"))
        with pytest.raises(Retriable) as busy, turns.of("another"):
            raise AssertionError
    assert (busy.value.code, busy.value.wait) == ("login.busy", 5.0)
    with turns.of("another", 60):
        assert 59 < left(100) <= 60
        assert left(10) == 10
    assert left(100) == 100


@pytest.fixture
def hasty(office: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A log-in takes two seconds at most."""
    assert ground(office).providers.named("idp").longest == 120  # twice its timeout
    monkeypatch.setattr(asked.Upstream, "longest", 2.0)
    return office


def test_the_whole_of_a_log_in_is_bounded(hasty: Desk, provider: Upstream):
    provider.more = {"oid": "lina"}
    browser = Browser(hasty)
    place = browser.get("/portal/login/with/idp", 303).headers["location"]
    provider.woken.clear()
    provider.slow = 1.2  # each answer is in time
    answer = back(browser, provider.code(place))
    assert answer.status_code == 503
    assert "http.timeout" in answer.text


@pytest.mark.parametrize(("path", "how"), [("/token", "silent"), ("/jwks", "endless"), ("/me", "silent")])
def test_a_provider_may_hang_anywhere_and_come_back(hasty: Desk, provider: Upstream, path: str, how: str):
    provider.more = {"oid": "lina"}
    if path == "/me":  # it is asked for what the ID token does not say
        provider.lie = lambda claims: claims.pop("oid")
    browser = Browser(hasty)
    place = browser.get("/portal/login/with/idp", 303).headers["location"]
    provider.hang(path, how)
    answer = back(browser, provider.code(place))
    assert answer.status_code == 503
    assert "http.timeout" in answer.text
    provider.truth()
    assert come_back(Browser(hasty), provider).status_code == 303
