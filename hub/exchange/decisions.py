"""What people decided of records, as resolve asks for it: decided once, it holds for good.

A link decides before every match rule, a new entity is not looked for, and a rejected pair is never
proposed again. A record that is linked already stays as it is.
"""

from __future__ import annotations

from hub.exchange.map import FEW
from hub.exchange.runfile import RunFile
from hub.exchange.staging import stage_keys, take
from hub.store import reviews
from hub.store.bulk import Bulk

DECIDED = "decided"
"""What stands for the rule where a person made the link."""


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
    run.sql("INSERT INTO decided_new SELECT key FROM decided WHERE kind = 'create'")
    run.sql("""INSERT INTO rejected_pair SELECT DISTINCT s.key, s.entity FROM said s
        WHERE s.kind = 'reject' AND NOT EXISTS (FROM said l
            WHERE l.kind = 'link' AND l.key = s.key AND l.entity = s.entity AND l.id > s.id)""")
