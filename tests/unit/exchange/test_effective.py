"""Effective dates: what is not valid yet waits for its day, what is no longer valid leaves."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.unit.exchange.test_merging import MAPPING, sources
from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

FIELDS = "{id: text, name: text, city: text, start: text, end: text, changed: datetime}"
ONE = {"id": "1", "name": "ACME", "start": "2026-01-01", "end": None, "changed": "2026-01-01T00:00:00Z"}
LATER = ONE | {"name": "Acme 2", "start": "2026-06-01", "changed": "2026-02-01T00:00:00Z"}


def on(world: World, day: str) -> None:
    moment = dt.datetime.fromisoformat(f"{day}T12:00:00+00:00")
    world.clock = lambda: moment


@pytest.fixture
def dated(world: World) -> World:
    world.files("erp", cursor="changed", suppliers=FIELDS)
    (world.folder / "mappings/suppliers.yaml").unlink()
    body = MAPPING.format(name="erp", strength="normal")
    world.mapping(body, effective="{from: start, to: end}", absent="disable")
    on(world, "2026-03-01")
    return world


def test_a_record_of_the_future_is_listed_and_invisible_until_its_day(dated: World):
    result = dated.first("erp.suppliers", LATER, mapping="erp")
    assert some(result) == {"read": 1, "future_dated": 1}
    assert dated.golden() == {}
    (entry,) = dated.held("erp")
    assert (entry["key"], entry["state"], entry["message"]) == ("1", "future_dated", "valid from 2026-06-01")
    assert entry["original"]


def test_it_comes_by_itself_on_its_day_even_in_an_incremental_run(dated: World):
    dated.first("erp.suppliers", LATER, mapping="erp")
    dated.put("erp.suppliers")  # the source says nothing more of it
    on(dated, "2026-05-31")
    assert some(dated.run("erp", "incremental")) == {}
    on(dated, "2026-06-01")
    assert some(dated.run("erp", "incremental"), "read", "created") == {"read": 1, "created": 1}
    assert (dated.golden()["1"]["name"], dated.held("erp")) == ("Acme 2", [])


def test_it_does_not_disturb_the_version_that_is_valid(dated: World):
    dated.first("erp.suppliers", ONE, mapping="erp")
    assert some(dated.first("erp.suppliers", LATER, mapping="erp")) == {"read": 1, "future_dated": 1}
    assert (dated.golden()["1"]["name"], dated.golden()["1"]["_state"]) == ("ACME", 0)
    before = dated.dump()
    assert some(dated.run("erp")) == {"read": 1, "future_dated": 1}
    assert {name for name, rows in dated.dump().items() if rows != before[name]} <= {"watermark", "audit"}
    on(dated, "2026-06-02")
    assert some(dated.run("erp")) == {"read": 1, "applied": 1, "updated": 1}
    assert dated.golden()["1"]["name"] == "Acme 2"


def test_a_correction_takes_the_place_of_the_future_version(dated: World):
    dated.first("erp.suppliers", LATER, mapping="erp")
    corrected = LATER | {"name": "Acme 3", "start": "2026-07-01", "changed": "2026-02-02T00:00:00Z"}
    dated.put("erp.suppliers", corrected)
    dated.run("erp", "incremental")
    assert [entry["message"] for entry in dated.held("erp")] == ["valid from 2026-07-01"]
    on(dated, "2026-06-15")
    assert dated.run("erp").counts["created"] == 0
    on(dated, "2026-07-01")
    dated.run("erp", "incremental")
    assert dated.golden()["1"]["name"] == "Acme 3"


def test_a_record_whose_last_day_has_passed_leaves_without_another_word(dated: World):
    dated.first("erp.suppliers", ONE | {"end": "2026-03-31"}, mapping="erp")
    on(dated, "2026-03-31")
    assert some(dated.run("erp")) == {"read": 1, "unchanged": 1}
    on(dated, "2026-04-01")
    assert dated.run("erp", "incremental").counts["disabled"] == 1
    assert dated.golden()["1"]["_state"] == 1
    assert dated.run("erp").counts["disabled"] == 0


def test_a_grace_is_counted_from_the_last_day(dated: World):
    body = MAPPING.format(name="erp", strength="normal")
    dated.mapping(body, effective="{to: end}", absent="{reaction: disable, grace: 10000d}")
    result = dated.first("erp.suppliers", ONE | {"end": "2026-02-01"}, mapping="erp")
    assert some(result) == {"read": 1, "out_of_scope": 1}
    dated.first("erp.suppliers", ONE, mapping="erp")
    result = dated.first("erp.suppliers", ONE | {"end": "2026-02-01"}, mapping="erp")
    assert some(result) == {"read": 1, "out_of_scope": 1}
    assert dated.golden()["1"]["_state"] == 0


def test_one_that_comes_back_is_active_again(dated: World):
    dated.first("erp.suppliers", ONE | {"end": "2026-03-31"}, mapping="erp")
    on(dated, "2026-04-01")
    dated.run("erp")
    dated.first("erp.suppliers", ONE, mapping="erp")
    assert dated.golden()["1"]["_state"] == 0


def test_a_record_that_ended_does_not_stand_for_the_entity_of_another_source(world: World):
    sources(world, a="normal", b="weak")
    world.files("a", suppliers=FIELDS)
    world.mapping(MAPPING.format(name="a", strength="normal"), effective="{to: end}", absent="disable")
    world.mapping(MAPPING.format(name="b", strength="weak"), absent="disable")
    on(world, "2026-03-01")
    world.first("a.suppliers", ONE | {"city": "Bonn", "end": "2026-03-31"}, mapping="a")
    world.first("b.suppliers", {"id": "1", "name": "B", "city": "Ulm"}, mapping="b")
    on(world, "2026-04-01")
    world.run("a")
    assert (world.golden()["1"]["city"], world.golden()["1"]["_state"]) == ("Ulm", 0)
    world.first("b.suppliers", {"id": "2", "name": "C"}, mapping="b")
    assert world.golden()["1"]["_state"] == 1


def test_a_date_that_is_none_is_quarantined(dated: World):
    dated.first("erp.suppliers", ONE | {"start": "soon"}, mapping="erp")
    assert [(one["state"], one["field"]) for one in dated.held("erp")] == [("quarantined", "effective.from")]


def test_the_day_is_that_of_the_hubs_zone(dated: World):
    dated.write("config/hub.yaml", "hub: test\nzone: Asia/Shanghai\n")
    on(dated, "2026-05-31")
    assert dated.first("erp.suppliers", LATER, mapping="erp").counts["future_dated"] == 1
    dated.clock = lambda: dt.datetime(2026, 5, 31, 17, tzinfo=dt.UTC)  # one o'clock of June in Shanghai
    assert dated.run("erp").counts["created"] == 1
