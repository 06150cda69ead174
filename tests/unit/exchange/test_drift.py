"""Schema drift: a mapped field that vanished or changed its type holds the run before any write."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import Held
from hub.exchange.pipeline import run_exchange
from tests.faults.matrix import row
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, reconciled, some

pytestmark = pytest.mark.by_turns

AWAY = """
    mapping: away
    from: supplier
    into: out.suppliers
    key: id
    fields: {id: code, town: city}
"""


def records(*names: str, count: int = 25, **values: Any) -> list[dict[str, Any]]:
    return [
        {"id": str(number), **{name: f"v{number}" for name in names}, **values} for number in range(count)
    ]


def held(world: World, mode: str = "full") -> Held:
    before = world.dump()
    with pytest.raises(Held) as caught:
        world.run(mode=mode)
    assert {name for name, rows in world.dump().items() if rows != before[name]} <= {"audit", "audit_head"}
    return caught.value


def accept(world: World, key: str) -> Any:
    with world.opened() as opened:
        return reconciled(run_exchange(opened.hub, "suppliers", "full", key, accept_drift=True))


@row(29, "a mapped field is removed")
def test_a_mapped_field_that_vanished_holds_the_run(world: World):
    world.first("erp.suppliers", *records("name", "city"))
    world.put("erp.suppliers", *records("name"))
    error = held(world)
    assert error.code == "source.drift"
    assert "city is gone" in error.message


def test_what_is_affected_is_named_down_to_the_targets(world: World):
    world.files("out", suppliers="{id: text, town: text}")
    world.mapping(AWAY)
    world.first("erp.suppliers", *records("name", "city"))
    world.put("erp.suppliers", *records("name"))
    assert "suppliers → supplier.city; away → out.suppliers.town" in held(world).message


def test_a_field_that_nobody_reads_may_vanish(world: World):
    world.first("erp.suppliers", *records("name", "colour"))
    world.put("erp.suppliers", *records("name"))
    assert some(world.run(), "read") == {"read": 25}


@row(29, "a mapped field changes its type")
@pytest.mark.parametrize("value", [7, True, ["Ulm"], {"name": "Ulm"}])
def test_a_mapped_field_of_another_type_holds_the_run(world: World, value: Any):
    world.first("erp.suppliers", *records("name", "city"))
    world.put("erp.suppliers", *records("name", city=value))
    assert "city was text and is" in held(world).message


TOWNS = SUPPLIERS.replace("city: city", "city: places[1].town")
NESTED = FIELDS.replace("city: text", "places: json")


@row(29, "a mapped field of a list's elements is removed")
def test_a_mapped_field_of_a_list_that_vanished_holds_the_run(world: World):
    world.files("erp", suppliers=NESTED)
    world.mapping(TOWNS)
    world.first("erp.suppliers", *records("name", places=[{"town": "Ulm"}, {"town": "Bonn"}]))
    for empty in ([], [{"town": None}], [{"town": "Ulm"}, {}]):
        world.put("erp.suppliers", *records("name", places=empty))
        assert world.run().counts["read"] == 25
    world.put("erp.suppliers", *records("name", places=[{"city": "Ulm"}]))
    assert "places[].town is gone; affected: suppliers → supplier.city" in held(world).message
    world.put("erp.suppliers", *records("name", places=[{"town": 7}]))
    assert "places[].town was text and is number" in held(world).message


def test_one_record_of_another_type_is_that_record_s_matter(world: World):
    world.first("erp.suppliers", *records("name", "city"))
    world.put("erp.suppliers", *records("name", "city")[1:], {"id": "0", "name": "v0", "city": {"a": 1}})
    assert some(world.run(), "read", "unchanged") == {"read": 25, "unchanged": 24}


def test_a_field_that_few_records_have_may_be_missing_in_some(world: World):
    rare = [one | ({"city": "Ulm"} if number < 3 else {}) for number, one in enumerate(records("name"))]
    world.first("erp.suppliers", *rare)
    world.put("erp.suppliers", *records("name"))
    assert world.run().state == "done"


def test_a_field_beyond_the_first_records_is_not_gone(world: World):
    world.mapping(SUPPLIERS, guard="{nulls: off}")
    world.first("erp.suppliers", *records("name", "city", count=1200))
    late = [
        {**one, "city": None if number < 1100 else "Ulm"}
        for number, one in enumerate(records("name", count=1200))
    ]
    for one in late[:1100]:
        del one["city"]
    world.put("erp.suppliers", *late)
    assert world.run().state == "done"


def test_an_empty_value_is_no_missing_field(world: World):
    world.first("erp.suppliers", *records("name", "city", "tax"))
    world.put("erp.suppliers", *records("name", "city", tax=None))
    assert world.run().state == "done"


def test_a_new_field_is_reported_and_holds_nothing(world: World):
    world.first("erp.suppliers", *records("name", "city"))
    world.put("erp.suppliers", *records("name", "city", "fax"))
    result = world.run()
    assert result.state == "done"
    assert "new in suppliers, read by no mapping: fax" in result.notes


def test_what_is_accepted_is_expected_from_then_on(world: World):
    world.first("erp.suppliers", *records("name", "city"))
    world.put("erp.suppliers", *records("name"))
    held(world)
    result = accept(world, "yes")
    assert "accepted: city is gone" in result.notes
    assert world.one("SELECT count(*) FROM audit WHERE action = 'drift.accepted'") == 1
    assert world.run().state == "done"


def test_a_plan_is_held_as_well(world: World):
    world.first("erp.suppliers", *records("name", "city"))
    world.put("erp.suppliers", *records("name"))
    assert held(world, "plan").code == "source.drift"


def test_an_incremental_run_knows_the_fields_of_the_last_snapshot(world: World):
    world.files("erp", cursor="changed", suppliers=FIELDS)
    first = [one | {"changed": "2026-01-01T00:00:00Z"} for one in records("name", "city")]
    world.first("erp.suppliers", *first)
    few = [{"id": f"n{number}", "name": "N", "changed": "2026-02-01T00:00:00Z"} for number in range(3)]
    world.put("erp.suppliers", *few)
    world.run(mode="incremental")
    many = [{"id": f"m{number}", "name": "M", "changed": "2026-03-01T00:00:00Z"} for number in range(9)]
    world.put("erp.suppliers", *many)
    assert "city is gone" in held(world, "incremental").message


def test_a_passed_through_field_that_vanished_holds_the_run_too(world: World):
    world.files("out", suppliers="{id: text, town: text}")
    world.mapping(
        AWAY.replace("from: supplier", "from: erp.suppliers").replace(
            "{id: code, town: city}", "{id: id, town: city}"
        )
    )
    world.put("erp.suppliers", *records("name", "city"))
    world.run("away")
    world.put("erp.suppliers", *records("name"))
    with pytest.raises(Held, match="city is gone"):
        world.run("away")
