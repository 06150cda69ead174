"""The tutorial, done as it is written: files are written, commands are run, what it shows is what comes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "first-system.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
AT_THE_END = " (at the end)"


@dataclass
class Reader:
    """Somebody who does what the page says; ``said`` is what the commands since the last look printed."""

    folder: Path
    variables: dict[str, str]
    said: str = ""

    def does(self, kind: str, title: str, text: str) -> None:
        if title:
            self._writes(title, text)
        elif kind == "sh":
            self.said = "".join(self._runs(line) for line in text.splitlines())
        elif kind == "text":
            said = _plain(self.said)
            assert all(_plain(line) in said for line in text.splitlines()), self.said

    def _writes(self, title: str, text: str) -> None:
        path = self.folder / title.removesuffix(AT_THE_END)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if title.endswith(AT_THE_END) else "x", encoding="utf-8") as file:
            file.write(text)

    def _runs(self, line: str) -> str:
        word, _, rest = line.partition(" ")
        if word == "cd":
            self.folder /= rest
        elif word == "export":
            name, _, value = rest.partition("=")
            self.variables[name] = value
        else:
            done = subprocess.run(
                line,
                shell=True,
                cwd=self.folder,
                env=self.variables,
                capture_output=True,
                text=True,
                timeout=120,
            )
            return done.stdout + done.stderr
        return ""


def _plain(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COPHUB_")}
    places = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return Reader(tmp_path, {**kept, "PATH": places, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})


def test_the_tutorial_works_as_written(reader: Reader) -> None:
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 15
    for kind, title, text in blocks:
        reader.does(kind, title, text)


def test_the_system_takes_no_more_than_thirty_lines() -> None:
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    lines = [text for kind, title, text in blocks if kind == "yaml" and ".test." not in title]
    assert sum(text.count("\n") for text in lines) <= 30
