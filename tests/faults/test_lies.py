"""Systems that lie, stall or break in the middle: a stable code, an unmoved watermark where something is
missing, nothing deleted, and a later clean run that ends with one object each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.conftest import Make
from tests.faults.landscape import Landscape
from tests.faults.matrix import row

pytestmark = pytest.mark.long

READS = {"crm-parties": ("crm", "accounts"), "s4-parties": ("s4", "A_BusinessPartner")}
ALWAYS = "times=always"
# What strikes from the second page on, the exit code and the error.
BROKEN = {
    f"html,{ALWAYS}": (77, "auth.login_page"),
    f"nothing,{ALWAYS}": (70, "http.empty"),
    f"cut,{ALWAYS}": (75, "http.cut"),
    "repeat": (70, "page.repeated"),
    "skip": (75, "total.short"),
    "expire": (75, "page.expired"),
    f"throttle=60,{ALWAYS}": (75, "http.rate"),
    f"unavailable,{ALWAYS}": (75, "http.status"),
    f"unauthorized,{ALWAYS}": (77, "auth.refused"),
    f"slow=20,{ALWAYS}": (75, "http.timeout"),
    f"refused,{ALWAYS}": (75, "http.cut"),
}
SOME = [f"html,{ALWAYS}", f"cut,{ALWAYS}", "repeat", "skip", "expire"]


def golden(made: Landscape) -> list[tuple[Any, ...]]:
    return made.select("SELECT code, name, country, _state, _version FROM e_party ORDER BY code")


def marks(made: Landscape) -> list[tuple[Any, ...]]:
    return made.select("SELECT exchange, value, token, seq, snapshot FROM watermark ORDER BY 1")


def told(ran: Any) -> dict[str, str]:
    """The error of a run, which says where and what to do and shows no traceback."""
    error: dict[str, str] = ran.error
    assert "Traceback" not in ran.err
    assert error["code"] in ran.err
    assert error["message"]
    assert error["where"]
    assert error["hint"]
    return error


@row(8, "cut, slow, refused")
@row(9, "the token of the second page expires")
@row(40, "a login page, an empty body")
@row(34, "a page is repeated or left out")
@row(37, "a storm of 401")
@pytest.mark.parametrize(
    ("exchange", "fault"), [("crm-parties", one) for one in BROKEN] + [("s4-parties", one) for one in SOME]
)
def test_a_broken_read_changes_nothing_and_a_clean_one_catches_up(landscape: Make, exchange: str, fault: str):
    system, resource = READS[exchange]
    made = landscape(system)
    simulator = made.simulators[system]
    assert made.run(exchange, "--initial").status == 0
    before = golden(made), marks(made)
    key = {"crm": {"id": "ACC-000020", "name": "New name"}, "s4": {"BusinessPartner": "1000090"}}[system]
    simulator.change(resource, key)
    simulator.faults.set(f"{fault},method=GET,path={resource},skip=1")
    ran = made.run(exchange, "--full")
    assert (ran.status, told(ran)["code"]) == BROKEN[fault]
    assert (golden(made), marks(made)) == before
    simulator.faults.clear()
    made.cophub("systems", "reset", system)  # the pause that it asked for is kept for every process
    clean = made.run(exchange)
    assert clean.status == 0
    assert len(golden(made)) == len(before[0])
    assert {row[3] for row in golden(made)} == {0}


@row(8, "a fault that passes")
@row(13, "the source throttles")
@pytest.mark.parametrize("fault", ["throttle=1", "cut", "unavailable=1", "refused"])
def test_a_fault_that_passes_is_waited_out(landscape: Make, fault: str):
    made = landscape("crm")
    made.simulators["crm"].faults.set(f"{fault},method=GET,path=accounts,skip=1")
    ran = made.run("crm-parties", "--initial")
    assert (ran.status, ran.counts["applied"]) == (0, 24)


@row(32, "a list without records")
def test_an_empty_answer_deletes_and_disables_nothing(landscape: Make):
    made = landscape("crm")
    assert made.run("crm-parties", "--initial").status == 0
    before = golden(made)
    made.simulators["crm"].faults.set(f"empty,path=accounts,{ALWAYS}")
    ran = made.run("crm-parties", "--full")
    assert (ran.status, golden(made)) == (0, before)
    assert any("no record where it had 24" in note for note in ran.answer["runs"][0]["notes"])


@row(29, "a mapped field is renamed")
def test_a_mapped_field_that_vanished_pauses_the_exchange(landscape: Make):
    made = landscape("crm")
    assert made.run("crm-parties", "--initial").status == 0
    before = golden(made), marks(made)
    made.simulators["crm"].faults.set("drift=name:title,path=accounts")
    ran = made.run("crm-parties", "--full")
    assert ran.status != 0
    assert "name" in told(ran)["message"]
    assert (golden(made), marks(made)) == before


def delivered(landscape: Make, *faults: str) -> tuple[Landscape, Any, str]:
    """Parties on their way to S/4 and the CRM, with a fault on the first."""
    made = landscape("s4", "crm")
    assert made.run("files-parties", "--initial").status == 0
    system = "s4" if faults[0].startswith("s4:") else "crm"
    made.simulators[system].faults.set(*(fault.partition(":")[2] for fault in faults))
    return made, made.run(f"to-{system}", "--initial"), system


def converges(made: Landscape, system: str) -> None:
    """A clean run, and then each party stands there once."""
    made.simulators[system].faults.clear()
    assert made.run(f"to-{system}", "--full").status == 0
    wanted = made.select("SELECT code FROM e_party ORDER BY code")
    rows = made.targets()[system]
    assert [row[0] for row in rows if row[0].startswith("P0")] == [code for (code,) in wanted]
    assert made.targets()[f"{system} creates"] == len(wanted)
    assert made.select("SELECT count(*) FROM intent") == [(0,)]


@row(14, "the answer is lost, refused, cut")
@row(13, "the target throttles")
@pytest.mark.parametrize(
    "fault",
    [
        "s4:lost,method=POST,path=batch",
        "s4:lost,method=POST,path=batch,times=2",
        "s4:refused,method=POST",
        "s4:expire,method=POST",
        "crm:lost,method=POST",
        "crm:lost,method=POST,times=9",
        "crm:throttle=1,method=POST,times=3",
        "crm:cut,method=POST,skip=5",
    ],
)
def test_a_delivery_in_doubt_makes_each_object_once(landscape: Make, fault: str):
    made, ran, system = delivered(landscape, fault)
    assert ran.status in (0, 75)
    assert "Traceback" not in ran.err
    converges(made, system)


@row(37, "401 in the middle of a delivery")
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("crm:unauthorized,method=POST,skip=20,times=always", 77, "auth.refused"),
        ("s4:unauthorized,path=batch,times=always", 77, "auth.refused"),
        ("s4:html,path=batch,times=always", 77, "auth.login_page"),
    ],
)
def test_a_target_that_refuses_stops_the_run_with_what_it_took_remembered(
    landscape: Make, fault: str, status: int, code: str
):
    made, ran, system = delivered(landscape, fault)
    assert (ran.status, told(ran)["code"]) == (status, code)
    assert made.select("SELECT exchange FROM watermark WHERE exchange LIKE 'to-%'") == []
    converges(made, system)


@row(15, "three rows of an OData batch")
def test_of_a_batch_that_fails_in_part_the_rest_is_acknowledged(landscape: Make):
    made, ran, system = delivered(landscape, "s4:partial,method=POST,times=3")
    assert ran.status == 0
    counts = ran.counts
    assert counts["quarantined"] + counts["waiting"] == 3, counts
    assert counts["applied"] == counts["read"] - 3
    converges(made, system)


@row(14, "503 for as long as it takes")
def test_a_target_that_is_away_leaves_everything_for_later(landscape: Make):
    made, ran, system = delivered(landscape, "s4:unavailable,times=always")
    assert ran.status == 75 or ran.counts["waiting"] == ran.counts["read"]
    assert made.select("SELECT exchange FROM watermark WHERE exchange LIKE 'to-%'") == []
    converges(made, system)
