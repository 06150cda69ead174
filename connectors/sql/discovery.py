"""What a database holds, by its catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from connectors.sql.connection import Connection
from connectors.sql.settings import SqlResource
from hub.contract import Field, Resource
from hub.doctor.discovery import MOST, Discovered, cursor_among, key_among, told_apart
from hub.errors import ConfigError

_TABLES = {
    "postgresql": "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN "
    "('pg_catalog', 'information_schema') AND table_schema NOT LIKE 'pg_toast%' ORDER BY 1, 2",
    "sqlite": "SELECT '', name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' "
    "ORDER BY 2",
    "mssql": "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2",
}  # fmt: skip
_OWN = "SELECT '', table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 2"
_HERE = {"postgresql": "SELECT current_schema()", "mssql": "SELECT SCHEMA_NAME()"}


def discovered(
    connection: Connection, names: Sequence[str], describe: Callable[[SqlResource, str], Resource]
) -> list[Discovered]:
    """The tables and views that this account sees, or those that are named (with schema)."""
    dialect = connection.dialect.name
    here = connection.rows(_HERE[dialect])[0][0] if dialect in _HERE else ""
    rows = connection.rows(_TABLES.get(dialect, _OWN))
    tables = [name if schema in ("", here) else f"{schema}.{name}" for schema, name in rows]
    if unknown := [name for name in names if name not in tables]:
        raise ConfigError(
            "sql.table", f"the database has no table or view {unknown[0]} that this account sees",
            hint=f"it has {', '.join(tables[:20]) or 'none'}",
        )  # fmt: skip
    return told_apart(_one(table, describe) for table in names or tables[:MOST])


def _one(table: str, describe: Callable[[SqlResource, str], Resource]) -> Discovered:
    found = describe(SqlResource.model_validate({"table": table}), table)
    options: dict[str, Any] = {"table": table}
    reasons: dict[str, str] = {}
    lacking = []
    if found.key:
        options["key"], reasons["key"] = list(found.key), "the primary key"
    elif proposed := key_among(found.fields):
        options["key"], reasons["key"] = [proposed[0]], f"there is no primary key; {proposed[1]}"
    else:
        lacking.append("there is no primary key: write key:")
    if changed := cursor_among(found.fields):
        options["cursor"], reasons["cursor"] = changed
    else:
        lacking.append("no column looks like the time of a change: it is read in full every time")
    options["fields"] = _declared(found.fields)
    name = table.replace(".", "_")
    made = replace(found, name=name, key=tuple(options.get("key", ())), cursor=options.get("cursor"))
    return Discovered(made, options, reasons, tuple(lacking))


def _declared(fields: Sequence[Field]) -> dict[str, str]:
    """The columns, so that cophub check knows them without the database."""
    return {one.name: one.type for one in fields}
