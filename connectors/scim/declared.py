"""What YAML may say about a SCIM service and about one of its resource types."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from connectors.scim.paths import ENTERPRISE, check_paths
from hub.contract import Settings
from hub.http import HttpSettings
from hub.http.records import check_fields


def _word(value: object) -> object:
    """``on`` and ``off`` may come as truth values."""
    return ("on" if value else "off") if isinstance(value, bool) else value


Names = Annotated[
    list[str],
    BeforeValidator(
        lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=str | list[str]
    ),
]


class ScimSettings(HttpSettings):
    """A SCIM service. ``url`` ends before /Users. What it does differently from the standard is said here."""

    discovery: bool = Field(
        default=True,
        description="Ask /ServiceProviderConfig, /ResourceTypes and /Schemas; false: they are not there",
    )
    paging: Literal["auto", "index", "cursor", "none"] = Field(
        default="auto",
        description="How pages follow: by startIndex, by cursor (RFC 9865), or one answer holds all; auto by discovery",
    )
    page_size: int = Field(default=100, ge=1, description="Resources per page", examples=[200])
    overlap: bool = Field(
        default=True,
        description="Read the last resource of a page again, to notice that resources moved; false for services "
        "whose startIndex counts whole pages",
    )
    filter: Annotated[Literal["auto", "full", "eq", "off"], BeforeValidator(_word)] = Field(
        default="auto",
        description="Filters the service takes: full, eq (one comparison by eq), off (look-ups go through all "
        "resources); auto by discovery",
    )
    update: Literal["auto", "patch", "put"] = Field(
        default="auto", description="How resources are changed; auto: PATCH where the service supports it"
    )
    etag: Annotated[Literal["auto", "on", "off"], BeforeValidator(_word)] = Field(
        default="auto", description="Send If-Match with the version that was seen; auto by discovery"
    )
    operations: Literal["lower", "title"] = Field(
        default="lower",
        description="Names of PATCH operations: add and replace, or Add and Replace as Entra ID does",
    )
    booleans: Literal["json", "text"] = Field(
        default="json", description='How true and false are sent: as JSON, or as "True" and "False"'
    )
    delete: Literal["delete", "deactivate"] = Field(
        default="delete", description="What a deletion does: DELETE, or active: false"
    )
    bulk: Annotated[Literal["auto", "off"], BeforeValidator(_word)] = Field(
        default="auto",
        description="auto: several changes go in one request (POST /Bulk) where the service says that it takes them, "
        "within the limits that it tells",
    )
    values_per_patch: int = Field(
        default=100, ge=1, description="Values, such as members, that one PATCH adds or removes at most"
    )
    extensions: dict[str, str] = Field(
        default={},
        description="Short names of extension schemas, whose attributes are fields below it; enterprise is known",
        examples=[{"badge": "urn:example:params:scim:schemas:extension:badge:1.0:User"}],
    )

    @property
    def aliases(self) -> dict[str, str]:
        return {"enterprise": ENTERPRISE, **self.extensions}


class Pieces(Settings):
    """How the values of one attribute are read in pieces, where a service gives only so many at once."""

    size: int = Field(default=1000, ge=1, description="Values per piece, or resources per page of list")
    params: dict[str, str] = Field(
        default={"attributes": "{name}[startIndex={start}&count={count}]"},
        description="Parameters that ask one resource for a piece; {name} is the attribute, {start} counts from 1",
        examples=[{"membersStart": "{start}", "membersCount": "{count}"}],
    )
    list_: str | None = Field(
        default=None, alias="list",
        description="Instead: the values are the resources of this list that meet filter; its pages follow as all do",
        examples=["/Users"],
    )  # fmt: skip
    filter: str = Field(
        default='groups.value eq "{id}"', description="Filter of list; {id} is the resource's id"
    )

    @model_validator(mode="after")
    def _follow(self) -> Self:
        if self.list_ is None and not any("{start}" in value for value in self.params.values()):
            raise ValueError("params: one of them says {start}")
        if self.list_ is not None and "{id}" not in self.filter:
            raise ValueError("filter: it says {id}")
        return self


class ScimResource(Settings):
    """A resource type. Without an entry it is the one of its name in /ResourceTypes."""

    title: str = Field(default="", description="Title")
    endpoint: str | None = Field(
        default=None,
        description="Path below url; default: by discovery, else the name with s",
        examples=["/Users"],
    )
    type_schema: str | None = Field(
        default=None, description="URN of its schema; default: by discovery, else the core schema of its name",
        examples=["urn:ietf:params:scim:schemas:core:2.0:User"],
    )  # fmt: skip
    key: Names = Field(default=["id"], description="Fields that identify a resource", examples=["userName"])
    cursor: str | None = Field(
        default=None, description="Field that grows with each change, where the service filters by it",
        examples=["meta.lastModified"],
    )  # fmt: skip
    filter: str | None = Field(
        default=None,
        description="Filter of every read (RFC 7644 §3.4.2.2)",
        examples=['userType eq "Employee"'],
    )
    paths: Annotated[dict[str, str], AfterValidator(check_paths)] = Field(
        default={},
        description="Fields by SCIM path: one of several values, or an attribute of an extension",
        examples=[{"work_email": 'emails[type eq "work"].value'}],
    )
    one_by_one: Names = Field(
        default=[],
        description="Attributes that lists of this service leave out or cut, such as members: each resource is read "
        "by itself for them",
        examples=["members"],
    )
    pieces: dict[str, Pieces] = Field(
        default={},
        description="Attributes with more values than the service gives at once; lists leave them out, and they are "
        "read for each resource",
        examples=[{"members": {"size": 1000}}],
    )
    fields: Annotated[dict[str, Any], AfterValidator(check_fields)] = Field(
        default={}, description="Names and types, where discovery tells none"
    )
