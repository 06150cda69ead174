"""Which field of one side is which of the other: scores of all pairs, and the one-to-one choice of the best total.

The choice is the Hungarian method of our own: forty lines, where scipy, which no lock has, would be 40 MB for one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.mapping.suggest.values import Expected, Sample, judged, telling
from hub.mapping.suggest.words import Meaning, alike, meant, parts, subjects

PROPOSED: Final = 0.55
"""From this score on a pair is proposed; the figures for it are in docs/how-to/suggest.md."""
SURE: Final = 0.8
"""Below this score alternatives are shown."""
ALTERNATIVES: Final = 3
_FIT: Final[Mapping[frozenset[str], float]] = {
    frozenset(pair): fit
    for fit, pairs in {
        0.95: [("text", "integer"), ("code", "integer"), ("ref", "integer"), ("boolean", "integer"), ("date", "text"),
               ("datetime", "text"), ("text", "boolean"), ("text", "code"), ("text", "ref"), ("code", "ref"),
               ("decimal", "integer"), ("date", "datetime"), ("decimal", "float"), ("decimal", "text")],
        0.6: [("boolean", "code"), ("text", "json"), ("date", "integer"), ("datetime", "integer"), ("time", "text")],
        0.3: [("boolean", "date"), ("boolean", "datetime"), ("decimal", "date"), ("boolean", "ref"),
              ("boolean", "decimal"), ("decimal", "ref"), ("decimal", "code"), ("date", "code"), ("date", "ref")],
    }.items() for pair in pairs
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """A field of a model or of a resource. ``spellings`` are its name and titles; ``text`` is how an expression
    reads it; ``far`` how many objects it lies within; ``level`` where it is classified."""

    text: str
    type: str = "text"
    spellings: tuple[str, ...] = ()
    many: bool = False
    far: int = 0
    key: bool = False
    required: bool = False
    level: str = ""
    expected: Expected = field(default_factory=Expected)
    sample: Sample = field(default_factory=Sample)


@dataclass(frozen=True, slots=True)
class Scored:
    """A source's field for a target's, by its index; ``reason`` holds no value of any record."""

    source: int
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for a field of the target: nothing, or a pair; and what else it could be."""

    target: Side
    source: Side | None = None
    score: float = 0.0
    reason: str = ""
    others: tuple[tuple[Side, float], ...] = ()


def proposals(targets: Sequence[Side], sources: Sequence[Side], about: tuple[str, str]) -> list[Proposal]:
    """One proposal per target's field. ``about`` are the names of model and resource."""
    named = subjects(*about)
    romanised = _looks_romanised(targets) or _looks_romanised(sources)
    wanted = [[meant(one, named, romanised) for one in side.spellings] for side in targets]
    offered = [[meant(one, named, romanised) for one in side.spellings] for side in sources]
    scores = [_scored(target, sources, meanings, offered) for target, meanings in zip(targets, wanted, strict=True)]
    chosen = _assigned([{one.source: one.score for one in row} for row in scores])
    made = []
    for target, row, index in zip(targets, scores, chosen, strict=True):
        found = next((one for one in row if one.source == index), None)
        rest = tuple((sources[one.source], one.score) for one in row if one.source != index)[:ALTERNATIVES]
        if found is None:
            made.append(Proposal(target, others=rest))
        else:
            others = rest if found.score < SURE else ()
            made.append(Proposal(target, sources[found.source], found.score, found.reason, others))
    return made


def _scored(
    target: Side, sources: Sequence[Side], wanted: Sequence[Meaning], offered: Sequence[Sequence[Meaning]]
) -> list[Scored]:
    """The sources that may be proposed for a target, the best first."""
    found = []
    for index, source in enumerate(sources):
        score, reason = scored(target, source, wanted, offered[index])
        if score >= PROPOSED / 2:
            found.append(Scored(index, round(score, 3), reason))
    return sorted(found, key=lambda one: (-one.score, one.source))


