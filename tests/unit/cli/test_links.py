"""``links import``: what is planned is shown, and ``apply`` does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk, desk

MORE = """\
mapping: more-suppliers
from: erp_files.suppliers
into: supplier
fields: {code: {value: number, strength: weak}}
"""
TABLE = "key,code\n9001,1001\n9002,1003\n"


@pytest.fixture
def made(tmp_path: Path) -> Desk:
    made = desk(tmp_path)
    assert made.cophub("run", "erp-suppliers", "--initial").code == 0
    (made.folder / "mappings/more-suppliers.yaml").write_text(MORE, encoding="utf-8")
    (made.folder / "table.csv").write_text(TABLE, encoding="utf-8")
    return made


def test_an_import_is_planned_shown_and_applied(made: Desk) -> None:
    words = ("links", "import", str(made.folder / "table.csv"), "--exchange", "more-suppliers", "--reason", "old")
    said = made.cophub(*words)
    assert (said.code, "2 × unseen" in said.out, "To do it: cophub apply" in said.out) == (0, True, True)
    (plan,) = made.cophub("--json", *words).json["plans"]
    shown = made.cophub("plan", "show", plan["plan"]).out
    assert "= link 9001" in " ".join(shown.split())
    done = made.cophub("--json", "apply", plan["plan"])
    assert (done.code, done.json["counts"]["linked"]) == (0, 2)
    assert made.cophub("--json", *words).json == {
        "lines": 2, "counts": {"said": 2}, "conflicts": 0, "shown": [], "plans": [],
    }  # fmt: skip


def test_lines_that_contradict_make_no_plan(made: Desk) -> None:
    (made.folder / "table.csv").write_text("key,code\n1,1001\n1,1003\n", encoding="utf-8")
    said = made.cophub(
        "links", "import", str(made.folder / "table.csv"), "--exchange", "more-suppliers", "--reason", "old"
    )
    assert (said.code, "2 lines cannot be imported" in said.out, "plan" in said.out) == (1, True, False)
