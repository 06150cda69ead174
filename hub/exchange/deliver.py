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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from hub.contract import Change, Outcome, Target
from hub.errors import Retriable
from hub.exchange.apply import move_watermark
from hub.exchange.manifest import Manifest
from hub.exchange.quarantine import write_held
from hub.exchange.runfile import RunFile
from hub.failpoints import reach
from hub.store import tables
from hub.store.database import Database, new_id, now
from hub.store.journal import Lease, fence

ATTEMPTS = 5
LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """One row of ``sending``."""

    key: str
    operation: Any
    hash: int
    foreign_id: str | None
    foreign_key: str
    version: str | None
    body: Mapping[str, Any]

    def change(self, names: Sequence[str], exchange: str) -> Change:
        natural = dict(zip(names, json.loads(self.foreign_key), strict=True))
        return Change(self.operation, natural, self.body, self.foreign_id, self.version,
                      id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{exchange}/{self.key}/{self.operation}/{self.hash}")))


@dataclass(slots=True)
class Delivery:
    """One output's deliveries. ``target`` None only logs what would be sent."""

    run: RunFile
    database: Database
    held: list[Lease]
    manifest: Manifest
    run_id: uuid.UUID
    target: Target | None
    batch: int
    counts: dict[str, int]
    shown: Callable[[str, Mapping[str, int]], None]

    def run_all(self, *, stored: bool) -> None:
        """Send everything of the plan; stores each batch's outcomes as it goes."""
        refused = self._refuse_changed() if stored else 0
        total = self.run.one("SELECT count(*) FROM sending")
        resource = self.target.resource(self.manifest.output.partition(".")[2]) if self.target else None
        if resource is not None and resource.replaces:
            self._replace(resource)
            return
        tally = {"done": 0, "rejected": 0, "waiting": 0, "logged": 0}
        names = self._key_names()
        doubtful = self._open_intents()
        position = 0
        while position < total:
            rows = self._rows(position)
            position += len(rows)
            outcomes = self._send(resource, rows, names, doubtful)
            self._store(rows, outcomes, tally)
            self.shown("deliver", {"sent": position, "of": total})
        self._finish(tally, refused)

    # ------------------------------------------------------------ sending

    def _rows(self, position: int) -> list[Row]:
        """The next batch: rows of one operation, deletes last."""
        found = self.run.sql(f"""SELECT key, operation, hash, foreign_id, foreign_key, version, body FROM sending
            ORDER BY operation = 'delete', operation, key LIMIT {self.batch} OFFSET {position}""")
        rows = [Row(*values[:-1], json.loads(values[-1])) for values in found]
        return [row for row in rows if row.operation == rows[0].operation]

    def _send(self, resource: Any, rows: list[Row], names: Sequence[str], doubtful: set[str]) -> list[Outcome]:
        if self.target is None:
            return [Outcome("done", code="logged") for _ in rows]
        outcomes: dict[int, Outcome] = {}
        rows_left = list(enumerate(rows))
        asked = [(index, row) for index, row in rows_left if row.operation == "create" and row.key in doubtful]
        changes = {index: row.change(names, self.manifest.exchange) for index, row in rows_left}
        self._adopt(resource, asked, changes, outcomes)
        reach("before_intent")
        self._intend([row for index, row in rows_left if row.operation == "create" and index not in outcomes])
        reach("after_intent")
        for attempt in range(ATTEMPTS):
            waiting = [index for index in range(len(rows)) if index not in outcomes]
            if not waiting:
                break
            reach("before_target_call")
            answers = self._call(resource, [changes[index] for index in waiting])
            reach("after_target_ack")
            wait = self._judge(resource, rows, waiting, answers, changes, outcomes, last=attempt == ATTEMPTS - 1)
            if wait is not None and attempt < ATTEMPTS - 1:
                time.sleep(min(max(wait, 0.2 * 2**attempt), LONGEST_WAIT))
        return [outcomes[index] for index in range(len(rows))]

    def _call(self, resource: Any, changes: list[Change]) -> list[Outcome]:
        assert self.target is not None
        try:
            return self.target.deliver(resource, changes)
        except Retriable as error:  # the contract: then none of them can have had an effect
            return [Outcome("retry", code=error.code, message=error.message, wait=error.wait) for _ in changes]

    def _judge(
        self, resource: Any, rows: list[Row], waiting: list[int], answers: list[Outcome], changes: dict[int, Change],
        outcomes: dict[int, Outcome], *, last: bool,
    ) -> float | None:
        """Sort the answers; what has no final one is tried again after the longest wait asked for."""
        wait: float | None = None
        doubt: list[tuple[int, Row]] = []
        for index, answer in zip(waiting, answers, strict=True):
            if answer.status in ("done", "rejected"):
                outcomes[index] = answer
            elif answer.status == "retry" or last:
                wait = max(wait or 0.0, answer.wait or 0.0)
                if last:
                    outcomes[index] = answer if answer.status == "retry" else Outcome(
                        "retry", code=answer.code or "delivery.unknown", message=answer.message)
            else:
                doubt.append((index, rows[index]))
        if doubt:
            self._adopt(resource, doubt, changes, outcomes)
            wait = wait or 0.0
        return wait

    def _adopt(
        self, resource: Any, doubtful: list[tuple[int, Row]], changes: dict[int, Change], outcomes: dict[int, Outcome]
    ) -> None:
        """Ask the target by natural key. A create that is there already goes on as an update of what was
        found; an update goes on against the version that was found; a deletion that is gone is done."""
        if not doubtful:
            return
        assert self.target is not None
        found = self.target.find(resource, [changes[index].key for index, _ in doubtful])
        for (index, row), there in zip(doubtful, found, strict=True):
            change = changes[index]
            if there is None:
                if row.operation == "delete":
                    outcomes[index] = Outcome("done", row.foreign_id, code="target.gone")
                elif row.operation == "update":
                    changes[index] = Change("create", change.key, change.values, id=change.id)
                continue
            operation = "update" if row.operation == "create" else row.operation
            changes[index] = Change(operation, change.key, change.values, there.foreign_id, there.version, change.id)

    # ------------------------------------------------------------ storing

    def _intend(self, rows: list[Row]) -> None:
        if not rows:
            return
        table = tables.intent
        with self.database.begin() as connection:
            fence(connection, self.held)
            keys = [row.key for row in rows]
            connection.execute(delete(table).where(table.c.source == self.manifest.source, table.c.key.in_(keys)))
            connection.execute(insert(table), [
                {"source": self.manifest.source, "key": row.key, "change_id": str(row.hash), "operation": row.operation, "foreign_key": row.foreign_key, "run_id": self.run_id, "created_at": now()}
                for row in rows])

    def _open_intents(self) -> set[str]:
        """Creates of an earlier run that nobody knows the end of."""
        with self.database.begin() as connection:
            return set(connection.scalars(select(tables.intent.c.key).where(tables.intent.c.source == self.manifest.source)))

    def _store(
        self, rows: list[Row], outcomes: list[Outcome], tally: dict[str, int], leftover: Sequence[str] = ()
    ) -> None:
        """One transaction per batch: shadows, outcomes, quarantine, intents that are answered."""
        with self.database.begin() as connection:
            fence(connection, self.held)
            moment = now()
            for row, outcome in zip(rows, outcomes, strict=True):
                logged = outcome.code == "logged"
                tally["logged" if logged else {"done": "done", "rejected": "rejected"}.get(outcome.status, "waiting")] += 1
                if outcome.status == "done" and not logged:
                    self._remember(connection, row, outcome)
                elif not logged:
                    self._hold(connection, row, outcome, moment)
            if leftover:
                connection.execute(delete(tables.shadow).where(
                    tables.shadow.c.source == self.manifest.source, tables.shadow.c.key.in_(leftover)))
            if not rows:
                return
            connection.execute(insert(tables.delivery), [
                {"id": new_id(), "run_id": self.run_id, "source": self.manifest.source, "key": row.key,
                 "operation": row.operation, "status": outcome.status, "foreign_id": outcome.foreign_id,
                 "code": outcome.code, "message": outcome.message, "attempts": 1, "at": moment}
                for row, outcome in zip(rows, outcomes, strict=True)])
            answered = [row.key for row, outcome in zip(rows, outcomes, strict=True) if outcome.status in ("done", "rejected")]
            connection.execute(delete(tables.intent).where(
                tables.intent.c.source == self.manifest.source, tables.intent.c.key.in_(answered)))
        reach("after_outcomes")

    def _remember(self, connection: Any, row: Row, outcome: Outcome) -> None:
        shadow, mine = tables.shadow, (tables.shadow.c.source == self.manifest.source) & (tables.shadow.c.key == row.key)
        if row.operation == "delete":
            connection.execute(delete(shadow).where(mine))
            return
        entity = uuid.UUID(row.key) if self.manifest.direction == "outbound" else None
        values = {"hash": row.hash, "map_hash": self.manifest.map_hash, "entity": entity, "foreign_key": row.foreign_key,
                  "foreign_id": outcome.foreign_id or row.foreign_id, "version": outcome.version, "absent_at": None}
        if connection.execute(update(shadow).where(mine).values(values)).rowcount == 0:
            connection.execute(insert(shadow).values(source=self.manifest.source, key=row.key, **values))

    def _hold(self, connection: Any, row: Row, outcome: Outcome, moment: Any) -> None:
        state = "quarantined" if outcome.status == "rejected" else "waiting"
        table = tables.quarantine
        connection.execute(update(table).where(
            table.c.source == self.manifest.source, table.c.key == row.key, table.c.state != "resolved",
        ).values(state="resolved", resolved_at=moment))
        connection.execute(insert(table).values(
            id=new_id(), source=self.manifest.source, exchange=self.manifest.exchange, key=row.key, hash=row.hash,
            map_hash=self.manifest.map_hash, state=state, code=outcome.code or f"delivery.{outcome.status}", field="",
            message=outcome.message, input=None, position=f"{self.manifest.output} {', '.join(json.loads(row.foreign_key))}",
            original=None, run_id=self.run_id, created_at=moment))

    def _finish(self, tally: dict[str, int], refused: int) -> None:
        """Quarantine of the mapping, and the watermark where nothing is left undone behind it."""
        counts = self.counts
        counts["applied"] = counts.get("applied", 0) - tally["rejected"] - tally["waiting"] - tally["logged"] - refused
        counts["quarantined"] = counts.get("quarantined", 0) + tally["rejected"]
        counts["waiting"] = counts.get("waiting", 0) + tally["waiting"]
        counts["held"] = counts.get("held", 0) + tally["logged"]
        counts["refused"] = counts.get("refused", 0) + refused
        with self.database.bulk(write=True) as session:
            fence(session, self.held)
            write_held(self.run, session, self.manifest, self.run_id)
            if not (tally["waiting"] or tally["logged"] or refused):
                move_watermark(session, self.manifest, self.run_id)
            reach("before_commit")
        reach("after_commit")

    # ------------------------------------------------------------ plans and whole files

    def _refuse_changed(self) -> int:
        """Rows of a stored plan whose acknowledged state changed since are not sent."""
        with self.database.bulk(write=False) as session:
            query = select(tables.shadow.c.key, tables.shadow.c.hash).where(tables.shadow.c.source == self.manifest.source)
            self.run.table("current_shadow", session.stream(query))
        self.run.sql("""CREATE OR REPLACE TABLE refused AS SELECT s.key, s.hash FROM sending s LEFT JOIN current_shadow c USING (key)
            WHERE s.expected IS DISTINCT FROM c.hash""")
        self.run.sql("DELETE FROM sending WHERE key IN (SELECT key FROM refused)")
        self.run.sql("""INSERT INTO held SELECT key, hash, 'refused', 'plan.changed', '',
            'the record changed after the plan was made', NULL, '', 0, NULL FROM refused""")
        return int(self.run.one("SELECT count(*) FROM refused"))

    def _key_names(self) -> list[str]:
        return self.manifest.target_key

    def _replace(self, resource: Any) -> None:
        """A target that is written whole gets all rows where any of them changed or left, or is left alone."""
        assert self.target is not None
        rows = [Row(*values[:-1], json.loads(values[-1])) for values in self.run.sql(
            "SELECT key, operation, hash, foreign_id, foreign_key, version, body FROM sending")]
        leftover = [key for (key,) in self.run.sql("SELECT key FROM leftover")]
        tally = {"done": 0, "rejected": 0, "waiting": 0, "logged": 0}
        if rows or leftover:
            reader = self.run.reader("SELECT * EXCLUDE (key) FROM whole ORDER BY key")
            count = self.target.replace(resource, reader, reader.schema)  # type: ignore[attr-defined]
            self._store(rows, [Outcome("done") for _ in rows], tally, leftover)
            self.shown("deliver", {"sent": count, "of": count})
        self._finish(tally, 0)
