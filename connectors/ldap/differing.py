"""What has to be sent so that an attribute holds what it should."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ldap

from connectors.ldap.names import folded
from connectors.ldap.values import Attribute, octets
from hub.errors import RecordRejected

Mod = tuple[int, str, list[bytes] | None]
FEW = 100
"""Up to so many values an attribute is replaced as a whole; of more only the difference is sent."""
PIECE = 1000
"""Values in one request: servers cap its size."""


def values_of(one: Attribute, value: Any) -> list[bytes]:
    """The octets of a value of the hub: none for null and for an empty text, which no directory stores."""
    several = value if isinstance(value, list | tuple) else [value]
    if not one.many and len(several) > 1:
        raise RecordRejected(
            "ldap.value", f"the attribute {one.name} takes one value, not {len(several)}", where=one.name
        )
    made = [octets(one, each) for each in several if each is not None and each != ""]
    return list(dict.fromkeys(made))


def modifications(
    one: Attribute,
    current: Sequence[bytes],
    value: Any,
    named: Sequence[tuple[str, bytes]],
    *,
    add_only: bool = False,
) -> list[Mod]:
    """The modifications that bring an attribute from its current values to ``value``; ``named`` are the values
    that stand in the entry's own name and cannot be modified."""
    wanted = values_of(one, value)
    own = [octets_ for name, octets_ in named if name.lower() == one.name.lower()]
    if own and (not one.many or not wanted):
        return []  # the name says it
    known = {_same(one, each): each for each in current}
    asked = {_same(one, each): each for each in wanted} | {_same(one, each): each for each in own}
    missing = [each for key, each in asked.items() if key not in known]
    if add_only:
        return [(ldap.MOD_ADD, one.name, missing)] if missing else []
    if not one.many:
        return _single(one, list(current), wanted)
    surplus = [each for key, each in known.items() if key not in asked]
    if not missing and not surplus:
        return []
    if not wanted:
        return [(ldap.MOD_DELETE, one.name, None)]
    if len(asked) <= FEW or one.kind == "binary":
        return [(ldap.MOD_REPLACE, one.name, list(asked.values()))]
    mods: list[Mod] = [(ldap.MOD_DELETE, one.name, surplus)] if surplus else []
    return mods + ([(ldap.MOD_ADD, one.name, missing)] if missing else [])


def _single(one: Attribute, current: list[bytes], wanted: list[bytes]) -> list[Mod]:
    """A field of one value stands for the first one; others that the directory holds besides stay."""
    if not wanted:
        return [(ldap.MOD_DELETE, one.name, None)] if current else []
    if _same(one, wanted[0]) in [_same(one, each) for each in current]:
        return []
    if len(current) > 1:
        return [(ldap.MOD_REPLACE, one.name, [wanted[0], *current[1:]])]
    return [(ldap.MOD_REPLACE, one.name, wanted)]


def _same(one: Attribute, value: bytes) -> bytes:
    """Values with one form are the same to the directory; names of entries are written in many ways."""
    return folded(value.decode("utf-8", "replace")).encode() if one.kind == "dn" else value


def pieces(mods: Sequence[Mod]) -> tuple[list[Mod], list[list[Mod]]]:
    """Modifications as requests of at most ``PIECE`` values per attribute: the first, and the rest."""
    first: list[Mod] = []
    rest: list[list[Mod]] = []
    for operation, name, values in mods:
        first.append((operation, name, None if values is None else values[:PIECE]))
        following = ldap.MOD_DELETE if operation == ldap.MOD_DELETE else ldap.MOD_ADD
        for start in range(PIECE, len(values or ()), PIECE):
            rest.append([(following, name, (values or [])[start : start + PIECE])])
    return first, rest
