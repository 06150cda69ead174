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


MAPPING = """\
mapping: erp-suppliers
from: erp.Supplier
into: supplier
fields: {code: NO, name: NAME}
"""


def codes(folder: Path, lines: str) -> list[tuple[str, int]]:
    return [(code, line) for _, code, line in found(folder, "mappings/erp-suppliers.yaml", MAPPING + lines)]


def test_everything_that_can_be_written_of_limits_is_clean(tmp_path: Path) -> None:
    lines = """\
canaries: {keys: [1000, [A, 7]], missing: hold}
absent: [{reaction: disable, grace: 1d}, {reaction: delete, grace: 30d}]
guard:
  delete: off
  nulls: 10%
  fields: {name: 5, code: {change: 1%, null: 0}}
  per: {country: {delete: 5, update: 20%}, parent.country: {disable: 3}}
"""
    assert codes(tmp_path, lines) == []


def test_limits_name_fields_that_exist(tmp_path: Path) -> None:
    lines = "guard:\n  fields: {nmae: 5}\n  per: {contry: {delete: 1}, name.x: {delete: 1}, parent.x: {delete: 1}}\n"
    names = ["reference.field", "reference.field", "guard.unit", "reference.field"]
    assert codes(tmp_path, lines) == list(zip(names, [6, 7, 7, 7], strict=True))


def test_reactions_follow_each_other(tmp_path: Path) -> None:
    later = "absent:\n  - {reaction: disable, grace: 30d}\n  - {reaction: delete, grace: 1d}\n"
    assert codes(tmp_path / "a", later) == [("absent.order", 7)]
    backward = "absent:\n  - {reaction: delete, grace: 1d}\n  - {reaction: disable, grace: 2d}\n"
    assert codes(tmp_path / "b", backward) == [("absent.order", 7)]


def test_a_wrong_word_for_off_is_found(tmp_path: Path) -> None:
    assert [line for _, line in codes(tmp_path / "a", "guard: of\n")] == [5]
    assert [line for _, line in codes(tmp_path / "b", "guard: {delete: never}\n")] == [5]
    assert [line for _, line in codes(tmp_path / "c", "absent: [{reaction: remove}]\n")] == [5]


def test_a_target_is_told_to_delete_or_nothing(tmp_path: Path) -> None:
    away = "mapping: away\nfrom: supplier\ninto: crm.Account\nkey: Id\nfields: {Id: code}\n"
    for number, (absent, expected) in enumerate(
        [
            ("delete", []),
            ("ignore", []),
            ("disable", ["absent.outbound"]),
            ("{reaction: delete, grace: 7d}", ["absent.outbound"]),
        ]
    ):
        told = found(tmp_path / str(number), "mappings/away.yaml", f"{away}absent: {absent}\n")
        assert [code for level, code, _ in told if level == "error"] == expected, told
