"""What an OData service offers, by its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.odata.declared import ODataResource
from connectors.odata.edmx import Metadata
from connectors.odata.service import describe
from hub.doctor.discovery import MOST, Discovered, created_among, cursor_among


def discovered(metadata: Metadata, names: Sequence[str]) -> list[Discovered]:
    """The entity sets, or those that are named."""
    return [_one(metadata, name) for name in names or sorted(metadata.sets)[:MOST]]


def _one(metadata: Metadata, name: str) -> Discovered:
    resource = describe(metadata, name, ODataResource())
    options: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    lacking = []
    if resource.key:
        reasons["key"] = f"{', '.join(resource.key)}, by the metadata"
    else:
        lacking.append("the metadata name no key: write key:")
    if found := cursor_among(resource.fields):
        options["cursor"], reasons["cursor"] = found
        created = created_among(resource.fields)
        if created and created != found[0]:
            options["created"] = created
            reasons["created"] = "proposed by name: stands in while the cursor is empty"
    else:
        lacking.append("no property looks like the time of a change: it is read in full, unless delta: true works")
    if refused := metadata.refused.get(name):
        lacking.append(f"the metadata refuse to {', '.join(sorted(refused))}")
    return Discovered(replace(resource, cursor=options.get("cursor")), options, reasons, tuple(lacking))
