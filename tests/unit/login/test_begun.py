"""Log-ins that somebody begins at a provider and never finishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.unit.login.conftest import come_back
from tests.unit.login.upstream import Upstream
from tests.unit.portal.conftest import Browser, ground
from tests.unit.todos.conftest import Desk

BURST = 12


@pytest.fixture(autouse=True)
def _few(office: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    strangers = ground(office).providers.strangers
    strangers.forget()
    monkeypatch.setattr(strangers, "burst", BURST)
    monkeypatch.setattr(strangers, "rate", 1e-6)
    yield
    strangers.forget()


def test_one_address_begins_so_many_and_no_more(office: Desk):
    told = []
    for number in range(3 * BURST):
        client = TestClient(office.client.app, "https://hub.example", client=(f"2001:db8:1:2::{number:x}", 1),
                            follow_redirects=False)  # fmt: skip
        told.append(client.get("/portal/login/with/idp").status_code)
    assert told == [303] * BURST + [429] * (2 * BURST)
    assert len(office.rows("SELECT digest FROM login_attempt")) == BURST


def test_who_comes_back_is_not_counted(office: Desk, provider: Upstream):
    for _ in range(BURST + 3):
        assert come_back(Browser(office), provider).status_code == 303
    assert office.rows("SELECT digest FROM login_attempt") == []
