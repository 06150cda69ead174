"""Security keys and passkeys: added, asked for, and every answer refused that is not one to what was asked here."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hub.errors import AuthError, ConfigError, HubError
from hub.security import accounts
from hub.security.passwords import Passwords
from hub.security.rates import Buckets
from hub.store import accounts as stored
from hub.store import logins
from hub.store.accounts import AccountRow
from hub.store.database import new_id
from hub.store.logins import LinkRow
from hub.todos.people import person
from sso import passkeys, secondly
from sso.ceremony import encoded
from sso.links import unlinked_by
from tests.stores import Postgres, PostgresStore
from tests.unit.login.authenticator import PRESENT, Authenticator
from tests.unit.portal.conftest import CHEAP, PASSWORD, Browser, ground
from tests.unit.todos.conftest import Desk, desk


@pytest.fixture
def wang(office: Desk) -> AccountRow:
    with office.open_hub.hub.database.begin() as connection:
        for name in ("login_passkey", "login_challenge", "login_totp", "login_recovery", "login_half", "login_trial"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    return stored.named(office.open_hub.hub.database, "wang.wei")


def added(office: Desk, row: AccountRow, name: str = "Token", **lies: Any) -> Authenticator:
    """An authenticator whose key the account has."""
    hub, key = office.open_hub.hub, Authenticator()
    options = json.loads(passkeys.creation(hub, row, "browser"))
    passkeys.added(hub, row, "browser", key.create(options, **lies), name, secondly.papers(row)[1])
    return key


def asked(office: Desk, row: AccountRow | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(passkeys.request(office.open_hub.hub, row, "browser"))
    return found


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(AuthError) as error:
        call()
    assert error.value.code == "passkey.refused"
    return error.value.message


def code_of(call: Callable[[], Any]) -> str:
    """The code of the hub's error; any other kind of error fails the test."""
    try:
        call()
    except HubError as error:
        return error.code
    return ""


def mangled(chance: random.Random, text: str) -> str:
    found = list(text)
    for _ in range(chance.randint(1, 4)):
        found[chance.randrange(len(found))] = chance.choice('"{}[]:,AZaz09-_ \\\x00')
    return "".join(found)


# ------------------------------------------------------------ in the portal


def test_a_key_is_the_second_step_of_a_log_in(office: Desk, wang: AccountRow) -> None:
    key, browser = added(office, wang), Browser(office)
    assert browser.login("wang.wei", next="/portal/todos?box=done").headers["location"] == "/portal/login/second"
    token = browser.token("/portal/login/second")
    options = browser.post("/portal/login/second/options", token).json()
    assert (options["rpId"], [one["transports"] for one in options["allowCredentials"]]) == ("hub.example", [["usb"]])
    wrong = key.get(options, origin="https://hub.example.evil")
    assert browser.post("/portal/login/second", token, answer=wrong).status_code == 403
    browser.get("/portal/todos", 303)
    options = browser.post("/portal/login/second/options", token).json()
    answer = browser.post("/portal/login/second", token, answer=key.get(options, flags=PRESENT))
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/todos?box=done")
    browser.get("/portal/todos")
    assert [row[0] for row in office.rows("SELECT methods FROM session")] == ["pwd pop mfa"]


def test_a_passkey_that_knows_its_owner_logs_in_without_a_name(office: Desk, wang: AccountRow) -> None:
    key, browser = added(office, wang), Browser(office)
    token = browser.token()
    options = browser.post("/portal/login/passkey/options", token).json()
    assert (options["userVerification"], options["allowCredentials"]) == ("required", [])
    answer = browser.post("/portal/login/passkey", token, answer=key.get(options), next="/portal/todos?box=done")
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/todos?box=done")
    assert [row[0] for row in office.rows("SELECT methods FROM session")] == ["pop mfa"]
    again = Browser(office)
    token = again.token()
    options = again.post("/portal/login/passkey/options", token).json()
    page = again.post("/portal/login/passkey", token, answer=key.get(options, flags=PRESENT))
    assert (page.status_code, "is not taken" in page.text) == (403, True)


