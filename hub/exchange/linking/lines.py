"""A cross-reference table line by line: which record of a system is which entity, as somebody knows already.

A line names the exchange (or system.resource), the record's key, and the entity by its id or by the key
fields of its model. ``judged`` (line, place, key, entity, verdict, other) has what each of them comes to.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hub.errors import ConfigError
from hub.exchange.ground import Hub, source_number
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.spreadsheet import GUARDED
from hub.exchange.staging import stage, stage_keys, take
from hub.mapping.compile import Compiled, compile_mapping
from hub.store import entities, linking, reviews, shadows
from hub.store.bulk import Bulk
from hub.store.wire import duck_type
from hub.workspace.shape import MappingFile

WORDS = {
    "link": "to be linked",
    "unseen": "to be linked when the source gives the record: it has not been read yet",
    "linked": "linked already",
    "said": "said already: it will be linked when the source gives the record",
    "repeated": "the same line once more",
    "elsewhere": "linked to another entity",
    "taken": "another record of the source stands for the entity",
    "twice": "the file links the record, or the entity, twice",
    "unknown": "there is no such entity",
    "ambiguous": "several entities have this key",
    "incomplete": "the line has no key, or names no entity",
    "place": "there is no such exchange",
}
JUDGED = "line BIGINT, place VARCHAR, key VARCHAR, entity UUID, verdict VARCHAR, other VARCHAR"
GOOD = ("link", "unseen")
QUIET = ("linked", "said", "repeated")


@dataclass(frozen=True, slots=True)
class Place:
    """One output that lines are about."""

    number: int
    mapping: MappingFile
    compiled: Compiled
    model: str

    @property
    def outbound(self) -> bool:
        return self.compiled.direction == "outbound"


def read_lines(run: RunFile, file: Path) -> int:
    """``given``: the lines as text; ``line`` counts from the head of the file."""
    if not file.is_file():
        raise ConfigError("links.file", "there is no such file", where=str(file))
    listed = file.suffix.lower() in (".ndjson", ".jsonl", ".json")
    path = sql_text(str(run.bring(file.resolve(), f"links{file.suffix}")))
    reader = f"read_json({path}, format = 'newline_delimited', convert_strings_to_integers = false)"
    if not listed:
        reader = f"read_csv({path}, {_head(file)}, header = true, null_padding = true, parallel = false)"
    try:
        run.sql(
            f"CREATE TABLE given AS SELECT row_number() OVER () + {0 if listed else 1} AS _line, * FROM {reader}"
        )
    except duckdb.Error as error:
        raise ConfigError(
            "links.file",
            f"the file cannot be read: {str(error).splitlines()[0][:200]}",
            where=str(file),
            hint="CSV with a head of names, or NDJSON: exchange, key, and entity or the key fields of the model",
        ) from error
    for name in () if listed else sorted(_columns(run) - {"_line"}):  # as an export wrote it
        cell = sql_name(name)
        run.sql(f"""UPDATE given SET {cell} = regexp_replace({cell}, {sql_text(GUARDED)}, '\\1')
            WHERE starts_with({cell}, chr(39))""")
    if "key" not in _columns(run):
        raise ConfigError(
            "links.file",
            "the file has no column named key",
            where=str(file),
            hint="name the columns exchange, key, and entity or the key fields of the model",
        )
    return int(run.one("SELECT count(*) FROM given"))


def _head(file: Path) -> str:
    """How the file separates, and its names, as options of the reader: nothing is guessed from its lines."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
    except UnicodeDecodeError as error:
        raise ConfigError("links.file", "the file is not UTF-8", where=str(file)) from error
    separator = max(",;\t", key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
    if len(set(names)) < len(names) or not all(names):
        raise ConfigError(
            "links.file", "the names in the head are not all there, or not all different", where=str(file)
        )
    columns = ", ".join(f"{sql_text(name)}: 'VARCHAR'" for name in names)
    return f"auto_detect = false, delim = {sql_text(separator)}, quote = '\"', escape = '\"', columns = {{{columns}}}"


def _columns(run: RunFile) -> set[str]:
    return {str(row[0]) for row in run.sql("DESCRIBE given")}


def places(run: RunFile, place: str | None) -> list[str]:
    """What the lines name as their exchange, ``place`` where they name none. ConfigError ``links.place``."""
    if "exchange" in _columns(run):
        run.sql(f"UPDATE given SET exchange = coalesce(CAST(exchange AS VARCHAR), {sql_text(place or '')})")
    elif place is None:
        raise ConfigError(
            "links.place", "of which exchange are the lines?", hint="a column exchange, or --exchange NAME"
        )
    else:
        run.sql(f"ALTER TABLE given ADD COLUMN exchange VARCHAR DEFAULT {sql_text(place)}")
    return [str(row[0]) for row in run.sql("SELECT DISTINCT exchange FROM given ORDER BY 1")]


def place_of(hub: Hub, name: str) -> Place | None:
    """The one output that a name stands for; None where there is no such exchange."""
    found = []
    for mapping in hub.workspace.mappings.values():
        if mapping.direction == "pass" or name not in (
            mapping.mapping,
            mapping.from_,
            *(output.into for output in mapping.outputs if "." in output.into),
        ):
            continue
        for compiled in compile_mapping(mapping, hub.workspace):
            if name in (mapping.mapping, mapping.from_, compiled.output):
                found.append((mapping, compiled))
    if len(found) > 1:
        listed = ", ".join(sorted({mapping.mapping for mapping, _ in found}))
        raise ConfigError(
            "links.place", f"{name} stands for several outputs: {listed}", hint="name one exchange"
        )
    if not found:
        return None
    mapping, compiled = found[0]
    model = mapping.from_ if compiled.direction == "outbound" else compiled.output
    return Place(source_number(hub.database, mapping, compiled), mapping, compiled, model)


# ---------------------------------------------------------------- judging


def judge(hub: Hub, run: RunFile, session: Bulk, name: str, place: Place | None) -> None:
    """Add the lines of one place to ``judged``; None: there is no such place."""
    mine = f"SELECT * FROM given WHERE exchange = {sql_text(name)}"
    if place is None:
        run.sql(
            f"""INSERT INTO judged SELECT _line, exchange, CAST(key AS VARCHAR), NULL, 'place', '' FROM ({mine})"""
        )
        return
    _entities(hub, run, session, place, mine)
    verdicts(run, session, place.number, name, outbound=place.outbound)


def verdicts(run: RunFile, session: Bulk, number: int, name: str, *, outbound: bool) -> None:
    """Add to ``judged`` what ``named`` (line, key, wanted, entity, found) comes to now, by what is linked and
    said of the records and entities of a source."""
    keys = stage_keys(run, session, "import_keys", "SELECT DISTINCT key FROM named WHERE key IS NOT NULL")
    known = linking.foreign_ids if outbound else linking.linked_keys
    take(run, "key_known", known(session, number, keys))
    take(run, "key_decided", reviews.decided(session, number, keys))
    wanted = stage(
        run,
        session,
        "import_entities",
        shadows.ENTITIES,
        "SELECT DISTINCT entity FROM named WHERE entity IS NOT NULL",
    )
    take(run, "entity_known", linking.linked_entities(session, number, wanted, outbound=outbound))
    fresh = "'link'" if outbound else "CASE WHEN k.key IS NULL THEN 'unseen' ELSE 'link' END"
    run.sql(f"""INSERT INTO judged SELECT line, {sql_text(name)}, n.key, n.entity, CASE
            WHEN n.key IS NULL OR n.wanted = '' THEN 'incomplete'
            WHEN n.found = 0 THEN 'unknown' WHEN n.found > 1 THEN 'ambiguous'
            WHEN k.entity = n.entity THEN 'linked'
            WHEN k.entity IS NOT NULL THEN 'elsewhere'
            WHEN e.key IS NOT NULL THEN {"'elsewhere'" if outbound else "'taken'"}
            WHEN n.first < line AND n.entities = 1 AND n.keys = 1 THEN 'repeated'
            WHEN n.entities > 1 OR n.keys > 1 THEN 'twice'
            WHEN d.entity = n.entity THEN 'said'
            WHEN d.key IS NOT NULL THEN 'elsewhere'
            ELSE {fresh} END,
            coalesce(CAST(k.entity AS VARCHAR), e.key, CAST(d.entity AS VARCHAR), n.wanted)
        FROM (SELECT *, min(line) OVER (PARTITION BY key, entity) AS first,
                count(DISTINCT entity) OVER (PARTITION BY key) AS entities,
                count(DISTINCT key) OVER (PARTITION BY entity) AS keys FROM named) n
        LEFT JOIN (SELECT key, any_value(entity) AS entity FROM key_known GROUP BY key) k ON k.key = n.key
        LEFT JOIN (SELECT entity, min(key) AS key FROM entity_known GROUP BY entity) e
            ON e.entity = n.entity AND e.key <> n.key
        LEFT JOIN (SELECT key, entity FROM key_decided WHERE kind IN ('link', 'create')
            QUALIFY row_number() OVER (PARTITION BY key ORDER BY id DESC) = 1) d ON d.key = n.key""")


def _entities(hub: Hub, run: RunFile, session: Bulk, place: Place, mine: str) -> None:
    """``named`` (line, key, wanted, entity, found): the entity that each line means."""
    there, fields = _columns(run), hub.workspace.models[place.model].key
    by_key = all(name in there for name in fields)
    given = "CAST(entity AS VARCHAR)" if "entity" in there else "NULL"
    if not by_key and "entity" not in there:
        has = ", ".join(sorted(there - {"_line", "exchange"}))
        raise ConfigError(
            "links.file",
            f"the file names no entity: it has {has}, and neither entity nor {', '.join(fields)}",
            hint=f"add the key fields of {place.model}, or a column entity",
        )
    columns = entities.columns(hub.database, place.model)
    typed = ", ".join(
        f"TRY_CAST(CAST({sql_name(name)} AS VARCHAR) AS {duck_type(columns[name])}) AS {sql_name('k_' + name)}"
        for name in fields
        if by_key
    )
    texts = ", ".join(f"CAST({sql_name(name)} AS VARCHAR)" for name in fields) if by_key else "NULL"
    run.sql(f"""CREATE OR REPLACE TABLE asked AS SELECT _line AS line, nullif(CAST(key AS VARCHAR), '') AS key,
        TRY_CAST({given} AS UUID) AS id, coalesce(nullif({given}, ''), concat_ws(' ', {texts})) AS wanted,
        {typed or "NULL AS nothing"} FROM ({mine})""")
    staged = stage(
        run,
        session,
        "import_ids",
        shadows.ENTITIES,
        "SELECT DISTINCT id AS entity FROM asked WHERE id IS NOT NULL",
    )
    take(run, "known_id", linking.there(session, hub.database, place.model, staged))
    run.sql("""CREATE OR REPLACE TABLE meant AS SELECT a.line, i.living AS entity FROM asked a
        JOIN known_id i ON i.entity = a.id""")
    if by_key:
        _by_key(hub, run, session, place.model, fields)
    run.sql("""CREATE OR REPLACE TABLE named AS SELECT a.line, a.key, a.wanted, any_value(m.entity) AS entity,
        count(DISTINCT m.entity) AS found FROM asked a LEFT JOIN meant m USING (line)
        GROUP BY a.line, a.key, a.wanted""")


def _by_key(hub: Hub, run: RunFile, session: Bulk, model: str, fields: Sequence[str]) -> None:
    columns = entities.columns(hub.database, model)
    filled = " AND ".join(f"{sql_name('k_' + name)} IS NOT NULL" for name in fields)
    listed = ", ".join(f"{sql_name('k_' + name)} AS {sql_name(name)}" for name in fields)
    values = stage(
        run,
        session,
        "import_named",
        {name: columns[name] for name in fields},
        f"SELECT DISTINCT {listed} FROM asked WHERE id IS NULL AND {filled}",
    )
    take(run, "by_key", entities.candidates(session, hub.database, model, values, fields))
    same = " AND ".join(f"b.{sql_name(name)} = a.{sql_name('k_' + name)}" for name in fields)
    run.sql(f"INSERT INTO meant SELECT a.line, b._id FROM asked a JOIN by_key b ON {same} WHERE a.id IS NULL")
