"""What each connector is tested against, computed from the results of tests.

A test says it by a marker, of itself or of its module: ``@pytest.mark.against("sql", "PostgreSQL", "real")``, the
connector or profile, the system, and its kind. A run keeps its results in ``.tools/tested``;
``python -m tests.house.tested docs/reference`` folds them into ``tests/house/tested.json`` and writes the page from
it. A test compares the file with the markers that exist: who marks a new test runs it, and folds.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.workspace.connectors import shipped

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = Path(__file__).with_suffix(".json")
RESULTS = ROOT / ".tools" / "tested"
PAGE = "connectors.md"
KINDS = {
    "real": "the system itself, installed and running",
    "simulator": "a stand-in that answers as its maker's documentation says, and misbehaves when told to",
    "recording": "files, messages or descriptions that others made with real systems",
}
MARK = "against"
Claim = tuple[str, str, str, str]
"""Connector or profile, system, kind, and the module of the tests."""

PREFACE = """# Connectors

What each connector and profile can do, and what it is tested against: computed from the results of tests that name
their system, not written by hand. Written by `python -m tests.house.tested`; a test compares.

"""


# ---------------------------------------------------------------- while tests run

_seen: dict[Claim, dict[str, bool]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note how a marked test ended; what was skipped says nothing."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed or (report.when == "call" and report.passed):
        module = item.path.relative_to(ROOT).as_posix()
        for mark in item.iter_markers(MARK):
            ended = _seen.setdefault((*mark.args, module), {})
            name = re.sub(r"\[.*", "", item.name)
            ended[name] = ended.get(name, True) and not report.failed
    return report  # type: ignore[return-value]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the results; of a run that was told to leave some tests out, those that ran."""
    if not _seen:
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    told = [[*claim, ended] for claim, ended in sorted(_seen.items())]
    (RESULTS / f"{os.getpid()}.json").write_text(json.dumps(told), encoding="utf-8")


# ---------------------------------------------------------------- afterwards


def markers() -> set[Claim]:
    """The markers that exist, read from the tests."""
    found: set[Claim] = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if f"mark.{MARK}(" in text:
            module = path.relative_to(ROOT).as_posix()
            found |= {(*words, module) for words in _marked(ast.parse(text))}
    return found


def _marked(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == MARK:
            connector, system, kind = (str(ast.literal_eval(one)) for one in node.args)
            yield connector, system, kind


def summary() -> dict[Claim, int]:
    """The committed summary: how many tests of a module passed against a system."""
    rows = json.loads(SUMMARY.read_text(encoding="utf-8")) if SUMMARY.exists() else []
    return {(connector, system, kind, module): number for connector, system, kind, module, number in rows}


def fold(folder: Path = RESULTS) -> tuple[dict[Claim, int], list[str]]:
    """The summary with the kept results in it, and the tests whose last result is a failure: of their module and
    system the summary stays as it was. What no marker claims any more is left out."""
    known, claimed = summary(), markers()
    latest: dict[Claim, dict[str, bool]] = {}
    for path in sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns):
        for connector, system, kind, module, ended in json.loads(path.read_text(encoding="utf-8")):
            latest.setdefault((connector, system, kind, module), {}).update(ended)
    failed = [f"{claim[3]}::{name}" for claim, ended in latest.items() for name, good in ended.items() if not good]
    for claim, ended in latest.items():
        if all(ended.values()):
            known[claim] = max(len(ended), known.get(claim, 0))
    return {claim: number for claim, number in sorted(known.items()) if claim in claimed}, sorted(failed)


def page() -> str:
    """The reference page."""
    lines = ["| connector | what it is | reads | writes | tested against |", "|---|---|---|---|---|"]
    connectors = shipped()
    for name in connectors.connectors():
        spec = connectors.spec(name)
        assert spec is not None
        link = f"[{name}](connector-{name}.md)"
        reads, writes = ("yes" if able else "no" for able in (spec.reads, spec.writes))
        lines.append(f"| {link} | {spec.title} | {reads} | {writes} | {_told(name)} |")
    lines += ["", "## Profiles", "", "| profile | product | of | tested against |", "|---|---|---|---|"]
    for name in connectors.profiles():
        profile = connectors.profile(name)
        assert profile is not None
        link, product = f"[{name}](connector-{profile.connector}.md)", " / ".join(_names(profile.title))
        lines.append(f"| {link} | {product} | {profile.connector} | {_told(name)} |")
    lines += ["", "## Kinds", ""]
    lines += [f"- **{kind}**: {meaning}" for kind, meaning in KINDS.items()]
    return PREFACE + "\n".join(lines) + "\n"


def _names(title: Any) -> list[str]:
    """A title in its languages, each name once."""
    return [title] if isinstance(title, str) else list(dict.fromkeys(title.values()))


def _told(name: str) -> str:
    """The systems by kind."""
    found: dict[str, set[str]] = {}
    for connector, system, kind, _ in summary():
        if connector == name:
            found.setdefault(kind, set()).add(system)
    parts = [f"**{kind}**: {', '.join(sorted(found[kind]))}" for kind in KINDS if kind in found]
    return "<br>".join(parts) or "nothing yet"


def main(arguments: list[str]) -> int:
    folded, failed = fold()
    if failed:
        sys.stderr.write(f"left as they were, because these tests failed: {', '.join(failed)}\n")
    text = ",\n".join(f"  {json.dumps([*claim, number], ensure_ascii=False)}" for claim, number in folded.items())
    SUMMARY.write_text(f"[\n{text}\n]\n", encoding="utf-8")
    Path(arguments[0], PAGE).write_text(page(), encoding="utf-8")
    for path in () if failed else RESULTS.glob("*.json"):
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [str(ROOT / "docs" / "reference")]))
