"""Entities merged in one go stand under the guard; over it the plan of it waits for somebody else."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from hub.errors import Held
from hub.exchange.contents import contents
from hub.exchange.decisions.deciding import merge_candidates
from hub.exchange.decisions.oneness import unite
from hub.exchange.judging.approval import approve
from hub.exchange.uniting.merger import merge_entities
from hub.store.meant import find_entity
from hub.store.reports import find_plan
from tests.unit.exchange.test_matching import FROM_CRM, crm
from tests.unit.exchange.test_merges import ids
from tests.unit.exchange.test_reviews import doubtful, opened, review_of
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

__all__ = ["crm"]
MANY = [{"id": f"{number:03}", "name": f"N{number}"} for number in range(104)]


def merged(world: World) -> list[str]:
    """The codes that went into others."""
    return sorted(code for code, row in world.golden().items() if row["_state"] == 3)


def together(world: World, survivor: str, *losers: str) -> list[uuid.UUID]:
    with world.opened() as hub:
        database = hub.hub.database
        first, *others = (find_entity(database, "supplier", code) for code in (survivor, *losers))
        return unite(hub.hub, "supplier", first, others, "they are one")


def held(world: World, survivor: str, *losers: str) -> uuid.UUID:
    with pytest.raises(Held, match="to merge") as caught:
        together(world, survivor, *losers)
    return uuid.UUID(caught.value.plan)


def let_through(world: World, plan: uuid.UUID) -> None:
    with world.opened(actor="bob") as hub:
        approve(hub.hub, find_plan(hub.hub.database, str(plan)), "looked at them", dt.timedelta(hours=1))


def three(world: World, guard: str = "{merge: 1}") -> None:
    world.mapping(SUPPLIERS, guard=guard)
    world.first("erp.suppliers", *({"id": key, "name": f"N{key}"} for key in "123"))


def test_merges_within_the_limit_are_made_at_once(world: World):
    three(world, "{merge: 2}")
    assert len(together(world, "1", "2", "3")) == 2
    assert merged(world) == ["2", "3"]


def test_merges_over_the_limit_wait_for_somebody_else(world: World):
    three(world)
    before = world.dump()
    plan = held(world, "1", "2", "3")
    assert (world.dump(), held(world, "1", "2", "3")) == (before, plan)
    with pytest.raises(Held, match="nobody has approved it"):
        world.apply(plan)
    let_through(world, plan)
    assert some(world.apply(plan)) == {"read": 2, "applied": 2, "merged": 2}
    assert merged(world) == ["2", "3"]
    assert world.rows("SELECT DISTINCT reason FROM audit WHERE action = 'entity.merged'") == [("they are one",)]


def test_a_held_merge_is_shown(world: World):
    three(world)
    plan = held(world, "1", "2", "3")
    with world.opened() as hub:
        (part,) = contents(hub.hub, find_plan(hub.hub.database, str(plan))).parts
    assert [(one.operation, one.key, one.fields[0].new) for one in part.changes] == [
        ("merge", "2", "1"),
        ("merge", "3", "1"),
    ]


def test_what_changed_since_is_not_merged_and_named(world: World):
    three(world)
    plan = held(world, "1", "2", "3")
    let_through(world, plan)
    three(world)
    world.first("erp.suppliers", {"id": "1", "name": "N1"}, {"id": "2", "name": "New"}, {"id": "3", "name": "N3"})
    result = world.apply(plan)
    assert some(result) == {"read": 2, "applied": 1, "merged": 1, "refused": 1}
    assert any(f"{ids(world)['2']} was not merged" in note for note in result.notes)
    assert merged(world) == ["3"]


def test_a_survivor_that_changed_stops_all_of_it(world: World):
    three(world)
    plan = held(world, "1", "2", "3")
    let_through(world, plan)
    world.first("erp.suppliers", {"id": "1", "name": "New"}, {"id": "2", "name": "N2"}, {"id": "3", "name": "N3"})
    assert some(world.apply(plan)) == {"read": 2, "refused": 2}
    assert merged(world) == []


def test_a_share_is_of_the_entities_that_live(world: World):
    world.mapping(SUPPLIERS, guard="{merge: 1%}")
    world.first("erp.suppliers", *MANY)
    assert len(together(world, "000", "001")) == 1
    held(world, "000", "002", "003")


def test_every_mapping_into_the_model_may_limit_it(world: World):
    three(world, "{merge: 5}")
    world.mapping(FROM_CRM, guard="{merge: 0}")
    with pytest.raises(Held, match="crm-suppliers: 1 records to merge"):
        together(world, "1", "2")


def test_guard_off_limits_nothing(world: World):
    three(world, "off")
    assert len(together(world, "1", "2", "3")) == 2


def test_candidates_of_a_review_stand_under_the_limit(world: World):
    doubtful(world)
    world.mapping(FROM_CRM, guard="{merge: 0}")
    with pytest.raises(Held, match="to merge") as caught, world.opened() as hub:
        merge_candidates(hub.hub, review_of(world), "1", "the same twice")
    assert (merged(world), len(opened(world))) == ([], 1)
    let_through(world, uuid.UUID(caught.value.plan))
    world.apply(uuid.UUID(caught.value.plan))
    assert merged(world) == ["2"]
    world.run("crm-suppliers")
    assert opened(world) == []


def test_all_merges_of_one_go_are_made_or_none(world: World):
    three(world, "off")
    with world.opened() as hub:
        one, two = ids(world)["1"], ids(world)["2"]
        with pytest.raises(Exception, match="one supplier already"):
            merge_entities(hub.hub, "supplier", one, [two, one], "oops")
    assert merged(world) == []
