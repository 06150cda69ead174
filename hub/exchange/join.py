"""``with``: another resource of the same system, read in the same run and laid into each record.

The joined record becomes a field of the record named as in the mapping, before hashing and mapping:
a change of either side is a change of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub.contract import Query, Source
from hub.exchange.extract import pull
from hub.exchange.runfile import RunFile, sql_text
from hub.mapping.joins import Join

ScanOf = Callable[[str], str]


def joined_scan(
    run: RunFile, joins: Sequence[Join], opened: Callable[[str], Source], structure: str | None
) -> ScanOf:
    """Read what is joined; answers a function from the records' scan to the joined records' scan."""
    tables = []
    for number, join in enumerate(joins):
        source = opened(join.system)
        resource = source.resource(join.resource)
        pulled = pull(source, Query(resource, join.paths), run, lambda read: None, part=f"join{number}")
        table = f"joined_{number}"
        parts = [f"CAST({right} AS VARCHAR) AS p{index}" for index, (_, right) in enumerate(join.pairs)]
        run.sql(
            f"CREATE OR REPLACE TABLE {table}_rows AS SELECT raw, {', '.join(parts)} FROM "
            f"(SELECT raw, json_transform(raw, {sql_text(join.structure)}) AS j FROM ({pulled.scan}))"
        )
        keys = ", ".join(f"p{index}" for index in range(len(join.pairs)))
        # Lists in the order of their text, so that a change of order is no change.
        several = "to_json(list(raw ORDER BY CAST(raw AS VARCHAR)))"
        # Two records where the mapping takes one stay a list: mapping rejects the record for its shape.
        value = several if join.many else f"CASE WHEN count(*) > 1 THEN {several} ELSE any_value(raw) END"
        run.sql(
            f"CREATE OR REPLACE TABLE {table} AS SELECT {value} AS value, {keys} FROM {table}_rows GROUP BY {keys}"
        )
        tables.append((table, join))

    def scan(records: str) -> str:
        sql = f"SELECT raw, json_transform(raw, {sql_text(structure or '{}')}) AS r FROM ({records})"
        laid = ", ".join(f"{sql_text(join.alias)}, {name}.value" for name, join in tables)
        on = "".join(
            f" LEFT JOIN {name} ON "
            + " AND ".join(
                f"{name}.p{index} = CAST({left} AS VARCHAR)" for index, (left, _) in enumerate(join.pairs)
            )
            for name, join in tables
        )
        return f"SELECT json_merge_patch(raw, json_object({laid})) AS raw FROM ({sql}) {on}"

    return scan
