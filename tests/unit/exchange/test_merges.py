"""Two entities that are one: values, links, references and targets, and all of it undone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from hub.errors import ConfigError
from hub.exchange.uniting.merger import merge_entities, plan_merge
from hub.exchange.uniting.unmerging import unmerge_entities
from hub.store.meant import find_entity
from hub.store.reports import entities
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_matching import FROM_CRM
from tests.unit.exchange.world import FIELDS, SUPPLIER, SUPPLIERS, World, some

pytestmark = [pytest.mark.by_turns, pytest.mark.long]

TO_CRM = """
    mapping: to-crm
    from: supplier
    into: shop.accounts
    key: code
    fields:
      code: code
      name: name
      city: city
"""
HR = FROM_CRM.replace("crm-suppliers", "hr-suppliers").replace("crm.accounts", "hr.units")
RANKED = (
    SUPPLIER.replace("code: {type: text,", "code: {type: text, rank: [erp, crm],")
    .replace("name: {type: text,", "name: {type: text, rank: [erp, crm],")
    .replace("unique: true}", "unique: true, rank: [erp, crm]}")
)
ONE = {"id": "1", "name": "ACME", "tax": "T1"}
TWO = {"id": "2", "name": "Acme Ltd", "tax": "T2", "city": "Bonn"}
VALUES = ("code", "name", "tax", "city", "parent", "_state")


@pytest.fixture(autouse=True)
def sources(world: World) -> None:
    """Two more sources of suppliers, ranked under the first."""
    world.model(RANKED)
    world.files("crm", accounts=FIELDS)
    world.files("hr", units=FIELDS)
    world.mapping(FROM_CRM)
    world.mapping(HR)


def merge(world: World, one: str, other: str) -> uuid.UUID:
    with world.opened() as opened:
        database = opened.hub.database
        first, second = (find_entity(database, "supplier", text) for text in (one, other))
        return merge_entities(opened.hub, "supplier", first, [second], "they are one")[0]


def unmerge(world: World, identity: uuid.UUID) -> None:
    with world.opened() as opened:
        unmerge_entities(opened.hub, str(identity), "they are not")


def ids(world: World) -> dict[str, uuid.UUID]:
    return {code: row["_id"] for code, row in world.golden().items()}


def values(world: World) -> dict[str, tuple[Any, ...]]:
    return {code: tuple(row[name] for name in VALUES) for code, row in world.golden().items()}


def links(world: World) -> list[tuple[Any, ...]]:
    return world.rows("""SELECT o.exchange, s.key, s.entity, s.outvoted FROM shadow s
        JOIN source o ON o.id = s.source WHERE o.direction = 'inbound' ORDER BY 1, 2""")


def test_the_survivor_keeps_its_values_and_fills_what_is_empty(world: World):
    world.first("erp.suppliers", ONE)
    world.first("crm.accounts", TWO, mapping="crm-suppliers")
    before = ids(world)
    merge(world, "1", "2")
    row = world.golden()["1"]
    assert (row["name"], row["tax"], row["city"], row["_id"]) == ("ACME", "T1", "Bonn", before["1"])
    assert world.golden()["2"]["_state"] == 3
    assert world.origin("1")["city"] == "crm-suppliers"


def test_a_stronger_claim_of_the_other_is_taken(world: World):
    world.model(RANKED.replace("name: {type: text, rank: [erp, crm],", "name: {type: text, rank: [crm],"))
    world.first("erp.suppliers", ONE)
    world.first("crm.accounts", TWO, mapping="crm-suppliers")
    merge(world, "1", "2")
    assert world.golden()["1"]["name"] == "Acme Ltd"


def test_records_of_the_other_stand_for_the_survivor(world: World):
    world.first("erp.suppliers", ONE)
    world.first("crm.accounts", TWO, mapping="crm-suppliers")
    merge(world, "1", "2")
    result = world.first("crm.accounts", TWO | {"city": "Ulm"}, mapping="crm-suppliers")
    assert some(result, "updated", "created") == {"updated": 1, "created": 0}
    assert world.golden()["1"]["city"] == "Ulm"


def test_ids_and_keys_of_the_other_lead_to_the_survivor(world: World):
    world.first("erp.suppliers", ONE)
    world.first("crm.accounts", TWO, mapping="crm-suppliers")
    before = ids(world)
    merge(world, "1", "2")
    with world.opened() as opened:
        for text in ("2", str(before["2"])):
            assert [one.id for one in entities(opened.hub.database, "supplier", text)] == [before["1"]]
            assert find_entity(opened.hub.database, "supplier", text) == before["1"]


def test_a_new_record_alike_to_the_other_is_linked_to_the_survivor(world: World):
    world.first("erp.suppliers", ONE)
    world.first("crm.accounts", TWO, mapping="crm-suppliers")
    merge(world, "1", "2")
    result = world.first("hr.units", {"id": "H", "name": "H", "tax": "T2"}, mapping="hr-suppliers")
    assert some(result, "linked", "created") == {"linked": 1, "created": 0}


def test_references_to_the_other_move_and_come_back(world: World):
    world.first("erp.suppliers", ONE, TWO, {"id": "3", "name": "Child", "parent": "2"})
    before = values(world)
    made = merge(world, "1", "2")
    assert world.golden()["3"]["parent"] == ids(world)["1"]
    result = world.first("erp.suppliers", ONE, TWO, {"id": "3", "name": "Kid", "parent": "2"})
    assert some(result, "updated") == {"updated": 1}
    assert world.golden()["3"]["parent"] == ids(world)["1"]
    unmerge(world, made)
    assert world.golden()["3"]["parent"] == ids(world)["2"]
    assert values(world)["2"] == before["2"]


def test_an_undone_merge_leaves_values_links_and_ids_as_they_were(world: World):
    world.first("erp.suppliers", ONE)
    world.first("crm.accounts", TWO, mapping="crm-suppliers")
    world.first("hr.units", {"id": "H", "name": "H", "tax": "T2", "city": "Ulm"}, mapping="hr-suppliers")
    before = (values(world), links(world), ids(world), [world.origin(code) for code in ("1", "2")])
    unmerge(world, merge(world, "1", "2"))
    assert (values(world), links(world), ids(world), [world.origin(code) for code in ("1", "2")]) == before
    assert world.one("SELECT count(*) FROM redirect") == 0


def test_what_was_said_since_the_merge_stays_with_whose_source_said_it(world: World):
    world.first("erp.suppliers", ONE)
    world.first("crm.accounts", TWO, mapping="crm-suppliers")
    made = merge(world, "1", "2")
    world.first("crm.accounts", TWO | {"city": "Ulm"}, mapping="crm-suppliers")
    world.first("erp.suppliers", ONE | {"tax": "T9"})
    unmerge(world, made)
    golden = world.golden()
    assert (golden["1"]["city"], golden["1"]["tax"]) == (None, "T9")
    assert (golden["2"]["city"], golden["2"]["tax"]) == ("Ulm", "T2")


def test_two_records_of_one_source_may_be_one_entity(world: World):
    world.first("erp.suppliers", ONE, TWO)
    made = merge(world, "1", "2")
    assert world.golden()["1"]["city"] == "Bonn"
    # The survivor's record speaks; what its twin says is kept for an undo.
    result = world.first("erp.suppliers", ONE | {"name": "ACME SE"}, TWO | {"name": "Acme GmbH"})
    assert some(result, "updated", "in_review", "created") == {"updated": 2, "in_review": 0, "created": 0}
    assert (world.golden()["1"]["name"], world.golden()["1"]["city"]) == ("ACME SE", "Bonn")
    unmerge(world, made)
    golden = world.golden()
    assert (golden["1"]["name"], golden["1"]["city"]) == ("ACME SE", None)
    assert (golden["2"]["name"], golden["2"]["city"], golden["2"]["_state"]) == ("Acme GmbH", "Bonn", 0)


def test_a_twin_speaks_once_the_survivors_own_record_is_gone(world: World):
    other = {"id": "3", "name": "Best"}
    world.mapping(SUPPLIERS, absent="disable")
    world.first("erp.suppliers", ONE, TWO, other)
    merge(world, "1", "2")
    world.first("erp.suppliers", TWO, other)
    living = "SELECT name FROM e_supplier WHERE _state = 0 ORDER BY name"
    assert world.rows(living) == [("ACME",), ("Best",)]
    world.first("erp.suppliers", TWO | {"name": "Acme GmbH"}, other)
    assert world.rows(living) == [("Acme GmbH",), ("Best",)]


def told(world: World) -> tuple[Any, ...]:
    """What is told of the one supplier that lives, beside number three."""
    (row,) = world.rows("SELECT code, name, tax, city FROM e_supplier WHERE _state = 0 AND code <> '3'")
    return row


def test_a_twin_steps_back_when_the_survivors_own_record_returns(world: World):
    other, renamed = {"id": "3", "name": "Best"}, TWO | {"name": "Acme GmbH"}
    world.mapping(SUPPLIERS, absent="disable")
    world.first("erp.suppliers", ONE, TWO, other)
    made = merge(world, "1", "2")
    world.first("erp.suppliers", TWO, other)
    world.first("erp.suppliers", renamed, other)
    assert told(world) == ("2", "Acme GmbH", "T2", "Bonn")
    world.first("erp.suppliers", ONE, renamed, other)  # the twin, unchanged, is not heard
    assert told(world) == ("1", "ACME", "T1", "Bonn")
    world.first("erp.suppliers", ONE, renamed | {"name": "Acme AG"}, other)
    assert (told(world), world.held()) == (("1", "ACME", "T1", "Bonn"), [])
    world.first("erp.suppliers", ONE | {"name": "ACME SE"}, renamed | {"name": "Acme AG"}, other)
    assert told(world) == ("1", "ACME SE", "T1", "Bonn")
    unmerge(world, made)
    world.run()
    assert [values(world)[code][:4] for code in "12"] == [
        ("1", "ACME SE", "T1", None),
        ("2", "Acme AG", "T2", "Bonn"),
    ]


@pytest.mark.parametrize("meanwhile", ["spoke", "was silent"])
def test_who_returns_while_the_other_leaves_or_changes_speaks_alone(world: World, meanwhile: str):
    other, renamed = {"id": "3", "name": "Best"}, TWO | {"name": "Acme GmbH"}
    world.mapping(SUPPLIERS, absent="disable")
    world.first("erp.suppliers", TWO, ONE, other)
    merge(world, "2", "1")  # the survivor's own record comes behind the other by its key
    world.first("erp.suppliers", ONE, other)
    if meanwhile == "spoke":
        world.first("erp.suppliers", ONE | {"name": "A"}, other)
        result = world.first("erp.suppliers", renamed, other)
    else:
        result = world.first("erp.suppliers", ONE | {"name": "A"}, renamed, other)
    assert (told(world), world.held()) == (("2", "Acme GmbH", "T2", "Bonn"), [])
    assert some(result, "disabled", "in_review") == {"disabled": 0, "in_review": 0}
    assert some(world.run()) == {"read": 2 + (meanwhile != "spoke"), "unchanged": 2 + (meanwhile != "spoke")}


def test_chains_end_at_the_last_survivor_and_are_undone_in_reverse(world: World):
    world.first("erp.suppliers", ONE, TWO, {"id": "3", "name": "Third"})
    before = ids(world)
    first, second = merge(world, "2", "1"), merge(world, "3", "2")
    with world.opened() as opened:
        assert find_entity(opened.hub.database, "supplier", str(before["1"])) == before["3"]
    with pytest.raises(ConfigError, match=r"merge\.order"):
        unmerge(world, first)
    unmerge(world, second)
    assert world.rows("SELECT target FROM redirect") == world.rows(
        "SELECT _id FROM e_supplier WHERE code = '2'"
    )
    unmerge(world, first)
    assert {row["_state"] for row in world.golden().values()} == {0}


def test_what_is_merged_or_undone_already_is_refused(world: World):
    world.first("erp.suppliers", ONE, TWO)
    before = ids(world)
    made = merge(world, "1", "2")
    with pytest.raises(ConfigError, match=r"merge\.same"):
        merge(world, "1", str(before["2"]))
    unmerge(world, made)
    with pytest.raises(ConfigError, match=r"merge\.undone"):
        unmerge(world, made)


def test_a_merge_is_shown_before_it_is_made(world: World):
    world.first("erp.suppliers", ONE, TWO, {"id": "3", "name": "Child", "parent": "2"})
    before = world.dump()
    with world.opened() as opened:
        planned = plan_merge(opened.hub, "supplier", ids(world)["1"], ids(world)["2"])
    assert {one.field: one.taken for one in planned.fields if one.taken == "loser"} == {"city": "loser"}
    assert planned.references == {"supplier.parent": 1}
    assert ([one.key for one in planned.twins], planned.moved) == (["2"], ())
    assert world.dump() == before


# ---------------------------------------------------------------- targets


def shop(world: World, absent: str = "") -> Crm:
    made = Crm()
    world.modules["shop"] = made.spec
    world.write("config/systems/shop.yaml", "system: shop\nconnector: shop\nresources: {accounts: {}}\n")
    world.mapping(TO_CRM, **({"absent": absent} if absent else {}))
    return made


def test_the_duplicate_of_a_target_goes_and_comes_back(world: World):
    target = shop(world, "delete")
    world.first("erp.suppliers", ONE, TWO)
    world.run("to-crm")
    before = sorted((row["code"], row["name"], row["city"]) for row in target.rows.values())
    made = merge(world, "1", "2")
    world.run("to-crm", "incremental")
    assert target.named() == {"1": "ACME"}
    unmerge(world, made)
    world.run("to-crm", "incremental")
    assert sorted((row["code"], row["name"], row["city"]) for row in target.rows.values()) == before


def test_the_duplicate_of_a_target_is_disabled_and_enabled_again(world: World):
    target = shop(world, "disable\ndisable: {city: none}")
    world.first("erp.suppliers", ONE, TWO)
    world.run("to-crm")
    with world.opened() as opened:
        planned = plan_merge(opened.hub, "supplier", ids(world)["1"], ids(world)["2"])
    assert [(one.exchange, one.fate) for one in planned.targets] == [("to-crm", "disabled")]
    made = merge(world, "1", "2")
    for city in ("none", "Bonn"):
        assert some(world.run("to-crm", "incremental"), "deleted") == {"deleted": 0}
        assert [row["city"] for row in target.rows.values() if row["code"] == "2"] == [city]
        if city == "none":
            unmerge(world, made)


def test_a_duplicate_that_nobody_removes_stays_and_is_told(world: World):
    target = shop(world)
    world.first("erp.suppliers", ONE, TWO)
    world.run("to-crm")
    with world.opened() as opened:
        planned = plan_merge(opened.hub, "supplier", ids(world)["1"], ids(world)["2"])
    assert [(one.exchange, one.fate) for one in planned.targets] == [("to-crm", "stays")]
    merge(world, "1", "2")
    world.run("to-crm", "incremental")
    assert set(target.named()) == {"1", "2"}


@pytest.mark.parametrize("ids", [True, False])
def test_an_object_that_only_the_other_had_goes_on_as_the_survivors(world: World, ids: bool):
    target = shop(world)
    target.ids = ids
    world.mapping(TO_CRM, where="code <> '1' OR city = 'Bonn'")
    world.first("erp.suppliers", ONE, TWO)
    world.run("to-crm")
    (identity,) = target.rows
    made = merge(world, "1", "2")
    world.run("to-crm", "incremental")
    assert {key: row["name"] for key, row in target.rows.items()} == {identity: "ACME"}
    unmerge(world, made)
    world.run("to-crm", "incremental")
    assert target.rows[identity]["name"] == "Acme Ltd"
