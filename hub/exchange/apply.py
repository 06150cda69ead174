"""Apply: golden rows, history, links, shadows, quarantine, outbox and watermark in one transaction.

The transaction begins by checking the fencing epoch of its leases and ends with the watermark: either
everything of the plan stands, or nothing (P1, P3, P6).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, MetaData, Table, func, insert, literal, literal_column, select, update

from hub.exchange.manifest import Manifest
from hub.exchange.merge import read_origins
from hub.exchange.quarantine import write_held
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.failpoints import reach
from hub.store import tables
from hub.store.bulk import Bulk, deferred_indexes
from hub.store.database import Database, new_id, now
from hub.store.journal import Lease, fence
from hub.store.models import entity_table, history_table
from hub.store.wire import encode

BULK_LOAD = 50_000


@dataclass(frozen=True, slots=True)
class Applied:
    """What the transaction wrote, and what it refused because it had changed since the plan."""

    created: int
    updated: int
    removed: int
    refused: int


def apply(
    run: RunFile, database: Database, held: Sequence[Lease], manifest: Manifest, run_id: uuid.UUID, *, stored: bool
) -> Applied:
    """Write one output's plan. ``stored`` says that it was made by an earlier run: then every row is
    compared with what the plan saw, and what changed since is refused (P9)."""
    with database.bulk(write=True) as session:
        fence(session, held)
        writer = _Writer(run, database, session, manifest, run_id)
        refused = writer.refuse_changed() if stored else 0
        applied = writer.write(refused)
        writer.shadows()
        write_held(run, session, manifest, run_id)
        if manifest.last:
            move_watermark(session, manifest, run_id)
        reach("before_commit")
    reach("after_commit")
    return applied


class _Writer:
    """One transaction of one output's plan."""

    def __init__(self, run: RunFile, database: Database, session: Bulk, manifest: Manifest, run_id: uuid.UUID) -> None:
        self.run, self.database, self.session, self.manifest, self.run_id = run, database, session, manifest, run_id
        self.dialect = session.dialect
        self.model = manifest.output
        self.golden = database.metadata.tables[entity_table(self.model)]
        self.history = database.metadata.tables[history_table(self.model)]
        self.moment = now()
        self.fields = list(database.models[self.model].fields)

    # ------------------------------------------------------------ golden rows

    def refuse_changed(self) -> int:
        """Drop from the plan what is no longer as the plan saw it."""
        run, golden = self.run, self.golden
        wanted = Column("_id", golden.c["_id"].type)
        self.session.stage("planned_entities", [wanted], run.reader(
            f"SELECT {encode('_id', wanted, self.dialect)} AS _id FROM (SELECT _id FROM updating UNION SELECT _id FROM removing)"))
        staged = Table("planned_entities", MetaData(), Column("_id", golden.c["_id"].type))
        query = select(golden.c["_id"], golden.c["_version"]).join(staged, staged.c["_id"] == golden.c["_id"])
        run.table("current", self.session.stream(query), "CAST(_id AS UUID) AS _id, CAST(_version AS INTEGER) AS version")
        run.sql("""CREATE OR REPLACE TABLE refused_entity AS
            SELECT _id FROM updating u ANTI JOIN current c ON c._id = u._id AND c.version = u.version
            UNION SELECT _id FROM removing u ANTI JOIN current c ON c._id = u._id AND c.version = u.version""")
        self._refuse_taken_keys()
        for name in ("updating", "removing", "creation"):
            run.sql(f"DELETE FROM {name} WHERE _id IN (SELECT _id FROM refused_entity)")
        run.sql("CREATE OR REPLACE TABLE refused AS SELECT key, hash FROM shadowing WHERE entity IN (SELECT _id FROM refused_entity)")
        run.sql("DELETE FROM shadowing WHERE key IN (SELECT key FROM refused)")
        run.sql("DELETE FROM gone WHERE key IN (SELECT key FROM refused)")
        run.sql("""INSERT INTO held SELECT key, hash, 'refused', 'plan.changed', '',
            'the record or its entity changed after the plan was made', NULL, '', 0, NULL FROM refused""")
        return int(run.one("SELECT count(*) FROM refused_entity"))

    def _refuse_taken_keys(self) -> None:
        """A record that got, or changed, its shadow since the plan belongs to another run now."""
        run, shadow = self.run, tables.shadow
        self.session.stage("planned_keys", [Column("key", tables.KEY)], run.reader("SELECT DISTINCT key FROM shadowing"))
        staged = Table("planned_keys", MetaData(), Column("key", tables.KEY))
        query = select(shadow.c.key, shadow.c.hash).join(staged, staged.c.key == shadow.c.key).where(
            shadow.c.source == self.manifest.source)
        run.table("current_shadow", self.session.stream(query))
        run.sql("""INSERT INTO refused_entity SELECT s.entity FROM shadowing s LEFT JOIN current_shadow c USING (key)
            WHERE s.entity IS NOT NULL AND s.expected IS DISTINCT FROM c.hash""")

    def write(self, refused: int) -> Applied:
        created = self.run.one("SELECT count(*) FROM creation")
        updated = self.run.one("SELECT count(*) FROM updating")
        removed = self.run.one("SELECT count(*) FROM removing")
        if created or updated or removed:
            seq = self._next_seq()
            if created:
                self._create(created, seq)
            if updated or removed:
                self._change(seq)
            self._announce(seq, created, updated, removed)
        return Applied(created, updated, removed, refused)

    def _next_seq(self) -> int:
        """The model's next commit number; its row stays locked until commit, so commits follow it."""
        counter = tables.model_seq
        self.session.run(update(counter).where(counter.c.model == self.model).values(seq=counter.c.seq + 1))
        found = self.session.run(select(counter.c.seq).where(counter.c.model == self.model))
        if not found:
            self.session.run(insert(counter).values(model=self.model, seq=1))
            return 1
        return int(found[0][0])

    def _create(self, count: int, seq: int) -> None:
        supplied = [row[0] for row in self.run.sql("DESCRIBE creation") if row[0] not in ("_id", "key")]
        origin = self._origin({name: self.manifest.exchange for name in supplied})
        fixed = {"_version": "1", "_seq": str(seq), "_state": "0", "_origin": str(origin),
                 "_created_at": self._stamp(), "_updated_at": self._stamp()}
        columns = {"_id": "_id"} | fixed | {name: sql_name(name) for name in supplied}
        empty = count > BULK_LOAD and not self.session.run(select(self.golden.c["_id"]).limit(1))
        rebuild = deferred_indexes(self.session, self.golden) if empty else []
        self.session.load(self.golden, self._rows(self.golden, columns, "creation"))
        for statement in rebuild:
            self.session.run(statement)

    def _change(self, seq: int) -> None:
        """Old versions go to history, new ones take their place; removals are changes of state."""
        golden, run = self.golden, self.run
        run.sql("CREATE OR REPLACE TABLE origin_of (old_origin INTEGER, pattern VARCHAR, _origin INTEGER)")
        for old, pattern in run.sql("SELECT DISTINCT old_origin, pattern FROM updating"):
            run.sql(f"INSERT INTO origin_of VALUES ({old}, {sql_text(pattern)}, {self._pattern(old, pattern)})")
        values = ", ".join(sql_name(name) for name in self.fields)
        run.sql(f"""CREATE OR REPLACE VIEW changing AS SELECT _id, version + 1 AS _version, _state, _origin, {values}
            FROM updating JOIN origin_of USING (old_origin, pattern)""")
        names = ["_id", "_version", "_state", "_origin", *self.fields]
        staged = self._stage("changing_rows", names, "changing")
        self._replace(staged, seq, ["_version", "_state", "_origin", *self.fields])
        if run.one("SELECT count(*) FROM removing"):
            run.sql("CREATE OR REPLACE VIEW leaving_rows AS SELECT _id, version + 1 AS _version, _state FROM removing")
            self._replace(self._stage("removed_rows", ["_id", "_version", "_state"], "leaving_rows"), seq, ["_version", "_state"])

    def _stage(self, name: str, columns: list[str], query: str) -> Table:
        kinds = [Column(column, self.golden.c[column].type) for column in columns]
        encoded = ", ".join(f"{encode(sql_name(c), self.golden.c[c], self.dialect)} AS {sql_name(c)}" for c in columns)
        self.session.stage(name, kinds, self.run.reader(f"SELECT {encoded} FROM {query}"))
        return Table(name, MetaData(), *(Column(column.name, column.type) for column in kinds))

    def _replace(self, staged: Table, seq: int, names: Sequence[str]) -> None:
        golden, history = self.golden, self.history
        copied = ["_id", "_version", "_seq", "_state", "_origin", "_updated_at", *self.fields]
        old = select(*(golden.c[name] for name in copied), literal(self.moment, history.c["_replaced_at"].type),
                     literal(self.run_id, history.c["_replaced_by"].type)).join(staged, staged.c["_id"] == golden.c["_id"])
        self.session.run(insert(history).from_select([*copied, "_replaced_at", "_replaced_by"], old))
        new: dict[str, Any] = {name: staged.c[name] for name in names}
        self.session.run(
            update(golden).where(golden.c["_id"] == staged.c["_id"], golden.c["_version"] == staged.c["_version"] - 1)
            .values({**new, "_seq": seq, "_updated_at": self.moment}))

    # ------------------------------------------------------------ origins

    def _origin(self, fields: Mapping[str, str]) -> int:
        """The id of an origin, made where it is new."""
        origin, body = tables.origin, json.dumps(fields, sort_keys=True)
        digest = hashlib.sha256(body.encode()).hexdigest()
        query = select(origin.c.id).where(origin.c.model == self.model, origin.c.digest == digest)
        found = self.session.run(query)
        if not found:
            identity = int(self.session.run(select(func.coalesce(func.max(origin.c.id), 0)))[0][0]) + 1
            self.session.run(insert(origin).values(id=identity, model=self.model, digest=digest, fields=literal_column(sql_text(body))))
            return identity
        return int(found[0][0])

    def _pattern(self, old: int, pattern: str) -> int:
        """The origin after this mapping took the fields marked 1 (in the order of its own fields)."""
        before = read_origins(self.session, self.model)[old]
        mine = self.manifest.fields
        return self._origin(before | {
            name: self.manifest.exchange for name, mark in zip(mine, pattern, strict=True) if mark == "1"})

    # ------------------------------------------------------------ shadows, quarantine, outbox, watermark

    def shadows(self) -> None:
        """Remember what was seen, so that the next run can leave it alone."""
        shadow, run = tables.shadow, self.run
        columns = ("source", "key", "hash", "map_hash", "cur", "entity", "parent", "outvoted")
        select_new = f"""SELECT {self.manifest.source} AS source, s.key, s.hash, s.map_hash, s.cur, s.entity, s.parent, o.said AS outvoted
            FROM shadowing s LEFT JOIN outvote o ON o.entity = s.entity"""
        fresh = run.one("SELECT count(*) FROM shadowing WHERE expected IS NULL")
        if fresh:
            empty = fresh > BULK_LOAD and not self.session.run(select(shadow.c.key).limit(1))
            rebuild = deferred_indexes(self.session, shadow) if empty else []
            wanted = {name: sql_name(name) for name in columns}
            self.session.load(shadow, self._rows(shadow, wanted, f"({select_new} WHERE s.expected IS NULL)"))
            for statement in rebuild:
                self.session.run(statement)
        if run.one("SELECT count(*) FROM shadowing WHERE expected IS NOT NULL"):
            names = [name for name in columns if name != "source"]
            encoded = ", ".join(f"{encode(sql_name(c), shadow.c[c], self.dialect)} AS {c}" for c in names)
            kinds = [Column(name, shadow.c[name].type) for name in names]
            self.session.stage("seen_again", kinds, run.reader(f"SELECT {encoded} FROM ({select_new} WHERE s.expected IS NOT NULL)"))
            staged = Table("seen_again", MetaData(), *(Column(c.name, c.type) for c in kinds))
            values = {name: staged.c[name] for name in names if name not in ("key", "entity")}
            linked = func.coalesce(staged.c.entity, shadow.c.entity)
            self.session.run(update(shadow).where(shadow.c.source == self.manifest.source, shadow.c.key == staged.c.key)
                             .values({**values, "entity": linked, "absent_at": None}))
        self._absences()

    def _absences(self) -> None:
        shadow, run = tables.shadow, self.run
        if not run.one("SELECT count(*) FROM absent"):
            return
        for name, query in (("newly_absent", "SELECT key FROM absent WHERE since IS NULL"), ("now_gone", "SELECT key FROM gone")):
            self.session.stage(name, [Column("key", tables.KEY)], run.reader(query))
        absent, gone = (Table(name, MetaData(), Column("key", tables.KEY)) for name in ("newly_absent", "now_gone"))
        mine = shadow.c.source == self.manifest.source
        self.session.run(update(shadow).where(mine, shadow.c.key == absent.c.key).values(absent_at=self.moment))
        if self.manifest.absent == "unlink":
            self.session.run(update(shadow).where(mine, shadow.c.key == gone.c.key).values(entity=None))

    def _announce(self, seq: int, created: int, updated: int, removed: int) -> None:
        body = {"model": self.model, "seq": seq, "exchange": self.manifest.exchange, "created": created,
                "updated": updated, "removed": removed}
        self.session.run(insert(tables.outbox).values(
            id=new_id(), type="entity.changed", subject=self.model, body=literal_column(sql_text(json.dumps(body))),
            created_at=self.moment))

    # ------------------------------------------------------------ rows

    def _stamp(self) -> str:
        return f"TIMESTAMPTZ '{self.moment.isoformat()}'"

    def _rows(self, table: Table, columns: Mapping[str, str], query: str) -> pa.RecordBatchReader:
        encoded = ", ".join(f"{encode(sql, table.c[name], self.dialect)} AS {sql_name(name)}" for name, sql in columns.items())
        return self.run.reader(f"SELECT {encoded} FROM {query}")


def move_watermark(session: Bulk, manifest: Manifest, run_id: uuid.UUID) -> None:
    """The last word of the transaction."""
    table = tables.watermark
    found = session.run(select(table.c.snapshot, table.c.value, table.c.token, table.c.seq).where(
        table.c.exchange == manifest.exchange))
    before = found[0] if found else (0, None, None, 0)
    values = {
        "exchange": manifest.exchange, "map_hash": manifest.compiled_hash, "run_id": run_id, "moved_at": now(),
        "value": manifest.cursor if manifest.cursor is not None else before[1],
        "token": manifest.token if manifest.token is not None else before[2],
        "seq": manifest.seq if manifest.seq is not None else before[3],
        "snapshot": manifest.snapshot if manifest.snapshot is not None else before[0],
        "fields": literal_column(sql_text(json.dumps(manifest.fields))),
    }
    if found:
        session.run(update(table).where(table.c.exchange == manifest.exchange).values(values))
    else:
        session.run(insert(table).values(values))
