"""Source keys of references become entity ids; what is not there yet makes the record wait."""

from __future__ import annotations

from hub.exchange.matching.batch import Batch
from hub.exchange.runfile import sql_name, sql_text
from hub.exchange.staging import stage_keys, take
from hub.store import shadows


def look_up(batch: Batch) -> None:
    """``reference``: entities that the source keys in references stand for, as far as they are there."""
    run = batch.run
    run.sql("CREATE OR REPLACE TABLE reference (field VARCHAR, source_key VARCHAR, entity UUID)")
    for column in batch.compiled.columns:
        if not column.ref:
            continue
        quoted = sql_name(column.name)
        wanted = stage_keys(
            run,
            batch.session,
            f"refs_{column.name}",
            f"SELECT DISTINCT {quoted} AS key FROM mapped WHERE {quoted} IS NOT NULL",
        )
        system = batch.compiled.source.partition(".")[0]
        take(run, "arrived", shadows.referred(batch.session, system, column.ref, wanted))
        run.sql(
            f"INSERT INTO reference SELECT {sql_text(column.name)}, key, CAST(entity AS UUID) FROM arrived"
        )


def wait_for_missing(batch: Batch) -> None:
    """Take from ``resolved`` what refers to something that is neither there nor coming with it."""
    run = batch.run
    references = [(column.name, column.ref) for column in batch.compiled.columns if column.ref]
    while references:  # each turn sets records aside, until nobody refers to one of them
        missing = " UNION ALL ".join(_missing(batch, field, model) for field, model in references)
        run.sql(f"CREATE OR REPLACE TABLE missing AS {missing}")
        if not run.one("SELECT count(*) FROM missing"):
            break
        run.sql("""INSERT INTO verdict SELECT key, any_value(hash), 'waiting', 'ref.missing', any_value(field),
            'refers to ' || any_value(model) || ' ' || any_value(wanted) || ', which is not there yet',
            CAST(to_json(any_value(wanted)) AS VARCHAR) FROM missing GROUP BY key""")
        run.sql("DELETE FROM resolved WHERE key IN (SELECT key FROM missing)")


def _missing(batch: Batch, field: str, model: str) -> str:
    quoted = sql_name(field)
    here = f" AND m.{quoted} NOT IN (SELECT key FROM resolved)" if model == batch.model.model else ""
    return (
        f"SELECT r.key, r.hash, {sql_text(field)} AS field, {sql_text(model)} AS model, m.{quoted} AS wanted "
        f"FROM resolved r JOIN mapped m ON r.m = m.rowid WHERE m.{quoted} IS NOT NULL AND m.{quoted} NOT IN "
        f"(SELECT source_key FROM reference WHERE field = {sql_text(field)}){here}"
    )
