"""The course of one run: from the first page to the last acknowledgement, and its row in the journal."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from hub import tracing
from hub.errors import Held, HubError
from hub.exchange import inbound, outbound
from hub.exchange.apply import Applied, apply
from hub.exchange.at_hand import Given
from hub.exchange.delivering import dispatch
from hub.exchange.drift import ACCEPTED
from hub.exchange.gates import require_open
from hub.exchange.ground import Hub, Progress
from hub.exchange.judging.approval import breaches_of, require_consent
from hub.exchange.judging.foretell import foretell
from hub.exchange.manifest import READ_PARTS, Manifest
from hub.exchange.manual import WRITERS
from hub.exchange.matching.matchreport import store_report
from hub.exchange.parts.gather import Parts
from hub.exchange.plan import fingerprint, load_plan, store_plan
from hub.exchange.recheck import recheck
from hub.exchange.runfile import RunFile, open_run
from hub.exchange.trail import Trail
from hub.failpoints import reach
from hub.mapping.compile import Compiled, compile_mapping
from hub.security import audit
from hub.store import journal, plans
from hub.store.bulk import Bulk
from hub.store.journal import Lease, RunRow
from hub.store.plans import PlanRow
from hub.workspace.shape import MappingFile
from hub.workspace.strict import seconds

log = logging.getLogger("hub.runs")
LEVELS = {"failed": logging.ERROR, "held": logging.WARNING}
LOOK = 2.0
"""Seconds between two looks at what others say of a run."""
Mend = Callable[[RunFile, list[Manifest], ExitStack], None]


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. ``counts`` reconcile (P7); ``plan`` is the id of a stored plan."""

    run: uuid.UUID
    run_key: str
    exchange: str
    mode: str
    state: str
    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    plan: uuid.UUID | None = None
    error: Mapping[str, str] | None = None
    repeated: bool = False


