"""Reading the records of a model, by keyset: neither what is created nor what is deleted meanwhile moves a page.

Without a cursor pages follow each other by ``id``. With one they follow by time, so that what changes during the read
comes again behind; as servers cut times to the second in answers, the records of one second are read by ``id``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.jsonrpc.calls import BINARY, MANY, RELATIONS, Domain, Kind, Kinds
from connectors.jsonrpc.declared import RpcResource
from connectors.jsonrpc.service import Service
from connectors.jsonrpc.values import iso, moment
from hub.contract import Field, Page, Query, Resource
from hub.errors import ConfigError, Fatal
from hub.http.records import declared_fields

Row = dict[str, Any]
Wanted = dict[str, Any]
"""Names of fields → what is wanted of the records they lead to, in the same form; empty for the field itself."""


class Reader:
    """Reads one resource."""

    def __init__(self, service: Service, declared: RpcResource) -> None:
        self._service, self._dialect, self._declared = service, service.dialect, declared

    def pages(self, query: Query) -> Iterator[Page]:
        """The pages of one read. A full one ends with the number of records there are then."""
        kinds = self._service.kinds(self._declared.model)
        wanted = self._wanted(query.fields, kinds)
        names = self._dialect.names(wanted, kinds)
        size = min(query.page_size or self._service.settings.page_size, self._service.settings.page_size)
        count = 0
        before: list[Row] = []
        started = False
        for rows in self._chunks(kinds, names, size, query.since):
            if started:
                yield self._page(before, wanted, kinds, count)
                count += len(before)
            before, started = rows, True
        full = query.since is None
        total = (
            self._service.read(self._dialect.count(self._declared.model, self._declared.domain))
            if full
            else None
        )
        yield self._page(before, wanted, kinds, count, last=True, total=total)

    def _page(
        self, rows: list[Row], wanted: Wanted, kinds: Kinds, before: int, *, last: bool = False,
        total: int | None = None,
    ) -> Page:  # fmt: skip
        records = self.records(rows, wanted, kinds)
        text = msgspec.json.Encoder().encode_lines(records)
        announced = total if isinstance(total, int) else None
        return Page(text, len(records), self._declared.model, before + 1, last, announced)

    def lookup(self, domain: Domain, wanted: Wanted, limit: int) -> list[Row]:
        """Records by a condition of their own, decoded; the version is among their values as it came."""
        kinds = self._service.kinds(self._declared.model)
        names = [*self._dialect.names(wanted, kinds)]
        extra = [self._dialect.version] if self._dialect.version not in names else []
        rows = self._search(domain, [*names, *extra], ["id"], limit)
        made = self.records(rows, wanted, kinds)
        return [
            one | {self._dialect.version: row.get(self._dialect.version)}
            for one, row in zip(made, rows, strict=True)
        ]

    # ------------------------------------------------------------------ what to ask for

    def _wanted(self, fields: Sequence[str], kinds: Kinds) -> Wanted:
        declared = self._declared
        wanted = tree(fields) or shape(declared.fields)
        if not wanted:
            wanted = {name: {} for name, kind in kinds.items() if kind.type not in BINARY}
        wanted |= {name: inner for name, inner in tree(declared.key).items() if name not in wanted}
        for name in ("id", *([declared.cursor] if declared.cursor else [])):
            wanted.setdefault(name, {})
        for name in wanted:
            if name not in kinds:
                raise ConfigError(
                    "field.unknown", f"{declared.model} has no field {name}, or the account may not see it",
                    where=declared.model, hint="mend the mapping, or the account's rights",
                )  # fmt: skip
        return wanted

    def _cursor(self, kinds: Kinds) -> Kind | None:
        if self._declared.cursor is None:
            return None
        kind = kinds.get(self._declared.cursor)
        if kind is None or kind.type not in ("datetime", "timestamp"):
            raise ConfigError(
                "cursor.type", f"{self._declared.cursor} is no time of {self._declared.model}",
                hint="take last_modified_at in Tryton, write_date in Odoo",
            )  # fmt: skip
        if kind.name == "write_date" and "last_modified_at" in kinds:
            raise ConfigError(
                "cursor.type", "write_date is empty until a record is changed for the first time",
                hint="take last_modified_at",
            )  # fmt: skip
        return kind

    # ------------------------------------------------------------------ pages

    def _chunks(
        self, kinds: Kinds, names: Sequence[str], size: int, since: str | None
    ) -> Iterator[list[Row]]:
        domain, cursor = self._declared.domain, self._cursor(kinds)
        if cursor is None:
            yield from self._by_id(domain, names, size)
            return
        if since is None:
            never = self._dialect.both(domain, [[cursor.name, "=", self._dialect.empty()]])
            yield from self._by_id(never, names, size)
        yield from self._by_time(domain, cursor, names, size, None if since is None else _second(since))

    def _by_id(self, domain: Domain, names: Sequence[str], size: int) -> Iterator[list[Row]]:
        last: int | None = None
        while True:
            behind = domain if last is None else self._dialect.both(domain, [["id", ">", last]])
            rows = self._search(behind, names, ["id"], size)
            if not rows:
                return
            for row in rows:
                if last is not None and row["id"] <= last:
                    raise Fatal(
                        "page.repeated", "the server gives the same records again", where=self._declared.model,
                        hint="the records are asked for by rising id: ask who keeps the server",
                    )  # fmt: skip
                last = row["id"]
            yield rows

    def _by_time(
        self, domain: Domain, cursor: Kind, names: Sequence[str], size: int, start: dt.datetime | None
    ) -> Iterator[list[Row]]:
        seen: set[int] = set()
        while True:
            behind = domain if start is None else self._dialect.both(domain, [self._at(cursor, ">=", start)])
            if start is None:  # records without a time are read apart
                behind = self._dialect.both(domain, [[cursor.name, "!=", self._dialect.empty()]])
            rows = self._search(behind, names, [cursor.name, "id"], size)
            if not rows:
                return
            second = self._time(cursor, rows[-1])
            if start is not None and second < start:
                raise Fatal(
                    "page.repeated", "the server does not sort by the cursor", where=self._declared.model,
                    hint="take another cursor:",
                )  # fmt: skip
            if len(rows) < size:
                fresh = [row for row in rows if row["id"] not in seen or self._time(cursor, row) != start]
                if not fresh:
                    return
                yield fresh
                start, seen = second, {row["id"] for row in rows if self._time(cursor, row) == second}
                continue
            if head := [row for row in rows if self._time(cursor, row) < second]:
                yield head
            start = second + dt.timedelta(seconds=1)
            within = [self._at(cursor, ">=", second), self._at(cursor, "<", start)]
            yield from self._by_id(self._dialect.both(domain, within), names, size)
            seen = set()

    def _at(self, cursor: Kind, operator: str, when: dt.datetime) -> list[Any]:
        return [cursor.name, operator, self._dialect.encode(cursor, iso(when))]

    def _time(self, cursor: Kind, row: Row) -> dt.datetime:
        return _second(str(self._dialect.decode(cursor, row.get(cursor.name))))

    def _search(self, domain: Domain, names: Sequence[str], order: Sequence[str], limit: int) -> list[Row]:
        found = self._service.read(self._dialect.search(self._declared.model, domain, names, order, limit))
        return _rows(found, self._declared.model)

    # ------------------------------------------------------------------ records

    def records(self, rows: list[Row], wanted: Wanted, kinds: Kinds) -> list[Row]:
        if not self._dialect.nests:
            self._join(rows, wanted, kinds)
        return [self._record(row, wanted, kinds) for row in rows]

    def _record(self, row: Mapping[str, Any], wanted: Wanted, kinds: Kinds) -> Row:
        made: Row = {}
        for name, inner in wanted.items():
            kind = kinds.get(name)
            if inner and kind is not None and kind.type in RELATIONS:
                related, below = self._service.kinds(kind.relation), row.get(f"{name}.")
                one = {"id": {}, **inner}
                if isinstance(below, list):
                    made[name] = [self._record(each, one, related) for each in below]
                else:
                    made[name] = None if below is None else self._record(below, one, related)
            else:
                made[name] = self._dialect.decode(kind, row.get(name))
        return made

    def _join(self, rows: list[Row], wanted: Wanted, kinds: Kinds) -> None:
        """Put related records below ``NAME.``, as servers that nest them do."""
        for name, inner in wanted.items():
            kind = kinds.get(name)
            if not inner or kind is None or kind.type not in RELATIONS:
                continue
            related = self._related(kind, inner, {one for row in rows for one in _ids(row.get(name))})
            for row in rows:
                found = [related[one] for one in _ids(row.get(name)) if one in related]
                row[f"{name}."] = found if kind.type in MANY else (found[0] if found else None)

    def _related(self, kind: Kind, inner: Wanted, ids: set[int]) -> dict[int, Row]:
        below, size = self._service.kinds(kind.relation), self._service.settings.page_size
        names, ordered = ["id", *inner], sorted(ids)
        found: dict[int, Row] = {}
        for start in range(0, len(ordered), size):
            piece = [["id", "in", ordered[start : start + size]]]
            call = self._dialect.search(kind.relation, piece, names, ["id"], size)
            rows = _rows(self._service.read(call), kind.relation)
            self._join(rows, inner, below)
            found |= {row["id"]: row for row in rows}
        return found


def describe(name: str, declared: RpcResource, kinds: Kinds | None) -> Resource:
    """A resource by what the server tells, and by what YAML says over it."""
    fields = {one.name: one.field() for one in (kinds or {}).values()}
    fields |= {one.name: one for one in declared_fields(declared.fields)}
    if fields:
        for key in declared.key:
            fields.setdefault(key, Field(key, "integer" if key == "id" else "text"))
    return Resource(
        name, tuple(declared.key), declared.cursor, tuple(fields.values()), counts=True, writable=True,
        title=declared.title, refuses=frozenset({"create", "delete"} if declared.method else ()),
    )  # fmt: skip


def tree(paths: Sequence[str]) -> Wanted:
    """Dotted paths as nested names.

    >>> tree(["party.name", "code", "party"])
    {'party': {'name': {}}, 'code': {}}
    """
    made: Wanted = {}
    for path in paths:
        inner = made
        for part in path.split("."):
            inner = inner.setdefault(part, {})
    return made


def shape(fields: Mapping[str, Any]) -> Wanted:
    """Declared fields as nested names."""
    made: Wanted = {}
    for name, said in fields.items():
        inner = said[0] if isinstance(said, list) and said else said
        made[name] = shape(inner) if isinstance(inner, Mapping) else {}
    return made


def _rows(found: Any, model: str) -> list[Row]:
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), int) for one in found
    ):
        raise Fatal(
            "records.missing", "the answer is no list of records", where=model, hint="check url: and dialect:"
        )
    return found


def _ids(value: Any) -> list[int]:
    several = value if isinstance(value, list) else [value]
    return [one for one in several if isinstance(one, int) and not isinstance(one, bool)]


def _second(text: str) -> dt.datetime:
    try:
        return moment(text).replace(microsecond=0)
    except ValueError:
        raise ConfigError(
            "cursor.format", f"the cursor value {text[:40]!r} is no time", hint="take a time as cursor:"
        ) from None
