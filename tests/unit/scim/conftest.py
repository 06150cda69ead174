"""A hub that two SCIM clients write to, whose users become persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.bus.drain import Drain
from tests.stores import SqliteStore, Store
from tests.unit.api.conftest import Served

HUB = """
people: {model: person, receivers: {login: login}}
address: https://hub.example.com
api: {rate: 100000, burst: 100000}
"""
PERSON = """
    model: person
    level: L1
    key: [login]
    fields:
      login: {type: text, required: true}
      number: {type: text, unique: true}
      name: {type: text}
      mail: {type: text, level: L2, class: pi.contact}
      unit: {type: text}
      active: {type: boolean}
"""
TEAM = """
    model: team
    level: L1
    key: [name]
    fields:
      name: {type: text, required: true}
      size: {type: integer}
"""
ENTRA = """
    system: entra
    connector: scim_client
    protect: [admin, "break-glass-*"]
    resources:
      User:
        attributes: [userName, name, displayName, active, emails, enterprise.department, enterprise.employeeNumber]
        paths: {work_email: 'emails[type eq "work"].value'}
      Group: {}
"""
OKTA = """
    system: okta
    connector: scim_client
    others: refuse
    resources: {User: {attributes: [userName, displayName, active]}}
"""
WHOLE = """
    system: whole
    connector: scim_client
"""
PEOPLE = """
    mapping: entra-people
    from: entra.User
    into: person
    fields:
      login: lower(userName)
      number: enterprise.employeeNumber
      name: coalesce(displayName, name.formatted)
      mail: work_email
      unit: enterprise.department
      active: coalesce(active, true)
    unmatched: create
    absent: {reaction: disable}
    schedule: on_event
"""
TEAMS = """
    mapping: entra-teams
    from: entra.Group
    into: team
    fields:
      name: displayName
      size: len(members)
    unmatched: create
    schedule: on_event
"""
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Identities(Served):
    """``keys`` are headers by name, ``url`` is where it is served, where it is; ``ask`` speaks SCIM."""

    url: str
    keys: dict[str, dict[str, str]]

    def build(self, hub: str = HUB) -> None:
        self.write("config/hub.yaml", "hub: test\n" + hub)
        self.model(PERSON)
        self.model(TEAM)
        for name, text in (("entra", ENTRA), ("okta", OKTA), ("whole", WHOLE)):
            self.write(f"config/systems/{name}.yaml", text)
        self.mapping(PEOPLE)
        self.mapping(TEAMS)
        self.migrate()
        self.serve()
        both = ("scim:read", "scim:write")
        self.keys = {name: self.key(name, *both, systems=[name]) for name in ("entra", "okta", "whole")}
        self.keys["reader"] = self.key("reader", "scim:read", systems=["entra"])

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str = "entra", client: str = "", **headers: str
    ) -> Any:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        place = f"/scim/v2/{client or key}{path}"
        return self.client.request(method, place, json=body, headers={**self.keys.get(key, {}), **more})

    def user(self, name: str, **more: Any) -> dict[str, Any]:
        """A new user of entra, as it was answered."""
        answer = self.ask("POST", "/Users", {"schemas": [USER], "userName": name, **more})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def patch(self, place: str, *operations: dict[str, Any], key: str = "entra", **headers: str) -> Any:
        return self.ask("PATCH", place, {"schemas": [PATCH], "Operations": list(operations)}, key=key, **headers)

    def found(self, filter_: str, key: str = "entra", path: str = "/Users", **more: Any) -> list[str]:
        """The names that a filter finds."""
        answer = self.client.get(
            f"/scim/v2/{key}{path}", params={"filter": filter_, **more}, headers=self.keys[key]
        )
        assert answer.status_code == 200, answer.text
        return [one.get("userName", one.get("displayName")) for one in answer.json().get("Resources", [])]

    def drain(self) -> None:
        """What the worker does."""
        drain = Drain(self.open_hub.hub, lambda text: None, lambda: False)
        while drain.turn():
            pass
        drain.close()

    def person(self, login: str) -> dict[str, Any] | None:
        """A golden person by login."""
        return self._one("person", "login", login)

    def team(self, name: str) -> dict[str, Any] | None:
        """A golden team by name."""
        return self._one("team", "name", name)

    def _one(self, model: str, key: str, value: str) -> dict[str, Any] | None:
        with self.looking() as connection:
            table = self.database().tables[f"e_{model}"]
            row = connection.execute(table.select().where(table.c[key] == value)).mappings().first()
        return dict(row) if row else None


def filled(folder: Path, store: Store) -> Identities:
    made = Identities(folder / "w", store)
    made.build()
    return made


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identities]:
    """One for all tests of a module: each uses names of its own."""
    made = filled(tmp_path_factory.mktemp("scim"), SqliteStore())
    yield made
    made.close()


def names(answer: Any) -> Sequence[str]:
    """The userNames of a list."""
    return [one["userName"] for one in answer.json()["Resources"]]
