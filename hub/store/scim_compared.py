"""A SCIM resource in the form that filters and sorting compare: every value a text, case folded where case does not
count, times in UTC and of one length, so that the database compares as the standard says.

``{field: text, field: {sub: text}, field: [{sub: text}]}``; ``+field`` is there where a complex one has any value,
``^field.sub`` is what a list of values is sorted by (RFC 7644 §3.4.2.3). Fields of an extension stand below its class.
"""

from __future__ import annotations

import base64
import datetime as dt
from functools import cache
from typing import Any

from scim2_models import BaseModel, Path, Resource, Uniqueness
from scim2_models.path import AttributeBinding, attribute_host

BOOLEANS = {True: "true", False: "false"}


@cache
def bindings(model: type[Resource[Any]]) -> tuple[AttributeBinding, ...]:
    """All attributes of a model and their parts."""
    paths: Any = Path.__class_getitem__(model)
    found = (path.resolve() for path in paths.iter_paths())
    return tuple(one for one in found if one is not None)


@cache
def unique(model: type[Resource[Any]]) -> AttributeBinding | None:
    """The attribute that no two resources of a client share."""
    paths: Any = Path.__class_getitem__(model)
    several = paths.iter_paths(
        include_subattributes=False, include_extensions=False, uniqueness=[Uniqueness.server, Uniqueness.global_]
    )
    return next((path.resolve() for path in several if path != "id"), None)


def head(binding: AttributeBinding) -> str:
    """The name of an attribute in the compared form."""
    extends = getattr(binding.model, "__schema__", None) is not None and not issubclass(binding.model, Resource)
    return f"{binding.model.__name__}.{binding.field_name}" if extends else binding.field_name


def text(binding: AttributeBinding, value: Any) -> str | None:
    """One value as it is compared; None where there is nothing to compare."""
    if value is None:
        return None
    if isinstance(value, bool):
        return BOOLEANS[value]
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if "\0" in str(value):  # no database keeps it
        return None
    try:
        return str(binding.comparable(str(value)))
    except ValueError:
        return None


def compared(resource: Resource[Any]) -> dict[str, Any]:
    """The whole resource in that form."""
    found: dict[str, Any] = {"schemas": [str(one).lower() for one in resource.schemas or ()]}
    for binding in bindings(type(resource)):
        host = attribute_host(resource, binding)
        value = getattr(host, binding.field_name, None) if host is not None else None
        if value is None:
            continue
        if binding.sub_field_name is None:
            _whole(found, head(binding), binding, value)
        else:
            _part(found, head(binding), binding, value)
    return found


def _whole(found: dict[str, Any], name: str, binding: AttributeBinding, value: Any) -> None:
    several = value if isinstance(value, list) else [value]
    if any(isinstance(one, BaseModel) for one in several):
        if isinstance(value, list) and value:
            found.setdefault(name, [{} for _ in value])
        return
    if isinstance(value, list):
        texts = [one for one in (text(binding, each) for each in value) if one is not None]
        if texts:
            found[name], found[f"^{name}"] = texts, texts[0]
    elif (one := text(binding, value)) is not None:
        found[name] = one


def _part(found: dict[str, Any], name: str, binding: AttributeBinding, value: Any) -> None:
    sub = str(binding.sub_field_name)
    if not isinstance(value, list):
        if (one := text(binding, getattr(value, sub, None))) is not None:
            found.setdefault(name, {})[sub] = one
            if one:
                found[f"+{name}"] = "true"
        return
    items = found.setdefault(name, [{} for _ in value])
    for item, each in zip(items, value, strict=True):
        if (one := text(binding, getattr(each, sub, None))) is not None:
            item[sub] = one
            if one:
                found[f"+{name}"] = "true"
    first = next((n for n, each in enumerate(value) if getattr(each, "primary", None)), 0)
    if value and (one := items[first].get(sub)) is not None:
        found[f"^{name}.{sub}"] = one
