"""What a stored plan could not do any more is not lost: the watermark stays before it."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

import pytest

from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_outbound import target
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

PLACE = """
    model: place
    key: [code]
    fields:
      code: {type: text, required: true}
      city: {type: text}
"""
TWO_OUTPUTS = """
    mapping: suppliers
    from: erp.suppliers
    into:
      - {into: supplier, match: [[code]], fields: {code: id, name: name}, unmatched: create}
      - {into: place, match: [[code]], fields: {code: id, city: city}, unmatched: create}
"""
OTHER = SUPPLIERS.replace("mapping: suppliers", "mapping: other").replace("erp.", "crm.").replace("[tax]", "[code]")


def record(number: str, hour: int, **values: Any) -> dict[str, Any]:
    return {"id": number, "name": f"N{number}", "city": "Bonn", "changed": f"2026-03-01T{hour:02}:00:00Z"} | values


@pytest.fixture(params=["first", "last"])
def planned(world: World, request: pytest.FixtureRequest) -> uuid.UUID:
    """A plan of changes to both models; then somebody else changes an entity of the first or the last."""
    world.model(PLACE)
    world.files("erp", cursor="changed", suppliers=FIELDS)
    world.files("crm", suppliers=FIELDS)
    world.mapping(TWO_OUTPUTS)
    other = OTHER if request.param == "first" else OTHER.replace("into: supplier", "into: place")
    if request.param == "last":
        other = "\n".join(line for line in other.splitlines() if line.strip()[:4] not in ("name", "tax:", "pare"))
    world.mapping(other)
    world.first("erp.suppliers", record("1", 8), record("2", 8))
    changed = {"name": "Acme", "city": "Ulm"}
    world.put("erp.suppliers", record("1", 10, **changed), record("2", 20, **changed))
    plan = world.plan()
    world.first("crm.suppliers", record("1", 8, city="Kiel", name="N1"), mapping="other")
    return plan


def test_a_record_refused_in_one_output_comes_back_in_the_next_incremental_run(world: World, planned: uuid.UUID):
    result = world.apply(planned)
    assert some(result, "updated", "refused") == {"updated": 3, "refused": 1}
    assert world.rows("SELECT value FROM watermark WHERE exchange = 'suppliers'") == [(record("1", 8)["changed"],)]
    world.run(mode="incremental")
    assert {row["name"] for row in world.golden().values()} == {"Acme"}
    assert {row["city"] for row in world.golden("place").values()} == {"Ulm"}
    assert world.reasons() == []
    assert some(world.run(mode="incremental"), "created", "updated") == {"created": 0, "updated": 0}


def test_a_changed_mapping_is_read_in_full_until_nothing_was_refused(world: World):
    world.files("erp", cursor="changed", suppliers=FIELDS)
    world.files("crm", suppliers=FIELDS)
    world.mapping(OTHER)
    world.first("erp.suppliers", record("1", 8), record("2", 20))
    world.mapping(SUPPLIERS.replace("trim(name)", "upper(name)").replace("[tax]", "[code]"))
    world.put("erp.suppliers", record("1", 8, name="acme"), record("2", 20, name="best"))
    plan, mark = world.plan(), "SELECT map_hash FROM watermark WHERE exchange = 'suppliers'"
    before = world.one(mark)
    world.first("crm.suppliers", record("1", 8, city="Kiel"), mapping="other")
    assert world.apply(plan).counts["refused"] == 1
    assert world.one(mark) == before
    world.run(mode="incremental")
    assert {row["name"] for row in world.golden().values()} == {"ACME", "BEST"}


def table(world: World, *rows: tuple[str, str, int]) -> None:
    """The suppliers (number, name, day of their last change) lie in a database, which is asked for the new ones."""
    path = world.data / "erp.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE IF EXISTS suppliers")
        database.execute("CREATE TABLE suppliers (id TEXT PRIMARY KEY, name TEXT, changed TEXT)")
        moments = [(number, name, f"2026-03-{day:02}T08:00:00Z") for number, name, day in rows]
        database.executemany("INSERT INTO suppliers VALUES (?, ?, ?)", moments)
    declared = "{table: suppliers, key: id, cursor: changed, fields: {id: text, name: text, changed: datetime}}"
    world.write(
        "config/systems/erp.yaml",
        f"system: erp\nconnector: sql\nsqlite: {path}\nresources: {{suppliers: {declared}}}\n",
    )


@pytest.fixture
def asked(world: World) -> World:
    world.files("crm", suppliers=FIELDS)
    world.mapping(OTHER, absent="unlink")
    lines = SUPPLIERS.splitlines()
    lean = "\n".join(line for line in lines if line.strip()[:5] not in ("tax: ", "city:", "paren", "- [ta", "match"))
    world.mapping(lean, absent="delete")
    return world


def test_an_old_record_refused_in_a_full_plan_comes_back_in_the_next_run(asked: World):
    """An incremental read would begin at the watermark, which has passed it long ago."""
    table(asked, ("1", "N1", 8), ("2", "N2", 20))
    asked.run()
    table(asked, ("1", "Acme", 8), ("2", "N2", 20))
    plan = asked.plan(full=True)
    asked.first("crm.suppliers", record("1", 8, city="Kiel"), mapping="other")
    result = asked.apply(plan)
    assert some(result, "refused", "updated") == {"refused": 1, "updated": 0}
    assert "the next run reads everything" in result.notes[-1]
    asked.run(mode="incremental")
    assert (asked.golden()["1"]["name"], asked.reasons()) == ("Acme", [])
    assert some(asked.run(mode="incremental"), "read") == {"read": 1}


def test_an_old_removal_refused_in_a_full_plan_is_made_by_the_next_run(asked: World):
    table(asked, ("1", "N1", 8), ("2", "N2", 20))
    asked.run()
    table(asked, ("2", "N2", 20))
    plan = asked.plan(full=True)
    asked.first("crm.suppliers", record("1", 8, city="Kiel"), mapping="other")
    assert some(asked.apply(plan), "deleted") == {"deleted": 0}
    asked.first("crm.suppliers", record("3", 8), mapping="other")
    asked.run(mode="incremental")
    assert asked.golden()["1"]["_state"] == 2


def test_a_removal_that_was_refused_is_made_by_the_next_full_run(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", record("1", 8), record("2", 8))
    world.put("erp.suppliers", record("1", 8))
    plan = world.plan()
    with world.opened() as opened, opened.hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE e_supplier SET _version = _version + 1 WHERE code = '2'")
    world.apply(plan)
    assert world.golden()["2"]["_state"] == 0
    world.run()
    assert world.golden()["2"]["_state"] == 2


def test_what_waits_for_one_target_is_not_passed_by_a_delivery_to_another(world: World):
    crm = target(world, Crm())
    world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\ndelivery: {attempts: 1}\n"
                "resources: {accounts: {}, contacts: {}}\n")  # fmt: skip
    fields = "fields: {code: code, name: name, city: city}"
    world.mapping(f"""
        mapping: to-crm
        from: supplier
        into:
          - {{into: crm.accounts, key: code, where: "code = '1'", {fields}}}
          - {{into: crm.contacts, key: code, where: "code = '2'", {fields}}}
    """)
    crm.answers["1"] = ["retry"]
    world.first("erp.suppliers", record("1", 8), record("2", 8))
    assert some(world.run("to-crm", "incremental"), "applied", "waiting") == {"applied": 1, "waiting": 1}
    assert world.rows("SELECT seq FROM watermark WHERE exchange = 'to-crm'") == []
    world.run("to-crm", "incremental")
    assert sorted(crm.named()) == ["1", "2"]
