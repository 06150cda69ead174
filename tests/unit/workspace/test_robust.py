"""Whatever stands in the files, lint answers with findings."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from hub.workspace.yaml import read

from .desk import FILES, findings

JUNK: list[Any] = [
    "a\nb\x1b[31m",
    None, True, 0, -1, 1.5,
    10**30, "", "x", "a.b", "é\u2028", "secret://", [], [None], [[1], {}], {}, {"": None},
    {"a": {"b": {}}}, {"into": 1}, [{"on": []}], [{"into": "supplier"}], {"value": []},
]  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a value, containers first."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    found: list[tuple[Any, Any]] = [(value, key) for key in keys]
    for key in keys:
        found += places(value[key])
    return found


def spoiled(text: str, chance: random.Random) -> str:
    located, _ = read(text)
    assert located is not None
    value = copy.deepcopy(located.value)
    for _ in range(chance.randint(1, 3)):
        there = places(value)
        if not there:
            break
        holder, key = chance.choice(there)
        if chance.random() < 0.2:
            del holder[key]
        elif chance.random() < 0.2 and isinstance(holder, dict):
            holder[chance.choice(["", "x", "into", "each", "with", "rank", "fields"])] = copy.deepcopy(
                chance.choice(JUNK)
            )
        else:
            holder[key] = copy.deepcopy(chance.choice(JUNK))
    return json.dumps(value)


@pytest.mark.parametrize("path", list(FILES))
def test_spoiled_files_give_findings_and_never_a_traceback(tmp_path: Path, path: str) -> None:
    chance = random.Random(path)
    for _ in range(60):
        changes: dict[str, str | bytes | None] = {path: spoiled(FILES[path], chance)}
        for finding in findings(tmp_path, changes, chance.choice([None, "prod"])):
            assert finding.line >= 1
            assert finding.column >= 1
            assert finding.message
            assert str(finding).isprintable()


@pytest.mark.parametrize("path", list(FILES))
def test_cut_files_give_findings_and_never_a_traceback(tmp_path: Path, path: str) -> None:
    text = FILES[path].encode()
    for end in range(0, len(text), 7):
        for finding in findings(tmp_path, {path: text[:end]}):
            assert finding.line >= 1
