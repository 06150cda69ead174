"""Deliver: bring a target to what it should hold, once each, whatever happens on the way.

Before a create its intent is stored; after any doubt the target is asked by natural key, and what is
found there is adopted instead of made again (P2). Every row of an answer is judged by itself. The
outcomes of a batch are stored in one transaction under the run's epoch; the watermark moves in the last
one, and only when nothing is left undone behind it (P3).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from hub.contract import Change, Found, Operation, Outcome, Resource, Target
from hub.errors import RecordRejected, Retriable
from hub.exchange.ground import Progress
from hub.exchange.manifest import Manifest
from hub.exchange.quarantine import write_held
from hub.exchange.runfile import RunFile, sql_name
from hub.exchange.staging import stage, take
from hub.failpoints import reach
from hub.security.masking import HIDDEN
from hub.store import deliveries, entities, marks, shadows
from hub.store.database import Database
from hub.store.journal import Lease, fence, require

ATTEMPTS = 5
LONGEST_WAIT = 60.0
LOGGED = "system.logged"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of ``sending``."""

    key: str
    operation: Operation
    hash: int
    foreign_id: str | None
    foreign_key: str
    version: str | None
    body: Mapping[str, Any]

    def change(self, names: Sequence[str], exchange: str, began: uuid.UUID) -> Change:
        """The change for the target. ``began`` is the run that first meant to send it: its id is the same
        however often it is sent, and another when a record comes back to a state it had before, which a
        target that remembers ids would otherwise take for a repetition."""
        natural = dict(zip(names, json.loads(self.foreign_key), strict=True))
        name = f"{exchange}/{self.key}/{self.operation}/{self.hash}/{began}"
        identity = uuid.uuid5(uuid.NAMESPACE_URL, name)
        return Change(self.operation, natural, self.body, self.foreign_id, self.version, str(identity))


@dataclass(slots=True)
class _Batch:
    """Some rows on their way: what is sent for each, what came of those that are through (``outcomes``), the
    last answer to the others, and which of them may or may not stand in the target (``doubt``)."""

    rows: list[Row]
    changes: dict[int, Change]
    outcomes: dict[int, Outcome]
    attempts: int = 0
    doubt: set[int] = field(default_factory=set)
    answers: dict[int, Outcome] = field(default_factory=dict)

    def waiting(self) -> list[int]:
        return [index for index in range(len(self.rows)) if index not in self.outcomes]


