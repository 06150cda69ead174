"""Accepting events: read, checked, sealed and stored before anybody gets an answer.

An event is known by its source and id; repeated as often as somebody likes, it is stored once. Its payload
lies sealed in the store. What it changes is seen when the inbox is drained.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hub import tracing
from hub.bus.cloudevents import Envelope, is_envelope, parse
from hub.bus.cloudevents import read as read_envelope
from hub.bus.signature import proven
from hub.contract import Resource, key_text
from hub.crypto import Cipher
from hub.errors import ConfigError, HubError, RecordRejected
from hub.exchange.ground import Hub
from hub.mapping.compile import compile_mapping
from hub.store import inbox
from hub.store.inbox import Arrived
from hub.workspace.shape import MappingFile, Push
from hub.workspace.workspace import Workspace

PURPOSE = "inbox"
LARGEST = 1 << 20


class _Data(msgspec.Struct):
    """The data of an event, as it is written."""

    data: msgspec.Raw = msgspec.Raw(b"{}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many events were new, and how many were there already."""

    new: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Reader:
    """An exchange that takes the events of a resource, and the fields of its keys."""

    exchange: str
    key: tuple[str, ...]

    def key_of(self, record: Mapping[str, Any]) -> str:
        """The record's key as the exchange knows it; empty where a part of it is missing."""
        parts = [_text(record, name) for name in self.key]
        return "" if not parts or "" in parts else key_text(parts)


def readers_of(workspace: Workspace, place: str) -> list[MappingFile]:
    """Enabled mappings of a resource that events may feed. Those that join another resource (``with``) are
    left out: their records are not whole without it."""
    return [
        mapping
        for _, mapping in sorted(workspace.mappings.items())
        if mapping.from_ == place and mapping.enabled and mapping.mode == "live" and not mapping.with_
    ]


@dataclass(slots=True)
class Door:
    """Where events come in; kept open by whoever receives many."""

    hub: Hub
    largest: int = LARGEST
    _readers: dict[str, list[Reader]] = field(default_factory=dict)
    _cipher: Cipher | None = None

    def webhook(
        self,
        place: str,
        push: Push,
        headers: Mapping[str, str],
        body: bytes,
        secrets: Sequence[str],
        now: float,
    ) -> Accepted:
        """A webhook with one event, or a list of them. Nothing of it is read before its proof holds;
        AuthError ``webhook.*`` where it does not."""
        self._require_small(body)
        identity = proven(push, secrets, headers, body, now)
        return self.accept(place, _bodies(body), source=f"webhook:{place}", identity=identity)

    def pushed(self, place: str, body: bytes, *, source: str, identity: str = "") -> Accepted:
        """The same of a caller who is known already."""
        self._require_small(body)
        return self.accept(place, _bodies(body), source=source, identity=identity)

    def accept(
        self,
        place: str,
        bodies: Iterable[bytes],
        *,
        source: str = "",
        identity: str = "",
        at: Callable[[int], str] = lambda number: f"event {number + 1}",
    ) -> Accepted:
        """Store events: CloudEvents in structured JSON, or bare records, which get ``source`` and an id made
        of ``identity`` and their place (without one every call is a new event). All or none: RecordRejected
        ``event.malformed``, ``event.large``, ``event.key``; ConfigError ``event.unread``. An error says
        where the event stood, which ``at`` knows of its number, counted from 0."""
        readers, base = self._readers_of(place), identity or str(uuid.uuid4())
        said = source or f"push:{place}"
        arrived = []
        with tracing.span(f"accept {place}", "producer", place=place) as told:
            for number, body in enumerate(bodies):
                try:
                    arrived.append(
                        self._arrived(place, body, readers, said, f"{base}/{number}" if number else base)
                    )
                except HubError as error:
                    error.where = at(number)
                    raise
            new = inbox.store(self.hub.database, arrived)
            told.tell(events=len(arrived), new=new)
        return Accepted(new, len(arrived) - new)

    def news(
        self, place: str, record: bytes, data: Mapping[str, Any], *, source: str, identity: str, at: str, deleted: bool
    ) -> list[Arrived]:
        """Events of a record that the hub itself keeps, to be stored with it; none where no mapping reads it."""
        readers = self._found(place)
        if not readers:
            return []
        keys = {reader.exchange: reader.key_of(data) for reader in readers}
        sealed = self._sealer().seal(record, context(source, identity))
        kind = "deleted" if deleted else "record"
        return [Arrived(source, identity, place, kind, at, sealed, keys, tracing.current())]

    def _arrived(
        self, place: str, body: bytes, readers: Sequence[Reader], source: str, identity: str
    ) -> Arrived:
        self._require_small(body)
        value = parse(body)
        if is_envelope(value):
            event = read_envelope(value)
            raw = bytes(msgspec.json.decode(body, type=_Data).data)
        else:
            event, raw = Envelope(identity, source, "record", value), body
        record = raw.replace(b"\r", b" ").replace(b"\n", b" ").strip()
        keys = {reader.exchange: self._key(reader, event) for reader in readers}
        kind = "deleted" if event.deletes else "record"
        sealed = self._sealer().seal(record, context(event.source, event.id))
        trace = event.trace or tracing.current()
        return Arrived(event.source, event.id, place, kind, event.time, sealed, keys, trace)

    def _key(self, reader: Reader, event: Envelope) -> str:
        key = reader.key_of(event.data)
        if not key and event.deletes:
            key = event.subject if len(reader.key) == 1 else ""
            if not key:
                raise RecordRejected(
                    "event.key",
                    f"the deletion does not say of which record: {', '.join(reader.key)} is missing",
                    hint="write the key's fields into data, or the key into subject",
                )
        return key

    def _readers_of(self, place: str) -> list[Reader]:
        found = self._found(place)
        if not found:
            raise ConfigError(
                "event.unread",
                f"no enabled mapping takes events of {place}",
                hint="write one with from: of that resource and without with:",
            )
        return found

    def _found(self, place: str) -> list[Reader]:
        if place not in self._readers:
            workspace = self.hub.workspace
            system, _, name = place.partition(".")
            resource = workspace.system(system).describe(name)
            self._readers[place] = [
                Reader(mapping.mapping, self._keys(mapping, resource))
                for mapping in readers_of(workspace, place)
            ]
        return self._readers[place]

    def _keys(self, mapping: MappingFile, resource: Resource | None) -> tuple[str, ...]:
        declared = compile_mapping(mapping, self.hub.workspace)[0].key_fields
        return tuple(declared or (resource.key if resource else ()))

    def _sealer(self) -> Cipher:
        if self._cipher is None:
            self._cipher = Cipher(self.hub.signer.opened(), PURPOSE)
        return self._cipher

    def _require_small(self, body: bytes) -> None:
        if len(body) > self.largest:
            raise RecordRejected(
                "event.large",
                f"the event has {len(body)} bytes, {self.largest} are taken",
                hint="send records one by one, without large fields",
            )


def context(source: str, identity: str) -> str:
    """What a sealed payload is bound to: it opens under no other event."""
    return f"inbox/{source}/{identity}"


def _bodies(body: bytes) -> list[bytes]:
    """A list of events is taken apart; anything else is one."""
    if body.lstrip()[:1] != b"[":
        return [body]
    try:
        return [bytes(one) for one in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RecordRejected("event.malformed", f"this is no list of events: {why}") from None


def _text(record: Mapping[str, Any], name: str) -> str:
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, Mapping | list) else str(value)
