"""A report as JSON: checked, limited, and made a ``Report``. One wrong item says what is wrong with it and harms no
other."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails

from hub.errors import RecordRejected
from hub.todos.people import KINDS
from hub.todos.reports import Assignee, Key, Kind, Report, Status, version
from hub.workspace.explain import fields_at, suggest

SCRIPTS: Final = ("javascript", "data", "vbscript", "file", "blob", "about")
LEVELS: Final = {"low": 0, "medium": 1, "high": 2, "very_high": 3}
EARLIEST: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST: Final = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
AHEAD: Final = dt.timedelta(days=1)
"""How far a source's clock may be ahead of ours. What is from later would hide all that follows."""
HALVES: Final = re.compile("[\ud800-\udfff]")
BLANKS: Final = re.compile(r"[\x00-\x20]")
LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


WRITTEN: Final = re.compile(r"(19[7-9]\d|2[01]\d\d)-\d\d-\d\d[Tt ]")
"""How a time begins (RFC 3339), of those that are taken."""


def storable(text: str) -> str:
    """A text that every database keeps. ValueError."""
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    if HALVES.search(text):
        raise ValueError("it holds half a character")
    return text


def _moment(value: dt.datetime) -> dt.datetime:
    """Times that every database keeps, whatever their offset."""
    if not EARLIEST <= value <= LATEST:
        raise ValueError(f"a time lies between {EARLIEST.year} and {LATEST.year - 1}")
    return value.astimezone(dt.UTC)


def _written(value: Any) -> Any:
    """A number is no time, not even one in a text: nobody says what it counts."""
    if isinstance(value, str) and WRITTEN.match(value) is None:
        raise ValueError("a time is written 2026-11-26T08:15:00Z, between 1970 and 2199")
    if isinstance(value, (int, float)):
        raise ValueError("a time is a text: 2026-11-26T08:15:00Z")
    return value


def _counted(value: Any) -> Any:
    if isinstance(value, (bool, str)):
        raise ValueError("it is no number")
    return value


def _address(text: str) -> str:
    """Links are opened by people: only what opens a page or an app."""
    scheme, colon, _ = text.partition(":")
    if not colon or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) is None:
        raise ValueError("a link is a whole address, https://… or one of an app")
    if scheme.lower() in SCRIPTS:
        raise ValueError(f"a link does not begin with {scheme.lower()}:")
    if BLANKS.search(text):
        raise ValueError("a link has no blanks or control characters")
    return text


def _languages(texts: dict[str, str]) -> dict[str, str]:
    for name in texts:
        if LANGUAGE.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no language (BCP 47: en, zh, zh-Hant)")
    return texts


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    AfterValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{WRITTEN.pattern}"}),
]
Count = Annotated[int, BeforeValidator(_counted)]
Text = Annotated[str, AfterValidator(storable)]
Short = Annotated[Text, Field(min_length=1, max_length=200)]
Titles = Annotated[
    dict[str, Annotated[Text, Field(min_length=1, max_length=1000)]],
    Field(min_length=1, max_length=10, json_schema_extra={"propertyNames": {"pattern": f"^{LANGUAGE.pattern}$"}}),
    AfterValidator(_languages),
]
Title = Annotated[Text, Field(min_length=1, max_length=1000)] | Titles
Link = Annotated[
    Text,
    Field(max_length=2000, json_schema_extra={"pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20]*$"}),
    AfterValidator(_address),
]


NONE: Final[Any] = ()
"""No items. Pydantic copies a default that may change, such as a list, for each report."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _called(schema: dict[str, Any]) -> None:
    """One name, and not null."""
    named = {name: {"type": "string", "minLength": 1, "maxLength": 200} for name in KINDS}
    schema.update(minProperties=1, maxProperties=1, properties=named)


class To(_Part):
    """A receiver, by exactly one of what people are called by."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_called)

    account: Short | None = None
    person: Short | None = None
    login: Short | None = None
    code: Short | None = None
    phone: Short | None = None
    mail: Short | None = None
    group: Short | None = None

    @model_validator(mode="after")
    def _one(self) -> To:
        if len(self.model_fields_set) != 1 or self.text == "":
            raise ValueError(f"exactly one of {', '.join(KINDS)}")
        return self

    @property
    def text(self) -> str:
        return next((f"{kind}:{value}" for kind in KINDS if (value := getattr(self, kind)) is not None), "")


