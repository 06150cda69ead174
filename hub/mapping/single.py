"""A few records mapped in memory: what mapping tests and ``--explain`` run on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from hub.mapping.compile import Compiled
from hub.mapping.duck import open_run_file
from hub.mapping.record import literal, model_type
from hub.mapping.source import record_sql, source_sql
from hub.workspace.workspace import Workspace


@contextmanager
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked DuckDB that keeps nothing."""
    con = open_run_file(memory="256MB", threads=1, small=True)
    try:
        yield con
    finally:
        con.close()


def relation(
    con: duckdb.DuckDBPyConnection,
    compiled: Compiled,
    workspace: Workspace,
    records: Sequence[Mapping[str, Any]],
) -> str:
    """Store the records as they would be extracted; answers the query that ``evaluate`` reads.

    A record of a model has the model's field names and, as ``id``, its entity's id.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE given (raw VARCHAR)")
    texts = [[json.dumps(record, ensure_ascii=False, default=str)] for record in records]
    con.executemany("INSERT INTO given VALUES (?)", texts)
    if compiled.structure is not None:
        key = compiled.key or "'1'"
        keyed = f"SELECT raw, {record_sql(compiled)} AS r FROM given"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE extracted AS "
            f"SELECT {key} AS key, hash(raw) AS hash, raw FROM ({keyed})"
        )
        return source_sql(compiled, "extracted")
    model = workspace.model(compiled.source)
    types = {
        name: [model_type(field)[:-2]] if field.many else model_type(field)
        for name, field in model.fields.items()
    }
    shape = literal(json.dumps(types))
    key = "coalesce(json_extract_string(raw, '$.id'), '1')"
    return f"SELECT {key} AS key, hash(raw) AS hash, json_transform(raw, {shape}) AS r FROM given"
