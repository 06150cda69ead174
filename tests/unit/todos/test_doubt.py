"""Decisions whose answer was lost: what waits for them, and how long it takes until they are sent again."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from hub.exchange.uniting.merger import merge_entities
from hub.exchange.uniting.unmerging import unmerge_entities
from hub.store import acts
from hub.store.acts import Act
from hub.store.database import now
from hub.todos import substitutes
from hub.todos.deciding import LOOKS, undone_since
from hub.todos.people import Healing, person
from hub.todos.settling import Settling
from tests.unit.todos.test_acts import Center, center, opened

__all__ = ["center", "opened"]

NO_ANSWER = "refused,method=POST,path=/response"


def doubtful(center: Center, todo: str, person: str = "1", **more: Any) -> Any:
    """A decision whose call never came to the source, which nobody can know."""
    center.simulator.faults.set(NO_ANSWER)
    act = center.press(todo, person, **more)
    center.simulator.faults.clear()
    assert (act["state"], center.response(todo)) == ("submitting", (None, 0))
    return act


def arrives(center: Center, todo: str, response: str) -> None:
    """The first call was under way for long."""
    center.simulator.change("tasks", {"urn": center.urn(todo), "status": "COMPLETED", "response": response})


def test_a_decision_in_doubt_holds_that_of_another_receiver(center: Center) -> None:
    todo = center.task("1", "2")
    first = doubtful(center, todo)
    second = center.press(todo, "2", response="reject", comment="no")
    assert (second["state"], second["error"]["code"]) == ("submitting", "act.held")
    assert (center.again(second).code, center.response(todo)) == ("act.held", (None, 0))
    assert center.inbox("2")[0]["act"]["error"]["code"] == "act.held"
    arrives(center, todo, "approve")
    assert center.again(first).state == "done"
    now = center.again(second)
    assert (now.state, now.code, center.response(todo)) == ("failed", "act.closed", ("approve", 0))


def test_what_is_held_has_its_turn_as_soon_as_the_doubt_is_over(center: Center) -> None:
    todo = center.task("1", "2")
    first = doubtful(center, todo)
    second = center.press(todo, "2", response="reject", comment="no")
    for _ in range(8):
        center.again(second)
    arrives(center, todo, "approve")
    center.again(first)
    duty = Settling(center.open_hub.hub, lambda _: None)
    duty.turn()
    found = acts.one(center.open_hub.hub.database, uuid.UUID(second["id"]))
    assert found is not None
    assert (found.state, found.code) == ("failed", "act.closed")


def test_a_decision_in_doubt_holds_that_of_the_substitute(center: Center) -> None:
    todo = center.task("2")
    hub = center.open_hub.hub
    until = hub.clock() + dt.timedelta(days=1)
    made = substitutes.add(hub, person(hub, "2"), person(hub, "1"), None, until, reason="away")
    doubtful(center, todo, "2")
    act = center.press(todo, "1", response="reject", comment="no")
    substitutes.end(hub, made.id)
    assert (act["error"]["code"], center.response(todo)) == ("act.held", (None, 0))
    arrives(center, todo, "approve")


def test_to_dos_of_one_record_are_one_decision(center: Center) -> None:
    """A source that tells each person's part as a to-do of its own."""
    urn = next(center.ready)
    one, other = (center.task(who, id=f"{urn}/{who}", process=urn) for who in ("1", "2"))
    center.simulator.faults.set(NO_ANSWER)
    first = center.press(one, "1")
    center.simulator.faults.clear()
    second = center.press(other, "2", response="reject", comment="no")
    assert [one["error"]["code"] for one in (first, second)] == ["http.cut", "act.held"]
    assert center.simulator.log.count("reject", "tasks", urn) == 0
    center.simulator.change("tasks", {"urn": urn, "status": "COMPLETED", "response": "approve"})
    assert (center.again(first).state, center.again(second).code) == ("done", "act.closed")