class Said(_Part):
    """When the source changed the to-do last; ``seq`` orders changes of one moment."""

    at: Moment
    seq: Count = Field(0, ge=0, le=2**53)


class Receiver(_Part):
    """What is said of one receiver. ``there: false`` takes it off him."""

    to: To
    kind: Kind = Kind.TO_DO
    done: StrictBool | None = None
    outcome: Annotated[Text, Field(max_length=100)] = ""
    read: StrictBool | None = None
    since: Moment | None = None
    urges: Count = Field(0, ge=0, le=10_000)
    there: StrictBool = True


class Operation(_Part):
    """A response (it ends the to-do for who gives it) or an action (it does not)."""

    code: Short
    title: Title | None = None
    nature: Literal["positive", "negative", "neutral"] = "neutral"
    comment: Literal["required", "optional", "unsupported"] = "optional"
    reasons: list[Short] = Field(NONE, max_length=100)


class Attribute(_Part):
    """A typed value that a list or a page shows."""

    title: Title | None = None
    type: Literal["text", "integer", "decimal", "boolean", "date", "datetime"] = "text"
    value: Annotated[Text, Field(max_length=1000)]


class Links(_Part):
    """Where the to-do is opened in its system."""

    model_config = ConfigDict(extra="forbid", frozen=True)  # what may change is copied for each report

    pc: Link | None = None
    mobile: Link | None = None
    app: Link | None = None


CONTENT: Final = frozenset(
    {
        "text", "definition", "process", "node", "priority", "due", "created", "initiator", "links", "responses",
        "actions", "attributes",
    }
)  # fmt: skip
"""What comes with the title only."""

THERE: Final = {"not": {"type": "null"}}
SAYS: Final[list[Any]] = [
    {"required": ["title"], "properties": {"title": THERE}},
    {"required": ["status"], "properties": {"status": THERE}},
    {"required": ["assignees"], "properties": {"assignees": {"minItems": 1}}},
]
"""What a report has one of, as JSON Schema."""
WHOLE: Final[list[Any]] = [
    {"anyOf": SAYS},
    {"anyOf": [SAYS[0], {"properties": dict.fromkeys(sorted(CONTENT), False)}]},
    {"anyOf": [
        {"required": ["status"], "properties": {"status": {"const": "reserved"}}},
        {"properties": {"processor": {"type": "null"}}},
    ]},
]  # fmt: skip
"""Content comes with its title, and whoever processes it has reserved it."""


