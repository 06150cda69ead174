"""What ``cophub check`` says of match rules and reactions that cannot mean what is written."""

from __future__ import annotations

from typing import Any

import pytest

from hub.mapping.check import check
from tests.unit.mapping.bench import inbound, workspace

FIELDS = {"no": "Id", "name": "Name", "born": "B::DATE", "count": "C::BIGINT", "active": "A = '1'"}
GOOD: dict[str, Any] = {"on": ["name", "born"], "at_least": 0.9, "block": ["sound(name)"]}


def found(**more: Any) -> list[tuple[str, str]]:
    return [(one.level, one.code) for one in check(workspace(inbound(FIELDS) | more))]


def test_a_rule_of_likeness_with_blocks_is_taken() -> None:
    weighted = {"on": {"name": {"by": "company", "weight": 2.0}, "born": {}}, "review": 0.7}
    bits = {"bits": [7.0, 5.0, 0.0, -3.0]}
    odds = {"on": {"name": bits | {"swap": "no"}, "no": bits}, "prior": 0.01, "block": ["either(name, no)"]}
    assert found(match=[GOOD, GOOD | weighted, GOOD | odds, ["no"]]) == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"block": []}, "match.unblocked"),
        ({"review": 0.9}, "match.thresholds"),
        ({"at_least": None, "review": 0.9, "then": "review", "block": ["start(name)"]}, "match.block"),
        ({"block": [["words(name)", "words(no)"]]}, "match.block"),
        ({"block": ["soundex(name)"]}, "match.block"),
        ({"on": {"born": {"by": "company"}}}, "match.comparator"),
        ({"on": {"count": {"by": "name"}}}, "match.comparator"),
        ({"at_least": None}, "match.exact"),
        ({"at_least": None, "block": [], "on": {"name": {"weight": 2.0}}}, "match.exact"),
        ({"on": ["tags"]}, "match.list"),
        ({"block": ["either(name)"]}, "match.block"),
        ({"block": [["either(name, no)", "words(name)"]]}, "match.block"),
        ({"prior": 0.01}, "match.bits"),
        ({"on": {"name": {"bits": [7.0, 5.0, 0.0, -3.0]}}}, "match.bits"),
        ({"on": {"name": {"bits": [7.0, 5.0, 0.0, -3.0], "weight": 2.0}}, "prior": 0.01}, "match.bits"),
        ({"on": {"name": {"swap": "name"}}}, "match.swap"),
        ({"on": {"name": {"swap": "no"}}}, "match.swap"),
        ({"on": {"name": {"swap": "no"}, "no": {"swap": "name"}}}, "match.swap"),
        ({"on": {"name": {"swap": "no", "by": "name"}, "no": {}}}, "match.swap"),
        ({"on": {"born": {"by": "email"}}}, "match.comparator"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(rule: dict[str, Any], code: str) -> None:
    assert ("error", code) in found(match=[GOOD | rule])


def test_a_rule_that_links_nothing_is_told() -> None:
    assert found(match=[GOOD | {"at_least": None, "review": 0.8}]) == [("warning", "match.links_nothing")]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"unmatched": [{"when": "nmae = 'x'", "then": "create"}]}, "field.unknown"),
        ({"unmatched": [{"when": "seen IS NULL", "then": "create"}]}, "field.unknown"),
        ({"linked": [{"when": "[name]", "then": "update"}]}, "expression.type"),
        ({"linked": [{"when": "name > born + 'x'", "then": "update"}]}, "expression.type"),
        ({"ambiguous": [{"then": "review"}, {"when": "active", "then": "ignore"}]}, "reaction.unreachable"),
        ({"collision": [{"when": "pinyin(name) = 'x'", "then": "ignore"}]}, "reaction.lookup"),
        ({"out_of_scope": {"reaction": "disable"}}, "reaction.unused"),
    ],
)
def test_a_reaction_that_cannot_work_is_found(more: dict[str, Any], code: str) -> None:
    assert code in [one for _, one in found(**more)]


def test_steps_with_conditions_over_mapped_fields_are_taken() -> None:
    steps = [{"when": "born < DATE '2000-01-01' AND active", "then": "create"}, {"then": "review"}]
    assert found(unmatched=steps, out_of_scope={"reaction": "disable"}, where="A = '1'") == []
