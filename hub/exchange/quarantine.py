"""What was not applied, with its reason, its place in the source, and its original kept sealed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import pyarrow as pa

from hub.exchange.extract import Extracted
from hub.exchange.manifest import Manifest
from hub.exchange.map import Mapped
from hub.exchange.resolve import new_entity_id
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.staging import rows, stage_keys
from hub.mapping.compile import Compiled
from hub.store import quarantined
from hub.store.bulk import Bulk
from hub.store.database import now

CLASSIFIED = ("L3", "L4", "L5")


@dataclass(frozen=True, slots=True)
class Held:
    """Table ``held`` (key, hash, state, code, field, message, input, position): one row per reason."""

    reasons: int
    records: int


def collect(run: RunFile, extracted: Extracted, mapped: Mapped, compiled: Compiled) -> Held:
    """Bring rejects, verdicts and records without key together with their source positions."""
    secret = (
        ", ".join(
            sql_text(column.name)
            for column in compiled.columns
            if column.field and column.field.level in CLASSIFIED
        )
        or "''"
    )
    run.table(
        "piece",
        pa.table(
            {
                "start": pa.array([piece.start for piece in extracted.pieces], pa.int64()),
                "origin": pa.array([piece.origin for piece in extracted.pieces], pa.string()),
                "first": pa.array([piece.first for piece in extracted.pieces], pa.int64()),
            }
        ),
    )
    run.sql(f"""CREATE OR REPLACE TABLE held_back AS
        SELECT key, hash, 'quarantined' AS state, code, field, message, input FROM rejected
        UNION ALL SELECT key, hash, state, code, field, message, input FROM verdict
        UNION ALL SELECT '', hash, 'quarantined', 'key.missing', {sql_text(", ".join(extracted.resource.key))},
            'the record has no key', NULL FROM extracted WHERE key IS NULL""")
    run.sql(f"""CREATE OR REPLACE TABLE held AS
        SELECT h.key, h.hash, h.state, h.code, h.field, CASE WHEN h.field IN ({secret}) THEN 'value not shown: ' || h.code
            ELSE h.message END AS message, CASE WHEN h.field IN ({secret}) THEN NULL ELSE h.input END AS input,
            coalesce(p.origin || ':' || (p.first + h.pos - p.start), '') AS position, h.pos, NULL::VARCHAR AS original
        FROM (SELECT b.*, e.pos FROM held_back b LEFT JOIN (
                SELECT min(rowid) AS pos, hash FROM extracted
                WHERE hash IN (SELECT hash FROM held_back) GROUP BY hash) e
              ON e.hash = b.hash) h
        ASOF LEFT JOIN piece p ON h.pos >= p.start""")
    reasons, records = run.sql("SELECT count(*), count(DISTINCT (key, hash)) FROM held")[0]
    return Held(reasons, records)


def write_held(run: RunFile, session: Bulk, manifest: Manifest, run_id: uuid.UUID) -> None:
    """In the applying transaction: close the entries that are settled, open those of ``held``."""
    moment = now()
    if run.one("SELECT count(*) FROM settled"):
        settled = stage_keys(run, session, "settled_keys", "SELECT DISTINCT key FROM settled")
        quarantined.settle(session, manifest.source, settled, moment)
    if run.one("SELECT count(*) FROM held"):
        quarantined.load(
            session,
            rows(
                run,
                session,
                quarantined.COLUMNS,
                "SELECT *, row_number() OVER () AS number FROM held",
                {
                    "id": new_entity_id("number"),
                    "source": str(manifest.source),
                    "exchange": sql_text(manifest.exchange),
                    "map_hash": str(manifest.map_hash),
                    "run_id": sql_text(str(run_id)),
                    "created_at": f"TIMESTAMPTZ '{moment.isoformat()}'",
                },
            ),
        )
