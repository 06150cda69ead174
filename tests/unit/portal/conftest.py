"""A served office with two people who may log in to its portal."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from hub.portal.app import ADDRESSES, NAMES
from hub.portal.ground import Ground
from hub.security import accounts
from hub.security.passwords import Passwords
from hub.security.rates import Buckets
from hub.todos.people import person
from tests.stores import SqliteStore
from tests.unit.todos.conftest import Desk, desk, forget

PASSWORD = "correct horse battery"
FORM = re.compile(r'name="token" value="([0-9a-f]{64})"')


CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


def ground(office: Desk) -> Ground:
    """What its portal stands on."""
    app: Any = office.client.app
    found: Ground = app.app.portal.app.state.ground
    return found


class Browser:
    """A browser over TLS with cookies of its own."""

    def __init__(self, office: Desk, language: str = "en", base: str = "https://hub.example") -> None:
        headers = {"accept-language": language}
        self.client = TestClient(
            office.client.app, base, raise_server_exceptions=False, follow_redirects=False, headers=headers
        )

    def get(self, place: str, status: int = 200, headers: dict[str, str] | None = None) -> Any:
        answer = self.client.get(place, headers=headers)
        assert answer.status_code == status, answer.text
        return answer

    def text(self, place: str) -> str:
        found: str = self.get(place).text
        return found

    def token(self, place: str = "/portal/login") -> str:
        found = FORM.search(self.text(place))
        assert found is not None
        return found[1]

    def post(self, place: str, token: str, headers: dict[str, str] | None = None, **fields: str) -> Any:
        return self.client.post(place, data={"token": token, **fields}, headers=headers or {})

    def login(self, name: str, password: str = PASSWORD, **more: str) -> Any:
        return self.post("/portal/login", self.token(), None, name=name, password=password, **more)


@pytest.fixture(scope="package")
def open_all_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = desk(tmp_path_factory.mktemp("portal"), SqliteStore())
    hub, passwords = made.open_hub.hub, Passwords(CHEAP)
    ground(made).passwords = passwords
    for name, key in (("li.na", "1"), ("wang.wei", "2")):
        accounts.add(hub.database, hub.actor, passwords, name, person(hub, key), PASSWORD, hub.clock())
    yield made
    made.close()


@pytest.fixture
def office(open_all_day: Desk) -> Desk:
    """No to-dos, nobody logged in, nobody counted."""
    forget(open_all_day)
    here = ground(open_all_day)
    here.names, here.addresses = Buckets(*NAMES), Buckets(*ADDRESSES)
    with open_all_day.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM session")
        connection.exec_driver_sql("UPDATE account SET language = ''")
    return open_all_day


@pytest.fixture
def li(office: Desk) -> Browser:
    """Li Na, logged in."""
    made = Browser(office)
    assert made.login("li.na").status_code == 303
    return made


def todo(number: object, *keys: str, **more: Any) -> dict[str, Any]:
    """A to-do of some people."""
    return {
        "system": "oa",
        "id": f"A-{number}",
        "version": {"at": "2026-11-26T08:15:00Z"},
        "title": {"en": f"Leave {number}", "zh": f"请假 {number}"},
        "assignees": [{"to": {"code": key}} for key in keys or ("1",)],
    } | more


def identity(office: Desk, key: str, **asked: Any) -> uuid.UUID:
    """The id of the first to-do of somebody."""
    return uuid.UUID(office.inbox(key, **asked)[0]["id"])
