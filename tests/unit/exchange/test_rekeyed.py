"""Objects of a target that has no ids but natural keys, when those keys change hands."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hub.exchange.reconciling.reconcile import reconcile
from tests.unit.exchange.test_matching import FROM_CRM
from tests.unit.exchange.test_merges import ONE, RANKED, TWO, merge, unmerge
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

TO_SHOP = """
    mapping: to-shop
    from: supplier
    into: shop.vendor
    key: no
    fields:
      no: code
      name: name
      place: city
"""


@pytest.fixture(params=["review", "overwrite"])
def shop(world: World, request: pytest.FixtureRequest) -> Path:
    """A table keyed by the number of a supplier; the code of a supplier is the CRM's where it has one."""
    path = world.data / "shop.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE vendor (no TEXT PRIMARY KEY, name TEXT, place TEXT)")
    table = "resources: {vendor: {table: vendor, key: no, fields: {no: text, name: text, place: text}}}\n"
    world.write("config/systems/shop.yaml", f"system: shop\nconnector: sql\nsqlite: {path}\n{table}")
    world.model(RANKED.replace("rank: [erp, crm]", "rank: [crm, erp]", 1))
    world.files("crm", accounts=FIELDS)
    world.mapping(FROM_CRM)
    world.mapping(SUPPLIERS, absent="delete")
    world.mapping(TO_SHOP, absent="delete", changed_by_hand=request.param)
    return path


def vendors(path: Path) -> list[tuple[str, str, str | None]]:
    with sqlite3.connect(path) as database:
        return database.execute("SELECT no, name, place FROM vendor ORDER BY no").fetchall()


def two(world: World) -> None:
    world.first("erp.suppliers", ONE)
    world.first("crm.accounts", TWO, mapping="crm-suppliers")


def test_a_changed_natural_key_moves_the_row(world: World, shop: Path):
    world.mapping(TO_SHOP.replace("no: code", "no: name").replace("name: name", "name: code"))
    world.first("erp.suppliers", ONE)
    world.run("to-shop")
    world.first("erp.suppliers", ONE | {"name": "Acme"})
    result = world.run("to-shop", "incremental")
    assert (vendors(shop), some(result, "applied", "updated")) == (
        [("Acme", "1", None)],
        {"applied": 1, "updated": 1},
    )
    world.first("erp.suppliers", ONE | {"name": "Acme", "city": "Bonn"})
    world.run("to-shop", "incremental")
    assert vendors(shop) == [("Acme", "1", "Bonn")]


def test_a_survivor_that_takes_the_others_key_keeps_its_row(world: World, shop: Path):
    two(world)
    world.run("to-shop")
    made = merge(world, "1", "2")
    assert world.rows("SELECT code FROM e_supplier WHERE _state = 0") == [("2",)]
    world.run("to-shop", "incremental")
    assert (vendors(shop), world.held("to-shop")) == ([("2", "ACME", "Bonn")], [])
    assert some(world.run("to-shop")) == {"read": 2, "unchanged": 1, "out_of_scope": 1}
    unmerge(world, made)
    world.run("to-shop", "incremental")
    assert vendors(shop) == [("1", "ACME", None), ("2", "Acme Ltd", "Bonn")]


def test_a_row_that_only_the_other_had_goes_on_as_the_survivors(world: World, shop: Path):
    world.mapping(TO_SHOP, where="code <> '1' OR city = 'Bonn'", absent="delete")
    two(world)
    world.run("to-shop")
    made = merge(world, "1", "2")
    world.run("to-shop", "incremental")
    assert vendors(shop) == [("2", "ACME", "Bonn")]
    unmerge(world, made)
    world.run("to-shop", "incremental")
    assert vendors(shop) == [("2", "Acme Ltd", "Bonn")]


def test_a_key_that_the_other_could_not_give_up_is_waited_for(world: World, shop: Path):
    two(world)
    world.run("to-shop")
    merge(world, "1", "2")
    before = vendors(shop)
    with sqlite3.connect(shop) as database:
        database.execute("CREATE TRIGGER kept BEFORE DELETE ON vendor BEGIN SELECT RAISE(ABORT, 'in use'); END")
    world.run("to-shop", "incremental")
    assert vendors(shop) == before
    assert sorted((state, code) for _, state, code in world.reasons("to-shop")) == [
        ("quarantined", "sql.constraint"),
        ("waiting", "delivery.key_held"),
    ]
    with sqlite3.connect(shop) as database:
        database.execute("DROP TRIGGER kept")
    world.run("to-shop", "incremental")
    assert (vendors(shop), world.held("to-shop")) == ([("2", "ACME", "Bonn")], [])


def test_a_merge_that_was_not_delivered_yet_is_no_drift(world: World, shop: Path):
    two(world)
    world.run("to-shop")
    merge(world, "1", "2")
    with world.opened() as opened:
        told = reconcile(opened.hub, "to-shop", "look")
    found = {kind: count for kind, count in told.counts.items() if count}
    assert found == {"read": 2, "orphan": 1, "pending": 1}
    assert not any(told.heals.values())
