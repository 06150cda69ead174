"""The fault matrix as data: what can go wrong, which promise it tries, and the tests that prove it.

A test is put into a row by ``@row(14, "the answer is lost after the target applied it")``. The page
``docs/reference/faults.md`` is read out of these marks without running anything::

    python -m tests.faults.matrix docs/reference       # write the page
    python -m tests.faults.matrix --results            # the rows with the results of the last `make matrix`

Run as a plugin (``pytest -p tests.faults.matrix``) it notes how each marked test ended.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".tools" / "faults.json"
MARK = "row"

FAULTS: dict[int, tuple[str, str]] = {
    1: ("The process is killed after a page was fetched, before it is mapped", "P1 P3"),
    2: ("The process is killed after mapping, before the target is called", "P1"),
    3: ("The process is killed after the target applied a change, before that is stored", "P2"),
    4: ("The process is killed after the acknowledgement, before the watermark is committed", "P2 P3"),
    5: ("The process is killed between the commit and the publishing of its event", "P1"),
    6: ("The process is killed after an event was published, before the outbox knows", "P2"),
    7: ("A stopped run is taken over and wakes up later", "P6"),
    8: ("The source times out, or resets the connection after any byte", "P1 P3"),
    9: ("The paging token expires in the middle of the pages", "P1"),
    10: ("Records change or come while pages are read", "P1"),
    11: ("Many records share one timestamp across pages", "P1"),
    12: ("A long transaction of the source commits with an old timestamp", "P1"),
    13: ("The target answers 429 with Retry-After as seconds, as a date, or without", "P8"),
    14: ("The target answers 500 or not at all, and the outcome is unknown", "P2"),
    15: ("A batch fails in part with status 200", "P1 P7"),
    16: ("The target says yes and has not written", "P7"),
    17: ("The target was changed by hand since the last run", "P4 P9"),
    18: ("The same delivery or event comes twice", "P2"),
    19: ("Events come out of order", "P4"),
    20: ("The database drops the connection in the middle of a transaction", "P1 P3"),
    21: ("The database restarts", "P1 P3"),
    22: ("Deadlock or serialization failure", "P1 P6"),
    23: ("The broker restarts or blocks", "P1"),
    24: ("The broker lost all it had", "P1"),
    25: ("A message is acknowledged on a dead channel", "P2"),
    26: ("The disk is full: database, scratch, kept runs", "P1 P8"),
    27: ("A clock jumps, changes its offset, or is ahead of ours", "P1 P4"),
    28: ("A poison record: wrong type, NUL, rare characters, not a number", "P1 P7"),
    29: ("The schema drifts: a column is removed, renamed, retyped or new", "P1 P5"),
    30: ("A huge record, or a huge page", "P8"),
    31: ("A file is cut, in the wrong encoding, or replaced while it is read", "P1 P5"),
    32: ("Mass delete: an empty source, a swallowed 401, a wrong filter", "P5"),
    33: ("Mass change: one column becomes empty for most records", "P5"),
    34: ("The snapshot is incomplete: a page is missing, fewer than announced", "P5"),
    35: ("Several runs of one exchange at once", "P6"),
    36: ("The configuration changes in the middle of a run", "P9"),
    37: ("Credentials expire in the middle of a run; a storm of 401", "P8"),
    38: ("TLS: expired, for another host, self-signed, too old", "P10"),
    39: ("One byte at a time", "P8"),
    40: ("HTTP oddities: a login page with status 200, 204, a gzip bomb, a wrong length", "P5 P8"),
    41: ("No DNS, a half-open connection, a proxy that refuses", "P8 P3"),
    42: ("SIGTERM in the middle of a run", "P1 P2 P3"),
    43: ("A to-do is approved twice, or after its source closed it", "P2"),
    44: ("The source of a to-do is down while a person acts on it", "P1"),
    45: ("The hub's database is restored to an earlier hour", "P2"),
    46: ("A migration is interrupted", "P1"),
    47: ("A refresh token, code or ticket is used in parallel", "P2"),
    48: ("The target of a back-channel logout is down", "P7"),
    49: ("Two writers change one SCIM group", "P4"),
    50: ("Faults in random sequences, all of the above mixed", "P1 P2 P3 P4 P5 P6 P7 P8 P9"),
}


def row(number: int, case: str) -> pytest.MarkDecorator:
    """Put a test into a row of the matrix; ``case`` says which form of the fault it tries."""
    if number not in FAULTS:
        raise ValueError(f"the matrix has no row {number}")
    return pytest.mark.row(number, case)


@dataclass(frozen=True, slots=True)
class Proof:
    """One test in one row."""

    number: int
    case: str
    path: str
    name: str
    soak: bool

    @property
    def node(self) -> str:
        return f"{self.path}::{self.name}"


@cache
def proofs() -> tuple[Proof, ...]:
    """Every marked test, in the order of rows, files and lines."""
    found = [proof for path in sorted((ROOT / "tests").rglob("test_*.py")) for proof in _marked(path)]
    return tuple(sorted(found, key=lambda proof: proof.number))


def _marked(path: Path) -> Iterator[Proof]:
    text = path.read_text(encoding="utf-8")
    if f"import {MARK}" not in text and f", {MARK}" not in text:
        return
    for node in ast.parse(text).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        calls = [one for one in node.decorator_list if isinstance(one, ast.Call)]
        soak = any(ast.unparse(one) == "pytest.mark.soak" for one in node.decorator_list)
        for call in calls:
            if isinstance(call.func, ast.Name) and call.func.id == MARK:
                number, case = (ast.literal_eval(argument) for argument in call.args)
                yield Proof(number, case, path.relative_to(ROOT).as_posix(), node.name, soak)


def page() -> str:
    """The reference page."""
    tried = {proof.number for proof in proofs()}
    lines = [
        "# Faults and proofs",
        "",
        "What can go wrong, the promise it tries, and the tests that prove the promise holds. The oracle is the",
        "simulators' append-only log of operations, never what the hub says of itself. `make matrix` runs every",
        "test below and prints how each row ended.",
        "",
        f"{len(tried)} of {len(FAULTS)} rows are automated by {len({proof.node for proof in proofs()})} tests. "
        "Written by `python -m tests.faults.matrix docs/reference`; a test compares.",
        "",
        "| row | fault | promises | proof | result |",
        "|---|---|---|---|---|",
    ]
    for number, (fault, promises) in FAULTS.items():
        own = [proof for proof in proofs() if proof.number == number]
        told = "<br>".join(f"{proof.case}: `{proof.path.removeprefix('tests/')}::{proof.name}`" for proof in own)
        where = "every check" if any(not proof.soak for proof in own) else "`make soak`"
        lines.append(f"| `{number}` | {fault} | {promises} | {told} | {where if own else 'not built yet'} |")
    return "\n".join(lines) + "\n"


# ------------------------------------------------------------ results


_ended: dict[str, str] = {}
_RANK = ("passed", "skipped", "failed")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The worst end of every case of a test counts."""
    if report.when == "call" or report.outcome != "passed":
        node = report.nodeid.partition("[")[0]
        _ended[node] = max(_ended.get(node, "passed"), report.outcome, key=_RANK.index)


def pytest_sessionfinish() -> None:
    """Note how they ended."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(_ended, indent=0), encoding="utf-8")


def results() -> Iterator[str]:
    """One line per row: its worst end, and the tests that did not pass."""
    ended = json.loads(RESULTS.read_text(encoding="utf-8"))
    for number, (fault, _) in FAULTS.items():
        own = {proof.node: ended.get(proof.node, "not run") for proof in proofs() if proof.number == number}
        worst = max(own.values(), key=("passed", "skipped", "not run", "failed").index, default="not built yet")
        yield f"{number:3}  {worst:13}  {fault}"
        yield from (f"{'':20}{end}: {node}" for node, end in own.items() if end != "passed")


def main() -> int:
    match sys.argv[1:]:
        case ["--results"]:
            print("\n".join(results()))
        case ["--nodes"]:
            print("\n".join(sorted({proof.node for proof in proofs()})))
        case [folder]:
            (Path(folder) / "faults.md").write_text(page(), encoding="utf-8")
        case _:
            print(__doc__)
            return 64
    return 0


if __name__ == "__main__":
    sys.exit(main())
