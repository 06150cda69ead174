"""What YAML may say about a REST system: this is the whole language of the connector."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from hub.contract import Settings
from hub.http import HttpSettings, one_key, paging, since
from hub.http.records import Empty, check_fields
from hub.http.settings import Answers as PlainAnswers
from hub.http.settings import HeaderName, Names, Seconds, Text, Values, undeclared

Texts = Annotated[
    list[Text],
    BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
    WithJsonSchema({"anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array"}]}),
]
"""A value, or several that are sent as the same parameter repeated."""
Place = Literal["query", "body"]


class Answers(PlainAnswers):
    """What the body says of success and failure, whatever its status. Verdicts are compared with what stands at path
    and at code."""

    expired: Values = Field(
        default=[], description="Verdicts that mean: the token is no longer valid", examples=[["42001"]]
    )
    missing: Values = Field(
        default=[], description="Verdicts that mean: there is no such record", examples=[["60111"]]
    )
    exists: Values = Field(
        default=[], description="Verdicts that mean: it is there already", examples=[["60102"]]
    )


class PageNumber(paging.PageNumber):
    """Pages by number, until one is empty or the system says there are no more."""

    into: Place = Field(default="query", description="Where the parameters go")


class Offset(paging.Offset):
    """Pages by the number of records to skip."""

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
    until: paging.TokenUntil = Field(
        default="none",
        description="none: a page without a token is the last; empty: one without records, where every page gives a "
        "token (a scroll)",
    )
    size_param: str | None = Field(default=None, description="Parameter of the size", examples=["limit"])
    size: int = Field(default=100, ge=1, description="Records per page")
    into: Place = Field(default="query", description="Where the parameters go")

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.url is None) == (self.param is None or self.from_ is None):
            raise ValueError("cursor takes param and from, or url")
        return self


class LastRecord(Settings):
    """Pages by values of the last record of the page before, until one is empty."""

    params: dict[str, str] = Field(
        description="Parameters, and the dotted path of their value in the record",
        examples=[{"modifiedAfter": "modifiedAt", "lastId": "id"}],
    )
    size_param: str | None = Field(default=None, description="Parameter of the size", examples=["limit"])
    size: int = Field(default=100, ge=1, description="Records per page")
    more: str | None = Field(default=None, description="Dotted path of a flag: more follows")
    into: Place = Field(default="query", description="Where the parameters go")


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
    last: LastRecord | None = Field(default=None, description="By the last record")
    link_header: Empty | None = Field(default=None, description="By the Link header, rel=next (RFC 8288)")
    range_header: RangeHeader | None = Field(default=None, description="By the Range header")
    none: Empty | None = Field(default=None, description="One answer holds everything")

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_key(self, "paging")
        return self


class Cursor(since.Cursor):
    """How changed records are asked for."""

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


class Batch(Settings):
    """Several changes in one request. The answer gives each its own verdict, in the same order."""

    size: int = Field(default=100, ge=1, le=1000, description="Most changes in one request")
    records: str = Field(
        default="", description="Dotted path of the list in the body; empty: the body is the list", examples=["records"]
    )
    fixed: dict[str, Any] = Field(
        default={}, description="What else the body holds", examples=[{"allOrNone": False}]
    )
    each: dict[str, Any] = Field(
        default={}, description="What else every record holds", examples=[{"attributes": {"type": "Account"}}]
    )
    results: str = Field(default="", description="Dotted path of the list of verdicts", examples=["results"])
    ok: str = Field(description="Dotted path of the verdict in a result", examples=["success"])
    equals: Values = Field(default=["true"], description="Values that mean success")
    code: str | None = Field(
        default=None, description="Dotted path of the error code in a result", examples=["errors.0.statusCode"]
    )
    message: str | None = Field(
        default=None, description="Dotted path of the message in a result", examples=["errors.0.message"]
    )
    id: str | None = Field(default=None, description="Dotted path of the id in a result", examples=["id"])
    version: str | None = Field(default=None, description="Dotted path of the version in a result")
    retry: Values = Field(
        default=[], description="Error codes that mean: later", examples=[["UNABLE_TO_LOCK_ROW"]]
    )
    conflict: Values = Field(
        default=[], description="Error codes that mean: it is there already, or changed or gone since"
    )


class Call(Settings):
    """One kind of change. ``{id}`` in the path is the target's own id, ``{name}`` a field's value, ``{change}`` the
    number of the change, the same when it is sent again."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(description="Method", examples=["POST"])
    path: str = Field(description="Path below url", examples=["/contacts/{id}"])
    params: dict[str, Texts] = Field(
        default={}, description="Parameters, which may hold slots", examples=[{"userid": "{userid}"}]
    )
    fixed: dict[str, Any] = Field(
        default={}, description="What else the body holds; texts may hold slots", examples=[{"userid": "{userid}"}]
    )
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
    batch: Batch | None = Field(default=None, description="Several changes in one request")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.batch and "{" in self.path:
            raise ValueError("the path of a batch has no {slots}; put them below each:")
        return self


