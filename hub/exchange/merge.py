"""Merge: what each entity becomes, field by field.

A field belongs to the mapping that supplied it (its origin). Another mapping takes it over when it
is stronger (strong before normal before weak), or as strong and ranked higher in the model, or
neither and newer; a weak value only fills the empty. A mapping that now says nothing takes back only
what it supplied itself; what another source had said meanwhile (``outvoted``) comes forward then.

``creation`` is a view of new entities; ``updating`` a table of changed ones: _id, version (expected),
_state, pattern (who supplies each field now), changed (names), the fields. ``outvote`` (source, entity,
outvoted) is what losing sources said.
"""

from __future__ import annotations

import json

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Table, select

from hub.exchange.map import FEW
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.mapping.compile import Compiled
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.models import entity_table
from hub.store.tables import origin as origin_table
from hub.store.wire import decode, duck_type, encode
from hub.workspace.shape import ModelFile

STRENGTH = {"strong": 0, "normal": 1, "weak": 2}
Claim = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Claims:
    """How strongly each mapping claims each field of one model: (strength, rank), small wins."""

    model: ModelFile
    by_field: Mapping[str, Mapping[str, Claim]]

    def beats(self, field: str, mine: str, holder: str) -> bool:
        claims = self.by_field.get(field, {})
        me, other = claims.get(mine, (9, 999)), claims.get(holder, (9, 999))
        return me < other or (me == other and me[0] < STRENGTH["weak"])

    def contested(self, mapping: str) -> tuple[str, ...]:
        """Fields that another mapping writes too."""
        return tuple(name for name, claims in self.by_field.items() if mapping in claims and len(claims) > 1)


