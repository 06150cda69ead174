"""A served hub that is an OpenID provider, its people, and an application that logs in through it."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import html
import re
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import uvicorn

from hub.portal.app import ADDRESSES, NAMES
from hub.security import accounts
from hub.security.passwords import Passwords
from hub.security.rates import Buckets
from hub.store.database import now
from hub.todos.people import person
from sso.clients import Secrets
from sso.ground import Provider
from sso.jwts import Expected, decode
from sso.upstream.tokens import public_keys
from tests.stores import SqliteStore, Store
from tests.unit.portal.conftest import CHEAP, PASSWORD, Browser, ground
from tests.unit.todos.conftest import HR, OA, PEOPLE, Desk

ISSUER = "https://hub.example/sso"
CALLBACK = "https://oa.example.com/callback"
BYE = "https://oa.example.com/bye"
PERSON = """
    model: person
    key: [number]
    fields:
      number: {type: text, required: true, level: L1}
      name: {type: text, level: L2}
      mail: {type: text, level: L2}
      phone: {type: text, level: L3}
"""
HUB = f"hub: test\napi: {{rate: 100000, burst: 100000}}\n{PEOPLE}\naddress: {ISSUER.removesuffix('/sso')}\nsso: {{}}\n"
CLIENTS = {
    "oa": f"""
client: oa
title: {{en: Office, zh: 协同办公}}
system: oa
redirect_uris: [{CALLBACK}, "https://oa.example.com/other?x=1"]
grants: [authorization_code, refresh_token]
scopes: [openid, profile, email, phone, address, offline_access]
claims:
  preferred_username: account
  name: name
  email: mail
  email_verified: {{value: true}}
  phone_number: phone
  address.formatted: name
  number: number
level: L3
consent: given
logout: {{redirect_uris: [{BYE}, "{BYE}?x=1"], backchannel: "http://127.0.0.1:9/logout"}}
cas: {{services: ["https://oa.example.com/seeyon", "https://oa.example.com:8443/"]}}
""",
    "post": f"""
client: post
redirect_uris: [{CALLBACK}]
auth: client_secret_post
scopes: [openid, profile]
claims: {{name: name}}
in_id_token: true
""",
    "app": """
client: app
redirect_uris: ["http://127.0.0.1/callback"]
auth: none
grants: [authorization_code, refresh_token]
scopes: [openid]
consent: given
""",
    "wiki": """
client: wiki
scopes: [openid, profile]
claims: {name: name}
cas: {services: ["https://wiki.example.com/wiki/"], logout: false}
""",
    "tv": """
client: tv
title: {en: Television, zh: 电视}
grants: [device_code, refresh_token]
scopes: [openid, profile, offline_access]
claims: {name: name}
consent: given
""",
    "batch": """
client: batch
grants: [client_credentials]
scopes: [read, write]
""",
    "front": f"""
