"""Guard: judge the whole plan before its first write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.workspace.shape import Guard

SMALL = 100


@dataclass(frozen=True, slots=True)
class Breach:
    """One limit that the plan exceeds."""

    change: str
    count: int
    limit: str
    of: int

    def __str__(self) -> str:
        share = f" ({100 * self.count / self.of:.1f} % of {self.of})" if self.of else ""
        return f"{self.count} records to {self.change}{share}, the guard allows {self.limit}"


def judge(guard: Guard, counts: Mapping[str, int], previous: int, *, initial: bool) -> list[Breach]:
    """All limits exceeded by ``counts`` (create, update, disable, delete).

    ``previous`` is the number of records of the last complete snapshot, 0 before the first. A count is a
    count; a percentage is of ``previous``, and says nothing where that is under 100. Before the first
    snapshot a percentage of creations cannot be judged: the run is held unless it is ``initial``.
    """
    breaches = []
    for change in ("create", "update", "disable", "delete"):
        limit = getattr(guard, change)
        count = counts.get(change, 0)
        if limit is None or count == 0 or (initial and change == "create"):
            continue
        if not limit.endswith("%"):
            exceeded = count > float(limit)
        elif previous == 0:
            exceeded = change == "create"
        else:
            exceeded = previous >= SMALL and 100 * count > float(limit[:-1]) * previous
        if exceeded:
            breaches.append(Breach(change, count, limit, previous))
    return breaches
