"""P7: what was not applied is listed with its reason, its place in the source and its original."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.exchange.quarantine import read_original
from tests.faults.matrix import row
from tests.unit.exchange.world import SUPPLIER, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

ONE = {"id": "1", "name": "ACME", "tax": "T1"}


def test_a_reason_names_field_code_message_input_and_place(world: World):
    world.model(SUPPLIER.replace("city: {type: text}", "city: {type: text, max_length: 5}"))
    world.first("erp.suppliers", ONE, {"id": "2", "name": "Best", "city": "Donaueschingen"})
    (entry,) = world.held()
    assert (entry["key"], entry["state"], entry["code"], entry["field"]) == (
        "2",
        "quarantined",
        "value.too_long",
        "city",
    )
    assert "longer than 5" in entry["message"]
    assert "Donaueschingen" in entry["input"]
    assert entry["position"] == "erp-suppliers.ndjson:2"


def test_all_reasons_of_a_record_are_listed_and_it_counts_once(world: World):
    world.model(SUPPLIER.replace("city: {type: text}", "city: {type: text, max_length: 5}"))
    result = world.first("erp.suppliers", {"id": "2", "city": "Donaueschingen"})
    assert some(result) == {"read": 1, "quarantined": 1}
    assert world.reasons() == [("2", "quarantined", "required"), ("2", "quarantined", "value.too_long")]


def test_the_original_is_kept_sealed(world: World):
    record = {"id": "2", "name": "", "city": "Genève 日内瓦"}
    world.first("erp.suppliers", ONE, record)
    (entry,) = world.held()
    with world.opened() as opened:
        assert json.loads(read_original(opened.hub.keep, entry["original"])) == record
    for file in (world.folder / ".cophub/keep").glob("*/*"):
        assert "Genève".encode() not in file.read_bytes()


@row(28, "the others go on")
def test_the_others_of_the_batch_go_on(world: World):
    result = world.first("erp.suppliers", ONE, {"id": "2"}, {"id": "3", "name": "Three"})
    assert some(result) == {"read": 3, "applied": 2, "created": 2, "quarantined": 1}
    assert set(world.golden()) == {"1", "3"}


@pytest.mark.parametrize("key", [None, "", "missing"])
def test_a_record_without_a_key_is_listed_by_its_place(world: World, key: Any):
    record = {"name": "Nobody"} | ({} if key == "missing" else {"id": key})
    result = world.first("erp.suppliers", ONE, record)
    assert some(result) == {"read": 2, "applied": 1, "created": 1, "quarantined": 1}
    (entry,) = world.held()
    assert (entry["key"], entry["code"], entry["field"], entry["position"]) == (
        "",
        "key.missing",
        "id",
        "erp-suppliers.ndjson:2",
    )


def test_records_without_a_key_are_listed_once_however_often_they_are_read(world: World):
    world.first("erp.suppliers", ONE, {"name": "Nobody"}, {"name": "Nothing"})
    result = world.run()
    assert some(result) == {"read": 3, "unchanged": 1, "quarantined": 2}
    assert len(world.held()) == 2
    world.first("erp.suppliers", ONE)
    assert world.held() == []


def test_of_records_with_one_key_the_last_counts(world: World):
    result = world.first("erp.suppliers", ONE | {"name": "Old"}, ONE)
    assert some(result) == {"read": 2, "applied": 1, "created": 1, "duplicate": 1}
    assert world.golden()["1"]["name"] == "ACME"


@row(19, "several versions in one read")
def test_of_records_with_one_key_the_newest_by_cursor_counts(world: World):
    fields = "{id: text, name: text, tax: text, city: text, parent: text, changed: datetime}"
    world.files("erp", cursor="changed", suppliers=fields)
    new, old = ONE | {"changed": "2026-02-01T00:00:00Z"}, {"changed": "2026-01-01T00:00:00Z", "name": "Old"}
    result = world.first("erp.suppliers", new, ONE | old)
    assert some(result) == {"read": 2, "applied": 1, "created": 1, "duplicate": 1}
    assert world.golden()["1"]["name"] == "ACME"


@row(18, "exact copies in one read")
def test_exact_copies_of_a_record_count_once(world: World):
    result = world.first("erp.suppliers", ONE, ONE, ONE)
    assert some(result) == {"read": 3, "applied": 1, "created": 1, "duplicate": 2}
    assert some(world.run()) == {"read": 3, "unchanged": 1, "duplicate": 2}


def test_a_mended_record_closes_its_entry(world: World):
    world.first("erp.suppliers", {"id": "1"})
    result = world.first("erp.suppliers", ONE)
    assert some(result) == {"read": 1, "applied": 1, "created": 1}
    assert world.held() == []
    assert world.one("SELECT count(*) FROM quarantine WHERE state = 'resolved'") == 1


def test_a_bad_record_that_goes_back_to_what_was_applied_closes_its_entry(world: World):
    world.first("erp.suppliers", ONE)
    world.first("erp.suppliers", ONE | {"name": None})
    assert len(world.held()) == 1
    assert some(world.first("erp.suppliers", ONE)) == {"read": 1, "unchanged": 1}
    assert world.held() == []


def test_a_bad_record_that_vanished_closes_its_entry(world: World):
    world.first("erp.suppliers", ONE, {"id": "2"})
    world.first("erp.suppliers", ONE)
    assert world.held() == []


def test_an_unchanged_bad_record_stays_counted_and_is_not_listed_again(world: World):
    world.first("erp.suppliers", ONE, {"id": "2"})
    entry = world.one("SELECT id FROM quarantine")
    assert some(world.run()) == {"read": 2, "unchanged": 1, "quarantined": 1}
    assert world.rows("SELECT id FROM quarantine") == [(entry,)]


def test_a_bad_record_that_changes_gets_a_new_reason(world: World):
    world.model(SUPPLIER.replace("city: {type: text}", "city: {type: text, max_length: 5}"))
    world.first("erp.suppliers", {"id": "2"})
    world.first("erp.suppliers", {"id": "2", "name": "Best", "city": "Donaueschingen"})
    assert world.reasons() == [("2", "quarantined", "value.too_long")]


def test_a_changed_mapping_looks_at_bad_records_again(world: World):
    world.first("erp.suppliers", ONE, {"id": "2"})
    world.mapping(SUPPLIERS.replace("trim(name)", "coalesce(name, 'Nameless')"))
    result = world.run()
    assert (result.counts["created"], result.counts["quarantined"], world.held()) == (1, 0, [])
    assert world.golden()["2"]["name"] == "Nameless"


def test_a_record_whose_value_cannot_be_computed_is_set_aside_alone(world: World):
    world.mapping(SUPPLIERS.replace("city: city", "city: CAST(CAST(city AS INTEGER) AS VARCHAR)"))
    result = world.first("erp.suppliers", ONE | {"city": "7"}, {"id": "2", "name": "Best", "city": "seven"})
    assert some(result, "created", "quarantined") == {"created": 1, "quarantined": 1}
    (entry,) = world.held()
    assert (entry["key"], entry["field"], "seven" in entry["input"]) == ("2", "city", True)


@pytest.mark.parametrize("level", ["L3", "L4", "L5"])
def test_a_classified_value_never_stands_in_the_clear(world: World, level: str):
    world.model(
        SUPPLIER.replace("city: {type: text}", f"city: {{type: text, level: {level}, max_length: 5}}")
    )
    world.first("erp.suppliers", ONE, {"id": "2", "name": "Best", "city": "Donaueschingen"})
    (entry,) = world.held()
    assert (entry["field"], entry["code"], entry["input"]) == ("city", "value.too_long", None)
    assert "Donau" not in str(world.dump(without=()))


def test_a_field_that_reads_what_a_classified_one_reads_is_not_shown_either(world: World):
    world.model(
        SUPPLIER.replace("city: {type: text}", "city: {type: text, level: L3}").replace(
            "name: {type: text, required: true}", "name: {type: text, required: true, max_length: 5}"
        )
    )
    world.mapping(SUPPLIERS.replace("trim(name)", "coalesce(city, name)"))
    world.first("erp.suppliers", {"id": "2", "name": "Best", "city": "Donaueschingen"})
    assert world.held()[0]["input"] is None
    assert "Donau" not in str(world.held())


def test_a_classified_value_that_collides_is_not_shown(world: World):
    world.model(
        SUPPLIER.replace("tax: {type: text, unique: true}", "tax: {type: text, unique: true, level: L4}")
    )
    world.mapping(SUPPLIERS, match="[]")
    world.first("erp.suppliers", ONE | {"tax": "SECRET-7"}, {"id": "2", "name": "B", "tax": "SECRET-7"})
    assert [entry["code"] for entry in world.held()] == ["collision", "collision"]
    assert "SECRET-7" not in str(world.held())


def test_what_is_held_back_again_for_the_same_reason_keeps_its_entry(world: World):
    waits, nobody = {"id": "2", "name": "Best", "parent": "9"}, {"name": "Nobody"}
    world.mapping(SUPPLIERS, unmatched="create")
    world.first("erp.suppliers", ONE, ONE | {"id": "3"}, waits, nobody, {"id": "4"})
    listed = world.rows("SELECT id, state, created_at FROM quarantine ORDER BY id")
    assert len(listed) == 5
    assert some(world.run()) == {"read": 5, "in_review": 2, "waiting": 1, "quarantined": 2}
    assert world.rows("SELECT id, state, created_at FROM quarantine ORDER BY id") == listed


def test_one_of_two_reasons_that_is_mended_leaves_the_other(world: World):
    world.model(SUPPLIER.replace("city: {type: text}", "city: {type: text, max_length: 5}"))
    bad = {"id": "2", "city": "Donaueschingen"}
    world.first("erp.suppliers", bad, {"name": "a"}, {"name": "b"})
    world.first("erp.suppliers", bad | {"city": "Bonn"}, {"name": "b"})
    assert world.reasons() == [("", "quarantined", "key.missing"), ("2", "quarantined", "required")]