client: front
redirect_uris: [{CALLBACK}]
grants: [authorization_code, token_exchange]
scopes: [openid, read, write]
exchange: [oa]
consent: given
""",
}
FOLK = (
    {"id": "1", "name": "李娜", "mail": "li@example.com", "phone": "100"},
    {"id": "2", "name": "Wang Wei", "mail": "wang@example.com", "phone": "200"},
    {"id": "3", "name": "赵敏", "mail": "zhao@example.com", "phone": "300"},
)
NAMED = {"li.na": "1", "wang.wei": "2", "zhao.min": "3"}


class Office(Desk):
    """A desk that is a provider."""

    @property
    def provider(self) -> Provider:
        found = ground(self).sso
        assert found is not None
        return found

    def secret(self, client: str) -> str:
        here = self.provider
        made: Secrets = here.secrets
        return made.make(here.hub.actor, client)


def office_of(folder: Path, kept: Store) -> Office:
    """Li Na has an account in the OA, Zhao Min has two, Wang Wei has none."""
    made = Office(folder / "w", kept)
    made.clock = lambda: now() + made.ahead
    made.write("config/hub.yaml", HUB)
    made.model(PERSON)
    made.mapping(HR)
    made.mapping(OA)
    made.files("hr", people="{id: text, name: text, mail: text, phone: text}")
    made.mapping(OA.replace("accounts", "guests"))
    made.files("oa", accounts="{id: text, mail: text}", guests="{id: text, mail: text}")
    for name, text in CLIENTS.items():
        made.write(f"config/clients/{name}.yaml", text)
    made.migrate()
    made.put("hr.people", *FOLK)
    made.run("people", initial=True)
    made.put("oa.accounts", {"id": "lina", "mail": "li@example.com"}, {"id": "赵敏", "mail": "zhao@example.com"})
    made.run("accounts", initial=True)
    made.put("oa.guests", {"id": "赵敏-guest", "mail": "zhao@example.com"})
    made.run("guests", initial=True)
    made.serve()
    hub, passwords = made.open_hub.hub, Passwords(CHEAP)
    ground(made).passwords = passwords
    for name, key in NAMED.items():
        accounts.add(hub.database, hub.actor, passwords, name, person(hub, key), PASSWORD, hub.clock())
    return made


@pytest.fixture(scope="module")
def open_all_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = office_of(tmp_path_factory.mktemp("sso"), SqliteStore())
    yield made
    made.close()


@pytest.fixture(scope="module")
def cas_address(open_all_day: Office) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(open_all_day.client.app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/sso/cas/"
    server.should_exit = True
    thread.join()


@pytest.fixture
def office(open_all_day: Office) -> Office:
    """Nobody logged in, nobody counted."""
    here = ground(open_all_day)
    here.names, here.addresses = Buckets(*NAMES), Buckets(*ADDRESSES)
    open_all_day.ahead = dt.timedelta()
    with open_all_day.open_hub.hub.database.begin() as connection:
        kept = ("ask", "grant", "code", "token", "device", "consent")
        for table in ("session", *(f"sso_{one}" for one in kept), "outbox", "handover"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    return open_all_day


class Rp:
    """A relying party with a person's browser: it does what an application does, and checks what it is given."""

    def __init__(self, office: Office, client: str = "oa", callback: str = CALLBACK) -> None:
        self.office, self.client, self.callback = office, client, callback
        self.browser = Browser(office)
        auth = office.provider.hub.workspace.clients[client].auth
        self.auth, self.secret = auth, "" if auth == "none" else office.secret(client)
        self.verifier = secrets.token_urlsafe(32)
        self.nonce, self.state = secrets.token_urlsafe(8), secrets.token_urlsafe(8)

    def parameters(self, **more: Any) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        found: dict[str, Any] = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self.callback,
            "scope": "openid",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (found | more).items() if value is not None}

    def authorize(self, post: bool = False, **more: Any) -> Any:
        """The answer that the browser ends at: a page of the hub, or the redirect to the client."""
        asked = self.parameters(**more)
        if post:
            answer = self.browser.client.post("/sso/authorize", data=asked)
        else:
            answer = self.browser.client.get(f"/sso/authorize?{urlencode(asked)}")
        return self.follow(answer)

    def follow(self, answer: Any) -> Any:
        """Redirects of the hub itself."""
        while answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = self.browser.client.get(answer.headers["location"])
        return answer

    def login(self, page: Any, name: str = "li.na") -> Any:
        """Fill in the page of log-in; answers the page that leads on, as a redirect."""
        assert 'name="password"' in page.text, page.text
        fields = dict(_hidden(page.text), name=name, password=PASSWORD)
        return self.led(self.follow(self.browser.client.post("/portal/login", data=fields)))

    def press(self, page: Any, place: str, **fields: str) -> Any:
        """A button of a page of the hub."""
        answer = self.browser.client.post(place, data=dict(_hidden(page.text), **fields))
        return self.led(self.follow(answer))

    def led(self, page: Any) -> Any:
        """Where a page leads that a policy of the browser makes necessary."""
        found = _leads(page.text) if page.status_code == 200 else ""
        return Led(found) if found else page

    def code(self, **more: Any) -> str:
        """Log in where that is needed, and answer the code."""
        name = more.pop("name", "li.na")
        page = self.authorize(**more)
        if page.status_code == 200 and 'name="password"' in page.text:
            page = self.login(page, name)
        return self.given(page)["code"]

    def given(self, answer: Any) -> dict[str, str]:
        """The parameters that the client gets, from the issuer that it asked, for the request that it made."""
        assert answer.status_code == 303, answer.text
        place = answer.headers["location"]
        assert place.startswith(self.callback.partition("?")[0]), place
        found = dict(parse_qsl(urlsplit(place).query))
        assert found["iss"] == ISSUER
        assert found.get("state") == self.state
        return found

    def ask(self, place: str, **form: Any) -> Any:
        """A call of the client itself, with its proof."""
        headers, data = {}, {name: value for name, value in form.items() if value is not None}
        if self.auth == "client_secret_basic":
            headers["authorization"] = self.proof()
        elif self.auth == "client_secret_post":
            data |= {"client_id": self.client, "client_secret": self.secret}
        else:
            data["client_id"] = self.client
        return self.office.client.post(f"/sso/{place}", data=data, headers=headers)

    def proof(self) -> str:
        """Its secret, as a header."""
        return f"Basic {base64.b64encode(f'{self.client}:{self.secret}'.encode()).decode()}"

    def redeem(self, code: str, **more: Any) -> Any:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback}
        return self.ask("token", **(form | {"code_verifier": self.verifier} | more))

    def refresh(self, token: str, **more: Any) -> Any:
        return self.ask("token", grant_type="refresh_token", refresh_token=token, **more)

    def tokens(self, **more: Any) -> dict[str, Any]:
        answer = self.redeem(self.code(**more))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def claims(self, token: dict[str, Any], nonce: bool = True) -> dict[str, Any]:
        """Of an ID token, checked as OpenID Connect Core 1.0, 3.1.3.7 has it."""
        keys = public_keys(self.office.client.get("/sso/jwks").json())
        expected = Expected(ISSUER, self.client, needed=("exp", "sub", "iat"))
        found = decode(token["id_token"], keys, expected, self.office.provider.now().timestamp()).claims
        assert not nonce or found["nonce"] == self.nonce
        return found

    def userinfo(self, token: str, **headers: str) -> Any:
        return self.office.client.get("/sso/userinfo", headers={"authorization": f"Bearer {token}"} | headers)


class Led:
    """A page that leads on, as the redirect that it stands for."""

    status_code = 303
    text = ""

    def __init__(self, place: str) -> None:
        self.headers = {"location": place}


def _hidden(text: str) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text.partition("<main")[2])
    return {name: html.unescape(value) for name, value in found}


def _leads(text: str) -> str:
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', text)
    return html.unescape(found[1]) if found else ""

