"""What a quarantined record gave, opened from its sealed original (outbound: from its golden record) for
somebody who may see it."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.exchange.quarantine import read_original
from hub.mapping.compile import Compiled, compile_mapping
from hub.mapping.evaluate import evaluate
from hub.mapping.protection import inputs_of, read_levels
from hub.mapping.single import memory, relation
from hub.security.masking import Sight, mask
from hub.store.reports import Entry, values_of


def opened_entry(hub: Hub, entry: Entry, sight: Sight) -> Entry:
    """The entry with the values behind it, each as ``sight`` may see it, and with its whole message where all of
    them may be seen. ConfigError ``quarantine.original`` where nothing was kept."""
    compiled = compile_mapping(hub.workspace.mapping(entry.exchange), hub.workspace)
    one = next((one for one in compiled if one.output == entry.output), compiled[0])
    record = _record(hub, one, entry)
    levels, values = read_levels(one, hub.workspace), {}
    for path in _paths(one, entry.field):
        found = list(_at(record, path.split(".")))
        value = found if "[]" in path else next(iter(found), None)
        values[path] = mask(value, levels.get(path), None, sight)
    whole = all(sight.sees(levels.get(path)) for path in values)
    message = _message(hub, one, record, entry) if whole else entry.message
    shown = json.dumps(values, ensure_ascii=False, default=str)
    return dataclasses.replace(entry, input=shown, message=message)


def _record(hub: Hub, one: Compiled, entry: Entry) -> Mapping[str, Any]:
    if one.direction == "outbound":
        identity = uuid.UUID(entry.key)
        if (row := values_of(hub.database, one.source, [identity]).get(identity)) is not None:
            return row
    elif entry.original:
        record = json.loads(read_original(hub.keep, entry.original))
        if isinstance(record, dict):
            return record
    raise ConfigError(
        "quarantine.original",
        "the original of the record was not kept",
        where=str(entry.id),
        hint="without --unmask the entry is shown as it was stored",
    )


def _paths(one: Compiled, field: str) -> list[str]:
    """What was read for the field; of a record that was refused as a whole all that was read."""
    named = [path for column in one.columns if column.name == field for path in inputs_of(column)]
    every = [path for column in one.columns for path in inputs_of(column)]
    return list(dict.fromkeys(named or [*one.key_fields, *every]))


def _at(value: Any, parts: list[str]) -> Iterator[Any]:
    """The values at a path; of a list those of each element."""
    if not parts:
        yield value
        return
    name, rest = parts[0], parts[1:]
    inner = value.get(name.replace("[]", "")) if isinstance(value, Mapping) else None
    for item in inner if name.endswith("[]") and isinstance(inner, list) else [inner]:
        yield from _at(item, rest)


def _message(hub: Hub, one: Compiled, record: Mapping[str, Any], entry: Entry) -> str:
    """The reason in full, where the mapping as it is now gives the same one."""
    if one.direction == "outbound":
        return entry.message
    with memory() as con:
        evaluate(con, one, relation(con, one, hub.workspace, [record]))
        asked = "SELECT message FROM rejected WHERE field = ? AND code = ?"
        row = con.execute(asked, [entry.field, entry.code]).fetchone()
    return str(row[0]) if row else entry.message