def test_passkeys_are_asked_for_so_often_from_one_address(office: Desk, wang: AccountRow) -> None:
    ground(office).addresses = Buckets(1e-9, 3)
    browser = Browser(office)
    token = browser.token()
    answers = [browser.post("/portal/login/passkey/options", token).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert office.rows("SELECT count(*) FROM login_challenge") == [(3,)]


def test_who_must_have_a_second_step_may_take_a_key(
    office: Desk, wang: AccountRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secondly, "required", lambda hub, row: True)
    browser, key = Browser(office), Authenticator()
    browser.login("wang.wei")
    page = browser.text("/portal/login/second")
    assert 'data-passkey="/portal/login/second/options"' in page
    assert re.search(r'<svg [^>]*class="qr"', page)
    token = browser.token("/portal/login/second")
    options = browser.post("/portal/login/second/options", token).json()
    done = browser.post("/portal/login/second", token, answer=key.create(options))
    assert len(re.findall(r"<li><code>[a-z2-7]{4}-", done.text)) == 10
    page = browser.text("/portal/log-ins")
    assert "The last one stays" in page.replace("the last one", "The last one")
    identity = str(secondly.keys(office.open_hub.hub, wang)[0].id)
    form = browser.token("/portal/log-ins")
    assert "second.last" in browser.post("/portal/log-ins/keys/remove", form, id=identity).text


def test_several_keys_have_names_and_each_is_removed_by_itself(office: Desk, wang: AccountRow) -> None:
    browser = Browser(office)
    browser.login("wang.wei")
    form = browser.token("/portal/log-ins")
    shown = []
    for name in ("Phone <b>", ""):
        options = browser.post("/portal/log-ins/keys/options", form).json()
        answer = browser.post("/portal/log-ins/keys", form, answer=Authenticator().create(options), name=name)
        shown.append("<li><code>" in answer.text)
    assert shown == [True, False]  # recovery codes come once
    page = browser.text("/portal/log-ins")
    assert ("Phone &lt;b&gt;" in page, "Key 2" in page) == (True, True)
    first, second = secondly.keys(office.open_hub.hub, wang)
    for one, left in ((first, 10), (second, 0)):
        browser.post("/portal/log-ins/keys/remove", form, id=str(one.id))
        assert office.rows("SELECT count(*) FROM login_recovery") == [(left,)]
    assert not secondly.has(office.open_hub.hub, wang)


@pytest.mark.parametrize(
    "place", ["keys/options", "keys", "keys/remove", "second", "second/remove", "second/codes", "unlink", "link/idp"]
)
def test_what_changes_a_way_to_log_in_asks_for_a_fresh_log_in(office: Desk, wang: AccountRow, place: str) -> None:
    browser = Browser(office)
    browser.login("wang.wei")
    form = browser.token("/portal/log-ins")
    added(office, wang)
    office.ahead = dt.timedelta(minutes=11)
    answer = browser.post(f"/portal/log-ins/{place}", form, id=str(secondly.keys(office.open_hub.hub, wang)[0].id))
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/login?again=1&next=/portal/log-ins")
    assert "Log in once more" in browser.text(answer.headers["location"])
    assert len(secondly.keys(office.open_hub.hub, wang)) == 1


def test_recovery_codes_serve_who_lost_the_key_and_are_made_anew(office: Desk, wang: AccountRow) -> None:
    hub = office.open_hub.hub
    added(office, wang)
    codes = secondly.renewed(hub, wang)
    assert len(codes) == 10
    browser = Browser(office)
    browser.login("wang.wei")
    assert "recovery codes" in browser.text("/portal/login/second")
    answer = browser.post("/portal/login/second", browser.token("/portal/login/second"), code=codes[0])
    assert answer.status_code == 303
    assert not secondly.fits(hub, wang, codes[0])
    shown = browser.post("/portal/log-ins/second/codes", browser.token("/portal/log-ins")).text
    assert codes[1] not in shown
    assert not secondly.fits(hub, wang, codes[1])


def test_who_keeps_the_hub_takes_keys_and_codes_away(office: Desk, wang: AccountRow) -> None:
    hub = office.open_hub.hub
    added(office, wang)
    assert secondly.removed(hub, hub.actor, wang)
    assert (secondly.keys(hub, wang), office.rows("SELECT digest FROM login_recovery")) == ([], [])


# ------------------------------------------------------------ hostile answers

LIES: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://hub.example.evil"},
    "the same name without TLS": {"origin": "http://hub.example"},
    "another port": {"origin": "https://hub.example:8443"},
    "another relying party": {"host": "example"},
    "a frame of another site": {"framed": True},
    "nobody touched it": {"flags": 4},
}


