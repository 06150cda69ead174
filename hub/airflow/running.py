"""One run of an exchange for a task of Airflow. Nothing here knows Airflow: what it needs is handed in."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.bootstrap import open_hub
from hub.errors import HubError, Retriable, Waits
from hub.exchange.ground import Hub
from hub.exchange.judging import approval
from hub.exchange.pipeline import Result, apply_plan, run_exchange
from hub.exchange.reconciling.reconcile import reconcile
from hub.exchange.report import report
from hub.exchange.splitting.course import close_run, open_run, run_part
from hub.exchange.timing import full_is_due
from hub.redact import redact
from hub.security.actors import ACTOR, ON_BEHALF
from hub.store import journal
from hub.store.reports import find_plan
from hub.workspace.strict import seconds

BUSY: Final = 900.0
"""Seconds to wait for another run of the exchange, or of its model, before that costs a try."""
LOOK: Final = 2.0
TELL: Final = 5.0
STOPPED, LONGEST = 60.0, 900.0
"""Seconds until a run that somebody stopped is looked at again, and at most: a window may be shortened."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be run, and where. ``full`` is the cron expression of full runs in ``zone``, for mode ``scheduled``;
    ``on_behalf`` is who asked for the run, where a person did."""

    exchange: str
    folder: Path
    environment: str | None
    run_key: str
    mode: str = "scheduled"
    dry_run: bool = False
    initial: bool = False
    accept_drift: bool = False
    full: str | None = None
    zone: str = "UTC"
    parts: int = 0
    on_behalf: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The report, and where it did not end well, why, and whether another try may help. ``waits`` are seconds after
    which it is started again, where it was not to be done now and nothing failed."""

    report: dict[str, Any]
    failure: str = ""
    again: bool = False
    code: str = ""
    waits: float | None = None


def _ended(told: dict[str, Any], error: HubError, clean: Callable[[str], str]) -> Ended:
    waits = None
    if isinstance(error, Waits):
        waits = min(max(error.wait or STOPPED, LOOK), LONGEST)
    return Ended(told, clean(str(error)), isinstance(error, Retriable), error.code, waits)


@dataclass(slots=True)
class Run:
    """One call of ``run_exchange``. ``stopping`` says that the run is to end; ``tell`` takes lines for the log."""

    asked: Asked
    tell: Callable[[str], None]
    stopping: Callable[[], bool]
    started: float = field(default_factory=time.monotonic)
    told: float = 0.0

    def __call__(self) -> Ended:
        """Run it; errors of the hub are answered, not raised."""
        clean: Callable[[str], str] = redact
        try:
            with open_hub(
                self.asked.folder,
                self.asked.environment,
                variables=self._variables(),
                exchange=self.asked.exchange,
            ) as opened:
                clean = opened.redactor
                result = self._patiently(opened.hub)
        except HubError as error:
            told = report(self.asked.exchange, None, error, self.since(), clean)
            return _ended(told, error, clean)
        if result is None:  # a step of a run in parts, which has no report
            return Ended({"exchange": self.asked.exchange})
        return Ended(report(self.asked.exchange, result, None, self.since(), clean))

    def since(self) -> float:
        """Seconds that it took so far."""
        return time.monotonic() - self.started

    def _variables(self) -> Mapping[str, str]:
        """The environment, with whoever asked for the run: a person who did may not approve its plan."""
        by = {ON_BEHALF: self.asked.on_behalf} if self.asked.on_behalf else {}
        return {**os.environ, **by}

    def _patiently(self, hub: Hub) -> Result | None:
        """Wait for others who write what it writes: among them may be the first try of this very run, whose process
        Airflow believes dead. When that ends, the run key answers how."""
        while True:
            try:
                return self._once(hub)
            except Retriable as error:
                if error.code != "run.busy" or self.since() > BUSY:
                    raise
                self.watch("waiting", {})
                self.tell(f"waits: {error.message}")
                time.sleep(LOOK)

    def _once(self, hub: Hub) -> Result | None:
        asked = self.asked
        if asked.mode == "reconcile":
            return self._reconciled(hub)
        mode, full = self.mode(hub)
        return (close_run if asked.parts else run_exchange)(
            hub,
            asked.exchange,
            mode,
            asked.run_key,
            full=full,
            initial=asked.initial,
            accept_drift=asked.accept_drift,
            progress=self.watch,
        )

    def mode(self, hub: Hub) -> tuple[str, bool]:
        """In which mode, and whether everything is read. A run in parts stays what it was opened as."""
        asked = self.asked
        mode, full = asked.mode, asked.mode == "full"
        if mode == "scheduled":
            full = bool(asked.full) and full_is_due(
                hub.database, asked.exchange, str(asked.full), asked.zone, hub.clock
            )
            before = journal.find_run(hub.database, asked.run_key) if asked.parts else None
            full = before.mode == "full" if before is not None and not asked.dry_run else full
            mode = "full" if full else "incremental"
        return "plan" if asked.dry_run else mode, full

    def _reconciled(self, hub: Hub) -> Result:
        """As ``cophub reconcile``: what differs stands in the notes, what heals it in the plan."""
        asked = self.asked
        found = reconcile(hub, asked.exchange, asked.run_key, sample=0, progress=self.watch)
        ended = run_exchange(hub, asked.exchange, "plan", asked.run_key)
        notes = (*ended.notes, *(f"{kind}: {count}" for kind, count in found.counts.items() if count))
        return dataclasses.replace(ended, mode="reconcile", plan=found.plan, notes=notes, repeated=False)

    def watch(self, stage: str, counts: Mapping[str, int]) -> None:
        """Between batches: tell how far it is, and end where it is to end."""
        if self.stopping():
            raise Retriable(
                "airflow.stopped", "Airflow asked the run to end", hint="it goes on with the next try"
            )
        if time.monotonic() - self.told > TELL:
            self.told = time.monotonic()
            self.tell(f"{stage}: {', '.join(f'{count} {name}' for name, count in counts.items() if count)}")


