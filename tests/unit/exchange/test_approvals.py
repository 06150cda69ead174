"""What a guard held passes only with a signed approval of somebody else, for a time, for that very plan."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from hub.errors import AuthError, ConfigError, Fatal, Held, HubError
from hub.exchange.judging import approval
from hub.store import plans
from tests.unit.exchange.test_guard import many
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

HOUR = dt.timedelta(hours=1)


def held(world: World, count: int = 5, left: int = 1) -> uuid.UUID:
    """A run over its guard; answers the plan that waits."""
    world.mapping(SUPPLIERS, absent="delete", guard="{delete: 1}")
    world.first("erp.suppliers", *many(count))
    world.put("erp.suppliers", *many(left))
    with pytest.raises(Held) as caught:
        world.run()
    return uuid.UUID(caught.value.plan)


def approve(world: World, plan: uuid.UUID, who: str = "bea", lasts: dt.timedelta = HOUR) -> None:
    with world.opened(actor=who) as opened:
        row = plans.find(opened.hub.database, plan)
        assert row is not None
        approval.approve(opened.hub, row, "checked with HR", lasts)


def tamper(world: World, statement: str, **values: Any) -> None:
    with world.opened() as opened, opened.hub.database.begin() as connection:
        assert connection.execute(text(statement), values).rowcount == 1


def refused(world: World, act: Callable[[], Any], kind: type[HubError], code: str) -> None:
    """Nothing was written, and the error says why."""
    before = world.dump()
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.code == code
    assert world.dump() == before


def test_a_held_run_is_done_after_approval(world: World):
    plan = held(world)
    refused(world, lambda: world.apply(plan), Held, "plan.unapproved")
    approve(world, plan)
    result = world.apply(plan)
    assert some(result, "deleted", "unchanged") == {"deleted": 4, "unchanged": 1}
    assert [note for note in result.notes if "bea: checked with HR" in note]
    assert some(world.run()) == {"read": 1, "unchanged": 1}


def test_the_author_may_not_approve(world: World):
    plan = held(world)
    refused(world, lambda: approve(world, plan, who="Ann"), AuthError, "approval.author")


def test_one_person_alone_has_to_say_so(world: World):
    world.write("config/hub.yaml", "hub: test\napprovals: {four_eyes: off}")
    plan = held(world)
    approve(world, plan, who="ann")
    assert world.apply(plan).counts["deleted"] == 4


def test_an_approval_ends(world: World):
    plan = held(world)
    approve(world, plan, lasts=dt.timedelta(seconds=-1))
    refused(world, lambda: world.apply(plan), Held, "approval.expired")
    approve(world, plan)
    assert world.apply(plan).state == "done"


@pytest.mark.parametrize(
    "change",
    [
        "approver = 'cleo'",
        "reason = 'none'",
        "expires_at = '2099-01-01 00:00:00.000000'",
        "signature = 'ab:cd'",
        "breaches = '[]'",
        "digest = 'another'",
    ],
)
def test_a_changed_approval_is_no_approval(world: World, change: str):
    plan = held(world)
    approve(world, plan)
    tamper(world, f"UPDATE approval SET {change}")
    refused(world, lambda: world.apply(plan), AuthError, "approval.forged")


def test_an_approval_is_for_one_plan(world: World):
    first = held(world, left=1)
    approve(world, first)
    world.put("erp.suppliers", *many(2))
    with pytest.raises(Held) as caught:
        world.run()
    tamper(world, "UPDATE approval SET plan_id = (SELECT id FROM plan ORDER BY created_at DESC LIMIT 1)")
    refused(world, lambda: world.apply(uuid.UUID(caught.value.plan)), AuthError, "approval.forged")


def test_other_content_behind_the_plan_is_not_what_was_approved(world: World):
    first = held(world, left=1)
    approve(world, first)
    world.put("erp.suppliers", *many(2))
    with pytest.raises(Held):
        world.run()
    newest = "(SELECT digest FROM plan ORDER BY created_at DESC LIMIT 1)"
    tamper(world, f"UPDATE plan SET digest = {newest} WHERE created_at = (SELECT min(created_at) FROM plan)")
    refused(world, lambda: world.apply(first), AuthError, "approval.changed")


def test_breaches_taken_out_of_the_database_are_breaches_still(world: World):
    plan = held(world)
    tamper(world, """UPDATE plan SET verdict = '{"breaches": []}'""")
    refused(world, lambda: world.apply(plan), Held, "plan.unapproved")


def test_content_changed_in_the_run_store_is_refused(world: World):
    plan = held(world)
    approve(world, plan)
    for file in (world.folder / ".cophub/keep").glob("*/*"):
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(Fatal):
        world.apply(plan)
    assert world.one("SELECT count(*) FROM e_supplier WHERE _state = 0") == 5


def test_a_second_run_of_the_same_content_points_to_the_first_plan(world: World):
    plan = held(world)
    with pytest.raises(Held, match="since") as caught:
        world.run()
    assert (caught.value.plan, world.one("SELECT count(*) FROM plan")) == (str(plan), 1)
    approve(world, plan)
    with pytest.raises(Held) as caught:
        world.run()
    assert "it is approved" in caught.value.hint


def test_a_second_run_of_other_content_makes_another_plan(world: World):
    plan = held(world)
    world.put("erp.suppliers", *many(1, city="Bonn"))
    with pytest.raises(Held) as caught:
        world.run()
    assert caught.value.plan != str(plan)


def test_a_rejected_plan_is_closed(world: World):
    plan = held(world)
    approve(world, plan)
    with world.opened() as opened:
        row = plans.find(opened.hub.database, plan)
        assert row is not None
        approval.reject(opened.hub, row, "the export was cut")
    refused(world, lambda: world.apply(plan), ConfigError, "plan.closed")
    with pytest.raises(Held) as caught:
        world.run()
    assert caught.value.plan != str(plan)


def test_a_plan_expires(world: World):
    world.write("config/hub.yaml", "hub: test\nplans: {keep: 1ms}")
    world.put("erp.suppliers", *many(1))
    plan = world.plan()
    refused(world, lambda: world.apply(plan), ConfigError, "plan.expired")


def test_an_approval_says_why(world: World):
    plan = held(world)
    with world.opened(actor="bea") as opened:
        row = plans.find(opened.hub.database, plan)
        assert row is not None
        with pytest.raises(ConfigError, match="says why"):
            approval.approve(opened.hub, row, "  ", HOUR)


def test_what_no_guard_holds_needs_no_approval(world: World):
    world.put("erp.suppliers", *many(1))
    plan = world.plan()
    with pytest.raises(ConfigError) as caught:
        approve(world, plan)
    assert caught.value.code == "approval.needless"