class Find(Settings):
    """How a record is looked up by its natural key. ``{name}`` is the value of a key field. The answer is
    a list, or the record itself."""

    path: str | None = Field(default=None, description="Path; default that of the resource")
    method: Literal["GET", "POST"] | None = Field(
        default=None, description="Method; default that of the resource"
    )
    params: dict[str, Texts] = Field(default={}, description="Parameters", examples=[{"code": "{code}"}])
    into: Place = Field(default="query", description="Where the parameters go")
    records: str | None = Field(
        default=None, description="Dotted path of the list; default that of the resource"
    )
    match: dict[str, str] = Field(
        default={},
        description="Dotted paths of key fields in a record, where they stand elsewhere than they are written",
        examples=[{"email": "attributes.email.value"}],
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
    again: bool = Field(
        default=False,
        description="A change carries the whole record and what the sender calls it by, so that twice is once. In "
        "doubt it is sent again, and nothing is looked up; that it is there already means that it is done",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.again and self.find:
            raise ValueError("a resource has find, or again: what is sent again is not looked up")
        return self

    @property
    def refuses(self) -> frozenset[str]:
        """What is not declared."""
        return undeclared(create=self.create, update=self.update, delete=self.delete)

    @property
    def writes(self) -> bool:
        """Whether records can be made or changed."""
        return not {"create", "update"} <= self.refuses


class Under(Settings):
    """A list that the system keeps for each record of another one, as the people of a department."""

    resource: str = Field(
        description="The other one; the resource itself walks a tree down from start", examples=["departments"]
    )
    give: dict[str, str] = Field(
        description="Parameters, and the dotted path of their value in the other record", examples=[{"dept_id": "id"}]
    )
    into: Literal["query", "body"] = Field(
        default="query", description="Where parameters go that are no {slot} of the path"
    )
    start: list[dict[str, str | int]] = Field(
        default=[],
        description="Lists that are kept for no such record, as that of the root",
        examples=[[{"dept_id": 1}]],
    )
    add: dict[str, str] = Field(
        default={},
        description="Fields to add to each record, and the parameter they hold",
        examples=[{"owner": "unionId"}],
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        if unknown := sorted({*self.add.values()} - self.give.keys()):
            raise ValueError(f"add names {', '.join(unknown)}, which give does not")
        if any(row.keys() != self.give.keys() for row in self.start):
            raise ValueError("each row of start has the parameters of give")
        return self


class Windows(Settings):
    """A list that is asked for by spans of time, one after the other until now. What is older than ``back`` is
    not read: do not write ``absent:`` in a mapping of it, unless nothing is. Where the resource has a ``cursor``
    without ``param``, reading what changed begins there."""

    model_config = Settings.model_config | {"populate_by_name": True}

    from_: str = Field(alias="from", description="Parameter of the beginning", examples=["starttime"])
    until: str = Field(description="Parameter of the end", examples=["endtime"])
    span: Seconds = Field(description="Longest span that may be asked for", examples=["30d"])
    back: Seconds = Field(description="How far back to read", examples=["180d"])
    ahead: Seconds | None = Field(
        default=None,
        description="How far beyond now the last span ends, where times have no zone and are those of another one",
        examples=["14h"],
    )
    format: str = Field(default="epoch", description="epoch, epoch_ms or a strftime pattern (UTC)")
    into: Place = Field(default="query", description="Where the parameters go")


class RestResource(Settings):
    """One list of a REST system."""

    path: str = Field(description="Path below url", examples=["/v1/contacts"])
    title: str = Field(default="", description="Title")
    method: Literal["GET", "POST"] = Field(default="GET", description="Method of reading")
    params: dict[str, Texts] = Field(default={}, description="Fixed parameters", examples=[{"expand": "all"}])
    headers: dict[HeaderName, str] = Field(default={}, description="Headers of every request for it")
    body: dict[str, Any] | None = Field(default=None, description="Fixed JSON body of a POST")
    records: str = Field(default="", description="Dotted path of the list; empty: the answer is the list")
    single: bool = Field(default=False, description="An answer holds one record, and no list")
    columns: list[str] = Field(
        default=[],
        description="Names of the values, where a record is a list of them, or a bare value",
        examples=[["FNumber", "FName"]],
    )
    under: Under | None = Field(default=None, description="For each record of another resource there is a list")
    windows: Windows | None = Field(default=None, description="The list is asked for by spans of time")
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
        if self.under and self.windows:
            raise ValueError("a resource has under or windows")
        placed = self.under or self.windows
        if placed and placed.into == "body" and self.method == "GET":
            raise ValueError("into: body needs method: POST")
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
