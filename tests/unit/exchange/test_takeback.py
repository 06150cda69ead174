"""A record that is gone takes along what it alone supplied, where another source stands for the entity."""

from __future__ import annotations

import pytest

from tests.unit.exchange.test_merging import MAPPING, city, said, sources
from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

OTHER = {"id": "2", "name": "Best"}


def two(world: World, reaction: str, *, where: str = "") -> None:
    sources(world, a="normal", b="weak")
    more = {"absent": reaction} | ({"where": where} if where else {})
    world.mapping(MAPPING.format(name="a", strength="normal"), **more)


@pytest.mark.parametrize("reaction", ["unlink", "disable", "delete"])
def test_what_a_gone_record_supplied_is_taken_back_and_what_others_said_comes_forward(world, reaction):
    two(world, reaction)
    said(world, "a", "Bonn", name="ACME")
    said(world, "b", "Ulm")
    result = world.first("a.suppliers", OTHER, mapping="a")
    assert (city(world), world.golden()["1"]["name"]) == (("Ulm", "b"), None)
    assert some(result, "updated", "disabled", "deleted") == {"updated": 1, "disabled": 0, "deleted": 0}
    assert (world.golden()["1"]["_state"], world.origin("1").get("name")) == (0, None)
    assert some(world.run("a")) == {"read": 1, "unchanged": 1}


def test_a_required_field_is_never_emptied_and_belongs_to_nobody(world: World):
    two(world, "unlink")
    world.mapping(
        MAPPING.format(name="b", strength="weak").replace("code: id", "city: city", 1), match="[[name]]"
    )
    world.mapping(
        MAPPING.format(name="b", strength="weak").replace("    fields:\n      code: id\n", "    fields:\n"),
        match="[[name]]",
    )
    said(world, "a", "Bonn", name="ACME")
    said(world, "b", "Ulm", name="ACME")
    world.first("a.suppliers", OTHER, mapping="a")
    assert "code" not in world.origin("1")
    assert world.golden()["1"]["city"] == "Ulm"
    said(world, "a", "Kiel", name="ACME")
    assert city(world) == ("Kiel", "a")


def test_without_another_source_the_entity_keeps_its_values(world: World):
    two(world, "unlink")
    said(world, "a", "Bonn")
    world.first("a.suppliers", OTHER, mapping="a")
    assert city(world) == ("Bonn", "a")


def test_what_is_gone_does_not_come_forward_any_more(world: World):
    two(world, "unlink")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    world.mapping(MAPPING.format(name="b", strength="weak"), absent="unlink")
    world.first("b.suppliers", OTHER, mapping="b")
    said(world, "a", None)
    assert world.golden()["1"]["city"] is None


def test_a_record_that_leaves_the_scope_takes_its_values_along(world: World):
    two(world, "disable", where="tax IS NULL")
    said(world, "a", "Bonn", name="ACME")
    said(world, "b", "Ulm")
    result = said(world, "a", "Bonn", name="ACME", tax="T")
    assert some(result, "out_of_scope", "updated") == {"out_of_scope": 1, "updated": 1}
    assert (city(world), world.golden()["1"]["name"]) == (("Ulm", "b"), None)
    said(world, "a", "Bonn", name="ACME")
    assert city(world) == ("Bonn", "a")


def test_an_ignored_absence_takes_nothing(world: World):
    two(world, "ignore")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    world.first("a.suppliers", OTHER, mapping="a")
    assert city(world) == ("Bonn", "a")


def test_a_plan_to_take_back_is_refused_where_the_entity_changed_since(world: World):
    two(world, "unlink")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    world.put("a.suppliers", OTHER)
    plan = world.plan("a")
    said(world, "b", "Ulm", name="New")
    world.apply(plan)
    assert city(world) == ("Bonn", "a")
    world.run("a")
    assert city(world) == ("Ulm", "b")
