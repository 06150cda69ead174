"""Match rules of equality: a record belongs to the entity that is equal in all of a rule's fields."""

from __future__ import annotations

from hub.exchange.matching.batch import Batch, equal
from hub.exchange.runfile import sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.store import entities
from hub.workspace.matching import MatchRule


def match_equal(batch: Batch, rule: MatchRule) -> None:
    """One rule: equal in all its fields, none of them empty."""
    run, fields = batch.run, list(rule.on)
    names = [sql_name(name) for name in fields]
    filled = " AND ".join(f"{name} IS NOT NULL" for name in names)
    run.sql(
        f"CREATE OR REPLACE TABLE loose AS SELECT * FROM (SELECT _key, _hash, "
        f"{', '.join(map(batch.stored, fields))} FROM ({batch.loose()}) m) WHERE {filled}"
    )
    if not run.one("SELECT count(*) FROM loose"):
        return
    columns = entities.columns(batch.database, batch.model.model)
    values = stage(
        run,
        batch.session,
        f"match_{'_'.join(fields)}",
        {name: columns[name] for name in fields},
        f"SELECT DISTINCT {', '.join(names)} FROM loose",
    )
    found = entities.candidates(batch.session, batch.database, batch.model.model, values, fields)
    take(run, "candidate", found)
    using = ", ".join(names)
    run.sql(f"""CREATE OR REPLACE TABLE pair AS SELECT l._key AS key, l._hash AS hash, c._id AS entity,
        count(*) OVER (PARTITION BY l._key) AS candidates, count(*) OVER (PARTITION BY c._id) AS claimants
        FROM loose l JOIN candidate c USING ({using})
        ANTI JOIN rejected_pair x ON x.key = l._key AND x.entity = c._id""")
    batch.claim("SELECT DISTINCT _id AS entity FROM candidate")
    _judge(batch, rule)


def _judge(batch: Batch, rule: MatchRule) -> None:
    run, text = batch.run, sql_text(rule.title)
    by_person = "true" if rule.then == "review" else "false"
    run.sql(f"""INSERT INTO verdict SELECT key, any_value(hash), 'in_review',
        CASE WHEN any_value(candidates) > 1 THEN 'match.ambiguous'
             WHEN bool_or(claimants > 1 OR entity IN (SELECT entity FROM claimed)) THEN 'match.collision'
             ELSE 'match.review' END, {text},
        CASE WHEN any_value(candidates) > 1 THEN 'several entities have the same ' || {text}
             WHEN bool_or(claimants > 1 OR entity IN (SELECT entity FROM claimed))
             THEN 'another record of this source stands for the entity with the same ' || {text}
             ELSE 'an entity has the same ' || {text} || ', and the mapping lets a person decide' END,
        CAST(to_json(list(CAST(entity AS VARCHAR) ORDER BY entity)) AS VARCHAR)
        FROM pair WHERE {by_person} OR candidates > 1 OR claimants > 1 OR entity IN (SELECT entity FROM claimed)
        GROUP BY key""")
    if batch.tracing:
        run.sql(
            f"""INSERT INTO traced SELECT key, entity, NULL, {text}, 1.0, {equal(list(rule.on))} FROM pair"""
        )
    run.sql(f"""INSERT INTO proposal SELECT DISTINCT key, entity, NULL, {text}, 1.0, {equal(list(rule.on))}
        FROM pair WHERE key IN (SELECT key FROM verdict)""")
    run.sql(f"""INSERT INTO matched SELECT key, entity, {text}, 1.0, {equal(list(rule.on))} FROM pair
        WHERE key NOT IN (SELECT key FROM verdict)""")


def collide_equal(batch: Batch, rule: MatchRule) -> None:
    """Several new records that a rule calls the same are not created side by side."""
    names = [sql_name(name) for name in rule.on]
    filled = " AND ".join(f"{name} IS NOT NULL" for name in names)
    text = sql_text(rule.title)
    batch.run.sql(f"""CREATE OR REPLACE TABLE alike AS
        SELECT _key AS key, _hash AS hash, dense_rank() OVER (ORDER BY {", ".join(names)}) AS alike
        FROM ({batch.loose()}) WHERE {filled}
        QUALIFY count(*) OVER (PARTITION BY {", ".join(names)}) > 1""")
    batch.run.sql(f"""INSERT INTO verdict SELECT key, hash, 'in_review', 'match.collision', {text},
        'another new record of this source has the same ' || {text}, NULL FROM alike""")
    batch.propose_others(text, equal(list(rule.on)))
