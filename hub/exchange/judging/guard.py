"""Guard: judge the whole plan before its first write.

A count is a count. A percentage is of what was there before, and says nothing while that is under 100
(within a unit: under 20). Where a mapping writes nothing of deletions, disablings and emptied fields,
safe limits hold all the same: they are exceeded where both the count and the share are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hub.workspace.limits import Guard, Limits

SMALL = 100
SMALL_UNIT = 20
OFF = "off"
# What holds where nothing is written: (more than so many, and more than so many percent).
SAFE: Mapping[str, tuple[int, int]] = {"delete": (100, 10), "disable": (100, 10), "merge": (100, 10)}
SAFE_NULLS = (99, 49.999)  # from 100 and from half on
CHANGES = ("create", "update", "disable", "delete", "unlink", "link", "merge")


@dataclass(frozen=True, slots=True)
class Breach:
    """One limit that the plan exceeds. ``change`` reads after "records to"."""

    change: str
    count: int
    limit: str
    of: int

    def __str__(self) -> str:
        share = f" ({100 * self.count / self.of:.1f} % of {self.of})" if self.of else ""
        return f"{self.count} records to {self.change}{share}, the guard allows {self.limit}"


@dataclass(frozen=True, slots=True)
class Unit:
    """What the plan does within one value of a field, and how many records that had before (-1: unknown)."""

    path: str
    label: str
    counts: Mapping[str, int]
    of: int = -1


@dataclass(frozen=True, slots=True)
class Judged:
    """What a plan does. ``previous`` is what was there before, 0 before the first snapshot; ``changed`` and
    ``nulled`` count values per field; ``filled`` answers how many values a field had before, asked only where
    it matters; ``doubts`` are reasons of their own to hold the plan."""

    counts: Mapping[str, int]
    previous: int
    changed: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)
    filled: Callable[[str], int] = lambda name: 0
    units: Sequence[Unit] = ()
    doubts: Sequence[str] = ()


def judge(guard: Guard, plan: Judged, *, initial: bool) -> list[str]:
    """All that the plan exceeds, in words. Before the first snapshot a percentage of creations cannot be
    judged: the run is held unless it is ``initial``, which frees creations and nothing else."""
    if guard.limits == OFF:
        return []
    found = [str(breach) for breach in _counts(guard, plan, initial=initial)]
    found += [str(breach) for breach in _fields(guard, plan)]
    found += [str(breach) for breach in _units(guard, plan, initial=initial)]
    return [*found, *plan.doubts]


def _counts(guard: Guard, plan: Judged, *, initial: bool) -> list[Breach]:
    breaches = []
    for change in CHANGES:
        count, limit = plan.counts.get(change, 0), getattr(guard, change)
        if count == 0 or limit == OFF or (initial and change == "create"):
            continue
        if limit is None:
            if change in SAFE and _both(count, plan.previous, *SAFE[change]):
                breaches.append(Breach(change, count, _said(SAFE[change]), plan.previous))
        elif _exceeded(limit, count, plan.previous, first=change == "create"):
            breaches.append(Breach(change, count, limit, plan.previous))
    return breaches


def _fields(guard: Guard, plan: Judged) -> list[Breach]:
    breaches = []
    for name, limits in guard.fields.items():
        changed, nulled = plan.changed.get(name, 0), plan.nulled.get(name, 0)
        if limits.change and _exceeded(limits.change, changed, plan.previous):
            breaches.append(Breach(f"change in {name}", changed, limits.change, plan.previous))
        if limits.null and nulled and _exceeded(limits.null, nulled, of := plan.filled(name)):
            breaches.append(Breach(f"empty in {name}", nulled, limits.null, of))
    for name, nulled in plan.nulled.items():
        own = guard.fields.get(name)
        if nulled == 0 or guard.nulls == OFF or (own is not None and own.null is not None):
            continue
        if guard.nulls is None:
            if nulled > SAFE_NULLS[0] and _both(nulled, of := plan.filled(name), *SAFE_NULLS):
                breaches.append(Breach(f"empty in {name}", nulled, "less than 50% or 100 unless it says more", of))
        elif _exceeded(guard.nulls, nulled, of := plan.filled(name)):
            breaches.append(Breach(f"empty in {name}", nulled, guard.nulls, of))
    return breaches


def _units(guard: Guard, plan: Judged, *, initial: bool) -> list[Breach]:
    breaches = []
    for unit in plan.units:
        limits: Limits = guard.per[unit.path]
        for change, count in sorted(unit.counts.items()):
            limit = getattr(limits, change, None)
            if limit is None or count == 0 or (initial and change == "create"):
                continue
            if _exceeded(limit, count, unit.of, least=SMALL_UNIT):
                where = f"{change} in {unit.path} {unit.label}"
                breaches.append(Breach(where, count, limit, max(unit.of, 0)))
    return breaches


def _exceeded(limit: str, count: int, of: int, *, first: bool = False, least: int = SMALL) -> bool:
    """Whether ``count`` is over a limit. ``first``: a share of nothing is too much."""
    if limit == OFF or count == 0:
        return False
    if not limit.endswith("%"):
        return count > float(limit)
    if of <= 0:
        return first
    return of >= least and 100 * count > float(limit[:-1]) * of


def _both(count: int, of: int, most: float, share: float) -> bool:
    return count > most and of > 0 and 100 * count > share * of


def _said(limit: tuple[int, int]) -> str:
    return f"{limit[0]}, or {limit[1]}% where that is more, unless it says so"
