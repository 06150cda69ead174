"""An inbound exchange reconciled: the source now, the records last seen, and the golden records."""

from __future__ import annotations

from dataclasses import dataclass

from hub.exchange.ground import Hub
from hub.exchange.manifest import Manifest
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.staging import take
from hub.store import entities, shadows

# What is found, by the records as read (e), as last seen (s) and their entities (g).
FOUND = {
    "unseen": "SELECT e.key, NULL FROM was_read e ANTI JOIN was_seen s USING (key)",
    "gone": "SELECT s.key, NULL FROM was_seen s ANTI JOIN was_read e USING (key)",
    "changed": "SELECT e.key, NULL FROM was_read e JOIN was_seen s USING (key) WHERE e.hash <> s.hash",
    "orphan": """SELECT l.key, CAST(l.entity AS VARCHAR) FROM was_linked l
        ANTI JOIN golden g ON CAST(g._id AS VARCHAR) = CAST(l.entity AS VARCHAR)""",
}


@dataclass(slots=True)
class Recall:
    """Fills ``finding`` and ``counts``; the plan stays that of a full run, which heals by the mapping's own
    reactions."""

    hub: Hub
    run: RunFile
    manifest: Manifest
    counts: dict[str, int]

    def compare(self) -> None:
        run, number = self.run, self.manifest.source
        with self.hub.database.bulk(write=False) as session:
            take(run, "was_seen_all", shadows.acknowledged(session, number))
            take(run, "was_linked", shadows.links(session, number))
            wire = entities.changed_since(session, self.hub.database, self.manifest.output, -1)
            take(run, "golden_all", wire)
        run.sql("CREATE OR REPLACE TABLE golden AS SELECT _id FROM golden_all WHERE _state < 2")
        run.sql("DROP TABLE golden_all")
        run.sql("CREATE OR REPLACE TABLE was_read AS SELECT key, hash FROM extracted WHERE key IS NOT NULL")
        run.sql("CREATE OR REPLACE TABLE was_seen AS SELECT key, hash FROM was_seen_all")
        run.sql("""CREATE OR REPLACE TABLE finding (kind VARCHAR, key VARCHAR, id VARCHAR, field VARCHAR,
            expected VARCHAR, actual VARCHAR)""")
        whole = self.manifest.snapshot is not None
        for kind, query in FOUND.items():
            if kind == "gone" and not whole:
                continue
            run.sql(f"""INSERT INTO finding SELECT {sql_text(kind)}, one.key, one.id, '', NULL, NULL
                FROM ({query}) one(key, id)""")
            found = run.one(f"SELECT count(*) FROM finding WHERE kind = {sql_text(kind)}")
            self.counts[kind] = self.counts.get(kind, 0) + found
        self.counts["read"] = self.counts.get("read", 0) + run.one("SELECT count(*) FROM was_read")
        self.counts["duplicate"] = self.counts.get("duplicate", 0) + self.manifest.counts.get("duplicate", 0)
