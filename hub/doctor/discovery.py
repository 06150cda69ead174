"""What a system offers, found out by its connector: proposals for its file, each with the reason for it.

A connector that can be asked has ``discover(names, sample)``: ``names`` are the resources wanted, none for all;
``sample`` is a file's content given by hand (a description, or records), where the system itself tells nothing. It
answers one ``Discovered`` per resource, and raises ConfigError ``discover.*`` where there is nothing to go by.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from hub.contract import Field, FieldType, Resource

MOST = 200
"""Resources that are described where none are named."""
SAMPLE = 500
"""Records that are looked at where only records tell what there is."""
_CHANGED = re.compile(r"(?i)chang|modif|updat|write_?date|^mtime$|last_?edit|修改|更新|变更")
_CREATED = re.compile(r"(?i)creat|insert|entered|建立|创建")
_KEYS = re.compile(r"(?i)^(id|uuid|guid|key|code|no|nr|number|编号|工号|代码)$")
_KEYLIKE = re.compile(
    r"(?:[_-]|^)(?i:id|uuid|guid|key|code|no|nr|number)$|(?<=[a-z])(?:Id|ID|No|Nr|Code|Number|Key)$|编号$|代码$"
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Discovered:
    """One resource: what to write below ``resources:``, the resource as that makes it, and why. ``reasons`` are by
    the option they are about; ``open`` says what could not be found out."""

    resource: Resource
    options: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    open: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.resource.name


def told_apart(found: Iterable[Discovered]) -> list[Discovered]:
    """The same, with names that each resource has alone."""
    made: dict[str, Discovered] = {}
    for one in found:
        name, number = one.name, 2
        while name in made:
            name, number = f"{one.name}_{number}", number + 1
        made[name] = one if name == one.name else replace(one, resource=replace(one.resource, name=name))
    return list(made.values())


class Discovers(Protocol):
    """A connector that finds out what its system offers."""

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]: ...


def cursor_among(fields: Iterable[Field]) -> tuple[str, str] | None:
    """The field that most likely grows with every change, and why; moments before days."""
    moments = [one for one in fields if one.type in ("datetime", "date") and not one.many and _CHANGED.search(one.name)]
    moments.sort(key=lambda one: (one.type != "datetime", _CREATED.search(one.name) is not None))
    if not moments:
        return None
    found = moments[0]
    why = "proposed by name and type: make sure that every change of a record moves it"
    if found.type == "date":
        why = "proposed by name; it tells the day only, so write overlap: 1d in mappings"
    return found.name, why


def created_among(fields: Iterable[Field]) -> str | None:
    """The field that tells when a record was made."""
    return next(
        (one.name for one in fields if one.type in ("datetime", "date") and _CREATED.search(one.name)), None
    )


def key_among(fields: Sequence[Field], rows: Sequence[Mapping[str, Any]] = ()) -> tuple[str, str] | None:
    """The field that most likely identifies a record, and why: by its name, and by the records where there are some."""
    plain = [one.name for one in fields if not one.many and not one.fields and one.type in ("text", "integer")]
    if rows:
        plain = [name for name in plain if _unique(rows, name)]
    ranked = sorted(plain, key=lambda name: (not _KEYS.search(name), not _KEYLIKE.search(name)))
    if not ranked or not (_KEYS.search(ranked[0]) or _KEYLIKE.search(ranked[0])):
        return None
    seen = f", and no two of {len(rows)} records share it" if rows else ""
    return ranked[0], f"proposed by its name{seen}"


def _unique(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [row.get(name) for row in rows]
    return None not in values and "" not in values and len({str(value) for value in values}) == len(values)


def inferred(rows: Sequence[Mapping[str, Any]]) -> tuple[Field, ...]:
    """The fields of records, by the values that they have there."""
    names = dict.fromkeys(name for row in rows for name in row)
    return tuple(_field(name, [row[name] for row in rows if row.get(name) not in (None, "")]) for name in names)


def _field(name: str, values: Sequence[Any]) -> Field:
    lists = [value for value in values if isinstance(value, list | tuple)]
    if lists:
        inner = [one for value in lists for one in value]
        objects = [one for one in inner if isinstance(one, Mapping)]
        kind = "json" if objects else _kind(inner)
        return Field(name, kind, many=True, fields=inferred(objects))
    objects = [value for value in values if isinstance(value, Mapping)]
    if objects:
        return Field(name, "json", fields=inferred(objects))
    return Field(name, _kind(values))


def _kind(values: Sequence[Any]) -> FieldType:
    """The narrowest type that all values have; a number with zeros before it is a text."""
    kinds = {_kind_of(value) for value in values}
    if kinds == {"integer", "decimal"}:
        return "decimal"
    if kinds == {"date", "datetime"}:
        return "datetime"
    return kinds.pop() if len(kinds) == 1 else "text"


def _kind_of(value: Any) -> FieldType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, dt.datetime):
        return "datetime"
    if isinstance(value, dt.date):
        return "date"
    if not isinstance(value, str):
        return "binary" if isinstance(value, bytes) else "decimal"
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", value):
        return "integer"
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})\.\d{1,10}", value):
        return "decimal"
    found = _ISO.fullmatch(value)
    if found is None:
        return "text"
    return "datetime" if found[1] else "date"
