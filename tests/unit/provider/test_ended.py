"""Sessions that end by time, and people who leave: their log-ins at clients are over, and the clients are told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from hub.security import accounts
from hub.store import accounts as stored
from sso.answer import Login, agree, decide
from sso.authorize import waiting
from sso.sessions import Sessions
from tests.unit.portal.conftest import PASSWORD, ground
from tests.unit.provider.conftest import Office, Rp
from tests.unit.provider.test_cas import Cas
from tests.unit.provider.test_consent import ask_of
from tests.unit.provider.test_devices import Tv


def told(office: Office) -> list[str]:
    """Clients that are to be told of an end."""
    return [row[0] for row in office.rows("SELECT subject FROM outbox WHERE type = 'session.ended' ORDER BY subject")]


def sweep(office: Office) -> None:
    while Sessions(office.open_hub.hub).turn():
        pass


@pytest.fixture
def left(office: Office) -> Iterator[Any]:
    """Somebody leaves, and comes back after the test."""

    def leave(key: str, state: int = 1) -> None:
        with office.open_hub.hub.database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE e_person SET _state = {state} WHERE number = '{key}'")

    yield leave
    for key in ("1", "2", "3"):
        leave(key, 0)


@pytest.mark.parametrize("after", [dt.timedelta(hours=1), dt.timedelta(days=30)])
def test_clients_are_told_of_a_session_that_ends_by_time(office: Office, after: dt.timedelta) -> None:
    """Nobody comes back to the portal, and nobody else logs in."""
    rp = Rp(office)
    token = rp.tokens(scope="openid")
    sweep(office)
    assert (told(office), rp.userinfo(token["access_token"]).status_code) == ([], 200)
    office.ahead = after
    sweep(office)
    assert office.rows("SELECT digest FROM session") == []
    assert told(office) == ["sso:oa"]
    assert rp.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_session_that_was_used_meanwhile_goes_on(office: Office) -> None:
    """It was looked at as an old one, and its owner came back before it was ended."""
    rp = Rp(office)
    token = rp.tokens(scope="openid")
    hub, ends = office.open_hub.hub, ground(office).ends
    ((key,),) = office.rows("SELECT digest FROM session")
    office.ahead = ends.idle + dt.timedelta(minutes=1)
    over = ends.before(hub.clock())
    stored.seen(hub.database, key, hub.clock())
    stored.expire(hub.database, key, over)
    sweep(office)
    assert len(office.rows("SELECT digest FROM session")) == 1
    assert (told(office), rp.refresh(token["refresh_token"]).status_code) == ([], 200)


@pytest.mark.parametrize("state", [1, 2])
def test_clients_are_told_of_who_leaves(office: Office, left: Any, state: int) -> None:
    rp = Rp(office)
    token = rp.tokens(scope="openid offline_access")
    left("1", state)
    assert rp.ask("introspect", token=token["access_token"]).json() == {"active": False}
    assert rp.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"
    sweep(office)
    assert told(office) == ["sso:oa"]
    assert office.rows("SELECT digest FROM session") == []
    left("1", 0)
    assert rp.ask("introspect", token=token["access_token"]).json() == {"active": False}
    assert rp.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"
    sweep(office)
    assert told(office) == ["sso:oa"]


def test_a_token_of_who_left_is_exchanged_for_nothing(office: Office, left: Any) -> None:
    front = Rp(office, "front")
    token = front.tokens(name="wang.wei", scope="openid read")
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": token["access_token"],
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token", "audience": "oa", "scope": "read",
    }  # fmt: skip
    assert front.ask("token", **form).status_code == 200
    left("2")
    assert front.ask("token", **form).json()["error"] == "invalid_grant"




def _asked(rp: Rp, place: str) -> str:
    """A request that waits, of somebody who is logged in: its page was not asked for yet."""
    answer = rp.browser.client.get(place)
    return str(answer.headers["location"].partition("id=")[2])


@pytest.mark.parametrize("protocol", ["oidc", "cas", "device"])
@pytest.mark.parametrize("end", ["log-out", "password", "time"])
def test_nothing_comes_of_a_session_that_ends_at_this_very_moment(office: Office, protocol: str, end: str) -> None:
    """Who asks was looked at before the session ended, and is given something after it."""
    rp, hub = Rp(office), office.open_hub.hub
    rp.code()
    token = rp.browser.client.cookies["__Host-cophub-session"]
    if protocol == "device":
        tv = Tv(office)
        tv.browser = rp.browser
        id_ = ask_of(tv.type())
    elif protocol == "cas":
        id_ = _asked(rp, f"/sso/cas/login?service={Cas(office).service}")
    else:
        id_ = _asked(rp, f"/sso/authorize?{urlencode(rp.parameters(scope='openid offline_access'))}")
    ask, found = waiting(office.provider, id_), stored.current(hub.database, accounts.digest(token))
    assert found is not None
    session, row = found
    shown = getattr(decide(office.provider, ask, row, session), "shown", "") if protocol == "device" else ""
    if end == "log-out":
        accounts.end(hub.database, token, row)
    elif end == "time":
        over = hub.clock() + dt.timedelta(days=1)
        stored.expire(hub.database, session.digest, (over, over))
    else:
        accounts.set_password(hub.database, hub.actor, ground(office).passwords, "li.na", PASSWORD, hub.clock())
    before = office.rows("SELECT count(*) FROM sso_grant WHERE revoked_at IS NULL")
    about = (office.provider, ask, row, session)
    step = agree(*about, shown, True) if shown else decide(*about)
    assert office.rows("SELECT count(*) FROM sso_grant WHERE revoked_at IS NULL") == before
    assert isinstance(step, Login), step
