"""The one entry: ``run_exchange``. CLI, API, worker and operator call it alike.

A run takes the lease of its exchange and of the model it writes, so that there is one writer (P6);
its row in the journal is found by ``run_key``: asked again with the same key, a finished run answers
as it ended. Modes:

    incremental   what changed since the watermark; in full where that is not possible
    full          everything, with absence
    plan          like full or incremental, up to the double bar; stores the plan and changes nothing else
    link_only     links records to entities that exist, writes nothing else
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select

from hub.contract import Resource, Source
from hub.errors import ConfigError, Held, HubError
from hub.exchange import inbound, outbound
from hub.exchange.absence import seconds
from hub.exchange.apply import apply
from hub.exchange.keep import Keep
from hub.exchange.manifest import READ_PARTS, Manifest
from hub.exchange.plan import load_plan, store_plan
from hub.exchange.runfile import RunFile, open_run
from hub.failpoints import reach
from hub.mapping.compile import Compiled, compile_mapping
from hub.store import journal, tables
from hub.store.database import Database
from hub.store.journal import Lease, RunRow
from hub.workspace.shape import MappingFile
from hub.workspace.workspace import Workspace

MODES = ("incremental", "full", "plan", "link_only")
Progress = Callable[[str, Mapping[str, int]], None]


@dataclass(frozen=True, slots=True)
class Hub:
    """What a run stands on; made by ``hub.bootstrap``. ``connect`` opens a system's connector, with
    secrets resolved; the caller closes it."""

    workspace: Workspace
    database: Database
    keep: Keep
    connect: Callable[[str], Any]
    scratch: Any
    memory: str = "450MB"
    threads: int = 2


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
class _Totals:
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, manifest: Manifest) -> None:
        for name, count in manifest.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        self.notes += [note for note in manifest.notes if note not in self.notes]


def run_exchange(
    hub: Hub, exchange: str, mode: str, run_key: str, *, initial: bool = False, full: bool = False,
    progress: Progress = lambda stage, counts: None,
) -> Result:
    """Run one exchange. Raises Held where a guard stops it before its first write, and the errors of
    ``hub.errors`` where it cannot go on; the journal has them too."""
    if mode not in MODES:
        raise ConfigError("run.mode", f"there is no mode {mode!r}", hint=f"one of {', '.join(MODES)}")
    mapping = hub.workspace.mapping(exchange)
    if mapping.mode == "link_only" and mode in ("incremental", "full"):
        mode = "link_only"
    done = journal.find_run(hub.database, run_key)
    if done is not None and done.state in ("done", "planned"):
        return _answered(hub, done)
    with journal.leases(hub.database, lease_names(mapping)) as held:
        row = journal.open_run(hub.database, exchange, mode, run_key, held[0].epoch, hub.workspace.hash)
        if row.state in ("done", "planned"):
            return _answered(hub, row)
        return _journaled(hub, row, lambda: _run(hub, mapping, row, held, initial=initial, full=full, progress=progress))


def apply_plan(hub: Hub, identity: uuid.UUID, run_key: str, *, progress: Progress = lambda stage, counts: None) -> Result:
    """Do exactly what a stored plan says; what changed since is refused and listed."""
    with hub.database.begin() as connection:
        found = connection.execute(select(tables.plan).where(tables.plan.c.id == identity)).one_or_none()
    if found is None:
        raise ConfigError("plan.unknown", f"there is no plan {identity}", hint="see: cophub runs")
    done = journal.find_run(hub.database, run_key)
    if done is not None and done.state == "done":
        return _answered(hub, done)
    mapping = hub.workspace.mapping(found.exchange)
    with journal.leases(hub.database, lease_names(mapping)) as held:
        if found.state != "open":
            raise ConfigError("plan.closed", f"the plan {identity} is {found.state}", hint="make a new one: cophub plan")
        if found.workspace_hash != hub.workspace.hash:
            raise ConfigError("plan.workspace", "the workspace changed after the plan was made",
                              hint="make a new one: cophub plan")
        row = journal.open_run(hub.database, found.exchange, "apply", run_key, held[0].epoch, hub.workspace.hash)
        return _journaled(hub, row, lambda: _apply_stored(hub, mapping, found, row, held, progress))


def lease_names(mapping: MappingFile) -> list[str]:
    """What a run of a mapping writes alone: itself, and the models it writes."""
    models = [f"model:{output.into}" for output in mapping.outputs if "." not in output.into]
    return [f"exchange:{mapping.mapping}", *models]


def _journaled(hub: Hub, row: RunRow, work: Callable[[], Result]) -> Result:
    try:
        result = work()
    except Held as error:
        journal.close_run(hub.database, row.id, "held", {}, [], _told(error))
        raise
    except HubError as error:
        journal.close_run(hub.database, row.id, "failed", {}, [], _told(error))
        raise
    except BaseException as error:
        journal.close_run(hub.database, row.id, "failed", {}, [], {"code": "internal", "message": type(error).__name__})
        raise
    journal.close_run(hub.database, row.id, result.state, result.counts, list(result.notes), None)
    return result


def _told(error: HubError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "where": error.where, "hint": error.hint}


def _answered(hub: Hub, row: RunRow) -> Result:
    with hub.database.begin() as connection:
        plan = connection.scalar(select(tables.plan.c.id).where(tables.plan.c.run_id == row.id))
    return Result(row.id, row.run_key, row.exchange, row.mode, row.state, row.counts, tuple(row.notes), plan,
                  row.error, repeated=True)


def _run(
    hub: Hub, mapping: MappingFile, row: RunRow, held: list[Lease], *, initial: bool, full: bool, progress: Progress
) -> Result:
    compiled = compile_mapping(mapping, hub.workspace)
    shown = _Shown(hub, row, progress)
    with ExitStack() as stack:
        run = stack.enter_context(open_run(hub.scratch, hub.memory, hub.threads))
        if mapping.direction == "inbound":
            manifests = _plan_inbound(hub, run, mapping, compiled, row, stack, initial=initial, full=full, shown=shown)
        else:
            manifests = outbound.plan(hub, run, mapping, compiled, row, stack, initial=initial, full=full, shown=shown)
        totals = _totals(manifests)
        if row.mode == "plan":
            plan = store_plan(hub.database, hub.keep, run, manifests, row)
            reach("after_plan")
            return Result(row.id, row.run_key, row.exchange, row.mode, "planned", totals.counts, tuple(totals.notes), plan)
        _guarded(manifests)
        reach("before_apply")
        _write(hub, run, mapping, manifests, row, held, stack, totals, shown, stored=False)
    return Result(row.id, row.run_key, row.exchange, row.mode, "done", totals.counts, tuple(totals.notes))


def _apply_stored(hub: Hub, mapping: MappingFile, found: Any, row: RunRow, held: list[Lease], progress: Progress) -> Result:
    with ExitStack() as stack:
        run = stack.enter_context(open_run(hub.scratch, hub.memory, hub.threads))
        manifests = load_plan(hub.keep, run, found.digest)
        _guarded(manifests)
        totals = _totals(manifests)
        _write(hub, run, mapping, manifests, row, held, stack, totals, _Shown(hub, row, progress), stored=True)
    with hub.database.begin() as connection:
        connection.execute(tables.plan.update().where(tables.plan.c.id == found.id)
                           .values(state="applied", applied_at=dt.datetime.now(dt.UTC)))
    return Result(row.id, row.run_key, row.exchange, row.mode, "done", totals.counts, tuple(totals.notes), found.id)


def _write(
    hub: Hub, run: RunFile, mapping: MappingFile, manifests: list[Manifest], row: RunRow, held: list[Lease],
    stack: ExitStack, totals: _Totals, shown: _Shown, *, stored: bool,
) -> None:
    """The writing half: golden rows, or deliveries."""
    for manifest in manifests:
        run.con.execute(f"USE o{manifest.number}")
        if manifest.direction == "inbound":
            shown("apply", manifest.counts)
            applied = apply(run, hub.database, held, manifest, row.id, stored=stored)
            if applied.refused:
                totals.counts["refused"] = totals.counts.get("refused", 0) + applied.refused
                totals.counts["applied"] -= applied.refused
        else:
            outbound.deliver(hub, run, mapping, manifest, row, held, stack, totals.counts, shown, stored=stored)


def _guarded(manifests: list[Manifest]) -> None:
    breaches = [breach for manifest in manifests for breach in manifest.breaches]
    if breaches:
        raise Held("guard.exceeded", "; ".join(breaches), where=f"mappings/{manifests[0].exchange}.yaml: guard",
                   hint="look at it: cophub plan " + manifests[0].exchange + "; a first load needs --initial")


def _totals(manifests: list[Manifest]) -> _Totals:
    totals = _Totals()
    for manifest in manifests:
        totals.add(manifest)
    unaccounted = totals.counts.get("read", 0) - sum(totals.counts.get(name, 0) for name in READ_PARTS)
    if unaccounted:
        totals.notes.append(f"the totals do not reconcile: {unaccounted} records have no fate (a defect of the hub)")
    return totals


class _Shown:
    """Progress to the caller at once, to the journal at most every two seconds."""

    def __init__(self, hub: Hub, row: RunRow, progress: Progress) -> None:
        self._hub, self._row, self._progress = hub, row, progress
        self._last = 0.0

    def __call__(self, stage: str, counts: Mapping[str, int]) -> None:
        self._progress(stage, counts)
        if time.monotonic() - self._last > 2:
            self._last = time.monotonic()
            journal.progress(self._hub.database, self._row.id, stage, counts)


def _plan_inbound(
    hub: Hub, run: RunFile, mapping: MappingFile, compiled: list[Compiled], row: RunRow, stack: ExitStack, *,
    initial: bool, full: bool, shown: _Shown,
) -> list[Manifest]:
    source = _opened(hub, stack, compiled[0].source.partition(".")[0])
    resource = keyed(source.resource(compiled[0].source.partition(".")[2]), mapping)
    asked = asked_of(hub, mapping, compiled, resource, row, initial=initial, full=full)
    extracted = inbound.read_source(run, source, resource, mapping, compiled, asked,
                                    lambda system: _opened(hub, stack, system), shown)
    manifests = []
    for output, one in zip(mapping.outputs, compiled, strict=True):
        run.con.execute(f"CREATE SCHEMA o{one.number}")
        run.con.execute(f"USE o{one.number}")
        with hub.database.bulk(write=False) as session:
            number = source_id(hub.database, mapping, one, output.into)
            manifests.append(inbound.plan_output(run, session, hub.database, hub.workspace, mapping, output, one,
                                                 extracted, number, asked, shown))
    return manifests


def _opened(hub: Hub, stack: ExitStack, system: str) -> Source:
    connector: Source = hub.connect(system)
    stack.callback(connector.close)
    return connector


def keyed(resource: Resource, mapping: MappingFile) -> Resource:
    """The resource with the key the mapping names, where it names one."""
    if mapping.key is None:
        return resource
    key = (mapping.key,) if isinstance(mapping.key, str) else tuple(mapping.key)
    return dataclasses.replace(resource, key=key)


def asked_of(
    hub: Hub, mapping: MappingFile, compiled: list[Compiled], resource: Resource, row: RunRow, *, initial: bool, full: bool
) -> inbound.Asked:
    """Where to read from: the watermark less the overlap, or everything."""
    with hub.database.begin() as connection:
        mark = connection.execute(
            select(tables.watermark).where(tables.watermark.c.exchange == mapping.mapping)).one_or_none()
    previous = mark.snapshot if mark is not None else 0
    everything = full or row.mode in ("full", "link_only") or mark is None or mark.map_hash != compiled[-1].hash
    if everything or mark is None:
        return inbound.Asked(row.mode, initial, None, None, previous)
    if mark.token is not None:
        return inbound.Asked(row.mode, initial, None, mark.token, previous)
    since = None
    if resource.cursor and mark.value is not None:
        since = _back(mark.value, seconds(mapping.overlap))
    return inbound.Asked(row.mode, initial, since, None, previous)


def _back(value: str, overlap: float) -> str:
    """A time goes back by the overlap window; what is no time (a number, a text) stays: >= reads it again."""
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return value
    if "T" not in value and " " not in value:
        return value
    text = (moment - dt.timedelta(seconds=overlap)).isoformat()
    return text.replace("+00:00", "Z") if value.endswith("Z") else text


def source_id(database: Database, mapping: MappingFile, compiled: Compiled, output: str) -> int:
    """The number of one mapping output's foreign place, made at its first plan."""
    place = mapping.from_ if compiled.direction != "outbound" else output
    system, _, resource = place.partition(".")
    table = tables.source
    model = output if compiled.direction == "inbound" else (mapping.from_ if compiled.direction == "outbound" else "")
    name = f"{compiled.number}:{output}"
    with database.begin() as connection:
        query = select(table.c.id).where(table.c.exchange == mapping.mapping, table.c.output == name)
        found = connection.scalar(query)
        if found is None:
            connection.execute(insert(table).values(
                exchange=mapping.mapping, output=name, system=system, resource=resource, model=model,
                direction=compiled.direction))
            found = connection.scalar(query)
    assert found is not None
    return int(found)
