"""A disk that is full: a clear error, nothing half done, and everything works when there is room again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Make
from tests.faults.forker import Ran
from tests.faults.landscape import Landscape, party
from tests.faults.matrix import row

MANY = 20_000
Mount = Callable[[Path, str], None]


@pytest.fixture
def small_disk() -> Iterator[Mount]:
    """Lays a small file system over a folder, with what is in it; skipped where that is not allowed."""
    mounted: list[Path] = []

    def mount(folder: Path, size: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder.with_name(folder.name + "-aside")
        shutil.copytree(folder, aside)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)],
            capture_output=True,
        )
        if done.returncode:
            pytest.skip("a small file system cannot be mounted here: that needs root")
        mounted.append(folder)
        shutil.copytree(aside, folder, dirs_exist_ok=True)

    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("a small file system cannot be mounted here: that needs root")
    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def grow(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=200m", str(folder)], check=True)


def told(ran: Ran, status: int, code: str) -> None:
    assert (ran.status, ran.error["code"]) == (status, code)
    assert ran.error["where"]
    assert ran.error["hint"]
    assert "Traceback" not in ran.err


def stands(made: Landscape) -> None:
    """With room again, everything comes, once."""
    assert made.run("files-parties", "--initial").counts["created"] == MANY
    assert made.left() == []


@pytest.fixture
def made(landscape: Make) -> Landscape:
    made = landscape()
    made.write([party(number, parent=None) for number in range(MANY)])
    return made


@row(26, "scratch")
@pytest.mark.parametrize("size", ["64k", "2m"])
def test_scratch(made: Landscape, small_disk: Mount, size: str):
    scratch = made.folder / ".cophub" / "runs"
    small_disk(scratch, size)
    told(made.run("files-parties", "--initial"), 70, "scratch.full")
    assert made.left() == []
    assert made.select("SELECT count(*) FROM e_party") == [(0,)]
    grow(scratch)
    stands(made)


@row(26, "a limit on the size of files")
def test_a_file_size_limit_on_scratch(made: Landscape):
    source = made.folder / "data" / "in" / "parties.ndjson"
    source.write_bytes(source.read_bytes().rstrip())  # such a file is not read in place: its pages are staged
    told(made.run("files-parties", "--initial", file_size=500_000), 70, "scratch.full")
    assert made.left() == []
    stands(made)


@row(26, "the database")
def test_store(made: Landscape, small_disk: Mount):
    (made.folder / "config" / "hub.yaml").write_text("hub: faults\nscratch: scratch\n")
    store = made.folder / ".cophub"
    small_disk(store, "3m")
    told(made.run("files-parties", "--initial"), 70, "store.full")
    assert made.select("SELECT count(*) FROM e_party") == [(0,)]
    assert made.select("SELECT count(*) FROM watermark") == [(0,)]
    assert made.select("SELECT state FROM run") == [("failed",)]
    grow(store)
    stands(made)


@row(26, "kept runs")
def test_run_store(made: Landscape, small_disk: Mount):
    keep = made.folder / ".cophub" / "keep"
    small_disk(keep, "64k")
    told(made.cophub("plan", "files-parties", "--initial"), 70, "keep.unwritable")
    assert made.select("SELECT count(*) FROM plan") == [(0,)]
    assert not list(keep.rglob("*.part"))
    grow(keep)
    assert made.cophub("plan", "files-parties", "--initial").status == 0


@row(26, "a file as target")
def test_target_file(made: Landscape, small_disk: Mount):
    assert made.run("files-parties", "--initial").status == 0
    out = made.folder / "data" / "out"
    (out / "parties.csv").write_text("old")
    small_disk(out, "64k")
    told(made.run("to-list", "--initial"), 75, "file.write")
    assert [path.name for path in out.iterdir()] == ["parties.csv"]
    assert (out / "parties.csv").read_text() == "old"
    grow(out)
    assert made.run("to-list", "--initial").status == 0
    assert len((out / "parties.csv").read_text().splitlines()) == MANY + 1


def test_a_scratch_that_is_no_folder(made: Landscape):
    (made.folder / ".cophub" / "runs").write_text("")
    told(made.run("files-parties", "--initial"), 65, "scratch.unusable")
