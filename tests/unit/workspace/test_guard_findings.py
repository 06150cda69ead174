"""What ``cophub check`` says about guards, absence and approvals."""

from __future__ import annotations

from pathlib import Path

from hub.errors import Finding
from hub.workspace.load import lint
from tests.unit.workspace.desk import CONNECTORS, write


def found(folder: Path, path: str, content: str) -> list[tuple[str, str, int]]:
    """Level, code and line of all findings after one file is changed."""
    findings: list[Finding] = lint(write(folder, {path: content}), connectors=CONNECTORS)[1]
    return [(one.level, one.code, one.line) for one in findings]


def test_approving_alone_is_worth_knowing(tmp_path: Path) -> None:
    content = "hub: test\napprovals: {four_eyes: off}\n"
    assert found(tmp_path, "config/hub.yaml", content) == [("warning", "approvals.alone", 2)]
