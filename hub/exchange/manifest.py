"""What a plan is: counts, verdict, and what the applying transaction needs beside the run file's tables."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import orjson

from hub.store.marks import Mark

# The tables of a plan, in the order they are stored; see the stage that makes each.
TABLES = {
    "inbound": (
        "creation",
        "updating",
        "removing",
        "shadowing",
        "absent",
        "gone",
        "held",
        "settled",
        "outvote",
        "outvoting",
        "proposal",
        "taking",
        "evidence",
        "outside",
        "inside",
        "stepping",
    ),
    "outbound": ("sending", "held", "settled", "whole", "leftover", "planned", "remembering", "forgetting"),
    "pass": ("sending", "held", "settled", "whole", "leftover", "witnessed", "remembering", "forgetting"),
    "links": ("linking", "held", "settled"),
    "merges": ("uniting", "held"),
}

READ_PARTS = (
    "applied",
    "unchanged",
    "superseded",
    "duplicate",
    "out_of_scope",
    "waiting",
    "future_dated",
    "in_review",
    "quarantined",
    "refused",
    "held",
)

COUNTED = {
    "create": "created",
    "update": "updated",
    "enable": "updated",
    "disable": "disabled",
    "delete": "deleted",
}
"""What is done to a target, and what it is counted as."""


@dataclass(slots=True)
class Manifest:
    """One output's plan. ``values`` of counts reconcile: read = the sum of READ_PARTS (P7). ``owned`` are
    sets of fields that no two entities share: those of match rules and unique ones; ``issues`` are fields whose
    values are tried until they are free. ``moves`` says that the watermark follows: not where the records were given
    instead of read. ``disabling`` is what disabling writes to a target, as JSON; ``said`` is what people said of a
    plan by hand: its reason, who said it, and what it is about; ``documents`` the place whose documents were read."""

    exchange: str
    output: str
    number: int
    direction: str
    source: int
    mode: str
    map_hash: int
    compiled_hash: str
    workspace_hash: str
    counts: dict[str, int] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cursor: str | None = None
    token: str | None = None
    snapshot: int | None = None
    seq: int | None = None
    fields: list[str] = field(default_factory=list)
    source_fields: dict[str, Any] = field(default_factory=dict)
    changed_fields: dict[str, int] = field(default_factory=dict)
    created_at: str = ""
    absent: str = "ignore"
    out_of_scope: str = "ignore"
    target_key: list[str] = field(default_factory=list)
    model: str = ""
    last: bool = True
    moves: bool = True
    contestants: dict[str, str] = field(default_factory=dict)
    owned: list[list[str]] = field(default_factory=list)
    issues: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    place: dict[str, str] = field(default_factory=dict)
    full: bool = False
    predicted: dict[str, Any] = field(default_factory=dict)
    disabling: str = ""
    said: dict[str, str] = field(default_factory=dict)
    documents: str = ""

    def dump(self) -> bytes:
        return orjson.dumps(dataclasses.asdict(self), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def load(cls, data: bytes) -> Manifest:
        values: dict[str, Any] = orjson.loads(data)
        return cls(**values)

    def mark(self) -> Mark:
        """The watermark after this plan."""
        return Mark(
            self.compiled_hash,
            self.cursor,
            self.token,
            self.seq,
            self.snapshot,
            self.source_fields,
            self.place,
        )
