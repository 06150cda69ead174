"""Whatever order the versions of records come in, and however often: what stands in the end is the newest of each.

One source with a cursor, read by incremental runs in any cut, with overlap, and ended by one full run. The sum of
fates (P7) is checked on every run by the world itself.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contract import Page, Query
from tests.faults.matrix import row
from tests.faults.test_sources import MAPPING, Table, at
from tests.stores import SqliteStore
from tests.unit.exchange.world import World

NAMES = ["A", "B", "C"]
VERSION = st.tuples(st.sampled_from(NAMES), st.integers(0, 9))
HISTORY = st.lists(VERSION, min_size=1, max_size=10)


class Feed(Table):
    """A source that gives what was put since the last read, in the order it was put: old after new, twice, anything."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[str, int]] = []

    def read(self, query: Query) -> Iterator[Page]:
        rows = [{"id": key, "name": f"{key} as of {version}", "changed": at(version)} for key, version in self.waiting]
        yield Page(b"".join(json.dumps(one).encode() + b"\n" for one in rows), len(rows), "feed", 1, True)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("convergence")
    world, _ = fresh(place)
    world.fill()
    shutil.copytree(world.folder / ".cophub", place / "migrated")
    return place


def fresh(place: Path) -> tuple[World, Feed]:
    feed = Feed()
    world = World(Path(tempfile.mkdtemp(dir=place)) / "w", SqliteStore())
    world.modules = {"table": feed.spec}
    world.model("model: person\nkey: [code]\nfields:\n  code: {type: text, required: true}\n"
                "  name: {type: text, required: true}\n")  # fmt: skip
    world.write("config/systems/hr.yaml", "system: hr\nconnector: table\n")
    world.mapping(MAPPING)
    if (place / "migrated").exists():
        shutil.copytree(place / "migrated", world.folder / ".cophub")
        world._migrated = True
    return world, feed


@row(19, "any permutation and repetition of versions, cut into any runs")
@row(18, "any repetition of versions")
@settings(max_examples=10, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck))
@given(history=HISTORY, cuts=st.lists(st.integers(0, 10), max_size=2))
def test_versions_in_any_order_end_in_the_newest(template: Path, history: list[tuple[str, int]], cuts: list[int]):
    world, feed = fresh(template)
    borders = [0, *sorted({min(cut, len(history)) for cut in cuts}), len(history)]
    for begin, end in itertools.pairwise(borders):
        feed.waiting = history[begin:end]
        world.run("people", "incremental", initial=True)
    newest: dict[str, int] = {}
    for key, version in history:
        newest[key] = max(newest.get(key, 0), version)
    found = dict(world.rows("SELECT code, name FROM e_person WHERE _state = 0"))
    assert found == {key: f"{key} as of {version}" for key, version in newest.items()}
    feed.waiting = history[::-1] + history
    again = world.run("people", "incremental", initial=True)
    assert again.counts["applied"] == 0
    assert dict(world.rows("SELECT code, name FROM e_person WHERE _state = 0")) == found


@row(19, "deletions before, between and after the versions, by full runs")
@settings(max_examples=8, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck))
@given(states=st.lists(st.sets(st.sampled_from(NAMES), min_size=1), min_size=1, max_size=4))
def test_who_is_there_follows_the_last_complete_read(template: Path, states: list[set[str]]):
    world, feed = fresh(template)
    for number, there in enumerate(states):
        feed.waiting = [(key, number) for key in sorted(there)] * 2
        world.run("people", "full", initial=True)
    found = {code for (code,) in world.rows("SELECT code FROM e_person WHERE _state = 0")}
    assert found == states[-1]
    seen = set().union(*states)
    assert world.one("SELECT count(*) FROM e_person") == len(seen)
