"""Keys that sign follow each other, and the command line about clients."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.unit.cli.desk import Desk as Line
from tests.unit.provider.conftest import Office, Rp


def signed_by(office: Office) -> tuple[Any, str]:
    """A log-in's tokens, of a browser of their own, and the kid of the ID token."""
    rp = Rp(office)
    token = rp.tokens()
    claims = rp.claims(token)
    assert claims["aud"] == "oa"
    return token, str(office.provider.keys.current().kid)


def published(office: Office) -> list[str]:
    return [one["kid"] for one in office.client.get("/sso/jwks").json()["keys"]]


def test_a_key_is_published_before_it_signs_and_as_long_as_its_signatures_hold(office: Office) -> None:
    keys = office.provider.keys
    token, first = signed_by(office)
    second = keys.rotate().kid
    assert keys.rotate().kid == second  # one waits already
    assert published(office) == [first, second]
    assert signed_by(office)[1] == first
    office.ahead = dt.timedelta(hours=25)
    assert signed_by(office)[1] == second
    assert published(office) == [first, second]
    office.ahead = dt.timedelta(days=3)
    assert published(office) == [second]
    assert [str(key.kid) for key in keys.known()] == [first, second]
    hint = office.client.get("/sso/logout", params={"id_token_hint": token["id_token"]}, follow_redirects=False)
    assert hint.headers["location"].startswith("/portal/sso/logout")  # still known by it, however old


def test_clients_are_listed_and_given_secrets(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPHUB_STORE", office.store)
    line = Line(office.folder)
    found = {one["name"]: one for one in line.cophub("clients", "--json").json["clients"]}
    assert set(found) == {"oa", "post", "app", "wiki", "tv", "batch", "front"}
    assert (found["oa"]["system"], found["tv"]["grants"]) == ("oa", ["device_code", "refresh_token"])
    first, second = (line.cophub("clients", "secret", "batch", "--json").json["secret"] for _ in range(2))
    assert first != second
    proves = office.provider.secrets.proves
    assert [proves("batch", text) for text in (first, second, first[:-1])] == [True, True, False]
    office.ahead = dt.timedelta(hours=25)
    assert [proves("batch", text) for text in (first, second)] == [False, True]
    assert line.cophub("clients", "secret", "app", "--json").json["error"]["code"] == "client.public"
    assert line.cophub("clients", "secret", "ao", "--json").json["error"]["code"] == "client.unknown"


def test_a_preview_says_what_a_client_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPHUB_STORE", office.store)
    line = Line(office.folder)
    told = line.cophub("clients", "preview", "oa", "1", "--json").json
    assert (told["accounts"], told["userinfo"]["preferred_username"]) == (["lina"], "lina")
    assert line.cophub("clients", "preview", "oa", "2", "--json").json["accounts"] == []
    assert line.cophub("clients", "preview", "oa", "99", "--json").json["error"]["code"] == "person.unknown"
