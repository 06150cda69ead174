"""What a guard stops: single fields, single units, waves of empty values; and what holds where nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import Held
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_guard import held, many
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

TO_CRM = """
    mapping: to-crm
    from: supplier
    into: crm.accounts
    key: code
    fields: {code: code, name: name, city: city}
    absent: delete
"""
PASS = """
    mapping: across
    from: erp.suppliers
    into: crm.accounts
    key: code
    fields: {code: id, name: name, city: city}
"""


@pytest.fixture
def crm(world: World) -> Crm:
    """A target, and an outbound mapping to it."""
    target = Crm()
    world.modules["crm"] = target.spec
    world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\nresources: {accounts: {}}")
    world.mapping(TO_CRM)
    return target


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize("limit", ["{tax: 2}", "{tax: {change: 2}}", "{tax: {change: 2%}}"])
def test_one_field_has_its_own_limit(world: World, limit: str):
    world.mapping(SUPPLIERS, guard=f"{{fields: {limit}}}")
    world.first("erp.suppliers", *many(120))
    world.first("erp.suppliers", *many(120, city="Bonn"))
    world.put("erp.suppliers", *[one | {"tax": f"T{one['id']}"} for one in many(120, city="Bonn")])
    assert "120 records to change in tax" in held(world)


def test_emptied_values_of_one_field_have_a_limit(world: World):
    world.mapping(SUPPLIERS, guard="{fields: {city: {null: 1}}}")
    world.first("erp.suppliers", *many(3, city="Bonn"))
    world.put("erp.suppliers", *many(3, city=None))
    assert "3 records to empty in city (100.0 % of 3), the guard allows 1" in held(world)


@pytest.mark.parametrize(("limit", "emptied"), [("10%", 13), ("2", 3)])
def test_a_null_wave_in_any_field_is_stopped(world: World, limit: str, emptied: int):
    world.mapping(SUPPLIERS, guard=f"{{nulls: {limit}}}")
    world.first("erp.suppliers", *many(120, city="Bonn"))
    world.put("erp.suppliers", *many(emptied), *many(120, city="Bonn")[emptied:])
    assert f"{emptied} records to empty in city" in held(world)


def test_a_share_of_empty_values_is_of_those_that_were_filled(world: World):
    world.mapping(SUPPLIERS, guard="{nulls: 60%}")
    records = [*many(120, city="Bonn"), *[one | {"id": f"x{one['id']}"} for one in many(300)]]
    world.first("erp.suppliers", *records)
    world.put("erp.suppliers", *[one | {"city": None} for one in records])
    assert "120 records to empty in city (100.0 % of 120)" in held(world)


def test_without_a_word_half_of_a_field_may_not_become_empty(world: World):
    world.first("erp.suppliers", *many(200, city="Bonn"))
    world.first("erp.suppliers", *many(99, city=None), *many(200, city="Bonn")[99:])
    world.put("erp.suppliers", *many(200, city=None))
    assert "101 records to empty in city" in held(world)


@pytest.mark.parametrize("guard", ["off", "{nulls: off}", "{fields: {city: {null: off}}}"])
def test_what_holds_without_a_word_is_switched_off_by_a_word(world: World, guard: str):
    world.mapping(SUPPLIERS, guard=guard)
    world.first("erp.suppliers", *many(150, city="Bonn"))
    assert world.first("erp.suppliers", *many(150, city=None)).counts["updated"] == 150


# ---------------------------------------------------------------- deletions without a word


def test_without_a_word_more_than_a_hundred_and_a_tenth_are_not_deleted(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", *many(400))
    world.put("erp.suppliers", *many(299))
    assert "101 records to delete (25.2 % of 400), the guard allows 100" in held(world)
    assert world.first("erp.suppliers", *many(300)).counts["deleted"] == 100


@pytest.mark.parametrize("guard", ["off", "{delete: off}", "{delete: 50%}"])
def test_a_written_limit_takes_the_place_of_the_safe_one(world: World, guard: str):
    world.mapping(SUPPLIERS, absent="delete", guard=guard)
    world.first("erp.suppliers", *many(250))
    assert world.first("erp.suppliers", *many(130)).counts["deleted"] == 120


def test_links_have_limits(world: World):
    world.mapping(SUPPLIERS, absent="unlink", guard="{unlink: 1}")
    world.first("erp.suppliers", *many(5))
    world.put("erp.suppliers", *many(3))
    assert "2 records to unlink" in held(world)


# ---------------------------------------------------------------- units


def test_one_unit_has_its_own_limit(world: World):
    world.mapping(SUPPLIERS, absent="delete", guard="{per: {city: {delete: 2, update: 20%}}}")
    bonn, ulm = many(30, city="Bonn"), [one | {"id": f"u{one['id']}"} for one in many(30, city="Ulm")]
    world.first("erp.suppliers", *bonn, *ulm)
    assert world.first("erp.suppliers", *bonn[2:], *ulm[2:]).counts["deleted"] == 4
    world.put("erp.suppliers", *bonn[2:], *ulm[5:])
    assert "3 records to delete in city Ulm" in held(world)
    world.put("erp.suppliers", *[one | {"name": "x"} for one in bonn[2:8]], *bonn[8:], *ulm[2:])
    assert "6 records to update in city Bonn (21.4 % of 28)" in held(world)


def test_who_leaves_a_unit_counts_for_it(world: World):
    world.mapping(SUPPLIERS, guard="{per: {city: {update: 1}}}")
    world.first("erp.suppliers", *many(5, city="Bonn"))
    world.put("erp.suppliers", *many(2, city="Ulm"), *many(5, city="Bonn")[2:])
    assert "2 records to update in city Bonn" in held(world)


def test_a_unit_is_found_through_a_reference(world: World):
    world.mapping(SUPPLIERS, guard="{per: {parent.city: {update: 1}, parent: {update: 1}}}")
    head = {"id": "h", "name": "Head", "city": "Bonn"}
    world.first("erp.suppliers", head)
    world.first("erp.suppliers", head, *many(3, parent="h"))
    world.put("erp.suppliers", head, *[one | {"name": "x"} for one in many(3, parent="h")])
    message = held(world)
    assert "3 records to update in parent.city Bonn" in message
    assert "3 records to update in parent h" in message


# ---------------------------------------------------------------- outbound and pass-through


def outbound(world: World, mapping: str = "to-crm") -> str:
    with pytest.raises(Held) as caught:
        world.run(mapping, "incremental")
    return caught.value.message


def test_a_target_is_guarded_by_field_unit_and_null_wave(world: World, crm: Crm):
    world.mapping(TO_CRM, guard="{fields: {city: 2}, nulls: 50%, per: {city: {update: 2}}}")
    world.first("erp.suppliers", *many(120, city="Bonn"))
    world.run("to-crm", "incremental")
    world.mapping(SUPPLIERS, guard="off")
    world.first("erp.suppliers", *many(120, city=None))
    calls = len(crm.calls)
    message = outbound(world)
    assert "120 records to change in city" in message
    assert "120 records to empty in city (100.0 % of 120), the guard allows 50%" in message
    assert len(crm.calls) == calls


def test_a_mapping_that_empties_a_field_of_the_target_is_stopped_without_a_word(world: World, crm: Crm):
    world.first("erp.suppliers", *many(120, city="Bonn"))
    world.run("to-crm", "incremental")
    world.mapping(TO_CRM.replace("city: city", "city: case when city = 'Bonn' then null else city end"))
    assert "120 records to empty in city" in outbound(world)
    assert {row["city"] for row in crm.rows.values()} == {"Bonn"}


def test_changes_of_other_fields_are_not_counted_for_one(world: World, crm: Crm):
    world.mapping(TO_CRM, guard="{fields: {city: 0}}")
    world.first("erp.suppliers", *many(5, city="Bonn"))
    world.run("to-crm", "incremental")
    world.first("erp.suppliers", *[one | {"name": "x"} for one in many(5, city="Bonn")])
    assert world.run("to-crm", "incremental").counts["updated"] == 5


def test_a_target_loses_no_more_than_a_hundred_and_a_tenth_without_a_word(world: World, crm: Crm):
    world.mapping(SUPPLIERS, absent="delete", guard="off")
    world.first("erp.suppliers", *many(250))
    world.run("to-crm", "incremental")
    world.first("erp.suppliers", *many(140))
    assert "110 records to delete (44.0 % of 250)" in outbound(world)
    assert len(crm.rows) == 250


def test_rows_that_a_file_would_lose_are_deletions(world: World, crm: Crm):
    crm.replaces = True
    world.mapping(SUPPLIERS, absent="delete", guard="off")
    world.first("erp.suppliers", *many(250))
    world.run("to-crm", "incremental")
    world.first("erp.suppliers", *many(140))
    assert "110 records to delete" in outbound(world)
    assert len(crm.rows) == 250


def test_a_pass_through_is_guarded_alike(world: World, crm: Crm):
    world.mapping(PASS, guard="{per: {city: {update: 100}}}")
    world.put("erp.suppliers", *many(120, city="Bonn"))
    world.run("across")
    world.put("erp.suppliers", *many(120, city=None))
    message = outbound(world, "across")
    assert "120 records to empty in city" in message
    assert "120 records to update in city (none)" in message


# ---------------------------------------------------------------- the whole plan


def test_a_plan_that_trips_on_its_last_records_has_written_nothing(world: World, crm: Crm):
    """10,000 records of which the guard trips on the 9,999th: not one byte of any table or target differs."""
    crm.batch = 1000
    world.modules["crm"] = crm.spec
    world.mapping(SUPPLIERS, absent="delete", guard="{update: 9998}")
    world.mapping(TO_CRM, guard="{update: 9998}")
    records = many(10_000, city=None)
    world.first("erp.suppliers", *records)
    world.run("to-crm", "incremental")
    changed: list[dict[str, Any]] = [one | {"city": "Bonn"} for one in records]
    world.put("erp.suppliers", *changed[:9_999], records[9_999])
    assert "9999 records to update" in held(world)
    world.put("erp.suppliers", *changed[:9_998], *records[9_998:])
    assert some(world.run(), "updated") == {"updated": 9_998}
    world.put("erp.suppliers", *changed)
    world.run()
    log, rows, before = list(crm.calls), dict(crm.rows), world.dump()
    assert "10000 records to update" in outbound(world)
    assert (crm.calls, crm.rows, world.dump()) == (log, rows, before)


def test_a_pass_through_plan_withholds_what_its_source_changed_since(world: World, crm: Crm):
    world.mapping(PASS)
    world.put("erp.suppliers", *many(3))
    plan = world.plan("across")
    world.put("erp.suppliers", *many(2), {"id": "2", "name": "Changed"})
    assert some(world.apply(plan), "applied", "refused") == {"applied": 2, "refused": 1}
    assert world.reasons("across") == [("2", "refused", "plan.changed")]
    assert sorted(row["code"] for row in crm.rows.values()) == ["0", "1"]
