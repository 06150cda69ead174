"""What is predicted of the plans of one run, and what came of it: words and figures for manifests and notes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hub.exchange.ground import Hub
from hub.exchange.judging.predict import Limits, Meter, Requests, Work, in_words, predict
from hub.exchange.manifest import Manifest
from hub.exchange.runfile import RunFile
from hub.store import speeds
from hub.workspace.shape import MappingFile, Schedule
from hub.workspace.strict import seconds
from hub.workspace.workspace import System

WRITTEN = {
    "created": ("creation", "golden rows created"),
    "changed": ("updating", "golden rows changed"),
    "leaving": ("removing", "golden rows that leave"),
    "versions": ("", "earlier versions kept"),
    "remembered": ("shadowing", "records remembered"),
    "set_aside": ("held", "records set aside"),
}


def foretell(hub: Hub, run: RunFile, mapping: MappingFile, manifests: Sequence[Manifest]) -> None:
    """Put what each output will cost into its manifest, and a note where a schedule is too tight for all."""
    for manifest in manifests:
        run.use(manifest.number)
        inbound = manifest.direction == "inbound"
        manifest.predicted = _rows(hub, run, manifest) if inbound else _requests(hub, run, mapping, manifest)
    every = mapping.schedule.every if isinstance(mapping.schedule, Schedule) else None
    total = sum(manifest.predicted.get("seconds") or 0.0 for manifest in manifests)
    if every and total > seconds(every):
        manifests[-1].notes.append(
            f"predicted: {in_words(total)} of delivery do not fit between two runs, every {every}"
        )


def _rows(hub: Hub, run: RunFile, manifest: Manifest) -> dict[str, Any]:
    found = {name: run.one(f"SELECT count(*) FROM {table}") for name, (table, _) in WRITTEN.items() if table}
    history = hub.workspace.models[manifest.output].history
    return {"rows": found | {"versions": found["changed"] + found["leaving"] if history else 0}}


def _requests(hub: Hub, run: RunFile, mapping: MappingFile, manifest: Manifest) -> dict[str, Any]:
    system, _, resource = manifest.output.partition(".")
    target = hub.workspace.system(system)
    described = target.describe(resource)
    replaces = bool(described and described.replaces)
    rows, asked = _sending(hub, run, mapping, manifest)
    back = mapping.read_back
    work = Work(rows, asked, target.spec.batch, float(back.share[:-1]) / 100, back.first, requests_of(target))
    if described and described.messages:  # nobody can be asked what became of them
        work = Work(rows, batch=target.spec.batch, requests=requests_of(target))
    if replaces:  # all in one call, where anything changed
        changed = sum(rows.values()) or run.one("SELECT count(*) FROM leftover")
        work = Work({"update": 1} if changed else {})
    if target.writes == "log":
        work = Work({})
    limits = Limits(rate_of(target), lanes_of(target), speeds.latency(hub.database, manifest.output))
    made = predict(work, limits)
    return {
        "writes": made.writes,
        "lookups": made.lookups,
        "seconds": made.seconds,
        "rate": limits.rate,
        "lanes": limits.lanes,
        "latency": limits.latency,
    }


def _sending(
    hub: Hub, run: RunFile, mapping: MappingFile, manifest: Manifest
) -> tuple[dict[str, int], dict[str, int]]:
    """Rows by operation, and of them those that the target is asked for first; see ``byhand.looks_first``."""
    unversioned = "version IS NULL" if mapping.changed_by_hand != "overwrite" else "false"
    asked = "CASE WHEN operation IN ('enable', 'disable') THEN 'update' ELSE operation END"
    found = run.sql(f"""SELECT {asked}, count(*), count(*) FILTER (seen IS NOT NULL
            OR (operation <> 'create' AND {unversioned})
            OR key IN (SELECT key FROM begun))
        FROM sending GROUP BY 1""")
    return {name: count for name, count, _ in found}, {name: asked for name, _, asked in found}


def requests_of(target: System) -> Requests:
    return partial(target.spec.requests, target.settings)


def rate_of(target: System) -> float | None:
    rate = getattr(getattr(target.settings, "limits", None), "rate", None)
    return float(rate) if rate else None


def lanes_of(target: System) -> int:
    """Batches on their way at once."""
    return target.delivery.threads or int(getattr(getattr(target.settings, "limits", None), "concurrency", 1))


def foretold(manifest: Manifest) -> str:
    """One line about what applying a plan costs; empty where nothing is to be done."""
    told = manifest.predicted
    if "rows" in told:
        parts = [f"{count:,} {words}" for name, (_, words) in WRITTEN.items() if (count := told["rows"][name])]
        return f"would write {', '.join(parts)}" if parts else ""
    if not told or not told["writes"]:
        return ""
    parts = [f"{told['rate'] * 60:g} requests a minute at most"] if told["rate"] else []
    parts.append(f"{told['lanes']} at once" if told["lanes"] > 1 else "one at a time")
    if told["latency"] is not None:
        parts.append(f"{told['latency'] * 1000:.0f} ms each so far")
    return (
        f"predicted: {told['writes'] + told['lookups']:,} requests to {manifest.output} "
        f"({told['writes']:,} write, {told['lookups']:,} look), {in_words(told['seconds'])} ({', '.join(parts)})"
    )


def came_true(manifest: Manifest, meter: Meter, took: float) -> str:
    """The requests that were made beside those predicted."""
    told, made = manifest.predicted, meter.writes + meter.lookups
    text = f"{manifest.output}: {made:,} requests in {in_words(took)}"
    if told:
        text += f"; predicted {told['writes'] + told['lookups']:,} in {in_words(told['seconds'])}"
    return text
