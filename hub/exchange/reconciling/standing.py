"""What stands in a target: read whole through its Source side, or looked up where it cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from hub.contract import Query, Resource
from hub.errors import ConfigError, RecordRejected, Retriable
from hub.exchange.extract import json_path, key_sql, pull
from hub.exchange.ground import Progress
from hub.exchange.manifest import Manifest
from hub.exchange.reconciling.difference import MISSING
from hub.exchange.runfile import RunFile, sql_text

CHUNK = 100
UNREAD = "the target cannot be read"
LACKS = "the target's list lacks"
VERIFIED = 200
"""Records that are looked up one by one before any is called missing."""


def read_target(
    run: RunFile, connector: Any, resource: Resource, manifest: Manifest, progress: Progress, *, reads: bool
) -> str:
    """``there`` (pos, id, own_key, raw): the records of the target. Answers why it may not be all of them,
    nothing where it is."""
    if reads:
        try:
            return _read(run, connector, resource, manifest, progress)
        except (ConfigError, NotImplementedError):
            pass  # it can be written to and not be read
        except Retriable as error:
            if error.code != "total.short":
                raise
            look_up(run, connector, resource, manifest, progress)
            return f"{UNREAD} whole: {error.message}; the hub's own records were looked up one by one"
    look_up(run, connector, resource, manifest, progress)
    return f"{UNREAD}: what it holds beside the hub's records is not known"


def look_up(run: RunFile, connector: Any, resource: Resource, manifest: Manifest, progress: Progress) -> None:
    """``there`` of the hub's own records alone, each as a look-up finds it. ConfigError where there is none."""
    run.sql("CREATE OR REPLACE TABLE there (pos BIGINT, id VARCHAR, own_key VARCHAR, raw JSON)")
    for rows in _looked_up(run, connector, resource, manifest):
        run.append("there", pa.Table.from_pylist(rows, schema=_SHAPE))
        progress("extract", {"read": run.one("SELECT count(*) FROM there")})


def _read(run: RunFile, connector: Any, resource: Resource, manifest: Manifest, progress: Progress) -> str:
    part = f"there{manifest.number}"
    pulled = pull(
        connector, Query(resource), run, lambda read: progress("extract", {"read": read}), part=part
    )
    parts = [f"raw->>{sql_text(json_path(name))}" for name in manifest.target_key]
    unnamed = " OR ".join(f"({part}) IS NULL" for part in parts)
    own_key = f"CASE WHEN NOT ({unnamed}) THEN CAST(to_json([{', '.join(parts)}]) AS VARCHAR) END"
    identity = key_sql(resource.key) if resource.key else "NULL::VARCHAR"
    run.sql(f"""CREATE OR REPLACE TABLE there AS SELECT row_number() OVER () AS pos, {identity} AS id,
        {own_key} AS own_key, raw FROM ({pulled.scan})""")
    count = run.one("SELECT count(*) FROM there")
    known = run.one("SELECT count(*) FROM acknowledged")
    if pulled.announced is not None and count < pulled.announced:
        return f"{count} records read, {pulled.announced} announced"
    if not count and known:
        return f"the target gave no record where it acknowledged {known}"
    return ""


_COLUMNS: dict[str, pa.DataType] = {
    "pos": pa.int64(),
    "id": pa.string(),
    "own_key": pa.string(),
    "raw": pa.string(),
}
_SHAPE = pa.schema(_COLUMNS)


def _looked_up(
    run: RunFile, connector: Any, resource: Resource, manifest: Manifest
) -> Iterator[list[dict[str, Any]]]:
    """The hub's own records, as the target shows them to a look-up."""
    wanted = run.sql("SELECT DISTINCT coalesce(earlier, foreign_key) FROM known ORDER BY 1")
    for start in range(0, len(wanted), CHUNK):
        texts = [text for (text,) in wanted[start : start + CHUNK]]
        found = find(connector, resource, manifest.target_key, texts)
        yield [
            {
                "pos": start + number,
                "id": there.foreign_id,
                "own_key": text,
                "raw": json.dumps(dict(there.values), default=str, ensure_ascii=False),
            }
            for number, (text, there) in enumerate(zip(texts, found, strict=True))
            if there is not None
        ]


def find(connector: Any, resource: Resource, names: Sequence[str], texts: Sequence[str]) -> list[Any]:
    """Look natural keys (JSON arrays) up; one that several records have counts as found by none."""
    keys: list[Mapping[str, Any]] = [dict(zip(names, json.loads(text), strict=True)) for text in texts]
    try:
        return list(connector.find(resource, keys))
    except RecordRejected:
        found: list[Any] = []
        for key in keys:
            try:
                found += connector.find(resource, [key])
            except RecordRejected:
                found.append(None)
        return found


def verified(run: RunFile, connector: Any, resource: Resource, manifest: Manifest) -> str:
    """Records that the list lacks are looked up, some hundred at most: one that is there shows that the list
    is not whole. Answers why nothing may be called missing."""
    texts = [
        text
        for (
            text,
        ) in run.sql(f"""SELECT earlier FROM pair WHERE {MISSING}
            ORDER BY hash(key) LIMIT {VERIFIED}""")
    ]
    here = 0
    for start in range(0, len(texts), CHUNK):
        try:
            found = find(connector, resource, manifest.target_key, texts[start : start + CHUNK])
        except (ConfigError, NotImplementedError):
            return ""  # no look-up: the list is all there is
        except Retriable as error:
            return f"the look-up of missing records failed: {error.message}"
        here += sum(one is not None for one in found)
    if here:
        return f"{LACKS} {here} of {len(texts)} records that a look-up finds: is its paging declared?"
    return ""
