"""Targets that are away, lie, rewrite, or are written to by people."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import update

from hub.contract import Change, Outcome, Resource
from hub.exchange.delivering.alike import rewriting
from hub.store import circuits
from hub.store.database import now
from hub.store.target_tables import circuit
from tests.faults.matrix import row
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_outbound import ONE, TO_CRM, TWO, send, target
from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

MANY = [{"id": f"{number:03}", "name": f"Name {number}"} for number in range(40)]


@pytest.fixture(params=[True, False], ids=["with-versions", "without"])
def crm(world: World, request: pytest.FixtureRequest) -> Crm:
    return target(world, Crm(versioned=request.param))


def by_hand(crm: Crm, **values: Any) -> None:
    crm.rows["C1"] |= values
    crm.versions["C1"] += 1


# ---------------------------------------------------------------- changed by hand


@row(17, "a field, with policy review")
def test_a_field_changed_by_hand_waits_for_a_person(world: World, crm: Crm):
    send(world, ONE | {"city": "Bonn"}, TWO)
    by_hand(crm, name="by hand")
    result = send(world, ONE | {"city": "Ulm"}, TWO | {"name": "Better"})
    assert some(result) == {"read": 2, "applied": 1, "updated": 2, "in_review": 1}
    assert crm.named() == {"1": "by hand", "2": "Better"}
    (entry,) = world.held("to-crm")
    assert (entry["state"], entry["code"]) == ("in_review", "delivery.changed_by_hand")
    assert "name" in entry["message"]
    assert "by hand" not in entry["message"]
    assert any("wait for a person" in note for note in result.notes)


def test_a_field_that_no_mapping_fills_may_be_changed_by_anybody(world: World, crm: Crm):
    send(world, ONE)
    by_hand(crm, owner="me")
    assert some(send(world, ONE | {"name": "Acme"})) == {"read": 1, "applied": 1, "updated": 1}
    assert crm.rows["C1"] == {"code": "1", "name": "Acme", "city": None, "owner": "me"}


def test_a_person_who_was_faster_with_the_same_value_is_no_conflict(world: World, crm: Crm):
    send(world, ONE)
    by_hand(crm, name="Acme")
    assert some(send(world, ONE | {"name": "Acme"}), "applied", "in_review") == {"applied": 1, "in_review": 0}


@row(17, "a field, with policy keep")
def test_a_kept_field_stays_and_the_others_are_brought(world: World, crm: Crm):
    world.mapping(TO_CRM, changed_by_hand="keep")
    send(world, ONE | {"city": "Bonn"})
    by_hand(crm, name="by hand")
    result = send(world, ONE | {"city": "Ulm"})
    assert some(result) == {"read": 1, "applied": 1, "updated": 1}
    send(world, ONE | {"city": "Kiel", "name": "Acme"})
    assert crm.rows["C1"] == {"code": "1", "name": "by hand", "city": "Kiel"}
    assert any("left so" in note for note in result.notes)


def test_an_overwritten_field_is_told(world: World, crm: Crm):
    world.mapping(TO_CRM, changed_by_hand="overwrite")
    send(world, ONE)
    by_hand(crm, name="by hand")
    result = send(world, ONE | {"city": "Ulm"})
    assert crm.rows["C1"] == {"code": "1", "name": "ACME", "city": "Ulm"}
    assert any("overwritten" in note for note in result.notes) == crm.versioned  # without: nobody could know


@row(17, "a record, deleted, each policy")
@pytest.mark.parametrize(("policy", "left"), [("review", {}), ("keep", {}), ("overwrite", {"1": "Acme"})])
def test_a_record_deleted_by_hand_follows_the_policy(
    world: World, crm: Crm, policy: str, left: dict[str, str]
):
    world.mapping(TO_CRM, changed_by_hand=policy)
    send(world, ONE)
    del crm.rows["C1"]
    send(world, ONE | {"name": "Acme"})
    assert crm.named() == left
    reasons = [entry["code"] for entry in world.held("to-crm")]
    assert reasons == (["delivery.deleted_by_hand"] if policy == "review" else [])


def test_a_deletion_of_what_a_person_changed_waits_too(world: World, crm: Crm):
    send(world, ONE, TWO)
    by_hand(crm, name="by hand")
    assert some(send(world, TWO), "applied", "in_review") == {"applied": 0, "in_review": 1}
    assert set(crm.named()) == {"1", "2"}


# ---------------------------------------------------------------- read-back


@row(16, "read-back")
def test_a_target_that_acknowledges_and_does_not_write_is_found(world: World, crm: Crm):
    world.mapping(TO_CRM, read_back="{share: 0%, first: 1}")
    crm.lies = {"000", "007", "031"}
    result = send(world, *MANY)
    assert some(result) == {"read": 40, "applied": 37, "created": 40, "quarantined": 3}
    assert {entry["code"] for entry in world.held("to-crm")} == {"delivery.not_kept"}
    assert any("acknowledged 3 records" in note for note in result.notes)
    crm.lies = set()
    assert some(send(world, mode="full"), "read", "applied") == {"read": 40, "applied": 3}
    assert (len(crm.named()), world.held("to-crm")) == (40, [])


def test_a_lie_beyond_the_sample_is_left_to_reconcile(world: World, crm: Crm):
    world.mapping(TO_CRM, read_back="{share: 0%, first: 5}")
    crm.lies = {"031"}
    assert some(send(world, *MANY), "applied") == {"applied": 40}


def test_a_target_that_rewrites_raises_no_alarm_and_is_told_once(world: World, crm: Crm):
    crm.rewrites = lambda row: row | {"name": str(row["name"]).strip().upper()}
    result = send(world, ONE | {"name": "Acme"})
    assert [note for note in result.notes if "rewrites" in note] == [
        "crm.accounts rewrites name (upper): tolerated"
    ]
    again = send(world, ONE | {"name": "Acme Ltd"})
    assert some(again) == {"read": 1, "applied": 1, "updated": 1}
    assert not [note for note in again.notes if "rewrites" in note]


def test_where_nothing_may_be_rewritten_it_is_an_alarm(world: World, crm: Crm):
    world.mapping(TO_CRM, compare="{name: exact}")
    crm.rewrites = lambda row: row | {"name": str(row["name"]).upper()}
    assert some(send(world, ONE | {"name": "Acme"}), "applied", "quarantined") == {
        "applied": 0,
        "quarantined": 1,
    }


@pytest.mark.parametrize(
    ("sent", "held", "kind"),
    [
        ("007", "7", None),
        ("007", 7, ""),
        ("Acme Limited", "Acme Limi", None),
        ("2026-01-01T08:00:00+08:00", "2026-01-01T00:00:00Z", ""),
        ("2026-01-01T08:00:00", "2026-01-01", "dated"),
        (" a  b ", "A B", "spaced upper"),
        ("1.005", 1.01, "rounded:2"),
        ("1.005", 1.02, None),
        (100, 110, None),
        (["a"], ["a"], ""),
        (None, "x", None),
        ("x", None, None),
        (True, "0", None),
    ],
)
def test_what_counts_as_the_same(sent: Any, held: Any, kind: str | None):
    assert rewriting(sent, held) == kind


# ---------------------------------------------------------------- circuit, budget, threads


@pytest.fixture
def impatient(world: World) -> Crm:
    """Two failures open the circuit."""
    made = target(world, Crm(batch=5), delivery="{failures: 2, pause: 10m, attempts: 9, retry_for: 20s}")
    world.mapping(TO_CRM, read_back="off")
    return made


def rested(world: World) -> None:
    """The circuit's pause is over."""
    with world.opened() as opened, opened.hub.database.begin() as connection:
        connection.execute(update(circuit).values(next_try=now() - dt.timedelta(seconds=1)))


