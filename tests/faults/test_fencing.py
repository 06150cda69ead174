"""One writer: a run that slept through the end of its lease wakes up and writes nothing any more."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.conftest import Make
from tests.faults.forker import Begun
from tests.faults.landscape import Landscape, parties
from tests.faults.matrix import row

LEASE = {"COPHUB_LEASE_SECONDS": "0.5"}


def asleep(made: Landscape, exchange: str, point: str, *options: str) -> Begun:
    """A run that stopped at a failpoint, its lease gone."""
    stale = made.started(exchange, "--initial", *options, kill=f"{point}=stop")
    stale.wait_stopped()
    time.sleep(0.7)
    return stale


def woken(stale: Begun) -> dict[str, Any]:
    """How it ended after it was woken: its only run."""
    stale.send_signal(signal.SIGCONT)
    out, err = stale.communicate(timeout=60)
    assert "Traceback" not in err
    told: dict[str, Any] = json.loads(out.strip().splitlines()[-1])["runs"][0]
    return told


def state(made: Landscape) -> dict[str, Any]:
    return made.hub() | made.targets()


@row(7, "stopped at each failpoint, woken after the next run")
@pytest.mark.parametrize(
    ("exchange", "point", "on"),
    [
        ("files-parties", "before_apply", "sqlite"),
        ("files-parties", "before_apply", "postgresql"),
        ("to-s4", "before_intent", "sqlite"),
        ("to-s4", "before_target_call", "postgresql"),
        ("to-s4", "after_target_ack", "sqlite"),
        ("to-erp", "before_target_call", "sqlite"),
        ("to-list", "before_replace", "sqlite"),
    ],
)
def test_a_stale_run_writes_nothing(
    landscape: Make, request: pytest.FixtureRequest, exchange: str, point: str, on: str
):
    store = request.getfixturevalue("postgres_store")() if on == "postgresql" else ""
    made = landscape("s4", store=store)
    made.environment = LEASE
    if exchange != "files-parties":
        assert made.run("files-parties", "--initial").status == 0
    stale = asleep(made, exchange, point)
    assert made.run(exchange, "--initial").status == 0
    before = state(made)
    told = woken(stale)
    assert told["error"]["code"] == "run.fenced"
    assert told["error"]["hint"]
    assert state(made) == before
    assert made.left() == []


@row(7, "asleep within a transaction")
@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
def test_a_transaction_that_sleeps_is_waited_for_and_then_ends_well(
    landscape: Make, request: pytest.FixtureRequest, on: str
):
    made = landscape(store=request.getfixturevalue("postgres_store")() if on == "postgresql" else "")
    made.environment = LEASE
    stale = asleep(made, "files-parties", "before_commit")
    other = made.run("files-parties", "--initial")
    assert (other.status, other.error["code"]) == (75, "store.busy")
    assert woken(stale)["state"] == "done"
    assert made.run("files-parties", "--initial").status == 0
    assert made.select("SELECT count(*), count(DISTINCT code) FROM e_party") == [(56, 56)]


@row(35, "a second run")
def test_a_live_run_is_left_alone(landscape: Make):
    made = landscape()
    stale = made.started("files-parties", "--initial", kill="before_apply=sleep:4")
    while not made.select("SELECT 1 FROM run WHERE state = 'running'"):
        time.sleep(0.1)
    other = made.run("files-parties", "--initial")
    assert (other.status, other.error["code"]) == (75, "run.busy")
    assert stale.wait(timeout=60) == 0
    stale.communicate()


@row(7, "the journal keeps how the newer one ended")
def test_a_stale_run_does_not_overwrite_how_the_newer_one_ended(landscape: Make):
    made = landscape()
    made.environment = LEASE
    key = ("--run-key", "nightly")
    stale = asleep(made, "files-parties", "before_apply", *key)
    assert made.run("files-parties", "--initial", *key).status == 0
    assert woken(stale)["error"]["code"] == "run.fenced"
    again = made.run("files-parties", "--initial", *key)
    assert again.answer["runs"][0]["repeated"]
    assert made.select("SELECT state FROM run") == [("done",)]


@row(7, "three sleepers")
def test_an_event_loop_of_takeovers_ends_in_one_truth(landscape: Make, postgres_store: Callable[[], str]):
    """Several sleepers at once: only the last one to take the lease has written."""
    made = landscape("s4", store=postgres_store())
    made.environment = LEASE
    assert made.run("files-parties", "--initial").status == 0
    sleepers = [asleep(made, "to-s4", "before_target_call") for _ in range(3)]
    made.write(parties(62))
    assert made.run("files-parties", "--initial", "--full").status == 0
    assert made.run("to-s4", "--initial").status == 0
    before = state(made)
    assert {woken(stale)["error"]["code"] for stale in sleepers} == {"run.fenced"}
    assert state(made) == before
    golden = made.select("SELECT count(*) FROM e_party")[0][0]
    assert made.targets()["s4 creates"] == golden
