"""What YAML may say about a REST system: this is the whole language of the connector."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from hub.contract import Settings
from hub.http import HttpSettings, one_key
from hub.http.records import Empty, check_fields
from hub.http.settings import HeaderName, Seconds


def _text(value: object) -> object:
    """``true`` and 7 in YAML are sent as they are written there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[
    list[Text],
    BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
    WithJsonSchema({"anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array"}]}),
]
"""A value, or several that are sent as the same parameter repeated."""
Names = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
Place = Literal["query", "body"]


class Answers(Settings):
    """For systems that say in the body, under status 200, whether it went well."""

    path: str = Field(description="Dotted path of the verdict", examples=["errcode"])
    equals: Annotated[
        list[Text], BeforeValidator(lambda value: value if isinstance(value, list) else [value])
    ] = Field(description="Values that mean success", examples=[["0"]])
    message: str | None = Field(default=None, description="Dotted path of the message", examples=["errmsg"])
    code: str | None = Field(default=None, description="Dotted path of the error code", examples=["errcode"])
    retry: list[Text] = Field(default=[], description="Verdicts that mean: later", examples=[["45009"]])
    wait: Seconds | None = Field(
        default=None,
        description="How long to wait after such a verdict, where the system's manual says so",
        examples=["60s"],
    )


class PageNumber(Settings):
    """Pages by number, until one is empty or the system says there are no more."""

    param: str = Field(description="Parameter of the page number", examples=["page"])
    size_param: str | None = Field(default=None, description="Parameter of the size", examples=["per_page"])
    size: int = Field(default=100, ge=1, description="Records per page")
    start: int = Field(default=1, ge=0, description="Number of the first page")
    until: Literal["empty", "short"] = Field(
        default="empty", description="short also stops after a page with fewer records than size"
    )
    more: str | None = Field(
        default=None, description="Dotted path of a flag: more follows", examples=["has_more"]
    )
    pages: str | None = Field(default=None, description="Dotted path of the number of pages")
    into: Place = Field(default="query", description="Where the parameters go")


class Offset(Settings):
    """Pages by the number of records to skip."""

    param: str = Field(description="Parameter of the offset", examples=["skip"])
    size_param: str | None = Field(default=None, description="Parameter of the size", examples=["top"])
    size: int = Field(default=100, ge=1, description="Records per page")
    start: int = Field(default=0, ge=0, description="First offset")
    overlap: int = Field(
        default=0, ge=0, le=1, description="1 reads the last record again and so notices that records moved"
    )
    until: Literal["empty", "short"] = Field(
        default="empty", description="short also stops after a page with fewer records than size"
    )
    more: str | None = Field(default=None, description="Dotted path of a flag: more follows")
    into: Place = Field(default="query", description="Where the parameters go")


class CursorPaging(Settings):
    """Pages by what the last one gave: a token for a parameter, or the whole next address."""

    model_config = Settings.model_config | {"populate_by_name": True}

    param: str | None = Field(default=None, description="Parameter of the token", examples=["cursor"])
    from_: str | None = Field(
        default=None, alias="from", description="Dotted path of the token", examples=["paging.next_cursor"]
    )
    url: str | None = Field(
        default=None, description="Dotted path of the next address", examples=["paging.next"]
    )
    more: str | None = Field(default=None, description="Dotted path of a flag: more follows")
    size_param: str | None = Field(default=None, description="Parameter of the size", examples=["limit"])
    size: int = Field(default=100, ge=1, description="Records per page")
    into: Place = Field(default="query", description="Where the parameters go")

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.url is None) == (self.param is None or self.from_ is None):
            raise ValueError("cursor takes param and from, or url")
        return self


class RangeHeader(Settings):
    """Pages by the Range header, counted from 0 (Tryton and others)."""

    unit: str = Field(default="records", description="Unit of the range", examples=["records", "items"])
    size: int = Field(default=500, ge=1, description="Records per page")
    end: Literal["exclusive", "inclusive"] = Field(
        default="inclusive", description="Whether the second number is the last record or the one after it"
    )


class Paging(Settings):
    """How the pages of a resource follow each other: exactly one of these."""

    page: PageNumber | None = Field(default=None, description="By page number")
    offset: Offset | None = Field(default=None, description="By offset")
    cursor: CursorPaging | None = Field(default=None, description="By a token or address in the answer")
    link_header: Empty | None = Field(default=None, description="By the Link header, rel=next (RFC 8288)")
    range_header: RangeHeader | None = Field(default=None, description="By the Range header")
    none: Empty | None = Field(default=None, description="One answer holds everything")

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_key(self, "paging")
        return self


