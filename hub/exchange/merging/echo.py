"""Echoes: what the hub delivered to a system and reads back from it.

A record that the hub created there is known by the key that its delivery got, so it is no new entity. Of its
fields that go out and come back, a value is an echo and no word of that system where it is the golden one
(apart from case and blanks: the target's habit), where it is the echo it was before, or where it is an
earlier golden value and the newer one is still on its way, or where the hub disabled the record there and it is a field
that disabling sets. An echo takes nothing over, and does not come
forward when the true source falls silent. A target that changes a value more than that is heard once, and
the report says so: it says the same from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.exchange.ground import Hub, source_number
from hub.exchange.merging import said
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.mapping.compile import Compiled, compile_mapping
from hub.mapping.cycles import recognizes
from hub.mapping.roundtrip import trips
from hub.store import entities, marks, shadows
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.wire import duck_type
from hub.workspace.shape import ModelFile


@dataclass(frozen=True, slots=True)
class Sender:
    """A mapping that delivers the model to the resource that is read: the number of its shadows, SQL over
    ``mapped`` of the key that it writes records under (NULL where that is not read), the newest commit it has
    sent, the fields that come back, and those of them that disabling sets there."""

    source: int
    key: str
    seq: int
    fields: frozenset[str]
    disabling: frozenset[str] = frozenset()


def senders(hub: Hub, read: Compiled) -> list[Sender]:
    """Who delivers to what ``read`` reads; only where the echo can be recognized."""
    found = []
    for mapping in hub.workspace.mappings.values():
        if mapping.from_ != read.output or all(one.into != read.source for one in mapping.outputs):
            continue
        for output, sent in zip(mapping.outputs, compile_mapping(mapping, hub.workspace), strict=True):
            if sent.output != read.source or not recognizes(hub.workspace, read, sent):
                continue
            back = trips({"sent": [sent], "read": [read]})
            mark = marks.read(hub.database, mapping.mapping)
            found.append(
                Sender(
                    source_number(hub.database, mapping, sent),
                    _written_key(read, sent),
                    (mark.seq or 0) if mark else 0,
                    frozenset(trip.field for trip in back),
                    frozenset(one.name for one in read.columns if {*(output.disable or {})} & {*one.inputs}),
                )
            )
    return found


def _written_key(read: Compiled, sent: Compiled) -> str:
    if read.key_fields == sent.target_key:
        return "CASE WHEN _key LIKE '[%' AND json_valid(_key) THEN _key ELSE CAST(to_json([_key]) AS VARCHAR) END"
    bare = {
        column.inputs[0]: column.name for column in read.columns if column.expression.plain and column.inputs
    }
    if not set(sent.target_key) <= set(bare):
        return "NULL::VARCHAR"
    parts = ", ".join(f"CAST({sql_name(bare[name])} AS VARCHAR)" for name in sent.target_key)
    return f"CAST(to_json([{parts}]) AS VARCHAR)"


def know_created(run: RunFile, session: Bulk, source: int, sending: Sequence[Sender]) -> None:
    """Records of which nothing is known yet, but that the hub created itself, join ``known``."""
    unknown = "FROM mapped WHERE _key NOT IN (SELECT key FROM known)"
    run.sql("CREATE OR REPLACE TABLE created (key VARCHAR, entity UUID)")
    if not sending or not run.one(f"SELECT count(*) {unknown}"):
        return
    for one in sending:
        query = f"SELECT DISTINCT _key AS key, {one.key} AS known {unknown}"
        wanted = stage(run, session, "unknown", shadows.CREATED, query)
        for name, wire in (("id", shadows.created), ("intent", shadows.intended)):
            take(run, f"created_{name}", wire(session, one.source, wanted))
            run.sql(f"INSERT INTO created SELECT key, CAST(entity AS UUID) FROM created_{name}")
    if not run.one("SELECT count(*) FROM created"):
        return
    staged = stage(run, session, "created", shadows.ENTITIES, "SELECT DISTINCT entity FROM created")
    take(run, "spoken_for", shadows.claimed(session, source, staged))
    run.sql("""INSERT INTO known SELECT key, any_value(entity) FROM created
        WHERE entity NOT IN (SELECT entity FROM spoken_for) AND entity NOT IN (SELECT entity FROM known)
        GROUP BY key HAVING count(DISTINCT entity) = 1""")


@dataclass(slots=True)
class Echo:
    """Finds the echoes among the incoming values of one mapping; ``notes`` are for the run's report."""

    run: RunFile
    session: Bulk
    database: Database
    read: Compiled
    model: ModelFile
    sending: Sequence[Sender]
    notes: list[str] = field(default_factory=list)

    def hear(self, contested: Sequence[str]) -> None:
        """Take the echoes out of ``incoming`` and keep them in its _echo."""
        fields = [name for name in contested if any(name in one.fields for one in self.sending)]
        if not fields:
            return
        self._delivered()
        if not self.run.one("SELECT count(*) FROM delivered"):
            return
        self._pending(fields)
        tests = {name: self._test(name) for name in fields if not self.model.fields[name].many}
        own = {name: self._own_items(name) for name in fields if self.model.fields[name].many}
        picked = ", ".join(
            [f"{test} AS {sql_name(name)}" for name, test in tests.items()]
            + [f"{items} AS {sql_name(name)}" for name, items in own.items()]
        )
        joins = said.joins(fields)
        self.run.sql(f"""CREATE OR REPLACE TABLE echoed AS SELECT n._id, {picked} FROM incoming n
            JOIN golden g ON g._id = n._id JOIN delivered d ON d.entity = n._id {joins}""")
        for name in tests:
            self._tell(name, joins)
        replaced = [
            f"CASE WHEN e.{sql_name(name)} THEN NULL ELSE n.{sql_name(name)} END AS {sql_name(name)}"
            for name in tests
        ]
        replaced += [
            f"CASE WHEN e._id IS NULL THEN n.{sql_name(name)} ELSE e.{sql_name(name)} END AS {sql_name(name)}"
            for name in own
        ]
        kept = ", ".join(
            f"{sql_text('~' + name)}, CASE WHEN e.{sql_name(name)} THEN {said.as_text('n.' + sql_name(name))} END"
            for name in tests
        )
        replaced.append(
            f"nullif(CAST(json_merge_patch('{{}}', json_object({kept})) AS VARCHAR), '{{}}') AS _echo"
        )
        self.run.sql(f"""CREATE OR REPLACE TABLE incoming AS SELECT n.* REPLACE ({", ".join(replaced)})
            FROM incoming n LEFT JOIN echoed e ON e._id = n._id""")

    def _delivered(self) -> None:
        """``delivered`` (entity): those among the incoming that the target holds because of us; ``disabled_there``
        (entity): those that we disabled there."""
        run = self.run
        incoming = "SELECT DISTINCT _id AS entity FROM incoming"
        staged = stage(run, self.session, "maybe_delivered", shadows.ENTITIES, incoming)
        run.sql("CREATE OR REPLACE TABLE delivered AS SELECT DISTINCT entity FROM created")
        run.sql("CREATE OR REPLACE TABLE disabled_there (entity UUID)")
        for one in self.sending:
            if one.disabling:
                take(run, "disabled_read", shadows.disabled(self.session, one.source, staged))
                run.sql("INSERT INTO disabled_there SELECT entity FROM disabled_read")
            take(run, "delivered_read", shadows.claimed(self.session, one.source, staged))
            run.sql(
                "INSERT INTO delivered SELECT entity FROM delivered_read ANTI JOIN delivered USING (entity)"
            )

    def _pending(self, fields: Sequence[str]) -> None:
        """``earlier`` (entity, field, value): what the golden rows were whose newest version is not sent yet."""
        run, model = self.run, self.model.model
        identity = entities.columns(self.database, model)["_id"]
        wanted = stage(run, self.session, "pending", {"_id": identity}, "SELECT entity AS _id FROM delivered")
        sent = min(one.seq for one in self.sending)
        take(run, "earlier_read", entities.earlier(self.session, self.database, model, wanted, sent))
        parts = " UNION ALL ".join(
            f"SELECT _id AS entity, {sql_text(name)} AS field, CAST({sql_name(name)} AS VARCHAR) AS value "
            "FROM earlier_read"
            for name in fields
        )
        run.sql(f"CREATE OR REPLACE TABLE earlier AS {parts}")

    def _test(self, name: str) -> str:
        """SQL: is the value an echo?"""
        quoted, holder = f"n.{sql_name(name)}", said.holder(name)
        kind = duck_type(entities.columns(self.database, self.model.model)[name])
        before = f"CAST({said.of_field('own.said', sql_text('~' + name))} AS {kind})"
        value = f"(n._id, {sql_text(name)}, CAST({quoted} AS VARCHAR))"
        earlier = f"{value} IN (SELECT (entity, field, value) FROM earlier)"
        held = any(name in one.disabling for one in self.sending)
        disabled = "OR n._id IN (SELECT entity FROM disabled_there)" if held else ""
        alike = f"{_habit(quoted, kind)} = {_habit('g.' + sql_name(name), kind)}"
        return (
            f"coalesce({quoted} IS NOT NULL AND {holder}.exchange <> {sql_text(self.read.mapping)} "
            f"AND ({alike} OR coalesce({quoted} = {before}, false) OR {earlier} {disabled}), false)"
        )

    def _own_items(self, name: str) -> str:
        """SQL of a list without what it only repeats: golden values that this record never said itself."""
        quoted, holder = sql_name(name), said.holder(name)
        path = f'$."{name}"'
        ours = f"json_extract(own.said, {sql_text(path)})"
        first = (
            f"CASE WHEN {holder}.exchange = {sql_text(self.read.mapping)} THEN CAST(g.{quoted} AS JSON) END"
        )
        before = f"coalesce(CAST(coalesce({ours}, {first}) AS VARCHAR[]), [])"
        golden = f"coalesce(CAST(CAST(g.{quoted} AS JSON) AS VARCHAR[]), [])"
        items = f"CAST(CAST(n.{quoted} AS JSON) AS VARCHAR[])"
        kept = f"list_filter({items}, lambda x: list_contains({before}, x) OR NOT list_contains({golden}, x))"
        return f"CAST(to_json({kept}) AS VARCHAR)"

    def _tell(self, name: str, joins: str) -> None:
        """A note where a target gives a value back otherwise than it got it, when that is read first."""
        holder, text = said.holder(name), sql_text(name)
        never = " AND ".join(
            f"{said.of_field('own.said', sql_text(one))} IS NULL" for one in (name, "~" + name)
        )
        others = f"{holder}.exchange <> {sql_text(self.read.mapping)}"
        rows = self.run.sql(f"""SELECT {holder}.exchange, e.{sql_name(name)}, count(*) FROM incoming n
            JOIN golden g ON g._id = n._id JOIN echoed e ON e._id = n._id {joins}
            WHERE n.{sql_name(name)} <> g.{sql_name(name)} AND {never} AND {others}
            AND (n._id, {text}, CAST(n.{sql_name(name)} AS VARCHAR)) NOT IN (SELECT (entity, field, value) FROM earlier)
            GROUP BY ALL ORDER BY ALL""")
        for exchange, echo, count in rows:
            what = (
                "in case or blanks only: that changes nothing"
                if echo
                else "it is heard once, as a word of its own"
            )
            self.notes.append(
                f"{self.read.source} gives {self.model.model}.{name} of {exchange} back otherwise than it was sent "
                f"({count} records), {what}"
            )


def _habit(value: str, kind: str) -> str:
    """A text as a target's habits leave it; other values as they are."""
    return f"lower(trim(regexp_replace({value}, '\\s+', ' ', 'g')))" if kind == "VARCHAR" else value
