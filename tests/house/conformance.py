"""Which modules of the OpenID conformance suite pass, from the results of the tests that port them.

A test says it by a marker, ``@pytest.mark.suite(PLAN, MODULE)``. A run keeps its results in ``.tools/conformance``;
``python -m tests.house.conformance docs/reference`` folds them into ``tests/house/conformance.json`` and writes the
page from it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = Path(__file__).with_suffix(".json")
RESULTS = ROOT / ".tools" / "conformance"
PREFACE = """# Conformance

Modules of the [OpenID conformance suite](https://openid.net/certification/about-conformance-suite/), ported as tests
(`tests/unit/provider`; those of relying parties, `oidcc-client-…`, in `tests/unit/login`), and how each ended when it
ran last. The suite itself was not run: it needs a Java server and a browser from outside. All requests of ours carry
PKCE, which the provider demands; the suite's sends it in one module.
Written by `python -m tests.house.conformance`; a test compares.

"""
_seen: dict[str, str] = {}


class Noting:
    """A plugin of pytest: notes how a marked test ended; what was skipped says nothing."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        report: pytest.TestReport = yield  # type: ignore[assignment]
        if report.failed or (report.when == "call" and report.passed):
            for mark in item.iter_markers("suite"):
                name = "\t".join(mark.args)
                _seen[name] = "failed" if report.failed or _seen.get(name) == "failed" else "passed"
        return report  # type: ignore[return-value]

    def pytest_sessionfinish(self) -> None:
        if _seen:
            RESULTS.mkdir(parents=True, exist_ok=True)
            (RESULTS / f"{os.getpid()}.json").write_text(json.dumps(_seen), encoding="utf-8")


def summary() -> dict[str, str]:
    """The committed summary: plan and module → passed or failed."""
    return dict(json.loads(SUMMARY.read_text(encoding="utf-8"))) if SUMMARY.exists() else {}


def fold(folder: Path = RESULTS) -> dict[str, str]:
    """The summary with the kept results in it, the newest last."""
    known = summary()
    for path in sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns):
        known |= json.loads(path.read_text(encoding="utf-8"))
    return dict(sorted(known.items()))


def page(known: dict[str, str]) -> str:
    """The reference page."""
    plans: dict[str, list[tuple[str, str]]] = {}
    for name, ended in known.items():
        plan, module = name.split("\t")
        plans.setdefault(plan, []).append((module, ended))
    parts = [PREFACE]
    for plan, modules in plans.items():
        good = sum(ended == "passed" for _, ended in modules)
        rows = "".join(f"| `{module}` | {ended} |\n" for module, ended in modules)
        parts.append(f"## {plan}\n\n{good} of {len(modules)} passed.\n\n| module | result |\n|---|---|\n{rows}\n")
    return "".join(parts).rstrip("\n") + "\n"


def main(folder: Path) -> None:
    """Fold, and write the page."""
    known = fold()
    SUMMARY.write_text(json.dumps(known, indent=0) + "\n", encoding="utf-8")
    (folder / "conformance.md").write_text(page(known), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