@dataclass(frozen=True, slots=True)
class Merged:
    """How many entities are created, changed, brought back; and how many records changed nothing."""

    created: int
    updated: int
    unchanged: int
    changed_fields: Mapping[str, int]
    nulled_fields: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Merger:
    run: RunFile
    session: Bulk
    database: Database
    mapping: str
    model: ModelFile
    compiled: Compiled
    claims: Claims

    def merge(self) -> Merged:
        """Make ``creation`` and ``updating``."""
        fields = [column.name for column in self.compiled.columns]
        self.run.sql(f"""CREATE OR REPLACE VIEW creation AS SELECT r.entity AS _id, r.key, {', '.join(map(self._value, fields))}
            FROM resolved r JOIN mapped m ON m.rowid = r.m {self._ref_joins()} WHERE r.is_new""")
        created = self.run.one("SELECT count(*) FROM resolved WHERE is_new")
        existing = self.run.one("SELECT count(*) FROM resolved WHERE NOT is_new")
        if not existing:
            self._no_updates()
            return Merged(created, 0, 0, {}, {})
        self._read_golden(existing)
        self._update(fields)
        return self._count(created, existing, fields)

    def _value(self, field: str) -> str:
        """A mapped field; references are resolved."""
        column = next(item for item in self.compiled.columns if item.name == field)
        quoted = sql_name(field)
        if not column.ref:
            return f"m.{quoted} AS {quoted}"
        local = f", {sql_name('here_' + field)}.entity" if column.ref == self.model.model else ""
        return f"coalesce({sql_name('ref_' + field)}.entity{local}) AS {quoted}"

    def _ref_joins(self) -> str:
        joins = ""
        for column in self.compiled.columns:
            if not column.ref:
                continue
            quoted, alias = sql_name(column.name), sql_name("ref_" + column.name)
            joins += (f" LEFT JOIN reference {alias} ON {alias}.field = {sql_text(column.name)} "
                      f"AND {alias}.source_key = m.{quoted}")
            if column.ref == self.model.model:
                here = sql_name("here_" + column.name)
                joins += f" LEFT JOIN resolved {here} ON {here}.key = m.{quoted}"
        return joins

    def _no_updates(self) -> None:
        golden = self.database.metadata.tables[entity_table(self.model.model)]
        types = ", ".join(f"{sql_name(name)} {duck_type(golden.c[name])}" for name in self.model.fields)
        self.run.sql("CREATE OR REPLACE TABLE updating (_id UUID, version INTEGER, _state SMALLINT, old_origin INTEGER, "
                     f"pattern VARCHAR, changed VARCHAR[], {types})")
        self.run.sql("CREATE OR REPLACE TABLE outvote (source_mapping VARCHAR, entity UUID, said VARCHAR)")

    def _read_golden(self, count: int) -> None:
        """``golden``: the entities at hand as they are now; ``origins``: who supplied what."""
        table = self.database.metadata.tables[entity_table(self.model.model)]
        query = select(*(table.c[name] for name in ("_id", "_version", "_state", "_origin", *self.model.fields)))
        if count <= FEW * 10:
            wanted = Column("_id", table.c["_id"].type)
            self.session.stage("wanted_entities", [wanted], self.run.reader(
                f"SELECT DISTINCT {encode('entity', wanted, self.session.dialect)} AS _id FROM resolved WHERE NOT is_new"))
            staged = Table("wanted_entities", MetaData(), Column("_id", table.c["_id"].type))
            query = query.join(staged, staged.c["_id"] == table.c["_id"])
        self.run.table("golden", self.session.stream(query),
                       ", ".join(f"{decode(c.name, c)} AS {sql_name(c.name)}" for c in query.selected_columns))

    def _origins(self) -> dict[int, dict[str, str]]:
        return read_origins(self.session, self.model.model)

    def _update(self, fields: Sequence[str]) -> None:
        origins = self._origins()
        values = ", ".join(map(self._value, fields))
        self.run.sql(f"""CREATE OR REPLACE TABLE incoming AS SELECT r.entity AS _id, r.key, {values}
            FROM resolved r JOIN mapped m ON m.rowid = r.m {self._ref_joins()} WHERE NOT r.is_new""")
        decided = {name: self._decide(name, origins) for name in fields}
        new = [f"{decided[name][0] if name in decided else 'g.' + sql_name(name)} AS {sql_name(name)}"
               for name in self.model.fields]
        pattern = " || ".join(f"CASE WHEN {taken} THEN '1' ELSE '0' END" for _, taken in decided.values())
        changed = ", ".join(
            f"CASE WHEN {decided[name][0]} IS DISTINCT FROM g.{sql_name(name)} THEN {sql_text(name)} END" for name in fields)
        self.run.sql(f"""CREATE OR REPLACE TABLE merged AS SELECT g._id, g._version AS version, g._state AS old_state,
            0::SMALLINT AS _state, g._origin AS old_origin, {pattern} AS pattern,
            list_filter([{changed}], lambda x: x IS NOT NULL) AS changed, {', '.join(new)}
            FROM incoming n JOIN golden g ON g._id = n._id""")
        self.run.sql("""CREATE OR REPLACE TABLE updating AS SELECT * EXCLUDE (old_state) FROM merged
            WHERE len(changed) > 0 OR old_state <> 0""")
        self._outvoted(fields, decided)

    def _decide(self, name: str, origins: Mapping[int, Mapping[str, str]]) -> tuple[str, str]:
        """SQL of the field's new value, and of whether it is ours from now on."""
        quoted = sql_name(name)
        mine = [key for key, fields in origins.items() if fields.get(name, self.mapping) == self.mapping]
        beaten = [key for key, fields in origins.items() if key not in mine
                  and self.claims.beats(name, self.mapping, fields[name])]
        ours = _one_of("g._origin", mine)
        taken = (f"({ours} OR (n.{quoted} IS NOT NULL AND (g.{quoted} IS NULL OR {_one_of('g._origin', beaten)})))")
        return f"CASE WHEN {taken} THEN n.{quoted} ELSE g.{quoted} END", taken

    def _outvoted(self, fields: Sequence[str], decided: Mapping[str, tuple[str, str]]) -> None:
        """What this mapping says in vain, kept beside its shadow for the day the winner falls silent."""
        contested = [name for name in fields if name in self.claims.contested(self.mapping)]
        self.run.sql("CREATE OR REPLACE TABLE outvote (source_mapping VARCHAR, entity UUID, said VARCHAR)")
        if contested:
            said = ", ".join(f"{sql_text(name)}, CASE WHEN NOT {decided[name][1]} THEN to_json(n.{sql_name(name)}) END"
                             for name in contested)
            self.run.sql(f"""INSERT INTO outvote SELECT {sql_text(self.mapping)}, n._id,
                nullif(CAST(json_merge_patch('{{}}', json_object({said})) AS VARCHAR), '{{}}')
                FROM incoming n JOIN golden g ON g._id = n._id""")

    def _count(self, created: int, existing: int, fields: Sequence[str]) -> Merged:
        updated = self.run.one("SELECT count(*) FROM updating")
        changed = dict(self.run.sql("SELECT field, count(*) FROM (SELECT unnest(changed) AS field FROM updating) GROUP BY field"))
        nulled = {
            name: self.run.one(f"SELECT count(*) FROM updating WHERE list_contains(changed, {sql_text(name)}) "
                               f"AND {sql_name(name)} IS NULL") for name in changed
        }
        return Merged(created, updated, existing - updated, changed, nulled)


def _one_of(column: str, ids: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(map(str, ids))})" if ids else "false"


def read_origins(session: Bulk, model: str) -> dict[int, dict[str, str]]:
    """Origin id → field → mapping that supplied it; 0 is nobody."""
    rows = session.run(select(origin_table.c.id, origin_table.c.fields).where(origin_table.c.model == model))
    return {0: {}} | {key: fields if isinstance(fields, dict) else json.loads(fields) for key, fields in rows}
