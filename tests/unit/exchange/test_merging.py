"""Several sources of one entity: who supplies which field, who says something in vain, who takes back what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.world import FIELDS, SUPPLIER, World, some

pytestmark = pytest.mark.by_turns

MAPPING = """
    mapping: {name}
    from: {name}.suppliers
    into: supplier
    match:
      - [code]
    fields:
      code: id
      name: {{value: name, strength: {strength}}}
      city: {{value: city, strength: {strength}}}
    unmatched: create
"""


def sources(world: World, rank: str = "", **strengths: str) -> None:
    """Systems that all write name and city of the same suppliers, each as strongly as said."""
    for name, strength in strengths.items():
        world.files(name, suppliers=FIELDS)
        world.mapping(MAPPING.format(name=name, strength=strength))
    (world.folder / "mappings/suppliers.yaml").unlink(missing_ok=True)
    ranked = f"{{type: text, rank: [{rank}]}}"
    code = "code: {type: text, required: true, rank: [" + ", ".join(strengths) + "]}"
    world.model(
        SUPPLIER.replace("city: {type: text}", f"city: {ranked}")
        .replace("name: {type: text, required: true}", f"name: {ranked}")
        .replace("code: {type: text, required: true}", code)
    )


def said(world: World, source: str, city: str | None, **more: Any) -> Any:
    """The source's only supplier is now in ``city``."""
    return world.first(f"{source}.suppliers", {"id": "1", "city": city, **more}, mapping=source)


def city(world: World) -> tuple[str | None, str]:
    """The golden city and who supplied it."""
    return world.golden()["1"]["city"], world.origin("1")["city"]


def test_of_two_alike_the_newer_word_counts(world: World):
    sources(world, a="normal", b="normal")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    assert city(world) == ("Ulm", "b")
    said(world, "a", "Kiel")
    assert city(world) == ("Kiel", "a")


def test_an_unchanged_source_does_not_win_back_what_a_newer_word_took(world: World):
    sources(world, a="normal", b="normal")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    world.run("a")
    assert city(world) == ("Ulm", "b")


def test_the_stronger_wins_in_whatever_order(world: World):
    sources(world, a="strong", b="normal")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    assert city(world) == ("Bonn", "a")
    said(world, "b", "Kiel")
    assert city(world) == ("Bonn", "a")


def test_the_stronger_takes_over_what_the_other_supplied_first(world: World):
    sources(world, a="strong", b="normal")
    said(world, "b", "Ulm")
    said(world, "a", "Bonn")
    assert city(world) == ("Bonn", "a")


def test_the_higher_ranked_wins_in_whatever_order(world: World):
    sources(world, rank="a, b", a="normal", b="normal")
    said(world, "b", "Ulm")
    said(world, "a", "Bonn")
    said(world, "b", "Kiel")
    assert city(world) == ("Bonn", "a")


def test_strength_comes_before_rank(world: World):
    sources(world, rank="a, b", a="normal", b="strong")
    said(world, "b", "Ulm")
    said(world, "a", "Bonn")
    assert city(world) == ("Ulm", "b")


def test_a_weak_value_only_fills_the_empty(world: World):
    sources(world, a="weak", b="normal")
    said(world, "b", "Ulm", name=None)
    said(world, "a", "Bonn", name="ACME")
    assert city(world) == ("Ulm", "b")
    assert (world.golden()["1"]["name"], world.origin("1")["name"]) == ("ACME", "a")


def test_a_weak_value_gives_way(world: World):
    sources(world, a="weak", b="normal")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    assert city(world) == ("Ulm", "b")


def test_of_two_weak_sources_the_first_stays(world: World):
    sources(world, a="weak", b="weak")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    assert city(world) == ("Bonn", "a")


def test_a_source_takes_back_only_what_it_supplied(world: World):
    sources(world, a="normal", b="normal")
    said(world, "a", "Bonn", name="ACME")
    said(world, "b", "Ulm", name=None)
    said(world, "a", None, name=None)
    # The city is b's by now; the name was a's own.
    assert city(world) == ("Ulm", "b")
    assert world.golden()["1"]["name"] is None


def test_a_source_that_never_said_anything_takes_nothing_away(world: World):
    sources(world, a="normal", b="strong")
    said(world, "a", "Bonn")
    result = said(world, "b", None)
    assert city(world) == ("Bonn", "a")
    assert some(result, "updated", "linked") == {"updated": 0, "linked": 1}


def test_what_was_said_in_vain_comes_forward_when_the_winner_falls_silent(world: World):
    sources(world, a="strong", b="normal")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    said(world, "a", None)
    assert city(world) == ("Ulm", "b")
    said(world, "a", "Kiel")
    assert city(world) == ("Kiel", "a")
    said(world, "a", None)
    assert city(world) == ("Ulm", "b")


def test_what_comes_forward_is_what_the_loser_says_now(world: World):
    sources(world, a="strong", b="normal")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    said(world, "b", "Jena")
    said(world, "a", None)
    assert city(world) == ("Jena", "b")


def test_what_the_loser_takes_back_does_not_come_forward(world: World):
    sources(world, a="strong", b="normal")
    said(world, "a", "Bonn")
    said(world, "b", "Ulm")
    said(world, "b", None)
    said(world, "a", None)
    assert world.golden()["1"]["city"] is None


def test_the_best_of_several_losers_comes_forward(world: World):
    sources(world, rank="a, b, c", a="normal", b="normal", c="normal")
    for source, place in (("a", "Bonn"), ("c", "Jena"), ("b", "Ulm")):
        said(world, source, place)
    said(world, "a", None)
    assert city(world) == ("Ulm", "b")
    said(world, "b", None)
    assert city(world) == ("Jena", "c")


def test_what_was_taken_over_is_remembered_as_said_in_vain(world: World):
    sources(world, a="strong", b="normal")
    said(world, "b", "Ulm")
    said(world, "a", "Bonn")
    said(world, "a", None)
    assert city(world) == ("Ulm", "b")


def test_a_value_that_both_say_changes_nothing(world: World):
    sources(world, a="normal", b="normal")
    said(world, "a", "Bonn")
    result = said(world, "b", "Bonn")
    assert some(result, "updated") == {"updated": 0}
    assert world.golden()["1"]["_version"] == 1


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_the_end_does_not_depend_on_the_order_of_ranked_sources(world: World, order: str):
    sources(world, rank="a, b", a="normal", b="normal")
    for source in order:
        said(world, source, {"a": "Bonn", "b": "Ulm"}[source])
    assert city(world) == ("Bonn", "a")
