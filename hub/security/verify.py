"""Verifying the audit chain: where exactly it is not what it was.

The chain alone shows every change but one that rewrites it to its end, or cuts its end together with the
head row; signed checkpoints kept outside of the database show those too.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hub.store.audit import START, Checkpoint, Entry, Head

MOST = 20


@dataclass(frozen=True, slots=True)
class Break:
    """Something wrong at entry ``seq``. ``kind``: edited, rewritten, inserted, missing, cut, added, replaced,
    signature, head."""

    seq: int
    kind: str
    text: str


@dataclass(slots=True)
class Verdict:
    """What was verified: so many entries, up to ``last``; so many checkpoints agreed, up to ``signed``."""

    entries: int = 0
    last: int = 0
    checkpoints: int = 0
    signed: int = 0
    breaks: list[Break] = field(default_factory=list)
    shift: int = 0  # by how much the entries' numbers were moved, where somebody made room or closed a gap

    @property
    def whole(self) -> bool:
        return not self.breaks

    @property
    def broken(self) -> set[int]:
        return {one.seq for one in self.breaks}

    def add(self, seq: int, kind: str, text: str) -> None:
        """The first ones are enough: a chain with twenty breaks is no chain."""
        if len(self.breaks) < MOST and (seq, kind) not in {(one.seq, one.kind) for one in self.breaks}:
            self.breaks.append(Break(seq, kind, text))


def verify(
    entries: Iterable[Entry],
    *,
    head: Head | None,
    checkpoints: Sequence[Checkpoint] = (),
    signed: Callable[[Checkpoint], bool] | None = None,
    start: Head | None = None,
    headed: bool = True,
) -> Verdict:
    """Walk the chain once. ``start`` is the entry before the first given; ``headed=False`` leaves the head
    row out (an export has none); ``signed`` says whether a checkpoint's signature is good."""
    verdict, wanted = Verdict(), _wanted(checkpoints)
    start = start or Head(0, START)
    previous, before = start, ""
    for entry in entries:
        _link(verdict, entry, previous, before, start)
        for one in wanted.pop(entry.seq, ()):
            _compare(verdict, one, entry, signed)
        previous, before = Head(entry.seq, entry.hash), previous.hash
        verdict.entries += 1
    verdict.last = previous.seq
    if headed:
        _end(verdict, previous, head)
    for seq in sorted(wanted):
        if seq > previous.seq:
            verdict.add(
                previous.seq + 1,
                "cut",
                f"entries {previous.seq + 1} to {seq} are gone: a checkpoint of {wanted[seq][0].at} has them",
            )
            break
    return verdict


def _wanted(checkpoints: Sequence[Checkpoint]) -> dict[int, list[Checkpoint]]:
    found = defaultdict(list)
    for one in checkpoints:
        found[one.seq].append(one)
    return dict(found)


def _link(verdict: Verdict, entry: Entry, previous: Head, before: str, start: Head) -> None:
    """Whether an entry is its own hash, and follows the one before it."""
    missing = entry.seq - previous.seq - 1
    if missing > 0:
        count = f"entry {previous.seq + 1} is" if missing == 1 else f"{missing:,} entries are"
        verdict.add(previous.seq + 1, "missing", f"{count} missing before entry {entry.seq}")
    shift = _shift(entry, verdict.shift)
    if shift is None:
        verdict.add(entry.seq, "edited", "its content is not what was hashed")
    elif shift > verdict.shift:
        verdict.add(previous.seq, "inserted", "the entries after it were numbered one lower")
    elif shift < verdict.shift:
        verdict.add(entry.seq, "missing", "an entry is missing here, and those after it were renumbered")
    elif missing == 0 and entry.prev_hash != previous.hash and previous.seq not in verdict.broken:
        if entry.prev_hash == before:
            verdict.add(previous.seq, "inserted", f"entry {entry.seq} follows the one before it")
        elif previous == start:
            verdict.add(entry.seq, "rewritten", "it does not follow the beginning of the chain")
        else:
            verdict.add(previous.seq, "rewritten", f"entry {entry.seq} followed another one")
    verdict.shift = verdict.shift if shift is None else shift


def _shift(entry: Entry, known: int) -> int | None:
    """By how much an entry's number was moved; None where its content was changed as well."""
    if known == 0 and entry.digest() == entry.hash:
        return 0
    for shift in (known, known + 1, known - 1):
        if dataclasses.replace(entry, seq=entry.seq - shift).digest() == entry.hash:
            return shift
    return None


def _compare(
    verdict: Verdict, one: Checkpoint, entry: Entry, signed: Callable[[Checkpoint], bool] | None
) -> None:
    if signed is not None and not signed(one):
        verdict.add(one.seq, "signature", f"the checkpoint of {one.at} is not signed by a key that is known")
    elif one.hash != entry.hash:
        since = verdict.signed + 1
        verdict.add(
            since,
            "replaced",
            f"between entries {since} and {one.seq} the chain is another one than at the checkpoint of {one.at}",
        )
    else:
        verdict.checkpoints += 1
        verdict.signed = one.seq


def _end(verdict: Verdict, last: Head, head: Head | None) -> None:
    """Whether the chain ends where the head row says."""
    if head is None:
        if verdict.entries:
            verdict.add(last.seq + 1, "head", "the head row is gone")
    elif head.seq > last.seq:
        verdict.add(last.seq + 1, "cut", f"entries {last.seq + 1} to {head.seq} are gone from the end")
    elif head.seq < last.seq:
        verdict.add(head.seq + 1, "added", f"the head row ends at entry {head.seq}")
    elif head.hash != last.hash:
        verdict.add(last.seq, "rewritten", "the head row knows another last entry")
