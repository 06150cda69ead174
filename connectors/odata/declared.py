"""What YAML may say about an OData service."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from hub.contract import Settings
from hub.http import HttpSettings
from hub.http.records import check_fields
from hub.http.settings import Names


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if isinstance(value, int) else value


Text = Annotated[str, BeforeValidator(_text)]


class ODataSettings(HttpSettings):
    """An OData service, V2 or V4. ``url`` is the service root."""

    metadata: str | None = Field(
        default=None,
        description="EDMX file instead of $metadata, below config/",
        examples=["metadata/bp.edmx"],
    )
    version: Annotated[Literal["auto", "2", "4"], BeforeValidator(_text)] = Field(
        default="auto", description="Protocol version; auto takes it from the metadata"
    )
    page_size: int | None = Field(
        default=1000, ge=2, description="Records per page; null leaves it to the service"
    )
    csrf: Annotated[Literal["auto", "on", "off"], BeforeValidator(_text)] = Field(
        default="auto", description="Fetch an x-csrf-token before writing; on insists on getting one"
    )
    batch: Annotated[Literal["multipart", "json", "off"], BeforeValidator(_text)] = Field(
        default="multipart", description="How several changes are sent at once; json is for V4"
    )
    update: Literal["merge", "patch", "put"] | None = Field(
        default=None, description="Method of changing; default merge for V2, patch for V4"
    )
    sap_client: Annotated[str | None, BeforeValidator(_text)] = Field(
        default=None, description="SAP client", examples=["100"]
    )
    language: str | None = Field(default=None, description="Language of texts", examples=["en"])
    params: dict[str, Text] = Field(
        default={}, description="Parameters of every read", examples=[{"paging": "snapshot"}]
    )


class ODataResource(Settings):
    """An entity set. Without an entry the resource is the entity set of its name."""

    entity_set: str | None = Field(default=None, description="Entity set, where it is named otherwise")
    title: str = Field(default="", description="Title")
    key: Names = Field(
        default=[], description="Key; default that of the metadata", examples=[["BusinessPartner"]]
    )
    cursor: str | None = Field(
        default=None, description="Property that grows with each change", examples=["LastChangeDate"]
    )
    created: str | None = Field(
        default=None,
        description="Property that stands in while the cursor is empty",
        examples=["CreationDate"],
    )
    filter: str | None = Field(
        default=None, description="$filter of every read", examples=["Language eq 'EN'"]
    )
    expand: Names = Field(
        default=[], description="Navigations to read where all fields are", examples=[["to_Address"]]
    )
    delta: bool = Field(
        default=False, description="Ask for delta links; incremental reads then report deletions"
    )
    order: bool = Field(default=True, description="Send $orderby; needed for stable pages of V2 services")
    count: bool = Field(default=True, description="Ask for the number of records and compare")
    params: dict[str, Text] = Field(default={}, description="Further query options of every read")
    fields: Annotated[dict[str, Any], AfterValidator(check_fields)] = Field(
        default={}, description="Names and types, for checking where no metadata file is at hand"
    )
