"""Statements, types, settings and errors of each dialect, as text."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from connectors.sql import SPEC
from connectors.sql.connection import connection_string
from connectors.sql.dialects import (
    DIALECTS,
    MSSQL,
    POSTGRESQL,
    Table,
    column,
    insert,
    matching,
    update,
    upsert,
)
from connectors.sql.faults import told
from connectors.sql.settings import SqlSettings, bound
from hub.errors import AuthError, ConfigError, Fatal, RecordRejected, Retriable


def table(dialect: str) -> Table:
    names = [("no", "integer"), ('na"me]`', "varchar(20)")]
    columns = tuple(column(name, native, DIALECTS[dialect], False, False) for name, native in names)
    return Table(DIALECTS[dialect].table("hr", "person"), columns, ("no",))


UPSERTS = {
    "postgresql": 'INSERT INTO "hr"."person" ("no", "na""me]`") VALUES (?, ?), (?, ?) '
    'ON CONFLICT ("no") DO UPDATE SET "na""me]`" = EXCLUDED."na""me]`"',
    "sqlite": 'INSERT INTO "hr"."person" ("no", "na""me]`") VALUES (?, ?), (?, ?) '
    'ON CONFLICT ("no") DO UPDATE SET "na""me]`" = excluded."na""me]`"',
    "mariadb": 'INSERT INTO `hr`.`person` (`no`, `na"me]```) VALUES (?, ?), (?, ?) '
    'ON DUPLICATE KEY UPDATE `na"me]``` = VALUES(`na"me]```)',
    "mssql": 'MERGE INTO [hr].[person] WITH (HOLDLOCK) AS t '
    'USING (VALUES (?, ?), (?, ?)) AS s ([no], [na"me]]`]) '
    'ON t.[no] = s.[no] WHEN MATCHED THEN UPDATE SET t.[na"me]]`] = s.[na"me]]`] '
    'WHEN NOT MATCHED THEN INSERT ([no], [na"me]]`]) VALUES (s.[no], s.[na"me]]`]);',
}


@pytest.mark.parametrize("dialect", UPSERTS)
def test_an_upsert_quotes_names_and_holds_no_values(dialect: str) -> None:
    made = table(dialect)
    assert upsert(DIALECTS[dialect], made, made.columns, ("no",), 2) == UPSERTS[dialect]


def test_a_key_alone_upserts_itself() -> None:
    made = table("postgresql")
    text = upsert(POSTGRESQL, made, made.columns[:1], ("no",), 1)
    assert text.endswith('ON CONFLICT ("no") DO UPDATE SET "no" = EXCLUDED."no"')
    assert "WHEN MATCHED" not in upsert(MSSQL, table("mssql"), made.columns[:1], ("no",), 1)


def test_postgresql_is_told_the_type_of_parameters_inside_expressions() -> None:
    made = table("postgresql")
    assert matching(POSTGRESQL, made, ("no",), 2) == '"no" IN (CAST(? AS integer), CAST(? AS integer))'
    text = update(POSTGRESQL, made, made.columns, ("no",))
    assert text.endswith('SET "na""me]`" = ? WHERE "no" IN (CAST(? AS integer))')
    assert insert(POSTGRESQL, made, made.columns, 1).endswith("VALUES (?, ?)")


def test_a_composite_key_matches_pairs() -> None:
    text = matching(DIALECTS["mariadb"], table("mariadb"), ("no", 'na"me]`'), 2)
    assert text == '(`no` = ? AND `na"me]``` = ?) OR (`no` = ? AND `na"me]``` = ?)'


@pytest.mark.parametrize(
    ("dialect", "native", "kind"),
    [
        ("postgresql", "character varying(80)", "text"),
        ("postgresql", "numeric(30,2)", "decimal"),
        ("postgresql", "numeric", "decimal"),
        ("postgresql", "timestamp with time zone", "datetime"),
        ("postgresql", "time without time zone", "time"),
        ("postgresql", "interval", "text"),
        ("postgresql", "integer[]", "text"),
        ("postgresql", "bit(1)", "text"),
        ("postgresql", "uuid", "text"),
        ("postgresql", "double precision", "float"),
        ("postgresql", "bytea", "binary"),
        ("mariadb", "tinyint(1)", "boolean"),
        ("mariadb", "tinyint(4)", "integer"),
        ("mariadb", "bit(1)", "boolean"),
        ("mariadb", "bigint(20) unsigned", "integer"),
        ("mariadb", "longtext", "text"),
        ("mariadb", "enum('a','b')", "text"),
        ("mariadb", "mediumblob", "binary"),
        ("sqlite", "", "text"),
        ("sqlite", "DECIMAL(10,2)", "decimal"),
        ("mssql", "datetimeoffset", "datetime"),
        ("mssql", "uniqueidentifier", "text"),
        ("mssql", "bit", "boolean"),
        ("mssql", "nvarchar(10,0)", "text"),
    ],
)
def test_native_types_become_ours(dialect: str, native: str, kind: str) -> None:
    assert column("x", native, DIALECTS[dialect], False, False).type == kind


def test_parameters_of_a_query_are_bound_and_nothing_else_is() -> None:
    query = "SELECT a::text, ':x', \"b:y\" FROM t -- :z\n WHERE p = :plant AND q = :plant;"
    text, values = bound(query, {"plant": "1000"})
    assert text.endswith("WHERE p = ? AND q = ?")
    assert values == ["1000", "1000"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"query": "DELETE FROM t", "key": "id"}, "starts with SELECT"),
    ({"query": "SELECT 1; DROP TABLE t", "key": "id"}, "one statement"),
    ({"query": "SELECT :x", "key": "id"}, "lacks x"),
    ({"query": "SELECT 1 id"}, "needs key"),
    ({"query": "SELECT 1", "table": "t", "key": "id"}, "either table: or query:"),
    ({}, "either table: or query:"),
]


@pytest.mark.parametrize(("declared", "message"), REFUSED)
def test_a_resource_that_cannot_be_is_refused(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SPEC.resource.model_validate(declared)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"odbc": "DRIVER={X};PWD=abc"}, "do not belong in odbc"),
        ({"odbc": "UID=hub;DSN=x"}, "do not belong in odbc"),
        ({"odbc": "DSN=x", "sqlite": "x"}, "either odbc: or sqlite:"),
        ({"sqlite": "x", "zone": "Nowhere/City"}, "no time zone"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SPEC.settings.model_validate(given)


def test_a_password_cannot_leave_its_place_in_the_connection_string() -> None:
    settings = SqlSettings.model_validate(
        {"odbc": "DRIVER={PostgreSQL Unicode};Fetch=7", "username": "hub", "password": "a}b;SERVER=evil"}
    )
    assert connection_string(settings) == (
        "DRIVER={PostgreSQL Unicode};Fetch=7;BoolsAsChar=0;UseDeclareFetch=1;UID=hub;PWD={a}}b;SERVER=evil}"
    )
    assert "evil" not in repr(settings)


def test_a_user_that_would_break_the_connection_string_is_refused() -> None:
    settings = SqlSettings.model_validate({"odbc": "DSN=x", "username": "hub;SERVER=evil"})
    with pytest.raises(ConfigError, match="cannot be written"):
        connection_string(settings)


def odbc(state: str, text: str, native: str) -> Exception:
    """An error as pyodbc raises it."""
    return Exception(state, f"[{state}] [driver]{text} {native} (SQLExecDirectW)")


ERRORS: list[tuple[Exception, type[Exception], str]] = [
    (odbc("28000", "Access denied for user 'hub' (using password: YES)", "(1045)"), AuthError, "sql.login"),
    (odbc("08001", 'FATAL:  password authentication failed for user "hub"', "(101)"), AuthError, "sql.login"),
    (odbc("08001", 'connection failed: Connection refused', "(101)"), Retriable, "sql.connection"),
    (odbc("HY000", "Can't connect to server on 'h'", "(115) (2002)"), Retriable, "sql.connection"),
    (odbc("08S01", "[FreeTDS][SQL Server]Unable to connect", "(20009)"), Retriable, "sql.connection"),
    (odbc("57P01", "FATAL: terminating connection", "(35)"), Retriable, "sql.connection"),
    (odbc("57014", "ERROR: canceling statement due to statement timeout", "(1)"), Retriable, "sql.timeout"),
    (odbc("HY018", "interrupted (max_statement_time exceeded)", "(1969)"), Retriable, "sql.timeout"),
    (odbc("40P01", "ERROR: deadlock detected", "(1)"), Retriable, "sql.busy"),
    (odbc("42P01", 'ERROR: relation "nope" does not exist', "(1)"), ConfigError, "sql.table"),
    (odbc("42S02", "Table 'hub.nope' doesn't exist", "(1146)"), ConfigError, "sql.table"),
    (odbc("42000", "Unknown database 'nope'", "(1049)"), ConfigError, "sql.database"),
    (odbc("42000", "SELECT command denied to user 'a'@'b' for table `t`", "(1142)"), AuthError, "sql.denied"),
    (odbc("42000", "You have an error in your SQL syntax", "(1064)"), ConfigError, "sql.statement"),
    (odbc("IM002", "[unixODBC][Driver Manager]Data source name not found", "(0)"), ConfigError, "sql.driver"),
    (odbc("01000", "[unixODBC]Can't open lib 'nope' : file not found", "(0)"), ConfigError, "sql.driver"),
    (odbc("25006", "cannot execute nextval() in a read-only one", "(1)"), ConfigError, "sql.readonly"),
    (odbc("HY000", "[SQLite]UNIQUE constraint failed: t.id", "(19) (19)"), RecordRejected, "sql.constraint"),
    (odbc("22001", "Data too long for column 'name' at row 1", "(1406)"), RecordRejected, "sql.value"),
    (sqlite3.OperationalError("database is locked"), Retriable, "sql.busy"),
    (sqlite3.OperationalError("no such table: nope"), ConfigError, "sql.table"),
    (sqlite3.IntegrityError("NOT NULL constraint failed: t.name"), RecordRejected, "sql.constraint"),
    (OverflowError("Python int too large to convert to SQLite INTEGER"), RecordRejected, "sql.value"),
    (odbc("XX000", "ERROR: something new", "(1)"), Fatal, "sql.failed"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind", "code"), ERRORS, ids=lambda value: str(value)[:60])
def test_errors_are_told_apart(error: Exception, kind: type[Exception], code: str) -> None:
    found = told(error, "erp.person", [])
    assert (type(found), found.code, found.where) == (kind, code, "erp.person")
    assert found.hint


@pytest.mark.parametrize(
    "message",
    [
        '[22P02] ERROR: invalid input syntax for type integer: "geheim";\nError while executing (1)',
        "[23000] [ma-3.1.15]Duplicate entry 'geheim' for key 'PRIMARY' (1062) (SQLExecDirectW)",
        "[22007] Incorrect datetime value: 'geheim' for column `hub`.`t`.`at` at row 1 (1292)",
        '[23505] ERROR: duplicate key value violates "t_pkey"\nDETAIL: Key (id)=(geheim) exists.; (1)',
        "[28P01] FATAL: password geheim authentication failed (1)",
    ],
)
def test_no_value_and_no_secret_is_in_the_message(message: str) -> None:
    assert "geheim" not in str(told(Exception(message[1:6], message), "erp", ["geheim"]))
    if "password" not in message:
        assert "geheim" not in str(told(Exception(message[1:6], message), "erp", []))


def test_the_example_of_the_connector_is_sound() -> None:
    declared = yaml.safe_load(SPEC.example)
    settings = {key: declared[key] for key in declared if key not in ("system", "connector", "resources")}
    SPEC.settings.model_validate(settings)
    for resource in declared["resources"].values():
        SPEC.resource.model_validate(resource)
