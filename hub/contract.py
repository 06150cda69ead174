"""What a connector is.

A connector module holds one ``SPEC`` and the class it opens. It speaks one protocol and knows
nothing of mappings, models or stores. It implements ``Source``, ``Target`` or both; there is no
base class. Contract that the kit in ``hub.testing`` proves:

* ``read`` yields every record that exists from before its start until its end at least once. Within
  one read the pages chain without a gap; a page that cannot be had raises, it is never left out.
  The last page, and only it, has ``last=True``: a generator that ends without it was cut.
* ``deliver`` answers each change by exactly one outcome in the order of the changes; it raises only
  when *none* of the changes can have had an effect (refused connection, wrong credentials), and
  answers ``unknown`` when it cannot tell (a lost answer). It never retries a create by itself.
* No error, log or outcome holds a secret of the settings.

Errors are those of ``hub.errors``: AuthError, Retriable (with the wait the system asked for),
ConfigError (no such resource, bad setting), Fatal (an answer that cannot be understood).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, StringConstraints

from hub.errors import ConfigError
from hub.secret import Secret as Secret

_Declared = TypeVar("_Declared")

FieldType = Literal[
    "text", "integer", "decimal", "float", "boolean", "date", "time", "datetime", "binary", "json"
]


Duration = Annotated[str, StringConstraints(pattern=r"^\d+(ms|s|m|h|d)$")]
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@lru_cache(256)
def seconds(duration: str) -> float:
    """Seconds of a Duration.

    >>> seconds("7d"), seconds("250ms")
    (604800.0, 0.25)
    """
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", duration)
    assert match is not None, duration
    return int(match[1]) * _MILLISECONDS[match[2]] / 1000


class Settings(BaseModel):
    """What every settings class starts from: unknown keys are findings, values are not changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a foreign record. ``many`` marks a list; ``fields`` the shape of nested objects."""

    name: str
    type: FieldType = "text"
    many: bool = False
    fields: tuple[Field, ...] = ()
    title: str = ""
    max_length: int | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """An object type of a system: entity set, table, endpoint, folder.

    ``key`` names the fields that identify a record. ``cursor`` names the field that grows when a
    record changes, None where none does: then only full reads are possible. ``fields`` may be empty
    where the protocol has no metadata and none was declared: then any field name is accepted.
    ``deletes`` says that an incremental read reports deletions. ``messages`` says that records are messages, of
    which nobody ever has all: a read proves nothing about what it does not hold. A delivered one is never looked up: in
    doubt it goes again with the same ``Change.id``, by which it has to be the same message. ``counts`` says that a full
    read announces how many records there are. ``replaces`` says that a delivery replaces the whole resource (a file)
    instead of single records. ``writable`` says that records can be made or changed, ``refuses`` which of create,
    update and delete its definition says that it does not take. ``optional`` are fields of the key that a record may be
    written without. ``read_as`` is its shape where it is read otherwise than written.
    ``content`` names the field of a document that tells what it holds, by its SHA-256: the hub fills it (see
    ``Documents``). It is the same for as long as the field ``revision`` is, or the whole record where that is empty.
    """

    name: str
    key: tuple[str, ...] = ()
    cursor: str | None = None
    fields: tuple[Field, ...] = ()
    deletes: bool = False
    counts: bool = False
    writable: bool = False
    replaces: bool = False
    title: str = ""
    messages: bool = False
    refuses: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    read_as: Resource | None = None
    content: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What to read of a resource.

    ``fields`` are dotted paths of the fields that are needed (``to_Address.Country``), empty for
    all; a connector may give more. ``since`` asks for records whose cursor field is >= that value
    (text as the source wrote it; the overlap window is already taken off); ``token`` is what the
    last page of an earlier read gave (delta link, sync token). Neither: a full read.
    ``where`` are conditions (field, operator of = != < <= > >=, value) that the source may apply to
    save work; the hub applies them again. ``takes_files`` says that a page may be a ``LocalFile``.
    """

    resource: Resource
    fields: tuple[str, ...] = ()
    since: str | None = None
    token: str | None = None
    where: tuple[tuple[str, str, str], ...] = ()
    page_size: int | None = None
    takes_files: bool = False


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A whole UTF-8 NDJSON file of this host. The reader links or copies it before it asks for the next
    page; the source then makes sure that it is still the same file."""

    path: Path


@dataclass(frozen=True, slots=True)
class Page:
    """One page as read.

    ``records`` is UTF-8 NDJSON (one JSON object per line, exactly as the source wrote its values) or
    an Arrow batch whose columns are the fields. ``count`` is the number of records in it (-1: not
    counted, only of a LocalFile).
    ``announced`` is the total of this read where the source tells it. ``deleted`` are key texts
    (see ``key_text``) of records reported as deleted. ``origin`` names where the page came from
    (a file, or a path without host and query), ``first`` the 1-based position of its first record
    there: together they are the record's source position.
    """

    records: bytes | pa.RecordBatch | LocalFile
    count: int
    origin: str = ""
    first: int = 1
    last: bool = False
    announced: int | None = None
    token: str | None = None
    deleted: tuple[str, ...] = ()


Operation = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Content:
    """What one version of a document holds. ``chunks`` reads it from its start; after the last one it raises Fatal
    ``content.changed`` where they were not what ``sha256`` (lower-case hexadecimal) says: who writes it elsewhere lets
    it take its place only then. ``size`` in bytes."""

    sha256: str
    size: int
    chunks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Change:
    """One change for a target. ``key`` holds the natural key fields and values by which the target has the
    record; ``values`` the fields to set (dotted names are nested objects; key fields are included, and an
    update may give them other values); ``foreign_id`` the target's own id where known; ``version`` its last
    known ETag; ``id`` a stable idempotency key; ``begun`` the key under which a message was begun that is created now
    under another one: nobody knows whether it arrived; ``content`` what a document is to hold, None where it holds that
    already."""

    operation: Operation
    key: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    foreign_id: str | None = None
    version: str | None = None
    id: str = ""
    begun: Mapping[str, Any] | None = None
    content: Content | None = None


OutcomeStatus = Literal["done", "rejected", "conflict", "retry", "unknown"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one change.

    ``done`` it stands in the target (``foreign_id`` and ``version`` as the target gave them);
    ``rejected`` the target will never take it (a reason for quarantine); ``conflict`` the target's
    record changed since (412, 409, "exists already"); ``retry`` it had no effect and may work after
    ``wait`` seconds; ``unknown`` nobody knows: look it up by its key.
    """

    status: OutcomeStatus
    foreign_id: str | None = None
    version: str | None = None
    code: str = ""
    message: str = ""
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A record of the target, found by its natural key."""

    foreign_id: str
    version: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


ProbeStatus = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One step of a connection check.

    ``name`` is a stable word for what was tried, with the resource it is about (``tls``, ``read Customer``);
    ``detail`` says what was found, or the cause; ``remedy`` what to do. A ``warning`` holds for now; what is
    ``skipped`` was not tried, and ``detail`` says why. ``code`` is stable, where something is wrong.
    """

    name: str
    status: ProbeStatus
    detail: str = ""
    remedy: str = ""
    code: str = ""

    @property
    def ok(self) -> bool:
        return self.status != "failed"


