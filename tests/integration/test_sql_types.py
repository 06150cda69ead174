"""What each database does in its own way: types, times, unique columns, time-outs, log-ins."""

from __future__ import annotations

import importlib
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from connectors.sql import SPEC, reading
from connectors.sql.connection import Connection
from connectors.sql.database import Sql
from hub.contract import Change, Context, Query
from hub.errors import AuthError, ConfigError, Retriable
from tests.faults.matrix import row
from tests.integration.test_sql_databases import settings

PG = "PostgreSQL Unicode"
MARIA = "MariaDB Unicode"


def run(odbc: str, *statements: str) -> None:
    pyodbc = importlib.import_module("pyodbc")
    with closing(pyodbc.connect(odbc, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement)


def opened(given: dict[str, Any], declared: dict[str, Any] | None = None) -> Sql:
    resource = SPEC.resource.model_validate(declared or {"table": "t"})
    made = SPEC.open(Context("erp"), SPEC.settings.model_validate(given), {"R": resource})
    assert isinstance(made, Sql)
    return made


def read(made: Sql, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for page in made.read(Query(made.resource("R"), **query)):
        assert isinstance(page.records, pa.RecordBatch)
        rows += page.records.to_pylist()
    return rows


def deliver(made: Sql, *changes: Change) -> list[tuple[str, str]]:
    return [(each.status, each.code) for each in made.deliver(made.resource("R"), changes)]


@pytest.mark.against("sql", "PostgreSQL", "real")
def test_postgresql_values_come_typed_and_exact(postgres_url: str, postgres_odbc: str) -> None:
    run(
        postgres_odbc,
        """CREATE TABLE t (id int PRIMARY KEY, n numeric(12,2), long numeric(30,2), free numeric, yes boolean,
        at timestamptz, local timestamp, day date, u uuid, j jsonb, b bytea, list int[], long_text text)""",
        """INSERT INTO t VALUES (1, 1.10, 12345678901234567890.12, 1e3, true, '2026-01-01 08:00+08',
        '2026-01-01 08:00:00.5', '2026-01-01', '6216A9FB-96E5-43A6-91A4-3324926ECB21', '{"a": 1}', '\\x0102',
        '{1,2}', repeat('中😀', 50000))""",
        "INSERT INTO t (id) VALUES (2)",
    )
    first, second = read(opened(settings(PG, postgres_url) | {"zone": "Asia/Shanghai"}))
    assert first.pop("long_text") == "中😀" * 50000
    assert first == {
        "id": 1,
        "n": Decimal("1.10"),
        "long": "12345678901234567890.12",
        "free": "1000",
        "yes": True,
        "at": "2026-01-01T00:00:00Z",
        "local": "2026-01-01T08:00:00.500000+08:00",
        "day": date(2026, 1, 1),
        "u": "6216a9fb-96e5-43a6-91a4-3324926ecb21",
        "j": '{"a": 1}',
        "b": "AQI=",
        "list": "{1,2}",
    }
    assert set(second.values()) == {2, None}


@pytest.mark.against("sql", "MariaDB", "real")
def test_mariadb_values_come_typed_and_exact(mariadb_url: str, mariadb_odbc: str) -> None:
    run(
        mariadb_odbc,
        """CREATE TABLE t (id bigint unsigned PRIMARY KEY, n decimal(12,2), long_n decimal(30,2), yes boolean,
        flag bit(1), at timestamp(6) NULL, local datetime, day date, j json, b blob, e enum('a','b'))""",
        """INSERT INTO t VALUES (18446744073709551615, 1.10, 12345678901234567890.12, 2, b'1',
        '2026-01-01 00:00:00', '2026-01-01 08:00', '2026-01-01', '{"a": 1}', x'0102', 'b')""",
    )
    assert read(opened(settings(MARIA, mariadb_url) | {"zone": "Asia/Shanghai"}))[0] == {
        "id": 18446744073709551615,
        "n": Decimal("1.10"),
        "long_n": "12345678901234567890.12",
        "yes": True,
        "flag": True,
        "at": "2026-01-01T00:00:00Z",
        "local": "2026-01-01T08:00:00+08:00",
        "day": date(2026, 1, 1),
        "j": '{"a": 1}',
        "b": "AQI=",
        "e": "b",
    }


@pytest.mark.parametrize("driver", [PG, MARIA])
def test_times_since_and_written_are_the_same_moment(driver: str, request: pytest.FixtureRequest) -> None:
    name = "postgres" if driver == PG else "mariadb"
    url, odbc = request.getfixturevalue(f"{name}_url"), request.getfixturevalue(f"{name}_odbc")
    kind = "timestamptz" if driver == PG else "timestamp(6) NULL"
    run(odbc, f"CREATE TABLE t (id int PRIMARY KEY, at {kind})")
    made = opened(settings(driver, url), {"table": "t", "cursor": "at"})
    assert deliver(made, Change("create", {"id": 1}, {"at": "2026-01-01T10:00:00+02:00"})) == [("done", "")]
    assert read(made, since="2026-01-01T16:00:00+08:00") == [{"id": 1, "at": "2026-01-01T08:00:00Z"}]
    assert read(made, since="2026-01-01T08:00:00.000001Z") == []


@pytest.mark.parametrize("driver", [PG, MARIA])
def test_a_row_that_shares_another_unique_value_is_not_overwritten(
    driver: str, request: pytest.FixtureRequest
) -> None:
    name = "postgres" if driver == PG else "mariadb"
    url, odbc = request.getfixturevalue(f"{name}_url"), request.getfixturevalue(f"{name}_odbc")
    run(odbc, "CREATE TABLE t (id int PRIMARY KEY, mail varchar(20) UNIQUE, name varchar(5) NOT NULL)")
    made = opened(settings(driver, url))
    values = {"mail": "a@x", "name": "n"}
    assert deliver(
        made,
        Change("create", {"id": 1}, values),
        Change("create", {"id": 2}, values),
        Change("create", {"id": 3}, {"mail": "b@x", "name": "longer"}),
        Change("create", {"id": 4}, {"mail": "c@x"}),
        Change("update", {"id": 1}, {"mail": "d@x"}),
    ) == [
        ("done", ""),
        ("rejected", "sql.constraint"),
        ("rejected", "sql.value"),
        ("rejected", "sql.constraint"),
        ("done", ""),
    ]
    assert read(made) == [{"id": 1, "mail": "d@x", "name": "n"}]


@pytest.mark.against("sql", "MariaDB", "real")
def test_keys_of_mariadb_that_differ_in_case_only_are_one(mariadb_url: str, mariadb_odbc: str) -> None:
    run(mariadb_odbc, "CREATE TABLE t (code varchar(9) PRIMARY KEY, name varchar(9))")
    made = opened(settings(MARIA, mariadb_url))
    for code in ("abc", "ABC"):
        assert deliver(made, Change("create", {"code": code}, {"name": code})) == [("done", "")]
    found = made.find(made.resource("R"), [{"code": "Abc"}])[0]
    assert found is not None
    assert found.values["name"] == "ABC"


def test_a_statement_of_postgresql_has_a_deadline(postgres_url: str) -> None:
    slow = {"query": "SELECT 1 AS id, pg_sleep(5)", "key": "id"}
    with pytest.raises(Retriable) as late:
        read(opened(settings(PG, postgres_url) | {"timeout": "200ms"}, slow))
    assert late.value.code == "sql.timeout"


@pytest.mark.against("sql", "MariaDB", "real")
def test_a_read_of_mariadb_has_a_deadline(mariadb_url: str) -> None:
    slow = {"query": "SELECT seq AS id, sleep(0.2) AS s FROM seq_1_to_30", "key": "id"}
    with pytest.raises(Retriable) as late:
        read(opened(settings(MARIA, mariadb_url) | {"deadline": "500ms"}, slow))
    assert late.value.code == "sql.timeout"


@pytest.mark.against("sql", "PostgreSQL", "real")
def test_a_query_cannot_write(postgres_url: str, postgres_odbc: str) -> None:
    run(postgres_odbc, "CREATE SEQUENCE s", "CREATE TABLE t (id int PRIMARY KEY)")
    hidden = "WITH x AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM x"
    for text in ("SELECT nextval('s') AS id", hidden):
        with pytest.raises(ConfigError):
            read(opened(settings(PG, postgres_url), {"query": text, "key": "id"}))
    assert read(opened(settings(PG, postgres_url))) == []


@pytest.mark.against("sql", "PostgreSQL", "real")
@row(10, "a database reads one moment")
def test_a_read_sees_one_moment(postgres_url: str, postgres_odbc: str) -> None:
    fill = "INSERT INTO t SELECT generate_series(1, 20000)"
    run(postgres_odbc, "CREATE TABLE t (id int PRIMARY KEY)", fill)
    made = opened(settings(PG, postgres_url) | {"fetch": 1000})
    reading = made.read(Query(made.resource("R")))
    number = next(reading).count
    run(postgres_odbc, "DELETE FROM t")
    assert number + sum(page.count for page in reading) == 20000


@pytest.mark.against("sql", "PostgreSQL", "real")
@pytest.mark.parametrize("password", ["p;w{d}}x", "a+b%41=\\' \"", "中文;"])
def test_any_password_logs_in(postgres_url: str, postgres_odbc: str, password: str) -> None:
    quoted = password.replace("'", "''")
    role = f"kit_{abs(hash(password)) % 10**9}"
    run(postgres_odbc, f"CREATE ROLE {role} LOGIN PASSWORD '{quoted}'")
    try:
        given = settings(PG, postgres_url) | {"username": role, "password": password}
        assert all(probe.ok for probe in opened(given, {"query": "SELECT 1 AS id", "key": "id"}).check())
        with pytest.raises(AuthError):
            opened(given | {"password": password + "x"}).resource("R")
    finally:
        run(postgres_odbc, f"DROP ROLE {role}")


@pytest.mark.parametrize("driver", [PG, MARIA])
def test_nobody_at_the_address_may_be_there_later(driver: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_url" if driver == PG else "mariadb_url")
    with pytest.raises(Retriable) as refused:
        opened(settings(driver, url, 1)).resource("R")
    assert refused.value.code == "sql.connection"


def test_a_driver_that_is_not_installed_is_named(postgres_url: str) -> None:
    with pytest.raises(ConfigError, match="No Such Driver") as refused:
        opened(settings("No Such Driver", postgres_url)).resource("R")
    assert refused.value.code == "sql.driver"


@pytest.mark.parametrize("driver", [PG, MARIA])
def test_names_may_hold_anything(driver: str, request: pytest.FixtureRequest) -> None:
    name = "postgres" if driver == PG else "mariadb"
    url, odbc = request.getfixturevalue(f"{name}_url"), request.getfixturevalue(f"{name}_odbc")
    quote = '"' if driver == PG else "`"
    ddl = "CREATE TABLE @客 户?@ (@编 号@ int PRIMARY KEY, @名称'x@ varchar(9), @order@ int)"
    run(odbc, ddl.replace("@", quote))
    made = opened(settings(driver, url), {"table": "客 户?"})
    change = Change("create", {"编 号": 1}, {"名称'x": "张", "order": 2})
    assert deliver(made, change, Change("update", {"编 号": 1}, {"order": 3})) == [("done", "")] * 2
    assert read(made) == [{"编 号": 1, "名称'x": "张", "order": 3}]


@row(8, "a database as source")
def test_a_read_whose_connection_dies_has_no_last_page(postgres_url: str, postgres_odbc: str) -> None:
    fill = "INSERT INTO t SELECT generate_series(1, 90000)"
    run(postgres_odbc, "CREATE TABLE t (id int PRIMARY KEY)", fill)
    made = opened(settings(PG, postgres_url) | {"fetch": 1000})
    reading = made.read(Query(made.resource("R")))
    pages = [next(reading)]
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    run(postgres_odbc, kill + " AND datname = current_database()")
    with pytest.raises(Retriable) as cut:
        pages.extend(reading)
    assert cut.value.code == "sql.connection"
    assert not any(page.last for page in pages)
    assert len(read(made)) == 90000  # by a new connection


def test_postgresql_reads_the_same_by_columns_and_by_rows(
    postgres_url: str, postgres_odbc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        postgres_odbc,
        """CREATE TABLE t (id bigint PRIMARY KEY, small smallint, name varchar(80), fixed char(6), free text,
        n numeric(15,4), yes boolean, at timestamptz, local timestamp, day date)""",
        """INSERT INTO t VALUES
        (-9223372036854775808, -32768, '张伟 😀', 'ab', '', -12345678901.2345, true,
         '2026-01-01 08:00:00.123456+08', '0001-01-01 00:00:00', '0001-01-01'),
        (9223372036854775807, 32767, ' x ', '', repeat('中', 2000), 0, false,
         '9999-12-31 23:59:59.999999Z', '2026-03-29 02:30:00.5', '9999-12-31'),
        (0, 0, E'a\\tb\\n"', null, 'x', 0.0001, null, '1969-12-31 23:59:59.000001Z', '1900-02-28',
         '1969-12-31'), (1, null, null, null, null, null, null, null, null, null)""",
        "INSERT INTO t (id, name) SELECT i, 'n' || i FROM generate_series(10, 12009) AS s(i)",
    )
    given = settings(PG, postgres_url)
    by_columns = read(opened(given))
    with monkeypatch.context() as rows_only:
        rows_only.setattr(reading, "fits", lambda *_: False)
        by_rows = read(opened(given))
    assert by_columns == by_rows
    assert len(by_rows) == 12004
    with monkeypatch.context() as no_rows:
        no_rows.setattr(Connection, "fetch", None)
        assert read(opened(given)) == by_rows
        part = read(opened(given), where=(("id", ">=", "10"), ("id", "<", "6000")))
        assert part == [row for row in by_rows if 10 <= row["id"] < 6000]
    run(postgres_odbc, "UPDATE t SET free = repeat('中', 3000) WHERE id = 0")
    assert next(row["free"] for row in read(opened(given)) if row["id"] == 0) == "中" * 3000
