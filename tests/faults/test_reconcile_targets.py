"""Reconcile against real protocols: damage behind the hub's back is counted exactly and healed."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.faults.conftest import Make
from tests.faults.landscape import Landscape
from tests.faults.matrix import row

PAGED = """    records: records
    key: id
    fields: {id: text, external_id"""
PAGING = """    records: records
    total: total
    paging: {cursor: {param: page_token, from: next_page_token, size_param: page_size, size: 9}}
    key: id
    fields: {id: text, external_id"""
OWN = {
    "crm": ("accounts", "external_id", "name", "id"),
    "s4": ("A_BusinessPartner", "SearchTerm1", "OrganizationBPName1", "BusinessPartner"),
}


def look(made: Landscape, exchange: str) -> tuple[int, dict[str, Any]]:
    ran = made.cophub("reconcile", exchange, "--json")
    assert "Traceback" not in ran.err
    return ran.status, ran.answer["reconciliation"]


def delivered(landscape: Make, system: str) -> Landscape:
    names = [system] if system in OWN else []
    made = landscape(*names)
    file = made.folder / "config" / "systems" / "crm.yaml"
    file.write_text(file.read_text().replace(PAGED, PAGING))
    assert made.run("files-parties", "--initial").status == 0
    assert made.run(f"to-{system}", "--initial").status == 0
    return made


def wanted(told: dict[str, Any]) -> dict[str, int]:
    return {name: told["counts"].get(name, 0) for name in ("missing", "different", "pending", "duplicate")}


@row(16, "reconcile over REST and OData")
@row(17, "reconcile over REST and OData")
@pytest.mark.parametrize("system", ["crm", "s4"])
def test_damage_in_a_web_target_is_counted_and_healed(landscape: Make, system: str):
    made = delivered(landscape, system)
    simulator, (resource, key, name, identity) = made.simulators[system], OWN[system]
    before = made.targets()[system]
    status, clean = look(made, f"to-{system}")
    assert wanted(clean) == {"missing": 0, "different": 0, "pending": 0, "duplicate": 0}, clean
    strange = clean["counts"]["ghost"]
    chance = random.Random(7)
    mine = chance.sample(
        [one for one in simulator.rows(resource) if str(one.get(key) or "").startswith("P0")], 12
    )
    for one in mine[:5]:
        simulator.remove(resource, one[identity])
    for one in mine[5:9]:
        simulator.change(resource, {identity: one[identity], name: "By hand"})
    status, told = look(made, f"to-{system}")
    assert status == 1
    assert wanted(told) == {"missing": 5, "different": 4, "pending": 0, "duplicate": 0}, told
    assert told["counts"]["ghost"] == strange
    applied = made.cophub("apply", told["plan"], "--json")
    assert applied.status == 0, applied.err
    assert made.targets()[system] == before
    _, again = look(made, f"to-{system}")
    assert (wanted(again), again["plan"]) == (wanted(clean), None)


@row(32, "a target's list, on reconcile")
@pytest.mark.parametrize("fault", ["empty,path=accounts,times=always", "skip,path=accounts"])
def test_a_list_that_lies_heals_nothing(landscape: Make, fault: str):
    made = delivered(landscape, "crm")
    made.simulators["crm"].faults.set(fault)
    ran = made.cophub("reconcile", "to-crm", "--json")
    made.simulators["crm"].faults.clear()
    if ran.status == 1:
        told = ran.answer["reconciliation"]
        assert (told["plan"], told["counts"]["missing"]) == (None, 0), told
        assert told["incomplete"]
    else:
        assert (ran.status, ran.answer["error"]["code"]) == (75, "total.short")


def test_a_list_without_its_next_pages_is_found_out(landscape: Make):
    made = landscape("crm")  # the resource declares no paging: one page is taken for all
    assert made.run("files-parties", "--initial").status == 0
    assert made.run("to-crm", "--initial").status == 0
    status, told = look(made, "to-crm")
    assert (status, told["plan"], told["counts"]["missing"]) == (1, None, 0)
    assert "a look-up finds" in told["incomplete"]


@pytest.mark.parametrize("total", [False, True])
def test_damage_behind_the_first_page_of_an_undeclared_paging_is_healed(landscape: Make, total: bool):
    made = landscape("crm")
    if total:
        file = made.folder / "config" / "systems" / "crm.yaml"
        counted = PAGED.replace("records: records", "records: records\n    total: total", 1)
        file.write_text(file.read_text().replace(PAGED, counted))
    assert made.run("files-parties", "--initial").status == 0
    assert made.run("to-crm", "--initial").status == 0
    before, (resource, key, name, identity) = made.targets()["crm"], OWN["crm"]
    simulator = made.simulators["crm"]
    last = sorted(
        (one for one in simulator.rows(resource) if str(one.get(key) or "").startswith("P0")),
        key=lambda one: str(one[identity]),
    )[-3:]
    simulator.remove(resource, last[0][identity])
    simulator.change(resource, {identity: last[1][identity], name: "By hand"})
    status, told = look(made, "to-crm")
    assert (status, wanted(told)) == (1, {"missing": 1, "different": 1, "pending": 0, "duplicate": 0}), told
    assert told["incomplete"]
    assert made.cophub("apply", told["plan"]).status == 0
    assert made.targets()["crm"] == before


def test_damage_in_a_table_is_counted_and_healed(landscape: Make):
    made = delivered(landscape, "erp")
    before = made.targets()["party"]
    with closing(sqlite3.connect(made.folder / "data" / "erp.sqlite")) as other, other:
        codes = [code for (code,) in other.execute("SELECT code FROM party ORDER BY code LIMIT 9")]
        other.executemany("DELETE FROM party WHERE code = ?", [(code,) for code in codes[:4]])
        other.executemany("UPDATE party SET name = 'By hand' WHERE code = ?", [(code,) for code in codes[4:]])
        other.execute("INSERT INTO party (code, name) VALUES ('Z', 'added')")
    _, told = look(made, "to-erp")
    assert {name: count for name, count in told["counts"].items() if count and name != "read"} == {
        "missing": 4,
        "different": 5,
        "ghost": 1,
    }
    assert made.cophub("apply", told["plan"]).status == 0
    assert [row for row in made.targets()["party"] if row[0] != "Z"] == before