class Cursor(Settings):
    """How changed records are asked for."""

    field: str = Field(description="Field that grows with each change", examples=["updated_at"])
    param: str | None = Field(
        default=None, description="Parameter; without one all records are read", examples=["since"]
    )
    format: str | None = Field(
        default=None,
        description="epoch, epoch_ms or a strftime pattern (UTC); default: as the source wrote it",
        examples=["%Y-%m-%d %H:%M:%S"],
    )
    value: str = Field(
        default="{since}", description="What the parameter holds", examples=["updated_at ge {since}"]
    )
    encode: Literal["plain", "base64url"] = Field(default="plain", description="Encoding of the parameter")
    into: Place = Field(default="query", description="Where the parameter goes")


class Total(Settings):
    """Where the source announces how many records there are."""

    path: str | None = Field(default=None, description="Dotted path", examples=["meta.total"])
    header: HeaderName | None = Field(default=None, description="Header", examples=["X-Total-Count"])

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_key(self, "total")
        return self


class Call(Settings):
    """One kind of change. ``{id}`` in the path is the target's own id, ``{name}`` a field's value."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = Field(description="Method", examples=["POST"])
    path: str = Field(description="Path below url", examples=["/contacts/{id}"])
    params: dict[str, Texts] = Field(default={}, description="Fixed parameters")
    body: str = Field(default="", description="Dotted path to wrap the record in", examples=["contact"])
    content_type: str = Field(
        default="application/json",
        description="Type of the body; application/x-www-form-urlencoded sends a form",
        examples=["application/merge-patch+json"],
    )
    id: str | None = Field(
        default=None, description="Dotted path of the id in the answer", examples=["contact.id"]
    )
    version: str | None = Field(default=None, description="Dotted path of the version in the answer")
    without: list[str] = Field(default=[], description="Fields not to send", examples=[["id"]])


class Find(Settings):
    """How a record is looked up by its natural key. ``{name}`` is the value of a key field. The answer is
    a list, or the record itself."""

    path: str | None = Field(default=None, description="Path; default that of the resource")
    params: dict[str, Texts] = Field(default={}, description="Parameters", examples=[{"code": "{code}"}])
    records: str | None = Field(
        default=None, description="Dotted path of the list; default that of the resource"
    )
    id: str = Field(default="id", description="Dotted path of the id in a record")
    version: str | None = Field(default=None, description="Dotted path of the version in a record")


class Write(Settings):
    """How changes are written. What is not declared is refused."""

    create: Call | None = Field(default=None, description="Creating")
    update: Call | None = Field(default=None, description="Changing")
    delete: Call | None = Field(default=None, description="Deleting")
    find: Find | None = Field(default=None, description="Looking up by natural key")
    idempotency: HeaderName | None = Field(
        default=None, description="Header that takes the change's id", examples=["Idempotency-Key"]
    )
    etag: bool = Field(default=False, description="Send If-Match with the version last seen")


class RestResource(Settings):
    """One list of a REST system."""

    path: str = Field(description="Path below url", examples=["/v1/contacts"])
    title: str = Field(default="", description="Title")
    method: Literal["GET", "POST"] = Field(default="GET", description="Method of reading")
    params: dict[str, Texts] = Field(default={}, description="Fixed parameters", examples=[{"expand": "all"}])
    headers: dict[HeaderName, str] = Field(default={}, description="Headers of every request for it")
    body: dict[str, Any] | None = Field(default=None, description="Fixed JSON body of a POST")
    records: str = Field(default="", description="Dotted path of the list; empty: the answer is the list")
    key: Names = Field(default=[], description="Fields that identify a record", examples=[["id"]])
    cursor: Cursor | None = Field(default=None, description="Reading what changed")
    paging: Annotated[
        Paging, BeforeValidator(lambda value: {"none": {}} if value == "none" else _with_empty(value))
    ] = Field(default=Paging(none=Empty()), description="How pages follow each other")
    total: Annotated[
        Total | None, BeforeValidator(lambda value: {"path": value} if isinstance(value, str) else value)
    ] = Field(default=None, description="Where the number of all records stands", examples=["meta.total"])
    fields: Annotated[dict[str, Any], AfterValidator(check_fields)] = Field(
        default={},
        description="Names and types; nested as an object, lists in brackets",
        examples=[{"id": "integer", "tags": ["text"]}],
    )
    empty: list[int] = Field(default=[], description="Statuses that mean: no records", examples=[[204]])
    write: Write | None = Field(default=None, description="Writing")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.body is not None and self.method == "GET":
            raise ValueError("body needs method: POST")
        return self


def _with_empty(value: object) -> object:
    """``link_header:`` with nothing behind it means its defaults."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, dict):
        return {name: {} if options is None else options for name, options in value.items()}
    return value


class RestSettings(HttpSettings):
    """A system with a JSON API."""

    params: dict[str, Texts] = Field(
        default={}, description="Parameters of every request", examples=[{"lang": "en"}]
    )
    answers: Answers | None = Field(default=None, description="Success and errors that stand in the body")
