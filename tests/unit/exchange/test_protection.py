"""What is known of fields that have no model: levels of pass-throughs, and what is shown of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.exchange.contents import contents
from hub.exchange.keytokens import Keys
from hub.mapping.compile import compile_mapping
from hub.mapping.lineage import lineage
from hub.security.masking import Sight
from hub.store.reports import find_plan
from tests.unit.exchange.target import Crm
from tests.unit.exchange.world import SUPPLIER, World

pytestmark = pytest.mark.by_turns

PASS = """
    mapping: erp-to-crm
    from: erp.suppliers
    into: crm.accounts
    key: code
    fields: {code: id, name: upper(name), city: city}
"""
ONE = {"id": "1", "name": "ACME", "city": "Ulm"}


@pytest.fixture
def crm(world: World) -> Crm:
    made = Crm()
    world.modules["crm"] = made.spec
    world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\nresources: {accounts: {}}\n")
    world.model(SUPPLIER.replace("city: {type: text}", "city: {type: text, level: L4}"))
    world.mapping(PASS)
    return made


def levels(world: World) -> dict[str, str]:
    with world.opened(schema=False) as opened:
        workspace = opened.hub.workspace
        (one,) = compile_mapping(workspace.mapping("erp-to-crm"), workspace)
        return {field.field: field.level for field in lineage(one, workspace)}


def test_levels_come_from_what_others_make_of_the_same_fields(world: World, crm: Crm):
    assert levels(world) == {"code": "L1", "name": "L1", "city": "L4"}


def test_what_nobody_knows_is_unclassified(world: World, crm: Crm):
    (world.folder / "mappings/suppliers.yaml").unlink()
    assert levels(world) == {"code": "L3", "name": "L3", "city": "L3"}


def test_a_mapping_declares_what_nobody_knows_and_lowers_nothing(world: World, crm: Crm):
    world.mapping(PASS + "    level: L1\n    levels: {name: L3, city: L2}\n")
    assert levels(world) == {"code": "L1", "name": "L3", "city": "L4"}
    (world.folder / "mappings/suppliers.yaml").unlink()
    assert levels(world) == {"code": "L1", "name": "L3", "city": "L2"}


def test_what_a_pass_through_writes_is_known_to_the_next(world: World, crm: Crm):
    world.files("next", accounts="{id: text, city: text}")
    world.mapping(PASS.replace("crm.accounts", "next.accounts").replace("erp-to-crm", "first")
                  .replace("name: upper(name), ", "").replace("code", "id"))  # fmt: skip
    world.mapping("mapping: erp-to-crm\nfrom: next.accounts\ninto: crm.accounts\nkey: code\n"
                  "fields: {code: id, city: city}\n")  # fmt: skip
    assert levels(world) == {"code": "L1", "city": "L4"}


def test_a_length_says_nothing_of_the_level_of_what_was_measured(world: World, crm: Crm):
    world.mapping_without("name")
    world.mapping("mapping: sizes\nfrom: erp.suppliers\ninto: supplier\nmatch: [[code]]\n"
                  "fields: {code: id, name: CAST(length(name) AS VARCHAR)}\n")  # fmt: skip
    assert levels(world)["name"] == "L3"


def shown(world: World) -> dict[str, Any]:
    with world.opened() as opened:
        plan = find_plan(opened.hub.database, str(world.plan("erp-to-crm")))
        (change,) = contents(opened.hub, plan).parts[0].changes
        return {field.field: field.new for field in change.fields}


def test_a_plan_masks_what_passes_through(world: World, crm: Crm):
    world.fill()
    world.put("erp.suppliers", ONE)
    assert shown(world) == {"code": "1", "name": "ACME", "city": "***"}


def test_quarantine_and_messages_of_the_target_do_not_tell_it(world: World, crm: Crm):
    world.mapping(PASS.replace("city: city", "city: CAST(CAST(city AS INTEGER) AS VARCHAR)"))
    world.first("erp.suppliers", ONE, mapping="erp-to-crm")
    (entry,) = world.held("erp-to-crm")
    assert (entry["field"], entry["input"], "Ulm" in entry["message"]) == ("city", None, False)


def test_what_goes_out_of_a_model_is_not_kept_in_clear_either(world: World, crm: Crm):
    world.mapping(PASS.replace("erp.suppliers", "supplier").replace("code: id", "code: code")
                  .replace("city: city", "city: CAST(CAST(city AS INTEGER) AS VARCHAR)"))  # fmt: skip
    world.first("erp.suppliers", ONE)
    world.run("erp-to-crm")
    (entry,) = world.held("erp-to-crm")
    assert (entry["field"], entry["input"], "Ulm" in entry["message"]) == ("city", None, False)


def test_a_classified_key_is_shown_as_a_token(world: World):
    world.standard()
    world.model(SUPPLIER.replace("code: {type: text, required: true}", "code: {type: text, level: L4}"))
    world.first("erp.suppliers", {"id": "110105", "name": ""}, {"id": "110106", "name": ""})
    with world.opened() as opened:
        shown = [Keys(opened.hub).shown("suppliers", key) for key in ("110105", "110106", "110105")]
        assert Keys(opened.hub, Sight("L4")).shown("suppliers", "110105") == "110105"
        assert Keys(opened.hub, Sight("L3")).shown("suppliers", "110105") == shown[0]
    assert shown[0] == shown[2] != shown[1]
    assert all(re.fullmatch("#[0-9a-f]{10}", one) for one in shown)


def test_a_key_that_says_nothing_is_shown(world: World, crm: Crm):
    with world.opened(schema=False) as opened:
        keys = Keys(opened.hub)
        assert keys.shown("suppliers", "1") == keys.shown("erp-to-crm", "1") == "1"
        assert keys.position("erp-to-crm", "crm.accounts 1") == "crm.accounts 1"
        assert keys.shown("gone", "1") != "1"


def test_where_a_record_stands_in_a_target_does_not_tell_its_key(world: World, crm: Crm):
    world.mapping(PASS + "    levels: {id: L3}\n")
    with world.opened(schema=False) as opened:
        keys = Keys(opened.hub)
        assert keys.position("erp-to-crm", "crm.accounts 1") == f"crm.accounts {keys.shown('erp-to-crm', '1')}"
        assert keys.shown("erp-to-crm", "1") != "1"
