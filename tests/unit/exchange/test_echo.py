"""An echo stops after one hop: what the hub delivered and reads back is no news, and goes nowhere again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connectors.simulators.crm import Crm
from connectors.simulators.server import Simulator
from tests.unit.exchange.test_merging import MAPPING, city
from tests.unit.exchange.world import FIELDS, SUPPLIER, World, some

pytestmark = pytest.mark.by_turns

SYSTEM = """
    system: crm
    connector: rest
    url: {url}/api/v2
    auth: {{api_key: {{header: X-Api-Key, value: secret://crm/key}}}}
    resources:
      accounts:
        path: /accounts
        records: records
        total: total
        key: id
        paging: {{cursor: {{param: page_token, from: next_page_token, size_param: page_size, size: 100}}}}
        fields: {{id: text, external_id: text, name: text, description: text, website: text, phone: text}}
        write:
          create: {{method: PUT, path: "/accounts/external/{{external_id}}", id: id}}
          update: {{method: PUT, path: "/accounts/external/{{external_id}}", id: id}}
          find: {{params: {{external_id: "{{external_id}}"}}}}
"""
BACK = """
    mapping: crm
    from: crm.accounts
    into: supplier
    fields:
      code: external_id
      name: name
      city: description
    unmatched: create
"""
OUT = """
    mapping: to-crm
    from: supplier
    into: crm.accounts
    key: external_id
    fields:
      external_id: code
      name: name
      description: city
"""
ONE = {"id": "1", "name": "Acme", "city": "Bonn"}


class Shouting(Crm):
    """It keeps names in capitals, and descriptions of four characters."""

    def _upsert(self, request: Any, external: str, fields: Mapping[str, Any]) -> Any:
        heard = dict(fields)
        for name, change in (("name", str.upper), ("description", lambda text: text[:4])):
            if heard.get(name):
                heard[name] = change(heard[name])
        return super()._upsert(request, external, heard)


def landscape(world: World, product: Crm) -> Iterator[Simulator]:
    (world.folder / "mappings/suppliers.yaml").unlink()
    world.model(SUPPLIER.replace("name: {type: text, required: true}", "name: {type: text}"))
    world.files("erp", suppliers=FIELDS)
    world.mapping(MAPPING.format(name="erp", strength="normal"))
    world.mapping(BACK)
    world.mapping(OUT)
    world.variables["COPHUB_SECRET_CRM_KEY"] = "crm-demo"
    with Simulator(product) as crm:
        world.write("config/systems/crm.yaml", SYSTEM.format(url=crm.url))
        yield crm


@pytest.fixture
def crm(world: World) -> Iterator[Simulator]:
    yield from landscape(world, Crm(empty=True))


@pytest.fixture
def shouting(world: World) -> Iterator[Simulator]:
    yield from landscape(world, Shouting(empty=True))


def round_trip(world: World) -> Any:
    """Source, target, and back; answers how the reading back ended."""
    world.run("erp", "incremental")
    world.run("to-crm", "incremental")
    return world.run("crm")


def writes(crm: Simulator) -> list[str]:
    return [one.action for one in crm.log.since(0) if one.action in ("create", "update", "delete")]


def rows(crm: Simulator) -> list[dict[str, Any]]:
    product: Any = crm.product
    return [dict(row) for row in product.accounts]


def test_going_round_three_times_writes_once(world: World, crm: Simulator):
    world.put("erp.suppliers", ONE, ONE | {"id": "2", "name": "Best"})
    assert some(round_trip(world)) == {"read": 2, "unchanged": 2}
    for _ in range(2):
        assert some(round_trip(world)) == {"read": 2, "unchanged": 2}
    assert (writes(crm), len(world.golden())) == (["create", "create"], 2)
    assert world.origin("1")["name"] == "erp"


def test_a_value_that_its_source_takes_back_is_not_kept_alive_by_its_echo(world: World, crm: Simulator):
    world.put("erp.suppliers", ONE)
    round_trip(world)
    world.put("erp.suppliers", ONE | {"city": None})
    round_trip(world)
    assert world.golden()["1"]["city"] is None
    round_trip(world)
    assert (rows(crm)[0]["description"], writes(crm)) == (None, ["create", "update"])


def test_an_old_echo_does_not_undo_what_is_still_on_its_way(world: World, crm: Simulator):
    world.put("erp.suppliers", ONE)
    world.run("erp")
    world.run("to-crm")
    world.first("erp.suppliers", ONE | {"city": "Ulm"}, mapping="erp")
    world.run("crm")  # Bonn is what the hub sent before
    assert city(world) == ("Ulm", "erp")
    round_trip(world)
    assert (city(world), rows(crm)[0]["description"]) == (("Ulm", "erp"), "Ulm")


def test_what_disabling_wrote_is_no_word_of_the_target(world: World, crm: Simulator):
    world.mapping(OUT, where="name <> 'Left'", out_of_scope="disable", disable="{description: closed}")
    world.put("erp.suppliers", ONE)
    round_trip(world)
    world.put("erp.suppliers", ONE | {"name": "Left"})
    for _ in range(2):
        round_trip(world)
    assert (rows(crm)[0]["description"], city(world)) == ("closed", ("Bonn", "erp"))
    world.put("erp.suppliers", ONE)
    round_trip(world)
    assert (rows(crm)[0]["description"], writes(crm)) == ("Bonn", ["create", "update", "update"])


def test_what_a_person_changes_in_the_target_is_news(world: World, crm: Simulator):
    world.put("erp.suppliers", ONE)
    round_trip(world)
    product: Any = crm.product
    (row,) = product.accounts
    row["description"] = "Kiel"
    assert world.run("crm").counts["updated"] == 1
    assert city(world) == ("Kiel", "crm")
    round_trip(world)
    assert (city(world), rows(crm)[0]["description"]) == (("Kiel", "crm"), "Kiel")


def test_a_habit_of_the_target_changes_nothing_and_is_told(world: World, shouting: Simulator):
    world.put("erp.suppliers", ONE)
    result = round_trip(world)
    assert world.golden()["1"]["name"] == "Acme"
    note = "crm.accounts gives supplier.name of erp back otherwise than it was sent (1 records), in case or blanks"
    assert any(one.startswith(note) for one in result.notes), result.notes
    for _ in range(2):
        round_trip(world)
    assert (world.golden()["1"]["name"], writes(shouting)) == ("Acme", ["create"])


def test_a_target_that_cuts_a_value_is_heard_once_and_then_it_stops(world: World, shouting: Simulator):
    world.put("erp.suppliers", ONE | {"city": "Hamburg"})
    result = round_trip(world)
    assert any("supplier.city of erp" in one and "heard once" in one for one in result.notes), result.notes
    for _ in range(3):
        round_trip(world)
    assert city(world) == ("Hamb", "crm")
    assert len(writes(shouting)) <= 2


def test_a_record_that_the_hub_created_does_not_revive_its_entity(world: World, crm: Simulator):
    world.mapping(MAPPING.format(name="erp", strength="normal"), absent="disable")
    world.put("erp.suppliers", ONE, ONE | {"id": "2"})
    world.run("erp")
    world.run("to-crm")
    world.first("erp.suppliers", ONE, mapping="erp")
    world.run("crm")
    assert (world.golden()["2"]["_state"], world.golden()["1"]["_state"]) == (1, 0)


def test_two_systems_that_write_each_other_come_to_rest(world: World, crm: Simulator):
    """A database is the second: it is written, read back, and so is the CRM, three times."""
    path = world.data / "shop.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE vendor (no TEXT PRIMARY KEY, name TEXT, place TEXT, writes INTEGER DEFAULT 0)")
        database.execute(
            "CREATE TRIGGER counted AFTER UPDATE OF name, place ON vendor BEGIN "
            "UPDATE vendor SET writes = writes + 1 WHERE no = new.no; END"
        )
    table = "resources: {vendor: {table: vendor, key: no, fields: {no: text, name: text, place: text}}}\n"
    world.write("config/systems/shop.yaml", f"system: shop\nconnector: sql\nsqlite: {path}\n{table}")
    fields = "{no: code, name: name, place: city}"
    world.mapping(f"mapping: to-shop\nfrom: supplier\ninto: shop.vendor\nkey: no\nfields: {fields}\n")
    fields = "{code: no, name: name, city: place}"
    world.mapping(
        f"mapping: shop\nfrom: shop.vendor\ninto: supplier\nkey: no\nfields: {fields}\nunmatched: create\n"
    )
    world.put("erp.suppliers", ONE)
    for _ in range(3):
        round_trip(world)
        world.run("to-shop", "incremental")
        assert world.run("shop").counts["updated"] == 0
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name, place, writes FROM vendor").fetchall() == [("Acme", "Bonn", 0)]
    assert (writes(crm), len(world.golden()), world.golden()["1"]["_version"]) == (["create"], 1, 1)
