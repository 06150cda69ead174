"""Deliver: bring a target to what it should hold, once each, whatever happens on the way.

The rows go out in batches, several at once where the target's limits allow, creates before updates
before deletes: a key occurs once, so its order is kept. The outcomes of a batch are stored in one
transaction under the run's epoch; the watermark moves in the last one, and only when nothing is left
undone behind it (P3). Where the target's circuit is open, the rest waits at once.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from hub.contract import Outcome, Resource, Target
from hub.exchange.delivering.alike import Likeness
from hub.exchange.delivering.byhand import Row
from hub.exchange.delivering.lanes import Here, Lane, lanes
from hub.exchange.delivering.outcomes import LOGGED, Tally, apart, stored_outcome
from hub.exchange.delivering.readback import ReadBack
from hub.exchange.delivering.sender import CIRCUIT, Batch, Sender
from hub.exchange.departures import write_departures
from hub.exchange.ground import Progress
from hub.exchange.judging.foretell import came_true
from hub.exchange.manifest import Manifest
from hub.exchange.quarantine import set_aside, write_held
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, stage_keys, take
from hub.failpoints import reach
from hub.store import deliveries, entities, marks, shadows, speeds
from hub.store.bulk import Bulk
from hub.store.database import Database, now
from hub.store.journal import Lease, fence, require

ORDER = "list_position(['create', 'enable', 'update', 'disable', 'delete'], s.operation)"
COLUMNS = "n, key, operation, hash, foreign_id, foreign_key, version, body, seen, kept, known"


@dataclass(slots=True)
class Delivery:
    """One output's deliveries. ``target`` None only logs what would be sent; ``more`` opens another one like
    it, which its lane closes. ``secret`` names the classified fields: a target that repeats such a value in its
    answer is not quoted with it. ``heirs`` are rows that take the natural key of another one, by their keys, and
    ``holding`` those others that have not given it up yet."""

    run: RunFile
    database: Database
    held: Sequence[Lease]
    manifest: Manifest
    run_id: uuid.UUID
    target: Target | None
    more: Callable[[], Target]
    batch: int
    threads: int
    sender: Sender
    readback: ReadBack
    counts: dict[str, int]
    progress: Progress
    secret: frozenset[str] = frozenset()
    tally: Tally = field(default_factory=Tally)
    heirs: dict[str, str] = field(default_factory=dict)
    holding: set[str] = field(default_factory=set)
    lanes: int = 1
    began: float = field(default_factory=time.monotonic)

    @property
    def likeness(self) -> Likeness:
        return self.sender.likeness

    def send(self, *, stored: bool) -> None:
        """Send everything of the plan; each batch's outcomes are stored as it comes back."""
        self.run.sql("CREATE OR REPLACE TABLE refused (key VARCHAR, hash BIGINT, operation VARCHAR)")
        if stored:
            self._refuse_changed()
        resource = self.target.resource(self.manifest.output.partition(".")[2]) if self.target else None
        if resource is not None and resource.replaces:
            self._replace(resource)
        else:
            total = self._queue()
            if self.target is None or resource is None:
                self._log(total)
            elif total:
                self._batches(self.target, resource, total)
        self._finish()

    def _queue(self) -> int:
        """``queue``: what is sent, in its order, with what was acknowledged before: creates, updates, deletes;
        but what gives up a natural key goes before what takes it."""
        run = self.run
        run.sql("CREATE OR REPLACE TABLE kept_before (key VARCHAR, kept VARCHAR)")
        wanted = "SELECT key FROM sending WHERE operation <> 'create'"
        if run.one(f"SELECT count(*) FROM ({wanted})"):
            with self.database.bulk(write=False) as session:
                keys = stage_keys(run, session, "sending_keys", wanted)
                take(run, "kept_before", shadows.kept(session, self.manifest.source, keys))
        run.sql("""CREATE OR REPLACE TABLE handing AS SELECT g.key AS giver, t.key AS taker,
            g.operation = 'delete' OR t.operation = 'create' AS waits
            FROM sending g JOIN sending t ON t.foreign_key = g.known AND t.key <> g.key
            WHERE (g.operation = 'delete' OR g.known <> g.foreign_key) AND t.operation NOT IN ('disable', 'delete')""")
        self.heirs = dict(run.sql("SELECT taker, giver FROM handing WHERE waits"))
        self.holding = set(self.heirs.values())
        run.sql(f"""CREATE OR REPLACE TABLE queue AS SELECT row_number() OVER (ORDER BY g.giver IS NULL,
                CASE WHEN g.giver IS NOT NULL THEN s.operation END, {ORDER}, s.key) - 1 AS n, s.*, k.kept
            FROM sending s LEFT JOIN kept_before k ON k.key = s.key
            LEFT JOIN (SELECT DISTINCT giver FROM handing) g ON g.giver = s.key ORDER BY n""")
        return int(run.one("SELECT count(*) FROM queue"))

    def _rows(self, position: int, size: int) -> list[Row]:
        """The next rows of one operation."""
        found = self.run.sql(f"""SELECT {COLUMNS} FROM queue
            WHERE n >= {position} AND n < {position + size} ORDER BY n""")
        return [_row(values) for values in found if values[2] == found[0][2]]

    # ------------------------------------------------------------ batches

    def _log(self, total: int) -> None:
        for position in range(0, total, self.batch):
            found = self.run.sql(f"""SELECT {COLUMNS} FROM queue
                WHERE n >= {position} AND n < {position + self.batch} ORDER BY n""")
            batch = Batch([_row(values) for values in found], {}, {})
            batch.outcomes = {index: Outcome("done", code=LOGGED) for index in range(len(batch.rows))}
            self._store(batch)

    def _batches(self, target: Target, resource: Resource, total: int) -> None:
        """Each lane carries one batch at a time. The first error stops what is not begun; what is under way is
        stored before it is raised."""
        number = max(1, min(self.threads, -(-total // self.batch)))
        self.lanes = number
        with lanes(number, target, resource, self.more, self._work) as free:
            position, operation = 0, ""
            running: dict[Future[Batch], Here | Lane] = {}
            failure: BaseException | None = None
            while position < total or running:
                while position < total and free and failure is None:
                    state = self.sender.gate.state()
                    if state == "open" and not running:
                        position = self._leave(position, total)
                        break
                    rows = self._rows(position, 1 if state == "half_open" else self.batch)
                    if running and (state != "closed" or rows[0].operation != operation):
                        break  # what is under way comes back first
                    operation, position = rows[0].operation, position + len(rows)
                    batch = self.sender.batch(rows, self._not_yet(rows))
                    self.sender.intend(batch)
                    lane = free.pop()
                    running[lane.submit(batch)] = lane
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    free.append(running.pop(one))
                    if error := one.exception():
                        failure, position = failure or error, total
                    else:
                        self._store(one.result())
                        self.progress("deliver", {"sent": self.tally.total, "of": total})
            if failure is not None:
                raise failure

    def _not_yet(self, rows: Sequence[Row]) -> dict[int, Outcome]:
        """What would take a natural key that another record has still: it would be taken for that one."""
        message = "another record has its key in the target still, and could not give it up"
        wait = Outcome("retry", code="delivery.key_held", message=message)
        return {index: wait for index, row in enumerate(rows) if self.heirs.get(row.key) in self.holding}

    def _work(self, target: Target, resource: Resource, batch: Batch) -> Batch:
        self.sender.through(target, resource, batch)
        self.readback.check(target, resource, batch)
        return batch

    def _leave(self, position: int, total: int) -> int:
        """The rest waits, listed, without being tried one by one."""
        where = sql_text(f"{self.manifest.output} ")
        message = sql_text("the target's circuit is open, or it asked for a longer pause than the run waits")
        rest = f"SELECT key, hash, foreign_key FROM queue WHERE n >= {position}"
        set_aside(self.run, "waiting", CIRCUIT, message, rest, position=f"{where} || foreign_key")
        self._tell("waiting", f"queue WHERE n >= {position}")
        return total

    # ------------------------------------------------------------ storing

    def _store(self, batch: Batch) -> None:
        told = [
            stored_outcome(
                batch, index, self.manifest, self.tally, self.secret, self.likeness, self.sender.policy
            )
            for index in range(len(batch.rows))
        ]
        deliveries.record(
            self.database,
            self.held,
            self.manifest.source,
            self.manifest.exchange,
            self.manifest.map_hash,
            self.run_id,
            told,
        )
        self.holding -= {one["key"] for one in told if one["status"] == "done"}
        if held := [one["key"] for one in told if one["hold"]]:  # opened just now, not settled by this run
            self.run.table("held_now", pa.table({"key": held}))
            self.run.sql("DELETE FROM settled WHERE key IN (SELECT key FROM held_now)")
        reach("after_outcomes")

    def _finish(self) -> None:
        """Quarantine of the mapping, and the watermark where nothing is left undone behind it."""
        self.tally.correct(self.counts)
        self.manifest.notes += self._notes()
        with self.database.bulk(write=True) as session:
            fence(session, self.held)
            deliveries.learn(session, self.manifest.source, self.run_id, sorted(self.likeness.fresh))
            self._measure(session)
            write_held(self.run, session, self.manifest, self.run_id)
            write_departures(self.run, session, self.manifest, now())
            if self.manifest.last and self.manifest.moves and not self.tally.undone:
                marks.move(session, self.manifest.exchange, self.manifest.mark(), self.run_id)
            reach("before_commit")
        reach("after_commit")

    def _measure(self, session: Bulk) -> None:
        """How long it took beside what was predicted, and for the next prediction."""
        meter = self.sender.meter
        if not (made := meter.writes + meter.lookups):
            return
        took = time.monotonic() - self.began
        self.manifest.notes.append(came_true(self.manifest, meter, took))
        busy = max(0.0, took - self.sender.gate.waited)
        speeds.learn(session, self.manifest.output, made, busy * self.lanes)

    def _notes(self) -> list[str]:
        output, back = self.manifest.output, self.readback
        notes = self.tally.notes(output)
        notes += [
            f"{output} rewrites {name} ({kind}): tolerated" for name, kind in sorted(self.likeness.fresh)
        ]
        if back.lost:
            notes.append(f"{output} acknowledged {back.lost} records that it does not hold as sent")
        if back.reason:
            notes.append(f"{output} is not read back: {back.reason}")
        return notes

    # ------------------------------------------------------------ plans and whole files

    def _tell(self, name: str, rows: str) -> None:
        """Count rows that ended without being sent."""
        for operation, count in self.run.sql(f"SELECT operation, count(*) FROM {rows} GROUP BY 1"):
            self.tally.add(name, apart(self.manifest, operation), count)

    def _refuse_changed(self) -> None:
        """Rows of a stored plan whose acknowledged state, or golden record, changed since are not sent."""
        run, model = self.run, self.manifest.model
        with self.database.bulk(write=False) as session:
            take(run, "current_shadow", shadows.hashes(session, self.manifest.source))
            if model:
                columns = {"_id": entities.columns(self.database, model)["_id"]}
                staged = stage(run, session, "planned_entities", columns, "SELECT _id FROM planned")
                take(run, "current", entities.versions(session, self.database, model, staged))
        changed = ""
        if model:
            changed = """OR s.key IN (SELECT CAST(_id AS VARCHAR) FROM planned p
                ANTI JOIN current c ON c._id = p._id AND c._version = p.version)"""
        self.run.sql(f"""INSERT INTO refused SELECT s.key, s.hash, s.operation
            FROM sending s LEFT JOIN current_shadow c USING (key)
            WHERE s.expected IS DISTINCT FROM c.hash {changed}""")
        self.run.sql("DELETE FROM sending WHERE key IN (SELECT key FROM refused)")
        why = sql_text("the record changed after the plan was made")
        set_aside(self.run, "refused", "plan.changed", why, "SELECT key, hash FROM refused")
        self._tell("refused", "refused")

    def _replace(self, resource: Resource) -> None:
        """A target that is written whole gets all rows where any of them changed or left; else it stays."""
        self._queue()
        rows = [_row(values) for values in self.run.sql(f"SELECT {COLUMNS} FROM queue ORDER BY n")]
        leftover = [key for (key,) in self.run.sql("SELECT key FROM leftover")]
        if not rows and not leftover:
            return
        # By natural key: the same content gives the same file, whoever made it.
        order = ", ".join(sql_name(name) for name in [*self.manifest.target_key, "_key"])
        reader = self.run.reader(f"SELECT * EXCLUDE (_key) FROM whole ORDER BY {order}")
        reach("before_target_call")
        self.sender.meter.wrote("update", 1)
        count = self.target.replace(resource, self._to_the_last(reader), reader.schema)  # type: ignore[union-attr] # only with a target is anything replaced
        reach("after_target_ack")
        self._store(Batch(rows, {}, {index: Outcome("done") for index in range(len(rows))}, 1))
        deliveries.forget(self.database, self.held, self.manifest.source, leftover)
        self.progress("deliver", {"sent": count, "of": count})

    def _to_the_last(self, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of a new file; when all are given it has not yet taken the old one's place."""
        yield from rows
        reach("before_replace")
        require(self.database, self.held)


def _row(values: Sequence[Any]) -> Row:
    number, key, operation, hash_, foreign_id, foreign_key, version, body, seen, kept, known = values
    return Row(
        number, key, operation, hash_, foreign_id, foreign_key, version, json.loads(body), seen, kept, known
    )
