"""What is in quarantine is looked at once more: previewed as a plan, then done; by itself when a reference arrives."""

from __future__ import annotations

import pytest

from hub.errors import ConfigError
from hub.exchange.decisions.replay import dismiss, replay
from hub.store import quarantined
from tests.unit.exchange.world import FIELDS, SUPPLIER, SUPPLIERS, World, reconciled, some

pytestmark = pytest.mark.by_turns

ONE = {"id": "1", "name": "ACME", "tax": "T1", "city": "Ulm"}
LONG = {"id": "2", "name": "Best", "city": "Donaueschingen"}
SHORT = SUPPLIER.replace("city: {type: text}", "city: {type: text, max_length: 5}")


def again(world: World, *, preview: bool = False, **which):
    with world.opened() as opened:
        found = quarantined.chosen(opened.hub.database, **which)
        return [
            reconciled(replay(opened.hub, one, f"again-{next(world._keys)}", preview=preview))
            for one in found
        ]


def mend(world: World) -> None:
    world.mapping(SUPPLIERS.replace("city: city", "city: left(city, 5)"))


@pytest.fixture
def broken(world: World) -> World:
    """One record applied, two in quarantine for one cause, and the source gone."""
    world.model(SHORT)
    world.first("erp.suppliers", ONE, LONG, LONG | {"id": "3", "name": "Third"})
    (world.data / "erp-suppliers.ndjson").unlink()
    return world


def test_entries_of_one_cause_share_a_fingerprint(broken: World):
    causes = set(broken.rows("SELECT cause FROM quarantine"))
    assert len(causes) == 1
    assert causes.pop()[0] == quarantined.cause(1, "value.too_long", "city")


def test_a_replay_takes_the_originals_and_the_mapping_as_it_is_now(broken: World):
    mend(broken)
    (result,) = again(broken)
    assert some(result, "read", "applied", "created") == {"read": 2, "applied": 2, "created": 2}
    assert broken.golden()["2"]["city"] == "Donau"
    assert broken.held() == []


def test_a_replay_that_helps_nothing_leaves_the_entries_as_they_were(broken: World):
    before = broken.held()
    (result,) = again(broken)
    assert some(result) == {"read": 2, "quarantined": 2}
    assert broken.held() == before


def test_a_preview_changes_nothing_and_can_be_applied(broken: World):
    mend(broken)
    before = broken.dump()
    (result,) = again(broken, preview=True)
    assert (result.state, result.counts["created"]) == ("planned", 2)
    assert broken.dump() == before
    assert result.plan is not None
    assert some(broken.apply(result.plan), "created") == {"created": 2}
    assert broken.held() == []


def test_one_cause_or_one_entry_can_be_replayed(broken: World):
    mend(broken)
    cause = broken.one("SELECT cause FROM quarantine")
    assert again(broken, causes=["0000000000"]) == []
    assert len(again(broken, causes=[cause])) == 1
    assert broken.held() == []


def test_the_watermark_stays_and_the_next_run_reads_with_the_changed_mapping(broken: World):
    mark = broken.rows("SELECT * FROM watermark")
    mend(broken)
    again(broken)
    assert broken.rows("SELECT * FROM watermark") == mark
    result = broken.first("erp.suppliers", ONE | {"city": "Reutlingen"}, LONG)
    assert broken.golden()["1"]["city"] == "Reutl"
    assert result.counts["updated"] == 1


def test_a_replay_does_not_count_absence(broken: World):
    broken.mapping(SUPPLIERS.replace("city: city", "city: left(city, 5)"), absent="delete")
    (result,) = again(broken)
    assert result.counts["deleted"] == 0
    assert broken.golden()["1"]["_state"] == 0


def test_what_still_fails_for_another_reason_keeps_its_place(broken: World):
    position = {one["position"] for one in broken.held()}
    broken.mapping(SUPPLIERS.replace("city: city", "city: left(city, 5)").replace("name: trim(name)", "name: gone"))
    broken.files("erp", suppliers="{id: text, name: text, gone: text, tax: text, city: text, parent: text}")
    again(broken)
    assert {one["code"] for one in broken.held()} == {"required"}
    assert {one["position"] for one in broken.held()} == position


def test_a_dismissed_entry_stays_off_the_list_until_its_record_changes(broken: World):
    cause = broken.one("SELECT cause FROM quarantine")
    with broken.opened() as opened:
        assert dismiss(opened.hub, [cause], [], "closed suppliers") == 2
    assert broken.one("SELECT reason FROM audit WHERE action = 'quarantine.dismissed'") == "closed suppliers"
    unchanged = broken.first("erp.suppliers", ONE, LONG, LONG | {"id": "3", "name": "Third"})
    assert some(unchanged, "quarantined", "unchanged") == {"quarantined": 2, "unchanged": 1}
    assert broken.one("SELECT count(*) FROM quarantine WHERE state = 'quarantined'") == 0
    broken.first("erp.suppliers", ONE, LONG | {"city": "Ravensburg"}, LONG | {"id": "3", "name": "Third"})
    assert broken.rows("SELECT key FROM quarantine WHERE state = 'quarantined'") == [("2",)]


def test_what_has_no_original_is_told_to_be_read_again(world: World):
    with world.opened(schema=False) as opened, pytest.raises(ConfigError, match="no original is kept"):
        replay(opened.hub, quarantined.Chosen("suppliers", 1, (), (), 1), "k")


def test_a_waiting_record_goes_on_when_its_reference_arrives_though_the_source_is_silent(world: World):
    world.files("erp", cursor="changed", suppliers=FIELDS)
    child = {"id": "9", "name": "Child", "parent": "1", "changed": "2026-01-01T00:00:00Z"}
    world.first("erp.suppliers", child)
    assert world.reasons() == [("9", "waiting", "ref.missing")]
    world.put("erp.suppliers", ONE | {"changed": "2026-02-01T00:00:00Z"})
    world.run(mode="incremental")
    assert world.golden()["9"]["parent"] == world.golden()["1"]["_id"]
    assert world.held() == []


def test_a_rejected_delivery_is_sent_again_by_a_replay(world: World):
    world.first("erp.suppliers", ONE)
    world.files("out", suppliers="{id: text, name: text}")
    world.write(
        "mappings/away.yaml",
        """
        mapping: away
        from: supplier
        into: out.suppliers
        key: id
        fields: {id: code, name: "cast(cast(city as integer) as varchar)"}
        """,
    )
    assert world.run("away").counts["quarantined"] == 1
    mapping = (world.folder / "mappings/away.yaml").read_text()
    world.write("mappings/away.yaml", mapping.replace("cast(cast(city as integer) as varchar)", "name"))
    (result,) = again(world, exchange="away")
    assert some(result, "created") == {"created": 1}
    assert world.held("away") == []
