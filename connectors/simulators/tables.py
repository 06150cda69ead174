"""The records of a product, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Key = tuple[Any, ...]
Row = dict[str, Any]


class Clock:
    """The product's own clock: it never stands still, and may be wrong (``skew``).

    Two readings always differ by a millisecond at least, so that changes have an order.
    """

    def __init__(self) -> None:
        self.skew = 0.0
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        now = datetime.now(UTC) + timedelta(seconds=self.skew)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        if now <= self._last < now + timedelta(seconds=1):
            now = self._last + timedelta(milliseconds=1)
        self._last = now
        return now


class Table:
    """Records of one resource by key, each with a version no earlier state of it ever had.

    ``stamp`` is called with a record that was created or changed by a user of the product, to set its
    dates; ``check`` refuses values the product would refuse. ``seed`` passes neither: old data is as
    bad as it is. Texts of fields that are ``indexed`` are
    found without a look at every record.
    """

    def __init__(
        self,
        name: str,
        key: Sequence[str],
        *,
        stamp: Callable[[Row, bool], None] | None = None,
        check: Callable[[Row, Row | None], None] | None = None,
        indexed: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.key = tuple(key)
        self._stamp = stamp
        self._check = check
        self._rows: dict[Key, Row] = {}
        self._versions: dict[Key, int] = {}
        self._changes = 0
        self._indexes: dict[str, dict[str, dict[Key, None]]] = {name: {} for name in indexed}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self._rows.values()))

    def key_of(self, row: Mapping[str, Any]) -> Key:
        return tuple(row.get(name) for name in self.key)

    def get(self, *key: Any) -> Row | None:
        return self._rows.get(key)

    def having(self, name: str, value: str) -> list[Row]:
        """The records with this text in an indexed field, in the order in which they came to have it."""
        return [self._rows[key] for key in self._indexes[name].get(value, ())]

    def version(self, key: Key) -> int:
        return self._versions[key]

    def seed(self, row: Row) -> None:
        """Put a record as it is."""
        key = self.key_of(row)
        if key in self._rows:
            raise ValueError(f"{self.name} has {key} already")
        self._put(key, row)

    def create(self, row: Row) -> Key:
        """Add a checked and stamped record; KeyError where the key is taken."""
        key = self.key_of(row)
        if key in self._rows:
            raise KeyError(key)
        if self._check:
            self._check(row, None)
        if self._stamp:
            self._stamp(row, True)
        self._put(key, row)
        return key

    def update(self, key: Key, values: Mapping[str, Any]) -> Row:
        """Set fields of a record; KeyError where there is none."""
        old = self._rows[key]
        row = {**old, **values}
        if self._check:
            self._check(row, old)
        if self._stamp:
            self._stamp(row, False)
        self._put(key, row)
        return row

    def touch(self, key: Key) -> None:
        """Stamp a record as changed, without checking what it holds."""
        row = dict(self._rows[key])
        if self._stamp:
            self._stamp(row, False)
        self._put(key, row)

    def delete(self, key: Key) -> None:
        self._forget(key)
        del self._rows[key], self._versions[key]

    def _put(self, key: Key, row: Row) -> None:
        self._changes += 1
        self._forget(key)
        self._rows[key], self._versions[key] = row, self._changes
        self._note(key, row)

    def _note(self, key: Key, row: Row) -> None:
        for name, index in self._indexes.items():
            if isinstance(value := row.get(name), str):
                index.setdefault(value, {})[key] = None

    def _forget(self, key: Key) -> None:
        if (old := self._rows.get(key)) is not None:
            for name, index in self._indexes.items():
                if isinstance(value := old.get(name), str):
                    index[value].pop(key, None)

    def snapshot(self) -> tuple[dict[Key, Row], dict[Key, int]]:
        """The state, to be restored when a change set fails as a whole."""
        return dict(self._rows), dict(self._versions)

    def restore(self, state: tuple[dict[Key, Row], dict[Key, int]]) -> None:
        self._rows, self._versions = dict(state[0]), dict(state[1])
        self._indexes = {name: {} for name in self._indexes}
        for key, row in self._rows.items():
            self._note(key, row)
