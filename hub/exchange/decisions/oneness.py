"""Merging entities under the guards of the mappings that fill their model.

Within the limits it is done at once. Over one of them nothing is: the plan of it is stored and waits until
somebody else approves it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial

from hub.errors import Held
from hub.exchange.ground import Hub
from hub.exchange.judging.guard import Judged, judge
from hub.exchange.manifest import Manifest
from hub.exchange.pipeline import plan_by_hand
from hub.exchange.runfile import RunFile
from hub.exchange.uniting.merger import merge_entities
from hub.exchange.uniting.planned import leases_of, plan_merges
from hub.store.rewriting import count_living


def unite(hub: Hub, model: str, survivor: uuid.UUID, losers: Sequence[uuid.UUID], reason: str) -> list[uuid.UUID]:
    """Make the losers one with the survivor; answers the ids of the merges. Held ``guard.exceeded`` where a
    mapping into the model allows fewer in one go."""
    breaches = exceeded(hub, model, len(losers))
    if not breaches:
        return merge_entities(hub, model, survivor, losers, reason)
    exchange = next(iter(breaches))
    said = {"reason": reason, "by": hub.actor.name, "on_behalf": hub.actor.on_behalf}
    told = [f"{name}: {breach}" for name, found in breaches.items() for breach in found]
    make = partial(_plan, hub, exchange, model, survivor, losers, said, told)
    key = f"merge/{model}/{uuid.uuid4().hex[:12]}"
    result = plan_by_hand(hub, exchange, key, leases_of(hub, exchange, model), make)
    short = str(result.plan)[-8:]
    raise Held(
        "guard.exceeded",
        f"{'; '.join(told)}. The plan {result.plan} waits for approval",
        where=f"mappings/{exchange}.yaml: guard",
        hint=f"look at it: cophub plan show {short}; then cophub approve {short} --reason TEXT, cophub apply {short}",
        plan=str(result.plan),
    )


def exceeded(hub: Hub, model: str, count: int) -> dict[str, list[str]]:
    """Mapping into the model → what so many merges exceed of its guard."""
    living = count_living(hub.database, model)
    found = {}
    for name, mapping in sorted(hub.workspace.mappings.items()):
        if any(output.into == model for output in mapping.outputs):
            found[name] = judge(mapping.guard, Judged({"merge": count}, living), initial=False)
    return {name: breaches for name, breaches in found.items() if breaches}


def _plan(
    hub: Hub,
    exchange: str,
    model: str,
    survivor: uuid.UUID,
    losers: Sequence[uuid.UUID],
    said: dict[str, str],
    breaches: list[str],
    run: RunFile,
) -> list[Manifest]:
    manifest = plan_merges(hub, run, exchange, model, survivor, losers, said)
    manifest.breaches = breaches
    return [manifest]
