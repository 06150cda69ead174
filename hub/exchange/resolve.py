"""Resolve: which entity does each record belong to?

The shadow knows the records the hub has linked before; match rules are tried in order for the
others. Nothing is merged on doubt: several candidates, a candidate that another record of the same
source already stands for, or a shared ``unique`` value become reviews. A record that refers to
something not there yet waits.

``resolved`` (m = row of ``mapped``, key, hash, entity, is_new, situation) holds what goes on;
``verdict`` (key, hash, state, code, field, message, input) what does not; ``proposal`` (key, entity,
other_key, rule, score, why) the candidates of the records that a person decides about: an entity, or
another record of the batch. ``why`` tells likeness and weight per compared field, never a value.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass

from hub.exchange.decisions import consult
from hub.exchange.map import FEW
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, stage_keys, take
from hub.mapping.compile import Compiled
from hub.store import entities, shadows
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.workspace.shape import ModelFile, Output

VERDICTS = (
    "key VARCHAR, hash BIGINT, state VARCHAR, code VARCHAR, field VARCHAR, message VARCHAR, input VARCHAR"
)
PROPOSALS = "key VARCHAR, entity UUID, other_key VARCHAR, rule VARCHAR, score DOUBLE, why VARCHAR"
OTHERS = 20


@dataclass(frozen=True, slots=True)
class Resolved:
    """How many records came to which situation."""

    linked: int
    unlinked: int
    unmatched: int
    ignored: int
    in_review: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Resolver:
    """What one resolution needs to know. ``links`` names a table that holds the links of the records at
    hand (key, entity); without it they are read."""

    run: RunFile
    session: Bulk
    database: Database
    source: int
    output: Output
    model: ModelFile
    compiled: Compiled
    links: str = ""

    def resolve(self) -> Resolved:
        run = self.run
        run.sql(f"CREATE OR REPLACE TABLE verdict ({VERDICTS})")
        run.sql(f"CREATE OR REPLACE TABLE proposal ({PROPOSALS})")
        self._known()
        self._look_up_all()
        run.sql("CREATE OR REPLACE TABLE matched (key VARCHAR, entity UUID)")
        consult(run, self.session, self.source)
        populated = entities.any_there(self.session, self.database, self.model.model)
        if populated:
            for rule in self.output.match:
                self._match(rule.on)
        self._collisions_in_batch()
        self._assign()
        self._unique(populated)
        self._references()
        return self._count()

    def _known(self) -> None:
        """``known``: links of the records at hand."""
        run = self.run
        if self.links:  # read already, with the shadows of what differs
            run.sql(f"CREATE TABLE known AS SELECT key, entity FROM {self.links} WHERE entity IS NOT NULL")
            return
        run.sql("CREATE OR REPLACE TABLE known (key VARCHAR, entity UUID)")
        if not run.one("SELECT count(*) FROM seen"):
            return
        wanted = None
        if run.one("SELECT count(*) FROM mapped") <= FEW * 10:
            wanted = stage_keys(run, self.session, "wanted_links", "SELECT DISTINCT _key AS key FROM mapped")
        take(run, "known", shadows.links(self.session, self.source, wanted))

    def _loose(self) -> str:
        """Records that are neither linked nor matched nor judged yet."""
        return (
            "SELECT m.* FROM mapped m "
            "WHERE _key NOT IN (SELECT key FROM known) "
            "AND _key NOT IN (SELECT key FROM matched) AND _key NOT IN (SELECT key FROM verdict) "
            "AND _key NOT IN (SELECT key FROM decided_new)"
        )

    def _match(self, fields: list[str]) -> None:
        """One exact rule: equal in all its fields, none of them empty."""
        run, names = self.run, [sql_name(name) for name in fields]
        filled = " AND ".join(f"{name} IS NOT NULL" for name in names)
        run.sql(
            f"CREATE OR REPLACE TABLE loose AS SELECT * FROM (SELECT _key, _hash, "
            f"{', '.join(map(self._stored, fields))} FROM ({self._loose()}) m) WHERE {filled}"
        )
        if not run.one("SELECT count(*) FROM loose"):
            return
        columns = entities.columns(self.database, self.model.model)
        values = stage(
            run,
            self.session,
            f"match_{'_'.join(fields)}",
            {name: columns[name] for name in fields},
            f"SELECT DISTINCT {', '.join(names)} FROM loose",
        )
        take(
            run,
            "candidate",
            entities.candidates(self.session, self.database, self.model.model, values, fields),
        )
        using = ", ".join(names)
        run.sql(f"""CREATE OR REPLACE TABLE pair AS SELECT l._key AS key, l._hash AS hash, c._id AS entity,
            count(*) OVER (PARTITION BY l._key) AS candidates, count(*) OVER (PARTITION BY c._id) AS claimants
            FROM loose l JOIN candidate c USING ({using})
            ANTI JOIN rejected_pair x ON x.key = l._key AND x.entity = c._id""")
        taken = self._linked_entities()
        rule = sql_text(" + ".join(fields))
        run.sql(f"""INSERT INTO verdict SELECT key, any_value(hash), 'in_review',
            CASE WHEN any_value(candidates) > 1 THEN 'match.ambiguous' ELSE 'match.collision' END, {rule},
            CASE WHEN any_value(candidates) > 1 THEN 'several entities have the same ' || {rule}
                 ELSE 'another record of this source stands for the entity with the same ' || {rule} END,
            CAST(to_json(list(CAST(entity AS VARCHAR) ORDER BY entity)) AS VARCHAR)
            FROM pair WHERE candidates > 1 OR claimants > 1 OR entity IN ({taken}) GROUP BY key""")
        run.sql(f"""INSERT INTO proposal SELECT DISTINCT key, entity, NULL, {rule}, 1.0, {_equal(fields)}
            FROM pair WHERE key IN (SELECT key FROM verdict)""")
        run.sql("INSERT INTO matched SELECT key, entity FROM pair WHERE key NOT IN (SELECT key FROM verdict)")

    def _linked_entities(self) -> str:
        """Candidates that a record of this source is linked to already."""
        staged = stage(
            self.run,
            self.session,
            f"claimed_{secrets.token_hex(4)}",
            shadows.ENTITIES,
            "SELECT DISTINCT _id AS entity FROM candidate",
        )
        take(self.run, "claimed", shadows.claimed(self.session, self.source, staged))
        return "SELECT entity FROM claimed UNION ALL SELECT entity FROM matched"

    def _collisions_in_batch(self) -> None:
        """Several new records that a rule calls the same are not created side by side."""
        for rule in self.output.match:
            names = [sql_name(name) for name in rule.on]
            filled = " AND ".join(f"{name} IS NOT NULL" for name in names)
            text = sql_text(" + ".join(rule.on))
            self.run.sql(f"""CREATE OR REPLACE TABLE alike AS
                SELECT _key AS key, _hash AS hash, dense_rank() OVER (ORDER BY {", ".join(names)}) AS alike
                FROM ({self._loose()}) WHERE {filled}
                QUALIFY count(*) OVER (PARTITION BY {", ".join(names)}) > 1""")
            self.run.sql(f"""INSERT INTO verdict SELECT key, hash, 'in_review', 'match.collision', {text},
                'another new record of this source has the same ' || {text}, NULL FROM alike""")
            self._propose_others(text, _equal(rule.on))

    def _propose_others(self, rule: str, why: str) -> None:
        """Records of the batch that are ``alike`` (key, alike) propose each other, OTHERS at most."""
        self.run.sql(f"""INSERT INTO proposal SELECT a.key, NULL, b.key, {rule}, 1.0, {why} FROM alike a
            JOIN (SELECT * FROM alike QUALIFY row_number() OVER (PARTITION BY alike ORDER BY key) <= {OTHERS + 1}) b
            ON a.alike = b.alike AND a.key <> b.key
            QUALIFY row_number() OVER (PARTITION BY a.key ORDER BY b.key) <= {OTHERS}""")

    def _assign(self) -> None:
        """``resolved``: everybody's entity; new ones get ids in the order of the records."""
        reaction = self.output.unmatched
        judged = (
            ""
            if not self.run.one("SELECT count(*) FROM verdict")
            else "WHERE m._key NOT IN (SELECT key FROM verdict)"
        )
        plain = not self.run.one("SELECT (SELECT count(*) FROM known) + (SELECT count(*) FROM matched)")
        fresh_id = new_entity_id("m.rowid")
        if plain:
            links = f"{fresh_id} AS entity, true AS is_new, 'unmatched' AS situation FROM mapped m"
        else:
            links = f"""coalesce(k.entity, t.entity, {fresh_id}) AS entity,
                k.entity IS NULL AND t.entity IS NULL AS is_new,
                CASE WHEN k.entity IS NOT NULL THEN 'linked' WHEN t.entity IS NOT NULL THEN 'unlinked'
                     ELSE 'unmatched' END AS situation
                FROM mapped m LEFT JOIN known k ON k.key = m._key LEFT JOIN matched t ON t.key = m._key"""
        self.run.sql(
            f"CREATE OR REPLACE TABLE resolved AS SELECT m.rowid AS m, m._key AS key, m._hash AS hash, {links} {judged}"
        )
        if reaction == "review":
            self.run.sql("""INSERT INTO verdict SELECT key, hash, 'in_review', 'match.none', '',
                'no entity matches and the mapping says unmatched: review', NULL FROM resolved
                WHERE is_new AND key NOT IN (SELECT key FROM decided_new)""")
        if reaction != "create":
            left = "is_new AND key NOT IN (SELECT key FROM decided_new)"
            self.run.sql(f"CREATE OR REPLACE TABLE ignored AS SELECT key, hash FROM resolved WHERE {left}")
            self.run.sql(f"DELETE FROM resolved WHERE {left}")

    def _unique(self, populated: bool) -> None:
        """A value of a ``unique`` field belongs to one entity: others come to review."""
        run, present = self.run, {column.name for column in self.compiled.columns}
        for name, field in self.model.fields.items():
            if not field.unique or name not in present:
                continue
            quoted, text = sql_name(name), sql_text(name)
            run.sql(
                f"CREATE OR REPLACE TABLE alike AS SELECT m._key AS key, "
                f"dense_rank() OVER (ORDER BY m.{quoted}) AS alike FROM mapped m "
                f"JOIN resolved r ON r.m = m.rowid "
                f"WHERE m.{quoted} IS NOT NULL QUALIFY count(*) OVER (PARTITION BY m.{quoted}) > 1"
            )
            run.sql("CREATE OR REPLACE TABLE sharing AS SELECT key FROM alike")
            self._propose_others(text, _equal([name]))
            if populated:
                self._unique_in_golden(name)
            run.sql(f"""INSERT INTO verdict SELECT r.key, r.hash, 'in_review', 'collision', {text},
                'another entity has the same ' || {text}, CAST(to_json(m.{quoted}) AS VARCHAR)
                FROM resolved r JOIN mapped m ON r.m = m.rowid WHERE r.key IN (SELECT key FROM sharing)""")
            run.sql("DELETE FROM resolved WHERE key IN (SELECT key FROM sharing)")

    def _unique_in_golden(self, name: str) -> None:
        run, quoted = self.run, sql_name(name)
        column = entities.columns(self.database, self.model.model)[name]
        values = stage(
            run,
            self.session,
            f"unique_{name}",
            {name: column},
            f"SELECT DISTINCT {self._stored(name)} FROM mapped m JOIN resolved r ON r.m = m.rowid "
            f"WHERE m.{quoted} IS NOT NULL",
        )
        take(
            run, "holder", entities.candidates(self.session, self.database, self.model.model, values, [name])
        )
        run.sql(
            f"CREATE OR REPLACE TABLE elsewhere AS SELECT r._key AS key, h._id AS entity "
            f"FROM (SELECT r.key AS _key, r.entity AS _entity, {self._stored(name)} "
            f"FROM resolved r JOIN mapped m ON r.m = m.rowid) r JOIN holder h USING ({quoted}) WHERE h._id <> r._entity"
        )
        run.sql("INSERT INTO sharing SELECT key FROM elsewhere")
        run.sql(f"""INSERT INTO proposal SELECT DISTINCT key, entity, NULL, {sql_text(name)}, 1.0, {_equal([name])}
            FROM elsewhere""")

    def _references(self) -> None:
        """Source keys of references become entity ids; what is not there yet makes the record wait."""
        run = self.run
        references = [(column.name, column.ref) for column in self.compiled.columns if column.ref]
        while references:  # each turn sets records aside, until nobody refers to one of them
            missing = " UNION ALL ".join(self._missing(field, model) for field, model in references)
            run.sql(f"CREATE OR REPLACE TABLE missing AS {missing}")
            if not run.one("SELECT count(*) FROM missing"):
                break
            run.sql("""INSERT INTO verdict SELECT key, any_value(hash), 'waiting', 'ref.missing', any_value(field),
                'refers to ' || any_value(model) || ' ' || any_value(wanted) || ', which is not there yet',
                CAST(to_json(any_value(wanted)) AS VARCHAR) FROM missing GROUP BY key""")
            run.sql("DELETE FROM resolved WHERE key IN (SELECT key FROM missing)")

    def _look_up_all(self) -> None:
        """``reference``: entities that the source keys in references stand for, as far as they are there."""
        self.run.sql("CREATE OR REPLACE TABLE reference (field VARCHAR, source_key VARCHAR, entity UUID)")
        for column in self.compiled.columns:
            if column.ref:
                self._look_up(column.name, column.ref)

    def _stored(self, field: str) -> str:
        """A mapped field as golden rows have it: a reference as the entity's id."""
        quoted = sql_name(field)
        if not any(column.ref for column in self.compiled.columns if column.name == field):
            return f"m.{quoted} AS {quoted}"
        return (
            f"(SELECT any_value(x.entity) FROM reference x WHERE x.field = {sql_text(field)} "
            f"AND x.source_key = m.{quoted}) AS {quoted}"
        )

    def _look_up(self, field: str, model: str) -> None:
        run, quoted = self.run, sql_name(field)
        wanted = stage_keys(
            run,
            self.session,
            f"refs_{field}",
            f"SELECT DISTINCT {quoted} AS key FROM mapped WHERE {quoted} IS NOT NULL",
        )
        system = self.compiled.source.partition(".")[0]
        take(run, "arrived", shadows.referred(self.session, system, model, wanted))
        run.sql(f"INSERT INTO reference SELECT {sql_text(field)}, key, CAST(entity AS UUID) FROM arrived")

    def _missing(self, field: str, model: str) -> str:
        quoted = sql_name(field)
        here = f" AND m.{quoted} NOT IN (SELECT key FROM resolved)" if model == self.model.model else ""
        return (
            f"SELECT r.key, r.hash, {sql_text(field)} AS field, {sql_text(model)} AS model, m.{quoted} AS wanted "
            f"FROM resolved r JOIN mapped m ON r.m = m.rowid WHERE m.{quoted} IS NOT NULL AND m.{quoted} NOT IN "
            f"(SELECT source_key FROM reference WHERE field = {sql_text(field)}){here}"
        )

    def _count(self) -> Resolved:
        situations = dict(self.run.sql("SELECT situation, count(*) FROM resolved GROUP BY situation"))
        states = dict(self.run.sql("SELECT state, count(DISTINCT key) FROM verdict GROUP BY state"))
        ignored = 0
        if self.output.unmatched == "ignore":
            ignored = self.run.one("SELECT count(*) FROM ignored")
        return Resolved(
            situations.get("linked", 0),
            situations.get("unlinked", 0),
            situations.get("unmatched", 0),
            ignored,
            states.get("in_review", 0),
            states.get("waiting", 0),
        )


def _equal(fields: list[str]) -> str:
    """``why`` of an exact rule: every field is equal."""
    told = {name: {"likeness": 1.0, "weight": 1.0} for name in fields}
    return sql_text(json.dumps(told, ensure_ascii=False))


def new_entity_id(counter: str) -> str:
    """DuckDB SQL of a UUIDv7 (RFC 9562 6.2, method 1): milliseconds, then the counter, then random.

    Ids of one batch grow with the counter, so that indexes are filled from one side.
    """
    stamp, seed = time.time_ns() // 1_000_000, secrets.token_hex(8)
    return (
        f"CAST(printf('%012x7%03x8%03x%s', {stamp} + ({counter} >> 24), ({counter} >> 12) & 4095, {counter} & 4095, "
        f"substr(md5('{seed}' || {counter}), 1, 12)) AS UUID)"
    )
