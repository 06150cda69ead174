"""What differs between databases, one table each: quoting, catalogue, session, snapshot, upsert, limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hub.contract import FieldType


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of database.

    ``session`` and ``snapshot`` are statements run after connecting and at the start of a read;
    ``{ms}`` and ``{s}`` are the statement timeout. ``catalogue`` lists the columns of a table as
    (name, type, required, generated, place in the primary key) for the parameters it ``asks``.
    ``upsert`` is the text between the VALUES of an insert and the assignments, ``incoming`` how
    an assignment names the new value. ``columnar``: whole reads may go by columns. ``options``
    are added to a connection string that lacks them.
    """

    name: str
    quotes: tuple[str, str]
    session: tuple[str, ...]
    snapshot: tuple[str, ...]
    reading: tuple[str, ...]
    catalogue: str
    upsert: str
    incoming: str
    parameters: int
    asks: tuple[str, ...] = ("schema", "table")
    casts: bool = False
    ignores_case: bool = False
    merges: bool = False
    columnar: bool = False
    locks: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def quote(self, name: str) -> str:
        """A name as the statement may hold it, whatever it holds."""
        left, right = self.quotes
        return left + name.replace(right, right * 2) + right

    def table(self, schema: str | None, name: str) -> str:
        return ".".join(self.quote(part) for part in (schema, name) if part)


_STANDARD_CATALOGUE = """
SELECT c.column_name, {type}, CASE WHEN c.is_nullable = 'NO' AND c.column_default IS NULL AND {plain}
  THEN 1 ELSE 0 END, CASE WHEN {generated} THEN 1 ELSE 0 END, COALESCE(k.ordinal_position, 0)
FROM information_schema.columns c
LEFT JOIN (SELECT u.table_schema, u.table_name, u.column_name, u.ordinal_position
  FROM information_schema.key_column_usage u JOIN information_schema.table_constraints t
  ON t.constraint_name = u.constraint_name AND t.table_schema = u.table_schema
  AND t.table_name = u.table_name WHERE t.constraint_type = 'PRIMARY KEY') k
ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name
WHERE c.table_schema = COALESCE(?, {schema}) AND c.table_name = ? ORDER BY c.ordinal_position"""

POSTGRESQL = Dialect(
    name="postgresql",
    quotes=('"', '"'),
    session=("SET statement_timeout = {ms}", "SET lock_timeout = {ms}", "SET TIME ZONE 'UTC'"),
    snapshot=("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",),
    reading=(),
    catalogue="""
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' THEN 1 ELSE 0 END,
  CASE WHEN a.attgenerated <> '' OR a.attidentity = 'a' THEN 1 ELSE 0 END,
  COALESCE(array_position(i.indkey::int2[], a.attnum), -1) + 1
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE (n.nspname = CAST(? AS text) OR (CAST(? AS text) IS NULL AND pg_table_is_visible(c.oid)))
  AND c.relname = CAST(? AS text) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""",
    upsert=" ON CONFLICT ({key}) DO UPDATE SET ",
    incoming="EXCLUDED.{name}",
    parameters=32_000,
    asks=("schema", "schema", "table"),
    casts=True,
    columnar=True,
    locks=" FOR UPDATE",
    # BoolsAsChar: booleans are '1' and '0' otherwise. UseDeclareFetch: the whole result in memory otherwise.
    options=(("BoolsAsChar", "0"), ("UseDeclareFetch", "1"), ("Fetch", "5000")),
)

