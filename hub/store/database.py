"""Opening the hub's database. A store is one database; nothing is created or changed by opening it."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    MetaData,
    Table,
    Text,
    column,
    create_engine,
    event,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.schema import CreateIndex, CreateTable

from hub.errors import ConfigError
from hub.store import tables
from hub.store.adbc import Connections
from hub.store.bulk import Bulk, PostgresBulk, SqliteBulk
from hub.store.faults import driver_errors, is_of_database, translated
from hub.store.models import SCIM, SEARCH, beginning, build, entity_table
from hub.store.patience import lock_seconds
from hub.store.prepared import Ask, Make, Prepared, Shape, Values
from hub.store.sso_tables import metadata  # with the tables of all
from hub.workspace.shape import ModelFile

FRESH = 1.0
"""Seconds after its use in which a connection counts as living."""


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then random."""
    value = (time.time_ns() // 1_000_000 << 80) | (0x7 << 76) | secrets.randbits(76)
    return uuid.UUID(int=value & ~(0x3 << 62) | (0x2 << 62))


class Database:
    """The hub's database with the tables of one workspace's models."""

    def __init__(
        self,
        url: str,
        models: Mapping[str, ModelFile],
        *,
        folder: Path,
        password: str | None = None,
        asked: Mapping[str, Collection[str]] | None = None,
        searched: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.url = _absolute(make_url(url), folder)
        if password is not None:
            self.url = self.url.set(password=password)
        self.dialect = self.url.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise ConfigError(
                "store.unknown",
                f"the store {self.dialect!r} is not supported",
                where="config/hub.yaml: store",
                hint="write sqlite:///FILE or postgresql://USER@HOST/NAME",
            )
        self.models = models
        self.searched = searched or {}
        self.metadata: Sequence[MetaData] = (metadata, build(models, asked))
        self.tables: Mapping[str, Table] = {**self.metadata[0].tables, **self.metadata[1].tables}
        self.engine: Engine = _engine(self.url)
        # A statement that only reads is a transaction of its own in PostgreSQL: three round trips become one.
        alone = {"isolation_level": "AUTOCOMMIT"} if self.dialect == "postgresql" else {}
        self._reading = self.engine.execution_options(reading=True, **alone)
        self._connections = Connections(self.url)
        self._readers: Any = None
        if self.dialect == "postgresql":
            from hub.store.readers import Readers  # noqa: PLC0415 - only where the store is PostgreSQL

            self._readers = Readers(self.url)
        self._prepared: dict[Shape, Prepared] = {}

    def close(self) -> None:
        self._connections.close()
        if self._readers is not None:
            self._readers.close()
        self.engine.dispose()

    @contextmanager
    def begin(self, *, reading: bool = False) -> Iterator[Connection]:
        """One transaction; database errors leave as errors of the hub. With ``reading`` each statement sees what was
        committed before it, and waits for no writer."""
        with self._errors(), (self._reading if reading else self.engine).begin() as connection:
            yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if is_of_database(error):
                raise translated(error, self.url) from error
            raise

    def rows(self, shape: Shape, query: Make, values: Values) -> list[dict[str, Any]]:
        """The rows of a query of which only the values of its parameters change; ``query`` makes it when its ``shape``
        was not seen before. A transaction of its own, with the errors of ``begin``."""
        if self._readers is None:
            with self.begin(reading=True) as connection:
                return self.asks(connection)(shape, query, values)
        prepared = self._made(shape, query)
        with self._errors():
            found = self._readers.rows(prepared, values)
        return [dict(zip(prepared.columns, row, strict=True)) for row in found]

    @contextmanager
    def writing(self) -> Iterator[Ask]:
        """One transaction of statements of which only the values change, as ``begin`` is one of any."""
        if self._readers is None:
            with self.begin() as connection:
                yield self.asks(connection)
            return
        with self._errors(), self._readers.writing() as execute:

            def ask(shape: Shape, query: Make, values: Values) -> list[dict[str, Any]]:
                prepared = self._made(shape, query)
                return [dict(zip(prepared.columns, row, strict=True)) for row in execute(prepared, values)]

            yield ask

    def _made(self, shape: Shape, query: Make) -> Prepared:
        return self._prepared.get(shape) or self._prepared.setdefault(shape, Prepared(query()))

    def asks(self, connection: Connection) -> Ask:
        """The same statements in a transaction of ``begin``."""

        def ask(shape: Shape, query: Make, values: Values) -> list[dict[str, Any]]:
            found = connection.execute(self._made(shape, query).query, dict(values))
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

        return ask

    @contextmanager
    def bulk(self, *, write: bool) -> Iterator[Bulk]:
        """One transaction for mass data; commits at the end, rolls back on any error.

        ``write=False`` is one snapshot that blocks nobody; temporary tables are allowed in it.
        """
        try:
            session: Bulk = (
                PostgresBulk(self._connections, write)
                if self.dialect == "postgresql"
                else SqliteBulk(self.engine, write)
            )
            try:
                yield session
                session.commit()
            except BaseException:
                with suppress(*driver_errors()):  # a lost connection has nothing to roll back
                    session.rollback()
                raise
            finally:
                session.close()
        except driver_errors() as error:
            if is_of_database(error):
                raise translated(error, self.url) from error
            raise

    def schema_hash(self) -> str:
        """SHA-256 of the tables as this program wants them: the hub's own and those of the models."""
        own, models = _own_tables(self.dialect), _described(self.metadata[1], self.engine.dialect)
        return hashlib.sha256("\n".join([own, models, *sorted(self.search_indexes().values())]).encode()).hexdigest()

    def search_indexes(self) -> dict[str, str]:
        """Name → statement of the indexes by which beginnings of texts are found, in whatever letters (``beginning``),
        and the values of SCIM resources. They are over an expression, or of a kind that SQLAlchemy does not read back,
        so they are none of the metadata's."""
        found = {}
        if self.dialect == "postgresql":  # of SQLite each filter looks at every resource of its client
            found[SCIM] = f'CREATE INDEX "{SCIM}" ON "scim_resource" USING gin (compared jsonb_path_ops)'
        for model, fields in self.searched.items():
            for field in fields:
                digest = hashlib.sha256(f"{model}.{field}".encode()).hexdigest()[:8]
                name = f"{SEARCH}{model}_{field}"[:50] + f"_{digest}"
                by = beginning(column(field, Text()), self.dialect).compile(dialect=self.engine.dialect)
                found[name] = f'CREATE INDEX "{name}" ON "{entity_table(model)}" (({by}), _id)'
        return found

    def require_schema(self) -> None:
        """Refuse to work on tables that are not the workspace's: ConfigError ``store.schema``."""
        with self.begin(reading=True) as connection:
            known = inspect(connection).has_table("schema_state")
            found = (
                connection.scalar(
                    select(tables.schema_state.c.value).where(tables.schema_state.c.name == "schema")
                )
                if known
                else None
            )
        if found != self.schema_hash():
            what = "does not fit the models of this workspace" if found else "has no tables yet"
            raise ConfigError(
                "store.schema",
                f"the hub's database {what}",
                where=self.url.render_as_string(hide_password=True),
                hint="run: cophub migrate",
            )


@cache
def _own_tables(dialect: str) -> str:
    """They are the same as long as a process lives, and many: described once."""
    return _described(metadata, make_url(f"{dialect}://").get_dialect()())


def _described(tables: MetaData, dialect: Dialect) -> str:
    texts = []
    for table in tables.sorted_tables:
        texts.append(str(CreateTable(table).compile(dialect=dialect)))
        texts += sorted(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
    return "\n".join(texts)


def _absolute(url: URL, folder: Path) -> URL:
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        path = folder / str(url.database)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return url.set(database=str(path))
    return url


def _asked_when_old(engine: Engine) -> None:
    """A connection that lay idle is asked whether it lives before it is used: a server may have been restarted. One
    that was used just now is not, which is a round trip less."""

    @event.listens_for(engine, "checkin")
    def back(connection: Any, record: Any) -> None:
        record.info["back"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def out(connection: Any, record: Any, proxy: object) -> None:
        if time.monotonic() - record.info.get("back", 0.0) < FRESH:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool opens another one


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        # By the driver's connect options: nothing is asked of the server for it.
        options = f"-c lock_timeout={int(lock_seconds() * 1000)}"
        engine = create_engine(
            url,
            hide_parameters=True,  # no value of a person stands in the text of an error
            connect_args={"connect_timeout": 10, "options": options},
        )
        _asked_when_old(engine)
        return engine
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": lock_seconds(), "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, record: object) -> None:
        # The driver's own transaction handling would commit behind our back before DDL.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: two writers queue at the start instead of failing in the middle.
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
