"""An entity that nobody stood for and that somebody stands for again: what only the departed said goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

MODEL = """
    model: thing
    key: [code]
    fields:
      mark: {type: text, required: true, rank: [a, b, c]}
      code: {type: text, required: true, rank: [a, b, c]}
      city: {type: text, rank: [a, b, c]}
      price: {type: decimal, rank: [a, b, c]}
      note: {type: text, rank: [a, b, c]}
      tags: {type: text, many: true, rank: [a, b, c]}
"""
MAPPING = """
    mapping: {name}
    from: {name}.things
    into: thing
    match:
      - [mark]
    fields:
      mark: mark
      code: code
      city: city
      price: price
      {more}
    unmatched: create
    absent: {absent}
"""
NOTE, TAGS = "note: note", "tags: CAST(tags AS VARCHAR[])"
OTHER = {"id": "other", "mark": "other", "code": "other"}


@pytest.fixture(autouse=True)
def sources(world: World) -> None:
    (world.folder / "mappings/suppliers.yaml").unlink()
    world.model(MODEL)
    fields = "{id: text, mark: text, code: text, city: text, price: decimal, note: text, tags: json}"
    for name, more in {"a": NOTE, "b": TAGS, "c": TAGS}.items():
        world.files(name, things=fields)
        world.mapping(MAPPING.format(name=name, more=more, absent="unlink"))


def react(world: World, name: str, absent: str, more: str = TAGS) -> None:
    world.mapping(MAPPING.format(name=name, more=more, absent=absent))


def said(world: World, source: str, key: str = "1", **values: Any) -> Any:
    """The source has this thing, and one more."""
    thing = {"id": key, "mark": "M", "code": source, **values}
    return world.first(f"{source}.things", OTHER, thing, mapping=source)


def gone(world: World, source: str) -> Any:
    return world.first(f"{source}.things", OTHER, mapping=source)


def thing(world: World) -> dict[str, Any]:
    (found,) = (row for row in world.golden("thing").values() if row["mark"] == "M")
    return found


@pytest.mark.parametrize("reaction", ["unlink", "disable"])
def test_what_only_the_departed_said_goes_when_another_comes(world: World, reaction: str):
    react(world, "a", reaction, NOTE)
    said(world, "a", city="Bonn", note="mine")
    gone(world, "a")
    assert (thing(world)["city"], thing(world)["note"]) == ("Bonn", "mine")
    said(world, "b", city="Ulm")
    row = thing(world)
    assert (row["code"], row["city"], row["note"], row["_state"]) == ("b", "Ulm", None, 0)
    assert world.origin("b", "thing") == dict.fromkeys(("mark", "code", "city"), "b")
    assert some(world.run("b"), "updated", "unchanged") == {"updated": 0, "unchanged": 2}


def test_the_same_comes_of_it_where_the_other_was_there_before(world: World):
    said(world, "a", city="Bonn", note="mine")
    said(world, "b", city=None)
    gone(world, "a")
    assert (thing(world)["code"], thing(world)["city"], thing(world)["note"]) == ("b", None, None)


def test_a_required_field_that_the_other_does_not_write_stays_with_nobody(world: World):
    world.model(MODEL.replace("note: {type: text,", "note: {type: text, required: true,"))
    said(world, "a", note="mine")
    gone(world, "a")
    said(world, "b")
    assert (thing(world)["note"], world.origin("b", "thing").get("note")) == ("mine", None)


def test_what_is_ignored_goes_on_counting_when_another_goes(world: World):
    react(world, "b", "ignore")
    said(world, "b", city="Ulm", tags=["1"])
    said(world, "a", city="Bonn", note="mine")
    gone(world, "b")
    gone(world, "a")
    assert (thing(world)["city"], thing(world)["note"], thing(world)["tags"]) == ("Ulm", None, '["1"]')


def test_a_record_under_a_new_key_keeps_its_entity_when_the_old_one_is_gone(world: World):
    react(world, "b", "disable")
    said(world, "a", city="Bonn")
    said(world, "b", "old", city="Ulm")
    said(world, "b", "new", city="Ulm")  # the old record stands for it still: a person would decide
    gone(world, "a")
    result = world.run("b")
    assert some(result, "linked", "disabled") == {"linked": 1, "disabled": 0}
    assert (thing(world)["city"], thing(world)["_state"]) == ("Ulm", 0)
    assert some(world.run("b")) == {"read": 2, "unchanged": 2}


def test_what_a_record_said_under_its_old_key_does_not_come_back(world: World):
    react(world, "b", "disable")
    said(world, "b", "old", city="Ulm", tags=["1", "2"])
    said(world, "c", city="Jena")
    said(world, "b", "new", tags=["3"])
    world.run("b")
    assert (thing(world)["city"], thing(world)["tags"]) == ("Jena", '["3"]')
    said(world, "c", city=None, tags=["4"])
    assert (thing(world)["city"], thing(world)["tags"]) == (None, '["3","4"]')
    said(world, "a", city="Bonn")
    said(world, "b", "new", city="Kiel", tags=["3"])
    gone(world, "a")
    assert thing(world)["city"] == "Kiel"


def test_a_number_said_in_vain_comes_forward_with_all_its_digits(world: World):
    said(world, "a", price="12345678901234.5678")
    said(world, "b", price="98765432109876.5432")
    said(world, "a", price=None)
    assert str(thing(world)["price"]) == "98765432109876.5432"
    said(world, "a", price="1.0000")
    gone(world, "a")
    assert str(thing(world)["price"]) == "98765432109876.5432"


def said_lists(world: World) -> list[str]:
    found: list[str] = json.loads(thing(world)["tags"] or "[]")
    return found


def test_a_new_list_is_ordered_as_a_union_is(world: World):
    said(world, "b", tags=["2", "1", "2"])
    assert said_lists(world) == ["1", "2"]
    assert some(said(world, "b", tags=["1", "2"]), "updated") == {"updated": 0}
