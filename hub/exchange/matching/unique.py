"""A value of a ``unique`` field belongs to one entity: others come to review."""

from __future__ import annotations

from hub.exchange.matching.batch import Batch, equal
from hub.exchange.runfile import sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.store import entities


def judge_unique(batch: Batch, *, populated: bool) -> None:
    """Take from ``resolved`` what shares a unique value with another record or entity."""
    run, present = batch.run, {column.name for column in batch.compiled.columns}
    for name, field in batch.model.fields.items():
        if not field.unique or name not in present:
            continue
        quoted, text = sql_name(name), sql_text(name)
        run.sql(
            f"CREATE OR REPLACE TABLE alike AS SELECT m._key AS key, "
            f"dense_rank() OVER (ORDER BY m.{quoted}) AS alike FROM mapped m "
            f"JOIN resolved r ON r.m = m.rowid WHERE r.entity NOT IN (SELECT entity FROM redirected) "
            f"AND m.{quoted} IS NOT NULL QUALIFY count(*) OVER (PARTITION BY m.{quoted}) > 1"
        )
        run.sql("CREATE OR REPLACE TABLE sharing AS SELECT key FROM alike")
        batch.propose_others(text, equal([name]))
        if populated:
            _in_golden(batch, name)
        run.sql(f"""INSERT INTO verdict SELECT r.key, r.hash, 'in_review', 'collision', {text},
            'another entity has the same ' || {text}, CAST(to_json(m.{quoted}) AS VARCHAR)
            FROM resolved r JOIN mapped m ON r.m = m.rowid WHERE r.key IN (SELECT key FROM sharing)""")
        run.sql("DELETE FROM resolved WHERE key IN (SELECT key FROM sharing)")


def _in_golden(batch: Batch, name: str) -> None:
    run, quoted = batch.run, sql_name(name)
    column = entities.columns(batch.database, batch.model.model)[name]
    values = stage(
        run,
        batch.session,
        f"unique_{name}",
        {name: column},
        f"SELECT DISTINCT {batch.stored(name)} FROM mapped m JOIN resolved r ON r.m = m.rowid "
        f"WHERE m.{quoted} IS NOT NULL",
    )
    take(run, "holder", entities.candidates(batch.session, batch.database, batch.model.model, values, [name]))
    run.sql(
        f"CREATE OR REPLACE TABLE elsewhere AS SELECT r._key AS key, h._id AS entity "
        f"FROM (SELECT r.key AS _key, r.entity AS _entity, {batch.stored(name)} "
        f"FROM resolved r JOIN mapped m ON r.m = m.rowid) r JOIN holder h USING ({quoted}) "
        "WHERE h._id <> r._entity AND r._entity NOT IN (SELECT entity FROM redirected)"
    )
    run.sql("INSERT INTO sharing SELECT key FROM elsewhere")
    run.sql(f"""INSERT INTO proposal SELECT DISTINCT key, entity, NULL, {sql_text(name)}, 1.0, {equal([name])}
        FROM elsewhere""")
