"""A SCIM client as a source of exchanges: what the hub keeps of it, read as any other system is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from hub.contract import Page, Probe, Query, Resource
from hub.errors import ConfigError
from hub.identity.scim_clients import Client, raw
from hub.identity.scim_storage import Stored
from hub.literals import instant
from hub.store import scim_resources
from hub.store.database import Database
from hub.workspace.workspace import System

SIZE = 500


@dataclass(slots=True)
class Kept:
    """The Source of one client; nothing leaves this process."""

    system: System
    database: Database
    _client: Client | None = None

    def check(self) -> list[Probe]:
        return [Probe(f"read {name}", "ok", "the hub keeps it itself") for name in self.system.resources]

    def resource(self, name: str) -> Resource:
        found = self.system.describe(name)
        assert found is not None
        return found

    def read(self, query: Query) -> Iterator[Page]:
        """All resources of a type, or those that changed since a time; oldest change first. ConfigError
        ``cursor.malformed``."""
        name, client = query.resource.name, self._opened()
        stored = Stored(self.database, self.system.name, client.provider)
        first, size = 1, min(query.page_size or SIZE, 5000)
        since = None if query.since is None else _moment(query.since)
        for rows in scim_resources.since(self.database, self.system.name, name, since, size):
            lines = [raw(client.record(stored.resource_of(row))) for row in rows]
            content = b"".join(line + b"\n" for line in lines)
            yield Page(content, len(lines), f"scim/{name}", first, last=len(rows) < size)
            first += len(lines)

    def close(self) -> None: ...

    def _opened(self) -> Client:
        if self._client is None:
            self._client = Client(self.system, "read only", 1)
        return self._client


def _moment(text: str) -> dt.datetime:
    try:
        return instant(text)
    except ValueError:
        raise ConfigError("cursor.malformed", f"{text[:60]!r} is no time", where="meta.lastModified") from None
