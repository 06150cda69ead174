"""A plan of merges: made where a guard holds them, written when somebody else has approved it.

``uniting`` (number, survivor, survivor_version, loser, loser_version) is the plan. A merge whose entities are
no longer as it saw them is refused and named; the others are made.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pyarrow as pa

from hub.exchange.ground import Hub
from hub.exchange.manifest import Manifest
from hub.exchange.quarantine import nothing_held
from hub.exchange.runfile import RunFile
from hub.exchange.uniting.merger import lease_names, merge_one
from hub.store import rewriting
from hub.store.journal import Lease, fence
from hub.store.merges import Session

COLUMNS = ("survivor", "survivor_version", "loser", "loser_version")


def plan_merges(
    hub: Hub,
    run: RunFile,
    exchange: str,
    model: str,
    survivor: uuid.UUID,
    losers: Sequence[uuid.UUID],
    said: dict[str, str],
) -> Manifest:
    """Make ``uniting``; the guard of ``exchange`` holds it."""
    with hub.database.begin(reading=True) as connection:
        versions = {one: _version(hub, connection, model, one) for one in (survivor, *losers)}
    rows = [
        {
            "number": number,
            "survivor": str(survivor),
            "survivor_version": versions[survivor],
            "loser": str(loser),
            "loser_version": versions[loser],
        }
        for number, loser in enumerate(losers)
    ]
    run.use(0)
    run.table("uniting", pa.Table.from_pylist(rows))
    nothing_held(run)
    count = len(losers)
    return Manifest(
        exchange=exchange,
        output=model,
        number=0,
        direction="merges",
        source=0,
        mode="plan",
        map_hash=0,
        compiled_hash="",
        workspace_hash=hub.workspace.hash,
        counts={"read": count, "applied": count, "merged": count},
        model=model,
        moves=False,
        said=said,
    )


def leases_of(hub: Hub, exchange: str, model: str) -> list[str]:
    """What a plan of merges takes alone, when it is made and when it is written."""
    return sorted({f"exchange:{exchange}", *lease_names(hub, model)})


def write_merges(
    hub: Hub,
    run: RunFile,
    manifest: Manifest,
    run_id: uuid.UUID,
    held: Sequence[Lease],
    counts: dict[str, int],
    notes: list[str],
) -> bool:
    """All that stand as they were seen, in one transaction; answers whether some were refused."""
    found = run.sql(f"SELECT {', '.join(COLUMNS)} FROM uniting ORDER BY number")
    refused, made = [], 0
    with hub.database.begin() as connection:
        fence(connection, held)
        for survivor, version, loser, loser_version in found:
            first, second = uuid.UUID(survivor), uuid.UUID(loser)
            now = [_version(hub, connection, manifest.model, one) for one in (first, second)]
            if now != [version + made, loser_version]:  # each merge before it made one version of the survivor
                refused.append(loser)
                continue
            merge_one(hub, connection, manifest.model, first, second, manifest.said["reason"])
            made += 1
    notes += [
        f"{manifest.model} {one} was not merged: it, or the survivor, changed after the plan was made"
        for one in refused
    ]
    counts["applied"] -= len(refused)
    counts["merged"] -= len(refused)
    counts["refused"] = counts.get("refused", 0) + len(refused)
    return bool(refused)


def _version(hub: Hub, connection: Session, model: str, identity: uuid.UUID) -> int:
    """The version of a living entity; 0 of any other."""
    found = rewriting.golden(connection, hub.database, model, identity)
    return found.version if found is not None and found.state < 2 else 0
