"""Which entity a record belongs to; on doubt nobody's."""

from __future__ import annotations

import json

import pytest

from tests.unit.exchange.world import FIELDS, SUPPLIER, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

FROM_CRM = """
    mapping: crm-suppliers
    from: crm.accounts
    into: supplier
    match:
      - [tax]
      - [name, city]
    fields:
      code: id
      name: trim(name)
      tax: tax
      city: city
    unmatched: create
"""
ACME = {"id": "1", "name": "ACME", "tax": "T1", "city": "Bonn"}


@pytest.fixture(autouse=True)
def crm(world: World) -> None:
    """A second source that is ranked under the first."""
    world.files("crm", accounts=FIELDS)
    world.mapping(FROM_CRM)
    world.model(
        SUPPLIER.replace("code: {type: text,", "code: {type: text, rank: [erp],")
        .replace("name: {type: text,", "name: {type: text, rank: [erp],")
        .replace("{type: text, unique: true}", "{type: text, unique: true, rank: [erp]}")
        .replace("city: {type: text}", "city: {type: text, rank: [erp]}")
    )


def test_rules_are_tried_in_their_order(world: World):
    world.first("erp.suppliers", ACME, {"id": "2", "name": "Best", "tax": "T2", "city": "Ulm"})
    # The tax number says ACME, the name and the city say Best: the first rule wins.
    result = world.first(
        "crm.accounts", {"id": "A", "name": "Best", "tax": "T1", "city": "Ulm"}, mapping="crm-suppliers"
    )
    assert some(result, "linked", "created") == {"linked": 1, "created": 0}
    linked = world.one("SELECT e.code FROM shadow s JOIN e_supplier e ON e._id = s.entity WHERE s.key = 'A'")
    assert linked == "1"


def test_a_later_rule_links_what_an_earlier_one_does_not(world: World):
    world.first("erp.suppliers", ACME)
    result = world.first("crm.accounts", {"id": "A", "name": "ACME", "city": "Bonn"}, mapping="crm-suppliers")
    assert some(result, "linked", "created") == {"linked": 1, "created": 0}


def test_empty_values_match_nobody(world: World):
    world.first("erp.suppliers", {"id": "1", "name": "ACME"})
    result = world.first("crm.accounts", {"id": "A", "name": "ACME"}, mapping="crm-suppliers")
    assert some(result, "linked", "created") == {"linked": 0, "created": 1}


def test_several_candidates_come_to_review_side_by_side(world: World):
    world.mapping(SUPPLIERS, match="[]")
    twin = {"name": "ACME", "city": "Bonn"}
    world.first("erp.suppliers", {"id": "1", **twin}, {"id": "2", **twin})
    result = world.first("crm.accounts", {"id": "A", **twin}, mapping="crm-suppliers")
    assert some(result) == {"read": 1, "in_review": 1}
    (entry,) = world.held("crm-suppliers")
    assert (entry["key"], entry["state"], entry["code"]) == ("A", "in_review", "match.ambiguous")
    assert sorted(json.loads(entry["input"])) == sorted(str(row["_id"]) for row in world.golden().values())


def test_two_records_of_one_source_never_stand_for_one_entity(world: World):
    world.first("erp.suppliers", ACME)
    result = world.first("crm.accounts", ACME | {"id": "A"}, ACME | {"id": "B"}, mapping="crm-suppliers")
    assert some(result) == {"read": 2, "in_review": 2}
    assert world.reasons("crm-suppliers") == [
        ("A", "in_review", "match.collision"),
        ("B", "in_review", "match.collision"),
    ]


def test_a_record_does_not_take_an_entity_that_its_neighbour_stands_for(world: World):
    world.first("erp.suppliers", ACME)
    world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm-suppliers")
    result = world.first("crm.accounts", ACME | {"id": "A"}, ACME | {"id": "B"}, mapping="crm-suppliers")
    assert some(result) == {"read": 2, "unchanged": 1, "in_review": 1}
    assert world.reasons("crm-suppliers") == [("B", "in_review", "match.collision")]


