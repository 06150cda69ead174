"""How right the proposals of field pairs are: precision and recall on labelled sets, tuned on and held out.

The sets stand in tests/data/suggest: fields as metadata of real products name them, and which of them fills which
field of the sample's models.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.contract import Field
from hub.mapping.suggest.pairs import Proposal, Side, proposals
from hub.mapping.suggest.sides import codes_of, of_fields, of_model
from hub.workspace.load import load
from hub.workspace.workspace import Workspace
from hub.workspace.yaml import read

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "suggest"
SETS = ("tuned", "held-out")


@dataclass
class Figures:
    """``proposed`` pairs of which so many are ``right``, of ``wanted`` ones; ``wrong`` tells the others."""

    right: int = 0
    proposed: int = 0
    wanted: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / self.proposed if self.proposed else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.wanted if self.wanted else 1.0

    def add(self, other: Figures) -> None:
        self.right += other.right
        self.proposed += other.proposed
        self.wanted += other.wanted
        self.wrong += other.wrong


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", choices=SETS, help="one of them; default: both")
    parser.add_argument("--reverse", action="store_true", help="from the model to the resource")
    parser.add_argument("--verbose", action="store_true", help="name what is wrong or missing")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    told = {}
    for name in [arguments.set] if arguments.set else SETS:
        started, whole = time.perf_counter(), Figures()
        for title, figures in measured(name, reverse=arguments.reverse):
            whole.add(figures)
            if arguments.verbose:
                print(f"  {title:32} {figures.precision:5.2f} {figures.recall:5.2f}  {figures.right}/{figures.wanted}")
                for line in figures.wrong:
                    print(f"      {line}")
        told[name] = {"precision": round(whole.precision, 3), "recall": round(whole.recall, 3),
                      "pairs": whole.wanted, "seconds": round(time.perf_counter() - started, 2)}  # fmt: skip
        print(f"{name:10} precision {whole.precision:.3f}  recall {whole.recall:.3f}  of {whole.wanted} pairs")
    if arguments.json:
        print(json.dumps(told))
    return 0


def measured(name: str, *, reverse: bool = False) -> Iterator[tuple[str, Figures]]:
    """The figures of each labelled set of a file."""
    located, findings = read((DATA / f"{name}.yaml").read_bytes(), name)
    if located is None or findings:
        raise ValueError(f"{name}.yaml cannot be read: {findings}")
    workspace = load(ROOT)
    for one in located.value:
        yield one["name"], _figures(workspace, one, reverse)


def _figures(workspace: Workspace, one: Mapping[str, Any], reverse: bool) -> Figures:
    model = workspace.model(one["model"])
    ours = of_model(model, codes_of(workspace, model, ""))
    fields = [_field(name, said) for name, said in one["fields"].items()]
    theirs = of_fields(fields, one["key"], one.get("rows") or [])
    about = (one["model"], one["resource"])
    right = {target: [names] if isinstance(names, str) else names for target, names in one["pairs"].items()}
    open_ = set(one.get("open") or ())
    if reverse:
        return _judged_back(proposals(theirs, ours, about), right, open_)
    return _judged(proposals(ours, theirs, about), right, open_)


def _field(name: str, said: str) -> Field:
    kind, _, label = said.partition(" | ")
    return Field(name, kind, title=label)  # type: ignore[arg-type]  # as the file says


def _judged(made: list[Proposal], right: Mapping[str, list[str]], open_: set[str]) -> Figures:
    figures = Figures(wanted=sum(name not in open_ for name in right))
    for one in made:
        target = one.target.text
        if target in open_:
            continue
        figures.proposed += one.source is not None
        good = one.source is not None and _plain(one.source) in right.get(target, ())
        figures.right += good
        if not good and (one.source is not None or target in right):
            got = f"{_plain(one.source)} ({one.score})" if one.source else "-"
            figures.wrong.append(f"{target}: {got}, not {right.get(target, '-')}")
    return figures


def _judged_back(made: list[Proposal], right: Mapping[str, list[str]], open_: set[str]) -> Figures:
    """From the model to the resource: a pair is right where it is so the other way round."""
    figures = Figures(wanted=sum(name not in open_ for name in right))
    for one in made:
        if one.source is None or one.source.text in open_:
            continue
        figures.proposed += 1
        good = _plain(one.target) in right.get(one.source.text, ())
        figures.right += good
        if not good:
            figures.wrong.append(f"{_plain(one.target)}: {one.source.text} ({one.score})")
    return figures


def _plain(side: Side) -> str:
    """A field as the sets name it: its path, without the quotes and places of expressions."""
    return side.text.replace('"', "").replace("[1]", "")
