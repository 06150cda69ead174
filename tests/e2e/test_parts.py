"""A run whose parts are processes: what they log, and how they end."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.test_cli_process import PROGRAM, finished, runs, variables
from tests.e2e.test_logs import logged
from tests.faults.matrix import row
from tests.unit.cli.desk import desk

WORDS = ("--logs", "json", "run", "erp-suppliers", "--initial", "--workers", "1", "--run-key", "one", "--json")


def read(lines: list[dict[str, Any]]) -> list[int]:
    """The parts that were read, as the log says."""
    return [one["part"] for one in lines if one["message"] == "part read"]


@row(42, "a run in parts")
def test_a_run_in_parts_that_is_asked_to_end_says_so_and_goes_on_with_its_key(tmp_path: Path) -> None:
    made = desk(tmp_path / "work")
    made.append("mappings/erp-suppliers.yaml", 'split: {by: number, at: ["1003"]}\n')
    command = [*PROGRAM, "-w", str(made.folder), *WORDS]
    env, pipe = variables("after_fetch=sleep:2"), subprocess.PIPE
    with subprocess.Popen(command, env=env, text=True, stdout=pipe, stderr=pipe) as process:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    told = json.loads(out.splitlines()[-1])["runs"][0]
    assert (process.returncode, told["error"]["code"]) == (75, "run.ended")
    assert "--run-key one" in told["error"]["hint"]
    assert read([first, *logged(err)]) == [0]
    assert runs(made.folder)[0]["state"] == "stopped"
    again = finished(made.folder, *WORDS)
    assert (again.returncode, read(logged(again.stderr))) == (0, [1])
    assert runs(made.folder)[0]["state"] == "done"
