"""Records between JSON bodies and the hub, without a Python object per value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from hub.contract import Field, FieldType, Settings
from hub.errors import ConfigError, Fatal
from hub.literals import digits
from hub.untrusted import parse_json

TYPES = frozenset(FieldType.__args__)  # type: ignore[attr-defined] # a Literal has its values there


def ndjson(records: Sequence[msgspec.Raw], where: str = "") -> bytes:
    """The records as lines, each value byte for byte as the source wrote it.

    A record must be an object. Line ends can only stand between its values (JSON escapes them inside
    of texts), so a printed-out record becomes one line by blanking them.
    """
    text = b"\n".join(records)
    if b"\r" in text or text.count(b"\n") != max(0, len(records) - 1):
        text = b"\n".join(bytes(one).replace(b"\n", b" ").replace(b"\r", b" ") for one in records)
    if records and (not text.startswith(b"{") or text.count(b"\n{") != len(records) - 1):
        raise Fatal("records.shape", "a record is not a JSON object", where=where, hint="check records:")
    try:
        text.decode()
    except UnicodeDecodeError:
        raise Fatal("http.encoding", "the answer is not UTF-8", where=where) from None
    return text


def dig(text: bytes | msgspec.Raw, path: str) -> msgspec.Raw | None:
    """The value at a dotted path (names, or positions in lists), None where there is none or null."""
    found = bytes(text).strip()
    for name in path.split(".") if path else ():
        head = found[:1]
        if head == b"{":
            inner: msgspec.Raw | None = parse_json(found, dict[str, msgspec.Raw]).get(name)
        elif head == b"[" and (number := digits(name)) is not None:
            items = parse_json(found, list[msgspec.Raw])
            inner = items[number] if number < len(items) else None
        else:
            inner = None
        if inner is None:
            return None
        found = bytes(inner)
    return None if found == b"null" else msgspec.Raw(found)


def value_at(text: bytes | msgspec.Raw, path: str) -> Any:
    """The decoded value at a dotted path, None where there is none."""
    found = dig(text, path)
    return None if found is None else parse_json(bytes(found))


def text_at(text: bytes | msgspec.Raw, path: str) -> str | None:
    """A scalar at a dotted path as text: ``7`` → "7", ``"x"`` → "x"; None for null and structures."""
    value = value_at(text, path)
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None or isinstance(value, dict | list) else str(value)


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as nested objects: ``{"a.b": 1}`` → ``{"a": {"b": 1}}``."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        *outer, last = name.split(".")
        inner = made
        for one in outer:
            inner = inner.setdefault(one, {})
            if not isinstance(inner, dict):
                raise ConfigError("field.nested", f"{name} cannot be nested: {one} has a value of its own")
        inner[last] = value
    return made


def encodable(value: Any) -> Any:
    """The same value with decimals as JSON numbers that keep all their digits."""
    if isinstance(value, Decimal) and value.is_finite():
        return msgspec.Raw(format(value, "f").encode())
    if isinstance(value, Mapping):
        return {name: encodable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(one) for one in value]
    return value


def declared_fields(fields: Mapping[str, Any]) -> tuple[Field, ...]:
    """Fields as YAML declares them: ``name: type``, an object for nested fields, ``[type]`` for a list."""
    return tuple(_field(name, shape) for name, shape in fields.items())


def _field(name: str, shape: Any, many: bool = False) -> Field:
    if isinstance(shape, Mapping):
        return Field(name, "json", many, declared_fields(shape))
    if isinstance(shape, list) and len(shape) == 1 and not many:
        return _field(name, shape[0], True)
    return Field(name, shape, many)


def check_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse declared types that do not exist (for pydantic)."""
    for name, shape in fields.items():
        inner = shape[0] if isinstance(shape, list) and len(shape) == 1 else shape
        if isinstance(inner, Mapping):
            check_fields(inner)
        elif not isinstance(inner, str) or inner not in TYPES:
            raise ValueError(f"{name}: {inner!r} is no type; take one of {', '.join(sorted(TYPES))}")
    return fields


class Empty(Settings):
    """A choice without options of its own."""
