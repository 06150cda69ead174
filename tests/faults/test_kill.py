"""Killed anywhere, and run again: the end is that of a run nobody disturbed, and each object was made once.

Every test kills fresh processes with SIGKILL at a failpoint, a number of times in a row or once, runs the
exchange again in another process, and compares everything by natural key. ``soak`` has the whole matrix.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.failpoints import POINTS
from tests.faults.conftest import Make
from tests.faults.landscape import Landscape, parties, party
from tests.faults.matrix import row

pytestmark = pytest.mark.long

INBOUND = (
    "after_fetch after_page after_extract after_map after_resolve before_apply before_commit after_commit"
)
BATCHED = "before_intent after_intent before_target_call after_target_ack after_outcomes"
EXCHANGES = {
    "files-parties": INBOUND,
    "crm-parties": INBOUND,
    "to-crm": f"before_apply {BATCHED} before_commit after_commit",
    "to-s4": f"before_apply {BATCHED} before_commit after_commit",
    "to-erp": f"before_apply {BATCHED} before_commit after_commit",
    "to-list": "before_apply before_target_call before_replace after_target_ack after_outcomes before_commit",
    "through": f"after_fetch after_page before_apply {BATCHED} before_commit after_commit",
}
NEEDS = {"crm-parties": ["crm"], "to-crm": ["crm"], "to-s4": ["s4"], "through": ["crm"]}
COUNT = 120
# Reached by what is not an exchange: the relay of events, secrets and plans.
ELSEWHERE = {
    "before_publish",
    "after_publish",
    "before_acknowledge",
    "during_rotate",
    "during_migration",
    "after_plan",
    "after_opening",
    "after_part",
    "after_content",
    "before_content_sent",
}  # killed at in tests of their own


def again(made: Landscape) -> None:
    """The second state of the source: five names changed, two parties new, one gone, one mended."""
    records = parties(COUNT + 2)
    for number in range(30, 35):
        records[number] = party(number + 1, name=f"Renamed {number}")
    records[3] = party(4)
    del records[100]
    made.write(records)


def rounds(made: Landscape, exchange: str, kills: list[str], *, second: list[str] | None = None) -> list[int]:
    """Bring the landscape to its end; answers how the disturbed processes ended."""
    ended = []
    outbound = exchange.startswith("to-")
    for state, points in (("first", kills), ("second", second or [])):
        if state == "second":
            again(made)
            for simulator in made.simulators.values():
                if "accounts" in simulator.product.tables and exchange in ("crm-parties", "through"):
                    simulator.change("accounts", {"id": "ACC-000003", "name": "Renamed by hand"})
        if outbound:
            assert made.run("files-parties", "--full", "--initial").status == 0
        ended += [made.run(exchange, "--initial", kill=point).status for point in points]
        last = made.run(exchange, "--initial")
        assert last.status == 0, last.err
    return ended


def state(made: Landscape) -> dict[str, Any]:
    return made.hub() | made.targets()


@pytest.fixture(scope="session")
def undisturbed() -> dict[str, dict[str, Any]]:
    """How each exchange ends when nobody disturbs it; made when first asked for."""
    return {}


Prove = Callable[..., list[int]]


@pytest.fixture
def prove(landscape: Make, undisturbed: dict[str, dict[str, Any]]) -> Prove:
    """Run one exchange with kills, and compare its end with the undisturbed one."""

    def proved(
        exchange: str, kills: list[str], second: list[str] | None = None, store: str = ""
    ) -> list[int]:
        names = NEEDS.get(exchange, [])
        if exchange not in undisturbed:
            calm = landscape(*names, count=COUNT)
            rounds(calm, exchange, [])
            undisturbed[exchange] = state(calm)
        made = landscape(*names, count=COUNT, store=store)
        ended = rounds(made, exchange, kills, second=second)
        assert state(made) == undisturbed[exchange]
        assert made.left() == []
        return ended

    return proved


@row(1, "killed at every point in turn")
@row(2, "killed at every point in turn")
@row(3, "killed at every point in turn")
@row(4, "killed at every point in turn")
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_run_killed_at_every_point_in_turn_ends_as_if_it_was_not(prove: Prove, exchange: str):
    points = EXCHANGES[exchange].split()
    assert prove(exchange, points)[:2] == [-signal.SIGKILL] * 2


@row(2, "a change, killed")
@pytest.mark.parametrize("exchange", ["files-parties", "to-erp"])
def test_a_change_killed_on_its_way_ends_as_if_it_was_not(prove: Prove, exchange: str):
    assert -signal.SIGKILL in prove(exchange, [], EXCHANGES[exchange].split()[2:])


@row(3, "killed once")
@pytest.mark.parametrize(
    "point", ["after_intent:2", "before_target_call:2", "after_target_ack", "after_outcomes"]
)
@pytest.mark.parametrize("exchange", ["to-crm", "to-s4"])
def test_a_delivery_killed_once_makes_each_object_once(prove: Prove, exchange: str, point: str):
    assert prove(exchange, [point]) == [-signal.SIGKILL]


@row(4, "on PostgreSQL")
@pytest.mark.parametrize("exchange", ["files-parties", "to-s4"])
def test_on_postgresql_as_well(prove: Prove, exchange: str, postgres_store: Callable[[], str]):
    ended = prove(exchange, EXCHANGES[exchange].split(), store=postgres_store())
    assert ended[0] == -signal.SIGKILL


@row(50, "every failpoint at its first, second and third time")
@pytest.mark.soak
@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize(
    ("exchange", "point"),
    [(exchange, point) for exchange, points in EXCHANGES.items() for point in points.split()],
)
def test_the_whole_matrix(
    prove: Prove, postgres_store: Callable[[], str], exchange: str, point: str, time: int
):
    for store in ("", postgres_store()):
        prove(exchange, [f"{point}:{time}", point], [f"{point}:{time}"], store=store)


def test_every_failpoint_is_killed_at():
    assert {point for points in EXCHANGES.values() for point in points.split()} | ELSEWHERE == set(POINTS)


@row(2, "a plan")
def test_a_plan_whose_maker_was_killed_is_made_again_and_applied(landscape: Make):
    made = landscape()
    assert made.cophub("plan", "files-parties", "--initial", kill="after_plan").status == -9
    planned = made.cophub("plan", "files-parties", "--initial")
    assert planned.status == 0, planned.err
    assert made.select("SELECT count(*) FROM e_party") == [(0,)]
    applied = made.cophub("apply", planned.answer["plan"])
    assert applied.status == 0, applied.err
    assert made.select("SELECT count(*) FROM e_party") == [(56,)]


@row(2, "a run in parts")
def test_a_run_in_parts_of_which_each_process_is_killed_goes_on(landscape: Make):
    whole, made = landscape(), landscape()
    for one in (whole, made):
        mapping = (one.folder / "mappings/files-parties.yaml").read_text().replace("files-parties", "parts-parties")
        (one.folder / "mappings/parts-parties.yaml").write_text(mapping + "split: {by: code, at: [P0040]}\n")
    assert whole.run("parts-parties", "--initial").status == 0
    words = ("--initial", "--workers", "1", "--run-key", "one")
    assert made.run("parts-parties", *words, kill="after_opening").status == -9
    lost = made.run("parts-parties", *words, kill="after_part")  # of the processes of the parts
    assert (lost.status, lost.answer["runs"][0]["error"]["code"]) == (75, "parts.lost")
    assert made.select("SELECT count(*) FROM part WHERE digest IS NOT NULL") == [(2,)]
    for point in ("after_map", "before_apply", "before_commit", "after_commit"):
        assert made.run("parts-parties", *words, kill=point).status == -9
    ended = made.run("parts-parties", *words)
    assert ended.status == 0, ended.err
    assert state(made) == state(whole)
    assert (made.left(), made.select("SELECT count(*) FROM part")) == ([], [(0,)])


@row(3, "a file as target")
@pytest.mark.parametrize("point", ["before_replace", "after_target_ack"])
def test_a_file_is_never_torn(landscape: Make, point: str):
    made = landscape(count=40)
    assert made.run("files-parties", "--initial").status == 0
    assert made.run("to-list", "--initial").status == 0
    listed = made.folder / "data" / "out" / "parties.csv"
    old = listed.read_text()
    made.write(parties(60))
    assert made.run("files-parties", "--initial").status == 0
    assert made.run("to-list", "--initial", kill=point).status == -9
    killed = listed.read_text()
    assert made.run("to-list", "--initial").status == 0
    assert killed == (old if point == "before_replace" else listed.read_text())
    assert len(listed.read_text().splitlines()) > len(old.splitlines())


@row(4, "the next run takes over at once")
def test_a_killed_run_is_swept_and_its_lease_taken_over_at_once(landscape: Make):
    made = landscape()
    assert made.run("files-parties", "--initial", kill="before_commit").status == -9
    assert len(made.left()) == 1
    ran = made.run("files-parties", "--initial")
    assert ran.status == 0
    assert ran.answer["runs"][0]["seconds"] < 30
    assert made.left() == []


@row(4, "the same run key")
def test_the_same_run_key_goes_on_after_a_kill_and_answers_afterwards(landscape: Make, tmp_path: Path):
    made = landscape()
    key = ("--run-key", "2026-11-23T00:00", "--initial")
    assert made.run("files-parties", *key, kill="after_commit").status == -9
    first, second = made.run("files-parties", *key), made.run("files-parties", *key)
    assert (first.status, second.status) == (0, 0)
    assert not first.answer["runs"][0]["repeated"]
    assert second.answer["runs"][0]["repeated"]
