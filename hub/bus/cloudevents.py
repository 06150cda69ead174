"""CloudEvents 1.0: the form of the hub's own events, and the reading of those of others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hub import tracing
from hub.errors import Fatal, RecordRejected
from hub.store.outbox import Event
from hub.untrusted import parse_json

CONTENT_TYPE = "application/cloudevents+json"
NEEDED = ("id", "source", "specversion", "type")


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event of somebody else: who says it, under which id, of which type, and its data."""

    id: str
    source: str
    type: str
    data: Mapping[str, Any]
    subject: str = ""
    time: str = ""
    trace: str = ""

    @property
    def deletes(self) -> bool:
        """Whether it says that the record is gone: its type ends so."""
        return self.type.rpartition(".")[2].lower() in ("deleted", "delete", "removed")


def shaped(event: Event, hub: str) -> dict[str, Any]:
    """An event of the outbox as a CloudEvent in structured JSON; the same however often it is sent."""
    return {
        "specversion": "1.0",
        "id": str(event.id),
        "source": f"/cophub/{quote(hub)}",
        "type": f"cophub.{event.type}",
        "subject": event.subject,
        "time": event.created_at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        **({"traceparent": event.trace} if event.trace else {}),
        "data": dict(event.body),
    }


def is_envelope(value: Mapping[str, Any]) -> bool:
    """Whether an object says that it is a CloudEvent."""
    return "specversion" in value


def read(value: Mapping[str, Any]) -> Envelope:
    """The event an object is; RecordRejected ``event.malformed`` where it breaks the specification."""
    for name in NEEDED:
        if not isinstance(value.get(name), str) or not value[name]:
            raise _malformed(f"{name} is missing or no text")
    if value["specversion"] != "1.0":
        raise _malformed("its specversion is not 1.0")
    for name in ("subject", "time", "datacontenttype", "dataschema"):
        if name in value and (not isinstance(value[name], str) or not value[name]):
            raise _malformed(f"{name} is no text")
    time = str(value.get("time", ""))
    if time and not _is_moment(time):
        raise _malformed("time is no instant of RFC 3339")
    if "data_base64" in value:
        raise _malformed("data_base64 is not read: a record is a JSON object in data")
    data = value.get("data", {})
    if not isinstance(data, Mapping):
        raise _malformed("data is no JSON object")
    said = (value["id"], value["source"], value["type"], data, str(value.get("subject", "")), time)
    return Envelope(*said, tracing.read(value.get("traceparent")))


def parse(raw: bytes) -> Mapping[str, Any]:
    """One JSON object; RecordRejected ``event.malformed``."""
    try:
        value = parse_json(raw, where="event")
    except Fatal as error:  # fatal for a whole answer of a system; here it is one event that somebody sent
        raise _malformed(error.message) from None
    if not isinstance(value, Mapping):
        raise _malformed("it is no JSON object")
    return value


def _is_moment(text: str) -> bool:
    try:
        return dt.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _malformed(why: str) -> RecordRejected:
    return RecordRejected("event.malformed", f"this is no event: {why}", hint="see docs/how-to/events.md")
