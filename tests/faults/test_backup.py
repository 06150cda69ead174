"""A backup that is made while a run writes, restored after the hub went on: nothing is lost, nothing made twice."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.conftest import Make
from tests.faults.landscape import Landscape, parties
from tests.faults.matrix import row
from tests.faults.test_reconcile_targets import PAGED, PAGING
from tests.faults.test_runs import running

FULL = ("--full", "--initial")


def backed_up(made: Landscape, place: Path) -> None:
    """Database and run store, as docs/how-to/backup.md says."""
    place.mkdir()
    if made.store:
        subprocess.run(["pg_dump", "--format=custom", f"--file={place / 'hub.dump'}", made.store], check=True)
    else:
        live, copy = made.folder / ".cophub" / "hub.sqlite", place / "hub.sqlite"
        with closing(sqlite3.connect(live)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    if (made.folder / ".cophub" / "keep").exists():
        shutil.copytree(made.folder / ".cophub" / "keep", place / "keep")


def restored(made: Landscape, place: Path, empty: Callable[[], str]) -> None:
    """The state of the backup, in an empty database or in place of the file."""
    if made.store:
        made.store = empty()
        words = ["--clean", "--if-exists", "--no-owner", "--exit-on-error", f"--dbname={made.store}"]
        subprocess.run(["pg_restore", *words, str(place / "hub.dump")], check=True)
    else:
        for old in (made.folder / ".cophub").glob("hub.sqlite*"):
            old.unlink()
        shutil.copy(place / "hub.sqlite", made.folder / ".cophub" / "hub.sqlite")
    shutil.rmtree(made.folder / ".cophub" / "keep", ignore_errors=True)
    if (place / "keep").exists():
        shutil.copytree(place / "keep", made.folder / ".cophub" / "keep")


@row(4, "restored from a backup that was made while it ran")
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_hub_that_is_restored_goes_on_and_makes_nothing_twice(
    landscape: Make, request: pytest.FixtureRequest, tmp_path: Path, store: str
):
    empty = (lambda: "") if store == "sqlite" else request.getfixturevalue("postgres_store")
    made, place = landscape("crm", count=12, store=empty()), tmp_path / "backup"
    file = made.folder / "config" / "systems" / "crm.yaml"
    file.write_text(file.read_text().replace(PAGED, PAGING))
    assert made.run("files-parties", *FULL).status == 0
    assert made.run("to-crm", "--initial").status == 0
    made.write(parties(30))
    process = made.started("files-parties", *FULL, kill="before_commit=sleep:2")
    assert running(made, "files-parties", process)
    time.sleep(0.5)
    backed_up(made, place)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert made.run("to-crm", "--initial").status == 0
    before, targets = made.select("SELECT code, name FROM e_party ORDER BY code"), made.targets()

    restored(made, place, empty)
    assert len(made.select("SELECT code FROM e_party")) < len(before)
    assert made.run("files-parties", *FULL).status == 0  # sources are read anew; the run of the backup blocks nobody
    told = made.cophub("reconcile", "to-crm", "--json")
    assert told.status == 1, told.err
    found = told.answer["reconciliation"]
    assert found["counts"]["adoptable"] > 0, found
    assert made.cophub("apply", found["plan"]).status == 0
    assert made.run("to-crm", "--initial").status == 0
    assert made.select("SELECT code, name FROM e_party ORDER BY code") == before
    assert made.targets()["crm"] == targets["crm"]
    assert made.targets()["crm creates"] == targets["crm creates"]
    assert made.cophub("audit", "verify").status == 0