MARIADB = Dialect(
    name="mariadb",
    quotes=("`", "`"),
    session=(
        "SET SESSION max_statement_time = {s}",
        "SET SESSION innodb_lock_wait_timeout = {whole}",
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION')",
    ),
    snapshot=(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    # The server counts the whole sending of a streamed result as one statement.
    reading=("SET SESSION max_statement_time = {deadline}", "SET SESSION net_write_timeout = 600"),
    catalogue=_STANDARD_CATALOGUE.format(
        type="c.column_type",
        plain="c.extra NOT LIKE '%auto_increment%'",
        generated="c.extra LIKE '%GENERATED%'",
        schema="DATABASE()",
    ),
    upsert=" ON DUPLICATE KEY UPDATE ",
    incoming="VALUES({name})",
    parameters=60_000,
    ignores_case=True,
    locks=" FOR UPDATE",
    # NO_CACHE with FORWARDONLY streams a result instead of holding it in memory.
    options=(("CHARSET", "utf8mb4"), ("NO_CACHE", "1"), ("FORWARDONLY", "1")),
)

MYSQL = Dialect(
    name="mysql",
    quotes=MARIADB.quotes,
    session=("SET SESSION max_execution_time = {ms}", *MARIADB.session[1:]),
    snapshot=MARIADB.snapshot,
    reading=("SET SESSION max_execution_time = 0", "SET SESSION net_write_timeout = 600"),
    catalogue=MARIADB.catalogue,
    upsert=MARIADB.upsert,
    incoming=MARIADB.incoming,
    parameters=MARIADB.parameters,
    ignores_case=True,
    locks=" FOR UPDATE",
    options=MARIADB.options,
)

SQLITE = Dialect(
    name="sqlite",
    quotes=('"', '"'),
    session=("PRAGMA busy_timeout = {ms}", "PRAGMA foreign_keys = ON"),
    snapshot=(),
    reading=(),
    catalogue="""
SELECT name, type, CASE WHEN "notnull" AND dflt_value IS NULL AND NOT (pk = 1 AND upper(type) = 'INTEGER')
  THEN 1 ELSE 0 END, CASE WHEN hidden IN (2, 3) THEN 1 ELSE 0 END, pk
FROM pragma_table_xinfo(?, COALESCE(?, 'main')) WHERE hidden <> 1""",
    upsert=" ON CONFLICT ({key}) DO UPDATE SET ",
    incoming="excluded.{name}",
    parameters=900,
    asks=("table", "schema"),
)

# Only its statements are tested, as text: no SQL Server can be had where the tests run.
MSSQL = Dialect(
    name="mssql",
    quotes=("[", "]"),
    session=("SET LOCK_TIMEOUT {ms}", "SET XACT_ABORT ON"),
    snapshot=("SET TRANSACTION ISOLATION LEVEL SNAPSHOT",),
    reading=(),
    catalogue=_STANDARD_CATALOGUE.format(
        type="c.data_type + COALESCE('(' + CAST(c.numeric_precision AS varchar) + ',' + "
        "CAST(c.numeric_scale AS varchar) + ')', '')",
        plain="COLUMNPROPERTY(OBJECT_ID(QUOTENAME(c.table_schema) + '.' + QUOTENAME(c.table_name)), "
        "c.column_name, 'IsIdentity') = 0",
        generated="COLUMNPROPERTY(OBJECT_ID(QUOTENAME(c.table_schema) + '.' + QUOTENAME(c.table_name)), "
        "c.column_name, 'IsComputed') = 1",
        schema="SCHEMA_NAME()",
    ),
    upsert="",
    incoming="s.{name}",
    parameters=2_000,
    ignores_case=True,
    merges=True,
)

DIALECTS = {each.name: each for each in (POSTGRESQL, MARIADB, MYSQL, SQLITE, MSSQL)}
_PRODUCTS = (
    ("postgresql", POSTGRESQL), ("mariadb", MARIADB), ("mysql", MYSQL), ("sqlite", SQLITE),
    ("microsoft sql server", MSSQL),
)  # fmt: skip


def of_product(product: str) -> Dialect | None:
    """The dialect of what ``SQLGetInfo(SQL_DBMS_NAME)`` answers."""
    return next((dialect for name, dialect in _PRODUCTS if name in product.lower()), None)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type in the database's own words and in ours. ``zoned`` times carry a zone (the
    session's is UTC); ``precision`` counts the digits of decimals, 0 where there is no limit."""

    name: str
    native: str
    type: FieldType
    zoned: bool = False
    required: bool = False
    generated: bool = False
    precision: int = 0
    scale: int = 0
    unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view with its columns; ``key`` are the columns of its primary key."""

    text: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


_TYPES: tuple[tuple[str, FieldType], ...] = (
    (r"tinyint\(1\)|bool|bit\b(\(1\))?(?! varying)", "boolean"),
    (r"interval", "text"),
    (r".*int|.*serial|year\b", "integer"),
    (r"numeric|decimal|number|smallmoney|money", "decimal"),
    (r"double|float|real", "float"),
    (r"timestamp|datetime|smalldatetime", "datetime"),
    (r"date", "date"),
    (r"time", "time"),
    (r"bytea|.*blob|.*binary|image", "binary"),
    (r"jsonb?", "json"),
)


def column(name: str, native: str, dialect: Dialect, required: bool, generated: bool) -> Column:
    """Our type of a native one.

    >>> column("n", "numeric(30,2)", POSTGRESQL, False, False).type
    'decimal'
    """
    lower = native.lower()
    found: list[FieldType] = [kind for pattern, kind in _TYPES if re.match(pattern, lower)]
    kind: FieldType = found[0] if found else "text"
    if dialect is POSTGRESQL and (lower.startswith("bit") or lower.endswith("[]")):
        kind = "text"
    zoned = "with time zone" in lower or lower.startswith("datetimeoffset")
    zoned = zoned or (lower.startswith("timestamp") and dialect in (MARIADB, MYSQL))
    digits = re.search(r"\((\d+)(?:,\s*(-?\d+))?\)", lower)
    precision = int(digits.group(1)) if digits and kind == "decimal" else 0
    scale = int(digits.group(2) or 0) if digits and kind == "decimal" else 0
    return Column(name, native, kind, zoned, required, generated, precision, scale, "unsigned" in lower)


def placeholder(dialect: Dialect, of: Column) -> str:
    """A parameter for a value of this column; PostgreSQL does not guess types inside expressions."""
    return f"CAST(? AS {of.native})" if dialect.casts else "?"


def insert(dialect: Dialect, table: Table, columns: Sequence[Column], rows: int) -> str:
    """One INSERT of that many rows."""
    names = ", ".join(dialect.quote(each.name) for each in columns)
    row = "(" + ", ".join(["?"] * len(columns)) + ")"
    return f"INSERT INTO {table.text} ({names}) VALUES {', '.join([row] * rows)}"


def upsert(dialect: Dialect, table: Table, columns: Sequence[Column], key: Sequence[str], rows: int) -> str:
    """One statement that inserts rows or, where their key is there, updates them."""
    if dialect.merges:
        return _merge(dialect, table, columns, key, rows)
    keys = ", ".join(dialect.quote(name) for name in key)
    others = [each.name for each in columns if each.name not in key] or list(key[:1])
    assigned = ", ".join(
        f"{dialect.quote(name)} = {dialect.incoming.format(name=dialect.quote(name))}" for name in others
    )
    return insert(dialect, table, columns, rows) + dialect.upsert.format(key=keys) + assigned


def _merge(dialect: Dialect, table: Table, columns: Sequence[Column], key: Sequence[str], rows: int) -> str:
    quoted = [dialect.quote(each.name) for each in columns]
    row = "(" + ", ".join(["?"] * len(columns)) + ")"
    same = " AND ".join(f"t.{dialect.quote(name)} = s.{dialect.quote(name)}" for name in key)
    others = [dialect.quote(each.name) for each in columns if each.name not in key]
    matched = f" WHEN MATCHED THEN UPDATE SET {', '.join(f't.{o} = s.{o}' for o in others)}" if others else ""
    return (
        f"MERGE INTO {table.text} WITH (HOLDLOCK) AS t USING (VALUES {', '.join([row] * rows)}) "
        f"AS s ({', '.join(quoted)}) ON {same}{matched} WHEN NOT MATCHED THEN INSERT ({', '.join(quoted)}) "
        f"VALUES ({', '.join('s.' + name for name in quoted)});"
    )


def update(
    dialect: Dialect, table: Table, columns: Sequence[Column], key: Sequence[str], *, moves: bool = False
) -> str:
    """UPDATE of one row: values of the other columns first, then those of the key; where it ``moves`` to
    another key, values of all columns, then those of the key it has."""
    assigned = ", ".join(
        f"{dialect.quote(each.name)} = ?" for each in columns if moves or each.name not in key
    )
    return f"UPDATE {table.text} SET {assigned} WHERE {matching(dialect, table, key, 1)}"


def matching(dialect: Dialect, table: Table, key: Sequence[str], rows: int) -> str:
    """The condition that a row is one of that many keys."""
    held = [table.column(name) for name in key]
    marks = [placeholder(dialect, each) if each else "?" for each in held]
    if len(key) == 1:
        return f"{dialect.quote(key[0])} IN ({', '.join(marks * rows)})"
    one = " AND ".join(f"{dialect.quote(name)} = {mark}" for name, mark in zip(key, marks, strict=True))
    return " OR ".join([f"({one})"] * rows)