@dataclass(slots=True)
class Delivery:
    """One output's deliveries. ``target`` None only logs what would be sent. ``secret`` names the classified
    fields: a target that repeats such a value in its answer is not quoted with it."""

    run: RunFile
    database: Database
    held: Sequence[Lease]
    manifest: Manifest
    run_id: uuid.UUID
    target: Target | None
    batch: int
    counts: dict[str, int]
    progress: Progress
    secret: frozenset[str] = frozenset()

    def send(self, *, stored: bool) -> None:
        """Send everything of the plan; each batch's outcomes are stored before the next goes out."""
        refused = self._refuse_changed() if stored else 0
        resource = self.target.resource(self.manifest.output.partition(".")[2]) if self.target else None
        tally = {"done": 0, "rejected": 0, "waiting": 0, "logged": 0}
        if resource is not None and resource.replaces:
            self._replace(resource, tally)
        else:
            self._batches(resource, tally)
        self._finish(tally, refused)

    def _batches(self, resource: Resource | None, tally: dict[str, int]) -> None:
        total = self.run.one("SELECT count(*) FROM sending")
        doubtful = deliveries.open_intents(self.database, self.manifest.source)
        position = 0
        while position < total:
            rows = self._rows(position)
            position += len(rows)
            changes = {
                index: row.change(
                    self.manifest.target_key, self.manifest.exchange, self._began(row, doubtful)
                )
                for index, row in enumerate(rows)
            }
            batch = _Batch(rows, changes, {})
            if self.target is None or resource is None:
                batch.outcomes = {index: Outcome("done", code=LOGGED) for index in range(len(rows))}
            else:
                self._through(self.target, resource, batch, doubtful)
            self._store(batch, tally)
            self.progress("deliver", {"sent": position, "of": total})

    def _began(self, row: Row, doubtful: Mapping[str, uuid.UUID]) -> uuid.UUID:
        return doubtful.get(row.key, self.run_id) if row.operation == "create" else self.run_id

    def _rows(self, position: int) -> list[Row]:
        """The next rows of one operation, deletes last."""
        found = self.run.sql(f"""SELECT key, operation, hash, foreign_id, foreign_key, version, body FROM sending
            ORDER BY operation = 'delete', operation, key LIMIT {self.batch} OFFSET {position}""")
        return [_row(values) for values in found if values[1] == found[0][1]]

    # ------------------------------------------------------------ one batch

    def _through(
        self, target: Target, resource: Resource, batch: _Batch, doubtful: Mapping[str, uuid.UUID]
    ) -> None:
        """Until every row has its outcome, or has been tried often enough. A row in doubt is not sent again
        before the target has said whether it is there."""
        creates = [index for index, row in enumerate(batch.rows) if row.operation == "create"]
        batch.doubt.update(index for index in creates if batch.rows[index].key in doubtful)
        reach("before_intent")
        if creates:
            deliveries.intend(
                self.database,
                self.held,
                self.manifest.source,
                [
                    {
                        "key": row.key,
                        "operation": row.operation,
                        "foreign_key": row.foreign_key,
                        "change_id": str(row.hash),
                        "run_id": self._began(row, doubtful),
                    }
                    for row in (batch.rows[index] for index in creates)
                ],
                self.run_id,
            )
        reach("after_intent")
        while batch.waiting():
            batch.attempts += 1
            self._adopt(target, resource, batch)
            waiting = [index for index in batch.waiting() if index not in batch.doubt]
            wait: float | None = 0.0 if batch.doubt else None
            if waiting:
                reach("before_target_call")
                require(self.database, self.held)
                answers = self._call(target, resource, [batch.changes[index] for index in waiting])
                reach("after_target_ack")
                wait = self._judge(batch, waiting, answers)
            if batch.attempts >= ATTEMPTS:
                self._give_up(batch)
            elif wait is not None and batch.waiting():
                time.sleep(min(max(wait, 0.2 * 2**batch.attempts), LONGEST_WAIT))

    def _call(self, target: Target, resource: Resource, changes: list[Change]) -> list[Outcome]:
        try:
            return target.deliver(resource, changes)
        except Retriable as error:  # by contract none of them can have had an effect
            return [
                Outcome("retry", code=error.code, message=error.message, wait=error.wait) for _ in changes
            ]

    @staticmethod
    def _judge(batch: _Batch, waiting: list[int], answers: list[Outcome]) -> float | None:
        """Sort the answers; answers how long to wait before the rest is tried again."""
        wait = None
        for index, answer in zip(waiting, answers, strict=True):
            if answer.status in ("done", "rejected"):
                batch.outcomes[index] = answer
                continue
            batch.answers[index] = answer
            wait = max(wait or 0.0, answer.wait or 0.0)
            if answer.status != "retry":
                batch.doubt.add(index)
        return wait

    @staticmethod
    def _give_up(batch: _Batch) -> None:
        """What has no outcome after the last attempt waits for the next run; its intent stays."""
        for index in batch.waiting():
            answer = batch.answers.get(index) or Outcome("unknown", message="the target could not be asked")
            batch.outcomes[index] = replace(
                answer, status="retry", code=answer.code or f"delivery.{answer.status}"
            )

    def _adopt(self, target: Target, resource: Resource, batch: _Batch) -> None:
        """Ask the target by natural key about what is in doubt. A create that is there already goes on as an
        update of what was found, an update against the version that was found; a deletion that is gone is
        done. Where the target cannot answer, the doubt stays."""
        doubtful = [index for index in batch.waiting() if index in batch.doubt]
        if not doubtful:
            return
        try:
            found = target.find(resource, [batch.changes[index].key for index in doubtful])
        except Retriable as error:
            for index in doubtful:
                batch.answers[index] = Outcome("unknown", code=error.code, message=error.message)
            return
        except RecordRejected:
            found = self._one_by_one(target, resource, batch, doubtful)
        for index, there in zip(doubtful, found, strict=True):
            batch.doubt.discard(index)
            row, change = batch.rows[index], batch.changes[index]
            if index in batch.outcomes:
                continue
            if there is not None:
                operation: Operation = "update" if row.operation == "create" else row.operation
                batch.changes[index] = replace(
                    change, operation=operation, foreign_id=there.foreign_id, version=there.version
                )
            elif row.operation == "delete":
                batch.outcomes[index] = Outcome("done", row.foreign_id, code="target.gone")
            else:
                batch.changes[index] = replace(change, operation="create", foreign_id=None, version=None)

    @staticmethod
    def _one_by_one(
        target: Target, resource: Resource, batch: _Batch, doubtful: list[int]
    ) -> list[Found | None]:
        """One of the keys names several records of the target: that row is rejected, the others go on."""
        found: list[Found | None] = []
        for index in doubtful:
            try:
                found += target.find(resource, [batch.changes[index].key])
            except RecordRejected as refusal:
                batch.outcomes[index] = Outcome("rejected", code=refusal.code, message=refusal.message)
                found.append(None)
        return found

    # ------------------------------------------------------------ storing

    def _store(self, batch: _Batch, tally: dict[str, int]) -> None:
        told = []
        for index, row in enumerate(batch.rows):
            outcome = batch.outcomes[index]
            logged = outcome.code == LOGGED
            name = (
                "logged"
                if logged
                else {"done": "done", "rejected": "rejected"}.get(outcome.status, "waiting")
            )
            tally[name] += 1
            one: dict[str, Any] = {
                "key": row.key,
                "operation": row.operation,
                "status": outcome.status,
                "foreign_id": outcome.foreign_id,
                "code": outcome.code,
                "message": self._without_secrets(row, outcome.message),
                "attempts": batch.attempts,
                "hash": row.hash,
                "hold": None,
            }
            if name == "done":
                one["shadow"] = self._acknowledged(row, outcome)
            elif name != "logged":
                where = ", ".join(str(part) for part in json.loads(row.foreign_key))
                one["hold"] = {
                    "state": "quarantined" if name == "rejected" else "waiting",
                    "position": f"{self.manifest.output} {where}",
                }
            told.append(one)
        deliveries.record(
            self.database,
            self.held,
            self.manifest.source,
            self.manifest.exchange,
            self.manifest.map_hash,
            self.run_id,
            told,
        )
        if held := [one["key"] for one in told if one["hold"]]:  # opened just now, not settled by this run
            self.run.table("held_now", pa.table({"key": held}))
            self.run.sql("DELETE FROM settled WHERE key IN (SELECT key FROM held_now)")
        reach("after_outcomes")

    def _without_secrets(self, row: Row, message: str) -> str:
        texts = (str(row.body.get(name) or "") for name in self.secret)
        for text in sorted(texts, key=len, reverse=True):
            message = message.replace(text, HIDDEN) if text else message
        return message

    def _acknowledged(self, row: Row, outcome: Outcome) -> dict[str, Any] | None:
        """What to remember of a row the target took; None forgets what it deleted."""
        if row.operation == "delete":
            return None
        entity = uuid.UUID(row.key) if self.manifest.direction == "outbound" else None
        return {
            "hash": row.hash,
            "map_hash": self.manifest.map_hash,
            "entity": entity,
            "foreign_key": row.foreign_key,
            "foreign_id": outcome.foreign_id or row.foreign_id,
            "version": outcome.version,
            "absent_at": None,
        }

    def _finish(self, tally: dict[str, int], refused: int) -> None:
        """Quarantine of the mapping, and the watermark where nothing is left undone behind it."""
        counts = self.counts
        counts["applied"] = (
            counts.get("applied", 0) - tally["rejected"] - tally["waiting"] - tally["logged"] - refused
        )
        for name, count in (
            ("quarantined", tally["rejected"]),
            ("waiting", tally["waiting"]),
            ("held", tally["logged"]),
            ("refused", refused),
        ):
            counts[name] = counts.get(name, 0) + count
        with self.database.bulk(write=True) as session:
            fence(session, self.held)
            write_held(self.run, session, self.manifest, self.run_id)
            if self.manifest.last and self.manifest.moves and not (tally["waiting"] or tally["logged"] or refused):
                marks.move(session, self.manifest.exchange, self.manifest.mark(), self.run_id)
            reach("before_commit")
        reach("after_commit")

    # ------------------------------------------------------------ plans and whole files

    def _refuse_changed(self) -> int:
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
        self.run.sql(f"""CREATE OR REPLACE TABLE refused AS SELECT s.key, s.hash
            FROM sending s LEFT JOIN current_shadow c USING (key)
            WHERE s.expected IS DISTINCT FROM c.hash {changed}""")
        self.run.sql("DELETE FROM sending WHERE key IN (SELECT key FROM refused)")
        self.run.sql("""INSERT INTO held SELECT key, hash, 'refused', 'plan.changed', '',
            'the record changed after the plan was made', NULL, '', 0, NULL FROM refused""")
        return int(self.run.one("SELECT count(*) FROM refused"))

    def _replace(self, resource: Resource, tally: dict[str, int]) -> None:
        """A target that is written whole gets all rows where any of them changed or left; else it stays."""
        rows = [
            _row(values)
            for values in self.run.sql(
                "SELECT key, operation, hash, foreign_id, foreign_key, version, body FROM sending"
            )
        ]
        leftover = [key for (key,) in self.run.sql("SELECT key FROM leftover")]
        if not rows and not leftover:
            return
        # By natural key: the same content gives the same file, whoever made it.
        order = ", ".join(sql_name(name) for name in [*self.manifest.target_key, "_key"])
        reader = self.run.reader(f"SELECT * EXCLUDE (_key) FROM whole ORDER BY {order}")
        reach("before_target_call")
        count = self.target.replace(resource, self._to_the_last(reader), reader.schema)  # type: ignore[union-attr]
        reach("after_target_ack")
        self._store(_Batch(rows, {}, {index: Outcome("done") for index in range(len(rows))}, 1), tally)
        deliveries.forget(self.database, self.held, self.manifest.source, leftover)
        self.progress("deliver", {"sent": count, "of": count})

    def _to_the_last(self, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of a new file; when all are given it has not yet taken the old one's place."""
        yield from rows
        reach("before_replace")
        require(self.database, self.held)


def _row(values: Sequence[Any]) -> Row:
    key, operation, hash_, foreign_id, foreign_key, version, body = values
    return Row(key, operation, hash_, foreign_id, foreign_key, version, json.loads(body))
