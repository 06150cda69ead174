"""A match rule tried on two tables of a run file, as the resolve stage applies it; and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.exchange.matching.fuzzy import Comparison, assign, comparison
from hub.exchange.runfile import RunFile
from hub.workspace.matching import MatchRule
from hub.workspace.shape import ModelFile
from hub.workspace.yaml import read


@dataclass(frozen=True, slots=True)
class Quality:
    """What was found against what is there."""

    found: int
    right: int
    there: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.there if self.there else 1.0


def rules_of(file: Path) -> dict[str, Any]:
    """A file of such sets, read as every file of a workspace."""
    found, findings = read(file.read_bytes(), str(file))
    assert found is not None, findings
    value: dict[str, Any] = found.value
    return value


def rule_of(set_: dict[str, Any]) -> tuple[MatchRule, ModelFile]:
    """A set's rule, and a model of its fields, from ``{fields, rule}``."""
    fields = {name: {"type": type_} for name, type_ in set_["fields"].items()}
    model = ModelFile.model_validate({"model": "tried", "key": [next(iter(fields))], "fields": fields})
    return MatchRule.model_validate(set_["rule"]), model


def link(run: RunFile, rule: MatchRule, model: ModelFile, new: str, golden: str) -> Comparison:
    """``fates`` (key, entity, score, fate): what becomes of each row of ``new`` (id, fields) beside ``golden``."""
    made = comparison(run, rule, model)
    made.forms("new_form", f"SELECT id AS _row, * FROM {new}")
    made.forms("golden_form", f"SELECT id AS _row, * FROM {golden}")
    made.pairs("likely", "golden_form", made.needed)
    run.sql("CREATE OR REPLACE TABLE claimed (entity VARCHAR)")
    assign(made)
    return made


def alike(run: RunFile, rule: MatchRule, model: ModelFile, rows: str) -> Comparison:
    """``likely`` (l, r, score): the pairs within ``rows`` (id, fields) that are alike; ``together`` (l, r): those
    that are taken for the same."""
    made = comparison(run, rule, model)
    made.forms("new_form", f"SELECT id AS _row, * FROM {rows}")
    made.pairs("likely", "new_form", made.needed, within=True)
    made.together()
    return made


def worth(run: RunFile, found: str, truth: str) -> Quality:
    """Of the pairs (l, r) that two queries give."""
    counts = run.sql(f"""SELECT (SELECT count(*) FROM ({found})), (SELECT count(*) FROM ({truth})),
        (SELECT count(*) FROM (SELECT l, r FROM ({found}) INTERSECT SELECT l, r FROM ({truth})))""")[0]
    return Quality(counts[0], counts[2], counts[1])
