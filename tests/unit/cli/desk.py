"""A workspace on SQLite in a folder of its own, and the command line run in this process."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hub.cli.frame import run
from hub.workspace.init import init


@dataclass(frozen=True)
class Said:
    """What one command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The object on the last line of stdout."""
        return json.loads(self.out.splitlines()[-1])


@dataclass(frozen=True)
class Desk:
    """A workspace and whoever works on it."""

    folder: Path

    def cophub(self, *words: str, stdin: str = "") -> Said:
        """``cophub -w FOLDER WORDS``."""
        return cophub("-w", str(self.folder), *words, stdin=stdin)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file that must hold it."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        """Add lines to a file."""
        with (self.folder / path).open("a", encoding="utf-8") as file:
            file.write(text)


def desk(folder: Path, *, migrated: bool = True) -> Desk:
    """The workspace that ``cophub init`` writes."""
    if migrated:
        shutil.copytree(_migrated().name, folder, dirs_exist_ok=True)
    else:
        init(folder)
    return Desk(folder)


@cache
def _migrated() -> TemporaryDirectory[str]:
    """One after ``cophub migrate``, to be copied."""
    made = TemporaryDirectory(prefix="desk-")
    init(Path(made.name))
    assert cophub("-w", made.name, "migrate").code == 0
    return made


def cophub(*words: str, stdin: str = "") -> Said:
    """Run one command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with _stdin(stdin), redirect_stdout(out), redirect_stderr(err):
        code = run(list(words))
    return Said(code, out.getvalue(), err.getvalue())


@contextmanager
def _stdin(text: str) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before
