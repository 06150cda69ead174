"""Laying one YAML value over another: environments over files, systems over profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A new mapping: ``over`` wins, mappings are merged key by key, lists are replaced, and a null
    takes the key away (JSON Merge Patch, RFC 7386).

    >>> merge({"auth": {"basic": 1}, "url": "a"}, {"auth": {"basic": None, "bearer": 2}})
    {'auth': {'bearer': 2}, 'url': 'a'}
    """
    result = dict(under)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result