@row(41, "the circuit opens")
def test_a_target_that_is_away_opens_its_circuit_and_the_rest_waits_at_once(world: World, impatient: Crm):
    impatient.away = 1000
    result = send(world, *MANY)
    assert some(result) == {"read": 40, "created": 40, "waiting": 40}
    assert impatient.calls == [("away", "5"), ("away", "5")]
    assert {entry["code"] for entry in world.held("to-crm")} == {"crm.away", "circuit.open"}
    assert world.rows("SELECT count(*) FROM watermark WHERE exchange = 'to-crm'") == [(0,)]
    assert some(send(world), "waiting") == {"waiting": 40}  # another run, another process: nothing is tried
    assert len(impatient.calls) == 2


@row(41, "the circuit closes")
def test_one_row_tries_whether_the_target_is_back(world: World, impatient: Crm):
    impatient.away = 3
    send(world, *MANY)
    rested(world)
    assert some(send(world), "waiting") == {"waiting": 40}
    assert impatient.writes()[2:] == [("away", "1")]
    rested(world)
    assert some(send(world), "applied", "waiting") == {"applied": 40, "waiting": 0}
    assert len(impatient.named()) == 40
    assert world.held("to-crm") == []
    assert world.rows("SELECT count(*) FROM circuit") == [(0,)]


def test_only_one_of_many_may_probe(world: World, impatient: Crm):
    impatient.away = 2
    send(world, *MANY)
    rested(world)
    with world.opened() as opened:
        found = [circuits.admit(opened.hub.database, "crm") for _ in range(4)]
    assert found == ["half_open", "open", "open", "open"]


def test_a_wait_longer_than_the_budget_is_not_waited(world: World, impatient: Crm):
    world.fill()
    with world.opened() as opened:
        circuits.StoredPauses(opened.hub.database).pause("crm", time.time() + 60)
    start = time.monotonic()
    assert some(send(world, *MANY), "waiting") == {"waiting": 40}
    assert (time.monotonic() - start < 20, impatient.calls) == (True, [])


def test_batches_go_out_together_and_every_key_once(world: World):
    crm = target(world, Crm(batch=4, latency=0.05), delivery="{threads: 4}")
    send(world, *MANY)
    assert len(crm.threads) > 1
    assert sorted(crm.named()) == [one["id"] for one in MANY]
    assert len(crm.writes()) == 40


class Short(Crm):
    """Gives one answer too few, once: nobody knows which."""

    told = False

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        outcomes = super().deliver(resource, changes)
        self.told, told = True, self.told
        return outcomes if told else outcomes[1:]


@row(15, "fewer answers than rows")
def test_fewer_answers_than_rows_make_nothing_twice(world: World):
    crm = target(world, Short())
    assert some(send(world, ONE, TWO)) == {"read": 2, "applied": 2, "created": 2}
    assert crm.named() == {"1": "ACME", "2": "Best"}
    assert [call for call in crm.calls if call[0] == "create"] == [("create", "1"), ("create", "2")]
