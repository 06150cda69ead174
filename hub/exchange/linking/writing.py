"""Writing a plan of links: of a source a decision that the next run follows; of a target the hub knows from now
on that the object is there, and by which id.

``linking`` (line, key, entity) is the plan. Each line is judged again in the transaction that writes it: what
was linked, decided, merged or deleted since is refused and listed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from hub.exchange.ground import Hub
from hub.exchange.ids import new_entity_id
from hub.exchange.linking.lines import GOOD, JUDGED, QUIET, WORDS, verdicts
from hub.exchange.manifest import Manifest
from hub.exchange.quarantine import set_aside, write_held
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.staging import rows, stage, take
from hub.security.audit import record
from hub.store import linking, shadows
from hub.store.bulk import Bulk
from hub.store.database import now
from hub.store.journal import Lease, fence

SINCE = "the record or its entity changed after the plan was made"


def write_links(
    hub: Hub,
    run: RunFile,
    manifest: Manifest,
    run_id: uuid.UUID,
    held: Sequence[Lease],
    counts: dict[str, int],
    notes: list[str],
) -> bool:
    """All lines of one plan in one transaction; answers whether some of them were refused."""
    with hub.database.bulk(write=True) as session:
        fence(session, held)
        _judge_again(hub, run, session, manifest)
        found = dict(run.sql("SELECT verdict, count(*) FROM judged GROUP BY verdict"))
        done = sum(found.get(word, 0) for word in GOOD)
        quiet = sum(found.get(word, 0) for word in QUIET)
        refused: int = sum(found.values()) - done - quiet
        _write(run, session, manifest)
        _refuse(run, manifest)
        write_held(run, session, manifest, run_id)
        told = {"exchange": manifest.exchange, "links": done, "refused": refused, "run": str(run_id)}
        record(
            session,
            hub.actor,
            "links.imported",
            f"file:{manifest.said['file']}",
            reason=manifest.said["reason"],
            details=told,
        )
    counts["applied"] -= refused + quiet
    counts["linked"] -= refused + quiet
    counts["unchanged"] += quiet
    counts["refused"] = counts.get("refused", 0) + refused
    return refused > 0


def _judge_again(hub: Hub, run: RunFile, session: Bulk, manifest: Manifest) -> None:
    staged = stage(run, session, "import_living", shadows.ENTITIES, "SELECT DISTINCT entity FROM linking")
    take(run, "living", linking.there(session, hub.database, manifest.model, staged))
    run.sql("""CREATE OR REPLACE TABLE named AS SELECT line, key, CAST(entity AS VARCHAR) AS wanted, entity,
        CAST(entity IN (SELECT living FROM living) AS INTEGER) AS found FROM linking""")
    run.sql(f"CREATE OR REPLACE TABLE judged ({JUDGED})")
    verdicts(run, session, manifest.source, manifest.exchange, outbound=manifest.said["direction"] == "outbound")


def _write(run: RunFile, session: Bulk, manifest: Manifest) -> None:
    good = ", ".join(sql_text(one) for one in GOOD)
    query = f"""SELECT key, entity, row_number() OVER (ORDER BY line) AS number FROM judged
        WHERE verdict IN ({good})"""
    if not run.one(f"SELECT count(*) FROM ({query})"):
        return
    number, said = str(manifest.source), manifest.said
    if said["direction"] == "outbound":
        values = {
            "source": number,
            "key": "CAST(entity AS VARCHAR)",
            "hash": "0",
            "map_hash": "0",
            "foreign_id": "key",
            "foreign_key": "CAST(to_json([key]) AS VARCHAR)",
        }
        linking.know_objects(session, rows(run, session, linking.OBJECTS, query, values))
        return
    stamp: dict[str, Any] = {
        "id": new_entity_id("number"),
        "source": number,
        "kind": "'link'",
        "review": "NULL",
        "decided_by": sql_text(said["by"]),
        "on_behalf": sql_text(said["on_behalf"]),
        "reason": sql_text(said["reason"]),
        "decided_at": f"TIMESTAMPTZ '{now().isoformat()}'",
    }
    linking.say(session, rows(run, session, linking.DECISIONS, query, stamp))
    linking.link_seen(session, manifest.source, stage(run, session, "linked_now", linking.LINKS, query))


def _refuse(run: RunFile, manifest: Manifest) -> None:
    """Into ``held``: what each line comes to by now."""
    words = " ".join(f"WHEN {sql_text(word)} THEN {sql_text(text)}" for word, text in WORDS.items())
    why = f"{sql_text(SINCE + ': ')} || CASE verdict {words} END"
    good = ", ".join(sql_text(one) for one in (*GOOD, *QUIET))
    key = "CAST(entity AS VARCHAR)" if manifest.said["direction"] == "outbound" else "key"
    query = f"SELECT {key} AS key, 0::BIGINT AS hash, line, verdict FROM judged WHERE verdict NOT IN ({good})"
    place = f"{sql_text(manifest.said['name'] + ':')} || line"
    set_aside(run, "refused", "plan.changed", why, query, position=place)
