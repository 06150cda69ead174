"""SCIM clients: systems that write people and groups into the hub, which is their SCIM server.

What a client says is kept as it said it, and runs through mappings like the records of any source. Nothing is asked
over the network: a read gives what the hub keeps of the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from connectors.scim_client.attributes import ATTRIBUTES, NEVER, allowed, unknown
from hub.contract import Context, Resource, Settings, Spec
from hub.contract import Field as Shape
from hub.errors import ConfigError


class ScimClientSettings(Settings):
    """A SCIM client. It calls the hub at ``/scim/v2/SYSTEM`` with a key of the API."""

    others: Literal["ignore", "refuse"] = Field(
        default="ignore",
        description="What becomes of attributes that are not allowed: ignore drops them, refuse answers 400",
    )
    protect: list[str] = Field(
        default=[],
        description="Names that the client may not write, whatever the case, accents, width and blanks; * stands for "
        "any text: of userName, externalId, addresses of mail, displayName of groups",
        examples=[["admin", "break-glass-*"]],
    )
    page_size: int = Field(default=100, ge=1, le=1000, description="Resources per page where the client does not say")
    bulk: int = Field(default=1000, ge=0, le=10_000, description="Operations in one request to /Bulk; 0: none")


class ScimClientResource(Settings):
    """User or Group."""

    title: str = Field(default="", description="Title")
    attributes: list[str] | None = Field(
        default=None,
        description="Attributes that the client may write; without it all but password, roles, entitlements, groups "
        "and certificates, which it never may",
        examples=[["userName", "name", "emails", "active", "enterprise.department"]],
    )
    paths: dict[str, str] = Field(
        default={},
        description="Names of single values among several, for mappings",
        examples=[{"work_email": 'emails[type eq "work"].value'}],
    )

    @field_validator("attributes")
    @classmethod
    def _allowed(cls, value: list[str] | None) -> list[str] | None:
        for name in value or ():
            if name in NEVER:
                raise ValueError(f"{name} may not be written by a SCIM client")
            if all(unknown(kind, name) for kind in ATTRIBUTES):
                raise ValueError(f"{name!r} is no attribute of users or groups")
        return value


def describe(
    context: Context, settings: ScimClientSettings, name: str, declared: ScimClientResource | None
) -> Resource:
    """Users or groups with what is allowed of them. ConfigError ``resource.unknown``."""
    if name not in ATTRIBUTES:
        hint = f"write {' or '.join(ATTRIBUTES)}"
        raise ConfigError("resource.unknown", f"SCIM clients have no resource {name}", hint=hint)
    own = declared or ScimClientResource()
    meta = Shape("meta", "json", fields=(Shape("created", "datetime"), Shape("lastModified", "datetime")))
    fields = (
        Shape("id", required=True, title="Minted by the hub"),
        Shape("externalId", title="What the client calls it"),
        *allowed(name, own.attributes),
        *(Shape(one) for one in own.paths),
        meta,
    )
    return Resource(name, ("id",), "meta.lastModified", fields, counts=True, title=own.title)


def _open(context: Context, settings: Any, resources: Mapping[str, Any]) -> Any:
    raise AssertionError("hub.bootstrap opens what the hub keeps")


SPEC = Spec(
    name="scim_client",
    title="SCIM clients",
    summary="Takes users and groups that a SCIM client (Entra ID, Okta, an HR) writes: the hub is the SCIM server.",
    settings=ScimClientSettings,
    resource=ScimClientResource,
    open=_open,
    describe=describe,
    pushed=True,
    example="""\
system: entra
connector: scim_client
protect: [admin, "break-glass-*"]
resources:
  User:
    attributes: [userName, name, displayName, active, emails, enterprise.department]
    paths: {work_email: 'emails[type eq "work"].value'}
  Group: {}
""",
)
