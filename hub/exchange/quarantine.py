"""What was not applied, with its reason, its place in the source, and its original kept sealed."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from hub.exchange.extract import EARLIER, Extracted
from hub.exchange.ids import new_entity_id
from hub.exchange.keep import Keep
from hub.exchange.manifest import Manifest
from hub.exchange.map import Mapped
from hub.exchange.runfile import HASH, RunFile, sql_text
from hub.exchange.staging import rows, stage_keys
from hub.mapping.compile import Compiled
from hub.mapping.record import path_text
from hub.store import quarantined
from hub.store.bulk import Bulk
from hub.store.database import Database, now

CLASSIFIED = ("L3", "L4", "L5")
ORIGINALS = 5_000
HELD = (
    "key VARCHAR, hash BIGINT, state VARCHAR, code VARCHAR, field VARCHAR, message VARCHAR, input VARCHAR, "
    "position VARCHAR, pos BIGINT, original VARCHAR, cur VARCHAR"
)


@dataclass(frozen=True, slots=True)
class Held:
    """Table ``held`` (key, hash, state, code, field, message, input, position, cur): one row per reason."""

    reasons: int
    records: int


def collect(
    run: RunFile,
    extracted: Extracted,
    mapped: Mapped,
    compiled: Compiled,
    known: Mapping[str, str] | None = None,
) -> Held:
    """Bring rejects, verdicts and records without key together with their source positions. What feeds a
    classified field is not shown; ``known`` are the levels of the fields where no model says them."""
    if not (mapped.rejected or extracted.keyless or run.one("SELECT count(*) FROM verdict")):
        run.sql(f"CREATE OR REPLACE TABLE held ({HELD})")
        return Held(0, 0)
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
        SELECT replace(h.key, chr(0), '␀') AS key, h.hash, h.state, h.code, h.field,
            {told(compiled, known)},
            coalesce(p.origin || ':' || (p.first + h.pos - p.start), '') AS position, h.pos,
            NULL::VARCHAR AS original, h.cur
        FROM (SELECT b.*, e.pos, e.cur FROM held_back b LEFT JOIN (
                SELECT min({extracted.place}) AS pos, any_value(cur) AS cur, hash FROM extracted
                WHERE hash IN (SELECT hash FROM held_back) GROUP BY hash) e
              ON e.hash = b.hash) h
        ASOF LEFT JOIN piece p ON h.pos >= p.start""")
    if any(piece.origin == EARLIER for piece in extracted.pieces):  # where it stood when it was read
        run.sql(f"""UPDATE held SET position = q.position FROM stuck q
            WHERE q.key = held.key AND q.hash = held.hash AND held.position LIKE {sql_text(EARLIER + ":%")}""")
    reasons, records = run.sql("SELECT count(*), count(DISTINCT (key, hash)) FROM held")[0]
    return Held(reasons, records)


def nothing_held(run: RunFile) -> None:
    """``held`` and ``settled`` of a plan that read no record."""
    run.sql(f"CREATE OR REPLACE TABLE held ({HELD})")
    run.sql("CREATE OR REPLACE TABLE settled (key VARCHAR)")


def set_aside(run: RunFile, state: str, code: str, message: str, query: str, *, position: str = "''") -> None:
    """Add the records (key, hash) of ``query`` to ``held``; message and position are SQL over its columns."""
    run.sql(f"""INSERT INTO held BY NAME SELECT key, hash, {sql_text(state)} AS state, {sql_text(code)} AS code,
        '' AS field, {message} AS message, {position} AS position, 0::BIGINT AS pos FROM ({query})""")


def leave_standing(run: RunFile, map_hash: int, *, snapshot: bool) -> None:
    """``standing`` (key): records held back again for the very reasons that are listed already. Their entries
    stay as they are: since when a record waits can be seen, and a run that changes nothing adds nothing."""
    if not run.one("SELECT count(*) FROM held"):
        run.sql("CREATE OR REPLACE TABLE standing (key VARCHAR)")
        return
    told = "list((hash, state, code, field, input) ORDER BY hash, state, code, field, input) AS reasons"
    run.sql(f"""CREATE OR REPLACE TABLE standing AS
        SELECT key FROM (SELECT key, {told} FROM held GROUP BY key)
        SEMI JOIN (SELECT key, {told} FROM stuck WHERE map_hash = {map_hash} GROUP BY key) USING (key, reasons)""")
    run.sql("DELETE FROM held WHERE key IN (SELECT key FROM standing)")
    if not snapshot:  # records without key are told apart by their text alone
        run.sql("DELETE FROM held WHERE key = '' AND hash IN (SELECT hash FROM stuck WHERE key = '')")


