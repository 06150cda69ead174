"""What holds for every command: help, global options, exit codes, errors, and no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.cli import app as commands
from hub.cli.frame import EXIT_CODES, worst
from hub.cli.reference import cli_page, exit_page
from tests.house.codes import ROOT
from tests.unit.cli.desk import Desk, cophub, desk

HEAVY = (
    "duckdb",
    "sqlalchemy",
    "pyarrow",
    "pydantic",
    "sqlglot",
    "rich.console",
    "yaml",
    "requests",
    "alembic",
)


def test_without_arguments_it_shows_help() -> None:
    said = cophub()
    assert said.code == 0
    assert said.out == cophub("--help").out
    assert all(name in said.out for name in commands.COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom hub.cli.frame import run\nrun(['--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_each_command_says_the_line_that_help_shows(name: str) -> None:
    built = commands.command(name)
    assert built.help.partition("\n\n")[0].replace("\n", " ") == commands.COMMANDS[name][1]
    assert cophub(name, "--help").code == 0


@pytest.mark.parametrize("words", [("--json", "check"), ("check", "--json")])
def test_global_options_stand_before_or_after_the_command(work: Desk, words: tuple[str, ...]) -> None:
    assert work.cophub(*words).json == {"findings": []}


def test_the_option_wins_over_the_variable(
    work: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPHUB_WORKSPACE", str(tmp_path / "nowhere"))
    assert cophub("check").code == 1
    assert cophub("check", "-w", str(work.folder)).code == 0
    monkeypatch.setenv("COPHUB_WORKSPACE", str(work.folder))
    assert cophub("check").code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["plann"], "Did you mean 'plan'"),
        (["plan"], "Missing argument"),
        (["run", "--bogus"], "No such option: --bogus"),
        (["runs", "--limit", "x"], "'x' is not a valid"),
    ],
)
def test_a_wrong_command_line_is_told_with_its_usage(words: list[str], expected: str) -> None:
    said = cophub(*words)
    assert said.code == 2
    assert expected in said.err
    assert "--help" in said.err
    assert cophub(*words, "--json").json["exit"] == 2


def test_an_error_says_what_where_what_to_do_and_its_code(tmp_path: Path) -> None:
    work = desk(tmp_path, migrated=False)
    said = work.cophub("runs")
    assert said.code == 65
    assert said.err.splitlines() == [
        "error: the hub's database has no tables yet",
        f"  where  sqlite:///{work.folder}/.cophub/hub.sqlite",
        "  hint   run: cophub migrate",
        "  code   store.schema",
    ]


def test_an_error_is_an_object_for_programs(work: Desk) -> None:
    said = work.cophub("plan", "erp-supplier", "--json")
    assert said.json == {
        "error": {
            "code": "reference.mapping",
            "message": 'there is no mapping "erp-supplier"',
            "where": "",
            "hint": "did you mean erp-suppliers?",
        },
        "exit": 65,
    }


def test_all_findings_of_a_broken_workspace_are_told(work: Desk) -> None:
    work.edit("mappings/erp-suppliers.yaml", "unmatched: create", "unmatched: creat")
    work.edit("config/systems/erp_files.yaml", "connector: files", "connector: fils")
    said = work.cophub("run", "--all", "--json")
    assert said.code == 65
    assert {one["code"] for one in said.json["findings"]} >= {"value.choice", "connector.unknown"}
    assert "config/systems/erp_files.yaml:4:12: error:" in said.err


def test_a_defect_is_one_line_and_a_file_without_secrets(work: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no way: password=hunter2hunter2")

    monkeypatch.setattr("hub.cli.workspace.lint", broken)
    said = work.cophub("check", "--json")
    (log,) = (work.folder / ".cophub").glob("crash-*.log")
    assert said.code == 70
    assert said.json["incident"] in log.name
    assert "Traceback" not in said.err
    assert "Traceback" in log.read_text()
    assert "hunter2" not in log.read_text() + said.err + said.out
    assert log.stat().st_mode & 0o077 == 0


def test_ctrl_c_ends_cleanly(work: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hub.cli.run.run_exchange", interrupted)
    said = work.cophub("run", "--all", "-q")
    assert said.code == 130
    assert said.err.splitlines()[-1] == "interrupted: what was not committed is rolled back"


def test_the_worst_exit_code_is_the_one_that_asks_most_of_a_person() -> None:
    assert worst([]) == 0
    assert worst([0, 75, 76]) == 76
    assert worst([77, 65, 75]) == 65
    assert worst([70, 65]) == 70


def test_the_reference_pages_are_current() -> None:
    reference = ROOT / "docs" / "reference"
    hint = "run: python -m hub.cli.reference docs/reference"
    assert (reference / "cli.md").read_text(encoding="utf-8") == cli_page(), hint
    assert (reference / "exit-codes.md").read_text(encoding="utf-8") == exit_page(), hint


def test_every_exit_code_of_the_errors_is_documented() -> None:
    from hub import errors

    tree = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert {one.exit_code for one in tree} <= set(EXIT_CODES)  # type: ignore[attr-defined]
