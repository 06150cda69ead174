"""Source positions of a file that is read by several threads."""

from __future__ import annotations

from tests.unit.exchange.world import World

MANY = 150_000


def test_a_bad_record_of_a_large_file_is_found_at_its_line(world: World):
    records = [{"id": str(number), "name": f"S{number}", "city": "x" * 250} for number in range(MANY)]
    world.first("erp.suppliers", *records)
    records[MANY - 10]["name"] = ""
    world.put("erp.suppliers", *records)
    world.run()
    assert [entry["position"] for entry in world.held()] == [f"erp-suppliers.ndjson:{MANY - 9}"]
