"""Merge: what each entity becomes, field by field.

A field belongs to the mapping that supplied it (its origin). Another mapping takes it over when it
claims it more strongly (strong before normal before weak), or as strongly and ranked higher in the
model, or neither and newer; a weak value only fills the empty. A mapping that now says nothing takes
back only what it supplied itself; what another source had said in vain meanwhile (``outvoted`` beside
its shadow) comes forward then.

``creation`` is a view of new entities; ``updating`` a table of changed ones: _id, _expected (version),
_state, _old_origin, _pattern (a sign per mapped field: 0 stays, 1 ours, a letter: another contestant),
_changed (names), the fields. ``outvote`` (entity, said) is what our records say in vain, ``outvoting``
(entity, exchange, patch) what changes of that for other sources' records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from hub.exchange.map import FEW
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.mapping.compile import Compiled
from hub.store import entities, origins, shadows
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.wire import duck_type
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

    def contestants(self) -> tuple[str, ...]:
        """All mappings that write this model, sorted."""
        return tuple(sorted({mapping for claims in self.by_field.values() for mapping in claims}))


@dataclass(frozen=True, slots=True)
class Merged:
    """How many entities are created and changed, how many records changed nothing; and per field how many
    values change and how many become empty."""

    created: int
    updated: int
    unchanged: int
    changed_fields: Mapping[str, int]
    nulled_fields: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Merger:
    """One merge of the resolved records of one mapping output into the entities of its model."""

    run: RunFile
    session: Bulk
    database: Database
    mapping: str
    model: ModelFile
    compiled: Compiled
    claims: Claims

    def merge(self) -> Merged:
        """Make ``creation``, ``updating``, ``outvote`` and ``outvoting``."""
        run, fields = self.run, [column.name for column in self.compiled.columns]
        run.sql(f"""CREATE OR REPLACE VIEW creation AS SELECT r.entity AS _id,
            {", ".join(map(self._value, fields))}
            FROM resolved r JOIN mapped m ON m.rowid = r.m {self._ref_joins()} WHERE r.is_new""")
        run.sql("CREATE OR REPLACE TABLE outvote (entity UUID, said VARCHAR)")
        run.sql("CREATE OR REPLACE TABLE outvoting (entity UUID, exchange VARCHAR, patch VARCHAR)")
        created = run.one("SELECT count(*) FROM resolved WHERE is_new")
        existing = run.one("SELECT count(*) FROM resolved WHERE NOT is_new")
        if not existing:
            self._no_updates()
            return Merged(created, 0, 0, {}, {})
        self._read(existing, fields)
        self._update(fields)
        return self._count(created, existing)

    def _value(self, field: str) -> str:
        """A mapped field; references are resolved."""
        column = next(item for item in self.compiled.columns if item.name == field)
        quoted = sql_name(field)
        if column.field and (column.field.many or column.field.type == "json"):
            return f"CAST(to_json(m.{quoted}) AS VARCHAR) AS {quoted}"  # as it is stored, to compare alike
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
            joins += (
                f" LEFT JOIN reference {alias} ON {alias}.field = {sql_text(column.name)} "
                f"AND {alias}.source_key = m.{quoted}"
            )
            if column.ref == self.model.model:
                here = sql_name("here_" + column.name)
                joins += f" LEFT JOIN resolved {here} ON {here}.key = m.{quoted}"
        return joins

    def _no_updates(self) -> None:
        columns = entities.columns(self.database, self.model.model)
        types = ", ".join(f"{sql_name(name)} {duck_type(columns[name])}" for name in self.model.fields)
        self.run.sql(
            "CREATE OR REPLACE TABLE updating (_id UUID, _expected INTEGER, _state SMALLINT, "
            f"_old_origin INTEGER, _pattern VARCHAR, _changed VARCHAR[], {types})"
        )

    def _read(self, count: int, fields: Sequence[str]) -> None:
        """``incoming``: our values; ``golden``: the entities at hand as they are now."""
        self.run.sql(f"""CREATE OR REPLACE TABLE incoming AS SELECT r.entity AS _id,
            {", ".join(map(self._value, fields))}
            FROM resolved r JOIN mapped m ON m.rowid = r.m {self._ref_joins()} WHERE NOT r.is_new""")
        wanted = None
        if count <= FEW * 10:
            column = entities.columns(self.database, self.model.model)["_id"]
            wanted = stage(
                self.run,
                self.session,
                "wanted_entities",
                {"_id": column},
                "SELECT DISTINCT _id FROM incoming",
            )
        take(self.run, "golden", entities.read(self.session, self.database, self.model.model, wanted))

    def _update(self, fields: Sequence[str]) -> None:
        known = origins.read(self.session, self.model.model)
        contested = [name for name in fields if name in self.claims.contested(self.mapping)]
        if contested:
            self._fallbacks(contested)
        decided = {name: self._decide(name, known, name in contested) for name in fields}
        joins = "".join(
            f" LEFT JOIN fallback {fallback(name)} ON {fallback(name)}.entity = g._id "
            f"AND {fallback(name)}.field = {sql_text(name)}"
            for name in contested
        )
        new = [
            f"{decided[name][0] if name in decided else 'g.' + sql_name(name)} AS {sql_name(name)}"
            for name in self.model.fields
        ]
        pattern = " || ".join(sign for _, sign in decided.values())
        changed = ", ".join(
            f"CASE WHEN {decided[name][0]} IS DISTINCT FROM g.{sql_name(name)} THEN {sql_text(name)} END"
            for name in fields
        )
        self.run.sql(f"""CREATE OR REPLACE TABLE merged AS SELECT g._id, g._version AS _expected,
            g._state AS _old_state, 0::SMALLINT AS _state, g._origin AS _old_origin, {pattern} AS _pattern,
            list_filter([{changed}], lambda x: x IS NOT NULL) AS _changed, {", ".join(new)}
            FROM incoming n JOIN golden g ON g._id = n._id {joins}""")
        self.run.sql("""CREATE OR REPLACE TABLE updating AS SELECT * EXCLUDE (_old_state) FROM merged
            WHERE len(_changed) > 0 OR _old_state <> 0""")
        if contested:
            self._outvote(contested, fields, known)

    def _decide(self, name: str, known: Mapping[int, Mapping[str, str]], contested: bool) -> tuple[str, str]:
        """SQL of the field's new value, and of its sign in the pattern."""
        quoted = sql_name(name)
        mine = [key for key, holders in known.items() if holders.get(name, self.mapping) == self.mapping]
        beaten = [
            key
            for key, holders in known.items()
            if key not in mine and self.claims.beats(name, self.mapping, holders[name])
        ]
        ours = _one_of("g._origin", mine)
        taken = (
            f"({ours} OR (n.{quoted} IS NOT NULL AND (g.{quoted} IS NULL OR {_one_of('g._origin', beaten)})))"
        )
        if not contested:
            return (
                f"CASE WHEN {taken} THEN n.{quoted} ELSE g.{quoted} END",
                f"CASE WHEN {taken} THEN '1' ELSE '0' END",
            )
        given, kind = fallback(name), duck_type(entities.columns(self.database, self.model.model)[name])
        silent = f"({ours} AND n.{quoted} IS NULL AND {given}.value IS NOT NULL)"
        return (
            f"CASE WHEN {silent} THEN CAST({given}.value AS {kind}) WHEN {taken} THEN n.{quoted} ELSE g.{quoted} END",
            f"CASE WHEN {silent} THEN {given}.sign WHEN {taken} THEN '1' ELSE '0' END",
        )

    # ------------------------------------------------------------ several sources of one field

    def _fallbacks(self, contested: Sequence[str]) -> None:
        """``others``: what other sources' records say in vain; ``fallback``: the best of it per field."""
        staged = stage(
            self.run,
            self.session,
            "merged_entities",
            shadows.ENTITIES,
            "SELECT DISTINCT _id AS entity FROM incoming",
        )
        take(self.run, "others_read", shadows.outvoted(self.session, staged))
        self.run.sql(
            f"CREATE OR REPLACE TABLE others AS SELECT * FROM others_read WHERE exchange <> {sql_text(self.mapping)}"
        )
        places = [
            (field, mapping, *claim, contestant_sign(self.claims, mapping))
            for field in contested
            for mapping, claim in self.claims.by_field[field].items()
            if mapping != self.mapping
        ]
        names = ("field", "exchange", "strength", "rank", "sign")
        self.run.table(
            "claim",
            pa.table(
                {name: list(column) for name, column in zip(names, zip(*places, strict=True), strict=True)}
            ),
        )
        self.run.sql("""CREATE OR REPLACE TABLE fallback AS SELECT DISTINCT ON (o.entity, c.field)
            o.entity, c.field, c.exchange, c.sign, json_extract_string(o.outvoted, '$."' || c.field || '"') AS value
            FROM others o JOIN claim c USING (exchange)
            WHERE json_extract_string(o.outvoted, '$."' || c.field || '"') IS NOT NULL
            ORDER BY o.entity, c.field, c.strength, c.rank, c.exchange""")

    def _outvote(
        self, contested: Sequence[str], fields: Sequence[str], known: Mapping[int, Mapping[str, str]]
    ) -> None:
        """Keep what is said in vain: ours, and that of those whose fields we took or gave back."""
        run, at = self.run, {name: number + 1 for number, name in enumerate(fields)}
        said = ", ".join(
            f"{sql_text(name)}, CASE WHEN m._pattern[{at[name]}] <> '1' AND n.{sql_name(name)} IS NOT NULL "
            f"THEN to_json(n.{sql_name(name)}) END"
            for name in contested
        )
        run.sql(f"""INSERT INTO outvote SELECT n._id,
            nullif(CAST(json_merge_patch('{{}}', json_object({said})) AS VARCHAR), '{{}}')
            FROM incoming n JOIN merged m ON m._id = n._id""")
        holders = [
            (origin, field, holder)
            for origin, fields_of in known.items()
            for field, holder in fields_of.items()
            if holder != self.mapping and field in contested
        ]
        run.sql("CREATE OR REPLACE TABLE held_by (origin INTEGER, field VARCHAR, exchange VARCHAR)")
        for origin, field, holder in holders:
            run.sql(f"INSERT INTO held_by VALUES ({origin}, {sql_text(field)}, {sql_text(holder)})")
        for name in contested:
            quoted, text = sql_name(name), sql_text(name)
            run.sql(f"""INSERT INTO outvoting SELECT g._id, h.exchange,
                CAST(json_object({text}, to_json(g.{quoted})) AS VARCHAR)
                FROM golden g JOIN merged m ON m._id = g._id JOIN held_by h ON h.origin = g._origin AND h.field = {text}
                WHERE m._pattern[{at[name]}] = '1' AND g.{quoted} IS NOT NULL""")
            run.sql(f"""INSERT INTO outvoting SELECT f.entity, f.exchange, CAST(json_object({text}, NULL) AS VARCHAR)
                FROM fallback f JOIN merged m ON m._id = f.entity 
                WHERE f.field = {text} AND m._pattern[{at[name]}] = f.sign""")

    def _count(self, created: int, existing: int) -> Merged:
        updated = self.run.one("SELECT count(*) FROM updating")
        changed = dict(
            self.run.sql(
                "SELECT field, count(*) FROM (SELECT unnest(_changed) AS field FROM updating) GROUP BY field"
            )
        )
        nulled = {
            name: self.run.one(
                f"SELECT count(*) FROM updating WHERE list_contains(_changed, {sql_text(name)}) "
                f"AND {sql_name(name)} IS NULL"
            )
            for name in changed
        }
        return Merged(created, updated, existing - updated, changed, nulled)


def fallback(field: str) -> str:
    """The alias under which a field's fallback is joined."""
    return sql_name("fallback_" + field)


def contestant_sign(claims: Claims, mapping: str) -> str:
    """A contestant's sign in patterns: letters from A on, by the order of names."""
    return chr(ord("A") + claims.contestants().index(mapping))


def _one_of(column: str, ids: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(map(str, ids))})" if ids else "false"
