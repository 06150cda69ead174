"""Pages of administrators where the hub knows people and no organizations."""

from __future__ import annotations

from pathlib import Path

from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from tests.stores import SqliteStore
from tests.unit.portal.conftest import CHEAP, PASSWORD, Browser, ground
from tests.unit.todos.conftest import PEOPLE, desk

ROLES = """
    roles: {sec: {administers: security}, ops: {administers: system}, aud: {administers: audit}}
    actors: {"account:sam": [sec], "account:ola": [ops], "account:amy": [aud]}
"""


def test_people_are_found_and_shown_without_organizations(tmp_path: Path) -> None:
    made = desk(tmp_path, SqliteStore())
    made.stack.close()
    made.write("config/roles.yaml", ROLES)
    made.write("config/hub.yaml", "hub: test\n" + PEOPLE.rstrip() + "\n  name: name\n  search: [number]\n")
    made.migrate()
    made.serve()
    hub, passwords = made.open_hub.hub, Passwords(CHEAP)
    ground(made).passwords = passwords
    one = person(hub, "1")
    accounts.add(hub.database, hub.actor, passwords, "sam", one, PASSWORD, hub.clock())
    browser = Browser(made)
    assert browser.login("sam").status_code == 303
    assert "Li Na" in browser.text("/portal/operators/people?q=1")
    assert "Li Na" in browser.text(f"/portal/operators/people/{one}")
    made.close()
