"""The steps of checking a database."""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from connectors.sql.connection import Connection
from connectors.sql.settings import SqlResource, SqlSettings
from hub.contract import Context, Resource
from hub.doctor.endpoint import Endpoint
from hub.doctor.steps import Said, Step, clocks, failed, skipped, warned

PORTS = {"postgres": 5432, "maria": 3306, "mysql": 3306, "sql server": 1433, "oracle": 1521}
_KINDS = ("INSERT", "UPDATE", "DELETE")
# What only the database itself can say: its clock (UTC seconds), whether this connection is encrypted, and of a
# table whether this account may insert, update and delete.
_CLOCKS = {
    "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
    "mariadb": "SELECT UNIX_TIMESTAMP(NOW(6))", "mysql": "SELECT UNIX_TIMESTAMP(NOW(6))",
    "mssql": "SELECT DATEDIFF_BIG(second, '1970-01-01', SYSUTCDATETIME())",
}  # fmt: skip
_ENCRYPTED = {
    "postgresql": "SELECT COALESCE(version, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mariadb": "SHOW SESSION STATUS LIKE 'Ssl_version'", "mysql": "SHOW SESSION STATUS LIKE 'Ssl_version'",
    "mssql": "SELECT CASE encrypt_option WHEN 'TRUE' THEN 'TLS' ELSE '' END FROM sys.dm_exec_connections "
    "WHERE session_id = @@SPID",
}  # fmt: skip
_GRANTS = """SELECT DISTINCT privilege_type FROM (
SELECT privilege_type FROM information_schema.user_privileges UNION ALL
SELECT privilege_type FROM information_schema.schema_privileges WHERE table_schema = COALESCE(?, DATABASE()) UNION ALL
SELECT privilege_type FROM information_schema.table_privileges
WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?) granted"""
Describe = Callable[[str], Resource]


def steps(
    context: Context, settings: SqlSettings, connection: Connection, resources: Mapping[str, SqlResource],
    describe: Describe,
) -> list[Step]:  # fmt: skip
    """The driver, ``dns`` and ``tcp`` where the connection string names a server, the log-in, each resource."""
    made = _before(context, settings)
    made += [
        Step("authentication", partial(_login, settings, connection), (made[-1].name,)),
        Step("tls", partial(_encrypted, settings, connection), ("authentication",)),
        Step("clock", partial(_clock, context, connection), ("authentication",)),
    ]
    for name, declared in resources.items():
        made.append(Step(f"read {name}", partial(_read, connection, declared, describe, name), ("authentication",)))
        if declared.table is not None:
            made.append(Step(f"write {name}", partial(_write, context, settings, connection, declared.table),
                             (f"read {name}",)))  # fmt: skip
    return made


def _before(context: Context, settings: SqlSettings) -> list[Step]:
    if settings.sqlite is not None:
        return [Step("driver", lambda: "SQLite is part of Python")]
    made = [Step("driver", partial(_driver, settings))]
    host, port = server(settings.odbc or "")
    if not host:
        return made
    endpoint = Endpoint(host, port, timeout=15.0, now=context.now or time.time)
    reached = [one for one in endpoint.steps() if one.name in ("dns", "tcp")]
    return [*made, Step(reached[0].name, reached[0].attempt, ("driver",)), reached[1]]


def words(odbc: str) -> dict[str, str]:
    """The words of a connection string, names in lower case.

    >>> words("DRIVER={PostgreSQL Unicode};Server=db;PORT=1")
    {'driver': 'PostgreSQL Unicode', 'server': 'db', 'port': '1'}
    """
    found = re.findall(r"([^=;]+)=(\{(?:[^}]|\}\})*\}|[^;]*)", odbc)
    return {name.strip().lower(): value.strip().removeprefix("{").removesuffix("}") for name, value in found}


def server(odbc: str) -> tuple[str, int]:
    """Host and port that a connection string names; an empty host where it names none.

    >>> server("DRIVER={PostgreSQL Unicode};SERVER=db.example.com"), server("DRIVER={x SQL Server};SERVER=tcp:db,1500")
    (('db.example.com', 5432), ('db', 1500))
    >>> server("DSN=erp")
    ('', 0)
    """
    said = words(odbc)
    host = said.get("server") or said.get("servername") or said.get("host") or ""
    host, _, behind = host.removeprefix("tcp:").partition(",")
    driver = said.get("driver", "").lower()
    usual = next((port for name, port in PORTS.items() if name in driver), 0)
    port = behind or said.get("port", "") or str(usual)
    if not host or host.startswith("/") or "\\" in host or not port.isdigit() or port == "0":
        return "", 0
    return host, int(port)


