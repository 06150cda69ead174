"""Merge: what each entity becomes, field by field.

A field belongs to the mapping that supplied it (its origin). Another mapping takes it over when it
claims it more strongly (strong before normal before weak), or as strongly and ranked higher in the
model, or neither but with something new to say; a weak value only fills the empty. A mapping that now
says nothing takes back only what it supplied itself; what another source had said in vain meanwhile
comes forward then (see ``said``). Lists are the union of what their sources say (see ``lists``).

``creation`` is a view of new entities; ``updating`` a table of changed ones: _id, _expected (version),
_state, _old_origin, _pattern (a sign per mapped field: 0 stays, 1 ours, ~ a twin's of ours, - nobody's, a
letter: another contestant), _changed (names), the fields. ``outvote`` (entity, said) is what our records say in vain,
``outvoting`` (entity, exchange, patch) what changes of that for other sources' records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hub import tracing
from hub.exchange.map import FEW
from hub.exchange.merging import said
from hub.exchange.merging.claims import FILLED, HAND, NOBODY, STEP, STRENGTH, Claims, holders
from hub.exchange.merging.departed import departed, left_behind, others_fields, part, parted_from, strangers
from hub.exchange.merging.lists import alone, unite
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.mapping.compile import Compiled
from hub.store import entities, origins
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.wire import duck_type
from hub.workspace.shape import ModelFile

WEAK = STRENGTH["weak"] * STEP
NOTHING = "SELECT NULL::UUID AS entity, NULL::VARCHAR AS list WHERE false"


@dataclass(frozen=True, slots=True)
class Merged:
    """How many entities are created and changed, how many records changed nothing; per field how many
    values change and how many become empty; and the fields that ``updating``'s patterns have signs of."""

    created: int
    updated: int
    unchanged: int
    changed_fields: Mapping[str, int]
    nulled_fields: Mapping[str, int]
    fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Merger:
    """One merge of the resolved records of one mapping output into the entities of its model."""

    run: RunFile
    session: Bulk
    database: Database
    mapping: str
    compiled: Compiled
    claims: Claims
    heard: Callable[[Sequence[str]], None] | None = None

    @property
    def model(self) -> ModelFile:
        return self.claims.model

    @tracing.traced("merge")
    def merge(self) -> Merged:
        """Make ``creation``, ``updating``, ``outvote`` and ``outvoting``."""
        run, fields = self.run, [column.name for column in self.compiled.columns]
        run.sql(f"""CREATE OR REPLACE VIEW creation AS SELECT r.entity AS _id,
            {", ".join(map(self._first, fields))}
            FROM resolved r JOIN mapped m ON m.rowid = r.m {self._ref_joins()} WHERE r.is_new""")
        run.sql("CREATE OR REPLACE TABLE outvote (entity UUID, said VARCHAR)")
        run.sql("CREATE OR REPLACE TABLE outvoting (entity UUID, exchange VARCHAR, patch VARCHAR)")
        created = run.one("SELECT count(*) FROM resolved WHERE is_new")
        existing = run.one("SELECT count(*) FROM resolved WHERE NOT is_new")
        if not existing:
            self._no_updates()
            return Merged(created, 0, 0, {}, {}, fields)
        self._read(existing, fields)
        decided = self._update(fields)
        updated = run.one("SELECT count(*) FROM updating")
        return Merged(created, updated, existing - updated, *changed_fields(run), decided)

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

    def _first(self, field: str) -> str:
        """The same for an entity that is new: a list that others write too is as their union would be."""
        if not self.model.fields[field].many or field not in self.claims.contested(self.mapping):
            return self._value(field)
        return (
            f"{alone(sql_name(field), whole=(field, self.mapping) in self.claims.whole)} AS {sql_name(field)}"
        )

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
            {", ".join(map(self._value, fields))}, NULL::VARCHAR AS _echo
            FROM resolved r JOIN mapped m ON m.rowid = r.m {self._ref_joins()} WHERE NOT r.is_new""")
        if self.run.one("SELECT count(*) - count(DISTINCT _id) FROM incoming"):
            # Records of one source that became one entity by a merge speak with one voice.
            voices = ", ".join(
                f"first({sql_name(name)} ORDER BY {sql_name(name)}) AS {sql_name(name)}" for name in fields
            )
            self.run.sql(
                f"CREATE OR REPLACE TABLE incoming AS SELECT _id, {voices}, NULL::VARCHAR AS _echo "
                "FROM incoming GROUP BY _id"
            )
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

    def _update(self, fields: Sequence[str]) -> list[str]:
        """Decide every field; answers which were decided."""
        run, known = self.run, origins.read(self.session, self.model.model)
        contested = self._contested(fields, known)
        strange = strangers(known, self.mapping)
        if contested or strange:
            self._hear(contested, known)
        if contested and self.heard is not None:
            self.heard(contested)
        more: list[str] = []
        gone = bool(strange) and departed(run, strange)
        now: said.Known = known
        if gone:
            now = {**known, **part(run, known, self.model)}
            more = others_fields(self.model, fields, known)
            self._hear([*contested, *more], now)
        self._merge(fields, contested, more, now, gone=gone)
        self._moved([*fields, *more], known)
        run.sql("""CREATE OR REPLACE TABLE updating AS SELECT * EXCLUDE (_old_state) FROM merged
            WHERE len(_changed) > 0 OR _old_state <> _state
            OR (_old_origin, _pattern) IN (SELECT (old, pattern) FROM moved)""")
        return [*fields, *more]

    def _hear(self, fields: Sequence[str], known: said.Known) -> None:
        of = "SELECT DISTINCT _id AS entity FROM incoming"
        said.hear(self.run, self.session, self.claims, self.mapping, fields, known, of)

    def _merge(
        self,
        fields: Sequence[str],
        contested: Sequence[str],
        more: Sequence[str],
        known: said.Known,
        *,
        gone: bool,
    ) -> None:
        """``merged``, and what is said in vain; ``more`` are fields that only others write, and some of those
        others are ``gone``."""
        run, model = self.run, self.model
        scalars = [name for name in (*contested, *more) if not model.fields[name].many]
        lists = [name for name in (*contested, *more) if model.fields[name].many]
        for name in lists:
            said_now = f"SELECT _id AS entity, {sql_name(name)} AS list FROM incoming"
            unite(run, self.claims, self.mapping, name, NOTHING if name in more else said_now)
        decided = {name: self._decide(name, known, contested) for name in fields}
        joins = said.joins(scalars) + "".join(
            f" LEFT JOIN {said.united(name)} ON {said.united(name)}.entity = g._id" for name in lists
        )
        if gone:
            decided = {name: parted_from(name, *found) for name, found in decided.items()}
            decided |= {name: left_behind(name, self._without_us(name)) for name in more}
            joins += " JOIN golden_before b ON b._id = g._id LEFT JOIN parted p ON p._id = g._id"
        # One join, and not a subquery in the expressions: they name it several times per field.
        joins += " LEFT JOIN (SELECT DISTINCT survivor FROM stepping) back ON back.survivor = g._id"
        source = f"FROM incoming n JOIN golden g ON g._id = n._id {joins}"
        merged_rows(run, model, decided, source, before="b" if gone else "g")
        # What the hub created itself is no proof that the entity is alive.
        run.sql("UPDATE merged SET _state = _old_state WHERE _id IN (SELECT entity FROM created)")
        if contested:
            ours = [[name for name in names if name in fields] for names in (scalars, lists)]
            said.remember(run, self.mapping, ours[0], ours[1], fields)
        said.taken_over(
            run, self.mapping, {name: at for at, name in enumerate(more, len(fields) + 1) if name in scalars}
        )

    def _without_us(self, name: str) -> tuple[str, str]:
        """SQL of what others who stand for the entity say of a field that we do not write, and its sign."""
        if self.model.fields[name].many:
            united = said.united(name)
            return f"{united}.value", f"coalesce({united}.sign, '-')"
        other, kind = said.fallback(name), duck_type(entities.columns(self.database, self.model.model)[name])
        return f"coalesce(CAST({other}.value AS {kind}), g.{sql_name(name)})", f"coalesce({other}.sign, '-')"

    def _moved(self, fields: Sequence[str], known: said.Known) -> None:
        """``moved`` (old, pattern): another mapping supplies a field from now on, even with the same value:
        what it says next must count as the holder's word, and the former holder's no longer."""
        contestants = {self.claims.sign(name): name for name in self.claims.contestants()}
        self.run.sql("CREATE OR REPLACE TABLE moved (old INTEGER, pattern VARCHAR)")
        for old, pattern in self.run.sql("SELECT DISTINCT _old_origin, _pattern FROM merged"):
            signs = dict(zip(fields, pattern, strict=True))
            if holders(known[old], signs, contestants, self.mapping) != known[old]:
                self.run.sql(f"INSERT INTO moved VALUES ({old}, {sql_text(pattern)})")

    def _contested(self, fields: Sequence[str], known: said.Known) -> list[str]:
        """Fields that another mapping writes too, or that somebody set by hand."""
        others = set(self.claims.contested(self.mapping))
        others |= {name for holders in known.values() for name, holder in holders.items() if holder == HAND}
        return [name for name in fields if name in others]

    def _decide(self, name: str, known: said.Known, contested: Sequence[str]) -> tuple[str, str]:
        """SQL of the field's new value, and of its sign in the pattern."""
        quoted = sql_name(name)
        if name in contested and self.model.fields[name].many:
            united = said.united(name)
            return f"{united}.value", f"coalesce({united}.sign, '-')"
        if name in contested:
            return self._contest(name)
        mine = [key for key, holders in known.items() if holders.get(name) == self.mapping]
        taken = f"({_one_of('g._origin', mine)} OR n.{quoted} IS NOT NULL)"
        return (
            f"CASE WHEN {taken} AND NOT {self._filled(quoted)} THEN n.{quoted} ELSE g.{quoted} END",
            f"CASE WHEN {taken} THEN CASE WHEN {self._filled(quoted)} THEN '{FILLED}' ELSE '1' END ELSE '0' END",
        )

    def _filled(self, quoted: str) -> str:
        """SQL: the survivor's own record is back and says nothing; what its twin said meanwhile fills."""
        return f"(back.survivor IS NOT NULL AND n.{quoted} IS NULL AND g.{quoted} IS NOT NULL)"

    def _contest(self, name: str) -> tuple[str, str]:
        """The same for a field with several claimants: the holder (h), what others said in vain (f), we (n)."""
        quoted, holder, other = sql_name(name), said.holder(name), said.fallback(name)
        kind = duck_type(entities.columns(self.database, self.model.model)[name])
        me, mine = self.claims.of(name, self.mapping), f"{holder}.exchange = {sql_text(self.mapping)}"
        before = f"CAST({said.of_field('own.said', sql_text(name))} AS {kind})"
        # As strong a source that only agrees changes nothing: its word is kept as said beside the holder's.
        alike = f"{holder}.claim = {me} AND n.{quoted} IS DISTINCT FROM g.{quoted}" if me < WEAK else "false"
        if STEP <= me < WEAK:
            alike += f" OR {holder}.exchange = {sql_text(HAND)}"
        ours = f"""(n.{quoted} IS NOT NULL AND ({holder}.exchange IS NULL OR {mine} OR {me} < {holder}.claim
            OR (g.{quoted} IS NULL AND {holder}.exchange <> {sql_text(HAND)})
            OR (({alike}) AND n.{quoted} IS DISTINCT FROM {before})))"""
        theirs = f"({holder}.exchange IS NOT NULL AND NOT {mine})"
        filled, come = self._filled(quoted), f"CAST({other}.value AS {kind})"
        return (
            f"CASE WHEN {ours} THEN CASE WHEN {other}.claim < {me} THEN {come} ELSE n.{quoted} END "
            f"WHEN {theirs} THEN CASE WHEN {other}.claim < {holder}.claim THEN {come} ELSE g.{quoted} END "
            f"WHEN {other}.claim <= {NOBODY} THEN {come} "
            f"WHEN {mine} AND NOT {filled} THEN NULL ELSE g.{quoted} END",
            f"CASE WHEN {ours} THEN CASE WHEN {other}.claim < {me} THEN {other}.sign ELSE '1' END "
            f"WHEN {theirs} THEN CASE WHEN {other}.claim < {holder}.claim THEN {other}.sign ELSE '0' END "
            f"WHEN {other}.claim <= {NOBODY} THEN {other}.sign "
            f"WHEN {mine} THEN CASE WHEN {filled} THEN '{FILLED}' ELSE '1' END ELSE '0' END",
        )


