"""Whatever order the versions of records come in, and however often: the golden record is the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.exchange.pipeline import run_exchange
from tests.stores import SqliteStore
from tests.unit.exchange.world import World, reconciled, some

MODEL = """
    model: person
    key: [code]
    fields:
      code: {{type: text, required: true, rank: [{ranks}]}}
      city: {{type: text, rank: [{ranks}]}}
      phones: {{type: text, many: true, rank: [{ranks}]}}
"""
MAPPING = """
    mapping: {name}
    from: {name}.people
    into: person
    match:
      - [code]
    fields:
      code: id
      city: {{value: city, strength: {strength}}}
      phones: {{value: phones, strength: {strength}}}
    unmatched: create
"""
Version = tuple[str, int]  # source, number
CITIES, PHONES = st.sampled_from([None, "Bonn", "Ulm"]), st.lists(st.sampled_from("123"), max_size=2, unique=True)


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """Two or three sources, each with its strength, all ranked, and the versions of its only record."""
    names = ["a", "b", "c"][: draw(st.integers(2, 3))]
    versions = {
        (name, number): {"city": draw(CITIES), "phones": draw(PHONES)} for name in names for number in (1, 2)
    }
    told = [*versions, *draw(st.lists(st.sampled_from(sorted(versions)), max_size=2))]
    return {
        "ranks": draw(st.permutations(names)),
        "strengths": {name: draw(st.sampled_from(["strong", "normal", "weak"])) for name in names},
        "versions": versions,
        "orders": [draw(st.permutations(told)), draw(st.permutations(told))],
    }


def world_of(folder: Path, case: dict[str, Any]) -> World:
    world = World(folder / "w", SqliteStore())
    world.model(MODEL.format(ranks=", ".join(case["ranks"])))
    for name, strength in case["strengths"].items():
        world.files(name, cursor="changed", people="{id: text, city: text, phones: json, changed: datetime}")
        world.mapping(MAPPING.format(name=name, strength=strength))
    return world


def told(world: World, case: dict[str, Any], order: Sequence[Version]) -> dict[str, Any]:
    """The golden record after these versions came one by one."""
    world.fill()
    with world.opened() as opened:  # once: a hub opened anew for every run would take most of the time
        for turn, (source, number) in enumerate(order):
            values = case["versions"][source, number] | {"changed": f"2026-01-0{number}T00:00:00Z"}
            world.put(f"{source}.people", {"id": "1", **values})
            reconciled(run_exchange(opened.hub, source, "full", f"turn-{turn}"))
    row = world.golden("person")["1"]
    return {
        "city": row["city"],
        "phones": json.loads(row["phones"] or "[]"),
        "holder": world.origin("1", "person").get("city") if row["city"] else None,
    }


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> pytest.TempPathFactory:
    return tmp_path_factory


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=histories())
def test_any_order_and_repetition_of_versions_ends_alike(places: pytest.TempPathFactory, case: dict[str, Any]):
    worlds = [world_of(places.mktemp("order"), case) for _ in case["orders"]]
    first, second = (told(world, case, order) for world, order in zip(worlds, case["orders"], strict=True))
    assert first == second == expected(case)
    for source in case["strengths"]:
        assert some(worlds[0].run(source), "created", "updated") == {"created": 0, "updated": 0}


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """What the rules say of the last versions, reckoned in another way than the hub does."""
    strengths = ["strong", "normal", "weak"]
    order = sorted(
        case["strengths"],
        key=lambda name: (strengths.index(case["strengths"][name]), case["ranks"].index(name)),
    )
    last = {name: case["versions"][name, 2] for name in order}
    holder = next((name for name in order if last[name]["city"]), None)
    firm = [name for name in order if case["strengths"][name] != "weak" and last[name]["phones"]]
    phones: list[str] = []
    for name in firm or order:
        phones += [one for one in sorted(last[name]["phones"]) if one not in phones]
    return {"city": last[holder]["city"] if holder else None, "phones": phones, "holder": holder}
