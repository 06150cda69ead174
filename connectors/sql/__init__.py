"""Databases: tables, views and queries by ODBC, SQLite files also without a driver.

A read is one statement in one read-only snapshot, ordered by cursor and key and streamed. Names come
from the database's catalogue and are quoted; values are always parameters.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from connectors.sql.settings import SqlResource, SqlSettings
from hub.contract import Context, Field, Resource, Spec


def open_(context: Context, settings: SqlSettings, resources: Mapping[str, SqlResource]) -> Any:
    """A ``database.Sql``; its parts are loaded only now, because lint of a workspace needs none."""
    return importlib.import_module("connectors.sql.database").Sql(context, settings, resources)


def describe(context: Context, settings: Any, name: str, declared: SqlResource) -> Resource | None:
    """The resource where key and fields are declared, or a query; the rest is in the database's catalogue."""
    if declared.query is None and not (declared.key and declared.fields):
        return None
    fields = tuple(Field(field, kind) for field, kind in declared.fields.items())
    return Resource(
        name, key=declared.key, cursor=declared.cursor, fields=fields, writable=declared.table is not None,
        title=declared.title,
    )  # fmt: skip


SPEC = Spec(
    name="sql",
    title="SQL database",
    summary="Tables, views and queries of PostgreSQL, MariaDB, MySQL, SQL Server and SQLite over ODBC; "
    "SQLite files without a driver.",
    settings=SqlSettings,
    resource=SqlResource,
    open=open_,
    describe=describe,
    writes=True,
    batch=500,
    example="""\
system: erp
connector: sql
odbc: DRIVER={PostgreSQL Unicode};SERVER=erp-db.example.com;DATABASE=erp
username: hub
password: secret://erp/password
resources:
  Customer: {table: sales.customer, cursor: updated_at}
  OpenOrder:
    query: SELECT id, customer, total FROM sales.orders WHERE status = :status
    parameters: {status: open}
    key: id
""",
)