def _driver(settings: SqlSettings) -> Said | str:
    try:
        pyodbc = importlib.import_module("pyodbc")
    except ImportError:
        return failed("sql.driver", "unixODBC is not installed on this host", "install unixodbc, and the driver")
    said, installed = words(settings.odbc or ""), list(pyodbc.drivers())
    driver, source = said.get("driver", ""), said.get("dsn", "")
    if driver and not driver.startswith("/") and driver.lower() not in [one.lower() for one in installed]:
        return failed(
            "sql.driver", f"the ODBC driver {driver} is not installed on this host",
            f"install it, or write one of these: {', '.join(installed) or 'there is none'}",
        )  # fmt: skip
    if driver.startswith("/") and not Path(driver).is_file():
        return failed("sql.driver", f"there is no driver at {driver}", "install it, or mend odbc: of the system")
    if source and source.lower() not in [one.lower() for one in pyodbc.dataSources()]:
        return failed(
            "sql.driver", f"the data source {source} is not known on this host",
            "write it into odbc.ini, or name driver and server in odbc: of the system",
        )  # fmt: skip
    return f"{driver or source} is installed"


def _login(settings: SqlSettings, connection: Connection) -> str:
    connection.open()
    who = f"{settings.username} is logged in, " if settings.username else ""
    return f"{who}{connection.dialect.name}"


def _encrypted(settings: SqlSettings, connection: Connection) -> Said | str:
    query = _ENCRYPTED.get(connection.dialect.name)
    if query is None:
        return skipped("a file is not reached over a network")
    rows = connection.rows(query)
    version = str(rows[0][-1] or "") if rows else ""
    if version:
        return f"{version}; the driver checks the certificate as odbc: says"
    host, _ = server(settings.odbc or "")
    if host in ("", "localhost", "127.0.0.1", "::1"):
        return skipped("not encrypted, and it does not leave this host")
    return warned(
        "sql.plain", "the connection is not encrypted: values can be read on the way",
        "let odbc: ask for it, such as SSLmode=verify-full (PostgreSQL) or SSLVERIFY=1 (MariaDB)",
    )  # fmt: skip


def _clock(context: Context, connection: Connection) -> Said:
    query = _CLOCKS.get(connection.dialect.name)
    if query is None:
        return skipped("the database's clock is this host's")
    theirs = float(connection.rows(query)[0][0])
    return clocks((context.now or time.time)(), theirs, "the database")


def _read(connection: Connection, declared: SqlResource, describe: Describe, name: str) -> str:
    """Whether this account may select is known only when it does: no row is asked for."""
    columns = describe(name).fields
    if declared.table is not None:
        schema, _, bare = declared.table.rpartition(".")
        connection.rows(f"SELECT * FROM {connection.dialect.table(schema or None, bare)} WHERE 1 = 0", (), name)
    return f"{len(columns)} columns"


def _write(context: Context, settings: SqlSettings, connection: Connection, name: str) -> Said | str:
    granted = _granted(context, settings, connection, name)
    lacking = [kind for kind in _KINDS if kind not in granted]
    if lacking:
        return warned(
            "rights.write", f"this account may not {', '.join(lacking)} in {name}",
            f"GRANT {', '.join(lacking)} ON {name} to it, where an exchange writes there",
        )  # fmt: skip
    return f"this account may {', '.join(_KINDS)}"


def _granted(context: Context, settings: SqlSettings, connection: Connection, name: str) -> set[str]:
    schema, _, bare = name.rpartition(".")
    dialect = connection.dialect
    if dialect.name == "postgresql":
        asked = ", ".join("has_table_privilege(CAST(? AS text), CAST(? AS text))" for _ in _KINDS)
        quoted = dialect.table(schema or None, bare)
        row = connection.rows(f"SELECT {asked}", [part for kind in _KINDS for part in (quoted, kind)])[0]
        return {kind for kind, may in zip(_KINDS, row, strict=True) if may}
    if dialect.name == "mssql":
        asked = ", ".join("HAS_PERMS_BY_NAME(?, 'OBJECT', ?)" for _ in _KINDS)
        row = connection.rows(f"SELECT {asked}", [part for kind in _KINDS for part in (name, kind)])[0]
        return {kind for kind, may in zip(_KINDS, row, strict=True) if may}
    if dialect.name in ("mariadb", "mysql"):
        return {row[0] for row in connection.rows(_GRANTS, [schema or None, schema or None, bare])}
    path = Path(context.folder) / str(settings.sqlite or words(settings.odbc or "").get("database", ""))
    return set(_KINDS) if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else set()
