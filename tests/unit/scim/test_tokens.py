"""A SCIM client that logs in at the hub's own provider: as itself, or for a person, who is /Me."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from hub.security.access import digest
from hub.store import sso_grants
from hub.store.sso_grants import Family, Token
from tests.stores import SqliteStore
from tests.unit.portal.conftest import ground
from tests.unit.scim.conftest import HUB, USER, Identities
from tests.unit.scim.test_server import refused

CLIENTS = {
    "entra-app": "system: entra\ngrants: [client_credentials]\nscopes: [scim:read, scim:write]\n",
    "okta-app": "system: okta\ngrants: [client_credentials]\nscopes: [scim:read]\n",
    "batch": "grants: [client_credentials]\nscopes: [scim:read]\n",
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identities]:
    made = Identities(tmp_path_factory.mktemp("tokens") / "w", SqliteStore())
    for name, text in CLIENTS.items():
        made.write(f"config/clients/{name}.yaml", f"client: {name}\n{text}")
    made.build(HUB + "sso: {}\n")
    yield made
    made.close()


def token(hub: Identities, client: str, scope: str) -> Any:
    """What the provider answers to client credentials."""
    office: Any = hub  # what is served is looked at, and nobody logs in
    provider = ground(office).sso
    assert provider is not None
    secret = provider.secrets.make(provider.hub.actor, client)
    given = {"grant_type": "client_credentials", "scope": scope}
    return hub.client.post("/sso/token", data=given, auth=(client, secret))


def bearer(hub: Identities, client: str, scope: str = "scim:read scim:write") -> dict[str, str]:
    answer = token(hub, client, scope)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def stored(hub: Identities, **more: Any) -> dict[str, str]:
    """A token of entra-app as the provider keeps it, and the headers that carry it."""
    moment, text = hub.open_hub.hub.clock(), f"access_{uuid.uuid4().hex}"
    ends = moment + dt.timedelta(minutes=10)
    family = Family(uuid.uuid4(), "entra-app", "scim:read", False, moment, ends, **more)
    kept = Token(digest(text), family.id, "access", "entra-app", "scim:read", moment, ends)
    sso_grants.add(hub.open_hub.hub.database, family, [kept])
    return {"authorization": f"Bearer {text}"}


def test_a_client_writes_and_reads_by_its_token(hub: Identities) -> None:
    head = bearer(hub, "entra-app")
    body = {"schemas": [USER], "userName": "by.token"}
    made = hub.ask("POST", "/Users", body, client="entra", key="", **head)
    assert made.status_code == 201, made.text
    assert hub.ask("GET", f"/Users/{made.json()['id']}", client="entra", key="", **head).json() == made.json()


def test_a_token_opens_its_system_and_its_scopes_alone(hub: Identities) -> None:
    head = bearer(hub, "entra-app", "scim:read")
    refused(hub.ask("POST", "/Users", {"schemas": [USER], "userName": "no"}, client="entra", key="", **head), 403,
            detail="key.grant: the client 'entra-app' does not allow scim:write")  # fmt: skip
    refused(hub.ask("GET", "/Users", client="okta", key="", **head), 404, detail="scim.unknown")
    assert hub.ask("GET", "/Users", client="okta", key="", **bearer(hub, "okta-app", "scim:read")).status_code == 200
    assert token(hub, "okta-app", "scim:write").json()["error"] == "invalid_scope"


def test_what_is_no_token_of_a_system_is_refused(hub: Identities) -> None:
    own = bearer(hub, "entra-app")
    for head in (bearer(hub, "batch", "scim:read"), {"authorization": "Bearer access_nobody"}):
        refused(hub.ask("GET", "/Users", client="entra", key="", **head), 401, detail="key.refused")
    found = sso_grants.token(hub.open_hub.hub.database, digest(own["authorization"].partition(" ")[2]))
    assert found is not None
    sso_grants.revoke(hub.open_hub.hub.database, found[1].id, "tests", hub.open_hub.hub.clock())
    refused(hub.ask("GET", "/Users", client="entra", key="", **own), 401, detail="key.refused")
    assert hub.client.get("/v1/people", headers=bearer(hub, "entra-app")).status_code == 401


def test_a_person_is_me_and_nobody_else(hub: Identities) -> None:
    mine = hub.user("me.myself")
    hub.drain()
    person = hub.person("me.myself")
    assert person is not None
    head = stored(hub, person=person["_id"], name=mine["id"])
    assert hub.ask("GET", "/Me", client="entra", key="", **head).json() == mine
    for method, path in (("GET", "/Users"), ("GET", f"/Users/{mine['id']}"), ("DELETE", "/Me")):
        refused(hub.ask(method, path, client="entra", key="", **head), 403, detail="key.grant")
    nowhere = stored(hub, person=person["_id"])
    refused(hub.ask("GET", "/Me", client="entra", key="", **nowhere), 401, detail="key.refused")


@pytest.mark.parametrize("state", [1, 2], ids=["disabled", "deleted"])
def test_who_is_there_no_more_is_not_me(hub: Identities, state: int) -> None:
    mine = hub.user(f"leaver.{state}")
    hub.drain()
    person = hub.person(f"leaver.{state}")
    assert person is not None
    head = stored(hub, person=person["_id"], name=mine["id"])
    assert hub.ask("GET", "/Me", client="entra", key="", **head).json() == mine
    with hub.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE e_person SET _state = {state} WHERE login = 'leaver.{state}'")
    refused(hub.ask("GET", "/Me", client="entra", key="", **head), 401, detail="key.refused")


def test_whose_account_at_the_client_is_gone_is_not_me(hub: Identities) -> None:
    mine, other = hub.user("had.account"), hub.user("has.account")
    hub.drain()
    person = hub.person("had.account")
    assert person is not None
    head = stored(hub, person=person["_id"], name=other["id"])
    refused(hub.ask("GET", "/Me", client="entra", key="", **head), 401, detail="key.refused")
    head = stored(hub, person=person["_id"], name=mine["id"])
    assert hub.ask("DELETE", f"/Users/{mine['id']}").status_code == 204
    hub.drain()
    refused(hub.ask("GET", "/Me", client="entra", key="", **head), 401, detail="key.refused")


def test_a_program_is_nobody(hub: Identities) -> None:
    refused(hub.ask("GET", "/Me"), 501, detail="scim.me")
    refused(hub.ask("GET", "/Me", client="entra", key="", **bearer(hub, "entra-app")), 501, detail="scim.me")
