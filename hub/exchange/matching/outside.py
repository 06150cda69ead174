"""Out of scope: a linked record that is there, and no longer meets ``where``. It is never absent.

``outside`` (key, since, due) holds the linked records that are out of scope, ``inside`` (key) those that
were and no longer are. The entities that follow go into ``removing``, as with absence: not where another
record still stands for one. What is remembered lives in a table of its own, so that the reaction comes also
where the record, unchanged, is not looked at again.
"""

from __future__ import annotations

import datetime as dt

from hub.exchange.absence import STATES, Absence
from hub.exchange.manifest import Manifest
from hub.exchange.runfile import RunFile
from hub.exchange.staging import rows, stage, stage_keys, take
from hub.store import entities, scope, shadows
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.workspace.matching import OutOfScope
from hub.workspace.strict import seconds


def find_outside(
    run: RunFile, session: Bulk, database: Database, source: int, model: str, rule: OutOfScope
) -> Absence:
    """Make ``outside`` and ``inside``, add to ``removing``; answers what is disabled and deleted now."""
    run.sql("CREATE OR REPLACE TABLE outside (key VARCHAR, since TIMESTAMPTZ, due BOOLEAN)")
    run.sql("CREATE OR REPLACE TABLE inside (key VARCHAR)")
    if rule.reaction == "ignore":
        return Absence(0, 0, 0)
    take(run, "was_outside", scope.outside(session, source))
    _remember(run, session, source, rule)
    if rule.reaction not in STATES or not run.one("SELECT count(*) FROM outside WHERE due"):
        return Absence(0, 0, 0)
    state = STATES[rule.reaction]
    keys = stage_keys(run, session, "outside_keys", "SELECT key FROM outside WHERE due")
    take(run, "outgoing", entities.linked_to(session, database, model, source, keys, state))
    staged = stage(run, session, "outgoing_entities", shadows.ENTITIES, "SELECT _id AS entity FROM outgoing")
    take(run, "kept_by_others", shadows.held_by_others(session, source, staged, keys))
    chosen = f"""SELECT DISTINCT _id, _version, {state} FROM outgoing
        WHERE _id NOT IN (SELECT entity FROM kept_by_others) AND _id NOT IN (SELECT _id FROM removing)
            AND _id NOT IN (SELECT entity FROM resolved)"""
    count = run.one(f"SELECT count(*) FROM ({chosen})")
    run.sql(f"INSERT INTO removing {chosen}")
    return Absence(0, count if state == 1 else 0, count if state == 2 else 0)


def _remember(run: RunFile, session: Bulk, source: int, rule: OutOfScope) -> None:
    left = """SELECT f.key FROM fresh f SEMI JOIN seen s ON s.key = f.key
        WHERE f.key NOT IN (SELECT _key FROM mapped) AND f.key NOT IN (SELECT key FROM rejected)
        AND f.key NOT IN (SELECT key FROM ended)"""
    wanted = stage_keys(run, session, "left_scope", left)
    take(run, "left_scope", shadows.links(session, source, wanted))
    run.sql("INSERT INTO inside SELECT key FROM was_outside WHERE key IN (SELECT _key FROM mapped)")
    limit = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds(rule.grace) if rule.grace else 0)
    due = f"since <= TIMESTAMPTZ '{limit.isoformat()}'" if rule.grace else "true"
    run.sql(f"""INSERT INTO outside SELECT key, since, coalesce({due}, false) FROM (
            SELECT key, since FROM was_outside WHERE key NOT IN (SELECT key FROM inside)
            UNION ALL SELECT key, NULL FROM left_scope WHERE key NOT IN (SELECT key FROM was_outside))
        WHERE key NOT IN (SELECT key FROM absent)""")


def write_outside(run: RunFile, session: Bulk, manifest: Manifest, moment: dt.datetime) -> None:
    """In the applying transaction: remember since when, forget what came back, unlink where that is said."""
    source = manifest.source
    if not run.one("SELECT (SELECT count(*) FROM outside) + (SELECT count(*) FROM inside)"):
        return
    unlinked = "SELECT key FROM outside WHERE due" if manifest.out_of_scope == "unlink" else ""
    forgotten = " UNION ".join(filter(None, ("SELECT key FROM inside", unlinked)))
    scope.forget(session, source, stage_keys(run, session, "inside_keys", forgotten))
    if unlinked:
        shadows.unlink(session, source, stage_keys(run, session, "unlinked_keys", unlinked))
    newly = f"SELECT key FROM outside WHERE since IS NULL AND key NOT IN ({forgotten})"
    fixed = {"source": str(source), "since": f"TIMESTAMPTZ '{moment.isoformat()}'"}
    if run.one(f"SELECT count(*) FROM ({newly})"):
        scope.remember(session, rows(run, session, scope.COLUMNS, newly, fixed))
