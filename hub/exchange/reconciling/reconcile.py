"""Reconcile: what the hub believes against what is there, and a plan that heals the difference.

Of an outbound exchange, golden records, acknowledgements and the target are compared; of an inbound
one, the source, the records last seen and the golden records. Nothing is changed: the healing is a plan
as every other, under the guard, bound to what was seen, applied by ``cophub apply``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hub.exchange.contents import levels
from hub.exchange.delivering.alike import Likeness
from hub.exchange.delivering.byhand import Policy
from hub.exchange.delivering.outcomes import apart
from hub.exchange.ground import Hub, Progress
from hub.exchange.judging.guard import Judged, judge
from hub.exchange.manifest import COUNTED, Manifest
from hub.exchange.pipeline import Result, run_exchange, silent
from hub.exchange.reconciling.difference import Differences, match, pair
from hub.exchange.reconciling.recall import Recall
from hub.exchange.reconciling.standing import LACKS, UNREAD, look_up, read_target, verified
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.spreadsheet import write_rows
from hub.exchange.staging import stage_keys, take
from hub.exchange.strategy import reading
from hub.store import deliveries, reconciliations, shadows

COLUMNS = ("output", "kind", "key", "id", "field", "expected", "actual")
LIMIT = "10%"
"""Of healing creations and deletions, where the mapping's guard says nothing."""


@dataclass(slots=True)
class Reconciled:
    """What was found. ``incomplete`` says why what is not in the target is not called missing; ``findings``
    is a sample, values masked; ``plan`` heals, None where there is nothing to heal."""

    exchange: str
    run: uuid.UUID | None = None
    plan: uuid.UUID | None = None
    counts: dict[str, int] = field(default_factory=dict)
    heals: dict[str, int] = field(default_factory=dict)
    incomplete: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.incomplete and not any(
            count for name, count in self.counts.items() if name not in ("pending", "read")
        )


def reconcile(
    hub: Hub,
    exchange: str,
    run_key: str,
    *,
    policy: Policy | None = None,
    sample: int = 10,
    out: Path | None = None,
    progress: Progress = silent,
) -> Reconciled:
    """Compare, and store the plan that heals. ``policy`` takes the place of the mapping's changed_by_hand;
    ``out`` (.parquet or .csv) takes all findings."""
    mapping = hub.workspace.mapping(exchange)
    told = Reconciled(exchange)

    def mend(run: RunFile, manifests: list[Manifest], stack: ExitStack) -> None:
        for manifest in manifests:
            run.use(manifest.number)
            if manifest.direction == "inbound":
                Recall(hub, run, manifest, told.counts).compare()
            else:
                _target(hub, run, manifest, stack, told, policy or mapping.changed_by_hand, progress)
            _keep(run, manifest, told, sample)
        if out is not None:
            _write(run, manifests, out)

    result: Result = run_exchange(hub, exchange, "plan", run_key, full=True, progress=progress, mend=mend)
    told.run, told.notes = result.run, result.notes
    healing = sum(result.counts.get(name, 0) for name in ("created", "updated", "deleted", "disabled"))
    told.plan = result.plan if healing else None
    reconciliations.add(hub.database, exchange, result.run, told.plan, told.incomplete, told.counts)
    return told


def _target(
    hub: Hub,
    run: RunFile,
    manifest: Manifest,
    stack: ExitStack,
    told: Reconciled,
    policy: Policy,
    progress: Progress,
) -> None:
    """One output against its target; ``sending`` becomes the healing."""
    mapping = hub.workspace.mapping(manifest.exchange)
    name, _, place = manifest.output.partition(".")
    connector = hub.opened(stack, name)
    resource = connector.resource(place)
    match(run, manifest.disabling)
    reason = read_target(
        run, connector, resource, manifest, progress, reads=hub.workspace.system(name).spec.reads
    )
    pair(run)
    looked_up = reason.startswith(UNREAD)
    reason = reason or reading(hub.database, manifest.output).incomplete
    if not reason and not resource.replaces:
        reason = verified(run, connector, resource, manifest)
        if reason.startswith(LACKS):  # what the list does not show is looked up, one by one
            look_up(run, connector, resource, manifest, progress)
            pair(run)
            looked_up = True
    told.incomplete = told.incomplete or reason
    with hub.database.bulk(write=False) as session:
        keys = stage_keys(run, session, "known_keys", "SELECT key FROM known WHERE hash <> expected")
        take(run, "kept_all", shadows.kept(session, manifest.source, keys))
    likeness = Likeness(
        hub.keep.opened(), mapping.compare, deliveries.rewritings(hub.database, manifest.source)
    )
    found = Differences(run, manifest, likeness, policy, levels(hub, manifest))
    found.find(whole=not reason, missing=not reason or looked_up)
    heals = found.plan(ghosts=mapping.ghosts == "delete" and not reason)
    if resource.replaces:
        run.sql("UPDATE sending SET seen = NULL")
    _manifest(run, manifest, heals, hub, mapping.guard)
    for kind, count in found.counts.items():
        told.counts[kind] = told.counts.get(kind, 0) + count
    told.counts["read"] = told.counts.get("read", 0) + run.one("SELECT count(*) FROM there")
    for operation, count in heals.items():
        told.heals[operation] = told.heals.get(operation, 0) + count
    told.breaches += manifest.breaches


def _manifest(run: RunFile, manifest: Manifest, heals: Mapping[str, int], hub: Hub, guard: Any) -> None:
    """The plan says what it does now, and moves no watermark."""
    total = sum(count for operation, count in heals.items() if not apart(manifest, operation))
    manifest.counts = {"read": total, "applied": total}
    manifest.counts |= {COUNTED[operation]: count for operation, count in heals.items()}
    manifest.moves = False
    for name in ("held", "settled", "remembering", "forgetting"):
        run.sql(f"DELETE FROM {name}")
    if manifest.direction == "outbound":
        run.sql("""CREATE OR REPLACE TABLE planned AS SELECT CAST(key AS UUID) AS _id, version
            FROM golden_rows SEMI JOIN sending USING (key)""")
    limits = guard.model_copy(
        update={"create": guard.create or LIMIT, "delete": guard.delete or LIMIT, "update": guard.update}
    )
    known = run.one("SELECT count(*) FROM acknowledged")
    manifest.breaches = judge(limits, Judged(heals, known), initial=False)


def _keep(run: RunFile, manifest: Manifest, told: Reconciled, sample: int) -> None:
    """Some findings of each kind."""
    names = ", ".join(COLUMNS[1:])
    rows = run.sql(f"""SELECT {sql_text(manifest.output)}, {names} FROM (SELECT *, row_number() OVER
        (PARTITION BY kind ORDER BY key, field) AS place FROM finding) WHERE place <= {sample} ORDER BY kind, place""")
    told.findings += [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _write(run: RunFile, manifests: list[Manifest], out: Path) -> None:
    """All findings into a file, a batch at a time."""
    parts = [
        f"SELECT {sql_text(one.output)} AS output, {', '.join(COLUMNS[1:])} FROM o{one.number}.finding"
        for one in manifests
    ]
    reader = run.reader(" UNION ALL ".join(parts))
    if out.suffix == ".parquet":
        with pq.ParquetWriter(out, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        return
    with out.open("w", encoding="utf-8", newline="") as stream:
        write_rows(stream, COLUMNS, _cells(reader))


def _cells(reader: pa.RecordBatchReader) -> Iterator[tuple[Any, ...]]:
    for batch in reader:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
