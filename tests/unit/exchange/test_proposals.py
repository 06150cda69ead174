"""What a person is given to decide with: the candidates of every record that goes to review."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.exchange.plan import load_plan
from hub.exchange.runfile import open_run
from hub.store import plans
from tests.unit.exchange.world import FIELDS, SUPPLIER, SUPPLIERS, World

pytestmark = pytest.mark.by_turns

ACME = {"id": "1", "name": "ACME", "tax": "T1", "city": "Bonn"}
CRM = """
    mapping: crm
    from: crm.accounts
    into: supplier
    match:
      - [name, city]
    fields:
      code: {value: id, strength: weak}
      name: {value: trim(name), strength: weak}
      tax: {value: tax, strength: weak}
      city: {value: city, strength: weak}
    unmatched: create
"""


def proposals(world: World, mapping: str) -> list[dict[str, Any]]:
    """The candidates that a stored plan carries."""
    plan = world.plan(mapping)
    with world.opened() as opened, open_run(world.folder / "look") as run:
        stored = plans.find(opened.hub.database, plan)
        assert stored is not None
        load_plan(opened.hub.keep, run, stored.digest)
        query = "SELECT key, CAST(entity AS VARCHAR) AS entity, other_key, rule, score, why FROM o0.proposal"
        return sorted(run.arrow(query).to_pylist(), key=str)


def test_every_entity_with_the_same_values_is_a_candidate(world: World):
    world.standard()
    world.files("crm", accounts=FIELDS)
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", ACME | {"tax": "T1"}, ACME | {"id": "2", "tax": "T2"})
    world.mapping(CRM)
    world.put("crm.accounts", {"id": "A", "name": "ACME", "city": "Bonn"})
    found = proposals(world, "crm")
    assert {one["entity"] for one in found} == {str(row["_id"]) for row in world.golden().values()}
    assert [(one["key"], one["other_key"], one["rule"], one["score"]) for one in found] == [
        ("A", None, "name + city", 1.0)
    ] * 2
    assert json.loads(found[0]["why"])["name"] == {"likeness": 1.0, "weight": 1.0, "by": "exact"}


def test_records_of_a_batch_that_are_the_same_propose_each_other(world: World):
    world.standard()
    world.put("erp.suppliers", ACME, ACME | {"id": "2"})
    found = proposals(world, "suppliers")
    assert [(one["key"], one["entity"], one["other_key"]) for one in found] == [
        ("1", None, "2"),
        ("2", None, "1"),
    ]


def test_who_holds_a_unique_value_is_a_candidate_and_the_value_is_not_told(world: World):
    world.standard()
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", ACME)
    world.put("erp.suppliers", ACME, {"id": "2", "name": "Best", "tax": "T1"})
    (found,) = proposals(world, "suppliers")
    holder = str(world.golden()["1"]["_id"])
    assert (found["key"], found["entity"], found["rule"]) == ("2", holder, "tax")
    assert "T1" not in found["why"]


def test_many_records_with_one_value_propose_a_few_each(world: World):
    world.standard()
    world.model(SUPPLIER)
    world.put("erp.suppliers", *(ACME | {"id": str(number)} for number in range(300)))
    found = proposals(world, "suppliers")
    assert len(found) == 300 * 20
    assert all(one["key"] != one["other_key"] for one in found)
