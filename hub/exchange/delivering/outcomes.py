"""From outcomes to what is stored of them, and how many there were of each."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.contract import Outcome
from hub.exchange.delivering.alike import Likeness
from hub.exchange.delivering.byhand import (
    CHANGED,
    DELETED,
    GONE,
    LEAVE,
    LEFT_AS_IT_IS,
    REFUSED,
    Policy,
    Row,
    remembered,
)
from hub.exchange.delivering.sender import Batch
from hub.exchange.manifest import COUNTED, Manifest
from hub.security.masking import HIDDEN
from hub.store.shadows import OUT

LOGGED = "system.logged"
ANYWHERE = 3
"""Classified values of so many signs are hidden within words too."""
STATES = {"rejected": "quarantined", "waiting": "waiting", "in_review": "in_review", "refused": "refused"}


@dataclass(slots=True)
class Tally:
    """How the rows of one output ended, and what a person should know of it."""

    done: int = 0
    rejected: int = 0
    waiting: int = 0
    logged: int = 0
    in_review: int = 0
    refused: int = 0
    overwritten: int = 0
    left: int = 0
    adopted: int = 0
    apart: dict[str, int] = field(default_factory=dict)  # not done, by operation
    sent: int = 0  # rows that are counted apart
    later: int = 0  # of them those that a later run looks at

    @property
    def total(self) -> int:
        told = (self.done, self.rejected, self.waiting, self.logged, self.in_review, self.refused)
        return sum(told) + self.sent

    @property
    def undone(self) -> bool:
        """Whether a later run has to look at these records once more."""
        return bool(self.waiting or self.logged or self.refused or self.later)

    def add(self, name: str, operation: str = "", count: int = 1) -> None:
        """Rows that ended so. ``operation``: of records that are counted apart, since they were not read as
        something to send."""
        if not operation:
            setattr(self, name, getattr(self, name) + count)
            return
        self.sent += count
        if name != "done":
            self.apart[operation] = self.apart.get(operation, 0) + count
            self.later += count if name in ("waiting", "logged", "refused") else 0

    def correct(self, counts: dict[str, int]) -> None:
        """What did not come through is not counted as applied (P7)."""
        told = {
            "quarantined": self.rejected,
            "waiting": self.waiting,
            "held": self.logged,
            "in_review": self.in_review,
            "refused": self.refused,
        }
        counts["applied"] = counts.get("applied", 0) - sum(told.values())
        for operation, count in self.apart.items():
            counts[COUNTED[operation]] -= count
        for name, count in told.items():
            if count or name in ("quarantined", "waiting", "held", "refused"):
                counts[name] = counts.get(name, 0) + count

    def notes(self, output: str) -> list[str]:
        """What happened beside the plan."""
        told = (
            (
                self.in_review,
                "were changed or deleted by hand and wait for a person: changed_by_hand: review",
            ),
            (self.overwritten, "were changed by hand and overwritten: changed_by_hand: overwrite"),
            (self.left, "were changed by hand and left so: changed_by_hand: keep"),
            (self.adopted, "were in the target already and were adopted"),
            (sum(self.apart.values()), "were to leave and did not: see cophub quarantine"),
        )
        return [f"{output}: {count} records {text}" for count, text in told if count]


def apart(manifest: Manifest, operation: str) -> str:
    """The operation where its rows are counted apart: what leaves a pass-through is no record read to be sent."""
    return operation if manifest.direction == "pass" and operation in LEAVE else ""


def stored_outcome(
    batch: Batch,
    index: int,
    manifest: Manifest,
    tally: Tally,
    secret: frozenset[str],
    likeness: Likeness,
    policy: Policy,
) -> dict[str, Any]:
    """One row's outcome as ``deliveries.record`` takes it."""
    row, outcome = batch.rows[index], batch.outcomes[index]
    name = _named(outcome)
    tally.add(name, apart(manifest, row.operation))
    left = batch.left.get(index, {})
    tally.overwritten += name == "done" and index in batch.overwritten
    tally.adopted += name == "done" and index in batch.adopted
    tally.left += name == "done" and (bool(left) or outcome.code == LEFT_AS_IT_IS)
    one: dict[str, Any] = {
        "key": row.key,
        "operation": row.operation,
        "status": outcome.status,
        "foreign_id": outcome.foreign_id,
        "code": outcome.code,
        "message": _without_secrets(row, outcome.message, secret),
        "attempts": batch.attempts,
        "hash": row.hash,
        "hold": None,
    }
    if name == "done":
        one["shadow"] = _acknowledged(row, outcome, manifest, left, likeness, policy)
    elif name != "logged":
        where = ", ".join(str(part) for part in json.loads(row.foreign_key))
        one["hold"] = {"state": STATES[name], "position": f"{manifest.output} {where}"}
    return one


def _named(outcome: Outcome) -> str:
    if outcome.code == LOGGED:
        return "logged"
    if outcome.code in (CHANGED, DELETED):
        return "in_review"
    if outcome.code == REFUSED:
        return "refused"
    return outcome.status if outcome.status in ("done", "rejected") else "waiting"


def _without_secrets(row: Row, message: str, secret: frozenset[str]) -> str:
    """A target's message without the classified values of its row: long ones wherever they stand, short ones
    where they are whole words, or every letter would be hidden."""
    texts = {text for name in secret for text in _texts(row.body.get(name))}
    for text in sorted(texts, key=len, reverse=True):
        message = _pattern(text).sub(HIDDEN, message)
    return message


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value; of what is nested, those of its parts. A whole number also without its fraction."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
        return
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    yield from {text, re.sub(r"^(-?\d+)\.0+$", r"\1", text)} - {""}


def _pattern(text: str) -> re.Pattern[str]:
    digits = re.sub(r"\D", "", text)
    if len(digits) >= ANYWHERE and not re.search(r"[^\W\d_]", text):
        # as another system writes the same number: 49-711.5550 of +49 711 5550
        return re.compile(r"[+(-]?" + r"[\s().,/-]*".join(digits))
    if len(text) >= ANYWHERE:
        return re.compile(re.escape(text), re.IGNORECASE)
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)


def _acknowledged(
    row: Row,
    outcome: Outcome,
    manifest: Manifest,
    left: Mapping[str, Any],
    likeness: Likeness,
    policy: Policy,
) -> dict[str, Any] | None:
    """What to remember of a row the target took; None forgets what it deleted."""
    if row.operation == "delete" or outcome.code == GONE:
        return None
    entity = uuid.UUID(row.key) if manifest.direction == "outbound" else None
    return {
        "hash": row.hash,
        "map_hash": manifest.map_hash,
        "entity": entity,
        "foreign_key": row.foreign_key,
        "foreign_id": outcome.foreign_id or row.foreign_id,
        # What a person changed beside the fields of disabling is looked for before they are overwritten.
        "version": outcome.version if row.operation != "disable" else None,
        "absent_at": None,
        "kept": remembered(row, left, likeness, policy),
        "ends": OUT if row.operation == "disable" else None,
    }
