"""A mapping with several outputs has one watermark: it never passes what one of them left undone."""

from __future__ import annotations

import pytest

from tests.unit.exchange.target import Crm
from tests.unit.exchange.world import World, some

INTO = """
    mapping: people
    from: hr.people
    into:
      - into: person
        fields: {code: id, name: name}
        unmatched: create
      - into: badge
        fields: {code: id}
        unmatched: create
"""
OUT = """
    mapping: out
    from: person
    into:
      - into: crm.accounts
        key: code
        fields: {code: code, name: name}
      - into: shop.accounts
        key: code
        fields: {code: code, name: name}
"""
OLD, NEW = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2))


@pytest.fixture
def people(world: World) -> World:
    world.model("model: person\nkey: [code]\nfields: {code: {type: text}, name: {type: text}}\n")
    world.model("model: badge\nkey: [code]\nfields: {code: {type: text}}\n")
    world.files("hr", cursor="changed", people="{id: text, name: text, changed: datetime}")
    world.mapping(INTO)
    world.first("hr.people", person("1", OLD), person("2", OLD), mapping="people")
    return world


def person(code: str, changed: str, name: str = "a") -> dict[str, str]:
    return {"id": code, "name": name, "changed": changed}


def read_in_full(world: World) -> bool:
    return any(note.startswith("read in full") for note in world.run("people", "incremental").notes)


def test_a_change_of_the_first_output_maps_everything_anew(people: World):
    people.first("hr.people", person("1", OLD), person("2", NEW), mapping="people")
    people.mapping(INTO.replace("name: name", "name: upper(name)"))
    assert read_in_full(people)
    assert people.golden("person")["1"]["name"] == "A"
    assert not read_in_full(people)


def test_what_the_first_target_did_not_take_is_sent_again(people: World):
    crm, shop = Crm(), Crm()
    once = "delivery: {attempts: 1}\nresources: {accounts: {}}\n"
    for name, target in (("crm", crm), ("shop", shop)):
        people.modules[name] = target.spec
        people.write(f"config/systems/{name}.yaml", f"system: {name}\nconnector: {name}\n{once}")
    people.mapping(OUT)
    crm.answers["1"] = ["retry"] * 9
    assert people.run("out", "incremental").counts["waiting"] == 1
    assert (sorted(crm.named()), sorted(shop.named())) == (["2"], ["1", "2"])
    crm.answers.clear()
    assert some(people.run("out", "incremental")) == {"read": 4, "applied": 1, "created": 1, "unchanged": 3}
    assert some(people.run("out", "incremental")) == {}
