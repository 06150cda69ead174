"""Records on doubt are reviews with their candidates; what a person decides stands for good."""

from __future__ import annotations

import pytest

from hub.errors import ConfigError
from hub.exchange.decisions.deciding import decide, merge_candidates
from hub.exchange.pipeline import Result
from hub.exchange.reconciling.comparison import compare
from hub.store.journal import leases
from hub.store.meant import find_review
from tests.unit.exchange.test_matching import ACME, crm
from tests.unit.exchange.world import SUPPLIER, SUPPLIERS, World, reconciled, some

pytestmark = pytest.mark.by_turns

__all__ = ["crm"]
TWIN = {"name": "ACME", "city": "Bonn"}


def doubtful(world: World) -> None:
    """Record A of the CRM fits two suppliers."""
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", {"id": "1", **TWIN}, {"id": "2", **TWIN})
    world.first("crm.accounts", {"id": "A", **TWIN}, mapping="crm-suppliers")


def opened(world: World) -> list[tuple[object, ...]]:
    return world.rows("SELECT key, code, model FROM review WHERE state = 'open' ORDER BY key")


def test_a_record_on_doubt_opens_one_review_with_its_candidates(world: World):
    doubtful(world)
    assert opened(world) == [("A", "match.ambiguous", "supplier")]
    codes = world.rows("""SELECT e.code FROM review_candidate c JOIN review r ON r.id = c.review
        JOIN e_supplier e ON e._id = c.entity ORDER BY e.code""")
    assert codes == [("1",), ("2",)]


def test_a_review_stays_while_nothing_changes(world: World):
    doubtful(world)
    before = world.rows("SELECT id, opened_at FROM review")
    world.run("crm-suppliers")
    assert world.rows("SELECT id, opened_at FROM review") == before


def test_a_review_closes_by_itself_when_its_record_resolves(world: World):
    doubtful(world)
    world.first("erp.suppliers", {"id": "1", **TWIN}, {"id": "2", **TWIN, "city": "Ulm"})
    world.run("crm-suppliers")
    assert opened(world) == []
    assert world.one("SELECT state FROM review") == "superseded"


def test_records_of_one_batch_propose_each_other(world: World):
    world.first("erp.suppliers", ACME, ACME | {"id": "2", "name": "Acme"})
    pairs = world.rows("""SELECT r.key, c.other_key FROM review r JOIN review_candidate c ON c.review = r.id
        ORDER BY r.key""")
    assert pairs == [("1", "2"), ("2", "1")]


def test_a_plan_opens_its_reviews_when_it_is_applied(world: World):
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", {"id": "1", **TWIN}, {"id": "2", **TWIN})
    world.put("crm.accounts", {"id": "A", **TWIN})
    plan = world.plan("crm-suppliers")
    assert opened(world) == []
    world.apply(plan)
    assert opened(world) == [("A", "match.ambiguous", "supplier")]
    assert world.one("SELECT count(*) FROM review_candidate") == 2


def review_of(world: World, key: str = "A") -> str:
    return str(world.one("SELECT max(CAST(id AS VARCHAR(40))) FROM review WHERE key = :k AND state = 'open'", k=key))


def say(world: World, kind: str, entity: str | None = None, key: str = "A") -> Result:
    with world.opened() as opened:
        done = decide(opened.hub, review_of(world, key), kind, entity, "I asked them")
    assert done.result is not None, done.note
    return reconciled(done.result)


def stands_for(world: World, key: str = "A") -> str:
    return str(
        world.one("SELECT e.code FROM shadow s JOIN e_supplier e ON e._id = s.entity WHERE s.key = :k", k=key)
    )


def test_a_link_that_a_person_decides_is_made_at_once(world: World):
    doubtful(world)
    result = say(world, "link", "2")
    assert some(result, "linked", "created", "in_review") == {"linked": 1, "created": 0, "in_review": 0}
    assert stands_for(world) == "2"
    assert (world.held("crm-suppliers"), opened(world)) == ([], [])
    assert some(world.run("crm-suppliers")) == {"read": 1, "unchanged": 1}


def test_a_decision_is_followed_by_the_next_run_where_the_model_is_busy(world: World):
    doubtful(world)
    with world.opened() as hub, leases(hub.hub.database, ["model:supplier"]):
        done = decide(hub.hub, review_of(world), "link", "2", "I asked them")
    assert (done.result, "being written" in done.note) == (None, True)
    assert some(world.run("crm-suppliers", "incremental"), "linked") == {"linked": 1}
    assert stands_for(world) == "2"


