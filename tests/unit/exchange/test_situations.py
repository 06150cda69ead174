"""What a record becomes in each situation: the first step whose condition holds, and nothing that is not written."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

ACME = {"id": "1", "name": "ACME", "tax": "T1", "city": "Bonn"}
BEST = {"id": "2", "name": "Best", "tax": "T2", "city": "Ulm"}
CRM = """
    mapping: crm
    from: crm.accounts
    into: supplier
    match:
      - [tax]
    fields:
      code: {value: id, strength: weak}
      name: {value: name, strength: weak}
      tax: {value: tax, strength: weak}
      city: {value: city, strength: weak}
    unmatched: create
"""
SCOPED = SUPPLIERS + "    where: city <> 'Rome'\n"


@pytest.fixture(autouse=True)
def second(world: World) -> None:
    world.files("crm", accounts=FIELDS)
    world.mapping(CRM)


def state(world: World, code: str) -> int:
    return int(world.golden()[code]["_state"])


def test_the_first_step_that_holds_counts(world: World):
    world.mapping(
        SUPPLIERS, unmatched="[{when: \"city = 'Bonn'\", then: create}, {when: tax IS NULL, then: review}]"
    )
    result = world.first("erp.suppliers", ACME, BEST, {"id": "3", "name": "None"})
    assert some(result) == {"read": 3, "applied": 1, "created": 1, "out_of_scope": 1, "in_review": 1}
    assert world.reasons() == [("3", "in_review", "match.none")]


@pytest.mark.parametrize(
    ("reaction", "counts"),
    [
        ("link", {"read": 1, "applied": 1, "linked": 1}),
        ("ignore", {"read": 1, "out_of_scope": 1}),
        ("review", {"read": 1, "in_review": 1}),
    ],
)
def test_a_record_that_finds_its_entity(world: World, reaction, counts):
    world.first("erp.suppliers", ACME)
    world.mapping(CRM, unlinked=reaction)
    assert some(world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm")) == counts
    assert [one[2] for one in world.reasons("crm")] == (["match.review"] if reaction == "review" else [])


def test_a_rule_may_leave_what_it_finds_to_a_person(world: World):
    world.first("erp.suppliers", ACME)
    world.mapping(CRM, match="[{on: [tax], then: review}]")
    world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm")
    assert world.reasons("crm") == [("A", "in_review", "match.review")]


def test_a_linked_record_changes_only_what_the_mapping_lets_it(world: World):
    world.first("erp.suppliers", ACME, BEST)
    world.mapping(SUPPLIERS, linked="[{when: \"city <> 'Rome'\", then: update}]")
    result = world.first("erp.suppliers", ACME | {"city": "Rome"}, BEST | {"city": "Paris"})
    assert some(result, "updated", "out_of_scope") == {"updated": 1, "out_of_scope": 1}
    assert [row["city"] for row in world.golden().values()] == ["Bonn", "Paris"]


def test_a_collision_may_be_left_alone(world: World):
    world.mapping(SUPPLIERS, collision="ignore")
    result = world.first("erp.suppliers", ACME, ACME | {"id": "2"}, BEST | {"id": "3"})
    assert some(result) == {"read": 3, "applied": 1, "created": 1, "out_of_scope": 2}
    assert world.held() == []


def test_an_ambiguity_may_be_left_alone(world: World):
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", ACME, ACME | {"id": "2", "tax": "T2"})
    world.mapping(
        CRM, match="[[name]]", ambiguous="[{when: \"city = 'Bonn'\", then: ignore}, {then: review}]"
    )
    result = world.first("crm.accounts", {"id": "A", "name": "ACME", "city": "Bonn"}, mapping="crm")
    assert some(result) == {"read": 1, "out_of_scope": 1}


def test_a_record_that_leaves_the_scope_is_disabled_and_comes_back(world: World):
    world.mapping(SCOPED, out_of_scope="disable")
    world.first("erp.suppliers", ACME, BEST)
    result = world.first("erp.suppliers", ACME | {"city": "Rome"}, BEST)
    assert some(result, "disabled", "out_of_scope", "absent") == {
        "disabled": 1,
        "out_of_scope": 1,
        "absent": 0,
    }
    assert (state(world, "1"), state(world, "2")) == (1, 0)
    assert some(world.run(), "disabled") == {"disabled": 0}
    world.first("erp.suppliers", ACME, BEST)
    assert state(world, "1") == 0
    assert world.rows("SELECT * FROM outside") == []


def test_what_left_the_scope_waits_for_its_grace_also_unchanged(world: World):
    world.mapping(SCOPED, out_of_scope="{reaction: delete, grace: 7d}")
    world.first("erp.suppliers", ACME, BEST)
    world.first("erp.suppliers", ACME | {"city": "Rome"}, BEST)
    assert state(world, "1") == 0
    with world.opened() as opened, opened.hub.database.begin() as connection:
        table = opened.hub.database.tables["outside"]
        past = dt.datetime.now(dt.UTC) - dt.timedelta(days=8)
        connection.execute(table.update().values(since=past))
    assert some(world.run(), "deleted") == {"deleted": 1}


def test_what_left_the_scope_may_lose_its_link(world: World):
    world.mapping(SCOPED, out_of_scope="unlink")
    world.first("erp.suppliers", ACME, BEST)
    world.first("erp.suppliers", ACME | {"city": "Rome"}, BEST)
    assert world.rows("SELECT key FROM shadow WHERE entity IS NULL") == [("1",)]
    assert state(world, "1") == 0


def test_an_entity_for_which_another_source_stands_is_not_removed(world: World):
    world.mapping(SCOPED, out_of_scope="delete")
    world.first("erp.suppliers", ACME)
    world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm")
    result = world.first("erp.suppliers", ACME | {"city": "Rome"})
    assert some(result, "deleted") == {"deleted": 0}
