"""Strength: strong enforces, normal answers to its source alone, weak fills the empty and yields."""

from __future__ import annotations

import json

import pytest

from tests.unit.exchange.test_merging import city, said, sources
from tests.unit.exchange.world import SUPPLIER, World, some

pytestmark = pytest.mark.by_turns


def by_hand(world: World, value: str | None, field: str = "city") -> None:
    """A person sets the field of the only supplier; what a source said of it is said in vain now."""
    row, holders = world.golden()["1"], world.origin("1")
    with world.opened(schema=False) as opened, opened.hub.database.begin() as connection:
        tables = opened.hub.database.tables
        origin, shadow, golden = tables["origin"], tables["shadow"], tables["e_supplier"]
        fields = holders | {field: "@hand"}
        connection.execute(origin.insert().values(model="supplier", id=900, digest="hand", fields=fields))
        vain = json.dumps({field: row[field]})
        connection.execute(shadow.update().where(shadow.c.outvoted.is_(None)).values(outvoted=vain))
        connection.execute(golden.update().values({field: value, "_origin": 900, "_version": 9}))


def test_an_equal_source_that_repeats_itself_does_not_win_back_its_value(world: World):
    sources(world, a="normal", b="normal")
    said(world, "a", "Bonn", name="ACME")
    said(world, "b", "Ulm", name="ACME")
    said(world, "a", "Bonn", name="Acme")  # the record changed, its city did not
    assert (city(world), world.golden()["1"]["name"]) == (("Ulm", "b"), "Acme")
    said(world, "a", "Kiel", name="Acme")
    assert city(world) == ("Kiel", "a")


def test_a_stronger_source_that_agrees_holds_the_value_from_then_on(world: World):
    sources(world, a="normal", b="strong")
    said(world, "a", "Ulm")
    said(world, "b", "Ulm")
    assert city(world) == ("Ulm", "b")
    said(world, "a", "Bonn")
    assert city(world) == ("Ulm", "b")


def test_who_goes_on_saying_a_value_holds_it_when_its_holder_does_not(world: World):
    sources(world, a="strong", b="normal")
    said(world, "a", "Ulm")
    said(world, "b", "Ulm")
    said(world, "a", None)
    assert city(world) == ("Ulm", "b")
    said(world, "b", None)
    assert city(world)[0] is None


def test_an_equal_source_that_only_agrees_writes_nothing(world: World):
    sources(world, a="normal", b="normal")
    said(world, "a", "Ulm")
    before = world.golden()["1"]["_version"]
    said(world, "b", "Ulm")
    assert (city(world), world.golden()["1"]["_version"]) == (("Ulm", "a"), before)
    said(world, "a", None)
    assert city(world) == ("Ulm", "b")


def test_what_was_set_by_hand_stays_until_the_source_says_something_new(world: World):
    sources(world, a="normal")
    said(world, "a", "Bonn", name="ACME")
    by_hand(world, "Ulm")
    said(world, "a", "Bonn", name="Acme")
    assert (city(world), world.golden()["1"]["name"]) == (("Ulm", "@hand"), "Acme")
    said(world, "a", "Kiel", name="Acme")
    assert city(world) == ("Kiel", "a")


def test_a_weak_value_does_not_overwrite_what_was_set_by_hand(world: World):
    sources(world, a="weak")
    said(world, "a", "Bonn")
    by_hand(world, "Ulm")
    said(world, "a", "Kiel")
    assert city(world) == ("Ulm", "@hand")


def test_a_strong_value_is_enforced_in_a_full_run_although_its_record_is_unchanged(world: World):
    sources(world, a="strong")
    said(world, "a", "Bonn")
    by_hand(world, "Ulm")
    assert some(world.run("a")) == {"read": 1, "applied": 1, "updated": 1}
    assert city(world) == ("Bonn", "a")
    assert some(world.run("a")) == {"read": 1, "unchanged": 1}


def test_an_incremental_run_looks_at_no_unchanged_record(world: World):
    sources(world, a="normal")
    said(world, "a", "Bonn")
    by_hand(world, "Ulm")
    assert some(world.run("a")) == {"read": 1, "unchanged": 1}
    assert city(world) == ("Ulm", "@hand")


def test_a_new_rank_is_enforced_by_the_strong_in_a_full_run(world: World):
    sources(world, rank="b, a", a="strong", b="strong")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    world.model(
        SUPPLIER.replace("city: {type: text}", "city: {type: text, rank: [a, b]}").replace(
            "name: {type: text, required: true}", "name: {type: text}"
        )
    )
    world.run("a")
    assert city(world) == ("Bonn", "a")
    assert some(world.run("b")) == {"read": 1, "unchanged": 1}


def test_a_ranked_source_that_falls_silent_gives_way_and_takes_back_over(world: World):
    sources(world, rank="a, b, c", a="normal", b="normal", c="weak")
    for source, place in (("c", "Jena"), ("b", "Ulm"), ("a", "Bonn")):
        said(world, source, place)
    said(world, "a", None)
    assert city(world) == ("Ulm", "b")
    said(world, "b", None)
    assert city(world) == ("Jena", "c")
    said(world, "a", "Bonn")
    assert city(world) == ("Bonn", "a")


@pytest.mark.parametrize("order", ["abc", "cab", "bca"])
def test_a_weak_source_yields_as_soon_as_anybody_else_speaks(world: World, order: str):
    sources(world, rank="c, b, a", a="normal", b="weak", c="weak")
    for source in order:
        said(world, source, {"a": "Bonn", "b": "Ulm", "c": "Jena"}[source])
    assert city(world) == ("Bonn", "a")
    said(world, "a", None)
    assert city(world) == ("Jena", "c")
