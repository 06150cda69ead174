"""Between the run file and the database: rows in bulk, values in the form each side takes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa

from hub.exchange.runfile import RunFile, sql_name
from hub.store.bulk import Bulk, Wire
from hub.store.faults import stream_lost
from hub.store.shadows import KEYS
from hub.store.wire import encode


def rows(
    run: RunFile,
    session: Bulk,
    columns: Mapping[str, Any],
    query: str,
    values: Mapping[str, str] | None = None,
) -> pa.RecordBatchReader:
    """Rows of ``query`` as the loader takes them. ``values`` gives the SQL of columns that are not simply
    named as in the query."""
    given = values or {}
    encoded = ", ".join(
        f"{encode(given.get(name, sql_name(name)), column, session.dialect)} AS {sql_name(name)}"
        for name, column in columns.items()
    )
    return run.reader(f"SELECT {encoded} FROM ({query})")


def stage(run: RunFile, session: Bulk, name: str, columns: Mapping[str, Any], query: str) -> Any:
    """A temporary table of the session's transaction, filled from the run file. No other has its name:
    ``name`` only tells people what it is."""
    own = f"{name[:48]}_{secrets.token_hex(4)}"
    return session.stage(own, columns, rows(run, session, columns, query))


def stage_keys(run: RunFile, session: Bulk, name: str, query: str) -> Any:
    """The same for one column ``key``."""
    return stage(run, session, name, KEYS, query)


def take(run: RunFile, name: str, wire: Wire) -> int:
    """A table of the run file from what the database reads; answers its rows."""
    try:
        return run.table(name, wire.rows, wire.decoded)
    except duckdb.Error as error:
        if lost := stream_lost(error):
            raise lost from error
        raise
