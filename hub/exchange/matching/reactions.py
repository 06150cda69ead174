"""Reactions: what a record in a situation becomes. The first written step whose condition holds counts; where
none does nothing happens, because nothing happens that is not written."""

from __future__ import annotations

from hub.errors import Fatal
from hub.exchange.matching.batch import Batch
from hub.exchange.runfile import sql_text
from hub.mapping.conditions import condition, record_of

NOTHING = "ignore"


def react(batch: Batch, situation: str, query: str) -> None:
    """``reaction`` (key, word): for each key of the query what the mapping says of the situation."""
    run, written = batch.run, getattr(batch.output, situation)
    if isinstance(written, str):
        run.sql(
            f"CREATE OR REPLACE TABLE reaction AS SELECT DISTINCT key, {sql_text(written)} AS word FROM ({query})"
        )
        return
    cases = []
    for step in written:
        holds = "true"
        if step.when is not None:
            found, issues = condition(step.when, batch.output, batch.model)
            if found is None:
                raise Fatal(issues[0].code, f"{situation}: {issues[0].message}", hint="run cophub check")
            holds = f"TRY({found.sql})"
        cases.append(f"WHEN {holds} THEN {sql_text(step.then)}")
    fields = [column.name for column in batch.compiled.columns]
    word = f"CASE {' '.join(cases)} ELSE {sql_text(NOTHING)} END"
    run.sql(f"""CREATE OR REPLACE TABLE reaction AS SELECT key, {word} AS word
        FROM (SELECT _key AS key, {record_of(fields)} AS r FROM mapped WHERE _key IN (SELECT key FROM ({query})))""")


def ignore(batch: Batch, situation: str, query: str) -> None:
    """Put the keys of the query that ``reaction`` ignores into ``ignored``."""
    batch.run.sql(f"""INSERT INTO ignored SELECT DISTINCT q.key, q.hash, {sql_text(situation)} FROM ({query}) q
        JOIN reaction x ON x.key = q.key AND x.word = '{NOTHING}'""")


def doubts(batch: Batch, situation: str, codes: str) -> None:
    """Verdicts with these codes (a condition over ``code``) are dropped where the mapping ignores them."""
    if getattr(batch.output, situation) == "review":
        return
    query = f"SELECT key, hash FROM verdict WHERE state = 'in_review' AND {codes}"
    react(batch, situation, query)
    ignore(batch, situation, query)
    for name in ("verdict", "proposal"):
        batch.run.sql(
            f"DELETE FROM {name} WHERE key IN (SELECT key FROM ignored WHERE situation = {sql_text(situation)})"
        )
