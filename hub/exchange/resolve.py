"""Resolve: which entity does each record belong to?

The shadow knows the records the hub has linked before; match rules are tried in order for the
others. Nothing is merged on doubt: several candidates, a candidate that another record of the same
source already stands for, or a shared ``unique`` value become reviews. A record that refers to
something not there yet waits.

``resolved`` (m = row of ``mapped``, key, hash, entity, is_new, situation) holds what goes on;
``verdict`` (key, hash, state, code, field, message, input) what does not.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Table, Text, func, select

from hub.exchange.map import FEW, stage_keys
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.mapping.compile import Compiled
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.models import entity_table
from hub.store.tables import shadow
from hub.store.tables import source as source_table
from hub.store.wire import decode, encode
from hub.workspace.shape import ModelFile, Output

VERDICTS = "key VARCHAR, hash BIGINT, state VARCHAR, code VARCHAR, field VARCHAR, message VARCHAR, input VARCHAR"


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
    """What one resolution needs to know."""

    run: RunFile
    session: Bulk
    database: Database
    source: int
    output: Output
    model: ModelFile
    compiled: Compiled

    def resolve(self) -> Resolved:
        run = self.run
        run.sql(f"CREATE OR REPLACE TABLE verdict ({VERDICTS})")
        self._known()
        run.sql("CREATE OR REPLACE TABLE matched (key VARCHAR, entity UUID)")
        golden = self.database.metadata.tables[entity_table(self.model.model)]
        if self.session.run(select(golden.c["_id"]).limit(1)):
            for rule in self.output.match:
                if rule.at_least is None:
                    self._match(golden, rule.on)
        self._collisions_in_batch()
        self._assign()
        self._unique(golden)
        self._references()
        return self._count()

    def _known(self) -> None:
        """``known``: links of the records at hand."""
        run = self.run
        run.sql("CREATE OR REPLACE TABLE known (key VARCHAR, entity UUID)")
        if not run.one("SELECT count(*) FROM seen"):
            return
        columns = (shadow.c.key, shadow.c.entity)
        query = select(*columns).where(shadow.c.source == self.source, shadow.c.entity.is_not(None))
        if run.one("SELECT count(*) FROM mapped") <= FEW * 10:
            wanted = stage_keys(run, self.session, "wanted_links", "SELECT DISTINCT key FROM mapped")
            query = query.join(wanted, wanted.c.key == shadow.c.key)
        run.table("known", self.session.stream(query), ", ".join(f"{decode(c.name, c)} AS {c.name}" for c in columns))

    def _loose(self) -> str:
        """Records that are neither linked nor matched nor judged yet."""
        return ("SELECT m.* FROM mapped m WHERE key NOT IN (SELECT key FROM known) "
                "AND key NOT IN (SELECT key FROM matched) AND key NOT IN (SELECT key FROM verdict)")

    def _match(self, golden: Table, fields: list[str]) -> None:
        """One exact rule: equal in all its fields, none of them empty."""
        run, names = self.run, [sql_name(name) for name in fields]
        filled = " AND ".join(f"{name} IS NOT NULL" for name in names)
        run.sql(f"CREATE OR REPLACE TABLE loose AS SELECT key, hash, {', '.join(names)} FROM ({self._loose()}) WHERE {filled}")
        if not run.one("SELECT count(*) FROM loose"):
            return
        columns = [Column(name, golden.c[name].type) for name in fields]
        name = f"match_{'_'.join(fields)}"[:60]
        encoded = ", ".join(f"{encode(quoted, golden.c[plain], self.session.dialect)} AS {quoted}"
                            for quoted, plain in zip(names, fields, strict=True))
        self.session.stage(name, columns, run.reader(f"SELECT DISTINCT {encoded} FROM loose"))
        staged = Table(name, MetaData(), *(Column(column.name, column.type) for column in columns))
        query = select(golden.c["_id"], *(golden.c[field] for field in fields)).where(golden.c["_state"] < 2)
        for field in fields:
            query = query.where(golden.c[field] == staged.c[field])
        read = ", ".join(f"{decode(c.name, c)} AS {sql_name(c.name)}" for c in query.selected_columns)
        run.table("candidate", self.session.stream(query), read)
        using = ", ".join(names)
        run.sql(f"""CREATE OR REPLACE TABLE pair AS SELECT l.key, l.hash, c._id AS entity,
            count(*) OVER (PARTITION BY l.key) AS candidates, count(*) OVER (PARTITION BY c._id) AS claimants
            FROM loose l JOIN candidate c USING ({using})""")
        taken = self._linked_entities()
        rule = sql_text(" + ".join(fields))
        run.sql(f"""INSERT INTO verdict SELECT key, any_value(hash), 'in_review',
            CASE WHEN any_value(candidates) > 1 THEN 'match.ambiguous' ELSE 'match.collision' END, {rule},
            CASE WHEN any_value(candidates) > 1 THEN 'several entities have the same ' || {rule}
                 ELSE 'another record of this source stands for the entity with the same ' || {rule} END,
            CAST(to_json(list(CAST(entity AS VARCHAR) ORDER BY entity)) AS VARCHAR)
            FROM pair WHERE candidates > 1 OR claimants > 1 OR entity IN ({taken}) GROUP BY key""")
        run.sql("INSERT INTO matched SELECT key, entity FROM pair WHERE key NOT IN (SELECT key FROM verdict)")

    def _linked_entities(self) -> str:
        """Candidates that a record of this source is linked to already."""
        wanted = Column("entity", shadow.c.entity.type)
        encoded = encode("_id", wanted, self.session.dialect)
        name = f"claimed_{secrets.token_hex(4)}"
        self.session.stage(name, [wanted], self.run.reader(f"SELECT DISTINCT {encoded} AS entity FROM candidate"))
        staged = Table(name, MetaData(), Column("entity", shadow.c.entity.type))
        query = select(shadow.c.entity).join(staged, staged.c.entity == shadow.c.entity).where(
            shadow.c.source == self.source)
        self.run.table("claimed", self.session.stream(query), f"{decode('entity', shadow.c.entity)} AS entity")
        return "SELECT entity FROM claimed"

    def _collisions_in_batch(self) -> None:
        """Several new records that a rule calls the same are not created side by side."""
        for rule in self.output.match:
            if rule.at_least is not None:
                continue
            names = [sql_name(name) for name in rule.on]
            filled = " AND ".join(f"{name} IS NOT NULL" for name in names)
            text = sql_text(" + ".join(rule.on))
            self.run.sql(f"""INSERT INTO verdict SELECT key, hash, 'in_review', 'match.collision', {text},
                'another new record of this source has the same ' || {text}, NULL FROM ({self._loose()}) WHERE {filled}
                QUALIFY count(*) OVER (PARTITION BY {', '.join(names)}) > 1""")

    def _assign(self) -> None:
        """``resolved``: everybody's entity; new ones get ids in the order of the records."""
        reaction = self.output.unmatched
        judged = "" if not self.run.one("SELECT count(*) FROM verdict") else "WHERE m.key NOT IN (SELECT key FROM verdict)"
        plain = not self.run.one("SELECT (SELECT count(*) FROM known) + (SELECT count(*) FROM matched)")
        fresh_id = new_entity_id("m.rowid")
        if plain:
            links = f"{fresh_id} AS entity, true AS is_new, 'unmatched' AS situation FROM mapped m"
        else:
            links = f"""coalesce(k.entity, t.entity, {fresh_id}) AS entity, k.entity IS NULL AND t.entity IS NULL AS is_new,
                CASE WHEN k.entity IS NOT NULL THEN 'linked' WHEN t.entity IS NOT NULL THEN 'unlinked'
                     ELSE 'unmatched' END AS situation
                FROM mapped m LEFT JOIN known k ON k.key = m.key LEFT JOIN matched t ON t.key = m.key"""
        self.run.sql(f"CREATE OR REPLACE TABLE resolved AS SELECT m.rowid AS m, m.key, m.hash, {links} {judged}")
        if reaction == "review":
            self.run.sql("""INSERT INTO verdict SELECT key, hash, 'in_review', 'match.none', '',
                'no entity matches and the mapping says unmatched: review', NULL FROM resolved WHERE is_new""")
        if reaction != "create":
            self.run.sql("CREATE OR REPLACE TABLE ignored AS SELECT key, hash FROM resolved WHERE is_new")
            self.run.sql("DELETE FROM resolved WHERE is_new")

    def _unique(self, golden: Table) -> None:
        """A value of a ``unique`` field belongs to one entity: others come to review."""
        run, present = self.run, {column.name for column in self.compiled.columns}
        for name, field in self.model.fields.items():
            if not field.unique or name not in present:
                continue
            quoted, text = sql_name(name), sql_text(name)
            run.sql(f"CREATE OR REPLACE TABLE sharing AS SELECT m.key FROM mapped m JOIN resolved r ON r.m = m.rowid "
                    f"WHERE m.{quoted} IS NOT NULL QUALIFY count(*) OVER (PARTITION BY m.{quoted}) > 1")
            if self.session.run(select(golden.c["_id"]).limit(1)):
                self._unique_in_golden(golden, name)
            run.sql(f"""INSERT INTO verdict SELECT r.key, r.hash, 'in_review', 'collision', {text},
                'another entity has the same ' || {text}, CAST(to_json(m.{quoted}) AS VARCHAR)
                FROM resolved r JOIN mapped m ON r.m = m.rowid WHERE r.key IN (SELECT key FROM sharing)""")
            run.sql("DELETE FROM resolved WHERE key IN (SELECT key FROM sharing)")

    def _unique_in_golden(self, golden: Table, name: str) -> None:
        run, column, quoted = self.run, golden.c[name], sql_name(name)
        encoded = encode(f"m.{quoted}", column, self.session.dialect)
        table = f"unique_{name}"[:60]
        self.session.stage(table, [Column(name, column.type)], run.reader(
            f"SELECT DISTINCT {encoded} AS {quoted} FROM mapped m JOIN resolved r ON r.m = m.rowid WHERE m.{quoted} IS NOT NULL"))
        staged = Table(table, MetaData(), Column(name, column.type))
        query = select(golden.c["_id"], column).join(staged, staged.c[name] == column).where(golden.c["_state"] < 2)
        run.table("holder", self.session.stream(query),
                  ", ".join(f"{decode(c.name, c)} AS {sql_name(c.name)}" for c in query.selected_columns))
        run.sql(f"INSERT INTO sharing SELECT r.key FROM resolved r JOIN mapped m ON r.m = m.rowid "
                f"JOIN holder h ON h.{quoted} = m.{quoted} WHERE h._id <> r.entity")

    def _references(self) -> None:
        """Source keys of references become entity ids; what is not there yet makes the record wait."""
        run = self.run
        references = [column for column in self.compiled.columns if column.ref]
        run.sql("CREATE OR REPLACE TABLE reference (field VARCHAR, source_key VARCHAR, entity UUID)")
        for column in references:
            self._look_up(column.name, column.ref)
        for _ in range(len(references) * 100):
            missing = " UNION ALL ".join(self._missing(column.name, column.ref) for column in references)
            run.sql(f"CREATE OR REPLACE TABLE missing AS {missing}")
            if not run.one("SELECT count(*) FROM missing"):
                break
            run.sql("""INSERT INTO verdict SELECT key, any_value(hash), 'waiting', 'ref.missing', any_value(field),
                'refers to ' || any_value(model) || ' ' || any_value(wanted) || ', which is not there yet',
                CAST(to_json(any_value(wanted)) AS VARCHAR) FROM missing GROUP BY key""")
            run.sql("DELETE FROM resolved WHERE key IN (SELECT key FROM missing)")

    def _look_up(self, field: str, model: str) -> None:
        run, quoted = self.run, sql_name(field)
        wanted = stage_keys(run, self.session, f"refs_{field}"[:60],
                            f"SELECT DISTINCT {quoted} AS key FROM mapped WHERE {quoted} IS NOT NULL")
        query = select(shadow.c.key, func.min(shadow.c.entity.cast(Text)).label("entity")).join(
            wanted, wanted.c.key == shadow.c.key
        ).join(source_table, source_table.c.id == shadow.c.source).where(
            source_table.c.system == self.compiled.source.partition(".")[0], source_table.c.model == model,
            source_table.c.direction == "inbound", shadow.c.entity.is_not(None),
        ).group_by(shadow.c.key)
        run.table("arrived", self.session.stream(query), "key, CAST(entity AS UUID) AS entity")
        run.sql(f"INSERT INTO reference SELECT {sql_text(field)}, key, entity FROM arrived")

    def _missing(self, field: str, model: str) -> str:
        quoted = sql_name(field)
        here = f" AND m.{quoted} NOT IN (SELECT key FROM resolved)" if model == self.model.model else ""
        return (f"SELECT r.key, r.hash, {sql_text(field)} AS field, {sql_text(model)} AS model, m.{quoted} AS wanted "
                f"FROM resolved r JOIN mapped m ON r.m = m.rowid WHERE m.{quoted} IS NOT NULL AND m.{quoted} NOT IN "
                f"(SELECT source_key FROM reference WHERE field = {sql_text(field)}){here}")

    def _count(self) -> Resolved:
        situations = dict(self.run.sql("SELECT situation, count(*) FROM resolved GROUP BY situation"))
        states = dict(self.run.sql("SELECT state, count(DISTINCT key) FROM verdict GROUP BY state"))
        ignored = 0
        if self.output.unmatched == "ignore":
            ignored = self.run.one("SELECT count(*) FROM ignored")
        return Resolved(situations.get("linked", 0), situations.get("unlinked", 0), situations.get("unmatched", 0),
                        ignored, states.get("in_review", 0), states.get("waiting", 0))


def new_entity_id(counter: str) -> str:
    """DuckDB SQL of a UUIDv7 (RFC 9562 6.2, method 1): milliseconds, then the counter, then random.

    Ids of one batch grow with the counter, so that indexes are filled from one side.
    """
    stamp, seed = time.time_ns() // 1_000_000, secrets.token_hex(8)
    return (f"CAST(printf('%012x7%03x8%03x%s', {stamp} + ({counter} >> 24), ({counter} >> 12) & 4095, {counter} & 4095, "
            f"substr(md5('{seed}' || {counter}), 1, 12)) AS UUID)")


