"""Draining the inbox: micro-batches of events go through the mapping of the scheduled exchange.

A batch is what is there, at most 500 events: under load batches grow by themselves, and a single event waits
for nobody. While a run holds the exchange's lease, events wait and are applied after it; by their versions
an older one never overwrites a newer state. A batch that fails is tried again, later and later, and then
event by event, so that one that cannot be applied is exhausted and those behind it go on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import duckdb
import orjson

from hub import tracing
from hub.bus.accept import PURPOSE, context
from hub.bus.followers import said
from hub.crypto import Cipher
from hub.errors import AuthError, Fatal, Held, HubError, Retriable, Waits
from hub.exchange import quarantine
from hub.exchange.at_hand import Given
from hub.exchange.gates import gates
from hub.exchange.ground import Hub
from hub.exchange.pages import Piece
from hub.exchange.pipeline import lease_names, run_events
from hub.exchange.warm import Warm
from hub.mapping.compile import Compiled, compile_mapping
from hub.store import inbox, journal
from hub.store.bulk import Bulk
from hub.store.database import now
from hub.store.inbox import Received
from hub.store.journal import Lease

BATCH = 500
ROUNDS = 20
WAITING = 200
SINGLY, ATTEMPTS = 3, 8
FIRST, LONGEST, BUSY = 0.2, 60.0, 0.1


@dataclass(slots=True)
class Drain:
    """``turn`` applies what is due and answers whether there was anything; ``due`` is when the next try is,
    ``done`` counts per exchange the ``events`` that were applied, what came of them, and those that ``failed``."""

    hub: Hub
    tell: Callable[[str], None]
    stopping: Callable[[], bool]
    due: dt.datetime | None = None
    done: dict[str, Counter[str]] = field(default_factory=dict)
    _warm: Warm | None = None
    _compiled: dict[str, list[Compiled]] = field(default_factory=dict)
    _cipher: Cipher | None = None

    def turn(self) -> bool:
        """Some batches of every exchange that has events."""
        self.due, worked = None, False
        waiting = inbox.waiting(self.hub.database)
        standing = gates(self.hub) if waiting else None
        for exchange, due in waiting.items():
            mapping = self.hub.workspace.mappings.get(exchange)
            if mapping is None or self.stopping():
                continue
            if standing is not None and standing.exchange(mapping) is not None:
                continue
            if due > now():
                self._later(due)
                continue
            try:
                with journal.leases(self.hub.database, lease_names(mapping)) as held:
                    worked |= self._exchange(exchange, held)
            except Retriable as error:
                if error.code != "run.busy":
                    raise
                self._later(now() + dt.timedelta(seconds=BUSY))
        return worked

    def close(self) -> None:
        """Give the run file back."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None

    def _exchange(self, exchange: str, held: list[Lease]) -> bool:
        """Batch after batch, and after some of them others may have the lease; what came of them is told once."""
        worked, came = False, Counter[str]()
        for _ in range(ROUNDS):
            events = inbox.take(self.hub.database, exchange, BATCH)
            if not events or self.stopping():
                break
            if events[0].attempts >= SINGLY:
                events = events[:1]
            batch = together(events)
            worked = True
            if not self._batch(exchange, held, batch, came):
                break
        if count := came.pop("events", 0):
            self.tell(f"{exchange}: {count} event{'s' * (count > 1)}: {said(came)}")
            self.done.setdefault(exchange, Counter()).update(came, events=count)
        return worked

    def _batch(
        self, exchange: str, held: list[Lease], events: Sequence[Received], came: Counter[str]
    ) -> bool:
        """One batch; whether it went through. What came of it is added to ``came``."""
        try:
            after = [event.trace for event in events]
            with tracing.span(
                f"events {exchange}", "consumer", after=after, exchange=exchange, events=len(events)
            ):
                came.update(self._apply(exchange, held, events), events=len(events))
        except Waits:  # they stay as they are: no try failed
            return False
        except HubError as error:
            if error.code == "run.fenced" or error.code.startswith("store."):
                raise
            self._failed(exchange, events, error)
            return isinstance(error, Held)
        except duckdb.Error as error:  # a defect: it is shown with the events, and stops no others
            self._failed(exchange, events, Fatal("internal", f"{type(error).__name__} in a batch of events"))
            return False
        return True

    def _apply(self, exchange: str, held: list[Lease], events: Sequence[Received]) -> Mapping[str, int]:
        numbers = [event.number for event in events]
        mapping = self.hub.workspace.mapping(exchange)
        settled = partial(_settle, exchange, numbers)
        names = "\n".join(f"{event.source} {event.event_id}" for event in events)
        key = f"events/{exchange}/{hashlib.sha256(names.encode()).hexdigest()[:32]}"
        given, compiled = self._given(exchange, events), self._prepared(exchange)
        with self._open().lent() as run:
            result = run_events(self.hub, exchange, key, held, given, (compiled, run), settled)
        if mapping.direction != "inbound" or result.repeated:
            with self.hub.database.bulk(write=True) as session:
                journal.fence(session, held)
                settled(session, result.run)
        return result.counts

    def _given(self, exchange: str, events: Sequence[Received]) -> Given:
        """The records of a batch, behind those that wait for a reference: it may be among them."""
        again = list(
            itertools.islice(
                quarantine.waiting(self.hub.database, self.hub.keep, exchange, self.hub.today()), WAITING
            )
        )
        pieces = [Piece(0, "an earlier read", 1)] if again else []
        lines, deleted = list(again), []
        versions: dict[str, str] = {}
        for event in events:
            record = self._opened(event)
            if event.kind == "deleted":
                deleted.append(event.key)
                versions[event.key] = self._version(exchange, record, event)
                continue
            if not _goes_on(pieces, len(lines), event.number):
                pieces.append(Piece(len(lines), "inbox", event.number))
            lines.append(record)
        return Given(lines, tuple(deleted), origin="inbox", pieces=tuple(pieces), versions=versions)

    def _version(self, exchange: str, record: bytes, event: Received) -> str:
        """The cursor of a deletion: as its data say, or its own time where the cursor is a time."""
        name, is_time = self._cursor(exchange)
        if name is None:
            return ""
        value = orjson.loads(record)
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return str(value) if value is not None else (event.told_at if is_time else "")

    def _cursor(self, exchange: str) -> tuple[str | None, bool]:
        system, _, name = self.hub.workspace.mapping(exchange).from_.partition(".")
        resource = self.hub.workspace.system(system).describe(name)
        if resource is None or resource.cursor is None:
            return None, False
        kinds = {one.name: one.type for one in resource.fields}
        return resource.cursor, kinds.get(resource.cursor) in ("date", "datetime")

    def _opened(self, event: Received) -> bytes:
        if self._cipher is None:
            self._cipher = Cipher(self.hub.signer.opened(), PURPOSE)
        return self._cipher.open(event.sealed, context(event.source, event.event_id))

    def _prepared(self, exchange: str) -> list[Compiled]:
        if exchange not in self._compiled:
            self._compiled[exchange] = compile_mapping(
                self.hub.workspace.mapping(exchange), self.hub.workspace
            )
        return self._compiled[exchange]

    def _open(self) -> Warm:
        if self._warm is None:
            self._warm = Warm(self.hub.scratch, self.hub.memory, 1, small=True)
        return self._warm

    def _failed(self, exchange: str, events: Sequence[Received], error: HubError) -> None:
        state, wait = verdict(error, events[0].attempts + 1, single=len(events) == 1)
        self.done.setdefault(exchange, Counter()).update(failed=len(events))
        inbox.put_back(
            self.hub.database,
            exchange,
            [event.number for event in events],
            state=state,
            due_at=now() + dt.timedelta(seconds=wait),
            code=error.code,
            message=error.message[:500],
        )
        if state == "pending":
            self._later(now() + dt.timedelta(seconds=wait))
        if state != "pending" or events[0].attempts == 0:
            self.tell(f"{exchange}: {len(events)} events {state}: {error}")

    def _later(self, moment: dt.datetime) -> None:
        self.due = moment if self.due is None else min(self.due, moment)


def verdict(error: HubError, attempts: int, *, single: bool) -> tuple[str, float]:
    """What becomes of events whose batch failed: held for a person, exhausted, or pending after a wait."""
    if isinstance(error, Held):
        return "held", 0.0
    wait = min(FIRST * 2 ** (attempts - 1), LONGEST)
    if isinstance(error, Retriable | AuthError):
        return "pending", max(wait, getattr(error, "wait", None) or 0.0)
    return ("exhausted", 0.0) if single and attempts >= ATTEMPTS else ("pending", wait)


def together(events: Sequence[Received]) -> Sequence[Received]:
    """The first events that may be applied at once: not a record and its deletion, whose order counts."""
    kinds: dict[str, str] = {}
    for place, event in enumerate(events):
        if kinds.setdefault(event.key, event.kind) != event.kind:
            return events[:place]
    return events


def _goes_on(pieces: Sequence[Piece], row: int, number: int) -> bool:
    """Whether an event is the neighbour of the one before it."""
    last = pieces[-1] if pieces else None
    return last is not None and last.origin == "inbox" and last.first + row - last.start == number


def _settle(exchange: str, numbers: Sequence[int], session: Bulk, run_id: uuid.UUID) -> None:
    inbox.settle(session, exchange, numbers, run_id)
