"""One database as source and target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.sql.checkup import steps
from connectors.sql.connection import Connection
from connectors.sql.dialects import Table
from connectors.sql.discovery import discovered
from connectors.sql.reading import pages, select
from connectors.sql.settings import SqlResource, SqlSettings, bound
from connectors.sql.writing import Writer
from hub.contract import Change, Context, Field, Found, Outcome, Page, Probe, Query, Resource
from hub.doctor import walk
from hub.doctor.discovery import Discovered
from hub.errors import ConfigError


class Sql:
    """Source and target of one database."""

    def __init__(self, context: Context, settings: SqlSettings, resources: Mapping[str, SqlResource]) -> None:
        self._context = context
        self._settings = settings
        self._resources = resources
        self._connection = Connection(context, settings)
        self._tables: dict[str, Table] = {}

    def check(self) -> list[Probe]:
        """Find the driver, reach the server, log in, look every table and query up, ask for rights."""
        return walk(steps(self._context, self._settings, self._connection, self._resources, self.resource))

    def resource(self, name: str) -> Resource:
        return self._described(name, self._declared(name), self._table(name))

    def _as_declared(self, declared: SqlResource, name: str) -> Resource:
        """A table that the system's file does not name yet."""
        return self._described(name, declared, self._connection.table(str(declared.table)))

    def _described(self, name: str, declared: SqlResource, table: Table) -> Resource:
        key = declared.key or table.key
        unknown = [
            each for each in (*key, *declared.fields, declared.cursor) if each and table.column(each) is None
        ]
        if unknown:
            raise ConfigError(
                "sql.column", f"there is no column {unknown[0]}", where=f"{self._context.system}.{name}",
                hint=f"it has {', '.join(column.name for column in table.columns[:20])}",
            )  # fmt: skip
        shown = [column for column in table.columns if not declared.fields or column.name in declared.fields]
        fields = tuple(
            Field(column.name, declared.fields.get(column.name, column.type), required=column.required)
            for column in shown
        )
        return Resource(
            name, key=key, cursor=declared.cursor, fields=fields, counts=False,
            writable=declared.table is not None, title=declared.title,
        )  # fmt: skip

    def read(self, query: Query) -> Iterator[Page]:
        name = query.resource.name
        declared, table = self._declared(name), self._table(name)
        given = bound(declared.query, declared.parameters)[1] if declared.query else []
        statement = select(self._connection.dialect, table, query, given, self._settings.zone)
        yield from pages(self._connection, self._settings, statement, query, self._where(name))

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return self._writer(resource, [change.key for change in changes[:1]]).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        return self._writer(resource, keys[:1]).find(keys)

    def discover(self, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
        return discovered(self._connection, names, self._as_declared)

    def close(self) -> None:
        self._connection.close()

    def _writer(self, resource: Resource, asked: Sequence[Mapping[str, Any]]) -> Writer:
        """``asked`` shows by which natural key the hub writes; it need not be the table's primary key."""
        declared, table = self._declared(resource.name), self._table(resource.name)
        key = resource.key or declared.key or table.key
        natural = tuple(asked[0]) if asked else key
        key = key if set(natural) == set(key) else natural
        if declared.table is None or not key:
            raise ConfigError(
                "sql.readonly", f"{resource.name} cannot be written: it is a query, or has no key",
                where=self._where(resource.name), hint="declare table: and, without a primary key, key:",
            )  # fmt: skip
        unknown = [name for name in key if table.column(name) is None]
        if unknown:
            raise ConfigError(
                "sql.column", f"{resource.name} has no column {unknown[0]} to find rows by",
                where=self._where(resource.name), hint="mend key: of the mapping or the resource",
            )  # fmt: skip
        return Writer(self._connection, table, key, self._settings.zone, self._where(resource.name))

    def _declared(self, name: str) -> SqlResource:
        declared = self._resources.get(name)
        if declared is None:
            known = ", ".join(sorted(self._resources)) or "none"
            raise ConfigError(
                "resource.unknown", f"the system {self._context.system} has no resource {name}",
                hint=f"declared are: {known}",
            )  # fmt: skip
        return declared

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            declared = self._declared(name)
            if declared.table is not None:
                self._tables[name] = self._connection.table(declared.table)
            else:
                text, values = bound(declared.query or "", declared.parameters)
                place = self._where(name)
                self._tables[name] = self._connection.described(text, values, declared.fields, place)
        return self._tables[name]

    def _where(self, name: str) -> str:
        return f"{self._context.system}.{name}"
