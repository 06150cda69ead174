"""Entries as records, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.ldap.connection import Connection, Entry
from connectors.ldap.names import parent
from connectors.ldap.schema import Shape
from connectors.ldap.settings import DN, PARENT, USN, is_secret
from connectors.ldap.sight import above, require_all
from connectors.ldap.values import READ, Attribute, escape, moment, octets
from hub.contract import Page, Query
from hub.errors import ConfigError, Retriable

RANGE = ";range="
NOTHING = "1.1"
"""Asks for no attributes (RFC 4511 §4.5.1.8)."""


class Records:
    """Makes records of entries: the fields of a query, each under the name it was asked by."""

    def __init__(self, connection: Connection, shape: Shape, query: Query) -> None:
        self._connection = connection
        self._shape = shape
        resource = query.resource
        wanted = [*resource.key, *([resource.cursor] if resource.cursor else [])]
        asked = [path.partition(".")[0] for path in query.fields] or [field.name for field in resource.fields]
        self._names = list(dict.fromkeys([*wanted, *asked]))
        if query.fields and (found := [name for name in self._names if is_secret(name)]):
            raise ConfigError(
                "ldap.secret_field", f"{found[0]} holds passwords, so it is never read", where=shape.name,
                hint="take it out of the mapping",
            )  # fmt: skip
        self._named = {DN, PARENT} & set(self._names)
        attributes = [name for name in self._names if name not in (DN, PARENT) and not is_secret(name)]
        self.attributes = [name for name in attributes if "_" not in name] or [NOTHING]
        self._readers: dict[str, tuple[str, bool, Callable[[bytes], Any]]] = {}
        for name in self.attributes:
            if name != NOTHING:
                one = shape.attribute(name)
                self._readers[name.lower()] = (name, one.many, READ[one.kind])

    def lines(self, entries: Sequence[Entry]) -> bytes:
        return msgspec.json.Encoder().encode_lines([self.record(dn, values) for dn, values in entries])

    def record(self, dn: str, values: dict[str, list[bytes]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        readers = self._readers
        if any(RANGE in name for name in values):
            values = whole(self._connection, dn, values)
        for name, several in values.items():
            known = readers.get(name.lower())
            if known is None or not several:
                continue
            field, many, read = known
            made[field] = [read(value) for value in several] if many else read(several[0])
        if self._named:
            if DN in self._named:
                made[DN] = dn
            if PARENT in self._named:
                made[PARENT] = parent(dn)
        return made


def whole(connection: Connection, dn: str, values: Mapping[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Values by lower-case name, all of them: Active Directory gives the first ones of a long attribute only, as
    ``member;range=0-1499``."""
    made: dict[str, list[bytes]] = {}
    for name, several in values.items():
        bare, sign, span = name.lower().partition(RANGE)
        if not sign:
            made.setdefault(bare, several)
        elif several:
            made[bare] = _rest(connection, dn, bare, span, several)
    return made


def _rest(connection: Connection, dn: str, name: str, span: str, values: list[bytes]) -> list[bytes]:
    """All values, from the start: a piece that comes after a change does not go on where the one before ended."""
    if span.endswith("-*"):
        return values
    found: list[bytes] = []
    state: list[bytes] | None = None
    while True:
        entry = connection.entry(dn, [f"{name}{RANGE}{len(found)}-*", USN])
        given = {one.lower(): several for one, several in (entry[1] if entry else {}).items()}
        more = [(one, several) for one, several in given.items() if one.startswith(name + RANGE) and several]
        now = given.get(USN.lower(), [])
        if not more or (state is not None and now != state):
            raise Retriable(
                "ldap.range", f"the values of {name} cannot be read to their end", where=connection.system,
                hint="the entry changed while it was read: run again",
            )  # fmt: skip
        state = now
        found += more[0][1]
        if more[0][0].endswith("-*"):
            return found


class Reader:
    """Reads one resource by a search."""

    def __init__(self, connection: Connection, shape: Shape) -> None:
        self.connection = connection
        self.shape = shape
        self.where = f"{connection.system}: {shape.base}"

    def pages(self, query: Query) -> Iterator[Page]:
        """The pages of a full read, or of one since a cursor value."""
        if query.since is not None and query.resource.cursor:
            condition = self.since(self.shape.condition, query.resource.cursor, query.since)
            yield from self.found(query, condition)
        else:
            yield from self.everything(query)

    def everything(self, query: Query, token: str | None = None) -> Iterator[Page]:
        """The pages of a whole read, the last with the token. AuthError ``ldap.hidden`` instead of the last one where
        the account did not see everything."""
        yield from self.found(query, self.shape.condition, token, whole=True)

    def found(
        self, query: Query, condition: str, token: str | None = None, *, whole: bool = False
    ) -> Iterator[Page]:
        """The pages of one search, the last with the token."""
        records = Records(self.connection, self.shape, query)
        first, seen = 1, set[str]()
        for entries, last in self.search(condition, records.attributes, query.page_size):
            if whole:
                seen |= {above(dn) for dn, _ in entries}
                if last:
                    require_all(self.connection, self.shape, seen)
            yield Page(
                records.lines(entries), len(entries), self.shape.base, first, last,
                token=token if last else None,
            )  # fmt: skip
            first += len(entries)

    def search(
        self, condition: str, attributes: Sequence[str], size: int | None = None
    ) -> Iterator[tuple[list[Entry], bool]]:
        most = self.connection.settings.page_size
        return self.connection.search(
            self.shape.base, self.shape.declared.scope, condition, attributes,
            size=min(size or most, most) if most else None, where=self.where,
        )  # fmt: skip

    def since(self, condition: str, cursor: str, value: str) -> str:
        """The condition narrowed to what is at or after a cursor value; a time is rounded down to its second."""
        one = self.shape.attribute(cursor)
        return f"(&{condition}({one.name}>={escape(_at_or_after(one, value))}))"


def _at_or_after(one: Attribute, value: str) -> bytes:
    if one.kind not in ("time", "utctime", "filetime"):
        return octets(one, value)
    try:
        return octets(one, moment(value).replace(microsecond=0))
    except ValueError:
        raise ConfigError(
            "cursor.format",
            f"the cursor value {value[:40]!r} is no time",
            hint="check cursor: of the resource",
        ) from None