def told(compiled: Compiled, known: Mapping[str, str] | None = None) -> str:
    """SQL of ``message`` and ``input`` as they may be kept."""
    secret = ", ".join(sql_text(name) for name in classified_fields(compiled, known)) or "NULL"
    return f"""CASE WHEN field IN ({secret}) THEN 'value not shown: ' || code
        ELSE replace(message, chr(0), '␀') END AS message, CASE WHEN field IN ({secret}) THEN NULL ELSE input END
        AS input"""


def classified_fields(compiled: Compiled, known: Mapping[str, str] | None = None) -> list[str]:
    """Fields of level L3 and higher, and those that read what such a field reads; ``where`` among them."""
    levels = {column.name: (column.field and column.field.level) or "" for column in compiled.columns}
    names = {name for name, level in (levels | dict(known or {})).items() if level in CLASSIFIED}
    paths = {path for column in compiled.columns if column.name in names for path in column.inputs}
    found = [column.name for column in compiled.columns if column.name in names or paths & set(column.inputs)]
    asked = {path_text(path) for one in compiled.conditions for path in one.inputs}
    return [*found, "where"] if paths & asked else found


def keep_originals(run: RunFile, keep: Keep, extracted: Extracted) -> None:
    """Seal the records behind ``held`` into the run store; ``original`` is digest#line."""
    if not run.one("SELECT count(*) FROM held"):
        return
    run.sql("CREATE OR REPLACE TABLE original_of (hash BIGINT, original VARCHAR)")
    query = (
        f"SELECT hash, CAST(any_value(raw) AS VARCHAR) AS raw FROM (SELECT raw, {HASH.format('raw')} AS hash "
        f"FROM ({extracted.scan})) SEMI JOIN held USING (hash) GROUP BY hash"
    )
    # A reader holds its connection: what it gives is written by another one of the same run.
    with run.beside() as other:
        for batch in run.reader(query, ORIGINALS):
            lines = [str(text).encode() for text in batch.column("raw").to_pylist()]
            digest = keep.put(zlib.compress(b"\n".join(lines), 1), "original")
            names = [f"{digest}#{number}" for number in range(1, len(lines) + 1)]
            other.append("original_of", pa.table({"hash": batch.column("hash"), "original": names}))
    run.sql("UPDATE held SET original = o.original FROM original_of o WHERE o.hash = held.hash")


def read_original(keep: Keep, original: str) -> bytes:
    """The record as it was read, JSON text."""
    return next(read_originals(keep, [original]))


def read_originals(keep: Keep, originals: Iterable[str]) -> Iterator[bytes]:
    """The same for many; what lies together is opened once when it is asked for together."""
    for digest, named in itertools.groupby(originals, lambda one: one.partition("#")[0]):
        lines = zlib.decompress(keep.get(digest, "original")).split(b"\n")
        for one in named:
            yield lines[int(one.partition("#")[2]) - 1]


def waiting(database: Database, keep: Keep, exchange: str, today: dt.date) -> Iterator[bytes]:
    """The originals of an exchange's records that wait, and of those that are valid from ``today`` or before."""
    return read_originals(keep, quarantined.waiting(database, exchange, today))


def write_held(run: RunFile, session: Bulk, manifest: Manifest, run_id: uuid.UUID) -> bool:
    """In the applying transaction: close the entries that are settled, open those of ``held``; answers whether
    there are any."""
    moment = now()
    answered = "SELECT key FROM settled UNION SELECT key FROM held WHERE key <> ''"
    keys, reasons = run.sql(f"SELECT (SELECT count(*) FROM ({answered})), (SELECT count(*) FROM held)")[0]
    if keys:
        settled = stage_keys(run, session, "settled_keys", answered)
        quarantined.settle(session, manifest.source, settled, moment)
    if reasons:
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
                    "cause": quarantined.cause_sql(manifest.source),
                    "run_id": sql_text(str(run_id)),
                    "created_at": f"TIMESTAMPTZ '{moment.isoformat()}'",
                },
            ),
        )
    return bool(keys or reasons)
