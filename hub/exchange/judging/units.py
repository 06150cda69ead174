"""Units: what a plan does within each value of a field, such as one department.

A changed entity counts for the unit it was in before the change, a new one for the unit it comes into.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from hub.exchange.judging.guard import Unit
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.security.masking import mask
from hub.store import entities, guarded
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.reports import key_texts
from hub.workspace.limits import Limits
from hub.workspace.shape import ModelField, ModelFile

NOBODY = "(none)"
REMOVALS = "CASE r._state WHEN 1 THEN 'disable' ELSE 'delete' END"


def units_of(
    run: RunFile,
    session: Bulk,
    database: Database,
    model: ModelFile,
    per: Mapping[str, Limits],
    number: int | None,
    *,
    outbound: bool = False,
) -> list[Unit]:
    """The units that the plan at hand touches. ``number`` limits what was there before to one source."""
    if not per:
        return []
    if not outbound and run.one("SELECT count(*) FROM removing"):
        staged = stage(
            run,
            session,
            "leaving_units",
            {"_id": entities.columns(database, model.model)["_id"]},
            "SELECT _id FROM removing",
        )
        take(run, "removed_rows", entities.read(session, database, model.model, staged))
    found = []
    for path, limits in per.items():
        field, _, further = path.partition(".")
        changes = _of_sending(field) if outbound else _of_golden(run, field)
        run.sql(
            "CREATE OR REPLACE TABLE unit_change AS SELECT change, CAST(value AS VARCHAR) AS value "
            f"FROM ({changes})"
        )
        declared, through = model.fields[field], None
        if further and declared.model:
            through = (declared.model, further)
            _follow(run, session, database, *through)
            declared = database.models[declared.model].fields[further]
        found += _units(run, session, database, model, path, limits, field, declared, through, number)
    return found


def _of_golden(run: RunFile, field: str) -> str:
    """change, value of what an inbound plan does to entities."""
    tables = "SELECT table_name FROM duckdb_tables() WHERE schema_name = current_schema()"
    there = {name for (name,) in run.sql(tables)}
    supplied = {row[0] for row in run.sql("DESCRIBE creation")}
    name, parts = sql_name(field), ["SELECT NULL AS change, NULL AS value WHERE false"]
    parts.append(f"SELECT 'create', CAST({name if field in supplied else 'NULL'} AS VARCHAR) FROM creation")
    if "golden" in there:
        parts.append(f"SELECT 'update', CAST(g.{name} AS VARCHAR) FROM updating u JOIN golden g USING (_id)")
    if "removed_rows" in there:
        parts.append(
            f"SELECT {REMOVALS}, CAST(g.{name} AS VARCHAR) FROM removing r JOIN removed_rows g USING (_id)"
        )
    return " UNION ALL ".join(parts)


def _of_sending(field: str) -> str:
    return (
        f"SELECT s.operation AS change, CAST(g.r.{sql_name(field)} AS VARCHAR) AS value "
        "FROM sending s JOIN golden_rows g USING (key)"
    )


def _follow(run: RunFile, session: Bulk, database: Database, model: str, field: str) -> None:
    """Put in place of each referred entity the value of its field."""
    staged = stage(
        run,
        session,
        "referred_units",
        {"_id": entities.columns(database, model)["_id"]},
        "SELECT DISTINCT TRY_CAST(value AS UUID) AS _id FROM unit_change WHERE TRY_CAST(value AS UUID) IS NOT NULL",
    )
    take(run, "referred_rows", entities.read(session, database, model, staged))
    run.sql(f"""CREATE OR REPLACE TABLE unit_change AS SELECT c.change, CAST(r.{sql_name(field)} AS VARCHAR) AS value
        FROM unit_change c LEFT JOIN referred_rows r ON CAST(r._id AS VARCHAR) = c.value""")


def _units(
    run: RunFile,
    session: Bulk,
    database: Database,
    model: ModelFile,
    path: str,
    limits: Limits,
    field: str,
    declared: ModelField,
    through: tuple[str, str] | None,
    number: int | None,
) -> list[Unit]:
    counted = run.sql("SELECT value, change, count(*) FROM unit_change GROUP BY ALL ORDER BY ALL")
    if not counted:
        return []
    before: dict[str | None, int] = {}
    if any(str(limit).endswith("%") for limit in limits.model_dump().values()):
        take(run, "unit_size", guarded.per_value(session, database, model.model, field, through, number))
        before = dict(run.sql("SELECT CAST(value AS VARCHAR), CAST(n AS BIGINT) FROM unit_size"))
    counts: dict[str | None, dict[str, int]] = {}
    for value, change, count in counted:
        counts.setdefault(value, {})[change] = count
    names = _labels(database, declared, [value for value in counts if value])
    return [
        Unit(path, NOBODY if value is None else str(names.get(value, value)), of_value, before.get(value, 0))
        for value, of_value in counts.items()
    ]


def _labels(database: Database, declared: ModelField, values: list[str]) -> dict[str, Any]:
    """Values as people may see them: references by the keys of what they name, classified ones masked."""
    if declared.type == "ref" and declared.model:
        ids = {value: uuid.UUID(value) for value in values}
        texts = key_texts(database, declared.model, set(ids.values()))
        return {value: texts.get(identity, value) for value, identity in ids.items()}
    return {value: mask(value, declared.level, declared) for value in values}


def output_units(run: RunFile, per: Mapping[str, Limits]) -> list[Unit]:
    """The same for a pass-through, by fields of its output; how many there were before is not known."""
    found = []
    for path in per:
        rows = run.sql(
            f"SELECT json_extract_string(body, {sql_text('$.' + chr(34) + path + chr(34))}) AS value, operation, "
            "count(*) FROM sending GROUP BY ALL ORDER BY ALL"
        )
        counts: dict[str | None, dict[str, int]] = {}
        for value, change, count in rows:
            counts.setdefault(value, {})[change] = count
        found += [Unit(path, value or NOBODY, of_value) for value, of_value in counts.items()]
    return found
