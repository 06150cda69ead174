"""The catalogue of a hub's events: which come, which go and by which way, as an AsyncAPI 3.0 document.

It is made of the workspace alone: of the mappings that read events, the models that tell their changes, the broker and
the webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from hub import __version__
from hub.bus.accept import readers_of
from hub.bus.cloudevents import CONTENT_TYPE
from hub.contract import Field, Resource
from hub.workspace.workspace import Workspace

ATTRIBUTES: Final[Mapping[str, tuple[Mapping[str, Any], str]]] = {
    "specversion": ({"const": "1.0"}, "The version of CloudEvents"),
    "id": ({"type": "string", "minLength": 1}, "With source it names the event: the same again is counted once"),
    "source": ({"type": "string", "minLength": 1}, "Who says it; of the hub's own events /cophub/HUB"),
    "type": ({"type": "string", "minLength": 1}, "One that ends in .deleted, .delete or .removed: the record is gone"),
    "subject": ({"type": "string", "minLength": 1}, "The record's key; of the hub's own events the model"),
    "time": ({"type": "string", "format": "date-time"}, "When it happened"),
    "datacontenttype": ({"type": "string"}, "application/json"),
    "traceparent": ({"type": "string", "minLength": 1}, "The trace that it is a part of (W3C Trace Context)"),
}
"""Attributes of CloudEvents as the hub reads and writes them: schema, meaning."""
NEEDED: Final = ("specversion", "id", "source", "type")
CHANGED: Final[Mapping[str, tuple[str, str]]] = {
    "model": ("string", "Whose entities changed"),
    "seq": ("integer", "Number of the commit: it grows with each, one by one for each model"),
    "exchange": ("string", "The mapping that brought the change"),
    "created": ("integer", "How many entities are new"),
    "updated": ("integer", "How many have other values"),
    "removed": ("integer", "How many have ended"),
}
"""The data of ``cophub.entity.changed``: type, meaning."""
TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "string", "null"]},
    "decimal": {"type": ["number", "string", "null"]},
    "float": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
    "time": {"type": ["string", "null"], "format": "time"},
    "datetime": {"type": ["string", "null"], "format": "date-time"},
    "binary": {"type": ["string", "null"], "contentEncoding": "base64"},
    "json": {},
}
"""JSON Schema of a field's type, as a record has it in an event."""


def document(workspace: Workspace) -> dict[str, Any]:
    """The AsyncAPI document; names in it are made of those of systems, resources, models and webhooks."""
    hub = workspace.hub
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {"changed": _message("cophub.entity.changed", "Entities of a model changed", _changed())}
    servers = {name: _server(url) for name, url in _addresses(workspace).items()}
    for place, resource in places(workspace).items():
        name = re.sub(r"[^\w.-]", "_", place, flags=re.ASCII)
        messages[name] = _message(place, f"A record of {place}, or its end", record_schema(resource))
        channels[f"in.{name}"] = {
            "address": f"{place}/{{key}}",
            "title": f"Events of {place}, in the order of each key",
            "description": f"The routing key on the broker; by HTTP: POST /v1/events/{place.replace('.', '/', 1)}",
            "parameters": {"key": {"description": "The record's key"}},
            "messages": {"record": {"$ref": f"#/components/messages/{name}"}},
            **_amqp(workspace, "in"),
        }
        operations[f"take.{name}"] = {"action": "receive", "channel": {"$ref": f"#/channels/in.{name}"}}
    told = {"changed": {"$ref": "#/components/messages/changed"}}
    if "broker" in servers:
        channels["out"] = {
            "address": "{model}",
            "title": "What changed, in the order of commits of each model",
            "parameters": {"model": {"description": "The routing key", "enum": sorted(workspace.models)}},
            "messages": told,
            **_amqp(workspace, "out"),
        }
        operations["tell"] = {"action": "send", "channel": {"$ref": "#/channels/out"}}
    for name, hook in sorted(hub.webhooks.items()):
        models = ", ".join(sorted(hook.models)) or "all models"
        channels[f"webhook.{name}"] = {
            "address": urlsplit(hook.url).path or "/",
            "title": f"What changed in {models}, signed after Standard Webhooks",
            "servers": [{"$ref": f"#/servers/webhook.{name}"}],
            "messages": told,
        }
        operations[f"tell.{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/webhook.{name}"},
            "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Events of {hub.hub}", "version": __version__},
        "defaultContentType": CONTENT_TYPE,
        **({"servers": servers} if servers else {}),
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def places(workspace: Workspace) -> dict[str, Resource | None]:
    """The resources whose events some mapping reads, and what is known of their fields without asking the system."""
    found = sorted({one.from_ for one in workspace.mappings.values() if "." in one.from_})
    return {
        place: workspace.system(place.partition(".")[0]).describe(place.partition(".")[2])
        for place in found
        if readers_of(workspace, place)
    }


def record_schema(resource: Resource | None) -> dict[str, Any]:
    """JSON Schema of a record; of a resource without declared fields any object will do."""
    if resource is None or not resource.fields:
        return {"type": "object"}
    return _object(resource.fields, resource.key)


def _object(fields: tuple[Field, ...], required: tuple[str, ...] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": {one.name: _field(one) for one in fields}}
    needed = [one.name for one in fields if one.name in required]
    return made | ({"required": needed} if needed else {})


def _field(one: Field) -> dict[str, Any]:
    made = _object(one.fields) if one.fields else dict(TYPES[one.type])
    if one.title:
        made["title"] = one.title
    if one.max_length is not None:
        made["maxLength"] = one.max_length
    return {"type": "array", "items": made} if one.many else made


def _message(name: str, title: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A CloudEvent in structured mode with such data."""
    attributes = {one: dict(schema) | {"description": words} for one, (schema, words) in ATTRIBUTES.items()}
    payload = {"type": "object", "required": list(NEEDED), "properties": attributes | {"data": data}}
    return {"name": name, "title": title, "contentType": CONTENT_TYPE, "payload": payload}


def _changed() -> dict[str, Any]:
    properties = {name: {"type": kind, "description": words} for name, (kind, words) in CHANGED.items()}
    return {"type": "object", "required": list(CHANGED), "properties": properties}


def _addresses(workspace: Workspace) -> dict[str, str]:
    bus = workspace.hub.bus
    broker = {"broker": bus.url} if bus is not None and bus.url else {}
    return broker | {f"webhook.{name}": hook.url for name, hook in sorted(workspace.hub.webhooks.items())}


def _server(url: str) -> dict[str, Any]:
    """Without the user: who logs in is nobody else's business."""
    parts = urlsplit(url)
    made = {"host": parts.netloc.rpartition("@")[2], "protocol": parts.scheme}
    if parts.scheme.startswith("amqp"):
        return made | {"protocolVersion": "0.9.1", "pathname": parts.path or "/"}
    return made


def _amqp(workspace: Workspace, place: str) -> dict[str, Any]:
    """The broker and its exchange, if it has exchanges; nothing where there is no broker."""
    if not (address := _addresses(workspace).get("broker")):
        return {}
    servers = {"servers": [{"$ref": "#/servers/broker"}]}
    if not address.startswith("amqp"):
        return servers
    exchange = {"name": f"cophub.{workspace.hub.hub}.{place}", "type": "topic", "durable": True, "autoDelete": False}
    binding = {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}
    return servers | {"bindings": {"amqp": binding}}
