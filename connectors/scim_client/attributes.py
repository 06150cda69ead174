"""The attributes of RFC 7643 that a SCIM client may be allowed to write, as fields of records.

Passwords, roles, entitlements, certificates and ``groups`` are not among them: what a directory says of people is no
way to get rights in the hub.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hub.contract import Field

NEVER: Final = ("password", "roles", "entitlements", "x509Certificates", "groups")
"""What no client may be allowed."""


def _several(name: str, title: str) -> Field:
    parts = (Field("value"), Field("type"), Field("display"), Field("primary", "boolean"))
    return Field(name, "json", many=True, fields=parts, title=title)


def _texts(*names: str) -> tuple[Field, ...]:
    return tuple(map(Field, names))


_MANAGER: Final = Field("manager", "json", fields=_texts("value", "displayName"))
ATTRIBUTES: Final[dict[str, tuple[Field, ...]]] = {
    "User": (
        Field("userName", required=True, title="What no two users of a client share"),
        Field("name", "json", title="The parts of the name", fields=_texts(
            "formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")),
        Field("displayName"),
        Field("nickName"),
        Field("profileUrl"),
        Field("title", title="Job title"),
        Field("userType"),
        Field("preferredLanguage"),
        Field("locale"),
        Field("timezone"),
        Field("active", "boolean", title="false: shut off, not gone"),
        _several("emails", "Addresses of mail"),
        _several("phoneNumbers", "Telephones"),
        _several("ims", "Addresses of instant messages"),
        _several("photos", "Addresses of pictures"),
        Field("addresses", "json", many=True, title="Postal addresses", fields=(*_texts(
            "formatted", "streetAddress", "locality", "region", "postalCode", "country", "type"),
            Field("primary", "boolean"))),
        Field("enterprise", "json", title="The enterprise extension", fields=(*_texts(
            "employeeNumber", "costCenter", "organization", "division", "department"), _MANAGER)),
    ),
    "Group": (
        Field("displayName", required=True),
        Field("members", "json", many=True, fields=_texts("value", "type", "display"), title="Ids of its members"),
    ),
}  # fmt: skip
"""By resource type."""
REQUIRED: Final = {"User": "userName", "Group": "displayName"}


def allowed(kind: str, names: Collection[str] | None) -> tuple[Field, ...]:
    """The fields of a type that are allowed: all of them, or those named, with what no resource is without."""
    fields = ATTRIBUTES[kind]
    if names is None:
        return fields
    chosen = []
    for field in fields:
        parts = tuple(part for part in field.fields if f"{field.name}.{part.name}" in names)
        if field.name in names or field.name == REQUIRED[kind]:
            chosen.append(field)
        elif parts:
            chosen.append(Field(field.name, field.type, field.many, parts, field.title))
    return tuple(chosen)


def unknown(kind: str, name: str) -> bool:
    """Whether there is no such attribute of a type; only parts of the extension have names of their own."""
    known = {field.name for field in ATTRIBUTES[kind]}
    extension = next((field.fields for field in ATTRIBUTES[kind] if field.name == "enterprise"), ())
    return name not in known | {f"enterprise.{part.name}" for part in extension}