def test_new_records_that_a_rule_calls_the_same_are_not_created_side_by_side(world: World):
    result = world.first("erp.suppliers", ACME, ACME | {"id": "2", "name": "Acme"})
    assert some(result) == {"read": 2, "in_review": 2}
    assert world.golden() == {}


def test_a_unique_value_belongs_to_one_entity_of_a_batch(world: World):
    world.mapping(SUPPLIERS, match="[]")
    result = world.first("erp.suppliers", ACME, ACME | {"id": "2"}, {"id": "3", "name": "Best"})
    assert some(result) == {"read": 3, "applied": 1, "created": 1, "in_review": 2}
    assert world.reasons() == [("1", "in_review", "collision"), ("2", "in_review", "collision")]


def test_a_unique_value_of_a_golden_record_is_not_taken(world: World):
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", ACME)
    result = world.first("erp.suppliers", ACME, {"id": "2", "name": "Best", "tax": "T1"})
    assert some(result) == {"read": 2, "unchanged": 1, "in_review": 1}
    (entry,) = world.held()
    assert (entry["key"], entry["code"], entry["field"], entry["input"]) == ("2", "collision", "tax", '"T1"')


def test_unique_values_may_change_hands_when_one_lets_go_first(world: World):
    world.mapping(SUPPLIERS, match="[]")
    best = {"id": "2", "name": "Best"}
    world.first("erp.suppliers", ACME, best)
    world.first("erp.suppliers", ACME | {"tax": "T9"}, best | {"tax": "T1"})
    result = world.run()
    assert world.held() == []
    assert (result.counts["in_review"], world.golden()["2"]["tax"]) == (0, "T1")


def test_a_review_ends_when_the_record_no_longer_collides(world: World):
    world.first("erp.suppliers", ACME, ACME | {"id": "2"})
    assert len(world.held()) == 2
    result = world.first("erp.suppliers", ACME, ACME | {"id": "2", "tax": "T2"})
    assert some(result) == {"read": 2, "applied": 2, "created": 2}
    assert world.held() == []


@pytest.mark.parametrize(
    ("reaction", "counts"),
    [
        ("create", {"read": 1, "applied": 1, "created": 1}),
        ("ignore", {"read": 1, "out_of_scope": 1}),
        ("review", {"read": 1, "in_review": 1}),
    ],
)
def test_what_matches_nobody_becomes_what_the_mapping_says(world: World, reaction, counts):
    world.mapping(SUPPLIERS, unmatched=reaction)
    assert some(world.first("erp.suppliers", ACME)) == counts
    assert [reason[2] for reason in world.reasons()] == (["match.none"] if reaction == "review" else [])


def test_an_ignored_record_is_linked_once_its_entity_is_there(world: World):
    world.mapping(FROM_CRM, unmatched="ignore")
    world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm-suppliers")
    world.first("erp.suppliers", ACME)
    result = world.run("crm-suppliers")
    assert some(result, "linked", "out_of_scope") == {"linked": 1, "out_of_scope": 0}


def test_a_rule_may_compare_references(world: World):
    world.mapping(SUPPLIERS, match="[[parent, name]]")
    top, child = {"id": "1", "name": "Top"}, {"id": "2", "name": "Child", "parent": "1"}
    world.first("erp.suppliers", top, child)
    twin = {"id": "3", "name": "Child", "parent": "1"}
    result = world.first("erp.suppliers", top, child, twin)
    assert some(result) == {"read": 3, "unchanged": 2, "in_review": 1}


def test_a_reference_may_be_unique(world: World):
    world.model(SUPPLIER.replace("{type: ref, model: supplier}", "{type: ref, model: supplier, unique: true}"))
    world.mapping(SUPPLIERS, match="[]")
    top, child = {"id": "1", "name": "Top"}, {"id": "2", "name": "Child", "parent": "1"}
    world.first("erp.suppliers", top, child)
    result = world.first("erp.suppliers", top, child, {"id": "3", "name": "Other", "parent": "1"})
    assert some(result) == {"read": 3, "unchanged": 2, "in_review": 1}
