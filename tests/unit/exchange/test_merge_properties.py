"""Whatever the sources say, in whatever order: groups are the same, and an undone merge leaves no trace."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.exchange.merging.claims import Claims
from hub.exchange.uniting.combining import Apart, Voice, combine, said_in_vain, take_apart
from hub.store.merges import Golden
from hub.workspace.shape import ModelField, ModelFile
from tests.stores import Store
from tests.unit.exchange.test_matching import FROM_CRM
from tests.unit.exchange.test_merges import RANKED, merge, unmerge
from tests.unit.exchange.world import FIELDS, World

TEXTS = st.sampled_from([None, "a", "b", "c"])
NAMES = ("code", "name", "tags", "size")
SHAPE = ModelFile(
    model="thing",
    key=["code"],
    fields={
        "code": ModelField(),
        "name": ModelField(),
        "tags": ModelField(many=True),
        "size": ModelField(type="integer"),
    },
)
SOURCES = ("erp", "crm", "hr")


@st.composite
def goldens(draw: st.DrawFn, sources: tuple[str, ...] = SOURCES) -> Golden:
    """An entity with values of some sources."""
    values: dict[str, Any] = {"code": draw(TEXTS), "name": draw(TEXTS), "size": draw(st.none() | st.integers(0, 9))}
    tags = draw(st.none() | st.lists(st.sampled_from("xyz"), unique=True, max_size=3))
    values["tags"] = None if tags is None else "[" + ",".join(f'"{one}"' for one in tags) + "]"
    origins = {name: draw(st.sampled_from(sources)) for name in NAMES if values[name] is not None}
    return Golden(uuid.UUID(int=draw(st.integers(1, 2**64))), 1, draw(st.sampled_from([0, 1])), origins, values)


@st.composite
def claims(draw: st.DrawFn) -> Claims:
    return Claims(SHAPE, {name: {one: draw(st.integers(0, 2)) * 1000 for one in SOURCES} for name in NAMES})


@given(goldens(), goldens(), claims(), st.sets(st.sampled_from(SOURCES)))
def test_taking_apart_what_was_combined_gives_both_back(one: Golden, other: Golden, by: Claims, twins: set[str]):
    merged, _ = combine(SHAPE, one, other, by, twins)
    mine, theirs = (
        [
            Voice(name, said_in_vain(None, name, [side], merged, SHAPE.fields), None)
            for name in SOURCES
        ]
        for side in (one, other)
    )
    silent = [Voice(voice.exchange, voice.after, voice.after) for voice in (*mine, *theirs)]
    survivor, loser = take_apart(Apart(SHAPE, one, merged, merged, other, silent[:3], silent[3:]))
    assert (survivor.values, survivor.origins, survivor.state) == (one.values, one.origins, one.state)
    assert (loser.values, loser.origins, loser.state) == (other.values, other.origins, other.state)


@given(goldens(), goldens(), claims())
def test_no_value_is_lost_by_a_merge_of_two_sources(one: Golden, other: Golden, by: Claims):
    merged, _ = combine(SHAPE, one, other, by, ())
    for name in NAMES:
        assert (merged.values[name] is None) == (one.values[name] is None and other.values[name] is None)


# ---------------------------------------------------------------- on both stores

RECORD = st.fixed_dictionaries(
    {"name": st.sampled_from(["ACME", "Best", "Kiel AG"]), "city": st.sampled_from([None, "Bonn", "Ulm"])}
)
FEW = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def fresh(store: Store) -> World:
    """A world of its own for each example, in a store of its own."""
    store.renew()
    world = World(Path(tempfile.mkdtemp()) / "w", store)
    world.standard()
    world.model(RANKED)
    world.files("crm", accounts=FIELDS)
    world.mapping(FROM_CRM)
    return world


def state(world: World) -> dict[str, Any]:
    """Golden rows but for version, commit and time, and the links."""
    rows = {
        str(row["_id"]): {name: value for name, value in row.items() if name not in ("_version", "_seq", "_updated_at")}
        for row in world.golden().values()
    }
    links = world.rows("SELECT source, key, entity, outvoted FROM shadow ORDER BY source, key")
    return {"rows": rows, "links": links, "origins": {code: world.origin(code) for code in world.golden()}}


@FEW
@given(erp=st.lists(RECORD, min_size=2, max_size=4), crm=st.lists(RECORD, max_size=3), pick=st.data())
def test_an_undone_merge_leaves_no_trace(store: Store, erp: list[Any], crm: list[Any], pick: st.DataObject):
    world = fresh(store)
    world.mapping(FROM_CRM, match="[[name, city]]")
    world.first("erp.suppliers", *({"id": f"E{at}", **one} for at, one in enumerate(erp)))
    world.first("crm.accounts", *({"id": f"C{at}", **one} for at, one in enumerate(crm)), mapping="crm-suppliers")
    codes = sorted(world.golden())
    first, second = pick.draw(st.permutations(codes).map(lambda found: found[:2]))
    before = state(world)
    unmerge(world, merge(world, first, second))
    assert state(world) == before
    world.close()


EXACT = "[[name, city]]"
ALIKE = """
  - on: {name: {by: name, weight: 2.0}, city: {}}
    block: [sound(name), city]
    at_least: 0.9
    review: 0.6"""
ROUGH = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["ACME", "ACMEE", "Best", "Bestt", "Kiel AG", "Kiel"]),
        "city": st.sampled_from([None, "Bonn", "Ulm"]),
    }
)


@pytest.mark.parametrize(("rule", "drawn"), [(EXACT, RECORD), (ALIKE, ROUGH)], ids=["exact", "alike"])
def test_groups_do_not_depend_on_the_order_of_records(store: Store, rule: str, drawn: Any):
    def property_(records: list[Any], order: Any) -> None:
        grouped(store, rule, records, order)

    lists = st.lists(drawn, min_size=2, max_size=6)
    FEW(given(records=lists, order=st.randoms(use_true_random=False))(property_))()


def grouped(store: Store, rule: str, records: list[Any], order: Any) -> None:
    groups = []
    listed = [{"id": f"C{at}", **one} for at, one in enumerate(records)]
    for _ in range(2):
        world = fresh(store)
        world.mapping(FROM_CRM, match=rule)
        world.first("erp.suppliers", {"id": "E1", "name": "ACME", "city": "Bonn"}, {"id": "E2", "name": "Best"})
        order.shuffle(listed)
        world.first("crm.accounts", *listed, mapping="crm-suppliers")
        linked = world.rows("""SELECT s.key, e.name, e.city FROM shadow s JOIN e_supplier e ON e._id = s.entity
            ORDER BY s.key""")
        groups.append((linked, world.reasons("crm-suppliers")))
        world.close()
    assert groups[0] == groups[1]


def test_what_a_side_said_since_goes_to_that_side():
    one = Golden(uuid.UUID(int=1), 1, 0, {"name": "erp"}, dict.fromkeys(NAMES) | {"name": "a"})
    other = Golden(uuid.UUID(int=2), 1, 0, {"name": "crm"}, dict.fromkeys(NAMES) | {"name": "b"})
    merged, _ = combine(SHAPE, one, other, Claims(SHAPE, {}), ())
    changed = Golden(one.id, 2, 0, {"name": "crm"}, dict(merged.values) | {"name": "z"})
    survivor, loser = take_apart(Apart(SHAPE, one, merged, changed, other, [], [Voice("crm", None, None)]))
    assert (survivor.values["name"], loser.values["name"]) == ("a", "z")
