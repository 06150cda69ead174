"""``why`` tells rule by rule how a record came to its entity, and writes nothing."""

from __future__ import annotations

import pytest

from hub.errors import ConfigError
from hub.exchange.matching.why import Why, explain_record
from tests.unit.exchange.test_likeness import CRM, FIELDS, HR, PERSON, WANG
from tests.unit.exchange.world import World

pytestmark = pytest.mark.by_turns


@pytest.fixture(autouse=True)
def people(world: World) -> None:
    world.model(PERSON)
    world.files("hr", people=FIELDS)
    world.files("crm", people=FIELDS)
    world.mapping(HR)
    world.mapping(CRM)
    world.first("hr.people", WANG, WANG | {"id": "2", "phone": "15900001111"}, mapping="hr")


def why(world: World, key: str) -> Why:
    with world.opened() as opened:
        return explain_record(opened.hub, "crm", key)


def test_candidates_of_every_rule_are_told_with_likeness_and_score(world: World):
    world.put("crm.people", WANG | {"id": "A", "name": "Wang Wei"}, {"id": "B", "name": "nobody"})
    before = world.dump()
    told = why(world, "A")
    (rule,) = told.rules
    assert (rule.at_least, rule.review, rule.compared) == (0.9, 0.75, 2)
    assert [one.score for one in rule.candidates] == [0.975, 0.725]
    assert rule.candidates[1].why["phone"]["likeness"] == 0.0
    assert (told.situation, told.reaction, told.entity) == (
        "unlinked",
        "link",
        world.golden("person")["1"]["_id"],
    )
    assert world.dump() == before


def test_a_linked_record_is_told_with_its_evidence(world: World):
    world.first("crm.people", WANG | {"id": "A"}, mapping="crm")
    told = why(world, "A")
    assert (told.situation, told.reaction) == ("linked", "update")
    assert told.evidence is not None
    assert told.evidence["confidence"] == 1.0


def test_what_is_left_to_a_person_is_told_with_its_reason(world: World):
    world.put("crm.people", WANG | {"id": "A", "phone": "13999999999"})
    told = why(world, "A")
    assert (told.situation, told.code, told.reaction) == ("ambiguous", "match.likely", "review")


def test_a_key_that_is_not_there_is_an_error(world: World):
    world.put("crm.people", WANG | {"id": "A"})
    with pytest.raises(ConfigError) as caught:
        why(world, "Z")
    assert caught.value.code == "why.key"
