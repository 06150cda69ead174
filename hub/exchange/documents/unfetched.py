"""Documents whose content could not be had: their records are set aside with the reason, the others go on."""

from __future__ import annotations

from hub.exchange.documents.carrying import UNFETCHED
from hub.exchange.extract import Extracted
from hub.exchange.runfile import HASH, RunFile, sql_text


def set_unfetched_aside(run: RunFile, extracted: Extracted) -> int:
    """Take them from ``mapped`` to ``rejected``, whatever else the mapping made of them; answers how many were in
    ``mapped``."""
    if not (name := extracted.resource.content):
        return 0
    why = sql_text(f'$."{UNFETCHED}"')
    run.sql(f"""CREATE OR REPLACE TABLE unfetched AS SELECT {HASH.format("raw")} AS hash, any_value((raw->{why})) AS why
        FROM ({extracted.scan}) WHERE (raw->{why}) IS NOT NULL GROUP BY ALL""")
    if not run.one("SELECT count(*) FROM unfetched"):
        return 0
    run.sql("""CREATE OR REPLACE TABLE unfetched_now AS SELECT _key AS key, _hash AS hash FROM mapped
        SEMI JOIN unfetched ON hash = _hash UNION SELECT key, hash FROM rejected SEMI JOIN unfetched USING (hash)""")
    moved = int(run.one("SELECT count(*) FROM mapped SEMI JOIN unfetched ON hash = _hash"))
    run.sql("DELETE FROM mapped WHERE _hash IN (SELECT hash FROM unfetched)")
    run.sql("DELETE FROM rejected WHERE hash IN (SELECT hash FROM unfetched)")
    run.sql(f"""INSERT INTO rejected BY NAME SELECT key, hash, {sql_text(name)} AS field, (why->>'$.code') AS code,
        (why->>'$.message') AS message FROM unfetched_now JOIN unfetched USING (hash)""")
    return moved
