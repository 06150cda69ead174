"""Rules of likeness: who is found, who is left to a person, and that nothing hangs on the order."""

from __future__ import annotations

import json

import pytest

from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

PERSON = """
    model: person
    key: [code]
    fields:
      code: {type: text, required: true, rank: [hr]}
      name: {type: text, rank: [hr]}
      born: {type: date, rank: [hr]}
      phone: {type: text, rank: [hr]}
"""
HR = """
    mapping: hr
    from: hr.people
    into: person
    fields: {code: id, name: name, born: born, phone: phone}
    unmatched: create
"""
CRM = """
    mapping: crm
    from: crm.people
    into: person
    match:
      - on:
          name: {by: name, weight: 2.0}
          born: {}
          phone: {by: digits}
        block: [sound(name), born, "last(phone, 6)"]
        at_least: 0.9
        review: 0.75
    fields: {code: id, name: name, born: born, phone: phone}
    unmatched: create
"""
FIELDS = "{id: text, name: text, born: text, phone: text}"
WANG = {"id": "1", "name": "王伟", "born": "1980-04-01", "phone": "13812345678"}


@pytest.fixture(autouse=True)
def people(world: World) -> None:
    world.model(PERSON)
    world.files("hr", people=FIELDS)
    world.files("crm", people=FIELDS)
    world.mapping(HR)
    world.mapping(CRM)


def linked(world: World) -> dict[str, str]:
    """Record of the second source → code of its entity."""
    query = """SELECT s.key, e.code FROM shadow s JOIN e_person e ON e._id = s.entity
        JOIN source o ON o.id = s.source WHERE o.exchange = 'crm'"""
    return dict(world.rows(query))


@pytest.mark.parametrize("name", ["王伟", "Wang Wei", "wangwei", "Wei WANG", "WANG, Wei", "王玮"])
def test_a_chinese_name_is_found_by_its_sound(world: World, name: str):
    world.first("hr.people", WANG, WANG | {"id": "2", "name": "李娜", "phone": "13900000000"}, mapping="hr")
    result = world.first("crm.people", WANG | {"id": "A", "name": name}, mapping="crm")
    assert some(result, "linked", "created") == {"linked": 1, "created": 0}
    assert linked(world) == {"A": "1"}


def test_the_link_keeps_its_rule_and_how_sure_it_is(world: World):
    world.first("hr.people", WANG, mapping="hr")
    world.first("crm.people", WANG | {"id": "A", "name": "Wang Wei"}, mapping="crm")
    ((rule, confidence, why),) = world.rows("SELECT rule, confidence, why FROM evidence")
    assert (rule, confidence) == ("name + born + phone ≈", pytest.approx(0.975))
    assert json.loads(why)["name"] == {"likeness": 0.95, "weight": 2.0, "by": "name"}
    assert "Wang" not in why


def test_between_the_thresholds_a_person_decides(world: World):
    world.first("hr.people", WANG, mapping="hr")
    result = world.first("crm.people", WANG | {"id": "A", "phone": "15900001111"}, mapping="crm")
    assert some(result) == {"read": 1, "in_review": 1}
    assert world.reasons("crm") == [("A", "in_review", "match.likely")]


def test_under_both_thresholds_it_is_somebody_else(world: World):
    world.first("hr.people", WANG, mapping="hr")
    result = world.first(
        "crm.people", {"id": "A", "name": "王伟", "born": "1991-12-24", "phone": "15900001111"}, mapping="crm"
    )
    assert some(result, "linked", "created", "in_review") == {"linked": 0, "created": 1, "in_review": 0}


def test_what_is_missing_neither_matches_nor_punishes_fully(world: World):
    world.first("hr.people", WANG, mapping="hr")
    # 3 of 4 weights are equal; the missing one counts half its weight, half alike: 3.25 / 3.5.
    result = world.first("crm.people", WANG | {"id": "A", "phone": None}, mapping="crm")
    assert some(result, "linked") == {"linked": 1}
    # The name alone: 2.5 of 3.
    result = world.first("crm.people", {"id": "B", "name": "王伟"}, mapping="crm")
    assert world.reasons("crm") == [("B", "in_review", "match.likely")]


def test_two_entities_that_are_as_near_are_a_tie(world: World):
    world.first("hr.people", WANG, WANG | {"id": "2"}, mapping="hr")
    world.first("crm.people", WANG | {"id": "A"}, mapping="crm")
    assert world.reasons("crm") == [("A", "in_review", "match.ambiguous")]


def test_of_two_records_the_nearer_one_has_the_entity(world: World):
    world.first("hr.people", WANG, mapping="hr")
    world.mapping(CRM.replace("review: 0.75", "review: 0.75\n        margin: 0.01"))
    world.put("crm.people", WANG | {"id": "A"}, WANG | {"id": "B", "born": "1980-04-02"})
    world.run("crm")
    assert linked(world) == {"A": "1"}
    assert world.reasons("crm") == [("B", "in_review", "match.collision")]


def test_new_records_that_are_alike_are_not_created_side_by_side(world: World):
    result = world.first(
        "crm.people", WANG | {"id": "A"}, WANG | {"id": "B", "name": "Wang Wei"}, mapping="crm"
    )
    assert some(result) == {"read": 2, "in_review": 2}


def test_a_block_that_too_many_share_is_passed_over_and_said_so(world: World):
    world.mapping(CRM.replace("review: 0.75", "review: 0.75\n        most: 2"))
    others = (WANG | {"id": str(n), "born": f"1970-01-0{n}", "phone": f"1380000{n}{n}{n}{n}"} for n in "1234")
    world.first("hr.people", *others, mapping="hr")
    result = world.first("crm.people", {"id": "A", "name": "王伟"}, mapping="crm")
    assert [note for note in result.notes if "1 values of the block sound(name)" in note]
