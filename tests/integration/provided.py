"""A hub that is an OpenID provider, as ``cophub serve`` serves it, for applications that are programs of others."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import requests

from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from sso.ground import Provider, provider
from tests.e2e.test_webhook import listens, process
from tests.stores import SqliteStore
from tests.systems.place import free_port
from tests.unit.bus.busworld import until
from tests.unit.portal.conftest import CHEAP, PASSWORD
from tests.unit.provider.conftest import PERSON
from tests.unit.todos.conftest import HR, OA, PEOPLE, Desk

FOLK = (
    {"id": "1", "name": "李娜", "mail": "li@example.com", "phone": "100"},
    {"id": "2", "name": "欧阳·伟", "mail": "wang@example.com", "phone": "200"},
)
NAMED = {"li.na": "1", "wang.wei": "2"}


@dataclass(frozen=True)
class Provided:
    """``url`` is the hub's address, ``secrets`` those of its clients; ``folder`` and ``environment`` are its own."""

    url: str
    secrets: Mapping[str, str]
    folder: Path
    environment: Mapping[str, str]

    @contextmanager
    def working(self) -> Iterator[None]:
        """With a worker beside it."""
        with process(self.folder, "worker", env=self.environment):
            yield

    @property
    def issuer(self) -> str:
        return f"{self.url}/sso"


@contextmanager
def provided(folder: Path, clients: Mapping[str, str]) -> Iterator[Provided]:
    """A served hub with clients, by their files. Li Na has an account in the OA, Wang Wei has two."""
    port, made = free_port(), Desk(folder / "w", SqliteStore())
    url = f"http://127.0.0.1:{port}"
    try:
        made.write("config/hub.yaml", f"hub: test\n{PEOPLE}\naddress: {url}\nsso: {{}}\n")
        made.model(PERSON)
        made.mapping(HR)
        made.mapping(OA)
        made.files("hr", people="{id: text, name: text, mail: text, phone: text}")
        made.mapping(OA.replace("accounts", "guests"))
        made.files("oa", accounts="{id: text, mail: text}", guests="{id: text, mail: text}")
        for name, text in clients.items():
            made.write(f"config/clients/{name}.yaml", text)
        made.migrate()
        made.put("hr.people", *FOLK)
        made.run("people", initial=True)
        made.put("oa.accounts", {"id": "李娜", "mail": "li@example.com"}, {"id": "wang", "mail": "wang@example.com"})
        made.run("accounts", initial=True)
        made.put("oa.guests", {"id": "王伟", "mail": "wang@example.com"})
        made.run("guests", initial=True)
        with made.opened() as opened:
            hub, here = opened.hub, provider(opened.hub, opened.cipher)
            assert isinstance(here, Provider)
            for name, key in NAMED.items():
                accounts.add(hub.database, hub.actor, Passwords(CHEAP), name, person(hub, key), PASSWORD, hub.clock())
            secrets = {name: here.secrets.make(hub.actor, name) for name in clients}
        environment = os.environ | {"COPHUB_STORE": made.store}
        with process(made.folder, "serve", "--port", str(port), env=environment):
            until(lambda: listens(url), 120)
            yield Provided(url, secrets, made.folder, environment)
    finally:
        made.close()


def followed(browser: requests.Session, answer: requests.Response, stop: str = "") -> requests.Response:
    """The page at the end of redirects, and of pages of the hub that lead on; ``stop`` is an address not to ask."""
    while True:
        place = answer.headers.get("location", "") if answer.is_redirect else _led(answer.text)
        if not place or (stop and place.startswith(stop)):
            return answer
        answer = browser.get(urljoin(answer.url, place), allow_redirects=False, timeout=30)


def pressed(browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    """Send the form of a page of the hub."""
    main = page.text.partition("<main")[2]
    action = re.search(r'<form method="post" action="([^"]+)"', main)
    assert action is not None, page.text
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', main))
    data = {name: html.unescape(value) for name, value in hidden.items()} | fields
    answer = browser.post(urljoin(page.url, action[1]), data, allow_redirects=False, timeout=30)
    return followed(browser, answer)


def logged_in(browser: requests.Session, page: requests.Response, name: str = "li.na") -> requests.Response:
    """Through the page of log-in."""
    return pressed(browser, page, name=name, password=PASSWORD)


def _led(text: str) -> str:
    found = re.search(r'http-equiv="refresh" content="0; ?url=([^"]*)"', text)
    return html.unescape(found[1]) if found else ""
