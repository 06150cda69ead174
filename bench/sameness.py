"""Whether two hubs know the same: a print of each table of a store on PostgreSQL, without what differs from run to run.

Times and ids are left out; a column that names an entity counts as the employee's number. The order of rows does not
count. What names a run, a process or a sealed file is named in ``OWN``.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

OWN = {
    "audit": {"at", "object", "after_hash", "prev_hash", "hash"},
    "audit_head": {"hash"},
    "lease": {"holder", "epoch"},
    "quarantine": {"original"},
    "run": {"run_key", "workspace_hash", "stage"},
    "watermark": {"place"},
}
COLUMNS = """SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY table_name, column_name"""


def stand(store: str) -> dict[str, str]:
    """``COUNT:DIGEST`` of each table."""
    with psycopg.connect(store, autocommit=True) as connection:
        tables: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in connection.execute(COLUMNS).fetchall():
            tables.setdefault(table, []).append((column, kind))
        return {table: _print(connection, table, columns) for table, columns in tables.items()}


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Tables that are not the same in both."""
    return sorted(table for table in one.keys() | other.keys() if one.get(table) != other.get(table))


def _print(connection: psycopg.Connection[tuple[object, ...]], table: str, columns: list[tuple[str, str]]) -> str:
    told: list[str] = []
    joins: list[str] = []
    for column, kind in columns:
        if kind.startswith("timestamp") or column in OWN.get(table, ()):
            told.append(f"(t.{_name(column)} IS NULL)::text")  # that there is none is compared
        elif kind == "uuid":
            alias = f"e{len(joins)}"
            joins.append(f"LEFT JOIN e_employee {alias} ON {alias}._id = t.{_name(column)}")
            told.append(f"coalesce({alias}.employee_no, (t.{_name(column)} IS NULL)::text)")
        else:
            told.append(f"t.{_name(column)}::text")
    # Two sums of 64 bits: the order does not count, and no two rows take each other's place by chance.
    row = f"concat_ws(chr(31), {', '.join(f'coalesce({one}, chr(30))' for one in told)})"
    query = f"""SELECT count(*), coalesce(sum(hashtextextended(r, 1)), 0), coalesce(sum(hashtextextended(r, 2)), 0)
        FROM (SELECT {row} AS r FROM {_name(table)} t {' '.join(joins)}) q"""
    count, first, second = connection.execute(query).fetchone() or (0, 0, 0)
    return f"{count}:{first}:{second}"


def _name(name: str) -> str:
    return f'"{name}"'