@pytest.mark.parametrize("name", [*LIES, "another ceremony"])
def test_a_new_key_is_not_taken_from(office: Desk, wang: AccountRow, name: str) -> None:
    refused(lambda: added(office, wang, **LIES.get(name, {"kind": "webauthn.get"})))
    assert secondly.keys(office.open_hub.hub, wang) == []


def test_a_new_key_brings_no_attestation_and_no_weak_algorithm(office: Desk, wang: AccountRow) -> None:
    statement = {"alg": -7, "sig": b"x", "x5c": [b"not a certificate"]}
    assert "attestation" in refused(lambda: added(office, wang, fmt="packed", statement=statement))
    for fmt in ("tpm", "android-safetynet", "apple", "fido-u2f", "else", 7):
        refused(partial(added, office, wang, fmt=fmt, statement={"ver": "2.0"}))
    refused(lambda: added(office, wang, algorithm=-65535))  # RSA with SHA-1


@pytest.mark.parametrize(
    "lie",
    [*LIES.values(), {"kind": "webauthn.create"}, {"signature": b"0" * 70}, {"handle": encoded(b"x" * 16)},
     {"flags": PRESENT}, {"handle": None}],
)  # fmt: skip
def test_nobody_enters_by(office: Desk, wang: AccountRow, lie: dict[str, Any]) -> None:
    key = added(office, wang)
    refused(lambda: passkeys.entered(office.open_hub.hub, "browser", key.get(asked(office, None), **lie)))
    assert passkeys.entered(office.open_hub.hub, "browser", key.get(asked(office, None))).id == wang.id


def test_an_answer_is_taken_once_in_time_in_its_browser_and_for_its_purpose(office: Desk, wang: AccountRow) -> None:
    hub, key = office.open_hub.hub, added(office, wang)
    answer = key.get(asked(office, wang))
    refused(lambda: passkeys.proven(hub, wang, "another browser", answer))
    refused(lambda: passkeys.entered(hub, "browser", answer))
    passkeys.proven(hub, wang, "browser", answer)
    refused(lambda: passkeys.proven(hub, wang, "browser", answer))
    stale = key.get(asked(office, wang))
    office.ahead += passkeys.WITHIN + dt.timedelta(seconds=1)
    refused(lambda: passkeys.proven(hub, wang, "browser", stale))
    made_up = key.get({"challenge": encoded(b"c" * 32)})
    refused(lambda: passkeys.proven(hub, wang, "browser", made_up))


def test_a_wrong_answer_uses_its_challenge_up(office: Desk, wang: AccountRow) -> None:
    hub, key = office.open_hub.hub, added(office, wang)
    options = asked(office, wang)
    refused(lambda: passkeys.proven(hub, wang, "browser", key.get(options, signature=b"0" * 70)))
    refused(lambda: passkeys.proven(hub, wang, "browser", key.get(options)))


def test_the_key_of_another_account_opens_only_that_one(office: Desk, wang: AccountRow) -> None:
    hub = office.open_hub.hub
    passwords = ground(office).passwords
    li = accounts.add(hub.database, hub.actor, passwords, "li.na", person(hub, "1"), PASSWORD, hub.clock())
    mine, hers = added(office, wang), added(office, li)
    refused(lambda: passkeys.proven(hub, wang, "browser", hers.get(asked(office, wang))))
    refused(lambda: passkeys.proven(hub, wang, "browser", hers.get(asked(office, wang), identity=mine.identity)))
    refused(lambda: passkeys.entered(hub, "browser", hers.get(asked(office, None), handle=mine.handle)))
    again = mine.create(json.loads(passkeys.creation(hub, li, "browser")))
    assert code_of(lambda: passkeys.added(hub, li, "browser", again, "", [])) == "passkey.many"


def test_two_of_one_key_are_seen(office: Desk, wang: AccountRow) -> None:
    hub, key = office.open_hub.hub, added(office, wang)
    passkeys.proven(hub, wang, "browser", key.get(asked(office, wang), count=7))
    again = key.get(asked(office, wang), count=7)
    assert "two of this key" in refused(lambda: passkeys.proven(hub, wang, "browser", again))
    assert office.rows("SELECT seq FROM audit WHERE action = 'passkey.cloned'")
    other = added(office, wang, "Phone")  # a passkey that is in many devices does not count
    for _ in range(2):
        passkeys.proven(hub, wang, "browser", other.get(asked(office, wang), count=0))


