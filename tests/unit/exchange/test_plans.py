"""P9: a plan changes nothing, and applying it does exactly what it said."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from hub.errors import ConfigError, Fatal, Retriable
from tests.faults.matrix import row
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, some

pytestmark = [pytest.mark.by_turns, pytest.mark.long]

ONE, TWO = {"id": "1", "name": "ACME", "tax": "T1"}, {"id": "2", "name": "Best", "tax": "T2"}
THREE = {"id": "3", "name": "Three", "parent": "1"}
ROOT = Path(__file__).parents[3]


def test_a_first_plan_leaves_only_its_own_records(world: World):
    world.fill()
    before = world.dump()
    world.put("erp.suppliers", ONE, {"id": "2"})
    world.plan()
    assert world.dump() == before
    assert world.rows("SELECT state FROM run") == [("planned",)]


def test_a_plan_of_every_kind_of_change_writes_nothing(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", ONE, TWO, {"id": "4", "name": None})
    before = world.dump()
    world.put("erp.suppliers", ONE | {"name": "Acme"}, THREE, {"id": "5", "name": "x", "parent": "9"})
    world.plan()
    assert world.dump() == before


def test_applying_does_what_the_plan_said(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", ONE, TWO)
    world.put("erp.suppliers", ONE | {"name": "Acme"}, THREE)
    plan = world.plan()
    result = world.apply(plan)
    assert some(result) == {"read": 2, "applied": 2, "created": 1, "updated": 1, "absent": 1, "deleted": 1}
    golden = world.golden()
    assert (golden["1"]["name"], golden["2"]["_state"], golden["3"]["parent"]) == (
        "Acme",
        2,
        golden["1"]["_id"],
    )
    assert world.rows("SELECT state FROM plan WHERE id = :i", i=_bound(world, plan)) == [("applied",)]


def test_the_run_after_an_applied_plan_finds_nothing_to_do(world: World):
    world.put("erp.suppliers", ONE, TWO, {"id": "4", "name": None})
    world.apply(world.plan())
    assert some(world.run()) == {"read": 3, "unchanged": 2, "quarantined": 1}


def test_the_plan_is_applied_and_not_what_the_source_says_by_now(world: World):
    world.put("erp.suppliers", ONE)
    plan = world.plan()
    world.put("erp.suppliers", ONE | {"name": "Changed"}, TWO)
    world.apply(plan, unchecked="the ERP is down until Monday")
    assert {code: row["name"] for code, row in world.golden().items()} == {"1": "ACME"}
    assert some(world.run()) == {"read": 2, "applied": 2, "created": 1, "updated": 1}
    assert world.rows("SELECT reason FROM audit WHERE action = 'plan.unchecked'") == [
        ("the ERP is down until Monday",)
    ]


def test_a_record_that_changed_in_the_source_since_is_refused_by_itself(world: World):
    world.put("erp.suppliers", ONE, TWO, THREE)
    plan = world.plan()
    world.put("erp.suppliers", ONE, TWO | {"name": "Changed"}, {"id": "4", "name": "New"})
    result = world.apply(plan)
    assert some(result) == {"read": 3, "applied": 1, "created": 1, "refused": 2}
    assert world.reasons() == [("2", "refused", "plan.changed"), ("3", "refused", "plan.changed")]
    assert {code: row["name"] for code, row in world.golden().items()} == {"1": "ACME"}
    assert some(world.run(), "created") == {"created": 2}
    assert world.golden()["2"]["name"] == "Changed"


def test_what_is_refused_is_read_again_by_the_next_incremental_run(world: World):
    world.files("erp", cursor="changed", suppliers=FIELDS)
    old = {"changed": "2026-01-01T00:00:00Z"}
    world.first("erp.suppliers", ONE | old, TWO | old)
    new = {"changed": "2026-01-02T00:00:00Z"}
    world.put("erp.suppliers", ONE | new | {"name": "A"}, TWO | new | {"name": "B"})
    plan = world.plan()
    world.put("erp.suppliers", ONE | new | {"name": "A"}, TWO | new | {"name": "C"})
    assert some(world.apply(plan), "updated", "refused") == {"updated": 1, "refused": 1}
    world.run(mode="incremental")
    assert (world.golden()["1"]["name"], world.golden()["2"]["name"]) == ("A", "C")


def test_a_record_that_is_back_is_not_removed(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", ONE, TWO, THREE)
    world.put("erp.suppliers", ONE)
    plan = world.plan()
    world.put("erp.suppliers", ONE, TWO)
    world.apply(plan)
    assert {code: row["_state"] for code, row in world.golden().items()} == {"1": 0, "2": 0, "3": 2}
    assert ("2", "refused", "plan.changed") in world.reasons()


@pytest.mark.parametrize("now", ["gone", "empty"])
def test_a_plan_whose_source_cannot_be_read_is_not_applied(world: World, now: str):
    world.put("erp.suppliers", ONE)
    plan = world.plan()
    if now == "gone":
        (world.data / "erp-suppliers.ndjson").unlink()
    else:
        world.put("erp.suppliers")
    before = world.dump()
    with pytest.raises(Retriable, match="not applied") as caught:
        world.apply(plan)
    assert (caught.value.code, world.dump()) == ("plan.unchecked", before)


def test_an_entity_that_changed_since_is_refused_and_listed(world: World):
    world.mapping(SUPPLIERS.replace("mapping: suppliers", "mapping: other").replace("erp.", "crm."))
    world.files("crm", suppliers="{id: text, name: text, tax: text, city: text, parent: text}")
    world.first("erp.suppliers", ONE, TWO)
    world.put("erp.suppliers", ONE | {"name": "Acme"}, TWO | {"name": "Better"})
    plan = world.plan()
    world.first("crm.suppliers", ONE | {"city": "Bonn"}, mapping="other")
    result = world.apply(plan)
    assert some(result) == {"read": 2, "applied": 1, "updated": 1, "refused": 1}
    assert world.reasons() == [("1", "refused", "plan.changed")]
    assert (world.golden()["1"]["name"], world.golden()["2"]["name"]) == ("ACME", "Better")


def test_a_refused_record_is_applied_by_the_next_run(world: World):
    world.mapping(SUPPLIERS)
    world.first("erp.suppliers", ONE)
    world.put("erp.suppliers", ONE | {"name": "Acme"})
    plan = world.plan()
    world.first("erp.suppliers", ONE | {"name": "Newer"})
    assert world.apply(plan).counts["refused"] == 1
    assert world.golden()["1"]["name"] == "Newer"
    world.run()
    assert (world.golden()["1"]["name"], world.held()) == ("Newer", [])


def test_what_two_plans_create_is_created_once(world: World):
    world.put("erp.suppliers", ONE)
    first, second = world.plan(), world.plan()
    world.apply(first)
    assert some(world.apply(second), "applied", "refused") == {"applied": 0, "refused": 1}
    assert len(world.golden()) == 1


def test_a_new_entity_that_another_source_created_meanwhile_is_not_doubled(world: World):
    world.mapping(SUPPLIERS.replace("mapping: suppliers", "mapping: other").replace("erp.", "crm."))
    world.files("crm", suppliers="{id: text, name: text, tax: text, city: text, parent: text}")
    world.put("erp.suppliers", ONE)
    plan = world.plan()
    world.first("crm.suppliers", ONE, mapping="other")
    result = world.apply(plan)
    assert some(result, "applied", "refused") == {"applied": 0, "refused": 1}
    assert world.one("SELECT count(*) FROM e_supplier") == 1


def test_a_plan_is_applied_once(world: World):
    world.put("erp.suppliers", ONE)
    plan = world.plan()
    result = world.apply(plan, key="monday")
    assert world.apply(plan, key="monday").run == result.run
    with pytest.raises(ConfigError, match="applied") as caught:
        world.apply(plan)
    assert caught.value.code == "plan.closed"


@row(36, "between plan and apply")
def test_a_plan_of_another_workspace_is_refused(world: World):
    world.put("erp.suppliers", ONE)
    plan = world.plan()
    world.mapping(SUPPLIERS.replace("trim(name)", "upper(name)"))
    before = world.dump()
    with pytest.raises(ConfigError) as caught:
        world.apply(plan)
    assert caught.value.code == "plan.workspace"
    assert world.dump() == before


def test_an_unknown_plan_is_refused(world: World):
    world.fill()
    with pytest.raises(ConfigError) as caught:
        world.apply(uuid.uuid4())
    assert caught.value.code == "plan.unknown"


def test_a_plan_whose_content_was_changed_is_refused(world: World):
    world.put("erp.suppliers", ONE)
    plan = world.plan()
    for file in (world.folder / ".cophub/keep").glob("*/*"):
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    before = world.dump()
    with pytest.raises(Fatal):
        world.apply(plan)
    assert world.dump() == before
    assert world.golden() == {}


def test_a_plan_is_applied_by_a_fresh_process_without_the_source(world: World):
    world.put("erp.suppliers", ONE, THREE)
    plan = world.plan()
    (world.data / "erp-suppliers.ndjson").unlink()
    program = (
        "import sys, uuid; from pathlib import Path; from hub.bootstrap import open_hub;"
        "from hub.exchange.pipeline import apply_plan\n"
        "with open_hub(Path(sys.argv[1])) as opened:\n"
        "    print(apply_plan(opened.hub, uuid.UUID(sys.argv[2]), 'elsewhere', unchecked='moved').state)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(world.folder), str(plan)],
        cwd=ROOT,
        env={**os.environ, "COPHUB_STORE": world.store},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "done"
    golden = world.golden()
    assert golden["3"]["parent"] == golden["1"]["_id"]


def test_nothing_of_a_run_is_left_in_its_scratch_folder(world: World):
    world.put("erp.suppliers", ONE)
    world.apply(world.plan())
    assert list((world.folder / ".cophub/runs").iterdir()) == []


def _bound(world: World, identity: uuid.UUID) -> str:
    return str(identity) if world.store.startswith("postgresql") else identity.hex


def test_two_plans_list_one_bad_record_once(world: World):
    world.mapping(SUPPLIERS, where="id <> '7'")
    world.put("erp.suppliers", {"id": "2"}, {"id": "7", "name": "outside"})
    first, second = world.plan(), world.plan()
    world.apply(first)
    result = world.apply(second)
    assert some(result) == {"read": 2, "out_of_scope": 1, "quarantined": 1}
    assert world.reasons() == [("2", "quarantined", "required")]


def test_a_removal_of_an_entity_that_changed_since_is_refused(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.mapping(SUPPLIERS.replace("mapping: suppliers", "mapping: other").replace("erp.", "crm."))
    world.files("crm", suppliers="{id: text, name: text, tax: text, city: text, parent: text}")
    world.first("erp.suppliers", ONE, TWO)
    world.put("erp.suppliers", ONE)
    plan = world.plan()
    world.first("crm.suppliers", TWO | {"city": "Bonn"}, mapping="other")
    assert some(world.apply(plan)) == {"read": 1, "unchanged": 1, "absent": 1}
    assert (world.golden()["2"]["_state"], world.golden()["2"]["city"]) == (0, "Bonn")


def test_a_unique_value_that_was_taken_meanwhile_is_refused(world: World):
    world.mapping(SUPPLIERS, match="[]")
    world.mapping(SUPPLIERS.replace("mapping: suppliers", "mapping: other").replace("erp.", "crm."))
    world.files("crm", suppliers="{id: text, name: text, tax: text, city: text, parent: text}")
    world.first("erp.suppliers", ONE)
    world.put("erp.suppliers", ONE | {"tax": "T7"})
    plan = world.plan()
    world.first("crm.suppliers", {"id": "9", "name": "Nine", "tax": "T7"}, mapping="other")
    assert some(world.apply(plan), "applied", "refused") == {"applied": 0, "refused": 1}
    assert world.golden()["1"]["tax"] == "T1"
