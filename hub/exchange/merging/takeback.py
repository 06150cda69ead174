"""Take back: a record that is gone takes along what its mapping supplied, and only that.

Where another source still stands for the entity, the fields whose origin is our mapping become what others
said in vain, else empty; lists lose what nobody else says. A field that the model requires is never emptied:
it keeps its value and belongs to nobody, so that the next source that speaks has it.

``taking`` (key, entity) are the records concerned; the changed entities join ``updating``.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.exchange.merging import said
from hub.exchange.merging.claims import Claims
from hub.exchange.merging.departed import kept
from hub.exchange.merging.lists import unite
from hub.exchange.merging.merge import NOTHING, merged_rows
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, stage_keys, take
from hub.mapping.compile import Compiled
from hub.store import entities, origins, shadows
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.wire import duck_type


def take_back(
    run: RunFile,
    session: Bulk,
    database: Database,
    source: int,
    compiled: Compiled,
    claims: Claims,
    leaving: str,
    fields: Sequence[str],
) -> int:
    """``leaving`` is a query of the keys that stand for nothing any more, ``fields`` what the patterns of
    ``updating`` have signs of; answers how many entities change. What is deleted is left as it is; what is
    disabled as well, by a source whose absent record goes on counting for another, gets its new state here."""
    run.sql("CREATE OR REPLACE TABLE taking (key VARCHAR, entity UUID)")
    keys = stage_keys(run, session, "leaving_keys", leaving)
    take(run, "parting", shadows.links(session, source, keys))
    run.sql("""INSERT INTO taking SELECT key, entity FROM parting
        WHERE entity NOT IN (SELECT entity FROM resolved)
            AND entity NOT IN (SELECT _id FROM removing WHERE _state = 2)""")
    if not run.one("SELECT count(*) FROM taking"):
        return 0
    staged = stage(run, session, "taken_entities", shadows.ENTITIES, "SELECT DISTINCT entity FROM taking")
    take(run, "standing_for", shadows.standing(session, source, staged, keys))
    run.sql(f"""DELETE FROM taking WHERE entity NOT IN (SELECT entity FROM standing_for)
        OR entity IN (SELECT entity FROM standing_for WHERE source = {source})""")
    if not run.one("SELECT count(*) FROM taking"):
        return 0
    identity = entities.columns(database, claims.model.model)["_id"]
    wanted = stage(run, session, "taken", {"_id": identity}, "SELECT DISTINCT entity AS _id FROM taking")
    take(run, "golden", entities.read(session, database, claims.model.model, wanted))
    run.sql("DELETE FROM golden WHERE _state > 1")
    _decide(run, session, database, compiled, claims)
    touched = "regexp_matches(_pattern, '[^0]')"
    unsigned = sql_text("0" * (len(fields) - len(compiled.columns)))
    run.sql(f"""INSERT INTO updating BY NAME SELECT m.* EXCLUDE (_old_state)
        REPLACE (coalesce(r._state, _old_state) AS _state, _pattern || {unsigned} AS _pattern)
        FROM merged m LEFT JOIN removing r ON r._id = m._id WHERE {touched}""")
    return int(run.one(f"SELECT count(*) FROM merged WHERE {touched}"))


def _decide(run: RunFile, session: Bulk, database: Database, compiled: Compiled, claims: Claims) -> None:
    """``merged``, ``outvoting``: what the entities are without our records."""
    model, mapping = claims.model, compiled.mapping
    fields = [column.name for column in compiled.columns]
    known = origins.read(session, model.model)
    said.hear(run, session, claims, mapping, fields, known, "SELECT _id AS entity FROM golden")
    contested = set(claims.contested(mapping))
    lists = [name for name in fields if model.fields[name].many and name in contested]
    scalars = [name for name in fields if name not in lists]
    for name in lists:
        unite(run, claims, mapping, name, NOTHING)
    columns = entities.columns(database, model.model)
    decided = {}
    for name in fields:
        quoted, kind = sql_name(name), duck_type(columns[name])
        mine = f"coalesce({said.holder(name)}.exchange = {sql_text(mapping)}, false)"
        if name in lists:
            united = said.united(name)
            touched = f"{mine} OR {united}.value IS DISTINCT FROM g.{quoted}"
            sign = f"CASE WHEN {touched} THEN coalesce({united}.sign, '-') ELSE '0' END"
            decided[name] = (f"{united}.value", sign)
            continue
        other = said.fallback(name)
        rest = f"g.{quoted}" if kept(model, name) else "NULL"
        decided[name] = (
            f"CASE WHEN NOT {mine} THEN g.{quoted} WHEN {other}.value IS NOT NULL "
            f"THEN CAST({other}.value AS {kind}) ELSE {rest} END",
            f"CASE WHEN NOT {mine} THEN '0' WHEN {other}.value IS NOT NULL THEN {other}.sign ELSE '-' END",
        )
    joins = said.joins(fields) + "".join(
        f" LEFT JOIN {said.united(name)} ON {said.united(name)}.entity = g._id" for name in lists
    )
    merged_rows(run, model, decided, f"FROM golden g{joins}")
    said.taken_over(run, mapping, {name: at for at, name in enumerate(fields, 1) if name in scalars})
