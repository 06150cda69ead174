"""The score of a rule with ``prior`` as SQL: bits of evidence that add up to a probability.

The model is Fellegi's and Sunter's (1969): every field bears evidence log2(m/u), where m is how often records of
the same thing are equal, alike, faintly alike or different in it, u how often others are. A missing value is no
evidence. Bits are taken from the rule, never from the records at hand: two records score the same in every run.
"""

from __future__ import annotations

import math

from hub.exchange.matching.likeness import FAINT, Part

ALIKE = 0.85
"""The likeness from which values are alike; a date with one wrong digit just is."""
REFUSED = -1000.0
"""Bits of what ``least`` rules out."""


def level(part: Part) -> str:
    """0 equal, 1 alike, 2 faintly alike, 3 different, NULL where a value is missing; of column q."""
    found = f"q{part.number}"
    return (
        f"CASE WHEN {found} = 1 THEN 0 WHEN {found} >= {ALIKE} THEN 1 WHEN {found} >= {FAINT} THEN 2 "
        f"WHEN {found} IS NOT NULL THEN 3 END"
    )


def gained(part: Part) -> str:
    """The bits of one field."""
    cases = " ".join(f"WHEN {number} THEN {bits}" for number, bits in enumerate(part.bits or ()))
    return f"CASE {level(part)} {cases} ELSE 0.0 END"


def strength(compared: list[Part], prior: float) -> str:
    """All bits of a pair, of columns q0, q1 …"""
    whole = f"round({bits(prior)} + {' + '.join(gained(part) for part in compared)}, 6)"
    refused = [f"q{part.number} < {part.least}" for part in compared if part.least is not None]
    return f"CASE WHEN {' OR '.join(refused)} THEN {REFUSED} ELSE {whole} END" if refused else whole


def probability(column: str) -> str:
    """Of bits."""
    return f"round(1.0 / (1.0 + pow(2.0, -greatest({column}, {REFUSED}))), 6)"


def bits(probability: float) -> float:
    """The log-odds of a probability, to base 2."""
    return math.log2(probability / (1.0 - probability))
