"""An exchange that follows a directory: deletions arrive, a lost place means reading everything, and nobody is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.conftest import Login
from tests.contract.directories import Units
from tests.stores import SqliteStore
from tests.unit.exchange.world import World

PERSON = """
    model: person
    key: [code]
    fields:
      code: {type: text, required: true}
      name: {type: text, required: true}
"""
PEOPLE = """
    mapping: people
    from: directory.person
    into: person
    fields:
      code: uid
      name: cn
    unmatched: create
    absent: {reaction: delete}
"""
SYSTEM = """
    system: directory
    connector: ldap
    url: {url}
    starttls: false
    username: {username}
    password: secret://directory/password
    base: {base}
    resources:
      person: {{object_class: inetOrgPerson, sync: syncrepl, fields: {{uid: text, cn: text}}}}
"""


@pytest.fixture
def units(openldap: Login) -> Iterator[Units]:
    made = Units(openldap, "exchange")
    yield made
    made.clear()


def test_deletions_arrive_and_a_lost_place_deletes_nobody(
    units: Units, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    unit = units.fresh([{"uid": f"p{number}", "cn": f"Name {number}", "sn": "x"} for number in range(5)])
    world = World(tmp_path, SqliteStore())
    request.addfinalizer(world.close)
    login = units.login
    world.variables = {"COPHUB_SECRET_DIRECTORY_PASSWORD": login.password}
    world.write(
        "config/systems/directory.yaml", SYSTEM.format(url=login.url, username=login.username, base=unit.dn)
    )
    world.model(PERSON)
    world.mapping(PEOPLE)
    assert world.run("people", "incremental", initial=True).counts["created"] == 5
    unit.remove("p2")
    unit.change({"uid": "p3", "cn": "New"})
    second = world.run("people", "incremental")
    assert (second.counts["read"], second.counts["updated"], second.counts["deleted"]) == (1, 1, 1)
    with world.opened() as opened, opened.hub.database.begin() as connection:
        connection.execute(text("UPDATE watermark SET token = substr(token, 1, 35) || 'AAAA'"))
    third = world.run("people", "incremental")
    assert (third.counts["read"], third.counts["deleted"]) == (4, 0)
    assert any(note.startswith("everything was read: ") for note in third.notes), third.notes
    living = {code for code, row in world.golden("person").items() if row["_state"] == 0}
    assert living == {"p0", "p1", "p3", "p4"}
