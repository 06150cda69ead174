"""Reconcile: exact counts of random damage, a plan that heals it, and nothing left to find."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hub.errors import Held
from hub.exchange.reconciling.reconcile import Reconciled, reconcile
from tests.faults.matrix import row
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_outbound import TO_CRM, send, target
from tests.unit.exchange.world import OF_RUNS, SUPPLIER, World, some

pytestmark = pytest.mark.by_turns

MANY = [{"id": f"{number:03}", "name": f"Name {number}", "city": "Bonn"} for number in range(60)]
KEYS = itertools.count()


def look(world: World, mapping: str = "to-crm", **more: Any) -> Reconciled:
    with world.opened() as opened:
        return reconcile(opened.hub, mapping, f"reconcile-{next(KEYS)}", **more)


def found(told: Reconciled) -> dict[str, int]:
    return {name: count for name, count in told.counts.items() if count and name != "read"}


@pytest.fixture(params=["read", "looked-up"])
def crm(world: World, request: pytest.FixtureRequest) -> Crm:
    made = target(world, Crm(unreadable=request.param == "looked-up"))
    send(world, *MANY)
    world.mapping(TO_CRM, guard="{create: 30, update: 30, delete: 10}")
    return made


def damage(crm: Crm, seed: int) -> dict[str, int]:
    """Deletes, edits and additions by hand; how many of each."""
    chance = random.Random(seed)
    ids = chance.sample(sorted(crm.rows), 24)
    gone, edited = ids[: chance.randint(3, 10)], ids[12 : 12 + chance.randint(3, 10)]
    for one in gone:
        del crm.rows[one]
    for one in edited:
        crm.rows[one] |= {chance.choice(["name", "city"]): "by hand"}
        crm.versions[one] += 1
    strange = chance.randint(1, 5)
    for number in range(strange):
        crm.rows[f"X{number}"] = {"code": f"X{number}", "name": "added", "city": None}
    return {"missing": len(gone), "different": len(edited), "ghost": strange}


@row(16, "reconcile")
@pytest.mark.parametrize("seed", [1, 2])
def test_random_damage_is_counted_exactly_and_healed(world: World, crm: Crm, seed: int):
    made = damage(crm, seed)
    if crm.unreadable:
        del made["ghost"]  # nobody can know
    told = look(world)
    assert found(told) == made
    assert told.plan is not None
    result = world.apply(told.plan)
    assert some(result, "created", "updated", "applied") == {
        "created": made["missing"],
        "updated": made["different"],
        "applied": made["missing"] + made["different"],
    }
    own = {row["code"]: row["name"] for row in crm.rows.values() if not row["code"].startswith("X")}
    assert own == {one["id"]: one["name"] for one in MANY}
    assert {name: count for name, count in found(look(world)).items() if name != "ghost"} == {}
    assert some(send(world, mode="full")) == {"read": 60, "unchanged": 60}


def test_reconciling_changes_nothing(world: World, crm: Crm):
    damage(crm, 3)
    rows = json.dumps(crm.rows)
    own = (*OF_RUNS, "reconciliation")
    before = world.dump(without=own)
    look(world)
    after = world.dump(without=own)
    assert (after, json.dumps(crm.rows)) == (before, rows)
    assert world.one("SELECT count(*) FROM reconciliation") == 1


# ---------------------------------------------------------------- what the plan may do


@pytest.fixture
def read(world: World) -> Crm:
    made = target(world, Crm())
    send(world, *MANY)
    world.mapping(TO_CRM, guard="{create: 30, update: 30, delete: 10}")
    return made


def test_ghosts_are_deleted_only_where_the_mapping_says_so(world: World, read: Crm):
    read.rows["X"] = {"code": "X", "name": "added", "city": None}
    told = look(world)
    assert (found(told), told.plan) == ({"ghost": 1}, None)
    world.mapping(TO_CRM, ghosts="delete", guard="{delete: 10}")
    plan = look(world).plan
    assert plan is not None
    assert some(world.apply(plan)) == {"read": 1, "applied": 1, "deleted": 1}
    assert (len(read.rows), look(world).clean) == (60, True)
    healed = world.rows("SELECT object, details FROM audit WHERE action = 'reconcile.healed'")
    assert [(one, json.loads(details)["found"]["ghost"]) for one, details in healed] == [(f"plan:{plan}", 1)]


def test_a_record_changed_after_the_plan_is_refused(world: World, read: Crm):
    read.rows["C1"] |= {"name": "by hand"}
    read.rows["C2"] |= {"name": "by hand"}
    plan = look(world).plan
    assert plan is not None
    read.rows["C1"] |= {"name": "by another hand"}
    assert some(world.apply(plan), "applied", "refused") == {"applied": 1, "refused": 1}
    assert [read.rows[one]["name"] for one in ("C1", "C2")] == ["by another hand", "Name 1"]


def test_what_came_back_by_itself_is_not_made_again(world: World, read: Crm):
    row = read.rows.pop("C1")
    plan = look(world).plan
    assert plan is not None
    read.rows["C9999"] = row
    world.apply(plan)
    assert sorted(read.named()) == [one["id"] for one in MANY]


def test_where_people_are_kept_nothing_of_theirs_is_healed(world: World, read: Crm):
    world.mapping(TO_CRM, changed_by_hand="keep")
    read.rows["C1"] |= {"name": "by hand"}
    del read.rows["C2"]
    told = look(world)
    assert (found(told), told.plan) == ({"missing": 1, "different": 1}, None)
    assert look(world, policy="overwrite").plan is not None


def test_an_object_of_the_same_key_is_adopted(world: World):
    crm = target(world, Crm())
    crm.rows["X"] = {"code": "000", "name": "older", "city": "Ulm"}
    world.first("erp.suppliers", *MANY[:3])
    told = look(world)
    assert found(told) == {"adoptable": 1, "pending": 2}
    assert told.plan is not None
    assert some(world.apply(told.plan)) == {"read": 1, "applied": 1, "updated": 1}
    assert crm.rows == {"X": {"code": "000", "name": "Name 0", "city": "Bonn"}}
    assert some(send(world), "created", "applied") == {"created": 2, "applied": 2}


def test_two_objects_of_one_key_are_told_and_left(world: World, read: Crm):
    read.rows["X"] = dict(read.rows["C1"]) | {"name": "twin"}
    told = look(world)
    assert (found(told), told.plan) == ({"duplicate": 2}, None)


# ---------------------------------------------------------------- lists that lie


@row(32, "a target, on reconcile")
def test_an_empty_list_is_never_healed_by_mass_creation(world: World, read: Crm):
    read.hidden = {one["id"] for one in MANY}
    told = look(world)
    assert (told.plan, told.counts["missing"], told.clean) == (None, 0, False)
    assert "gave no record where it acknowledged 60" in told.incomplete


@row(34, "a target, on reconcile")
def test_a_cut_list_is_found_out_by_look_ups(world: World, read: Crm):
    read.hidden = {one["id"] for one in MANY[40:]}
    told = look(world)
    assert (told.plan, told.counts["missing"]) == (None, 0)
    assert "lacks 20 of 20 records that a look-up finds" in told.incomplete


def test_a_target_that_was_really_emptied_in_part_is_held_by_the_guard(world: World, read: Crm):
    world.mapping(TO_CRM, guard="{create: 5}")
    for number in range(1, 21):
        del read.rows[f"C{number}"]
    told = look(world)
    assert told.counts["missing"] == 20
    assert told.breaches
    assert told.plan is not None
    with pytest.raises(Held):
        world.apply(told.plan)
    assert len(read.rows) == 40


# ---------------------------------------------------------------- what is shown


def test_all_differences_go_to_a_file_and_classified_values_to_none(world: World, tmp_path: Path):
    world.model(SUPPLIER.replace("city: {type: text}", "city: {type: text, level: L4}"))
    crm = target(world, Crm())
    send(world, *MANY[:4])
    crm.rows["C1"] |= {"name": "by hand", "city": "Secretown"}
    told = look(world, out=tmp_path / "found.parquet")
    rows = pq.read_table(tmp_path / "found.parquet").to_pylist()
    assert {(row["field"], row["expected"], row["actual"]) for row in rows} == {
        ("name", "Name 0", "by hand"),
        ("city", "***", "***"),
    }
    assert "Secretown" not in str(told)


def test_a_file_for_people_holds_no_formula(world: World, tmp_path: Path):
    crm = target(world, Crm())
    send(world, *MANY[:4])
    crm.rows["C1"] |= {"name": "=HYPERLINK(1)"}
    look(world, out=tmp_path / "found.csv")
    text = (tmp_path / "found.csv").read_text("utf-8")
    assert text.splitlines()[0] == '"output","kind","key","id","field","expected","actual"'
    assert "\"'=HYPERLINK(1)\"" in text


def test_an_inbound_exchange_is_compared_with_its_source(world: World):
    world.standard()
    world.first("erp.suppliers", *MANY[:5])
    assert look(world, "suppliers").clean
    world.put("erp.suppliers", *MANY[1:4], MANY[4] | {"name": "New"}, MANY[7])
    told = look(world, "suppliers")
    assert found(told) == {"unseen": 1, "gone": 1, "changed": 1}
    assert told.plan is not None
    world.apply(told.plan)
    assert found(look(world, "suppliers")) in ({}, {"gone": 1})