def changed_fields(run: RunFile) -> tuple[dict[str, int], dict[str, int]]:
    """Of ``updating``, per field: how many values change, and how many become empty."""
    changed = dict(
        run.sql("SELECT field, count(*) FROM (SELECT unnest(_changed) AS field FROM updating) GROUP BY field")
    )
    nulled = {
        name: run.one(
            f"SELECT count(*) FROM updating WHERE list_contains(_changed, {sql_text(name)}) "
            f"AND {sql_name(name)} IS NULL"
        )
        for name in changed
    }
    return changed, nulled


def merged_rows(
    run: RunFile, model: ModelFile, decided: Mapping[str, tuple[str, str]], source: str, *, before: str = "g"
) -> None:
    """``merged``: the golden rows (g; ``before`` as they are) as they become, from the SQL of each field's value
    and sign."""
    new = ", ".join(
        f"{decided[name][0] if name in decided else 'g.' + sql_name(name)} AS {sql_name(name)}"
        for name in model.fields
    )
    # Each value and sign is reckoned once, in the inner query: what compares them names them only.
    aside = "".join(
        f", {sign} AS _sign{place}, {before}.{sql_name(name)} AS _before{place}"
        for place, (name, (_, sign)) in enumerate(decided.items())
    )
    pattern = " || ".join(f"_sign{place}" for place in range(len(decided)))
    changed = ", ".join(
        f"CASE WHEN {sql_name(name)} IS DISTINCT FROM _before{place} THEN {sql_text(name)} END"
        for place, name in enumerate(decided)
    )
    run.sql(f"""CREATE OR REPLACE TABLE merged AS SELECT _id, _expected, _old_state, _state, _old_origin,
        {pattern} AS _pattern, list_filter([{changed}], lambda x: x IS NOT NULL) AS _changed,
        {", ".join(map(sql_name, model.fields))}
        FROM (SELECT g._id, g._version AS _expected, g._state AS _old_state,
            if(g._state = 3, 3, 0)::SMALLINT AS _state, {before}._origin AS _old_origin, {new}{aside} {source})""")


def _one_of(column: str, ids: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(map(str, ids))})" if ids else "false"
