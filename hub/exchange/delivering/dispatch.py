"""Opening a delivery: its target, its patience, what is known of its likeness."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import ExitStack

from hub import tracing
from hub.contract import Target
from hub.errors import ConfigError
from hub.exchange.contents import levels
from hub.exchange.delivering.alike import Likeness
from hub.exchange.delivering.deliver import Delivery
from hub.exchange.delivering.gate import Gate
from hub.exchange.delivering.readback import ReadBack
from hub.exchange.delivering.sender import Sender
from hub.exchange.ground import Hub, Progress
from hub.exchange.judging.foretell import lanes_of, requests_of
from hub.exchange.judging.predict import Meter
from hub.exchange.judging.prints import remember
from hub.exchange.manifest import Manifest
from hub.exchange.runfile import RunFile
from hub.exchange.strategy import require_writable
from hub.security.masking import is_classified
from hub.store import deliveries
from hub.store.journal import Lease
from hub.workspace.strict import seconds


@tracing.traced("deliver")
def deliver(
    hub: Hub,
    run: RunFile,
    manifest: Manifest,
    run_id: uuid.UUID,
    held: Sequence[Lease],
    stack: ExitStack,
    counts: dict[str, int],
    progress: Progress,
    *,
    stored: bool,
) -> bool:
    """Send the plan; see ``deliver.Delivery``. Answers whether something of it is left undone."""
    system = hub.workspace.system(manifest.output.partition(".")[0])
    if system.writes == "off":
        raise ConfigError(
            "system.writes",
            f"the system {system.name} is not written to (writes: off)",
            where=f"config/systems/{system.name}.yaml",
            hint="set writes: on, or log, in this environment",
        )
    if system.writes == "on":
        require_writable(hub.database, manifest.output)
    target = hub.opened(stack, system.name) if system.writes == "on" else None
    if target is not None:
        _require_taken(target, manifest.output)
    secret = frozenset(name for name, level in levels(hub, manifest).items() if is_classified(level))
    mapping, limits = hub.workspace.mapping(manifest.exchange), system.delivery
    meter = Meter(requests_of(system))
    known = deliveries.rewritings(hub.database, manifest.source)
    likeness = Likeness(hub.keep.opened(), mapping.compare, known)
    described = system.describe(manifest.output.partition(".")[2])
    messages = bool(described and described.messages)
    delivery = Delivery(
        run,
        hub.database,
        held,
        manifest,
        run_id,
        target,
        lambda: hub.connect(system.name),
        system.spec.batch,
        lanes_of(system),
        Sender(
            hub.database,
            held,
            manifest.source,
            manifest.exchange,
            manifest.target_key,
            run_id,
            Gate(hub.database, system.name, limits, seconds(limits.retry_for), seconds(limits.pause)),
            likeness,
            mapping.changed_by_hand,
            limits.attempts,
            deliveries.open_intents(hub.database, manifest.source),
            messages,
            meter,
        ),
        ReadBack(
            likeness,
            float(mapping.read_back.share[:-1]),
            mapping.read_back.first,
            str(run_id),
            meter,
            reason="what was sent are messages, which cannot be looked up" if messages else "",
        ),
        counts,
        progress,
        secret,
    )
    delivery.send(stored=stored)
    if target is not None:
        remember(run, hub.database, held, manifest.source, manifest.map_hash, manifest.fields, hub.signer)
    return delivery.tally.undone


def _require_taken(target: Target, place: str) -> None:
    """ConfigError ``connector.readonly``, before the first write, where the system's own definition of the resource
    says that it can only be read."""
    system, _, name = place.partition(".")
    if not target.resource(name).writable:
        raise ConfigError(
            "connector.readonly", f"{place} can only be read, says the system's definition", where=place,
            hint=f"choose another resource; cophub systems check {system} tells what it takes",
        )  # fmt: skip
