"""Two versions of one document, and what both were made from: no version wins in silence.

What a system holds is compared with the golden version and with its base: what that system held when the hub last
agreed to it. Where only the system's changed, it goes on; where only the golden one did, the golden one stays, whatever
made the record look new. Where both did, and where nothing is known of a base, a person decides; so does one where a
version without a single byte would take the place of another.
"""

from __future__ import annotations

from hub.exchange.documents.contents import EMPTY
from hub.exchange.matching.batch import Batch, equal
from hub.exchange.runfile import sql_name, sql_text
from hub.exchange.staging import stage, stage_keys, take
from hub.store import documents, entities

CONFLICT = "document.conflict"
EMPTIED = "document.emptied"
REVIEW_CODES = {"both changed": CONFLICT, "no byte": EMPTIED}
WHY = {
    CONFLICT: "both were changed since they were last alike: link takes this one, reject keeps the golden one",
    EMPTIED: "the new version is empty: link takes it, reject keeps the golden one",
}


def judge_versions(batch: Batch) -> None:
    """Take from ``resolved`` what a person decides about; what is behind the golden version becomes like it in
    ``mapped``."""
    run, model = batch.run, batch.model
    names = [one.name for one in batch.compiled.columns if model.fields[one.name].type == "content"]
    if not names or batch.compiled.each or not run.one("SELECT count(*) FROM resolved WHERE NOT is_new"):
        return
    identity = {"_id": entities.columns(batch.database, model.model)["_id"]}
    wanted = stage(run, batch.session, "held", identity, "SELECT DISTINCT entity AS _id FROM resolved WHERE NOT is_new")
    take(run, "held_golden", entities.read(batch.session, batch.database, model.model, wanted))
    keys = stage_keys(run, batch.session, "versions", "SELECT DISTINCT key FROM resolved WHERE NOT is_new")
    take(run, "copied", documents.bases(batch.session, batch.compiled.source, keys))
    take(run, "version_said", documents.decided(batch.session, batch.source, keys))
    for name in names:
        _judge(batch, sql_name(name))
        _keep_golden(batch)


def _judge(batch: Batch, quoted: str) -> None:
    """``version`` (m, key, hash, entity, verdict): those that differ from the golden one, and are not just newer."""
    run = batch.run
    run.sql(f"""CREATE OR REPLACE TABLE version AS SELECT m, key, hash, entity, CASE
            WHEN kind = 'link' THEN '' WHEN kind = 'reject' OR new = base THEN 'golden'
            WHEN base IS NULL OR base <> golden THEN '{CONFLICT}' WHEN new = '{EMPTY}' THEN '{EMPTIED}' ELSE '' END
            AS verdict
        FROM (SELECT r.m, r.key, r.hash, r.entity, m.{quoted} AS new, g.{quoted} AS golden, c.base, s.kind
            FROM resolved r JOIN mapped m ON m.rowid = r.m JOIN held_golden g ON g._id = r.entity
            LEFT JOIN copied c ON c.key = r.key
            LEFT JOIN (FROM version_said QUALIFY row_number() OVER (PARTITION BY key, hash ORDER BY id DESC) = 1) s
                ON s.key = r.key AND s.hash = r.hash
            WHERE NOT r.is_new AND g.{quoted} IS NOT NULL AND m.{quoted} <> g.{quoted})""")
    for code, why in WHY.items():
        found = f"FROM version WHERE verdict = '{code}'"
        run.sql(f"""INSERT INTO verdict SELECT key, hash, 'in_review', '{code}', {sql_text(quoted.strip('"'))},
            {sql_text(why)}, NULL {found}""")
        run.sql(f"INSERT INTO proposal SELECT key, entity, NULL, 'key', 1.0, {equal([])} {found}")
        run.sql(f"DELETE FROM resolved WHERE key IN (SELECT key {found})")


def _keep_golden(batch: Batch) -> None:
    fields = [
        sql_name(one.name)
        for one in batch.compiled.columns
        if not one.ref and not batch.model.fields[one.name].many and batch.model.fields[one.name].type != "json"
    ]
    if batch.run.one("SELECT count(*) FROM version WHERE verdict = 'golden'"):
        batch.run.sql(f"""UPDATE mapped SET {", ".join(f"{name} = g.{name}" for name in fields)}
            FROM version v JOIN held_golden g ON g._id = v.entity WHERE v.verdict = 'golden' AND mapped.rowid = v.m""")
