"""Estimate the bits and the prior of a rule from unlabelled records, by expectation maximization.

u, how often strangers are equal, alike, faintly alike or different in a field, comes from random pairs. m, how often
the same are, comes from the pairs of each block pass, which are rich in them; a pass says nothing of the fields that
make its key, as all its pairs agree there. The prior is the expected share of the same among all pairs. What comes
out goes into the rule's YAML, where it is read and kept: runs never estimate anything.

Sources: Fellegi and Sunter 1969; Winkler 1988; the estimation pass by pass is that of Splink.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hub.exchange.matching.fuzzy import Comparison
from hub.exchange.matching.likeness import Part, blocked
from hub.exchange.matching.odds import level

SAMPLE, RANDOM = 20_000, 1_000
"""Records whose pairs are counted, and records on each side of the random pairs."""
ROUNDS = 200
STILL = 1e-5
LEVELS = 4
MOST_BITS = 20.0
OTHER = "CAST(l._row AS VARCHAR) <> CAST(r._row AS VARCHAR)"

Pattern = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """``prior``, bits per field (equal, alike, faintly alike, different), and the number of pairs it rests on: those
    compared, and those of them expected to be the same."""

    prior: float
    bits: dict[str, list[float]]
    compared: int
    same: float


@dataclass(slots=True)
class _Passed:
    """One pass: how many pairs show which levels, which fields it tells of, the share of the same in it."""

    patterns: dict[Pattern, int]
    open: list[int]
    share: float = 0.5


def learn(made: Comparison, right: str) -> Learned | None:
    """From ``new_form`` beside ``right``, which may be the same table; None where no pass has a pair."""
    run, fields = made.run, made.compared
    run.sql(f"CREATE OR REPLACE TABLE sampled AS SELECT * FROM new_form ORDER BY hash(_row) LIMIT {SAMPLE}")
    run.sql(f"CREATE OR REPLACE TABLE few_l AS SELECT * FROM new_form ORDER BY hash(_row) LIMIT {RANDOM}")
    run.sql(f"CREATE OR REPLACE TABLE few_r AS SELECT * FROM {right} ORDER BY hash(_row, 1) LIMIT {RANDOM}")
    random = _patterns(made, f"({made.scored(f'few_l l JOIN few_r r ON {OTHER}')})")
    passes, every = [], []
    for number, (source, _) in enumerate(made.sources("sampled", right, f"AND {OTHER}")):
        run.sql(f"CREATE OR REPLACE TABLE pass{number} AS {made.scored(source)}")
        keys = set(blocked(made.rule, number))
        told = [place for place, part in enumerate(fields) if part.name not in keys]
        passes.append(_Passed(_patterns(made, f"pass{number}"), told))
        every.append(f"SELECT * FROM pass{number}")
    union = _patterns(made, f"({' UNION '.join(every)})")
    if not union or not random:
        return None
    pairs = run.one(f"SELECT (SELECT count(*) FROM sampled) * (SELECT count(*) FROM {right})")
    m, u, prior = _maximized(fields, random, passes, union, float(pairs))
    seen = [{one[place] for one in union} | {one[place] for one in random} for place in range(len(fields))]
    bits = {part.name: _bits(m[place], u[place], seen[place]) for place, part in enumerate(fields)}
    return Learned(float(f"{prior:.2g}"), bits, sum(union.values()), prior * pairs)


def _patterns(made: Comparison, pairs: str) -> dict[Pattern, int]:
    listed = ", ".join(level(part) for part in made.compared)
    return {
        tuple(row[:-1]): row[-1]
        for row in made.run.sql(f"SELECT {listed}, count(*) FROM {pairs} GROUP BY ALL")
    }


def _maximized(
    fields: list[Part],
    random: dict[Pattern, int],
    passes: list[_Passed],
    union: dict[Pattern, int],
    pairs: float,
) -> tuple[list[list[float]], list[list[float]], float]:
    """m and u per field and level, and the prior."""
    places = range(len(fields))
    m = [[0.7, 0.15, 0.1, 0.05] for _ in places]
    u = [_shares(random, place) for place in places]
    prior = 1.0 / math.sqrt(pairs)
    for _ in range(ROUNDS):
        gained = [list(shares) for shares in u]  # one more pair that says nothing
        for one in passes:
            same = _weigh(one.patterns, one.share, one.open, m, u, gained)
            one.share = min(max(same / max(sum(one.patterns.values()), 1), 1e-6), 1 - 1e-6)
        new = [[count / sum(counts) for count in counts] for counts in gained]
        moved = max(
            abs(a - b) for old, now in zip(m, new, strict=True) for a, b in zip(old, now, strict=True)
        )
        m = new
        prior = max(_weigh(union, prior, list(places), m, u, None) / pairs, 1.0 / pairs)
        strangers = {one: n * (1 - _same(one, prior, list(places), m, u)) for one, n in random.items()}
        u = [_shares(strangers, place) for place in places]
        if moved < STILL:
            break
    return m, u, prior


def _weigh(
    patterns: dict[Pattern, int],
    share: float,
    open_: list[int],
    m: list[list[float]],
    u: list[list[float]],
    gained: list[list[float]] | None,
) -> float:
    """The expected number of the same; their levels are added to ``gained``."""
    whole = 0.0
    for pattern, count in patterns.items():
        same = count * _same(pattern, share, open_, m, u)
        whole += same
        for place in open_ if gained is not None else ():
            found = pattern[place]
            if found is not None and gained is not None:
                gained[place][found] += same
    return whole


def _same(
    pattern: Pattern, share: float, open_: list[int], m: list[list[float]], u: list[list[float]]
) -> float:
    odds = share / (1.0 - share)
    for place in open_:
        found = pattern[place]
        if found is not None:
            odds *= m[place][found] / u[place][found]
    return odds / (1.0 + odds)


def _shares(patterns: dict[Pattern, float] | dict[Pattern, int], place: int) -> list[float]:
    """How often each level is among the filled; a level never seen counts as half a pair."""
    counts = [0.5] * LEVELS
    for pattern, count in patterns.items():
        found = pattern[place]
        if found is not None:
            counts[found] += count
    return [count / sum(counts) for count in counts]


def _bits(m: list[float], u: list[float], seen: set[int | None]) -> list[float]:
    """log2(m/u); a level that no pair shows is no evidence, nor more than the one above it."""
    found: list[float] = []
    for number, (same, other) in enumerate(zip(m, u, strict=True)):
        bits = max(-MOST_BITS, min(MOST_BITS, math.log2(same / other)))
        found.append(round(bits if number in seen else min([0.0, *found]), 1))
    return found
