"""The command line as a process: interrupted, killed, piped into something that ends early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.matrix import row
from tests.unit.bus.busworld import until
from tests.unit.cli.desk import Desk, desk

PROGRAM = [sys.executable, "-c", "from hub.cli import main; main()"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with its tables."""
    for name in set(os.environ) - set(variables()):
        monkeypatch.delenv(name)
    return desk(tmp_path / "work").folder


def variables(failpoint: str = "") -> dict[str, str]:
    """The environment without what this machine says about a hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COPHUB_")}
    return kept | ({"COPHUB_FAILPOINT": failpoint} if failpoint else {})


def finished(folder: Path, *words: str, failpoint: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """``cophub -w FOLDER WORDS`` as a process, until its end."""
    command = [*PROGRAM, "-w", str(folder), *words]
    return subprocess.run(
        command, env=variables(failpoint) | more, capture_output=True, text=True, timeout=90, check=False
    )


def runs(folder: Path) -> list[dict[str, str]]:
    """The journal, newest first."""
    found: list[dict[str, str]] = Desk(folder).cophub("runs", "--json").json["runs"]
    return found


def await_run(folder: Path) -> None:
    """Wait until a run is noted in the journal."""
    until(lambda: runs(folder), 60)


def test_who_looks_does_not_wait_for_a_writer(folder: Path) -> None:
    command = [*PROGRAM, "-w", str(folder), "run", "--all", "-q"]
    with subprocess.Popen(command, env=variables("before_commit=sleep:120"), text=True) as process:
        try:
            await_run(folder)
            looks = [("runs",), ("quarantine",), ("entities", "supplier"), ("secrets", "list")]
            assert [finished(folder, *words).returncode for words in looks] == [0, 0, 0, 0]
            assert process.poll() is None
        finally:
            process.kill()


@row(42, "Ctrl-C")
def test_ctrl_c_rolls_back_says_so_and_leaves_the_next_run_free(folder: Path) -> None:
    command = [*PROGRAM, "-w", str(folder), "run", "--all"]
    environment = variables("before_commit=sleep:120")
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        await_run(folder)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted: what was not committed is rolled back"
    assert list((folder / ".cophub").glob("crash-*")) == []
    assert Desk(folder).cophub("run", "--all").code == 0


def test_a_killed_run_is_told_as_lost_by_the_next_one(folder: Path) -> None:
    killed = finished(folder, "run", "erp-suppliers", failpoint="before_commit=kill")
    assert killed.returncode == -signal.SIGKILL
    again = Desk(folder).cophub("run", "erp-suppliers", "--json").json
    assert again["runs"][0]["counts"]["created"] == 4
    assert [run["state"] for run in runs(folder)] == ["done", "lost"]


def test_a_reader_that_ends_early_is_no_error(folder: Path) -> None:
    command = [*PROGRAM, "schema", "--print", "system"]
    with subprocess.Popen(
        command, env=variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=60)
    assert err == ""
    assert list((folder / ".cophub").glob("crash-*")) == []
