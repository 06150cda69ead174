"""Whatever order the words of sources come in, and however often: the golden record is the same.

Of sources that claim a field alike the one that spoke last holds it, by design: there the end is one of
their last words, and its holder is the one who says it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.exchange.pipeline import Result
from tests.stores import SqliteStore
from tests.unit.exchange.foreseen import expected, golden, story
from tests.unit.exchange.histories import Case, Thing, build, drawn, play, settle, things
from tests.unit.exchange.world import World, some

NUMBER = 60
Place = Callable[[str], Path]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return tmp_path_factory.mktemp


def few(number: int) -> settings:
    """A step of shrinking costs as much as an example, and a history is short enough to be read."""
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


SEEDS = st.integers(0, 2**32)


@few(1)
@given(seed=SEEDS)
def test_snapshots_of_any_sources_in_any_order_end_alike(place: Place, seed: int):
    case = drawn(seed)
    assert quiet(prove(place("snapshots"), case)), f"seed {seed}: reading the same again changed something"


@few(1)
@given(seed=SEEDS)
def test_versions_in_any_order_and_repetition_end_alike(place: Place, seed: int):
    case = drawn(seed, versioned=True)
    assert quiet(prove(place("versions"), case)), f"seed {seed}: reading the same again changed something"


@few(1)
@given(seed=SEEDS)
def test_records_that_come_back_under_other_keys_end_alike(place: Place, seed: int):
    prove(place("keys"), drawn(seed, rekeys=True), settled_only=True)


@few(1)
@given(seed=SEEDS)
def test_words_that_are_not_valid_leave_the_last_valid_one(place: Place, seed: int):
    prove(place("rejects"), drawn(seed, rejects=True))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1, 9))
def test_many_more_of_all_kinds_end_alike(place: Place, seed: int):
    for more in ({}, {"versioned": True}, {"rejects": True}):
        prove(place("more"), drawn(seed, **more))
    prove(place("more"), drawn(seed, rekeys=True), settled_only=True)


def quiet(results: list[Result]) -> bool:
    return all(not any(some(one, "created", "updated", "linked").values()) for one in results)


def prove(folder: Path, case: Case, *, settled_only: bool = False) -> list[Result]:
    """Play a case; right after it, and after every source was read once more, all is as expected. A record
    under a new key is linked by the second read: the first finds the old one standing for the entity."""
    world = World(folder / "w", SqliteStore())
    build(world, case)
    world.fill()
    every = things(case, NUMBER)
    with world.opened() as opened:
        play(world, opened, case, every)
        if not settled_only:
            compare(case, every, golden(opened, case), states=False)
        results = settle(world, opened, case, every, "settled")
        compare(case, every, golden(opened, case), states=not case.rejects)
    return results


def compare(case: Case, every: list[Thing], found: dict[str, list[dict[str, Any]]], *, states: bool) -> None:
    """``states`` is whether entities that nobody stands for have followed the last reaction: every source was
    read after the last record went."""
    for thing in every:
        want, have = expected(case, thing), found.get(thing.mark, [])
        if not states:
            want.pop("state")
        if not have and set(want) <= {"state"}:  # never in scope
            continue
        wrong = case.differing(want, have[0]) if len(have) == 1 else [f"{len(have)} entities"]
        assert not wrong, f"seed {case.seed}, {thing.mark}: {wrong}\n{story(case, thing)}\nexpected {want}\ngot {have}"
