"""What a SOAP service offers, by its WSDL: the operations that read lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from connectors.soap.port import Port
from hub.contract import Field, Resource
from hub.doctor.discovery import MOST, Discovered, cursor_among, key_among, told_apart
from hub.errors import ConfigError

_READS = re.compile(r"(?i)^(get|list|find|search|query|read|fetch|select|retrieve|load)")


def discovered(port: Port, names: Sequence[str]) -> list[Discovered]:
    """One resource per operation whose answer holds one list; operations may be named."""
    asked = [name for name in names if name in port.operations]
    operations = asked or [name for name in sorted(port.operations) if _READS.search(name)]
    found = [one for name in operations if (one := _one(port, name, insisted=bool(asked))) is not None]
    if names and not asked:
        found = [one for one in found if one.name in names]
    if not found:
        known = ", ".join(sorted(port.operations)[:20]) or "none"
        raise ConfigError(
            "discover.nothing", "no operation of the WSDL looks as if it read a list",
            hint=f"name one of its operations: {known}; what is only written is declared by write: alone",
        )  # fmt: skip
    return told_apart(found[:MOST])


def _one(port: Port, operation: str, *, insisted: bool) -> Discovered | None:
    try:
        place = port.place(operation, None, "records")
    except ConfigError:
        if insisted:
            raise
        return None
    fields: tuple[Field, ...] = place.shape.fields() if place.shape is not None else ()
    options: dict[str, Any] = {"operation": operation, "records": ".".join(place.steps)}
    reasons = {"records": "the only list in the answer, by the WSDL"}
    lacking = []
    if found := key_among(fields):
        options["key"], reasons["key"] = found
    else:
        lacking.append("no field looks like a key: write key:")
    if changed := cursor_among(fields):
        lacking.append(
            f"{changed[0]} looks like the time of a change: write cursor: {{field: {changed[0]}, param: …}} if the "
            "operation takes it"
        )
    lacking.append("if the service cuts long lists, write paging: with the parameters of the operation")
    key = (str(options["key"]),) if "key" in options else ()
    return Discovered(Resource(_plain(operation), key, None, fields), options, reasons, tuple(lacking))


def _plain(operation: str) -> str:
    """A name for what an operation reads.

    >>> _plain("GetEmployees"), _plain("Version")
    ('employees', 'version')
    """
    rest = _READS.sub("", operation).strip("_") or operation
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", rest).lower()
