"""A record becomes an entity, changes it, and leaves it alone."""

from __future__ import annotations

import pytest

from hub.errors import ConfigError
from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

ACME = {"id": "1", "name": " ACME ", "tax": "T1", "city": "Bonn"}
BEST = {"id": "2", "name": "Best", "tax": "T2"}


def test_records_become_entities(world: World):
    result = world.first("erp.suppliers", ACME, BEST)
    assert some(result) == {"read": 2, "applied": 2, "created": 2}
    golden = world.golden()
    assert (golden["1"]["name"], golden["1"]["city"], golden["2"]["city"]) == ("ACME", "Bonn", None)
    assert {(row["_version"], row["_state"]) for row in golden.values()} == {(1, 0)}
    assert world.history() == []


def test_a_change_makes_a_version_and_keeps_the_one_before(world: World):
    world.first("erp.suppliers", ACME, BEST)
    result = world.first("erp.suppliers", {**ACME, "city": "Köln"}, BEST)
    assert some(result) == {"read": 2, "applied": 1, "updated": 1, "unchanged": 1}
    now, (before,) = world.golden()["1"], world.history()
    assert (now["_version"], now["city"], now["name"]) == (2, "Köln", "ACME")
    assert (before["_version"], before["city"], before["_replaced_by"]) == (1, "Bonn", result.run)
    assert world.golden()["2"]["_version"] == 1


def test_only_the_fields_that_changed_are_named(world: World):
    world.first("erp.suppliers", ACME, BEST)
    world.put("erp.suppliers", {**ACME, "city": "Köln"}, {**BEST, "name": "Better", "city": "Ulm"})
    plan = world.plan()
    from hub.exchange.contents import contents
    from hub.store import plans

    with world.opened() as opened:
        row = plans.find(opened.hub.database, plan)
        assert row is not None
        (part,) = contents(opened.hub, row).parts
    named = {one.key: {field.field: (field.old, field.new) for field in one.fields} for one in part.changes}
    assert named["1"] == {"city": ("Bonn", "Köln")}
    assert named["2"] == {"name": ("Best", "Better"), "city": (None, "Ulm")}


def test_an_unchanged_run_writes_nothing(world: World):
    world.first("erp.suppliers", ACME, BEST)
    before, seq = world.dump(without=("run", "lease", "watermark")), world.seq()
    result = world.run()
    assert some(result) == {"read": 2, "unchanged": 2}
    assert world.dump(without=("run", "lease", "watermark")) == before
    assert world.seq() == seq


def test_a_change_that_the_mapping_does_not_read_changes_no_entity(world: World):
    world.first("erp.suppliers", ACME)
    seq = world.seq()
    result = world.first("erp.suppliers", {**ACME, "changed": "2026-01-01T00:00:00Z"})
    assert some(result) == {"read": 1, "unchanged": 1}
    assert (world.golden()["1"]["_version"], world.seq()) == (1, seq)


def test_every_commit_of_a_model_is_announced_once(world: World):
    world.first("erp.suppliers", ACME)
    world.first("erp.suppliers", ACME, BEST)
    world.run()
    assert world.one("SELECT count(*) FROM outbox") == 2
    assert sorted(row["_seq"] for row in world.golden().values()) == [1, 2]


def test_a_run_key_asked_again_answers_what_came_of_it(world: World):
    world.put("erp.suppliers", ACME)
    first = world.run(key="monday")
    world.put("erp.suppliers", ACME, BEST)
    again = world.run(key="monday")
    assert again.repeated
    assert (again.run, again.counts, again.state) == (first.run, first.counts, "done")
    assert set(world.golden()) == {"1"}
    assert some(world.run(key="tuesday"), "created", "unchanged") == {"created": 1, "unchanged": 1}


def test_a_failed_run_key_runs_again(world: World):
    world.put("erp.suppliers", ACME)
    world.fill()
    (world.data / "erp-suppliers.ndjson").write_text('{"id": "1", "na')
    with pytest.raises(Exception, match="erp-suppliers"):
        world.run(key="monday")
    world.put("erp.suppliers", ACME)
    assert world.run(key="monday").counts["created"] == 1


def test_an_unknown_mode_names_those_there_are(world: World):
    with pytest.raises(ConfigError, match="there is no mode"):
        world.run(mode="quick")


def test_a_required_field_that_becomes_empty_leaves_the_entity_as_it_was(world: World):
    world.first("erp.suppliers", ACME)
    result = world.first("erp.suppliers", {**ACME, "name": None})
    assert some(result) == {"read": 1, "quarantined": 1}
    assert world.golden()["1"]["name"] == "ACME"
