"""Deletions that events tell, with their versions; and snapshots that events overtake.

A deletion counts where it is not older than what was seen of the record. It is remembered with its version,
even where the record was never seen: an older state that comes later stays out.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from hub.contract import Resource
from hub.exchange.extract import order_sql
from hub.exchange.map import PARENT
from hub.exchange.runfile import RunFile
from hub.exchange.staging import stage, stage_keys, take
from hub.store import inbox, shadows
from hub.store.bulk import Bulk

SCHEMA = pa.schema([("key", pa.string()), ("cur", pa.string())])


def weigh(
    run: RunFile, resource: Resource, versions: Mapping[str, str], map_hash: int, *, each: bool
) -> None:
    """Leave out of ``told`` the deletions that are older than what was seen; ``burying`` (key, cur, map_hash,
    known) has those that are to be remembered with their version (``versions``: key → cursor)."""
    if not versions:
        run.sql("CREATE OR REPLACE TABLE burying (key VARCHAR, cur VARCHAR, map_hash BIGINT, known BOOLEAN)")
        return
    record = PARENT if each else "key"
    rows = [{"key": key, "cur": cur or None} for key, cur in versions.items()]
    run.table("deletion", pa.Table.from_pylist(rows, schema=SCHEMA))
    later = f"{order_sql(resource, 's.cur')} > {order_sql(resource, 'd.cur')}"
    run.sql(f"""CREATE OR REPLACE TABLE weighed AS SELECT d.key, d.cur, coalesce({later}, false) AS late
        FROM deletion d LEFT JOIN (SELECT key, arg_max(cur, {order_sql(resource)}) AS cur FROM (
            SELECT key, cur FROM seen UNION ALL SELECT {record} AS key, cur FROM stuck)
            WHERE cur IS NOT NULL GROUP BY key) s ON s.key = d.key""")
    run.sql("DELETE FROM told WHERE key IN (SELECT key FROM weighed WHERE late)")
    run.sql(f"""CREATE OR REPLACE TABLE burying AS SELECT key, cur, {map_hash}::BIGINT AS map_hash,
        key IN (SELECT key FROM seen) AS known FROM weighed WHERE NOT late AND cur IS NOT NULL""")


def bury(run: RunFile, session: Bulk, source: int) -> None:
    """In the applying transaction: remember the versions of deletions."""
    known_ones, others = run.sql("SELECT count(*) FILTER (known), count(*) FILTER (NOT known) FROM burying")[0]
    if known_ones:
        known = stage(run, session, "buried", shadows.BURIED, "SELECT * FROM burying WHERE known")
        shadows.bury(session, source, known)
    if others:
        unseen = stage(run, session, "unseen", shadows.BURIED, "SELECT * FROM burying WHERE NOT known")
        shadows.bury_unseen(session, source, unseen)


def spare_touched(run: RunFile, session: Bulk, exchange: str, source: int) -> None:
    """Take out of ``absent``, ``gone``, ``taking`` and ``removing`` the records that events speak of which came
    while the snapshot was read and wait for its end: what the snapshot does not know of is not absent."""
    if not run.one("SELECT count(*) FROM absent"):
        return
    touched = inbox.touched(session, exchange)
    if not touched:
        return
    run.table("touched", pa.table({"key": pa.array(touched, pa.string())}))
    # An element is named by its record's key and its own, as JSON.
    run.sql("""CREATE OR REPLACE TABLE spared AS SELECT key FROM absent WHERE key IN (SELECT key FROM touched)
        OR CASE WHEN starts_with(key, '[') AND json_valid(key)
                THEN (key->>'$[0]') IN (SELECT key FROM touched) ELSE false END""")
    if not run.one("SELECT count(*) FROM spared"):
        return
    keys = stage_keys(run, session, "spared_keys", "SELECT key FROM spared")
    take(run, "spared_entity", shadows.links(session, source, keys))
    run.sql("DELETE FROM removing WHERE _id IN (SELECT entity FROM spared_entity)")
    run.sql("""CREATE OR REPLACE TABLE spared_taking AS SELECT entity FROM taking
        WHERE key IN (SELECT key FROM spared)""")
    for name, column in (("updating", "_id"), ("outvoting", "entity")):
        run.sql(f"DELETE FROM {name} WHERE {column} IN (SELECT entity FROM spared_taking)")
    for name in ("absent", "gone", "taking"):
        run.sql(f"DELETE FROM {name} WHERE key IN (SELECT key FROM spared)")
