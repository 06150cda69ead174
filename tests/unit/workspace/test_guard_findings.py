"""What ``cophub check`` says about guards, absence and approvals."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_ranges_ascend_and_are_of_records_that_are_read(tmp_path: Path) -> None:
    assert codes(tmp_path / "a", "split: {by: NO, at: [10, 20]}\n") == []
    assert [line for _, line in codes(tmp_path / "b", "split: {by: NO, at: [20, 10]}\n")] == [5]
    assert [line for _, line in codes(tmp_path / "c", "split: {by: NO, at: [10, B]}\n")] == [5, 5]
    assert codes(tmp_path / "d", "each: LINES as p\nsplit: {by: NO, at: [B]}\n")[-1] == ("split.each", 6)
    away = AWAY + "split: {by: Id, at: [B]}\n"
    assert ("error", "split.direction", 6) in found(tmp_path / "e", "mappings/away.yaml", away)


AWAY = "mapping: away\nfrom: supplier\ninto: crm.Account\nkey: Id\nfields: {Id: code, Name: name}\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("absent: delete", []),
        ("absent: keep", []),
        ("absent: {reaction: delete, grace: 7d}", []),
        ("absent: disable\ndisable: {Name: left}", []),
        ("absent: [{reaction: disable}, {reaction: delete, grace: 30d}]\ndisable: {Name: left}", []),
        ("where: country = 'DE'\nout_of_scope: {reaction: disable, grace: 1d}\ndisable: {Name: left}", []),
        ("absent: [{reaction: delete, grace: 1d}, {reaction: disable, grace: 2d}]\ndisable: {Name: left}",
         ["absent.order"]),
        ("absent: ignore", ["reaction.direction"]),
        ("absent: [{reaction: disable}, {reaction: unlink, grace: 1d}]\ndisable: {Name: left}",
         ["reaction.direction"]),
        ("out_of_scope: unlink", ["reaction.direction", "reaction.unused"]),
        ("out_of_scope: delete", ["reaction.unused"]),
        ("absent: disable", ["disable.missing"]),
        ("absent: delete\ndisable: {Name: left}", ["disable.unused"]),
        ("absent: disable\ndisable: {Id: x}", ["disable.key"]),
        ("absent: disable\ndisable: {Nmae: left}", ["disable.unmapped"]),
        ("absent: disable\ndisable: {Name: [1]}", ["value.type"]),
    ],
)  # fmt: skip
def test_a_target_keeps_disables_or_deletes(tmp_path: Path, lines: str, expected: list[str]) -> None:
    told = found(tmp_path, "mappings/away.yaml", f"{AWAY}{lines}\n")
    assert sorted(code for _, code, _ in told) == sorted(expected), told


def test_words_of_targets_say_nothing_of_a_model(tmp_path: Path) -> None:
    assert codes(tmp_path / "a", "absent: keep\n") == [("reaction.direction", 5)]
    assert codes(tmp_path / "b", "out_of_scope: keep\n") == [("reaction.direction", 5)]
    assert codes(tmp_path / "c", "disable: {name: x}\n") == [("key.direction", 5)]


WHOLE = """\
system: out
connector: desk
url: https://out.example.com
resources:
  list: {key: [Id], fields: {Id: text, Name: text}, whole: true}
"""


@pytest.mark.parametrize("line", ["absent: keep", "out_of_scope: keep", "disable: {Name: left}", "absent: delete"])
def test_what_leaves_a_whole_file_cannot_stay_in_it(tmp_path: Path, line: str) -> None:
    folder = write(tmp_path, {"config/systems/out.yaml": WHOLE})
    told = found(folder, "mappings/away.yaml", AWAY.replace("crm.Account", "out.list") + line + "\n")
    assert [code for _, code, _ in told] == ([] if line == "absent: delete" else ["reaction.whole"])
