"""A served office whose people log in at an OpenID provider."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from hub.security import accounts
from hub.security.passwords import Passwords
from hub.security.rates import Buckets
from hub.todos.people import person
from tests.stores import SqliteStore
from tests.unit.login.upstream import SECRET, Upstream
from tests.unit.portal.conftest import CHEAP, PASSWORD, Browser, ground
from tests.unit.todos.conftest import Desk, begun

LOGIN = """
address: https://hub.example
login:
  providers:
    idp:
      title: {{en: Upstream, zh: 上游}}
      issuer: {issuer}
      client_id: cophub
      client_secret: secret://sso/idp
      account: {{system: oa, claim: oid}}
      domains: [corp.example]
      timeout: 60s
    second: {{issuer: "{issuer}", client_id: other, client_secret: "secret://sso/idp"}}
"""


@pytest.fixture(scope="package")
def provider() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.close()


@pytest.fixture(scope="package")
def whole(tmp_path_factory: pytest.TempPathFactory, provider: Upstream) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("login") / "w", SqliteStore())
    made.variables["COPHUB_SECRET_SSO_IDP"] = SECRET
    begun(made)
    made.close()
    file = made.folder / "config" / "hub.yaml"
    made.write("config/hub.yaml", file.read_text(encoding="utf-8") + LOGIN.format(issuer=provider.issuer))
    made.serve()
    ground(made).passwords = Passwords(CHEAP)
    yield made
    made.close()


@pytest.fixture
def office(whole: Desk, provider: Upstream) -> Desk:
    """Nobody logged in, nobody linked, and nothing known of the provider."""
    provider.truth()
    whole.ahead = dt.timedelta()
    here = ground(whole)
    here.names, here.addresses = Buckets(1, 100), Buckets(1, 100)
    for one in here.providers._known.values():
        one._metadata = one._keys = None
    hub = whole.open_hub.hub
    with hub.database.begin() as connection:
        for name in ("session", "login_link", "login_attempt", "login_replay", "login_device", "account"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    accounts.add(hub.database, hub.actor, here.passwords, "wang.wei", person(hub, "2"), PASSWORD, hub.clock())
    return whole


def come_back(browser: Browser, provider: Upstream, name: str = "idp", **more: str) -> Any:
    """To the provider, and back."""
    place = browser.get(f"/portal/login/with/{name}", 303).headers["location"]
    return back(browser, provider.code(place) | more, name)


def back(browser: Browser, given: dict[str, str], name: str = "idp") -> Any:
    return browser.client.get(f"/portal/login/back/{name}", params={k: v for k, v in given.items() if v})
