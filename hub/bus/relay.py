"""The relay: from the outbox to the subscribers, at least once, in the order of commits for each model.

A model's events are relayed by one worker at a time, under a lease; an event is marked published when
everybody has acknowledged it. One that a subscriber does not take is tried again, later and later; those
behind it wait for it, until it is exhausted, which is shown and can be replayed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub import tracing
from hub.bus.cloudevents import shaped
from hub.bus.transport import Carrier
from hub.errors import Fatal, HubError, Retriable
from hub.exchange.ground import Hub
from hub.failpoints import reach
from hub.store import journal, outbox
from hub.store.database import now
from hub.store.journal import Lease, require
from hub.store.outbox import Event, Handover

BATCH = 100
ATTEMPTS = 12
GIVEN_UP = dt.timedelta(days=1)
"""After so long without an event that it took a subscriber is not called any more, until its events are replayed."""
FIRST, LONGEST, PATIENCE = 0.5, 600.0, 5.0


@dataclass(slots=True)
class Relay:
    """``turn`` sends what is due and answers whether there was anything; ``due`` is when the next try is. ``only``
    is what the subjects begin with that it relays."""

    hub: Hub
    carrier: Carrier
    due: dt.datetime | None = None
    only: str = ""

    def turn(self) -> bool:
        """One round over all models."""
        self.due, busy = None, False
        for subject in outbox.subjects(self.hub.database):
            if not subject.startswith(self.only):
                continue
            try:
                with journal.leases(self.hub.database, [f"outbox:{subject}"]) as held:
                    busy |= self._subject(subject, held)
            except Retriable as error:
                if error.code != "run.busy":
                    raise
        return busy

    def _subject(self, subject: str, held: Sequence[Lease]) -> bool:
        events = outbox.unpublished(self.hub.database, subject, BATCH)
        hooks = self.carrier.subscribers(subject)
        known = outbox.handovers(self.hub.database, events) if hooks else {}
        silent = outbox.silent(self.hub.database, hooks, now() - GIVEN_UP) if hooks else {}
        blocked: set[str] = set()
        through: list[uuid.UUID] = []
        tried = False
        for event in events:
            waits = False
            for hook in hooks:
                if hook not in blocked:
                    state = known.get((event.id, hook)) or Handover(event.id, hook)
                    if state.state == "due" and not self._early(state):
                        tried = True
                        state = self._hand_over(event, state, held, silent.get(hook))
                    if state.state == "due":
                        blocked.add(hook)
                waits |= hook in blocked
            if not waits:
                through.append(event.id)
        if through:
            self._publish(subject, through, held, told=bool(hooks))
        return tried or bool(through)

    def _early(self, state: Handover) -> bool:
        """Whether its next try is not due yet."""
        if state.due_at is None or state.due_at <= now():
            return False
        self._later(state.due_at)
        return True

    def _publish(self, subject: str, through: list[uuid.UUID], held: Sequence[Lease], *, told: bool) -> None:
        if not told:
            reach("before_publish")
        self.carrier.wake(subject)
        if not told:
            reach("after_publish")
        outbox.publish(self.hub.database, held, through)

    def _hand_over(
        self, event: Event, state: Handover, held: Sequence[Lease], silent: dt.datetime | None
    ) -> Handover:
        """One try with one subscriber, and what came of it; none with one that has been ``silent`` for too long."""
        if silent is not None and not state.attempts:
            given_up = Fatal(
                "webhook.disabled",
                f"it has taken nothing since {silent:%Y-%m-%d %H:%M} UTC, and is not called any more",
                hint="mend it, and run: cophub events replay --webhook NAME",
            )
            after = replace(state, state="exhausted", code=given_up.code, message=given_up.message)
            outbox.note(self.hub.database, held, after)
            return after
        reach("before_publish")
        require(self.hub.database, held)
        try:
            with tracing.span(
                f"hand over {event.type}", "producer",
                after=[event.trace], subscriber=state.subscriber, event=event.type,
            ):  # fmt: skip
                self.carrier.send(state.subscriber, shaped(event, self.hub.workspace.hub.hub))
        except HubError as error:
            after = failed(state, error)
            self._early(after)
        else:
            reach("after_publish")
            after = replace(state, state="done", attempts=state.attempts + 1, code="", message="")
        outbox.note(self.hub.database, held, after)
        return after

    def _later(self, moment: dt.datetime) -> None:
        self.due = moment if self.due is None else min(self.due, moment)


def failed(state: Handover, error: HubError) -> Handover:
    """A try that failed: due again later, or exhausted. A broker is waited for, however long it is away."""
    attempts, broker = state.attempts + 1, error.code.startswith("bus.")
    wait = min(FIRST * 2 ** min(attempts - 1, ATTEMPTS), PATIENCE if broker else LONGEST)
    if isinstance(error, Retriable) and error.wait is not None:
        wait = min(max(wait, error.wait), LONGEST)
    return replace(
        state,
        state="exhausted" if attempts >= ATTEMPTS and not broker else "due",
        attempts=attempts,
        due_at=now() + dt.timedelta(seconds=wait),
        code=error.code,
        message=error.message[:500],
    )
