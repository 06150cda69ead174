"""What a target holds and its mapping sends no longer: kept, disabled or deleted, and welcome back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import update

from hub.errors import Held
from hub.exchange.contents import contents
from hub.store.database import now
from hub.store.reports import find_plan
from hub.store.target_tables import departure
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_outbound import send, target
from tests.unit.exchange.test_reconcile import found, look
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = [pytest.mark.by_turns, pytest.mark.long]

TO_CRM = """
    mapping: to-crm
    from: supplier
    into: crm.accounts
    key: code
    where: city = 'Bonn'
    fields: {code: code, name: name, active: "true"}
    disable: {active: false}
"""
ONE, TWO = ({"id": key, "name": f"N{key}", "city": "Bonn"} for key in "12")
GONE = TWO | {"city": "Ulm"}
MANY = [{"id": f"{number:03}", "name": f"N{number}", "city": "Bonn"} for number in range(20)]


@pytest.fixture
def crm(world: World) -> Crm:
    made = target(world, Crm())
    world.mapping(SUPPLIERS, absent="disable", guard="off")
    world.mapping(TO_CRM, out_of_scope="disable")
    return made


def states(crm: Crm) -> dict[str, Any]:
    """Code → whether it is in use."""
    return {row["code"]: row["active"] for row in crm.rows.values()}


def aged(world: World, days: int) -> None:
    """What left did so some days ago."""
    with world.opened() as opened, opened.hub.database.begin() as connection:
        connection.execute(update(departure).values(since=now() - dt.timedelta(days=days)))


# ---------------------------------------------------------------- the three reactions


def test_what_leaves_the_scope_is_kept_where_nothing_is_said(world: World, crm: Crm):
    world.mapping(TO_CRM.replace("    disable: {active: false}\n", ""))
    send(world, ONE, TWO)
    assert some(send(world, ONE, GONE)) == {"read": 1, "out_of_scope": 1}
    assert states(crm) == {"1": True, "2": True}


def test_what_leaves_the_scope_is_deleted_where_the_mapping_says_so(world: World, crm: Crm):
    world.mapping(TO_CRM, out_of_scope="delete")
    send(world, ONE, TWO)
    assert some(send(world, ONE, GONE)) == {"read": 1, "applied": 1, "deleted": 1}
    assert some(send(world, mode="full")) == {"read": 2, "unchanged": 1, "out_of_scope": 1}
    assert some(send(world, ONE, TWO)) == {"read": 1, "applied": 1, "created": 1}
    assert states(crm) == {"1": True, "2": True}


def test_what_leaves_the_scope_is_disabled_once_and_enabled_when_it_is_back(world: World, crm: Crm):
    send(world, ONE, TWO)
    assert some(send(world, ONE, GONE | {"name": "Other"})) == {"read": 1, "applied": 1, "disabled": 1}
    assert crm.rows["C2"] == {"code": "2", "name": "N2", "active": False}  # the rest stays as it was
    calls = len(crm.calls)
    assert some(send(world, mode="full")) == {"read": 2, "unchanged": 1, "out_of_scope": 1}
    assert len(crm.calls) == calls
    assert some(send(world, ONE, TWO)) == {"read": 1, "applied": 1, "updated": 1}
    assert crm.rows["C2"] == {"code": "2", "name": "N2", "active": True}
    assert some(send(world, mode="full")) == {"read": 2, "unchanged": 2}


def test_an_entity_that_is_gone_follows_absent_and_not_out_of_scope(world: World, crm: Crm):
    world.mapping(TO_CRM, out_of_scope="delete", absent="disable")
    send(world, ONE, TWO)
    assert some(send(world, ONE)) == {"read": 1, "applied": 1, "disabled": 1}
    assert states(crm) == {"1": True, "2": False}
    assert some(send(world, ONE, TWO)) == {"read": 1, "applied": 1, "updated": 1}
    assert states(crm) == {"1": True, "2": True}


def test_an_output_that_cannot_be_made_does_not_leave(world: World, crm: Crm):
    world.mapping(TO_CRM, out_of_scope="delete", where="CAST(city AS INTEGER) > 0")
    send(world, ONE | {"city": "1"}, TWO | {"city": "1"})
    assert some(send(world, ONE | {"city": "0"}, TWO | {"city": "x"}), "deleted", "quarantined") == {
        "deleted": 1,
        "quarantined": 1,
    }
    assert set(states(crm)) == {"2"}


def test_another_way_to_disable_is_sent_to_what_is_disabled_already(world: World, crm: Crm):
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    world.mapping(TO_CRM, out_of_scope="disable", disable="{active: null}")
    assert some(send(world)) == {"read": 2, "applied": 1, "disabled": 1, "unchanged": 1}
    assert states(crm) == {"1": True, "2": None}


# ---------------------------------------------------------------- grace


def test_a_grace_is_waited_for_though_nothing_changes(world: World, crm: Crm):
    world.mapping(TO_CRM, out_of_scope="{reaction: delete, grace: 7d}")
    send(world, ONE, TWO)
    assert some(send(world, ONE, GONE)) == {"read": 1, "out_of_scope": 1}
    aged(world, 6)
    assert some(send(world)) == {}
    aged(world, 8)
    assert some(send(world)) == {"read": 1, "applied": 1, "deleted": 1}
    assert states(crm) == {"1": True}
    assert some(send(world)) == {}
    assert world.one("SELECT count(*) FROM departure") == 0


def test_who_is_back_within_the_grace_never_left(world: World, crm: Crm):
    world.mapping(TO_CRM, out_of_scope="{reaction: disable, grace: 7d}")
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    assert world.one("SELECT count(*) FROM departure") == 1
    assert some(send(world, ONE, TWO)) == {"read": 1, "unchanged": 1}
    assert world.one("SELECT count(*) FROM departure") == 0
    send(world, ONE, GONE)  # counted anew
    assert some(send(world, mode="full"), "disabled") == {"disabled": 0}


def test_reactions_follow_each_other(world: World, crm: Crm):
    world.mapping(TO_CRM, absent="[{reaction: disable}, {reaction: delete, grace: 30d}]")
    send(world, ONE, TWO)
    assert some(send(world, ONE), "disabled", "deleted") == {"disabled": 1, "deleted": 0}
    aged(world, 29)
    assert some(send(world)) == {}
    aged(world, 31)
    assert some(send(world)) == {"read": 1, "applied": 1, "deleted": 1}
    assert states(crm) == {"1": True}


def test_the_grace_of_absence_begins_with_it(world: World, crm: Crm):
    world.mapping(
        TO_CRM, out_of_scope="{reaction: disable, grace: 1d}", absent="{reaction: delete, grace: 1d}"
    )
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    aged(world, 2)
    send(world, ONE)
    assert (states(crm), world.rows("SELECT kind FROM departure")) == ({"1": True, "2": True}, [("absent",)])


# ---------------------------------------------------------------- guard, plan, refusal


@pytest.mark.parametrize(("reaction", "limit"), [("disable", "disable"), ("delete", "delete")])
def test_a_wave_is_held_and_passes_with_an_approval(world: World, crm: Crm, reaction: str, limit: str):
    world.mapping(TO_CRM, out_of_scope=reaction, guard=f"{{{limit}: 5}}")
    send(world, *MANY)
    calls = len(crm.calls)
    with pytest.raises(Held, match=f"20 records to {limit}"):
        send(world, *(one | {"city": "Ulm"} for one in MANY))
    assert len(crm.calls) == calls


def test_a_wave_is_held_where_nothing_is_written(world: World, crm: Crm):
    many = [one | {"id": f"{number:03}"} for number, one in enumerate(MANY * 6)]
    send(world, *many)
    with pytest.raises(Held, match="120 records to disable"):
        send(world, *(one | {"city": "Ulm"} for one in many))


def test_a_plan_disables_what_it_says_and_refuses_what_came_back(world: World, crm: Crm):
    send(world, ONE, TWO)
    world.first("erp.suppliers", ONE | {"city": "Ulm"}, GONE)
    before, calls = world.dump(), len(crm.calls)
    plan = world.plan("to-crm")
    assert (world.dump(), len(crm.calls)) == (before, calls)
    world.first("erp.suppliers", ONE | {"city": "Ulm"}, TWO)
    assert some(world.apply(plan), "applied", "refused") == {"applied": 1, "refused": 1}
    assert states(crm) == {"1": False, "2": True}
    assert some(send(world), "read", "unchanged") == {"read": 2, "unchanged": 1}


def test_a_due_reaction_is_refused_for_what_changed_since_the_plan(world: World, crm: Crm):
    world.mapping(TO_CRM, out_of_scope="{reaction: delete, grace: 1d}")
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    aged(world, 2)
    plan = world.plan("to-crm")
    world.first("erp.suppliers", ONE, TWO)
    assert some(world.apply(plan), "applied", "refused") == {"applied": 0, "refused": 1}
    send(world)
    assert (states(crm), world.one("SELECT count(*) FROM departure")) == ({"1": True, "2": True}, 0)


def test_a_plan_shows_what_is_disabled_and_what_is_enabled(world: World, crm: Crm):
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    world.first("erp.suppliers", ONE | {"city": "Ulm"}, TWO)
    plan = world.plan("to-crm")
    with world.opened() as opened:
        (part,) = contents(opened.hub, find_plan(opened.hub.database, str(plan))).parts
    shown = {one.operation: (one.key, [field.field for field in one.fields]) for one in part.changes}
    assert shown == {"enable": ("2", ["code", "name", "active"]), "disable": ("1", ["active"])}


# ---------------------------------------------------------------- people, doubt, whole files


@pytest.mark.parametrize("versioned", [True, False], ids=["with-versions", "without"])
def test_what_a_person_did_elsewhere_is_no_reason_not_to_disable(world: World, versioned: bool):
    crm = target(world, Crm(versioned=versioned))
    world.mapping(SUPPLIERS, absent="disable")
    world.mapping(TO_CRM, out_of_scope="disable")
    send(world, ONE, TWO)
    crm.rows["C2"]["name"], crm.versions["C2"] = "by hand", 7
    assert some(send(world, ONE, GONE), "disabled", "applied") == {"disabled": 1, "applied": 1}
    assert (crm.rows["C2"]["name"], crm.rows["C2"]["active"]) == ("by hand", False)
    result = send(world, ONE, TWO)  # what a person changed meanwhile is not overwritten by enabling
    assert some(result, "updated", "in_review") == {"updated": 1, "in_review": 1}
    assert crm.rows["C2"]["name"] == "by hand"


@pytest.mark.parametrize(("policy", "left"), [("review", "maybe"), ("keep", "maybe"), ("overwrite", False)])
def test_a_field_that_disabling_sets_and_a_person_changed_follows_the_policy(
    world: World, crm: Crm, policy: str, left: Any
):
    world.mapping(TO_CRM, out_of_scope="disable", changed_by_hand=policy)
    send(world, ONE, TWO)
    crm.rows["C2"]["active"], crm.versions["C2"] = "maybe", 7
    result = send(world, ONE, GONE)
    assert (crm.rows["C2"]["active"], result.counts.get("in_review", 0)) == (left, int(policy == "review"))
    send(world, mode="full")
    assert crm.rows["C2"]["active"] == left


def test_what_is_not_there_any_more_needs_no_disabling(world: World, crm: Crm):
    send(world, ONE, TWO)
    del crm.rows["C2"]
    assert some(send(world, ONE, GONE), "applied", "in_review") == {"applied": 1, "in_review": 0}
    assert some(send(world, ONE, TWO), "created") == {"created": 1}
    assert states(crm) == {"1": True, "2": True}


@pytest.mark.parametrize("answer", ["lost", "lost-before", "retry"])
def test_doubt_about_disabling_is_settled(world: World, crm: Crm, answer: str):
    send(world, ONE, TWO)
    crm.answers["2"] = [answer]
    assert some(send(world, ONE, GONE), "disabled", "applied") == {"disabled": 1, "applied": 1}
    assert states(crm) == {"1": True, "2": False}


def test_a_rejected_disabling_is_listed_and_tried_again(world: World, crm: Crm):
    world.mapping(TO_CRM, out_of_scope="{reaction: disable, grace: 1d}")
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    aged(world, 2)
    crm.answers["2"] = ["rejected"]
    assert some(send(world), "applied", "quarantined") == {"applied": 0, "quarantined": 1}
    assert some(send(world), "disabled", "applied") == {"disabled": 1, "applied": 1}
    assert (states(crm), world.held("to-crm")) == ({"1": True, "2": False}, [])


def test_a_whole_file_holds_what_is_in_scope(world: World):
    crm = target(world, Crm(replaces=True))
    world.mapping(TO_CRM.replace("    disable: {active: false}\n", ""))
    send(world, ONE, TWO)
    assert some(send(world, ONE, GONE), "deleted", "applied") == {"deleted": 1, "applied": 1}
    assert states(crm) == {"1": True}


# ---------------------------------------------------------------- reconcile, audit, log


def test_reconcile_disables_again_what_a_person_enabled(world: World, crm: Crm):
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    assert look(world).clean
    crm.rows["C2"] |= {"active": True, "name": "by hand"}
    told = look(world)
    assert (found(told), told.heals) == (
        {"different": 1},
        {"create": 0, "update": 0, "disable": 1, "delete": 0},
    )
    assert told.plan is not None
    assert some(world.apply(told.plan), "disabled", "applied") == {"disabled": 1, "applied": 1}
    assert (crm.rows["C2"]["active"], crm.rows["C2"]["name"]) == (False, "by hand")
    assert look(world).clean
    assert some(send(world, ONE, TWO), "updated") == {"updated": 1}


def test_reconcile_does_not_miss_what_is_disabled(world: World, crm: Crm):
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    del crm.rows["C2"]
    assert (found(look(world)), look(world).plan) == ({}, None)


def test_only_the_fields_that_disabling_changes_are_counted_when_it_is_back(world: World, crm: Crm):
    world.mapping(TO_CRM, out_of_scope="disable", guard="{fields: {name: 0}}")
    send(world, ONE, TWO)
    send(world, ONE, GONE)
    assert some(send(world, ONE, TWO), "updated") == {"updated": 1}
    send(world, ONE, GONE)
    with pytest.raises(Held, match="change in name"):
        send(world, ONE, TWO | {"name": "Other"})


def test_writes_log_disables_nothing_and_stays_ready(world: World, crm: Crm):
    send(world, ONE, TWO)
    text = (world.folder / "config/systems/crm.yaml").read_text("utf-8")
    world.write("config/systems/crm.yaml", text + "writes: log\n")
    assert some(send(world, ONE, GONE), "held", "applied") == {"held": 1, "applied": 0}
    world.write("config/systems/crm.yaml", text)
    assert some(send(world), "disabled", "applied") == {"disabled": 1, "applied": 1}
    assert states(crm) == {"1": True, "2": False}
