"""Workers are first at as many queues as the others, in whichever order they come, look and go."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Collection, Sequence

import pytest

from hub.bus import shares
from hub.bus.broker import Arrival, Look, Message, Place
from hub.bus.shares import Shares
from tests.unit.bus.busworld import BusWorld


class Lines:
    """A broker's queues with a single active consumer each: the first in its line."""

    def __init__(self, queues: int) -> None:
        self.lines: list[deque[Listener]] = [deque() for _ in range(queues)]

    def first(self) -> list[int]:
        """At how many queues somebody is first."""
        return sorted(Counter(line[0] for line in self.lines).values())


class Listener:
    """A connection to them; it receives nothing."""

    def __init__(self, there: Lines) -> None:
        self._there, self.opened, self.passed = there, 0, 0
        self.partitions = len(there.lines)

    def listening(self) -> int:
        for line in self._there.lines:
            if self not in line:
                line.append(self)
        self.opened = self.opened or 1
        return self.opened

    def pass_on(self, queues: Collection[int]) -> None:
        self.passed += 1
        for queue in queues:
            self._there.lines[queue].remove(self)
            self._there.lines[queue].append(self)

    def gone(self) -> None:
        """The broker knows it at once."""
        for line in self._there.lines:
            line.remove(self)

    def publish(self, place: Place, messages: Sequence[Message]) -> None: ...

    def receive(self, most: int, wait: float) -> list[Arrival]:
        return []

    def done(self, arrivals: Sequence[Arrival]) -> None: ...

    def dead(self, most: int) -> list[Message]:
        return []

    def revive(self, most: int) -> int:
        return 0

    def look(self) -> Look:
        return Look("lines", "ok")

    def close(self) -> None: ...


def test_whoever_looks_first_each_is_first_at_as_many_queues(world: BusWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "EVERY", 0.0)
    with world.opened() as opened:
        for order in itertools.permutations(range(3)):
            lines = Lines(6)
            crew = [Listener(lines) for _ in order]
            made = [Shares(opened.hub.database, one) for one in crew]
            for one in made:  # they come one after the other; those that were there do not look meanwhile
                one.settle()
            for number in order:
                made[number].settle()
            assert lines.first() == [2, 2, 2]
            passed = [one.passed for one in crew]
            for one in made:
                one.settle()
            assert [one.passed for one in crew] == passed  # once for each change
            crew[0].gone()
            assert sum(lines.first()) == 6  # the others go on at once
            made[0].end()
            for one in made[1:]:
                one.settle()
            assert lines.first() == [3, 3]
            for one in made[1:]:
                one.end()
