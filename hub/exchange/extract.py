"""Extract: pull the pages of a source into the run file, and certify what was pulled.

``extracted`` holds one row per record: pos (its order, from 0), key, hash of its text and cursor.
The records themselves stay in the stage as they came; ``record_scan`` reads them again where they
are needed, which is cheaper than carrying them through every stage.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import duckdb
import pyarrow as pa

from hub import tracing
from hub.contract import Page, Query, Resource, Source
from hub.errors import ConfigError, Fatal, Retriable
from hub.exchange.malformed import LARGE, malformed
from hub.exchange.pages import MAX_RECORD, Piece, Stage, objects, staged, write_lines
from hub.exchange.runfile import HASH, RunFile, sql_text
from hub.exchange.surrogates import SIGN, mend
from hub.failpoints import reach

EARLIER = "an earlier read"
_GONE = pa.schema([("key", pa.string()), ("gone", pa.string())])
PLAIN = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?|\d+")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whether the records read are all there were. Absence counts only where ``complete`` (P5); ``whole`` says
    that all there were are here, though not all of them can be told apart; ``hold`` that a person is asked."""

    complete: bool
    reason: str = ""
    announced: int | None = None
    whole: bool = False
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Extracted:
    """The stage's result: table ``extracted``, and what is known about it; ``place`` is the column that says where in
    the ``pieces`` a record lay."""

    resource: Resource
    full: bool
    read: int
    duplicates: int
    keyless: int
    certificate: Certificate
    cursor: str | None
    token: str | None
    deleted: tuple[str, ...]
    pieces: tuple[Piece, ...]
    fields: tuple[str, ...]
    scan: str = field(repr=False, default="")
    shadows_read: bool = False
    profile: Mapping[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    place: str = "rowid"


@dataclass(frozen=True, slots=True)
class Pulled:
    """Pages in the stage: how to scan them, and what they told."""

    scan: str
    count: int
    announced: int | None
    token: str | None
    deleted: tuple[str, ...]
    pieces: tuple[Piece, ...]
    beside: tuple[str, Mapping[str, str]] = ("", {})


def pull(
    source: Source, query: Query, run: RunFile, progress: Callable[[int], None], *, part: str = "records"
) -> Pulled:
    """Bring all pages of one read into the stage. Raises Retriable ``page.cut`` where the source stopped
    early; then nothing of this read is used."""
    writer = Stage(run, part)
    last: Page | None = None
    deleted: list[str] = []
    announced: int | None = None
    with writer:
        for page in tracing.each("page", source.read(query), _told, resource=query.resource.name):
            reach("after_fetch")
            writer.add(page)
            deleted += page.deleted
            if page.announced is not None:  # a count that shrinks on the way proves nothing
                announced = max(announced or 0, page.announced)
            last = page
            progress(max(writer.count, 0))
            reach("after_page")
        scan = writer.close()
    if last is None or not last.last:
        raise Retriable(
            "page.cut",
            f"{query.resource.name}: the source stopped in the middle of its pages",
            hint="nothing was used; the next run reads again",
        )
    cursor = [query.resource.cursor] if query.resource.cursor else []
    beside = writer.beside([*query.resource.key, *cursor])
    return Pulled(scan, writer.count, announced, last.token, tuple(deleted), tuple(writer.pieces), beside)


def _told(page: Page) -> dict[str, int]:
    return {"records": page.count, "deleted": len(page.deleted)}


@tracing.traced("extract")
def extract(
    source: Source,
    query: Query,
    run: RunFile,
    progress: Callable[[int], None] = lambda read: None,
    scan_of: Callable[[str], str] | None = None,
    again: Iterable[bytes] = (),
) -> Extracted:
    """Read everything the query asks for into ``extracted``. ``scan_of`` lays joined records in; ``again``
    are records of earlier reads (JSON texts) that are looked at once more, before those that come now."""
    resource = query.resource
    if not resource.key:
        raise ConfigError(
            "resource.key",
            f"nothing says which fields identify a record of {resource.name}",
            hint="write key: under the resource, or key: in the mapping",
        )
    pulled = _after(run, resource, again, pull(source, query, run, progress))
    scan = scan_of(pulled.scan) if scan_of else pulled.scan
    full = query.since is None and query.token is None
    given = pulled.beside if scan == pulled.scan else ("", {})
    read, keyless = index(run, resource, scan, pulled.count, pulled.pieces, beside=given)
    cursor = _newest(run, resource) if resource.cursor else None
    duplicates = flag_duplicates(run, resource, read)
    certificate = _certify(resource, read - duplicates, pulled.announced, full)
    return Extracted(
        resource,
        full,
        read,
        duplicates,
        keyless,
        certificate,
        cursor,
        pulled.token,
        pulled.deleted,
        pulled.pieces,
        _names(run, scan),
        scan,
    )


def _after(run: RunFile, resource: Resource, again: Iterable[bytes], pulled: Pulled) -> Pulled:
    """What was pulled, behind the records of earlier reads that were not deleted since."""
    path = run.stage / "again.ndjson"
    number = write_lines(path, again)
    if number and pulled.deleted:
        number -= drop_deleted(run, resource, path, dict.fromkeys(pulled.deleted, ""))
    if not number:
        return pulled
    pieces = [dataclasses.replace(piece, start=piece.start + number) for piece in pulled.pieces]
    return dataclasses.replace(
        pulled,
        scan=f"{objects([path])} UNION ALL {pulled.scan}",
        count=pulled.count + number if pulled.count >= 0 else -1,
        beside=("", {}),
        pieces=(Piece(0, EARLIER, 1), *pieces),
    )


def _certify(resource: Resource, read: int, announced: int | None, full: bool) -> Certificate:
    """``read`` counts keys, not records: a page that came twice stands for one that did not come."""
    if not full:
        return Certificate(False, "an incremental read", announced)
    if resource.messages:
        return Certificate(False, "its records are messages: one that is not there may have been taken away", announced)
    if announced is not None and read < announced:
        return Certificate(False, f"{read} different records read, {announced} announced", announced)
    return Certificate(True, "", announced, whole=True)


def json_path(name: str) -> str:
    """DuckDB's JSON path of a dotted field name."""
    return "$" + "".join(f'."{part}"' for part in name.split("."))


def field_sql(name: str, raw: str = "raw") -> str:
    """DuckDB SQL of the text of a record's field."""
    return f"({raw}->>{sql_text(json_path(name))})"


def key_sql(names: Iterable[str], raw: str = "raw", beside: Mapping[str, str] = MappingProxyType({})) -> str:
    """DuckDB SQL of a record's key, equal to ``hub.contract.key_text``; NULL where a part is missing. ``beside`` is
    the SQL of fields that need not be taken out of the JSON."""
    parts = [beside.get(name) or field_sql(name, raw) for name in names]
    if len(parts) == 1:
        return f"nullif({parts[0]}, '')"
    missing = " OR ".join(f"{part} IS NULL" for part in parts)
    return f"CASE WHEN {missing} THEN NULL ELSE CAST(to_json([{', '.join(parts)}]) AS VARCHAR) END"


def index(
    run: RunFile,
    resource: Resource,
    scan: str,
    count: int,
    pieces: Sequence[Piece],
    *,
    again: bool = False,
    beside: tuple[str, Mapping[str, str]] = ("", {}),
) -> tuple[int, int]:
    """Make ``extracted``, and ``spoiled`` (hash): the records with half a character in them, which are set aside;
    answers records read, and those of them without key. ``again`` says that the records were read before, ``beside``
    is a scan of the same with columns beside the JSON."""
    run.sql("CREATE OR REPLACE TABLE main.spoiled (hash BIGINT)")
    wide, columns = beside
    cursor = columns.get(name) or field_sql(name) if (name := resource.cursor) else "NULL::VARCHAR"
    # No join here, nor IN: DuckDB keeps the order of a scan, and so positions, only without.
    query = (
        "SELECT key, hash, cur FROM (SELECT "
        f"CASE WHEN strlen(raw) > {MAX_RECORD} THEN error({sql_text(LARGE)}) "
        f"ELSE {key_sql(resource.key, beside=columns)} END AS key, "
        f"{HASH.format('raw')} AS hash, {cursor} AS cur FROM ({wide or scan}))"
    )
    try:
        try:
            read = run.make("main.extracted", query)
        except duckdb.Error as error:
            if "surrogate" not in str(error) or not mend(run, staged(run), MAX_RECORD):
                raise
            read, again = run.make("main.extracted", query), True
    except duckdb.Error as error:
        raise malformed(error, staged(run), pieces, MAX_RECORD) from error
    if again:
        run.sql(f"""INSERT INTO main.spoiled SELECT {HASH.format("raw")} FROM ({scan})
            WHERE contains(CAST(raw AS VARCHAR), {sql_text(SIGN)})""")
    if count >= 0 and read != count:
        raise Fatal(
            "page.count", f"{resource.name}: {read} records are readable of {count} announced by its pages"
        )
    return read, int(run.one("SELECT count(*) FROM extracted WHERE key IS NULL"))


def _names(run: RunFile, scan: str) -> tuple[str, ...]:
    """The fields that the first records have."""
    names = run.sql(f"SELECT DISTINCT unnest(json_keys(raw)) FROM (SELECT raw FROM ({scan}) LIMIT 1000)")
    return tuple(sorted(name for (name,) in names))


def _newest(run: RunFile, resource: Resource) -> str | None:
    """The greatest cursor. Times of one form and whole numbers of one length are ordered as texts are;
    only others have to be read one by one."""
    least, most, shortest, longest = run.sql(
        "SELECT min(cur), max(cur), min(strlen(cur)), max(strlen(cur)) FROM extracted"
    )[0]
    if least is None or (shortest == longest and PLAIN.fullmatch(least) and PLAIN.fullmatch(most)):
        return None if most is None else str(most)
    newest = run.one(f"SELECT arg_max(cur, {order_sql(resource)}) FROM extracted")
    return None if newest is None else str(newest)


def order_sql(resource: Resource, column: str = "cur") -> str:
    """How cursor texts are compared: as the type that is declared, else as numbers or times where they are."""
    kinds = {item.name: item.type for item in resource.fields}
    number = f"TRY_CAST({column} AS DECIMAL(38,9))"
    moment = f"coalesce(CAST(TRY_CAST({column} AS TIMESTAMPTZ) AS VARCHAR), {column})"
    match kinds.get(resource.cursor or ""):
        case "integer" | "decimal" | "float":
            return number
        case "text":
            return column
        case "date" | "datetime":
            return moment
        case _:
            return f"CASE WHEN {column} IS NOT NULL THEN row({number}, {moment}) END"


def flag_duplicates(run: RunFile, resource: Resource, read: int) -> int:
    """Of several records with one key the newest (by cursor, then by position) counts; the others are
    flagged in ``duplicate`` and leave ``extracted``. Overlapping windows make exact copies all the time."""
    run.sql("CREATE OR REPLACE TABLE duplicate (pos BIGINT, key VARCHAR)")
    repeated = "SELECT count(*) FROM (SELECT key FROM extracted WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1)"
    if read < 2 or not run.one(repeated):
        return 0
    order = f"{order_sql(resource)} DESC NULLS LAST, " if resource.cursor else ""
    found = f"""INSERT INTO duplicate SELECT pos, key FROM (
        SELECT rowid AS pos, key, row_number() OVER (PARTITION BY key ORDER BY {order}rowid DESC) AS place
        FROM extracted WHERE key IN (SELECT key FROM extracted GROUP BY key HAVING count(*) > 1))
        WHERE place > 1"""
    return int(run.one(found))


def drop_deleted(run: RunFile, resource: Resource, path: Path, deleted: Mapping[str, str]) -> int:
    """Take out of a file of records those that were deleted since, unless their cursor is later than that of
    the deletion (``deleted``: key → cursor, empty where it has none); answers how many."""
    cursor = field_sql(resource.cursor) if resource.cursor else "NULL::VARCHAR"
    run.table("dropping", pa.table({"key": [*deleted], "gone": [one or None for one in deleted.values()]}, _GONE))
    rows = run.sql(f"""SELECT CAST(raw AS VARCHAR), coalesce(d.key IS NOT NULL
            AND NOT coalesce({order_sql(resource)} > {order_sql(resource, "d.gone")}, false), false)
        FROM (SELECT row_number() OVER () AS n, raw, {key_sql(resource.key)} AS key, {cursor} AS cur
            FROM ({objects([path])})) r
        LEFT JOIN dropping d ON d.key = r.key ORDER BY n""")
    write_lines(path, (text.encode() for text, dropped in rows if not dropped))
    return sum(dropped for _, dropped in rows)
