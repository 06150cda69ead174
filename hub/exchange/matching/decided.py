"""What people decided of records, as resolve asks for it: decided once, it holds for good.

A link decides before every match rule, a new entity is not looked for, and a rejected pair is never
proposed again. A record that is linked already stays as it is.
"""

from __future__ import annotations

from hub.exchange.map import FEW
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.staging import stage, stage_keys, take
from hub.store import merges, reviews, shadows
from hub.store.bulk import Bulk

DECIDED = "decided"
"""What stands for the rule where a person made the link."""
STEPPING = "key VARCHAR, entity UUID, survivor UUID"
SPEAKER = "another record of this source speaks for the entity"


def know_merges(run: RunFile, session: Bulk, model: str) -> None:
    """``redirected`` (entity, target): what was merged away, and into what."""
    run.sql("CREATE OR REPLACE TABLE redirected (entity UUID, target UUID)")
    if merges.any_merged(session, model):
        take(run, "redirected", merges.redirects(session, model))


def step_back(run: RunFile, session: Bulk, source: int) -> None:
    """``stepping`` (key, entity, survivor): twins that spoke while the survivor's own record was gone, and stay
    behind it again, now that it is back; those at hand do so in ``known``."""
    run.sql(f"CREATE OR REPLACE TABLE stepping ({STEPPING})")
    at_end = "SELECT key, entity FROM known WHERE entity IN (SELECT target FROM redirected)"
    if not run.one(f"SELECT count(*) FROM ({at_end})"):
        return
    ends = stage(run, session, "ends_at_hand", shadows.ENTITIES, f"SELECT DISTINCT entity FROM ({at_end})")
    take(run, "speaking", shadows.speaking(session, source, ends))
    take(run, "stayed", merges.stayed(session, source, ends))
    run.sql(f"""INSERT INTO stepping SELECT key, loser, entity FROM (
        SELECT c.key, c.entity, s.loser, row_number()
            OVER (PARTITION BY c.entity ORDER BY s.loser IS NOT NULL, c.back, c.key) AS place
        FROM (SELECT key, entity, false AS back FROM speaking UNION ALL
              SELECT key, entity, true FROM ({at_end}) WHERE key NOT IN (SELECT key FROM speaking)) c
        LEFT JOIN (FROM stayed QUALIFY row_number() OVER (PARTITION BY key ORDER BY merge DESC) = 1) s
            ON s.key = c.key) WHERE place > 1 AND loser IS NOT NULL""")
    run.sql("UPDATE known SET entity = s.entity FROM stepping s WHERE known.key = s.key")


def follow_merges(run: RunFile, session: Bulk, source: int, links: str) -> None:
    """Records in ``links`` (key, entity) of an entity that was merged away stay behind the survivor's own
    record of their source where there is one (its twins); else they become the survivor's."""
    if not run.one("SELECT count(*) FROM redirected"):
        return
    run.sql(f"CREATE OR REPLACE TABLE twin AS SELECT k.key, r.target FROM {links} k JOIN redirected r USING (entity)")
    if not run.one("SELECT count(*) FROM twin"):
        return
    ends = stage(run, session, "ends", shadows.ENTITIES, "SELECT DISTINCT target AS entity FROM twin")
    take(run, "spoken_for", shadows.claimed(session, source, ends))
    run.sql(f"""UPDATE {links} SET entity = t.target FROM (SELECT key, target FROM twin
        WHERE target NOT IN (SELECT entity FROM spoken_for) AND target NOT IN (SELECT entity FROM known)
        QUALIFY row_number() OVER (PARTITION BY target ORDER BY key) = 1) t WHERE {links}.key = t.key""")


def one_speaker(run: RunFile) -> None:
    """Where several records of the batch came to one merged entity, one goes on and the others to review."""
    if not run.one("SELECT count(*) FROM redirected"):
        return
    several = """SELECT key, hash, entity FROM resolved
        WHERE entity IN (SELECT target FROM redirected)
        QUALIFY row_number() OVER (PARTITION BY entity ORDER BY key) > 1"""
    run.sql(f"CREATE OR REPLACE TABLE crowded AS {several}")
    if run.one("SELECT count(*) FROM crowded"):
        run.sql(f"""INSERT INTO verdict SELECT key, hash, 'in_review', 'match.collision', '',
            {sql_text(SPEAKER)}, CAST(to_json([CAST(entity AS VARCHAR)]) AS VARCHAR) FROM crowded""")
        run.sql("INSERT INTO proposal SELECT key, entity, NULL, '', 1.0, '{}' FROM crowded")
        run.sql("DELETE FROM resolved WHERE key IN (SELECT key FROM crowded)")


def consult(run: RunFile, session: Bulk, source: int) -> None:
    """Links go into ``matched``; ``decided_new`` (key) are records decided to be new entities,
    ``rejected_pair`` (key, entity) what must not be proposed. Asks about the records at hand only."""
    run.sql("CREATE OR REPLACE TABLE decided_new (key VARCHAR)")
    run.sql("CREATE OR REPLACE TABLE rejected_pair (key VARCHAR, entity UUID)")
    count = run.one("SELECT count(*) FROM mapped")
    if not count or not reviews.any_decided(session, source):
        return
    wanted = None
    if count <= FEW * 10:
        wanted = stage_keys(run, session, "wanted_decisions", "SELECT DISTINCT _key AS key FROM mapped")
    take(run, "said", reviews.decided(session, source, wanted))
    run.sql("""CREATE OR REPLACE TABLE decided AS SELECT * FROM said
        WHERE kind IN ('link', 'create') AND key IN (SELECT _key FROM mapped)
        QUALIFY row_number() OVER (PARTITION BY key ORDER BY id DESC) = 1""")
    run.sql("DELETE FROM decided WHERE key IN (SELECT key FROM known)")
    run.sql(f"INSERT INTO matched SELECT key, entity, '{DECIDED}', 1.0, '{{}}' FROM decided WHERE kind = 'link'")
    follow_merges(run, session, source, "matched")
    run.sql("INSERT INTO decided_new SELECT key FROM decided WHERE kind = 'create'")
    run.sql("""INSERT INTO rejected_pair SELECT DISTINCT s.key, s.entity FROM said s
        WHERE s.kind = 'reject' AND NOT EXISTS (FROM said l
            WHERE l.kind = 'link' AND l.key = s.key AND l.entity = s.entity AND l.id > s.id)""")
