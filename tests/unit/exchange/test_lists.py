"""Lists of several sources: the union of what they say, each value with its source."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

MODEL = """
    model: person
    key: [code]
    fields:
      code: {type: text, required: true, rank: [a, b, c]}
      phones: {type: text, many: true, rank: [a, b, c]}
"""
MAPPING = """
    mapping: {name}
    from: {name}.people
    into: person
    match:
      - [code]
    fields:
      code: id
      phones: {{value: phones, {rule}}}
    unmatched: create
    absent: unlink
"""


def sources(world: World, **rules: str) -> None:
    (world.folder / "mappings/suppliers.yaml").unlink(missing_ok=True)
    world.model(MODEL.replace("[a, b, c]", f"[{', '.join(rules)}]"))
    for name, rule in rules.items():
        world.files(name, people="{id: text, phones: json, n: text}")
        world.mapping(MAPPING.format(name=name, rule=rule))


def said(world: World, source: str, *phones: str, **more: Any) -> Any:
    return world.first(f"{source}.people", {"id": "1", "phones": list(phones), **more}, mapping=source)


def phones(world: World) -> list[str]:
    found: list[str] = json.loads(world.golden("person")["1"]["phones"] or "[]")
    return found


NORMAL = "strength: normal"


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_the_list_is_the_union_in_the_order_of_ranks_then_values(world: World, order: str):
    sources(world, a=NORMAL, b=NORMAL)
    for source in order:
        said(world, source, *{"a": ("9", "5"), "b": ("7", "5", "1")}[source])
    assert phones(world) == ["5", "9", "1", "7"]


def test_a_source_removes_only_what_it_alone_supplied(world: World):
    sources(world, a=NORMAL, b=NORMAL)
    said(world, "a", "1", "2", "3")
    said(world, "b", "2", "4")
    said(world, "a", "1")
    assert phones(world) == ["1", "2", "4"]
    said(world, "b")
    assert phones(world) == ["1"]
    said(world, "a")
    assert phones(world) == []


def test_another_order_is_no_change(world: World):
    sources(world, a=NORMAL, b=NORMAL)
    said(world, "a", "1", "2")
    said(world, "b", "3")
    assert some(said(world, "a", "2", "1"), "updated", "unchanged") == {"updated": 0, "unchanged": 1}


def test_a_value_that_nobody_said_was_set_by_hand_and_stays(world: World):
    sources(world, a=NORMAL, b=NORMAL)
    said(world, "a", "1")
    said(world, "b", "2")
    with world.opened(schema=False) as opened, opened.hub.database.begin() as connection:
        golden = opened.hub.database.tables["e_person"]
        connection.execute(golden.update().values(phones='["1","2","8"]', _version=9))
    said(world, "a", "4")
    assert phones(world) == ["4", "2", "8"]


def test_a_weak_list_fills_the_empty_and_yields(world: World):
    sources(world, a="strength: weak", b=NORMAL)
    said(world, "a", "1")
    said(world, "b", "2")
    assert phones(world) == ["2"]
    said(world, "b")
    assert phones(world) == ["1"]


def test_the_only_authority_replaces_the_whole_list_in_its_own_order(world: World):
    sources(world, a=NORMAL, b="range: all", c=NORMAL)
    said(world, "a", "1")
    said(world, "b", "9", "3")
    said(world, "c", "7")
    assert phones(world) == ["9", "3"]
    said(world, "b", "3", "9")
    assert phones(world) == ["3", "9"]


def test_a_record_that_is_gone_takes_only_its_own_values_along(world: World):
    sources(world, a=NORMAL, b=NORMAL)
    said(world, "a", "1", "2")
    said(world, "b", "2", "3")
    world.first("a.people", {"id": "2", "phones": []}, mapping="a")
    assert phones(world) == ["2", "3"]
    said(world, "b", "3")
    assert phones(world) == ["3"]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_an_authority_without_a_list_has_an_empty_one(world: World, order: str):
    sources(world, a="range: all", b=NORMAL)
    for source in order:
        world.first(f"{source}.people", {"id": "1", "phones": {"a": None, "b": ["7"]}[source]}, mapping=source)
    assert phones(world) == []
    said(world, "b", "8")
    assert phones(world) == []