class Item(_Part):
    """One report. Without ``title`` the content stays as it is; without ``status`` the status does;
    ``assignees`` are all there are, or with ``partial`` some of them. ``processor`` has claimed it: while it is
    reserved only he sees it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"allOf": WHOLE})

    system: Short
    tenant: Annotated[Text, Field(max_length=200)] = ""
    id: Annotated[Text, Field(min_length=1, max_length=300)]
    version: Said | None = None
    title: Title | None = None
    text: Annotated[Text, Field(max_length=10_000)] = ""
    status: Annotated[Status | None, Field(json_schema_extra={"not": {"const": "incomplete"}})] = None
    outcome: Annotated[Text, Field(max_length=100)] = ""
    assignees: list[Receiver] = Field(NONE, max_length=500)
    partial: StrictBool = False
    processor: To | None = None
    definition: Annotated[Text, Field(max_length=200)] = ""
    process: Annotated[Text, Field(max_length=200)] = ""
    node: Annotated[Text, Field(max_length=200)] = ""
    priority: Literal["low", "medium", "high", "very_high"] = "medium"
    due: Moment | None = None
    created: Moment | None = None
    initiator: To | None = None
    links: Links = Links()
    responses: list[Operation] = Field(NONE, max_length=50)
    actions: list[Operation] = Field(NONE, max_length=50)
    attributes: dict[Short, Attribute] = Field({}, max_length=30)

    @model_validator(mode="after")
    def _says_something(self) -> Item:
        if self.status is Status.INCOMPLETE:
            raise ValueError("status: incomplete is what the hub says of a to-do whose title has not come")
        if self.title is None and self.model_fields_set & CONTENT:
            names = ", ".join(sorted(self.model_fields_set & CONTENT))
            raise ValueError(f"{names} is part of the content, which is reported as a whole: with its title")
        if self.title is None and self.status is None and not self.assignees:
            raise ValueError("it says nothing: no title, no status, no assignees")
        if self.processor is not None and self.status is not Status.RESERVED:
            raise ValueError("processor: somebody has claimed it, so its status is reserved")
        receivers = [one.to.text for one in self.assignees]
        if len(set(receivers)) < len(receivers):
            raise ValueError("assignees: one receiver stands there twice")
        return self


def read(value: Any, arrived: dt.datetime, number: int = 0) -> Report:
    """The report of a JSON value, the so-manieth of what arrived together. RecordRejected ``todo.malformed``."""
    try:
        item = Item.model_validate(value)
    except ValidationError as error:
        raise _wrong(error.errors(include_url=False, include_input=False)[0]) from None
    told = item.version
    if told is not None and told.at > arrived + AHEAD:
        raise _malformed("version.at", "it lies in the future")
    return _report(item, arrived, number)


def _wrong(error: ErrorDetails) -> RecordRejected:
    """What pydantic found, without the value that was given: it may be classified."""
    steps, said = error["loc"], error["msg"].removeprefix("Value error, ")
    where = ".".join(map(str, steps))
    if error["type"] == "extra_forbidden":
        return _malformed(where, "there is no such key", suggest(steps[-1], fields_at(Item, steps[:-1])))
    if error["type"] == "missing":
        return _malformed(where, f"{steps[-1]} is missing" if len(steps) > 1 else "it is missing")
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        keys = ", ".join(f'"{name}": …' for name, field in fields_at(Item, steps).items() if field.is_required())
        return _malformed(where, "it must be an object", f"write {{{keys}}}" if keys else "")
    return _malformed(where, said)


def _malformed(where: str, message: str, hint: str = "") -> RecordRejected:
    return RecordRejected(
        "todo.malformed",
        f"{where}: {message}" if where else message,
        where=where,
        hint=hint or "see docs/how-to/todos.md and /v1/openapi.json",
    )


def _report(item: Item, arrived: dt.datetime, number: int) -> Report:
    said = item.model_dump(mode="json", exclude={"version", "system", "tenant", "id"}, exclude_defaults=True)
    content = None
    if item.title is not None:
        content = {name: value for name, value in said.items() if name in CONTENT}
        content["title"] = item.title if isinstance(item.title, dict) else {"": item.title}
        if item.initiator is not None:
            content["initiator"] = item.initiator.text
    told = item.version
    return Report(
        Key(item.system, item.tenant, item.id),
        version(told.at if told else None, told.seq if told else number, said, arrived),
        content,
        item.status,
        item.outcome,
        [
            Assignee(one.to.text, one.kind, one.done, one.outcome, one.read, one.since, one.urges, one.there)
            for one in item.assignees
        ],
        whole="assignees" in item.model_fields_set and not item.partial,
        processor=item.processor.text if item.processor is not None else "",
    )


def key_of(value: Any) -> Mapping[str, Any]:
    """What a result names its item by, as far as it can be read, and written again."""
    if not isinstance(value, Mapping):
        return {}
    return {name: echoed(value.get(name, "")) for name in ("system", "tenant", "id")}


def echoed(value: Any) -> str:
    """The beginning of a text, without halves of characters, or of a number; nothing of what is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value[:300].encode("utf-8", "replace").decode() if isinstance(value, str) else ""
