"""The stores of hubs under test, each a test's own. To migrate takes half a second and gives all tests of one
schema the same tables: what the first of them got is kept and copied. Tests of migrating itself call ``migrate``.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import urlsplit, urlunsplit

from hub.store.database import Database
from hub.store.migrate import migrate


class Store(Protocol):
    """A place for one hub's database; nothing is there before it is asked for."""

    url: str

    def exist(self) -> None:
        """Be an empty database, unless something is there."""
        ...

    def fill(self, database: Database) -> bool:
        """Give an absent store the tables that ``database`` wants; False where something is there already."""
        ...

    def renew(self) -> None:
        """Be absent again."""
        ...


class SqliteStore:
    """A file in the workspace's own folder."""

    url = "sqlite:///.cophub/hub.sqlite"
    templates: ClassVar[dict[str, bytes]] = {}

    def exist(self) -> None:
        """SQLite makes the file when it is opened."""

    def fill(self, database: Database) -> bool:
        path, key = Path(str(database.url.database)), database.schema_hash()
        if path.exists():
            return False
        if (template := self.templates.get(key)) is None:
            migrate(database)
            database.close()  # the last connection takes the write-ahead log into the file
            self.templates[key] = path.read_bytes()
        else:
            path.write_bytes(template)
        return True

    def renew(self) -> None:
        """A world of another folder has another file."""


class Postgres:
    """The server, as one process of the tests uses it; ``close`` drops what was kept on it."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._url = url
        self._admin = psycopg.connect(url, autocommit=True)
        # Copying the files takes a quarter of the time of copying page by page through the log, its default.
        self._copy = " strategy file_copy" if self._admin.info.server_version >= 150000 else ""
        self.templates: dict[str, str] = {}

    def url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    def create(self, name: str, template: str = "template0") -> str:
        """A new database; answers its address."""
        self._admin.execute(f"create database {name} template {template}{self._copy}")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Whoever is still connected is cut off."""
        self._admin.execute(f"drop database if exists {name} with (force)")

    def keep(self, name: str, key: str) -> str:
        """A database that nobody is connected to becomes the template of that key."""
        self.templates[key] = template = new_name()
        self._admin.execute(f"alter database {name} rename to {template}")
        return template

    def close(self) -> None:
        for name in self.templates.values():
            self.drop(name)
        self._admin.close()


class PostgresStore:
    """A database of its own on the server."""

    def __init__(self, server: Postgres) -> None:
        self._server, self._name, self._there = server, new_name(), False
        self.url = server.url(self._name)

    def exist(self) -> None:
        if not self._there:
            self._server.create(self._name)
            self._there = True

    def fill(self, database: Database) -> bool:
        if self._there:
            return False
        key = database.schema_hash()
        if (template := self._server.templates.get(key)) is None:
            self.exist()
            migrate(database)
            database.close()
            template = self._server.keep(self._name, key)
        self._server.create(self._name, template)
        self._there = True
        return True

    def renew(self) -> None:
        if self._there:
            self._server.drop(self._name)
            self._there = False


def new_name() -> str:
    return f"cophub_{secrets.token_hex(6)}"
