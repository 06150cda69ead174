"""Plans that outlive their run: stored sealed, loaded again, applied exactly."""

from __future__ import annotations

import datetime as dt
import uuid

import orjson

from hub.exchange.keep import Keep
from hub.exchange.manifest import TABLES, Manifest
from hub.exchange.runfile import RunFile, sql_text
from hub.store import plans
from hub.store.database import Database
from hub.store.journal import RunRow

CONTEXT = "plan"


def store_plan(
    database: Database, keep: Keep, run: RunFile, manifests: list[Manifest], row: RunRow
) -> uuid.UUID:
    """Keep the tables of every output and their manifests; answers the plan's id."""
    parts = []
    for manifest in manifests:
        manifest.created_at = dt.datetime.now(dt.UTC).isoformat()
        digests = {}
        for name in TABLES[manifest.direction]:
            path = run.stage / f"plan-{manifest.number}-{name}.parquet"
            run.sql(
                f"COPY (SELECT * FROM o{manifest.number}.{name}) TO {sql_text(str(path))} (FORMAT parquet)"
            )
            digests[name] = keep.put(path.read_bytes(), f"{CONTEXT}/{name}")
            path.unlink()
        parts.append({"manifest": orjson.loads(manifest.dump()), "tables": digests})
    whole = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    digest = keep.put(whole, CONTEXT)
    counts: dict[str, int] = {}
    for manifest in manifests:
        for key, count in manifest.counts.items():
            counts[key] = counts.get(key, 0) + count
    return plans.add(
        database,
        exchange=row.exchange,
        run_id=row.id,
        digest=digest,
        workspace_hash=row.workspace_hash,
        counts=counts,
        breaches=[text for manifest in manifests for text in manifest.breaches],
    )


def load_plan(keep: Keep, run: RunFile, digest: str) -> list[Manifest]:
    """Bring a stored plan into a run file, each output in its schema."""
    manifests = []
    for part in orjson.loads(keep.get(digest, CONTEXT)):
        manifest = Manifest.load(orjson.dumps(part["manifest"]))
        run.use(manifest.number)
        for name, table_digest in part["tables"].items():
            path = run.stage / f"{name}.parquet"
            path.write_bytes(keep.get(table_digest, f"{CONTEXT}/{name}"))
            run.sql(
                f"CREATE TABLE o{manifest.number}.{name} AS SELECT * FROM read_parquet({sql_text(str(path))})"
            )
            path.unlink()
        manifests.append(manifest)
    return manifests
