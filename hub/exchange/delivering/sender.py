"""A batch on its way through a target until every row has its outcome.

Before a create its intent is stored; after any doubt the target is asked by natural key, and what is
found there is adopted instead of made again (P2). Every row of an answer is judged by itself.

Messages cannot be asked for. Of them every intent is stored, so that a change is the same one however often it is
sent, and in doubt it is sent again: whoever gets it knows it by its id.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub import tracing
from hub.contract import Change, Found, Outcome, Resource, Target
from hub.errors import ConfigError, RecordRejected, Retriable
from hub.exchange.delivering.alike import Likeness
from hub.exchange.delivering.byhand import (
    LEFT_AS_IT_IS,
    Policy,
    Row,
    decide,
    held_values,
    looks_first,
    natural,
    without_left,
)
from hub.exchange.delivering.gate import Gate
from hub.exchange.judging.predict import Meter
from hub.failpoints import reach
from hub.store import deliveries
from hub.store.database import Database
from hub.store.journal import Lease, require

CIRCUIT = "circuit.open"


@dataclass(slots=True)
class Batch:
    """Some rows on their way: what is sent for each, what came of those that are through (``outcomes``), the
    last answer to the others, and which of them may or may not stand in the target (``doubt``). ``left`` are
    fields that stay as a person made them, by row."""

    rows: list[Row]
    changes: dict[int, Change]
    outcomes: dict[int, Outcome]
    attempts: int = 0
    doubt: set[int] = field(default_factory=set)
    answers: dict[int, Outcome] = field(default_factory=dict)
    left: dict[int, dict[str, Any]] = field(default_factory=dict)
    overwritten: set[int] = field(default_factory=set)
    adopted: set[int] = field(default_factory=set)

    def waiting(self) -> list[int]:
        return [index for index in range(len(self.rows)) if index not in self.outcomes]


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends batches of one output; used by several threads, each with a target of its own."""

    database: Database
    held: Sequence[Lease]
    source: int
    exchange: str
    target_key: Sequence[str]
    run_id: uuid.UUID
    gate: Gate
    likeness: Likeness
    policy: Policy
    attempts: int
    doubtful: Mapping[str, uuid.UUID]
    messages: bool = False
    meter: Meter = field(default_factory=Meter)

    def batch(self, rows: list[Row], decided: Mapping[int, Outcome]) -> Batch:
        """Rows on their way; those that are ``decided`` are not sent, nor those whose every value a person made
        and is left."""
        changes = {index: self._change(row) for index, row in enumerate(rows)}
        left = {
            index: Outcome("done", row.foreign_id, row.version, LEFT_AS_IT_IS)
            for index, row in enumerate(rows)
            if row.operation == "disable" and not changes[index].values
        }
        return Batch(rows, changes, left | dict(decided))

    def _change(self, row: Row) -> Change:
        """The change for the target. Its id names the run that first meant to send it: it is the same however
        often it is sent, and another when a record comes back to a state it had before, which a target that
        remembers ids would otherwise take for a repetition."""
        known, now = json.loads(row.known or row.foreign_key), json.loads(row.foreign_key)
        begun = None
        if len(known) != len(self.target_key):  # the mapping names other key fields
            known = now
        elif row.operation == "create" and self.messages:  # speaks of the record as it is now
            begun, known = (dict(zip(self.target_key, known, strict=True)) if known != now else None), now
        name = f"{self.exchange}/{row.key}/{row.operation}/{row.hash}/{self._began(row)}"
        identity = uuid.uuid5(uuid.NAMESPACE_URL, name)
        values = without_left(row, self.policy)
        key = dict(zip(self.target_key, known, strict=True))
        return Change(row.asks, key, values, row.foreign_id, row.version, str(identity), begun)

    def _began(self, row: Row) -> uuid.UUID:
        return self.doubtful.get(row.key, self.run_id) if self._intended(row) else self.run_id

    def _intended(self, row: Row) -> bool:
        return self.messages or row.operation == "create"

    def intend(self, batch: Batch) -> None:
        """Store the intents of the batch's creates, or of all its messages, before the target is called."""
        reach("before_intent")
        intended = [
            row for index, row in enumerate(batch.rows) if self._intended(row) and index not in batch.outcomes
        ]
        if intended:
            deliveries.intend(
                self.database,
                self.held,
                self.source,
                [
                    {
                        "key": row.key,
                        "operation": row.operation,
                        "foreign_key": row.foreign_key,
                        "change_id": str(row.hash),
                        "run_id": self._began(row),
                    }
                    for row in intended
                ],
                self.run_id,
            )
        reach("after_intent")

    def through(self, target: Target, resource: Resource, batch: Batch) -> Batch:
        """Until every row has its outcome, or has been tried often enough. A row in doubt is not sent again
        before the target has said whether it is there."""
        for index, row in enumerate(batch.rows):
            if not self.messages and (row.key in self.doubtful or looks_first(row, self.policy)):
                batch.doubt.add(index)
        while batch.waiting():
            batch.attempts += 1
            self._settle_doubt(target, resource, batch)
            waiting = [index for index in batch.waiting() if index not in batch.doubt]
            wait: float | None = 0.0 if batch.doubt else None
            if waiting:
                reach("before_target_call")
                require(self.database, self.held)
                changes = [batch.changes[index] for index in waiting]
                with tracing.span(
                    f"send {resource.name}", "client", resource=resource.name, operation=changes[0].operation,
                    records=len(changes), attempt=batch.attempts,
                ) as told:  # fmt: skip
                    answers = self._call(target, resource, changes)
                    told.tell(**Counter(str(answer.status) for answer in answers))  # the acknowledgement
                reach("after_target_ack")
                wait = self._judge(batch, waiting, answers)
            if not batch.waiting():
                break
            if (
                batch.attempts >= self.attempts
                or not self.gate.passable()
                or (wait is not None and not self.gate.wait(wait, batch.attempts))
            ):
                self._give_up(batch)
        return batch

    def _call(self, target: Target, resource: Resource, changes: list[Change]) -> list[Outcome]:
        self.meter.wrote(changes[0].operation, len(changes))
        try:
            outcomes = target.deliver(resource, changes)
        except Retriable as error:  # by contract none of them can have had an effect
            outcomes = [
                Outcome("retry", code=error.code, message=error.message, wait=error.wait) for _ in changes
            ]
        if len(outcomes) != len(changes):  # a connector's defect: nobody knows which answer is whose
            message = f"{len(outcomes)} answers came to {len(changes)} changes"
            outcomes = [Outcome("unknown", code="delivery.answers", message=message) for _ in changes]
        self._tell(outcomes)
        return outcomes

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        """Whether the target is well: one row that got through, or was judged, says so."""
        if any(one.status in ("done", "rejected", "conflict") for one in outcomes):
            self.gate.worked()
        elif outcomes:
            self.gate.failed(outcomes[0].code or outcomes[0].status, outcomes[0].message)
        if wait := max((one.wait or 0.0 for one in outcomes), default=0.0):
            self.gate.asked(wait)

    def _judge(self, batch: Batch, waiting: list[int], answers: list[Outcome]) -> float | None:
        """Sort the answers; answers how long to wait before the rest is tried again."""
        wait = None
        for index, answer in zip(waiting, answers, strict=True):
            if answer.status in ("done", "rejected"):
                batch.outcomes[index] = answer
                continue
            batch.answers[index] = answer
            wait = max(wait or 0.0, answer.wait or 0.0)
            if answer.status != "retry" and not self.messages:
                batch.doubt.add(index)
        return wait

    def _give_up(self, batch: Batch) -> None:
        """What has no outcome after the last attempt waits for the next run; its intent stays."""
        for index in batch.waiting():
            answer = batch.answers.get(index) or Outcome(
                "unknown", code=CIRCUIT, message="the target could not be asked"
            )
            batch.outcomes[index] = replace(
                answer, status="retry", code=answer.code or f"delivery.{answer.status}"
            )

    def _settle_doubt(self, target: Target, resource: Resource, batch: Batch) -> None:
        """Ask the target by natural key about what is in doubt. A create that is there already goes on as an
        update of what was found, an update against the version that was found; a deletion that is gone is
        done. What is to get another key, and is not there under the one it had, may have got it already.
        Where the target cannot answer, the doubt stays."""
        doubtful = [index for index in batch.waiting() if index in batch.doubt]
        if not doubtful:
            return
        self.meter.looked(len(doubtful))
        try:
            found = target.find(resource, [batch.changes[index].key for index in doubtful])
        except Retriable as error:
            answer = Outcome("unknown", code=error.code, message=error.message, wait=error.wait)
            batch.answers |= dict.fromkeys(doubtful, answer)
            self._tell([answer])
            return
        except RecordRejected:
            self.meter.looked(len(doubtful))
            found = self._one_by_one(target, resource, batch, doubtful)
        except ConfigError as error:
            if error.code != "write.find" or not all(self._can_go(batch.rows[one]) for one in doubtful):
                raise
            found = []  # a target that cannot be asked is overwritten
            batch.doubt.difference_update(doubtful)
        moved = False
        for index, there in zip(doubtful, found, strict=False):
            change = batch.changes[index]
            if there is None and index not in batch.outcomes and natural(change) != change.key:
                batch.changes[index], moved = replace(change, key=natural(change)), True
                continue
            batch.doubt.discard(index)
            if index not in batch.outcomes:
                self._decided(batch, index, there)
        if moved:
            self._settle_doubt(target, resource, batch)

    def _can_go(self, row: Row) -> bool:
        return row.operation != "create" and row.seen is None and row.key not in self.doubtful

    def _decided(self, batch: Batch, index: int, there: Found | None) -> None:
        row, change = batch.rows[index], batch.changes[index]
        decision = decide(row, change, there, self.policy, self.likeness)
        if decision.outcome is not None:
            batch.outcomes[index] = decision.outcome
            return
        assert decision.change is not None
        batch.changes[index] = decision.change
        batch.left[index] = held_values(decision.left, there)
        if decision.overwritten:
            batch.overwritten.add(index)
        if there is not None and row.operation == "create" and self._is_strange(batch, index):
            batch.adopted.add(index)

    def _is_strange(self, batch: Batch, index: int) -> bool:
        """Whether what was found under a create's key cannot be of the hub's own making."""
        answer = batch.answers.get(index)
        return (
            batch.rows[index].key not in self.doubtful and answer is not None and answer.status == "conflict"
        )

    @staticmethod
    def _one_by_one(
        target: Target, resource: Resource, batch: Batch, doubtful: list[int]
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