@dataclass(slots=True)
class Course:
    """One run that holds its leases. ``settle`` marks events in the applying transaction; ``run_file`` is lent."""

    hub: Hub
    mapping: MappingFile
    row: RunRow
    held: list[Lease]
    progress: Progress
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    shown_at: float = field(default_factory=time.monotonic)
    settle: Callable[[Bulk, uuid.UUID], None] | None = None
    run_file: RunFile | None = None

    @property
    def trail(self) -> Trail:
        return Trail(self.hub, self.row, self.held)

    def journaled(self, work: Callable[[], Result]) -> Result:
        """However it ends, the journal says so."""
        row = self.row
        with tracing.span(
            f"run {row.exchange}", exchange=row.exchange, mode=row.mode, run=str(row.id), run_key=row.run_key
        ) as told:
            try:
                return self._journaled(work)
            finally:
                told.tell(**{name: count for name, count in self.counts.items() if count})

    def _journaled(self, work: Callable[[], Result]) -> Result:
        database, identity, epoch = self.hub.database, self.row.id, self.held[0].epoch
        begun = time.monotonic()
        try:
            result = work()
        except HubError as error:
            state = error.state
            told = {"code": error.code, "message": error.message, "where": error.where, "hint": error.hint}
            if isinstance(error, Held) and error.plan:
                told["plan"] = error.plan
            journal.close_run(database, identity, epoch, state, self.counts, self.notes, told)
            self.trail.stopped(error, state)
            self._logged(state, self.counts, begun, error)
            raise
        except BaseException as error:
            journal.close_run(
                database,
                identity,
                epoch,
                "failed",
                self.counts,
                self.notes,
                {"code": "internal", "message": type(error).__name__, "where": "", "hint": ""},
            )
            self.trail.stopped(None, "failed")
            self._logged("failed", self.counts, begun, error)
            raise
        if remark := self.trail.signed():
            result = dataclasses.replace(result, notes=(*result.notes, remark))
        journal.close_run(database, identity, epoch, result.state, result.counts, list(result.notes))
        self._logged(result.state, result.counts, begun)
        return result

    def _logged(
        self, state: str, counts: Mapping[str, int], begun: float, error: BaseException | None = None
    ) -> None:
        if not log.isEnabledFor(logging.INFO):  # people are told by who runs it
            return
        told: dict[str, object] = {
            "run": str(self.row.id), "run_key": self.row.run_key, "exchange": self.row.exchange, "mode": self.row.mode,
            "state": state, "counts": dict(counts), "seconds": round(time.monotonic() - begun, 3),
        }  # fmt: skip
        if error is not None:
            told["code"] = error.code if isinstance(error, HubError) else "internal"
        log.log(LEVELS.get(state, logging.INFO), "run ended", extra=told)

    def exchange(
        self, *, initial: bool, full: bool, given: Given | None = None, accept_drift: bool = False,
        mend: Mend | None = None, parts: Parts | None = None) -> Result:  # fmt: skip
        compiled = compile_mapping(self.mapping, self.hub.workspace)
        direction = inbound if self.mapping.direction == "inbound" else outbound
        with ExitStack() as stack:
            run = self.run_file or stack.enter_context(
                open_run(self.hub.scratch, self.hub.memory, self.hub.threads)
            )
            baseline = self.mapping.mode == "link_only" and self.mapping.direction == "inbound"
            manifests = direction.plan(
                self.hub,
                run,
                self.mapping,
                compiled,
                "link_only" if baseline else self.row.mode,
                stack,
                self.show,
                initial=initial,
                full=full,
                given=given,
                accept_drift=accept_drift,
                **({"parts": parts} if parts is not None else {}),
            )
            if mend is not None:
                mend(run, manifests, stack)
            foretell(self.hub, run, self.mapping, manifests)
            self._total(manifests)
            for manifest in manifests if given is None else ():
                store_report(self.hub, run, manifest, self.row.id)
            if told := [note for note in self.notes if note.startswith(ACCEPTED)]:
                audit.note(
                    self.hub.database,
                    self.hub.actor,
                    "drift.accepted",
                    f"exchange:{self.mapping.mapping}",
                    details={"run": str(self.row.id), "drift": told},
                )
            if self.row.mode == "plan":
                return self._result("planned", self._store(run, manifests, initial=initial))
            if initial:
                self.trail.lifted()
            self._write(run, manifests, stack, stored=False)
        return self._result("done")

    def events(self, given: Given, compiled: list[Compiled], run: RunFile) -> Result:
        direction = inbound if self.mapping.direction == "inbound" else outbound
        with ExitStack() as stack:
            where = (self.hub, run, self.mapping, compiled, self.row.mode, stack, self.show)
            manifests = direction.plan(*where, initial=False, full=False, given=given)
            self._total(manifests)
            self._write(run, manifests, stack, stored=False)
        return self._result("done")

    def by_hand(self, make: Callable[[RunFile], list[Manifest]]) -> Result:
        """Plan what people said instead of what a source or a model gives. While a plan of the same content
        waits already there is no second one."""
        with ExitStack() as stack:
            run = stack.enter_context(open_run(self.hub.scratch, self.hub.memory, self.hub.threads))
            manifests = make(run)
            self._total(manifests)
            waiting = self._waiting(run, manifests)
            return self._result("planned", waiting.id if waiting else self._store(run, manifests))

    def _waiting(self, run: RunFile, manifests: list[Manifest]) -> PlanRow | None:
        return plans.alike(
            self.hub.database, self.mapping.mapping, fingerprint(run, manifests), self.hub.workspace.hash
        )

    def _store(self, run: RunFile, manifests: list[Manifest], *, initial: bool = False) -> uuid.UUID:
        lasts = dt.timedelta(seconds=seconds(self.hub.workspace.hub.plans.keep))
        plan = store_plan(
            self.hub.database,
            self.hub.keep,
            run,
            manifests,
            self.row,
            people=self.hub.actor.people,
            lasts=lasts,
            audited=partial(self.trail.planned, initial=initial),
        )
        reach("after_plan")
        return plan

    def _held(self, run: RunFile, manifests: list[Manifest], breaches: list[str]) -> Held:
        """A guard stops the run before its first write. Its plan waits for approval; while one of the same
        content waits already there is no second one."""
        database, exchange = self.hub.database, self.mapping.mapping
        waiting = self._waiting(run, manifests)
        plan = waiting.id if waiting else self._store(run, manifests)
        short = str(plan)[-8:]
        hint = f"look at it: cophub plan show {short}; then cophub approve {short} --reason TEXT, cophub apply {short}"
        if any("create" in breach for breach in breaches):
            hint += "; a first load needs --initial"
        if waiting and plans.consent_of(database, plan):
            hint = f"it is approved: cophub apply {short}"
        since = f", as it does since {waiting.created_at:%Y-%m-%d %H:%M} UTC" if waiting else ""
        return Held(
            "guard.exceeded",
            f"{'; '.join(breaches)}. The plan {plan} waits for approval{since}",
            where=f"mappings/{exchange}.yaml: guard",
            hint=hint,
            plan=str(plan),
        )

    def stored(self, plan: PlanRow, unchecked: str) -> Result:
        with ExitStack() as stack:
            run = stack.enter_context(open_run(self.hub.scratch, self.hub.memory, self.hub.threads))
            manifests = load_plan(self.hub.keep, run, plan.digest)
            if consent := require_consent(self.hub, plan, manifests):
                self.notes.append(f"approved by {consent.approver}: {consent.reason}")
            if unchecked:
                self.notes.append(f"the source was not read again: {unchecked}")
                audit.note(self.hub.database, self.hub.actor, "plan.unchecked", f"plan:{plan.id}", reason=unchecked)
            else:
                recheck(self.hub, run, self.mapping, manifests, stack, self.show)
            self._total(manifests)
            self._write(run, manifests, stack, stored=True)
        with self.hub.database.begin() as connection:
            plans.close(connection, plan.id, "applied")
            self.trail.plan_applied(connection, plan.id, plan.digest, self.counts)
        return self._result("done", plan.id)

    def _write(self, run: RunFile, manifests: list[Manifest], stack: ExitStack, *, stored: bool) -> None:
        """The writing half: golden rows, or deliveries. A guard stops all of it before its first write; of a
        stored plan, ``stored`` has asked for its approval."""
        if not stored and (breaches := breaches_of(manifests)):
            raise self._held(run, manifests, breaches)
        reach("before_apply")
        for manifest in manifests:
            run.use(manifest.number)
            if (write := WRITERS.get(manifest.direction)) is not None:
                undone = write(self.hub, run, manifest, self.row.id, self.held, self.counts, self.notes)
            elif manifest.direction == "inbound":
                self.show("apply", manifest.counts)
                applied = apply(
                    run,
                    self.hub.database,
                    self.held,
                    manifest,
                    self.row.id,
                    stored=stored,
                    settle=self.settle,
                    audited=self.trail.applied(manifest),
                )
                self._corrected(manifest, applied)
                undone = applied.refused > 0
            else:
                sent = run.one("SELECT count(*) FROM sending")
                self.trail.delivering(manifest, sent)
                undone = dispatch.deliver(
                    self.hub,
                    run,
                    manifest,
                    self.row.id,
                    self.held,
                    stack,
                    self.counts,
                    self.show,
                    stored=stored,
                )
                self.trail.delivered(manifest, sent, self.counts)
                self.notes += [note for note in manifest.notes if note not in self.notes]
            if undone:  # the last output's transaction moves the watermark for all of them
                manifests[-1].moves = False

    def _corrected(self, manifest: Manifest, applied: Applied) -> None:
        """What was refused is not counted as done."""
        counts, planned = self.counts, manifest.counts
        counts["refused"] = counts.get("refused", 0) + applied.refused
        counts["applied"] -= applied.unmade
        counts["unchanged"] -= applied.refused - applied.unmade
        counts["created"] += applied.created - planned["created"]
        counts["updated"] += applied.updated - planned["updated"]
        removed = "deleted" if planned["deleted"] else "disabled"
        counts[removed] += applied.removed - planned["disabled"] - planned["deleted"]
        self.notes += applied.notes()

    def _total(self, manifests: list[Manifest]) -> None:
        for manifest in manifests:
            for name, count in manifest.counts.items():
                self.counts[name] = self.counts.get(name, 0) + count
            self.notes += [note for note in manifest.notes if note not in self.notes]

    def _result(self, state: str, plan: uuid.UUID | None = None) -> Result:
        unaccounted = self.counts.get("read", 0) - sum(self.counts.get(name, 0) for name in READ_PARTS)
        if unaccounted:
            self.notes.append(
                f"the totals do not reconcile: {unaccounted} records have no fate (a defect of the hub)"
            )
        row, notes = self.row, tuple(self.notes)
        return Result(row.id, row.run_key, row.exchange, row.mode, state, self.counts, notes, plan)

    def show(self, stage: str, counts: Mapping[str, int]) -> None:
        """Between batches: progress to the caller at once, to the journal at most every two seconds; then, too, the
        run ends here where it was stopped or a system is being maintained by now."""
        self.progress(stage, counts)
        if time.monotonic() - self.shown_at > LOOK:
            self.shown_at = time.monotonic()
            journal.progress(self.hub.database, self.row.id, self.held[0].epoch, stage, counts)
            require_open(self.hub, self.mapping, self.row.mode)
