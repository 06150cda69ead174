"""What becomes of an act: the source is asked, told once, and asked again, until it is done or failed.

An act is settled under a lease of its to-do, so that nobody else decides the same to-do meanwhile. Before each call an
intent is stored; whoever finds one (after a kill, a lost answer) looks first. The call may still be running in the
source: it is sent again only after the source has shown it as not done for ``in_doubt``, and answered each look
meanwhile: one that stood still may go on with what it had taken long ago, and time in which nobody looked proves
nothing. Until then every other decision of the same record waits. What cannot be asked now is asked later, with growing
pauses; nothing that waits is ever given up, but a call whose effect the source never shows: ``act.unconfirmed``.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from hub.contract import Outcome
from hub.errors import AuthError, ConfigError, Fatal, HubError, RecordRejected, Retriable, Waits
from hub.exchange.gates import gates
from hub.exchange.ground import Hub
from hub.failpoints import reach
from hub.security import audit
from hub.store import acts
from hub.store.acts import Act
from hub.store.entities import next_seq
from hub.store.journal import Lease, leases
from hub.store.memberships import group_of
from hub.store.merges import session
from hub.store.todos import MEMBER
from hub.todos.acting import acted_on, declared
from hub.todos.asking import Asked, decided
from hub.todos.deciding import HELD, IN_DOUBT, LONGEST, Step, between_looks, pause
from hub.todos.inbox import take_within
from hub.todos.people import SEQUENCE
from hub.todos.reports import Assignee, Key, Kind, Report, Status, version
from hub.workspace.strict import seconds

STOPPED: Final = 60.0
"""Seconds between two looks whether what somebody stopped goes on."""


def settle(hub: Hub, identity: uuid.UUID) -> Act | None:
    """Try an act once, where nobody else does just now; answers how it stands then."""
    one = acts.one(hub.database, identity)
    if one is None or one.state != "submitting":
        return one
    with suppress(Retriable), ExitStack() as stack:
        record = ""
        with suppress(AuthError, ConfigError, RecordRejected):  # the attempt meets it again, and stores it
            record = decided(hub, one)
        held = stack.enter_context(leases(hub.database, acts.leases_of(one.todo, record)))
        now = acts.one(hub.database, identity)
        if now is not None and now.state == "submitting":
            _Attempt(hub, now, held, record).run()
    return acts.one(hub.database, identity)


@dataclass(slots=True)
class _Attempt:
    """One try of one act."""

    hub: Hub
    one: Act
    held: Sequence[Lease]
    record: str

    def run(self) -> None:
        try:
            if (waits := gates(self.hub).target(self.one.system)) is not None:
                raise waits
            self._run()
        except Waits as error:
            self._wait(error.code, error.message, min(error.wait or STOPPED, LONGEST), tried=False)
        except Retriable as error:
            self._wait(error.code, error.message, error.wait)
        except Fatal as error:
            if error.code != "run.fenced":  # else somebody else settles it
                self._wait(error.code, error.message)  # the system is not itself: a page of maintenance
        except (AuthError, ConfigError, RecordRejected) as error:
            self._stopped(error)

    def _stopped(self, error: HubError) -> None:
        """What does not pass by waiting fails an act that was not sent; of one that was, nobody knows: it waits
        until it can be asked."""
        if self.one.sent:
            self._wait(error.code, error.message)
        else:
            self._end("failed", error.code, error.message)

    def _run(self) -> None:
        rule = declared(acted_on(self.hub, self.one.system))
        response = rule.responses.get(self.one.response)
        if response is None:
            raise ConfigError(
                "act.response", f"{self.one.response} is not declared any more", hint="declare it under acts:"
            )
        with ExitStack() as stack:
            asked = Asked(self.hub, rule, response, self.one, self.hub.opened(stack, self.one.system))
            step = asked.look()
            if step.what == "send":
                step = self._turn() or self._send(stack, asked)
            match step.what:
                case "done":
                    self._end("done")
                case "failed":
                    self._end("failed", step.code, step.message)
                case _ if step.code == IN_DOUBT:
                    since = asked.undone_since or self.hub.clock()
                    often = between_looks(seconds(rule.in_doubt))
                    self._wait(step.code, step.message, undone_since=since, longest=often)
                case _:
                    self._wait(step.code, step.message)

    def _turn(self) -> Step | None:
        """Nothing where it may be sent. What is in doubt may yet take effect: a second decision would contradict it.
        The leases are held, so none is sent between this look and the call."""
        with self.hub.database.begin(reading=True) as connection:
            other = acts.holding(connection, self.one, self.record) if self.record else None
        if other is None:
            return None
        return Step("wait", HELD, f"{other.response} was sent before, and nobody knows yet what became of it")

    def _send(self, stack: ExitStack, asked: Asked) -> Step:
        """Store the intent, call, and look whether it is there."""
        if self.one.account:
            try:
                target = self.hub.connect_as(self.one.system, self.one.account)
            except ConfigError as error:  # its text names the secret, which is nothing for who pressed
                raise RecordRejected(
                    "act.account",
                    f"the hub cannot log in to {self.one.system} by this person's account",
                    hint=f"cophub doctor; see acts.as of config/systems/{self.one.system}.yaml",
                ) from error
            stack.callback(target.close)
        else:
            target = asked.source
        resource = target.resource(asked.response.into)
        change = asked.change()
        before = self.one.sent  # by an earlier try, whose answer was lost
        reach("before_intent")
        self._store(sent=True, undone_since=None, record=self.record)
        reach("after_intent")
        try:
            (outcome,) = target.deliver(resource, [change])
        except HubError as error:  # by the contract nothing can have had an effect
            self._store(sent=before)
            if isinstance(error, AuthError) and self.one.account:
                raise RecordRejected("act.account", error.message, where=error.where, hint=error.hint) from error
            raise
        reach("after_target_ack")
        return self._answered(asked, outcome, before)

    def _answered(self, asked: Asked, outcome: Outcome, before: bool) -> Step:
        if outcome.status == "done":
            self._store(answered=True, attempts=0)  # so often it is looked for, however long the system was away
            return asked.look_again(self.one)
        if outcome.status != "unknown":  # this call had no effect; an earlier one may have had
            self._store(sent=before)
        if outcome.status == "rejected":
            step = asked.look_again(self.one) if before else Step("send")
            return Step("failed", "act.refused", outcome.message or outcome.code) if step.what == "send" else step
        if outcome.status == "retry":
            raise Retriable(outcome.code or "act.busy", outcome.message, wait=outcome.wait)
        return Step("wait", outcome.code or "act.unknown", outcome.message or "the answer was lost: it is looked for")

    # ------------------------------------------------------------ what is stored

    def _store(self, **values: Any) -> None:
        with self.hub.database.begin() as connection:
            if not acts.change(connection, self.held, self.one.id, values, self.hub.clock()):
                raise Fatal("run.fenced", "the act was settled by somebody else")
        self.one = replace(self.one, **values)

    def _wait(
        self, code: str, message: str, wait: float | None = None, undone_since: dt.datetime | None = None,
        longest: float = LONGEST, *, tried: bool = True,
    ) -> None:  # fmt: skip
        attempts = self.one.attempts + tried
        moment = self.hub.clock()
        after = moment + dt.timedelta(seconds=max(wait or 0.0, min(longest, pause(attempts - 1)) if tried else 0.0))
        values = {"code": code, "message": message[:1000], "attempts": attempts, "next_try": after}
        values["undone_since"] = undone_since  # a source that did not answer begins anew
        with self.hub.database.begin() as connection:
            seq = next_seq(session(connection), SEQUENCE)
            acts.change(connection, self.held, self.one.id, values, moment)
            acts.touch(connection, self.one, seq)

    def _end(self, state: str, code: str = "", message: str = "") -> None:
        """Store how it ended, and with the same commit what the hub knows of the to-do by it."""
        moment = self.hub.clock()
        values = {"state": state, "code": code, "message": message[:1000]}
        with self.hub.database.begin() as connection:
            seq = next_seq(session(connection), SEQUENCE)
            if not acts.change(connection, self.held, self.one.id, values, moment):
                return
            acts.touch(connection, self.one, seq)
            acts.let_go(connection, self.one, HELD, moment)
            if state == "done":
                report = self._report(connection, moment)
                if report is not None:
                    take_within(connection, self.hub, [report], f"act:{self.one.id}", seq)
            details = {"act": str(self.one.id), "state": state, "code": code}
            audit.record(connection, self.hub.actor, "todo.settled", f"todo:{self.one.todo}", details=details)

    def _report(self, connection: Any, moment: dt.datetime) -> Report | None:
        """What a confirmed response says of the to-do."""
        rule = declared(acted_on(self.hub, self.one.system))
        ends = rule.responses[self.one.response].ends
        row = acts.todo_row(connection, self.one.todo)
        if ends == "nobody" or row is None:
            return None
        outcome = self.one.response[:100]
        key = Key(row["system"], row["tenant"], row["source_id"])
        said = version(None, 0, [str(self.one.id), ends], moment)
        receiver = self.one.receiver
        if receiver.startswith(MEMBER):  # of a group: one member does it for all
            receiver = group_of(receiver)
        box, since = acts.since(connection, self.one.todo, receiver) or ("to_do", moment)
        kind = Kind.TO_READ if box == "to_read" else Kind.TO_DO
        mine = [Assignee(receiver, kind, done=True, outcome=outcome, since=since)]
        if ends == "everyone":
            return Report(key, said, None, Status.COMPLETED, outcome, mine)
        return Report(key, said, assignees=mine)


# ------------------------------------------------------------ who tries them


@dataclass(slots=True)
class Settling:
    """A duty of the worker: acts that wait are tried when they are due, several at once."""

    hub: Hub
    tell: Callable[[str], None]
    due: dt.datetime | None = None
    threads: int = 4

    def turn(self) -> bool:
        """Answers whether any of them moved."""
        moment = self.hub.clock()
        found = acts.due(self.hub.database, moment, 50)
        moved = False
        if found:
            with ThreadPoolExecutor(min(self.threads, len(found)), thread_name_prefix="act") as pool:
                for one in pool.map(partial(settle, self.hub), found):
                    moved |= one is not None and (one.state != "submitting" or one.next_try > moment)
                    if one is not None and one.state == "failed":
                        self.tell(f"acts: {one.response} in {one.system} failed: {one.code}")
        self.due = acts.next_due(self.hub.database)
        return moved


WAITERS: Final = 8


@dataclass(slots=True)
class Performing:
    """Acts of one process that are tried as soon as they are pressed, so that most are done when it answers. A few
    requests wait for that; with more, they are answered as submitting at once, or one slow system would hold every
    thread of the process."""

    hub: Hub
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(4, thread_name_prefix="press")
    )
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(WAITERS))

    def now(self, several: Sequence[Act], seconds: float) -> list[Act]:
        """Try them, and wait for so long; what is not settled then goes on."""
        waits = self.waiting.acquire(blocking=False)
        try:
            return self._now(several, seconds if waits else 0.0)
        finally:
            if waits:
                self.waiting.release()

    def _now(self, several: Sequence[Act], seconds: float) -> list[Act]:
        ends = time.monotonic() + seconds
        begun = [self.pool.submit(settle, self.hub, one.id) for one in several if one.state == "submitting"]
        for future in begun:
            with suppress(TimeoutError, HubError):
                future.result(max(0.0, ends - time.monotonic()))
        return [self._seen(one, ends) for one in several]

    def _seen(self, one: Act, ends: float) -> Act:
        """How an act stands; what somebody else tries just now is waited for."""
        while True:
            found = acts.one(self.hub.database, one.id) or one
            waits = found.state == "submitting" and found.next_try <= self.hub.clock()
            if not waits or time.monotonic() >= ends:
                return found
            time.sleep(0.05)

    def close(self) -> None:
        """What is being tried goes on to its end, the rest is left to the worker."""
        self.pool.shutdown(wait=True, cancel_futures=True)
