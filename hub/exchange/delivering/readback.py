"""Read-back: some of what a target acknowledged is looked up and compared, field by field.

A target that says OK and did not write is found; then the whole batch is looked at. What a target
rewrites in its own way is learned, said once and then tolerated (``alike``).
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.contract import Found, Outcome, Resource, Target
from hub.errors import ConfigError, HubError, RecordRejected, Retriable
from hub.exchange.delivering.alike import Likeness
from hub.exchange.delivering.byhand import GONE, LEFT_AS_IT_IS, natural
from hub.exchange.delivering.sender import Batch
from hub.exchange.judging.predict import Meter

NOT_KEPT = "delivery.not_kept"
LATER = 1.0
"""Seconds that a target gets to show what it acknowledged."""


@dataclass(slots=True)
class ReadBack:
    """The check of one output in one run. ``share`` of the rows, and always the ``first`` ones."""

    likeness: Likeness
    share: float
    first: int
    salt: str
    meter: Meter
    looked: int = 0
    lost: int = 0
    reason: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, target: Target, resource: Resource, batch: Batch) -> None:
        """Turn acknowledgements that are not true into rejections."""
        done = [index for index, outcome in batch.outcomes.items() if self._checked(outcome)]
        chosen = [index for index in done if self._drawn(batch, index)]
        if not chosen or self.reason:
            return
        try:
            wrong = self._wrong(target, resource, batch, chosen)
            if wrong:
                time.sleep(LATER)  # some show a change a moment after they acknowledged it
                wrong = self._wrong(target, resource, batch, wrong)
            if wrong and len(chosen) < len(done):
                rest = [index for index in done if index not in wrong]
                wrong |= self._wrong(target, resource, batch, rest)
        except (Retriable, RecordRejected):
            return  # what cannot be asked now, or not by its key alone, is not judged
        except (ConfigError, NotImplementedError) as error:
            self.reason = error.message if isinstance(error, HubError) else "it has no look-up"
            return
        with self._lock:
            self.looked += len(chosen)
            self.lost += len(wrong)
        for index, fields in wrong.items():
            batch.outcomes[index] = Outcome(
                "rejected",
                code=NOT_KEPT,
                message=f"the target acknowledged it and does not hold it: {fields}",
            )

    def _checked(self, outcome: Outcome) -> bool:
        return outcome.status == "done" and outcome.code not in (LEFT_AS_IT_IS, GONE)

    def _drawn(self, batch: Batch, index: int) -> bool:
        row = batch.rows[index]
        if row.number < self.first:
            return True
        return zlib.crc32(f"{self.salt}/{row.key}".encode()) % 100_000 < self.share * 1000

    def _wrong(
        self, target: Target, resource: Resource, batch: Batch, indexes: Iterable[int]
    ) -> dict[int, str]:
        """Rows that the target does not hold as acknowledged, with the fields that differ."""
        asked = list(indexes)
        self.meter.looked(len(asked))
        found = target.find(resource, [natural(batch.changes[index]) for index in asked]) if asked else []
        wrong = {}
        for index, there in zip(asked, found, strict=True):
            if fields := self._difference(batch, index, there):
                wrong[index] = fields
        return wrong

    def _difference(self, batch: Batch, index: int, there: Found | None) -> str:
        change = batch.changes[index]
        if change.operation == "delete":
            return "" if there is None else "it is still there"
        if there is None:
            return "it is not there"
        names = self.likeness.differing(change.values, there.values)
        return ", ".join(sorted(names)) if names else ""
