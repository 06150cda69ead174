"""Events go through the mapping of the scheduled exchange: once, in the order of versions, in micro-batches."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.bus.accept import Door
from hub.exchange.pipeline import run_exchange
from tests.unit.bus.busworld import BusWorld, event, supplier
from tests.unit.exchange.world import FIELDS, SUPPLIERS

pytestmark = pytest.mark.by_turns


def test_an_event_becomes_golden_and_is_delivered(world: BusWorld):
    assert world.push(event(1)).new == 1
    world.work()
    assert world.named() == {"1": ("S1 v1", 0)}
    assert world.crm.named() == {"1": "S1 v1"}
    assert world.states() == {"done": 1}


def test_many_events_are_one_batch_with_one_row_in_the_journal(world: BusWorld):
    world.push(*(event(number) for number in range(40)))
    world.work()
    modes = world.rows("SELECT mode, count(*) FROM run GROUP BY mode")
    assert (dict(modes)["events"], len(world.golden())) == (1, 40)


def test_the_same_event_five_times_at_once_has_one_effect(world: BusWorld):
    with world.opened() as opened, ThreadPoolExecutor(5) as pool:
        door = Door(opened.hub)
        done = list(pool.map(lambda _: door.accept("erp.suppliers", [event(1)]), range(5)))
    assert sum(one.new for one in done) == 1
    world.work()
    assert world.golden()["1"]["_version"] == 1
    assert world.states() == {"done": 1}


@pytest.mark.parametrize("apart", [False, True])
def test_versions_in_any_order_end_in_the_newest(world: BusWorld, apart: bool):
    orders = list(enumerate(itertools.permutations([1, 2, 3])))
    for step in range(3):
        world.push(*(event(number, order[step]) for number, order in orders))
        if apart:
            world.work()
    world.work()
    assert set(world.named().values()) == {(f"S{number} v3", 0) for number, _ in orders}


@pytest.mark.parametrize("apart", [False, True])
def test_a_deletion_before_what_it_deletes_converges(world: BusWorld, apart: bool):
    orders = list(enumerate(itertools.permutations([1, 2, 3])))
    world.push(event(99))
    for step in range(3):
        world.push(*(event(number, order[step], deleted=order[step] == 3) for number, order in orders))
        if apart:
            world.work()
    world.work()
    assert {code for code, (_, state) in world.named().items() if state == 0} == {"99"}


def test_what_comes_back_after_its_deletion_lives_again(world: BusWorld):
    for body in (event(1, 1), event(1, 2, deleted=True), event(1, 3)):
        world.push(body)
        world.work()
    assert world.named() == {"1": ("S1 v3", 0)}


def test_events_never_imply_absence_nor_move_the_watermark(world: BusWorld):
    world.first("erp.suppliers", supplier(1), supplier(2))
    before = world.rows("SELECT value, snapshot FROM watermark WHERE exchange = 'suppliers'")
    world.push(event(1, 5))
    world.work()
    assert world.named() == {"1": ("S1 v5", 0), "2": ("S2 v1", 0)}
    assert world.rows("SELECT value, snapshot FROM watermark WHERE exchange = 'suppliers'") == before


def test_a_bad_record_is_quarantined_and_the_others_go_on(world: BusWorld):
    world.push(event(1), b'{"id": "2", "changed": "2026-03-01T10:00:00Z"}', event(3))
    world.work()
    assert sorted(world.golden()) == ["1", "3"]
    assert world.held()[0]["position"] == "inbox:2"
    assert world.states() == {"done": 3}


def test_a_record_that_waits_is_resolved_by_a_later_event(world: BusWorld):
    world.push(json.dumps(supplier(2, parent="1")).encode())
    world.work()
    assert world.golden() == {}
    world.push(event(1))
    world.work()
    assert sorted(world.golden()) == ["1", "2"]
    assert world.held() == []


def test_the_guard_holds_a_batch_and_says_so_once(world: BusWorld):
    world.mapping((world.folder / "mappings/suppliers.yaml").read_text(), guard="{disable: 1}")
    world.first("erp.suppliers", *(supplier(number) for number in range(5)))
    world.push(*(event(number, 2, deleted=True) for number in range(3)))
    world.work()
    world.work()
    assert world.states() == {"held": 3}
    assert len([line for line in world.said if "guard" in line]) == 1
    assert {state for _, state in world.named().values()} == {0}


def test_an_event_during_a_full_run_is_neither_lost_nor_undone(world: BusWorld):
    world.first("erp.suppliers", supplier(1), supplier(2), supplier(3))
    world.put("erp.suppliers", supplier(1, 2), supplier(2))  # 3 is not in what is read now
    pushed: list[int] = []

    def meanwhile(stage: str, counts: Any) -> None:
        if stage == "resolve" and not pushed:
            pushed.append(world.push(event(3, 5), event(1, 9), event(4, 1)).new)
            world.work()  # the full run has the lease: they wait

    with world.opened() as opened:
        run_exchange(opened.hub, "suppliers", "full", "night", progress=meanwhile)
    assert world.states() == {"pending": 3}
    assert world.named() == {"1": ("S1 v2", 0), "2": ("S2 v1", 0), "3": ("S3 v1", 0)}
    world.work()
    assert world.named() == {
        "1": ("S1 v9", 0),
        "2": ("S2 v1", 0),
        "3": ("S3 v5", 0),
        "4": ("S4 v1", 0),
    }


def test_a_full_run_with_older_records_does_not_undo_an_event(world: BusWorld):
    world.first("erp.suppliers", supplier(1))
    world.push(event(1, 7))
    world.work()
    world.put("erp.suppliers", supplier(1, 3))
    world.run()
    assert world.named() == {"1": ("S1 v7", 0)}


def test_the_payload_lies_sealed(world: BusWorld):
    world.push(event(1))
    sealed = world.one("SELECT sealed FROM inbox")
    assert b"S1 v1" not in bytes(sealed)


def test_what_an_event_speaks_of_keeps_its_values_where_another_source_stands_for_it(world: BusWorld):
    world.files("hr", suppliers=FIELDS)
    other = SUPPLIERS.replace("mapping: suppliers", "mapping: hr").replace("erp.", "hr.")
    world.mapping(other, fields="{code: id, name: name, tax: tax}")
    world.first("erp.suppliers", supplier(1, city="Ulm"), supplier(2))
    world.first("hr.suppliers", {"id": "1", "name": "S1 v1", "tax": "T1"}, mapping="hr")
    world.push(json.dumps(json.loads(event(1)) | {"data": supplier(1, city="Ulm")}).encode())
    world.first("erp.suppliers", supplier(2))
    assert world.golden()["1"]["city"] == "Ulm"
    world.work()
    assert world.golden()["1"]["city"] == "Ulm"
