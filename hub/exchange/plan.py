"""Plans that outlive their run: stored sealed, loaded again, applied exactly."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid

import orjson
from sqlalchemy import insert

from hub.exchange.keep import Keep
from hub.exchange.manifest import TABLES, Manifest
from hub.exchange.runfile import RunFile, sql_text
from hub.store import tables
from hub.store.database import Database, new_id
from hub.store.journal import RunRow

CONTEXT = "plan"


def store_plan(database: Database, keep: Keep, run: RunFile, manifests: list[Manifest], row: RunRow) -> uuid.UUID:
    """Keep the tables of every output and their manifests; answers the plan's id."""
    parts = []
    for manifest in manifests:
        manifest.created_at = dt.datetime.now(dt.UTC).isoformat()
        digests = {}
        for name in TABLES[manifest.direction]:
            path = run.stage / f"plan-{manifest.number}-{name}.parquet"
            run.sql(f"COPY (SELECT * FROM o{manifest.number}.{name}) TO {sql_text(str(path))} (FORMAT parquet)")
            digests[name] = keep.put(path.read_bytes(), f"{CONTEXT}/{name}")
            path.unlink()
        parts.append({"manifest": orjson.loads(manifest.dump()), "tables": digests})
    whole = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    digest = keep.put(whole, CONTEXT)
    identity = new_id()
    counts: dict[str, int] = {}
    for manifest in manifests:
        for key, count in manifest.counts.items():
            counts[key] = counts.get(key, 0) + count
    with database.begin() as connection:
        connection.execute(insert(tables.plan).values(
            id=identity, exchange=row.exchange, run_id=row.id, state="open", digest=digest,
            workspace_hash=row.workspace_hash, counts=counts,
            verdict={"breaches": [text for manifest in manifests for text in manifest.breaches],
                     "sha256": hashlib.sha256(whole).hexdigest()},
            created_at=dt.datetime.now(dt.UTC)))
    return identity


def load_plan(keep: Keep, run: RunFile, digest: str) -> list[Manifest]:
    """Bring a stored plan into a run file, each output in its schema."""
    manifests = []
    for part in orjson.loads(keep.get(digest, CONTEXT)):
        manifest = Manifest.load(orjson.dumps(part["manifest"]))
        run.con.execute(f"CREATE SCHEMA o{manifest.number}")
        for name, table_digest in part["tables"].items():
            path = run.stage / f"{name}.parquet"
            path.write_bytes(keep.get(table_digest, f"{CONTEXT}/{name}"))
            run.sql(f"CREATE TABLE o{manifest.number}.{name} AS SELECT * FROM read_parquet({sql_text(str(path))})")
            path.unlink()
        manifests.append(manifest)
    return manifests