class Source(Protocol):
    """Reads. A fresh object per run, used by one thread, closed at the end."""

    def check(self) -> list[Probe]:
        """Try address, credentials and rights with the least possible effect: steps of ``hub.doctor``, among them
        ``read NAME`` or ``write NAME`` for each declared resource. Raises nothing that belongs into a step."""
        ...

    def resource(self, name: str) -> Resource:
        """Describe one resource; ConfigError ``resource.unknown`` where there is none."""
        ...

    def read(self, query: Query) -> Iterator[Page]:
        """Yield the pages of one read; see the module's contract."""
        ...

    def close(self) -> None: ...


class Target(Protocol):
    """Writes. A fresh object per run, used by one thread, closed at the end."""

    def check(self) -> list[Probe]: ...

    def resource(self, name: str) -> Resource: ...

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        """Write at most ``SPEC.batch`` changes; one outcome each, in order."""
        ...

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        """Look records up by natural key, in order; None where there is none."""
        ...

    def close(self) -> None: ...


class Replacing(Protocol):
    """A target whose resource is written as a whole (a file): the new content replaces the old one
    atomically, or nothing changes."""

    def replace(self, resource: Resource, rows: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        """Write all rows; answer how many."""
        ...


class Documents(Protocol):
    """Records that have content, as a source reads them and a target finds them; only what a ``Resource.content``
    names."""

    def content(self, resource: Resource, record: Mapping[str, Any]) -> Iterator[bytes]:
        """What the document holds, in pieces of 1 MiB at most. After the last one it is looked at once more: Retriable
        ``file.changed`` where it is not the one of ``record``. RecordRejected where it is not to be read at all."""
        ...


@dataclass(frozen=True, slots=True)
class Proven:
    """An account that somebody logs in by: key and lasting id of its record, its owner's name, and its own place."""

    key: str
    foreign_id: str
    name: str
    place: str


class Proving(Protocol):
    """Accounts that prove who somebody is. ``by`` holds what people type; wrong names cost what wrong passwords do."""

    def account(self, resource: str, by: Sequence[str], name: str) -> Proven | None:
        """The one account that is called so; None where there is none, or several."""

    def prove(self, resource: str, by: Sequence[str], name: str, known: Proven | None, password: str) -> bool:
        """Whether the password is that of the account: one trial, never repeated."""


class Pauses(Protocol):
    """Until when systems asked to be left alone (UTC seconds), known to every process of a hub."""

    def until(self, system: str) -> float: ...

    def pause(self, system: str, until: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the hub lends a connector: the system's name for messages, the workspace's ``config``
    folder for relative paths, a private scratch folder, a clock (UTC seconds), and the pauses that
    systems asked for."""

    system: str
    folder: str = "."
    scratch: str = ""
    now: Callable[[], float] | None = None
    pauses: Pauses | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """The single declaration of a connector; CLI, lint, JSON Schema and reference page read it.

    ``settings`` validates the system file (all keys but ``system title connector writes resources
    notes``), ``resource`` each entry below ``resources``; both document every key with a description and
    an example. ``open(context, settings, resources)`` makes the connector, with secrets resolved and
    ``resources`` being name → instance of ``resource``; it must not connect yet. ``describe`` gives a
    resource from settings alone, without connecting, or None where that needs the system.
    ``pushed`` says that records come as events although nothing can be read, ``proves`` that it is ``Proving``,
    ``documents`` that it is ``Documents``.
    ``batch`` is the largest number of changes per ``deliver``; ``requests(settings, kind, count)`` says how many
    requests a call takes with so many changes of one kind (create, update, delete), or keys to ``find``.
    """

    name: str
    title: str
    summary: str
    settings: type[Settings]
    resource: type[Settings]
    open: Callable[[Context, Any, Mapping[str, Any]], Any]
    describe: Callable[[Context, Any, str, Any], Resource | None]
    reads: bool = True
    writes: bool = False
    pushed: bool = False
    proves: bool = False
    documents: bool = False
    batch: int = 100
    requests: Callable[[Any, str, int], int] = lambda settings, kind, count: 1
    example: str = ""


def require_resource(resources: Mapping[str, _Declared], name: str) -> _Declared:
    """What a system's file declares of a resource; ConfigError ``resource.unknown`` where it does not."""
    found = resources.get(name)
    if found is None:
        raise ConfigError("resource.unknown", f"there is no resource {name}", hint="declare it below resources:")
    return found


def key_text(values: Sequence[object]) -> str:
    """The one text form of a key: the value itself, or for composite keys a JSON array of texts.

    >>> key_text(["1000"]), key_text(["1000", 7])
    ('1000', '["1000","7"]')
    """
    texts = ["" if value is None else str(value) for value in values]
    if len(texts) == 1:
        return texts[0]
    return json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
