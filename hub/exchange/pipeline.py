"""The one entry: ``run_exchange``. CLI, API, worker and operator call it alike.

A run takes the lease of its exchange and of the model it writes, so that there is one writer (P6);
its row in the journal is found by ``run_key``: asked again with the same key, a finished run answers
as it ended. Modes:

    incremental   what changed since the watermark; everything where that is not possible
    full          everything, with absence
    plan          up to the double bar: stores the plan and changes nothing else
    link_only     links records to entities that exist, writes nothing else

Records may be given instead of read (``at_hand``): the journal calls such a run ``replay``, or ``plan``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress

from hub.errors import ConfigError, HubError
from hub.exchange import manual
from hub.exchange.at_hand import Given
from hub.exchange.course import Course, Mend
from hub.exchange.course import Result as Result
from hub.exchange.gates import require_open
from hub.exchange.ground import Hub, Progress
from hub.exchange.judging import approval
from hub.exchange.manifest import Manifest
from hub.exchange.plan import manifests_of
from hub.exchange.runfile import RunFile
from hub.mapping.compile import Compiled
from hub.store import journal, plans
from hub.store.bulk import Bulk
from hub.store.journal import Lease, RunRow
from hub.store.plans import PlanRow
from hub.workspace.shape import MappingFile

MODES = ("incremental", "full", "plan", "link_only")
REPLAY = "replay"
EVENTS = "events"
FINISHED = ("done", "planned")


def silent(stage: str, counts: Mapping[str, int]) -> None:
    """Progress for who does not look."""


def run_exchange(
    hub: Hub,
    exchange: str,
    mode: str,
    run_key: str,
    *,
    initial: bool = False,
    full: bool = False,
    accept_drift: bool = False,
    progress: Progress = silent,
    given: Given | None = None,
    mend: Mend | None = None,
    run_file: RunFile | None = None,
) -> Result:
    """Run one exchange, on what the source has or on records ``given``; ``mend`` may put other plans in place
    of those made; ``run_file`` is an empty one that is lent (see ``warm``). Raises Held where a guard stops it before
    its first write, Waits where it is stopped or a system of it is maintained (see ``gates``), and the errors of
    ``hub.errors`` where it cannot go on; the journal has them too."""
    mapping, mode = asked_for(hub, exchange, mode, MODES if given is None else (REPLAY, "plan"))
    if (done := finished(hub, run_key)) is not None:
        return done
    require_open(hub, mapping, mode)
    with journal.leases(hub.database, lease_names(mapping)) as held:
        row = journal.open_run(hub.database, exchange, mode, run_key, held[0].epoch, hub.workspace.hash)
        if row.state in FINISHED:
            return answered(hub, row)
        run = Course(hub, mapping, row, held, progress, run_file=run_file)
        return run.journaled(
            lambda: run.exchange(initial=initial, full=full, given=given, accept_drift=accept_drift, mend=mend)
        )


def run_events(
    hub: Hub,
    exchange: str,
    run_key: str,
    held: list[Lease],
    given: Given,
    prepared: tuple[list[Compiled], RunFile],
    settle: Callable[[Bulk, uuid.UUID], None],
) -> Result:
    """One micro-batch of events, by the very mapping of the exchange, with its row in the journal. The caller
    holds the leases of ``lease_names`` and keeps the mapping compiled and a run file empty; ``settle`` marks
    the events in the applying transaction. Errors are those of ``run_exchange``."""
    require_open(hub, hub.workspace.mapping(exchange), EVENTS)
    row = journal.open_run(hub.database, exchange, EVENTS, run_key, held[0].epoch, hub.workspace.hash)
    if row.state in FINISHED:
        return answered(hub, row)
    run = Course(hub, hub.workspace.mapping(exchange), row, held, silent, settle=settle)
    return run.journaled(lambda: run.events(given, *prepared))


def plan_by_hand(
    hub: Hub,
    exchange: str,
    run_key: str,
    names: list[str],
    make: Callable[[RunFile], list[Manifest]],
) -> Result:
    """Plan what people said (``make``), with a run in the journal, under the leases of its ``names``: those that
    applying it takes. Errors are those of ``run_exchange``; a guard that it exceeds stands in the plan."""
    with journal.leases(hub.database, names) as held:
        row = journal.open_run(hub.database, exchange, "plan", run_key, held[0].epoch, hub.workspace.hash)
        run = Course(hub, hub.workspace.mapping(exchange), row, held, silent)
        return run.journaled(lambda: run.by_hand(make))


def apply_plan(
    hub: Hub, identity: uuid.UUID, run_key: str, *, unchecked: str = "", progress: Progress = silent
) -> Result:
    """Do exactly what a stored plan says; what changed since, here or in the source, is refused and listed
    (P9). ``unchecked`` is a reason not to read the source again."""
    plan = plans.find(hub.database, identity)
    if plan is None:
        raise ConfigError(
            "plan.unknown", f"there is no plan {identity}", hint="cophub plan EXCHANGE makes one"
        )
    if (done := finished(hub, run_key)) is not None:
        return done
    mapping = hub.workspace.mapping(plan.exchange)
    require_open(hub, mapping, "apply")
    with journal.leases(hub.database, _leases(hub, plan, mapping)) as held:
        plan = plans.find(hub.database, identity) or plan
        approval.require_open(hub, plan)
        row = journal.open_run(
            hub.database, plan.exchange, "apply", run_key, held[0].epoch, hub.workspace.hash
        )
        run = Course(hub, mapping, row, held, progress)
        return run.journaled(lambda: run.stored(plan, unchecked))


def asked_for(
    hub: Hub, exchange: str, mode: str, modes: tuple[str, ...] = MODES
) -> tuple[MappingFile, str]:
    """What is to be run, and in which mode: a mapping that only links does nothing else. ConfigError ``run.mode``."""
    if mode not in modes:
        raise ConfigError("run.mode", f"there is no mode {mode!r}", hint=f"one of {', '.join(MODES)}")
    mapping = hub.workspace.mapping(exchange)
    links = mapping.mode == "link_only" and mode in ("incremental", "full", REPLAY)
    return mapping, "link_only" if links else mode


def finished(hub: Hub, run_key: str) -> Result | None:
    """How the run of this key ended, where it has ended well; it is not repeated then."""
    row = journal.find_run(hub.database, run_key)
    return answered(hub, row) if row is not None and row.state in FINISHED else None


def lease_names(mapping: MappingFile) -> list[str]:
    """What a run of a mapping writes alone: itself, and the models it writes."""
    models = [f"model:{output.into}" for output in mapping.outputs if "." not in output.into]
    return [f"exchange:{mapping.mapping}", *models]


def _leases(hub: Hub, plan: PlanRow, mapping: MappingFile) -> list[str]:
    """What applying a plan takes alone; what its content is cannot be asked where it is not there any more."""
    names = lease_names(mapping)
    with suppress(HubError):
        names += manual.leases(hub, manifests_of(hub.keep, plan.digest))
    return names


def answered(hub: Hub, row: RunRow) -> Result:
    """A finished run, as it ended."""
    plan, notes = plans.of_run(hub.database, row.id), tuple(row.notes)
    return Result(
        row.id, row.run_key, row.exchange, row.mode, row.state, row.counts, notes, plan, row.error, repeated=True
    )
