"""The hub itself as a system that mappings write to, and read: ``into: hub.todos``, ``from: hub.todos``. No file
declares it.

Only its declaration stands here; what delivers is ``hub.todos.target``, what reads ``hub.todos.pushing``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from hub.contract import Context, Field, Resource, Settings, Spec
from hub.errors import ConfigError
from hub.workspace.shape import FieldRule, MappingFile, Output
from hub.workspace.workspace import System

HUB: Final = "hub"
"""Its name; no system of a workspace is called so."""
TODOS: Final = "hub.todos"
RECEIVERS: Final = ("account", "login", "code", "phone", "mail", "person", "group")
"""What a receiver may be called by: a row has one of them, or none where it only speaks of the to-do."""
CONTENT: Final = (
    "text", "definition", "process", "node", "priority", "due", "created", "initiator", "links", "responses",
    "actions", "attributes",
)  # fmt: skip
"""What is reported together with the title."""


class _NoSettings(Settings):
    """There is nothing to set."""


_CALLED: Final = ("login", "code", "phone", "mail")
_READ: Final = Resource(
    "todos",
    key=("todo", "person"),
    fields=(
        Field("todo", required=True, title="The hub's id of the to-do"),
        Field("person", required=True, title="The hub's id of the person"),
        Field("system", required=True, title="The system it is of"),
        Field("tenant", title="Where that system serves several, whose it is"),
        Field("id", required=True, title="What that system calls it"),
        *(Field(name, title=f"What the person is called by: {name}") for name in _CALLED),
        Field("accounts", "json", title="System → the person's account there, where there is just one"),
        Field("box", required=True, title="Where it lies for the person: to_do, to_read, initiated or done"),
        Field("status", title="ready, reserved, suspended, completed or cancelled"),
        Field("outcome", title="How it ended for the person"),
        Field("read", "boolean", title="Whether the person has read it"),
        Field("urges", "integer", title="How often the person was urged"),
        Field("since", "datetime", title="Since when the person has it"),
        Field("changed", "datetime", title="When the hub changed it last"),
        Field("title", title="Title: in English where there are several"),
        Field("titles", "json", title="Language → title; the one of no language is titles.any"),
        Field("text", title="More than the title"),
        Field("definition", title="What sort of to-do it is"),
        Field("process", title="The process it belongs to"),
        Field("node", title="Its step in the process"),
        Field("priority", title="low, medium, high or very_high"),
        Field("due", "datetime", title="Until when"),
        Field("created", "datetime", title="When it began"),
        Field("links", "json", fields=(Field("pc"), Field("mobile"), Field("app")), title="Where it is opened"),
        Field("responses", "json", title="What may be answered"),
        Field("actions", "json", title="What else may be done"),
        Field("attributes", "json", title="Name → what else a list shows"),
    ),
    deletes=True,
    title="To-dos of people",
)  # fmt: skip
_RESOURCE: Final = Resource(
    "todos",
    key=("system", "tenant", "id", *RECEIVERS),
    optional=frozenset({"tenant", *RECEIVERS}),
    fields=(
        Field("system", title="The system it is of; without it, that of from"),
        Field("tenant", title="Where a system serves several, whose it is"),
        Field("id", required=True, title="What the system calls it; never used again"),
        *(Field(name, title=f"The receiver, by {name}") for name in RECEIVERS),
        Field("changed", "datetime", title="When the system changed it last"),
        Field("seq", "integer", title="Which of several changes of one moment"),
        Field("title", title="Title; title.en and title.zh in languages"),
        Field("text", title="More than the title"),
        Field("status", title="ready, reserved, suspended, completed, cancelled or withdrawn"),
        Field("outcome", title="How it ended"),
        Field("processor", "json", fields=tuple(Field(n) for n in RECEIVERS), title="Who has claimed it"),
        Field("kind", title="to_do, to_read or initiated"),
        Field("done", "boolean", title="Whether the receiver has done his part"),
        Field("read", "boolean", title="Whether he has read it"),
        Field("since", "datetime", title="Since when he has it"),
        Field("urges", "integer", title="How often he was urged"),
        Field("definition", title="What sort of to-do it is"),
        Field("process", title="The process it belongs to"),
        Field("node", title="Its step in the process"),
        Field("priority", title="low, medium, high or very_high"),
        Field("due", "datetime", title="Until when; a day means its end"),
        Field("created", "datetime", title="When it began"),
        Field("initiator", "json", fields=tuple(Field(n) for n in RECEIVERS), title="Who began it"),
        Field("links", "json", fields=(Field("pc"), Field("mobile"), Field("app")), title="Where it is opened"),
        Field("responses", "json", title="What may be answered, as in POST /v1/todos"),
        Field("actions", "json", title="What else may be done, as in POST /v1/todos"),
        Field("attributes", "json", title="Name → what else a list shows"),
    ),
    writable=True,
    messages=True,
    title="To-dos of people",
    read_as=_READ,
)


def _describe(context: Context, settings: Any, name: str, declared: Any) -> Resource:
    if name != _RESOURCE.name:
        raise ConfigError("resource.unknown", f"the hub has no resource {name}", hint=f"write {TODOS}")
    return _RESOURCE


def _open(context: Context, settings: Any, resources: Any) -> Any:
    raise AssertionError("hub.bootstrap opens the hub's own resources")


_SPEC: Final = Spec(
    HUB, "The hub itself", "Takes to-dos from mappings, and gives them.", _NoSettings, _NoSettings, _open, _describe,
    writes=True, batch=500,
)  # fmt: skip
OWN: Final = System(HUB, {"en": "COP Hub"}, "on", HUB, _SPEC, _NoSettings(), {"todos": _NoSettings()}, Path())
"""The hub as a system."""


def is_own(place: str) -> bool:
    """Whether ``system.resource`` is one of the hub itself."""
    return place.partition(".")[0] == HUB and "." in place


def completed(mapping: MappingFile) -> MappingFile:
    """The mapping with what goes without saying: to-dos are of the system that they are read from."""
    if isinstance(mapping.into, list):
        return mapping.model_copy(update={"into": [_of(one, mapping.from_) for one in mapping.into]})
    fields = _fields(mapping.into, mapping.fields, mapping.from_)
    return mapping if fields is mapping.fields else mapping.model_copy(update={"fields": fields})


def _of(output: Output, from_: str) -> Output:
    return output.model_copy(update={"fields": _fields(output.into, output.fields, from_)})


def _fields(into: str, fields: dict[str, FieldRule], from_: str) -> dict[str, FieldRule]:
    system, dot, _ = from_.partition(".")
    if into != TODOS or not dot or not fields or "system" in fields:
        return fields
    quoted = system.replace("'", "''")
    return {**fields, "system": FieldRule(value=f"'{quoted}'")}


def condition(from_: str, into: str) -> str:
    """What goes without saying of an output: a to-do never goes back to the system that it is of. Empty: nothing."""
    system, dot, _ = into.partition(".")
    if from_ != TODOS or not dot:
        return ""
    quoted = system.replace("'", "''")
    return f"system <> '{quoted}'"
