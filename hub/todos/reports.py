"""What a system says of a to-do at one moment, as its connector, its push or its drop-in call delivers it.

A report says any part: the content (as a whole), the status, the assignees (all of them, or some). Its version is
when the source last changed the to-do (``at``, ``seq``); a source that tells none is taken at the moment of arrival,
and then nothing that it says brings back what is finished.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Status(StrEnum):
    """Where a to-do is in its life; ``incomplete`` is one whose content has not come yet."""

    INCOMPLETE = "incomplete"
    READY = "ready"
    RESERVED = "reserved"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"


STATUSES: Final[Mapping[str, Status]] = {one.value: one for one in Status}
FINAL: Final = frozenset({Status.COMPLETED, Status.CANCELLED, Status.WITHDRAWN})


class Kind(StrEnum):
    """What somebody has a to-do for."""

    TO_DO = "to_do"
    TO_READ = "to_read"
    INITIATED = "initiated"


class Key(NamedTuple):
    """What a to-do is called: never reused by its source."""

    system: str
    tenant: str
    id: str


class Version(NamedTuple):
    """When a report is from: microseconds since 1970, the source's own number within that, whether the source
    said so itself, and a digest of what it says, which decides between two reports of one moment."""

    at: int
    seq: int
    dated: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Assignee:
    """What is said of one receiver (``KIND:VALUE``); None says nothing. ``there`` False: it is no longer his."""

    receiver: str
    kind: Kind = Kind.TO_DO
    done: bool | None = None
    outcome: str = ""
    read: bool | None = None
    since: dt.datetime | None = None
    urges: int = 0
    there: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """One report. ``whole``: the assignees are all that there are. ``processor``: the receiver who claimed it.
    ``concluded``: when the hub drew it as a conclusion, in microseconds since 1970."""

    key: Key
    version: Version
    content: Mapping[str, Any] | None = None
    status: Status | None = None
    outcome: str = ""
    assignees: Sequence[Assignee] = ()
    whole: bool = False
    processor: str = ""
    concluded: int = 0


def version(at: dt.datetime | None, seq: int, said: Any, arrived: dt.datetime) -> Version:
    """The version of a report with the content ``said`` (JSON)."""
    moment = at or arrived
    text = orjson.dumps(said, option=orjson.OPT_SORT_KEYS, default=str)
    digest = hashlib.sha256(text).hexdigest()[:16]
    return Version(micros(moment), seq, at is not None, digest)


def micros(moment: dt.datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def moment_of(version: Version) -> dt.datetime:
    """When a version is from."""
    return EPOCH + dt.timedelta(microseconds=version.at)
