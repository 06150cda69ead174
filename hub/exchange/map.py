"""Map: leave out what has not changed, and turn the rest into the shape of the output.

Unchanged means: the text of the record, the mapping and the code lists are the same as when the
record was last applied, or last quarantined. Waiting records are tried again every time.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from hub import tracing
from hub.exchange.documents.unfetched import set_unfetched_aside
from hub.exchange.extract import Extracted, key_sql, order_sql
from hub.exchange.lookup import Lookups
from hub.exchange.runfile import HASH, RunFile
from hub.exchange.staging import stage_keys, take
from hub.mapping.compile import Compiled
from hub.mapping.evaluate import Evaluated, evaluate
from hub.mapping.source import source_sql
from hub.store import quarantined, shadows
from hub.store.bulk import Bulk

FEW = 20_000
SEEN = "key VARCHAR, hash BIGINT, map_hash BIGINT, cur VARCHAR, absent_at TIMESTAMPTZ, parent VARCHAR"
STUCK = (
    "key VARCHAR, hash BIGINT, map_hash BIGINT, state VARCHAR, position VARCHAR, original VARCHAR, cur VARCHAR"
)
SET_ASIDE = "('quarantined', 'dismissed')"  # looked at again when record or mapping changes
PARENT = "(key->>'$[0]')"  # the record's key in an element's

# JSON readers round numbers to a double. Where a model asks for more digits than that holds, long numbers
# become text first; a text that only looks like one would no longer be valid JSON, and stays.
_LONG = r"([:\[,]\s*)(-?\d[\d.]{15,}(?:[eE][+-]?\d+)?)(\s*[,}\]])"
_TEXT = f"regexp_replace(CAST(raw AS VARCHAR), '{_LONG}', '\\1\"\\2\"\\3', 'g')"
EXACT = f"CASE WHEN regexp_matches(raw, '{_LONG}') AND json_valid({_TEXT}) THEN {_TEXT}::JSON ELSE raw END"


@dataclass(frozen=True, slots=True)
class Mapped:
    """Tables ``fresh`` (records to look at), ``mapped``, ``rejected``; and what was left out."""

    fresh: int
    unchanged: int
    superseded: int
    still_quarantined: int
    out_of_scope: int
    mapped: int
    rejected: int
    doubled: int = 0


Fill = Callable[[RunFile, int], Evaluated | None]
"""Makes ``mapped`` and ``rejected`` of so many ``fresh`` records without evaluating them; None where it cannot."""


def short_hash(text: str) -> int:
    """The first 64 bits of a SHA-256 in hexadecimal, as a signed integer."""
    return int.from_bytes(bytes.fromhex(text[:16]), signed=True)


@tracing.traced("map")
def map_records(
    run: RunFile,
    session: Bulk,
    extracted: Extracted,
    source: int,
    compiled: Compiled,
    lookups: Lookups,
    *,
    compare: bool = True,
    again: str = "",
    late: bool = False,
    fill: Fill | None = None,
) -> Mapped:
    """Fill ``fresh``, ``mapped`` and ``rejected``; without ``compare`` every record is fresh. ``again`` names
    a table of keys to be looked at although their records are unchanged; ``late`` says that the records may be
    older than what is known: they were not read from the source just now. ``fill`` has what was mapped elsewhere."""
    map_hash = short_hash(compiled.hash)
    few, each = not extracted.full and extracted.read <= FEW, compiled.each is not None
    if extracted.deleted:
        run.table("told", pa.table({"key": pa.array(extracted.deleted, pa.string())}))
    else:
        run.sql("CREATE OR REPLACE TABLE told (key VARCHAR)")
    known = True
    if not compare:
        known = False
        run.sql(f"CREATE OR REPLACE TABLE seen ({SEEN})")
        run.sql(f"CREATE OR REPLACE TABLE stuck ({STUCK})")
    elif not extracted.shadows_read:
        known = read_shadows(run, session, source, few=few, each=each) > 0
    differing = _compare(run, session, extracted, source, map_hash, each=each, again=again, late=late, known=known)
    left = dict(run.sql("SELECT verdict, count(*) FROM left_out GROUP BY verdict")) if known else {}
    fresh = differing - int(run.one("SELECT count(DISTINCT pos) FROM left_out") if left else 0)
    wide = dataclasses.replace(compiled, columns=(*compiled.columns, *compiled.effective))
    evaluated = fill(run, fresh) if fill is not None else None
    if evaluated is None:
        relation = _relation(run, extracted, compiled, fresh)
        evaluated = evaluate(run.con, wide, relation, lookups, read=fresh, shape=True)
    doubled = _doubled(run) if each else 0
    spoiled = _spoiled(run) + set_unfetched_aside(run, extracted)
    return Mapped(
        fresh=fresh,
        unchanged=extracted.read - extracted.keyless - extracted.duplicates - differing,
        superseded=left.get("superseded", 0),
        still_quarantined=left.get("quarantined", 0),
        out_of_scope=evaluated.out_of_scope,
        mapped=evaluated.mapped - doubled - spoiled,
        rejected=evaluated.rejected + spoiled,
        doubled=doubled,
    )


def _spoiled(run: RunFile) -> int:
    """A record with half a character in it is set aside, whatever the mapping makes of it."""
    gone = "SELECT DISTINCT _key AS key, _hash AS hash FROM mapped WHERE _hash IN (SELECT hash FROM main.spoiled)"
    if not run.one("SELECT count(*) FROM main.spoiled") or not (count := run.one(f"SELECT count(*) FROM ({gone})")):
        return 0
    run.sql(f"""INSERT INTO rejected BY NAME SELECT key, hash, '' AS field, 'record.surrogate' AS code,
        'a text of the record holds half a character (a lone surrogate)' AS message FROM ({gone})""")
    run.sql("DELETE FROM mapped WHERE _hash IN (SELECT hash FROM main.spoiled)")
    return int(count)


def _doubled(run: RunFile) -> int:
    """Of several elements of one record with one key the last counts, as with records."""
    run.sql("""CREATE OR REPLACE TABLE doubled AS SELECT rowid AS m FROM mapped
        QUALIFY row_number() OVER (PARTITION BY _key ORDER BY rowid DESC) > 1""")
    run.sql("DELETE FROM mapped WHERE rowid IN (SELECT m FROM doubled)")
    return int(run.one("SELECT count(*) FROM doubled"))


def known_records(run: RunFile, session: Bulk, source: int, compiled: Compiled) -> bool:
    """Read of the shadows only key and hash where most are of this mapping; answers whether that is so.
    ``seen`` is a view then, without the cursors of those."""
    map_hash = short_hash(compiled.hash)
    take(run, "seen_current", shadows.current(session, source, map_hash))
    take(run, "seen_other", shadows.other(session, source, map_hash))
    take(run, "stuck", quarantined.stuck(session, source))
    same, others = (run.one(f"SELECT count(*) FROM {name}") for name in ("seen_current", "seen_other"))
    if same <= others:
        return False
    run.sql(f"""CREATE VIEW seen AS SELECT key, hash, {map_hash}::BIGINT AS map_hash, NULL::VARCHAR AS cur,
        NULL::TIMESTAMPTZ AS absent_at, NULL::VARCHAR AS parent FROM seen_current
        UNION ALL SELECT * FROM seen_other""")
    return True


def read_shadows(run: RunFile, session: Bulk, source: int, *, few: bool, each: bool) -> int:
    """``seen``: what the hub knows of this source's records, ``stuck``: what is quarantined. With few
    records only theirs, and those of keys reported as deleted (``told``), are read. Answers how many both are."""
    wanted = None
    if few:
        keys = "SELECT key FROM extracted WHERE key IS NOT NULL UNION SELECT key FROM told"
        wanted = stage_keys(run, session, "wanted", keys)
    seen = take(run, "seen", shadows.seen(session, source, wanted, elements=each))
    return seen + take(run, "stuck", quarantined.stuck(session, source))


def _compare(
    run: RunFile,
    session: Bulk,
    extracted: Extracted,
    source: int,
    map_hash: int,
    *,
    each: bool,
    again: str = "",
    late: bool,
    known: bool,
) -> int:
    """``fresh``: the records to look at; ``left_out``: those that differ from the shadow and yet are left
    out, with the verdict: none where nothing is ``known`` of any. What is in neither (and is no duplicate) is
    unchanged. Answers how many differ."""
    unrepeated = "AND e.rowid NOT IN (SELECT pos FROM duplicate)" if extracted.duplicates else ""
    later = f"{order_sql(extracted.resource, 'seen_cur')} > {order_sql(extracted.resource)}"
    same = "q.key = d.key AND q.hash = d.hash"
    if each:  # an element's entry has the hash of its record; what waits beside it is tried again
        same = f"q.hash = d.hash AND d.hash NOT IN (SELECT hash FROM stuck WHERE state NOT IN {SET_ASIDE})"
    alike = (
        "seen_current"
        if extracted.shadows_read
        else f"""(SELECT key, hash FROM seen
        WHERE map_hash = {map_hash} AND absent_at IS NULL)"""
    )
    if again:
        alike = f"(SELECT key, hash FROM {alike} ANTI JOIN {again} USING (key))"
    unlike = f"ANTI JOIN {alike} s ON e.hash = s.hash AND e.key = s.key" if known else ""
    differing = run.make(
        "differing",
        f"""SELECT e.rowid AS pos, e.key, e.hash, e.cur
        FROM extracted e {unlike} WHERE e.key IS NOT NULL {unrepeated}""",
    )
    if not known:
        run.sql("CREATE OR REPLACE TABLE left_out (pos BIGINT, verdict VARCHAR)")
        run.sql("CREATE OR REPLACE VIEW fresh AS SELECT * FROM differing")
        return differing
    before = "seen"
    if extracted.shadows_read:
        before = "seen_differing"
        wanted = stage_keys(run, session, "differing_keys", "SELECT DISTINCT key FROM differing")
        take(run, before, shadows.seen(session, source, wanted))
    # What the source itself gives after the mapping changed is what it has, whatever its version.
    comparable = "true" if late else f"s.map_hash = {map_hash}"
    # In two steps: otherwise every shadow's cursor is read, not only those of the records that differ.
    run.sql(f"""CREATE OR REPLACE TABLE seen_before AS SELECT d.pos, d.cur, s.cur AS seen_cur
        FROM differing d JOIN {before} s USING (key) WHERE {comparable} AND s.cur IS NOT NULL""")
    if late:  # what is held back is known too, though it is in no shadow
        record = PARENT if each else "key"
        run.sql(f"""INSERT INTO seen_before SELECT d.pos, d.cur, q.cur FROM differing d
            JOIN (SELECT {record} AS key, cur FROM stuck WHERE cur IS NOT NULL) q USING (key)""")
    left = run.make(
        "left_out",
        f"""SELECT DISTINCT pos, 'superseded' AS verdict FROM seen_before WHERE {later}
        UNION ALL SELECT DISTINCT d.pos, 'quarantined' FROM differing d
        JOIN stuck q ON {same}
        WHERE q.state IN {SET_ASIDE} AND q.map_hash = {map_hash}""",
    )
    run.sql(
        "CREATE OR REPLACE TABLE fresh AS SELECT * FROM differing WHERE pos NOT IN (SELECT pos FROM left_out)"
        if left
        else "CREATE OR REPLACE VIEW fresh AS SELECT * FROM differing"
    )
    return differing


def _relation(run: RunFile, extracted: Extracted, compiled: Compiled, fresh: int) -> str:
    """What ``evaluate`` reads: key, hash and the record as a struct; joined records are in it already."""
    whole = dataclasses.replace(compiled, joins=(), structure=whole_structure(compiled))
    long_numbers = any(
        column.field and column.field.type == "decimal" and column.field.digits > 15
        for column in compiled.columns
    )
    raw = EXACT if long_numbers else "raw"
    key = key_sql(extracted.resource.key)
    hashed = f"SELECT {HASH.format('raw')} AS hash, raw FROM ({extracted.scan})"
    if fresh == extracted.read:
        return source_sql(whole, f"(SELECT {key} AS key, hash, {raw} AS raw FROM ({hashed}))")
    # By hash first: the key is a search through the record's text. Copies have one hash: any of them serves.
    found = f"SELECT {key} AS key, hash, raw FROM ({hashed}) SEMI JOIN fresh USING (hash)"
    chosen = (
        f"SELECT key, hash, any_value({raw}) AS raw FROM ({found}) "
        "SEMI JOIN fresh USING (key, hash) GROUP BY key, hash"
    )
    if fresh > FEW * 10:
        return source_sql(whole, f"({chosen})")
    run.sql(f"CREATE OR REPLACE TABLE fresh_records AS {chosen}")
    return source_sql(whole, "fresh_records")


def whole_structure(compiled: Compiled) -> str:
    """The structure of a record with what ``with`` laid in."""
    structure = json.loads(compiled.structure or "{}")
    for join in compiled.joins:
        inner = json.loads(join.structure)
        structure[join.alias] = [inner] if join.many else inner
    return json.dumps(structure, ensure_ascii=False)
