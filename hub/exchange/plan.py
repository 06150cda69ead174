"""Plans that outlive their run: stored sealed, loaded again, applied exactly."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping

import orjson

from hub import tracing
from hub.exchange.keep import Keep
from hub.exchange.manifest import TABLES, Manifest
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.store import plans
from hub.store.database import Database
from hub.store.journal import RunRow

CONTEXT = "plan"


# What makes two plans say the same: not the ids that new entities would get, nor times and positions.
TELLING = {
    "shadowing": "key, hash, expected, changes",
    "removing": "_id, version, _state",
    "absent": "key",
    "gone": "key",
    "held": "key, hash, state, code, field",
    "sending": "key, operation, hash, expected",
    "leftover": "key",
    "linking": "key, entity",
    "uniting": "survivor, loser",
}


@tracing.traced("plan")
def store_plan(
    database: Database,
    keep: Keep,
    run: RunFile,
    manifests: list[Manifest],
    row: RunRow,
    *,
    people: list[str],
    lasts: dt.timedelta,
    audited: Callable[[str, Mapping[str, int]], plans.Audited],
) -> uuid.UUID:
    """Keep the tables of every output and their manifests, made by ``people``; answers the plan's id.
    ``audited`` makes the entry of the audit chain by the plan's digest and counts."""
    parts = []
    for manifest in manifests:
        manifest.authors = people
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
        author=", ".join(people),
        fingerprint=fingerprint(run, manifests),
        keep=lasts,
        audited=audited(digest, counts),
    )


def fingerprint(run: RunFile, manifests: list[Manifest]) -> str:
    """Equal for plans that would do the same to the same."""
    told: list[object] = []
    for manifest in manifests:
        told.append([manifest.exchange, manifest.output, manifest.mode, manifest.breaches, manifest.counts])
        for name in TABLES[manifest.direction]:
            columns = TELLING.get(name)
            if name == "updating":
                columns = _without_ids(run, f"o{manifest.number}.updating")
            if columns is None:
                continue
            row = run.sql(
                f"SELECT count(*), CAST(sum(CAST(hash({columns}) AS HUGEINT)) AS VARCHAR) "
                f"FROM o{manifest.number}.{name}"
            )[0]
            told.append([name, *row])
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _without_ids(run: RunFile, table: str) -> str:
    """All columns but references: those to new entities differ each time."""
    described = run.sql(f"DESCRIBE {table}")
    return ", ".join(sql_name(row[0]) for row in described if row[0] == "_id" or row[1] != "UUID")


def manifests_of(keep: Keep, digest: str) -> list[Manifest]:
    """What a stored plan says of itself, as it was sealed."""
    return [manifest for manifest, _ in _parts(keep, digest)]


def _parts(keep: Keep, digest: str) -> Iterator[tuple[Manifest, dict[str, str]]]:
    for part in orjson.loads(keep.get(digest, CONTEXT)):
        yield Manifest.load(orjson.dumps(part["manifest"])), part["tables"]


def load_plan(keep: Keep, run: RunFile, digest: str) -> list[Manifest]:
    """Bring a stored plan into a run file, each output in its schema."""
    manifests = []
    for manifest, tables in _parts(keep, digest):
        run.use(manifest.number)
        for name, table_digest in tables.items():
            path = run.stage / f"{name}.parquet"
            path.write_bytes(keep.get(table_digest, f"{CONTEXT}/{name}"))
            run.sql(
                f"CREATE TABLE o{manifest.number}.{name} AS SELECT * FROM read_parquet({sql_text(str(path))})"
            )
            path.unlink()
        manifests.append(manifest)
    return manifests
