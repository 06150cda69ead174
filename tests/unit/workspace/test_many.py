"""Many mappings at once."""

from __future__ import annotations

from pathlib import Path

from hub.workspace.load import lint, load

from .many import make


def test_many_mappings_lint_clean_and_load_the_same_whatever_came_first(tmp_path: Path) -> None:
    make(tmp_path / "a", 60)
    make(tmp_path / "b", 60)
    for path in sorted((tmp_path / "b" / "mappings").iterdir(), reverse=True):
        path.write_bytes(path.read_bytes())
    workspace, found = lint(tmp_path / "a")
    assert found == []
    assert workspace is not None
    assert len(workspace.mappings) == len(workspace.tests) == 60
    assert load(tmp_path / "b").hash == workspace.hash


def test_one_mistake_in_each_of_many_files_is_found_in_each(tmp_path: Path) -> None:
    make(tmp_path, 60)
    for path in (tmp_path / "mappings").glob("*[0-9].yaml"):
        path.write_text(path.read_text(encoding="utf-8").replace("guard:", "gaurd:"), encoding="utf-8")
    found = lint(tmp_path)[1]
    assert [one.code for one in found] == ["key.unknown"] * 60
    assert {one.hint for one in found} == {"did you mean guard?"}