def test_what_a_person_began_is_his_survivors_after_a_merge(center: Center) -> None:
    hub = center.open_hub.hub
    todo = center.task("3")
    first = doubtful(center, todo, "3")
    one, other, number = person(hub, "1"), person(hub, "3"), uuid.UUID(todo)
    (merge,) = merge_entities(hub, "person", one, [other], "the same")
    Healing(hub).turn()
    assert center.inbox("1")[0]["act"]["id"] == first["id"], "he sees it as his"
    assert center.press(todo, "1", response="reject", comment="no")["code"] == "act.pending"
    assert center.press(todo, "1")["id"] == first["id"], "the same press begins no second one"
    arrives(center, todo, "approve")
    assert (center.again(first).state, center.response(todo)) == ("done", ("approve", 0))
    assert center.get(f"/{todo}")["receivers"][0]["box"] == "done"
    unmerge_entities(hub, str(merge), "they were two")
    assert acts.latest(hub.database, [number], one) == {}
    assert str(acts.latest(hub.database, [number], other)[number].id) == first["id"]


def test_who_only_reads_it_is_not_held(center: Center) -> None:
    assignees = [{"to": {"code": "1"}}, {"to": {"code": "2"}, "kind": "to_read"}]
    todo = center.task(assignees=assignees)
    doubtful(center, todo, "2")
    act = center.press(todo, "1", response="reject", comment="no")
    assert (act["state"], center.response(todo)) == ("done", ("reject", 1))


def test_an_action_holds_no_decision(center: Center) -> None:
    todo = center.task("1", "2", actions=[{"code": "RESERVE"}])
    center.simulator.faults.set(NO_ANSWER.replace("response", "action"))
    assert center.press(todo, response="RESERVE")["error"]["code"] == "http.cut"
    center.simulator.faults.clear()
    assert (center.press(todo, "2")["state"], center.response(todo)) == ("done", ("approve", 1))


def test_an_action_waits_for_no_decision(center: Center) -> None:
    todo = center.task("1", "2", actions=[{"code": "RESERVE"}])
    doubtful(center, todo)
    assert center.press(todo, "2", response="RESERVE")["state"] == "done"


def test_time_in_which_nobody_looked_is_not_quiet(center: Center) -> None:
    todo = center.task("1")
    act = doubtful(center, todo)
    assert center.again(act).code == "act.in_doubt"
    center.ahead += dt.timedelta(hours=1)  # no worker ran
    assert (center.again(act).code, center.response(todo)) == ("act.in_doubt", (None, 0))
    for _ in range(LOOKS - 1):
        center.ahead += dt.timedelta(seconds=15)
        assert (center.again(act).code, center.response(todo)) == ("act.in_doubt", (None, 0))
    center.ahead += dt.timedelta(seconds=15)
    assert (center.again(act).state, center.response(todo)) == ("done", ("approve", 1))


def test_a_system_that_was_away_is_asked_often_once_it_is_back(center: Center) -> None:
    todo = center.task("1")
    act = doubtful(center, todo)
    center.simulator.faults.set("unavailable,times=always")
    for _ in range(10):
        center.again(act)
    center.simulator.faults.clear()
    found = center.again(act)
    assert (found.code, (found.next_try - found.changed_at).total_seconds()) == ("act.in_doubt", 15)
    arrives(center, todo, "approve")


@pytest.mark.parametrize(
    ("since", "looked", "in_doubt", "covered"),
    [
        (None, 1, 120, False),
        (100, 15, 120, True),
        (100, 30, 120, True),
        (100, 31, 120, False),
        (100, 10, 8, True),  # a worker is not that punctual
        (100, 11, 8, False),
        (7200, 600, 3600, True),
        (7200, 7199, 3600, False),
        (-60, -60, 120, False),  # the clock went back
        (100, -1, 120, False),
    ],
)
def test_looks_that_follow_each_other_are_quiet_time(
    since: float | None, looked: float, in_doubt: float, covered: bool
) -> None:
    moment, one = now(), uuid.UUID(int=1)
    began = None if since is None else moment - dt.timedelta(seconds=since)
    last = moment - dt.timedelta(seconds=looked)
    act = Act(
        one, one, one, "", "", "", "", "", "", "", "", "submitting", "", "", (), True, False, 0, moment, moment, last,
        began,
    )
    assert undone_since(act, moment, in_doubt) == (began if covered else None)
