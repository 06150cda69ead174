"""What happens to a run from outside: others start beside it, its files change, somebody ends it."""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.conftest import Make
from tests.faults.forker import Begun
from tests.faults.landscape import Landscape, parties
from tests.faults.matrix import row


def running(made: Landscape, exchange: str, process: Begun) -> bool:
    """Wait until the run stands in the journal; False where it ended before that."""
    while process.poll() is None:
        if made.select(f"SELECT 1 FROM run WHERE state = 'running' AND exchange = '{exchange}'"):
            return True
        time.sleep(0.02)
    return False


@row(35, "eight processes at once")
def test_of_eight_runs_at_once_one_writes(landscape: Make):
    made = landscape()
    started = [made.started("files-parties", "--initial", kill="before_apply=sleep:1") for _ in range(8)]
    told = [(process.communicate(timeout=150)[1], process.returncode) for process in started]
    assert {status for _, status in told} <= {0, 75}
    assert 0 in {status for _, status in told}
    for err, status in told:
        assert "Traceback" not in err
        assert status == 0 or "run.busy" in err or "store.busy" in err
    assert made.select("SELECT count(*), count(DISTINCT code), max(_version) FROM e_party") == [(56, 56, 1)]


@row(36, "the mapping and the model change while the run reads")
def test_a_run_goes_on_with_the_configuration_it_began_with(landscape: Make):
    made = landscape(count=20)
    process = made.started("files-parties", "--initial", kill="after_page=sleep:3")
    assert running(made, "files-parties", process)
    mapping = made.folder / "mappings" / "files-parties.yaml"
    mapping.write_text(mapping.read_text().replace("name: trim(name)", "name: upper(name)"))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert made.select("SELECT name FROM e_party WHERE code = 'P0001'") == [("Party 1",)]
    assert made.run("files-parties").status == 0
    assert made.select("SELECT name FROM e_party WHERE code = 'P0001'") == [("PARTY 1",)]
    hashes = made.select("SELECT count(DISTINCT workspace_hash) FROM run WHERE exchange = 'files-parties'")
    assert hashes == [(2,)]


@row(42, "SIGTERM again and again, at other times of a delivery")
@pytest.mark.parametrize("exchange", ["files-parties", "to-s4"])
def test_sigterm_during_a_run_loses_and_doubles_nothing(landscape: Make, exchange: str):
    made = landscape("s4")
    if exchange == "to-s4":
        assert made.run("files-parties", "--initial").status == 0
        made.simulators["s4"].faults.set("delay=0.1,times=always")
    for number in range(4):
        process = made.started(exchange, "--initial", kill="before_apply=sleep:0.2,before_commit=sleep:0.3")
        if begun := running(made, exchange, process):
            time.sleep(0.2 * number)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        # What has not begun yet, and what has ended, is ended at once.
        assert process.returncode in ((0, 75) if begun else (0, 75, -signal.SIGTERM)), err
        assert process.returncode != 75 or "run.ended" in err
    states = {state for (state,) in made.select(f"SELECT state FROM run WHERE exchange = '{exchange}'")}
    assert "stopped" in states
    assert states <= {"stopped", "done"}
    made.simulators["s4"].faults.clear()
    assert made.run(exchange, "--initial").status == 0
    golden = made.select("SELECT code FROM e_party ORDER BY code")
    assert len(golden) == 56
    assert made.select("SELECT max(_version) FROM e_party") == [(1,)]
    if exchange == "to-s4":
        assert made.targets()["s4 creates"] == 56
        assert [row[0] for row in made.targets()["s4"] if row[0].startswith("P")] == [code for (code,) in golden]
    assert made.left() == []


@row(13, "a target that throttles every other request, without a word and with a date")
@pytest.mark.parametrize("form", ["0", "date", "none"])
def test_a_throttling_target_gets_each_object_once(landscape: Make, form: str):
    made = landscape("crm")
    made.write(parties(20)[:8])
    assert made.run("files-parties", "--initial").status == 0
    made.simulators["crm"].faults.set(*[f"throttle={form},method=POST,skip={skip}" for skip in (0, 2)])
    assert made.run("to-crm", "--initial").status in (0, 75)
    made.simulators["crm"].faults.clear()
    assert made.run("to-crm", "--initial").status == 0
    golden = made.select("SELECT count(*) FROM e_party")[0][0]
    assert made.targets()["crm creates"] == golden
