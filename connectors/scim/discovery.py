"""What a SCIM service offers, by its resource types and schemas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.scim.declared import ScimResource
from connectors.scim.service import Service
from hub.doctor.discovery import MOST, Discovered, key_among
from hub.errors import ConfigError

_KEYS = {"User": "userName", "Group": "displayName"}


def discovered(service: Service, names: Sequence[str]) -> list[Discovered]:
    """The resource types, or those that are named."""
    known = [str(one.get("name")) for one in service.types]
    if not known and not names:
        raise ConfigError(
            "discover.nothing", "the service tells nothing of itself (/ResourceTypes)",
            hint="name resources, such as User and Group: they are described by the standard",
        )  # fmt: skip
    return [_one(service, name) for name in names or known[:MOST]]


def _one(service: Service, name: str) -> Discovered:
    plain = service.describe(name, ScimResource())
    options: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    if key := _KEYS.get(name):
        options["key"], reasons["key"] = key, "unique in the service, by the standard (RFC 7643)"
    elif found := key_among(plain.fields):
        options["key"], reasons["key"] = found
    else:
        options["key"], reasons["key"] = "id", "the service's own id, which other systems do not know"
    if any(one.name == "meta" for one in plain.fields) or not plain.fields:
        options["cursor"] = "meta.lastModified"
        reasons["cursor"] = "of every resource, by the standard; cophub systems check says whether it selects"
    made = replace(plain, key=(str(options["key"]),), cursor=options.get("cursor"))
    return Discovered(made, options, reasons)
