"""Looking entries up: by the id that never changes, or by their natural key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.ldap.connection import Connection, Entry
from connectors.ldap.names import folded, naming
from connectors.ldap.reading import Records, whole
from connectors.ldap.schema import Shape
from connectors.ldap.settings import DN, PARENT
from connectors.ldap.values import READ, Attribute, escape, octets
from hub.contract import Change, Found, Outcome, Query, key_text
from hub.errors import ConfigError, RecordRejected

CHUNK = 50
"""Keys in one look-up; filters have limits."""
VERSIONS = ("entryCSN", "uSNChanged", "modifyTimestamp")
"""What changes with every change of an entry, the finest first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry as it stands: values by lower-case name."""

    dn: str
    values: Mapping[str, list[bytes]]
    foreign_id: str
    version: str | None

    def first(self, name: str) -> str | None:
        return next((value.decode("utf-8", "replace") for value in self.values.get(name.lower(), [])), None)

    def renamed(self, dn: str) -> Standing:
        own = {name.lower(): [value] for name, value in naming(dn)}
        return replace(self, dn=dn, values={**self.values, **own})


class Lookup:
    """Finds entries of one resource."""

    def __init__(self, connection: Connection, shape: Shape) -> None:
        self._connection = connection
        self._shape = shape
        self._version: str | None = None

    @property
    def version(self) -> str | None:
        """The attribute that stands for an entry's version."""
        if self._version is None:
            self._version = next((one for one in VERSIONS if self._shape.knows(one)), "")
        return self._version or None

    @property
    def marks(self) -> list[str]:
        """The attributes of an entry's id and version."""
        return [self._connection.settings.id, *([self.version] if self.version else [])]

    def marked(self, values: Mapping[str, list[bytes]]) -> Outcome:
        """``done``, with id and version as the directory gives them."""
        known = {name.lower(): several for name, several in values.items()}
        return Outcome("done", self._identity(known), self._stamp(known))

    def _identity(self, values: Mapping[str, list[bytes]]) -> str | None:
        one = self._shape.attribute(self._connection.settings.id)
        found = values.get(one.name.lower())
        return key_text([READ[one.kind](found[0])]) if found else None

    def _stamp(self, values: Mapping[str, list[bytes]]) -> str | None:
        found = values.get((self.version or "").lower())
        return found[0].decode() if found else None

    # ------------------------------------------------------------------ by natural key

    def find(self, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        """Entries by natural key, in order. RecordRejected ``find.ambiguous`` where several have one."""
        resource = self._shape.resource()
        records = Records(self._connection, self._shape, Query(resource))
        attributes = list(dict.fromkeys([*records.attributes, *self.marks]))
        found: list[Found | None] = []
        for entries in self._by_keys(keys, attributes):
            if isinstance(entries, RecordRejected):
                raise entries
            found.append(self._found(records, entries) if entries else None)
        return found

    def _found(self, records: Records, entry: Entry) -> Found:
        known = {name.lower(): several for name, several in entry[1].items()}
        identity = self._identity(known) or entry[0]
        return Found(identity, self._stamp(known), records.record(*entry))

    def standing(
        self, changes: Sequence[Change], names: Sequence[str]
    ) -> list[Standing | RecordRejected | None]:
        """The entries that changes are about, with what they hold of some attributes; None for creates."""
        asked = [number for number, change in enumerate(changes) if change.operation != "create"]
        identity = self._connection.settings.id
        keys = [
            {identity: change.foreign_id} if change.foreign_id is not None else change.key
            for change in (changes[number] for number in asked)
        ]
        made: list[Standing | RecordRejected | None] = [None] * len(changes)
        attributes = list(dict.fromkeys([*names, *self.marks]))
        for number, entry in zip(asked, self._by_keys(keys, attributes), strict=True):
            made[number] = (
                entry if isinstance(entry, RecordRejected) or entry is None else self._standing(entry)
            )
        return made

    def _standing(self, entry: Entry) -> Standing:
        values = whole(self._connection, entry[0], entry[1])
        return Standing(entry[0], values, self._identity(values) or entry[0], self._stamp(values))

    def _by_keys(
        self, keys: Sequence[Mapping[str, Any]], attributes: Sequence[str]
    ) -> Iterator[Entry | RecordRejected | None]:
        for start in range(0, len(keys), CHUNK):
            yield from self._chunk(keys[start : start + CHUNK], attributes)

    def _chunk(
        self, keys: Sequence[Mapping[str, Any]], attributes: Sequence[str]
    ) -> list[Entry | RecordRejected | None]:
        conditions = [self._condition(key) for key in keys]
        askable = [one for one in conditions if one is not None]
        if not askable:
            return [None] * len(keys)
        named = {name for key in keys for name in key}
        asked = list(dict.fromkeys([*attributes, *named]))
        entries = self._search(f"(|{''.join(askable)})" if len(askable) > 1 else askable[0], asked)
        if len(askable) == 1:
            return [self._one(keys[at], entries) if one else None for at, one in enumerate(conditions)]
        made: list[Entry | RecordRejected | None] = []
        for key, condition in zip(keys, conditions, strict=True):
            mine = [entry for entry in entries if self._is(entry, key)] if condition else []
            made.append(self._one(key, mine))
        if sum(entry is not None for entry in made) < len(entries):
            # the directory compares by rules of its own: what was found and is nobody's is asked for one by one
            for at, condition in enumerate(conditions):
                if made[at] is None and condition is not None:
                    made[at] = self._one(keys[at], self._search(condition, asked))
        return made

    def _search(self, condition: str, attributes: Sequence[str]) -> list[Entry]:
        settings, declared = self._connection.settings, self._shape.declared
        found: list[Entry] = []
        for entries, _ in self._connection.search(
            self._shape.base, declared.scope, f"(&{self._shape.condition}{condition})", attributes,
            size=settings.page_size, where=f"{self._connection.system}: {self._shape.base}",
        ):  # fmt: skip
            found += entries
        return found

    def _one(self, key: Mapping[str, Any], entries: Sequence[Entry]) -> Entry | RecordRejected | None:
        if len(entries) > 1:
            text = key_text([*key.values()])
            return RecordRejected(
                "find.ambiguous", f"several entries have the key {text}", where=self._shape.base
            )
        return entries[0] if entries else None

    def _condition(self, key: Mapping[str, Any]) -> str | None:
        """The filter of a key; None where no entry can have it."""
        parts = []
        for name, value in key.items():
            if name in (DN, PARENT):
                raise ConfigError(
                    "write.find", f"entries are not looked up by {name}", where=self._shape.name,
                    hint="take an attribute for the mapping's key:, such as uid",
                )  # fmt: skip
            if value is None or value == "":
                return None
            try:
                found = octets(self._shape.attribute(name), value)
            except RecordRejected:
                return None
            parts.append(f"({name}={escape(found)})")
        return f"(&{''.join(parts)})" if len(parts) > 1 else parts[0]

    def _is(self, entry: Entry, key: Mapping[str, Any]) -> bool:
        known = {name.lower(): several for name, several in entry[1].items()}
        for name, value in key.items():
            one = self._shape.attribute(name)
            wanted = _form(one, octets(one, value))
            if wanted not in [_form(one, each) for each in known.get(name.lower(), [])]:
                return False
        return True


def _form(one: Attribute, value: bytes) -> bytes:
    """The form in which most directories compare: without regard to case and surplus blanks."""
    if one.kind == "dn":
        return folded(value.decode("utf-8", "replace")).encode()
    if one.kind == "text":
        return " ".join(value.decode("utf-8", "replace").casefold().split()).encode()
    return value