def scored(target: Side, source: Side, wanted: Sequence[Meaning], offered: Sequence[Meaning]) -> tuple[float, str]:
    """How likely a pair is right, 0 to 1, and why."""
    named = max((alike(one, other) for one in wanted for other in offered), default=0.0)
    fit = type_fit(target.type, source.type)
    score = named * fit * 0.95**source.far * (0.7 if source.many and not target.many else 1.0)
    for side in (target, source):  # of equals the plainest
        score *= 1 - 0.004 * len(parts(side.spellings[0]) if side.spellings else ())
    if target.key and source.key:
        score += (1 - score) * 0.3
    sample, expected = (source.sample, target.expected) if source.sample.values else (target.sample, source.expected)
    spoken, why = judged(sample, expected)
    if spoken < 0:
        score *= 1 + spoken
    elif named >= 0.3 or telling(sample, expected):
        score += (1 - score) * 0.6 * spoken
    reasons = [_name_reason(named), "both are the key" if target.key and source.key else "",
               "types differ" if fit < 0.9 else "", why]  # fmt: skip
    return min(1.0, score), ", ".join(one for one in reasons if one)


def _name_reason(named: float) -> str:
    return "the same meaning" if named >= 0.95 else "a like name" if named >= 0.3 else ""


def type_fit(one: str, other: str) -> float:
    """
    >>> type_fit("text", "text"), type_fit("ref", "text"), type_fit("boolean", "date")
    (1.0, 0.95, 0.3)
    """
    return 1.0 if one == other else _FIT.get(frozenset((one, other)), 0.5)


def _looks_romanised(sources: Iterable[Side]) -> bool:
    """Whether names seem to be pinyin: short, and few of them known words."""
    names = [meant(one.spellings[0]) for one in sources if one.spellings]
    plain = [meant(one.spellings[0], (), True) for one in sources if one.spellings]
    changed = sum(before != after for before, after in zip(names, plain, strict=True))
    return changed >= max(3, len(names) // 4)


def _assigned(rows: Sequence[Mapping[int, float]]) -> list[int | None]:
    """For each row the column of the one-to-one choice with the greatest total; pairs below ``PROPOSED`` are none."""
    columns = sorted({column for row in rows for column, score in row.items() if score >= PROPOSED})
    if not columns:
        return [None] * len(rows)
    size = len(columns) + len(rows)  # a row may stay without: it has a column of its own that costs nothing
    costs = [
        [-row.get(column, 0.0) if row.get(column, 0.0) >= PROPOSED else 1.0 for column in columns]
        + [0.0 if number == other else 1.0 for other in range(len(rows))]
        for number, row in enumerate(rows)
    ]
    return [columns[found] if found < len(columns) and costs[number][found] < 0 else None
            for number, found in enumerate(_hungarian(costs, size))]  # fmt: skip


def _hungarian(costs: Sequence[Sequence[float]], width: int) -> list[int]:
    """The column of each row in the assignment of least cost (Kuhn and Munkres, by shortest augmenting paths)."""
    height, far = len(costs), float("inf")
    up, across, owner, way = [0.0] * (height + 1), [0.0] * (width + 1), [0] * (width + 1), [0] * (width + 1)
    for row in range(1, height + 1):
        owner[0], column = row, 0
        least, done = [far] * (width + 1), [False] * (width + 1)
        while owner[column]:
            done[column] = True
            here, delta, following = owner[column], far, 0
            for other in range(1, width + 1):
                if done[other]:
                    continue
                cost = costs[here - 1][other - 1] - up[here] - across[other]
                if cost < least[other]:
                    least[other], way[other] = cost, column
                if least[other] < delta:
                    delta, following = least[other], other
            for other in range(width + 1):
                if done[other]:
                    up[owner[other]] += delta
                    across[other] -= delta
                else:
                    least[other] -= delta
            column = following
        while column:
            owner[column], column = owner[way[column]], way[column]
    found = [0] * height
    for column in range(1, width + 1):
        if owner[column]:
            found[owner[column] - 1] = column - 1
    return found
