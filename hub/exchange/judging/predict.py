"""Predict: how many requests a plan costs its target, and how long that takes within its limits.

What goes well is predicted: nothing is tried twice, and what a connector asks on opening (metadata,
tokens) is not counted. Where neither a rate is written nor anything was delivered before, the time
is not known and not guessed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Requests = Callable[[str, int], int]
ORDER = ("create", "update", "delete")
FIND = "find"


def one_each(kind: str, count: int) -> int:
    """A call is one request, however many changes it carries."""
    return 1


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be sent: rows by operation, how many of them are ``asked`` for first, and the share (0 to 1)
    that is read back, beside the ``first`` ones. ``requests`` says what one call with so many changes, or
    keys to ``find``, costs."""

    rows: Mapping[str, int]
    asked: Mapping[str, int] = field(default_factory=dict)
    batch: int = 100
    share: float = 0.0
    first: int = 0
    requests: Requests = one_each


@dataclass(frozen=True, slots=True)
class Limits:
    """Most requests per second, batches at once, and seconds that a request took so far (None: not known)."""

    rate: float | None = None
    lanes: int = 1
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class Predicted:
    """Requests that write, requests that only look, and seconds."""

    writes: int
    lookups: int
    seconds: float | None

    @property
    def requests(self) -> int:
        return self.writes + self.lookups


def predict(work: Work, limits: Limits) -> Predicted:
    """Pure. Operations follow each other; the batches of one go out side by side."""
    writes = 0
    lookups = took = 0.0
    lanes = max(1, min(limits.lanes, -(-sum(work.rows.values()) // work.batch)))
    position = 0
    for operation in ORDER:
        rows, costs = work.rows.get(operation, 0), []
        for start, size in _batches(rows, work.batch):
            sent = work.requests(operation, size)
            always = max(0, min(size, work.first - position - start))
            looked = _asked(work, operation, start, size) + _read_back(work, size, always)
            writes, lookups = writes + sent, lookups + looked
            costs.append(sent + looked)
        position += rows
        took += max(max(costs, default=0.0), sum(costs) / lanes)
    total = writes + round(lookups)
    known = [total / limits.rate] if limits.rate else []
    known += [took * limits.latency] if limits.latency is not None else []
    return Predicted(writes, round(lookups), max(known) if known else None if total else 0.0)


def _batches(rows: int, batch: int) -> Iterator[tuple[int, int]]:
    return ((start, min(batch, rows - start)) for start in range(0, rows, batch))


def _asked(work: Work, operation: str, start: int, size: int) -> int:
    """Look-ups before the changes of one batch; those in question lie evenly among the others."""
    asked, rows = work.asked.get(operation, 0), work.rows[operation]
    count = asked * (start + size) // rows - asked * start // rows
    return work.requests(FIND, count) if count else 0


def _read_back(work: Work, size: int, always: int) -> float:
    """Look-ups after one batch, as they are to be expected of a draw."""
    drawn = always + (size - always) * work.share
    if not drawn:
        return 0.0
    likely = 1.0 if always else 1.0 - (1.0 - work.share) ** size
    return likely * work.requests(FIND, max(1, round(drawn / likely)))


@dataclass(slots=True)
class Meter:
    """Counts the requests of one delivery as they are made; used by its lanes."""

    requests: Requests = one_each
    writes: int = 0
    lookups: int = 0
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def wrote(self, operation: str, count: int) -> None:
        with self._lock:
            self.writes += self.requests(operation, count)

    def looked(self, keys: int) -> None:
        with self._lock:
            self.lookups += self.requests(FIND, keys) if keys else 0


def in_words(seconds: float | None) -> str:
    """
    >>> in_words(None), in_words(0.04), in_words(75), in_words(5400)
    ('a time not known yet', '0.0 s', '75 s', '90 min')
    """
    if seconds is None:
        return "a time not known yet"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
