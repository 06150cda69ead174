"""YAML in the documentation is lint-clean: whole files as workspaces, parts as parts of a file."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from hub.mapping.cases import run_cases
from hub.mapping.check import check
from hub.workspace.load import lint
from hub.workspace.shape import HubFile, MappingFile, ModelFile, SystemFile, TestCase
from hub.workspace.yaml import read
from tests.docs.pages import Block, blocks

NAMES: dict[type[BaseModel], dict[str, Any]] = {
    HubFile: {"hub": "h"},
    SystemFile: {"system": "s", "connector": "files"},
    ModelFile: {"model": "m", "key": ["code"], "fields": {"code": {}}},
    MappingFile: {"mapping": "m", "from": "a.b", "into": "c"},
}
ALL = list(blocks("yaml"))
WHOLE: dict[str, list[Block]] = defaultdict(list)
for one in (*ALL, *blocks("text")):
    if one.place:
        WHOLE[one.page].append(one)


def written(folder: Path, found: list[Block]) -> Path:
    for block in found:
        path = folder / block.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    hub = folder / "config" / "hub.yaml"
    if not hub.exists():
        hub.parent.mkdir(parents=True, exist_ok=True)
        hub.write_text("hub: docs\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("page", [page for page in WHOLE if "environments" not in page])
def test_the_files_of_a_page_are_a_clean_workspace(page: str, tmp_path: Path) -> None:
    workspace, findings = lint(written(tmp_path, WHOLE[page]))
    assert workspace is not None, findings
    assert [*findings, *check(workspace)] == []
    assert [str(result) for result in run_cases(workspace) if not result.ok] == []


def test_the_system_of_the_readme_takes_thirty_lines() -> None:
    parts = [block for block in WHOLE["README.md"] if block.place != "config/hub.yaml"]
    assert len(parts) == 4
    assert sum(len(block.text.splitlines()) - 1 for block in parts) <= 32


@pytest.mark.parametrize("block", [one for one in ALL if not one.place and "title" not in one.info], ids=str)
def test_a_part_is_a_part_of_some_file(block: Block) -> None:
    file, findings = read(block.text.encode(), str(block))
    assert findings == []
    assert file is not None
    assert fits(file.value), "no kind of file takes this"


def fits(value: Any) -> bool:
    """Whether the value, completed by what every such file must hold, is valid."""
    if isinstance(value, list):
        return all(valid(TestCase, one) for one in value)
    return any(valid(shape, {**names, **value}) for shape, names in NAMES.items() if known(shape, value))


def known(shape: type[BaseModel], value: dict[str, Any]) -> bool:
    names = {field.alias or name for name, field in shape.model_fields.items()}
    return bool(value.keys() & names) and (shape is SystemFile or value.keys() <= names)


def valid(shape: type[BaseModel], value: Any) -> bool:
    try:
        shape.model_validate(value)
    except ValidationError:
        return False
    return True


def test_a_part_with_a_wrong_word_would_be_found() -> None:
    assert not fits({"unmatched": "invent"})
    assert not fits({"fields": {"name": {"typ": "text"}}})