def test_a_disabled_account_is_not_entered(office: Desk, wang: AccountRow) -> None:
    hub, key = office.open_hub.hub, added(office, wang)
    accounts.disable(hub.database, hub.actor, "wang.wei", hub.clock())
    refused(lambda: passkeys.entered(hub, "browser", key.get(asked(office, None))))


def test_whatever_bytes_come_are_refused_and_never_an_error_within(office: Desk, wang: AccountRow) -> None:
    hub, chance = office.open_hub.hub, random.Random(7)
    key = added(office, wang)
    for number in range(150):
        if number % 2:
            given = mangled(chance, Authenticator().create(json.loads(passkeys.creation(hub, wang, "browser"))))
            told = code_of(partial(passkeys.added, hub, wang, "browser", given, "", []))
        else:
            given = mangled(chance, key.get(asked(office, wang)))
            told = code_of(partial(passkeys.proven, hub, wang, "browser", given))
        assert told in ("", "passkey.refused", "passkey.many")
    odd = {"id": 7, "rawId": 7, "type": 7, "response": {"clientDataJSON": encoded(b"[1]")}}
    hostile = ["", "{}", "[]", "null", "7", '{"response": 7}', "[" * 20_000, "[" * 5_000, json.dumps(odd)]
    for text in hostile:
        refused(partial(passkeys.entered, hub, "browser", text))
    sealed = [b"\x9f" * 3_000, b"\x81" * 3_000, b"", b"\xa0", b"\xbf" * 900, b"\x5b" + b"\xff" * 8]
    for data in sealed:
        refused(partial(added, office, wang, sealed=data))
        refused(partial(added, office, wang, public=data))


@pytest.mark.parametrize(
    ("address", "offered"),
    [("https://hub.example.com", True), ("http://localhost:8080", True), ("http://hub.example.com", False),
     ("https://10.0.0.1", False), ("https://[::1]:8080", False), (None, False)],
)  # fmt: skip
def test_where_keys_can_be_used(office: Desk, wang: AccountRow, address: str | None, offered: bool) -> None:
    hub = office.open_hub.hub
    shape = hub.workspace.hub.model_copy(update={"address": address})
    there = replace(hub, workspace=replace(hub.workspace, hub=shape))
    assert passkeys.offered(there) is offered
    if not offered:
        with pytest.raises(ConfigError) as error:
            passkeys.creation(there, wang, "browser")
        assert error.value.code == "passkey.off"


def test_on_postgresql_one_of_many_at_once_is_taken(tmp_path: Path, postgres: Postgres) -> None:
    """Challenges, counts, and the last link of an account: decided by the database."""
    kept = PostgresStore(postgres)
    made = desk(tmp_path, kept)
    hub = made.open_hub.hub
    shape = hub.workspace.hub.model_copy(update={"address": "https://hub.example"})
    there = replace(hub, workspace=replace(hub.workspace, hub=shape))
    accounts.add(hub.database, hub.actor, Passwords(CHEAP), "li.na", person(hub, "1"), PASSWORD, hub.clock())
    row, key = stored.named(hub.database, "li.na"), Authenticator()
    shown, codes = secondly.papers(row)
    options = json.loads(passkeys.creation(there, row, "browser"))
    assert passkeys.added(there, row, "browser", key.create(options), "Phone", codes)
    answer = key.get(json.loads(passkeys.request(there, row, "browser")))
    links = [LinkRow(new_id(), "idp", str(number), row.id, hub.clock(), "test") for number in range(2)]
    for one in links:
        logins.link(hub.database, one, row, partial(accounts.audited, hub.actor), new=False)
    with ThreadPoolExecutor(8) as pool:
        proven = list(pool.map(lambda _: code_of(partial(passkeys.proven, there, row, "browser", answer)), range(8)))
        gone = list(
            pool.map(lambda one: code_of(partial(unlinked_by, hub, one, row, hub.actor, last=False)), links)
        )
    assert sorted(proven) == ["", *["passkey.refused"] * 7]
    assert sorted(gone) == ["", "login.last"]
    assert passkeys.removed(hub, hub.actor, row, secondly.keys(hub, row)[0].id)
    assert not secondly.fits(hub, row, shown[0])
    made.close()
    kept.renew()