@dataclass(slots=True)
class Opening(Run):
    """The first step of a run in parts: its report names the ``parts`` that are to be run."""

    numbers: list[int] = field(default_factory=list)

    def __call__(self) -> Ended:
        ended = Run.__call__(self)
        return ended if ended.failure else Ended(ended.report | {"parts": self.numbers})

    def _once(self, hub: Hub) -> Result | None:
        if self.asked.mode != "reconcile":
            mode, full = self.mode(hub)
            self.numbers = open_run(hub, self.asked.exchange, mode, self.asked.run_key, full=full)
        return None


@dataclass(slots=True)
class Part(Run):
    """One part of a run."""

    number: int = 0

    def _once(self, hub: Hub) -> Result | None:
        run_part(hub, self.asked.run_key, self.number, self.watch)
        return None


@dataclass(slots=True)
class Decision:
    """What somebody answered in Airflow about a plan that a guard held: ``who`` is that person there."""

    asked: Asked
    plan: str
    approved: bool
    reason: str
    who: str
    tell: Callable[[str], None]
    stopping: Callable[[], bool]

    def __call__(self) -> Ended:
        """Approve and apply it, or close it for good. Errors of the hub are answered, not raised."""
        run, clean = Run(self.asked, self.tell, self.stopping), redact
        variables = {**os.environ, ACTOR: self.who, ON_BEHALF: ""}
        try:
            with open_hub(
                self.asked.folder, self.asked.environment, variables=variables, exchange=self.asked.exchange
            ) as opened:
                result = self._decide(opened.hub, run)
        except HubError as error:
            told = report(self.asked.exchange, None, error, run.since(), clean)
            return _ended(told | {"plan": self.plan}, error, clean)
        if result is None:
            told = {"exchange": self.asked.exchange, "state": "rejected", "plan": self.plan}
            return Ended(told, f"{self.who} rejected the plan {self.plan}: {clean(self.reason)}")
        return Ended(report(self.asked.exchange, result, None, run.since(), clean))

    def _decide(self, hub: Hub, run: Run) -> Result | None:
        plan = find_plan(hub.database, self.plan)
        if not self.approved:
            approval.reject(hub, plan, self.reason)
            return None
        approval.approve(hub, plan, self.reason, duration(hub.workspace.hub.approvals.expires))
        return apply_plan(hub, plan.id, f"{self.asked.run_key}/{plan.id}", progress=run.watch)


def duration(text: str) -> dt.timedelta:
    """A duration of a workspace."""
    return dt.timedelta(seconds=seconds(text))
