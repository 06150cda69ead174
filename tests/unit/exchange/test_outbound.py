"""P2: what a target should hold it holds once, whatever it answers on the way."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import ConfigError
from tests.faults.matrix import row
from tests.unit.exchange.target import Crm
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

TO_CRM = """
    mapping: to-crm
    from: supplier
    into: crm.accounts
    key: code
    fields:
      code: code
      name: name
      city: city
"""
ONE, TWO = {"id": "1", "name": "ACME", "tax": "T1"}, {"id": "2", "name": "Best", "tax": "T2"}


@pytest.fixture
def crm(world: World) -> Crm:
    return target(world, Crm())


def target(world: World, made: Crm, **more: str) -> Crm:
    world.modules["crm"] = made.spec
    extra = "".join(f"{key}: {value}\n" for key, value in more.items())
    world.write(
        "config/systems/crm.yaml", f"system: crm\nconnector: crm\n{extra}resources: {{accounts: {{}}}}\n"
    )
    world.mapping(SUPPLIERS, absent="delete")
    world.mapping(TO_CRM, absent="delete")
    return made


def send(world: World, *records: dict[str, Any], mode: str = "incremental") -> Any:
    if records:
        world.first("erp.suppliers", *records)
    return world.run("to-crm", mode)


def test_entities_are_created_changed_and_left_alone(world: World, crm: Crm):
    assert some(send(world, ONE, TWO)) == {"read": 2, "applied": 2, "created": 2}
    assert crm.named() == {"1": "ACME", "2": "Best"}
    result = send(world, ONE | {"name": "Acme"}, TWO, mode="full")
    assert some(result) == {"read": 2, "applied": 1, "updated": 1, "unchanged": 1}
    assert crm.named() == {"1": "Acme", "2": "Best"}
    assert some(send(world, mode="full")) == {"read": 2, "unchanged": 2}
    assert crm.writes() == [("create", "1"), ("create", "2"), ("update", "1")]


def test_a_change_carries_what_the_target_gave(world: World, crm: Crm):
    send(world, ONE)
    shadow = "SELECT foreign_id, foreign_key, version FROM shadow WHERE foreign_id IS NOT NULL"
    assert world.rows(shadow) == [("C1", '["1"]', "1")]
    send(world, ONE | {"name": "Acme"})
    assert world.rows(shadow) == [("C1", '["1"]', "2")]


def test_an_incremental_run_reads_only_what_changed(world: World, crm: Crm):
    send(world, ONE, TWO)
    assert some(send(world)) == {}
    result = send(world, ONE, TWO | {"name": "Better"})
    assert some(result) == {"read": 1, "applied": 1, "updated": 1}


def test_a_changed_mapping_reads_everything_again(world: World, crm: Crm):
    send(world, ONE, TWO)
    world.mapping(TO_CRM.replace("name: name", "name: upper(name)"), absent="delete")
    assert some(send(world)) == {"read": 2, "applied": 1, "updated": 1, "unchanged": 1}
    assert crm.named() == {"1": "ACME", "2": "BEST"}


def test_a_removed_entity_is_deleted_where_the_mapping_says_so(world: World, crm: Crm):
    send(world, ONE, TWO)
    assert some(send(world, ONE)) == {"read": 1, "applied": 1, "deleted": 1}
    assert crm.named() == {"1": "ACME"}
    assert some(send(world, mode="full")) == {"read": 2, "unchanged": 1, "out_of_scope": 1}
    assert some(send(world, ONE, TWO)) == {"read": 1, "applied": 1, "created": 1}
    assert crm.named() == {"1": "ACME", "2": "Best"}


def test_a_removed_entity_stays_where_the_mapping_says_nothing(world: World, crm: Crm):
    world.mapping(TO_CRM)
    send(world, ONE, TWO)
    assert some(send(world, ONE)) == {"read": 1, "out_of_scope": 1}
    assert crm.named() == {"1": "ACME", "2": "Best"}


def test_an_entity_that_leaves_the_condition_is_out_of_scope_and_stays(world: World, crm: Crm):
    world.mapping(TO_CRM, where="city IS NULL", absent="delete")
    send(world, ONE, TWO)
    assert some(send(world, ONE, TWO | {"city": "Bonn"})) == {"read": 1, "out_of_scope": 1}
    assert crm.named() == {"1": "ACME", "2": "Best"}


def test_a_changed_natural_key_changes_the_record_and_makes_no_other(world: World, crm: Crm):
    world.mapping(TO_CRM.replace("code: code", "code: name").replace("name: name", "name: city"))
    send(world, ONE | {"city": "Bonn"})
    send(world, ONE | {"city": "Bonn", "name": "Acme"})
    assert [(row["code"], row["name"]) for row in crm.rows.values()] == [("Acme", "Bonn")]


@row(14, "a lost change of the natural key")
def test_a_lost_change_of_the_natural_key_is_found_under_the_new_one(world: World, crm: Crm):
    world.mapping(TO_CRM.replace("code: code", "code: name").replace("name: name", "name: code"))
    send(world, ONE)
    crm.answers["ACME"] = ["lost"]
    send(world, ONE | {"name": "Acme"})
    assert (crm.named(), world.held("to-crm")) == ({"Acme": "1"}, [])


@row(15, "a rejected row")
def test_a_rejected_row_is_quarantined_and_the_others_are_done(world: World, crm: Crm):
    crm.answers["1"] = ["rejected"]
    assert some(send(world, ONE, TWO)) == {"read": 2, "applied": 1, "created": 2, "quarantined": 1}
    (entry,) = world.held("to-crm")
    assert (entry["state"], entry["code"], entry["message"], entry["position"]) == (
        "quarantined",
        "crm.rejected",
        "rejected it is",
        "crm.accounts 1",
    )
    assert crm.named() == {"2": "Best"}


def test_a_rejected_row_that_changes_is_tried_again(world: World, crm: Crm):
    crm.answers["1"] = ["rejected"]
    send(world, ONE, TWO)
    send(world, ONE | {"name": "Acme"}, TWO)
    assert (crm.named(), world.held("to-crm")) == ({"1": "Acme", "2": "Best"}, [])


@row(15, "a row to try again")
def test_what_may_work_later_is_tried_again(world: World, crm: Crm):
    crm.answers["1"] = ["retry"]
    assert some(send(world, ONE, TWO)) == {"read": 2, "applied": 2, "created": 2}
    assert crm.writes() == [("create", "1"), ("create", "2"), ("create", "1")]


def test_what_never_works_waits_and_holds_the_watermark(world: World):
    crm = target(world, Crm(), delivery="{attempts: 2}")
    crm.answers["1"] = ["retry"] * 2
    assert some(send(world, ONE, TWO)) == {"read": 2, "applied": 1, "created": 2, "waiting": 1}
    assert [entry["state"] for entry in world.held("to-crm")] == ["waiting"]
    result = send(world)
    assert some(result, "read", "applied", "unchanged") == {"read": 2, "applied": 1, "unchanged": 1}
    assert (crm.named(), world.held("to-crm")) == ({"1": "ACME", "2": "Best"}, [])
    assert some(send(world)) == {}


@row(14, "a lost create")
@pytest.mark.parametrize("answer", ["lost", "lost-before"])
def test_after_a_lost_answer_there_is_one_object(world: World, crm: Crm, answer: str):
    crm.answers["1"] = [answer]
    assert some(send(world, ONE, TWO)) == {"read": 2, "applied": 2, "created": 2}
    assert ("find", "1") in crm.calls
    assert crm.named() == {"1": "ACME", "2": "Best"}


@row(14, "a lost update")
def test_a_lost_update_is_not_doubled_either(world: World, crm: Crm):
    send(world, ONE)
    crm.answers["1"] = ["lost"]
    send(world, ONE | {"name": "Acme"})
    assert crm.named() == {"1": "Acme"}


@row(14, "a lost deletion")
def test_a_lost_deletion_is_done(world: World, crm: Crm):
    send(world, ONE, TWO)
    crm.answers["2"] = ["lost"]
    assert some(send(world, ONE)) == {"read": 1, "applied": 1, "deleted": 1}
    assert (crm.named(), world.held("to-crm")) == ({"1": "ACME"}, [])


@row(14, "the object is there already")
def test_an_object_that_is_there_already_is_adopted(world: World, crm: Crm):
    crm.rows["X"], crm.versions["X"] = {"code": "1", "name": "by hand", "city": None}, 4
    assert some(send(world, ONE)) == {"read": 1, "applied": 1, "created": 1}
    assert crm.rows == {"X": {"code": "1", "name": "ACME", "city": None}}
    assert world.rows("SELECT foreign_id FROM shadow WHERE foreign_id IS NOT NULL") == [("X",)]


@row(17, "a field, changed")
def test_an_object_that_was_changed_by_hand_is_brought_back_where_the_mapping_says_so(world: World, crm: Crm):
    world.mapping(TO_CRM, changed_by_hand="overwrite")
    send(world, ONE)
    crm.rows["C1"]["name"], crm.versions["C1"] = "by hand", 7
    send(world, ONE | {"name": "Acme"})
    assert crm.named() == {"1": "Acme"}


@row(17, "an object, deleted")
def test_an_object_that_was_deleted_by_hand_is_made_again_where_the_mapping_says_so(world: World, crm: Crm):
    world.mapping(TO_CRM, changed_by_hand="overwrite")
    send(world, ONE)
    del crm.rows["C1"]
    send(world, ONE | {"name": "Acme"})
    assert crm.named() == {"1": "Acme"}


def test_an_output_that_cannot_be_made_is_quarantined(world: World, crm: Crm):
    world.mapping(TO_CRM.replace("city: city", "city: CAST(CAST(city AS INTEGER) AS VARCHAR)"))
    result = send(world, ONE | {"city": "seven"}, TWO)
    assert some(result) == {"read": 2, "applied": 1, "created": 1, "quarantined": 1}
    assert [(entry["state"], entry["field"]) for entry in world.held("to-crm")] == [("quarantined", "city")]
    assert some(send(world, mode="full")) == {"read": 2, "unchanged": 1, "quarantined": 1}
    assert len(world.held("to-crm")) == 1


def test_batches_are_no_larger_than_the_target_allows(world: World):
    crm = target(world, Crm(batch=2))
    send(world, *({"id": str(number), "name": f"S{number}"} for number in range(5)))
    assert len(crm.rows) == 5


def test_writes_log_sends_nothing_and_stays_ready(world: World):
    crm = target(world, Crm(), writes="log")
    assert some(send(world, ONE)) == {"read": 1, "created": 1, "held": 1}
    assert (crm.rows, crm.calls) == ({}, [])
    target(world, crm)
    assert some(send(world)) == {"read": 1, "applied": 1, "created": 1}


def test_writes_off_refuses(world: World):
    crm = target(world, Crm(), writes="off")
    with pytest.raises(ConfigError, match="writes: off"):
        send(world, ONE)
    assert crm.calls == []


def test_a_plan_sends_nothing_and_applying_it_sends_what_it_said(world: World, crm: Crm):
    world.first("erp.suppliers", ONE, TWO)
    before = world.dump()
    plan = world.plan("to-crm")
    assert (world.dump(), crm.calls) == (before, [])
    world.apply(plan)
    assert crm.named() == {"1": "ACME", "2": "Best"}


def test_a_golden_record_that_changed_after_the_plan_is_not_sent_in_its_old_state(world: World, crm: Crm):
    world.first("erp.suppliers", ONE, TWO)
    plan = world.plan("to-crm")
    world.first("erp.suppliers", ONE | {"name": "Acme"}, TWO)
    assert some(world.apply(plan), "applied", "refused") == {"applied": 1, "refused": 1}
    assert crm.named() == {"2": "Best"}
    send(world)
    assert crm.named() == {"1": "Acme", "2": "Best"}


def test_a_planned_change_of_what_was_sent_since_is_refused(world: World, crm: Crm):
    send(world, ONE)
    world.first("erp.suppliers", ONE | {"name": "Older"})
    plan = world.plan("to-crm")
    send(world, ONE | {"name": "Newer"})
    assert some(world.apply(plan), "applied", "refused") == {"applied": 0, "refused": 1}
    assert crm.named() == {"1": "Newer"}


def test_a_whole_target_is_written_only_when_something_changed(world: World):
    crm = target(world, Crm(replaces=True))
    send(world, ONE, TWO)
    assert (crm.replaced, crm.named()) == (1, {"1": "ACME", "2": "Best"})
    send(world)
    assert crm.replaced == 1
    send(world, ONE | {"name": "Acme"}, TWO)
    assert (crm.replaced, crm.named()) == (2, {"1": "Acme", "2": "Best"})
    send(world, ONE | {"name": "Acme"})
    assert (crm.replaced, crm.named()) == (3, {"1": "Acme"})
    send(world)
    assert crm.replaced == 3
