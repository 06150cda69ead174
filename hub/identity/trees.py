"""Trees of organizations in memory: paths, children and subtrees are asked of every request, and a group's tree has
some ten thousand units. A tree is read once, and then what was committed since, before each use.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from hub.store import versions
from hub.store.database import Database
from hub.workspace.organization import Dimension

THERE: Final = versions.THERE
DEEPEST: Final = 100
KEPT: Final = 8
"""Trees of the past that a process keeps, as a past never changes; and parts that a tree keeps."""
Id = uuid.UUID


@dataclass(slots=True)
class Tree:
    """``parents`` are those of organizations that are there, ``disabled`` among them those that are closed."""

    parents: dict[Id, Id | None] = field(default_factory=dict)
    below: dict[Id | None, set[Id]] = field(default_factory=dict)
    disabled: set[Id] = field(default_factory=set)
    _within: dict[frozenset[Id], frozenset[Id]] = field(default_factory=dict)

    def put(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows of _id, _state and, where the model has one, the parent."""
        for identity, state, *above in rows:
            if identity in self.parents:
                self.below[self.parents.pop(identity)].discard(identity)
            self.disabled.discard(identity)
            if state >= THERE:
                continue
            parent = above[0] if above else None
            self.parents[identity] = parent
            self.below.setdefault(parent, set()).add(identity)
            if state:
                self.disabled.add(identity)

    def path(self, one: Id) -> list[Id]:
        """From the top down to the organization itself; a ring ends where it began."""
        found: list[Id] = []
        here: Id | None = one
        while here is not None and here in self.parents and here not in found and len(found) < DEEPEST:
            found.append(here)
            here = self.parents[here]
        return found[::-1]

    def inside(self, one: Id | None, roots: Collection[Id]) -> bool:
        """Whether it is one of the roots, or lies below one."""
        seen = 0
        while one is not None and seen < DEEPEST:
            if one in roots:
                return True
            one, seen = self.parents.get(one), seen + 1
        return False

    def children(self, one: Id | None) -> list[Id]:
        """Right below it, in the order in which they came; of None the tops: those above whom nothing is there."""
        if one is not None:
            return sorted(self.below.get(one, ()))
        return sorted(each for each, above in self.parents.items() if above is None or above not in self.parents)

    def units(self, roots: Iterable[Id], most: int | None) -> list[Id] | None:
        """The roots and all below them; None where they are more than ``most``."""
        seen = dict.fromkeys(one for one in roots if one in self.parents)
        waiting = list(seen)
        for here in waiting:
            for child in self.below.get(here, ()):
                if child not in seen:
                    seen[child] = None
                    waiting.append(child)
            if most is not None and len(waiting) > most:
                return None
        return waiting

    def within(self, roots: frozenset[Id], few: int) -> frozenset[Id]:
        """The same without a limit; more than ``few`` are kept for who asks next, as a tree that is asked does not
        change."""
        found = self._within.get(roots)
        if found is None:
            some = self.units(roots, few)
            if some is not None:
                return frozenset(some)
            found = frozenset(self.units(roots, None) or ())
            if len(self._within) >= KEPT:
                self._within.clear()
            self._within[roots] = found
        return found

    def subtree(self, one: Id) -> Iterator[tuple[Id, int]]:
        """It and all below it, with their depths, each after what is above it."""
        seen = {one}
        waiting = [(one, 0)]
        for here, depth in waiting:
            yield here, depth
            for child in sorted(self.below.get(here, ())):
                if child not in seen:
                    seen.add(child)
                    waiting.append((child, depth + 1))


@dataclass(slots=True)
class Trees:
    """Made once per process."""

    database: Database
    _now: dict[tuple[str, str | None], tuple[int, Tree]] = field(default_factory=dict)
    _then: OrderedDict[tuple[str, str | None, dt.datetime], Tree] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, dimension: Dimension, moment: dt.datetime | None = None) -> Tree:
        """The tree as it is, or as the hub had it at a moment of the past."""
        names = [] if dimension.parent is None else [dimension.parent]
        if moment is not None:
            return self._past((dimension.model, dimension.parent, moment), names)
        key = (dimension.model, dimension.parent)
        seq, tree = self._now.get(key, (0, None))
        if tree is not None and versions.seq_of(self.database, dimension.model) == seq:
            return tree
        with self._lock:
            seq, tree = self._now.get(key, (0, None))
            last, rows = versions.changed(self.database, dimension.model, names, seq)
            if tree is None or rows:  # others are reading the former one
                old = tree or Tree()
                tree = Tree(dict(old.parents), {one: set(many) for one, many in old.below.items()}, set(old.disabled))
                tree.put(rows)
            self._now[key] = (last, tree)
            return tree

    def _past(self, key: tuple[str, str | None, dt.datetime], names: list[str]) -> Tree:
        with self._lock:
            tree = self._then.get(key)
            if tree is None:
                tree = Tree()
                tree.put(versions.all_then(self.database, key[0], names, key[2]))
                self._then[key] = tree
                while len(self._then) > KEPT:
                    self._then.popitem(last=False)
            self._then.move_to_end(key)
            return tree