def test_a_decision_says_who_and_why(world: World):
    doubtful(world)
    say(world, "link", "2")
    ((decision, reason, who),) = world.rows("SELECT decision, reason, decided_by FROM review")
    assert (decision, reason) == ("link", "I asked them")
    assert who == world.one("SELECT decided_by FROM decision")
    assert world.one("SELECT count(*) FROM audit WHERE action = 'review.decided'") == 1


def test_a_record_decided_to_be_new_is_created_whatever_is_alike(world: World):
    doubtful(world)
    assert some(say(world, "create"), "created", "in_review") == {"created": 1, "in_review": 0}
    assert set(world.golden()) == {"1", "2", "A"}


def test_a_new_entity_may_be_decided_where_the_mapping_creates_none(world: World):
    world.mapping(SUPPLIERS, match="[]", unmatched="review")
    world.first("erp.suppliers", {"id": "1", **TWIN})
    assert opened(world) == [("1", "match.none", "supplier")]
    assert some(say(world, "create", key="1"), "created") == {"created": 1}


def test_a_rejected_candidate_is_never_proposed_again(world: World):
    doubtful(world)
    assert some(say(world, "reject", "1"), "linked") == {"linked": 1}
    assert stands_for(world) == "2"


def test_a_record_whose_candidates_are_all_rejected_is_unmatched(world: World):
    doubtful(world)
    assert some(say(world, "reject"), "created") == {"created": 1}
    world.first("crm.accounts", {"id": "A", **TWIN, "tax": "T7"}, mapping="crm-suppliers")
    assert opened(world) == []


def test_a_second_record_of_a_source_may_be_the_same_entity(world: World):
    world.first("erp.suppliers", ACME)
    world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm-suppliers")
    world.first("crm.accounts", ACME | {"id": "A"}, ACME | {"id": "B", "city": "Ulm"}, mapping="crm-suppliers")
    assert some(say(world, "link", "1", key="B"), "in_review", "created") == {"in_review": 0, "created": 0}
    living = world.rows("SELECT city FROM e_supplier WHERE _state = 0")
    assert (living, opened(world)) == ([("Bonn",)], [])
    changed = (ACME | {"id": "A", "city": "Kiel"}, ACME | {"id": "B"})
    result = world.first("crm.accounts", *changed, mapping="crm-suppliers")
    assert some(result, "in_review", "created") == {"in_review": 0, "created": 0}


def test_candidates_may_be_one(world: World):
    doubtful(world)
    with world.opened() as opened_:
        done = merge_candidates(opened_.hub, review_of(world), "1", "the same twice")
    assert done.result is not None
    assert some(reconciled(done.result), "linked") == {"linked": 1}
    assert (stands_for(world), world.one("SELECT count(*) FROM e_supplier WHERE _state = 0")) == ("1", 1)


def test_what_is_decided_is_decided_once(world: World):
    doubtful(world)
    identity = review_of(world)
    say(world, "link", "2")
    with world.opened() as hub, pytest.raises(ConfigError, match=r"review\.closed"):
        decide(hub.hub, identity, "create", None, "no")


def test_a_new_entity_cannot_share_a_unique_value(world: World):
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", ACME, ACME | {"id": "2"})
    with world.opened() as hub, pytest.raises(ConfigError, match=r"review\.unique"):
        decide(hub.hub, review_of(world, "2"), "create", None, "no")


def test_a_record_is_shown_beside_its_candidates(world: World):
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", {"id": "1", **TWIN, "tax": "T1"}, {"id": "2", **TWIN})
    world.first("crm.accounts", {"id": "A", **TWIN, "tax": "T2"}, mapping="crm-suppliers")
    with world.opened() as hub:
        found = compare(hub.hub, find_review(hub.hub.database, review_of(world)))
    lines = {line.field: line for line in found.lines}
    assert sorted(side.called for side in found.sides) == ["1", "2"]
    assert (lines["name"].incoming, {cell.differs for cell in lines["name"].cells}) == ("ACME", {False})
    assert lines["tax"].incoming == "T2"
    assert {cell.value for cell in lines["tax"].cells if cell.differs} == {"T1", None}
    assert {cell.likeness for cell in lines["city"].cells} == {1.0}


def test_classified_values_are_not_shown_in_a_review(world: World):
    world.model(SUPPLIER.replace("city: {type: text}", "city: {type: text, level: L3}"))
    doubtful(world)
    with world.opened() as hub:
        found = compare(hub.hub, find_review(hub.hub.database, review_of(world)))
    (city,) = (line for line in found.lines if line.field == "city")
    assert {city.incoming, *(cell.value for cell in city.cells)} == {"***"}
