"""What IDocs lie in a folder: one resource per kind of message, by the first IDoc of each file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.idoc.settings import IdocResource
from hub.contract import Resource
from hub.doctor.discovery import MOST, Discovered, inferred, told_apart
from hub.errors import ConfigError, HubError
from hub.place import Entry

Records = Callable[[Entry, IdocResource], list[dict[str, Any]]]


def discovered(entries: Sequence[Entry], names: Sequence[str], records: Records) -> list[Discovered]:
    """The messages that are there as XML; flat files need the layouts of their segments, which they do not tell."""
    files = [one for one in entries if one.name.lower().endswith(".xml")][:MOST]
    kinds: dict[tuple[str, str], list[tuple[Entry, list[dict[str, Any]]]]] = {}
    refused = []
    for entry in files:
        try:
            found = records(entry, IdocResource(path=entry.name))
        except HubError as error:
            refused.append(f"{entry.name}: {error.message} [{error.code}]")
            continue
        for one in found[:1]:
            head = one.get("EDI_DC40") or {}
            kinds.setdefault((str(head.get("MESTYP") or "message"), str(head.get("IDOCTYP") or "")), []).append(
                (entry, found)
            )
    made = told_apart(_one(*kind, read) for kind, read in sorted(kinds.items()))
    made = [one for one in made if not names or one.name in names]
    if not made:
        raise ConfigError(
            "discover.nothing", f"no IDoc in XML is there{': ' + refused[0] if refused else ''}",
            hint="write format: flat and segments: for flat files, see the connector's page",
        )  # fmt: skip
    return made


def _one(message: str, basic: str, read: Sequence[tuple[Entry, list[dict[str, Any]]]]) -> Discovered:
    names = [entry.name for entry, _ in read]
    options: dict[str, Any] = {"path": _pattern(names)}
    reasons = {"path": f"{len(names)} file(s): {', '.join(names[:3])}", "key": "EDI_DC40.DOCNUM, the IDoc's own number"}
    if basic:
        options["type"], reasons["type"] = basic, "the basic type in the control record; another one is an error"
    rows: list[Mapping[str, Any]] = [row for _, found in read for row in found]
    lacking = ("IDocs are messages: a folder of them is no list of all that there is, so write no absent:",)
    resource = Resource(message.lower(), ("EDI_DC40.DOCNUM",), "CREATED", inferred(rows))
    return Discovered(resource, options, reasons, lacking)


def _pattern(names: Sequence[str]) -> str:
    """What several names have in common at their beginning, or the one name.

    >>> _pattern(["ORDERS_1.xml", "ORDERS_22.xml"]), _pattern(["a.xml"])
    ('ORDERS_*.xml', 'a.xml')
    """
    if len(names) == 1:
        return names[0]
    begin = names[0]
    while not all(name.startswith(begin) for name in names):
        begin = begin[:-1]
    begin = re.sub(r"[*?\[]", "?", begin)
    return f"{begin}*.xml"
