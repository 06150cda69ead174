"""Replay: what is in quarantine goes through the mapping once more, as the mapping is now.

The originals are taken as they were read; the source is not asked. A preview is a plan like any other:
it shows what the replay would do, and can be applied.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from hub.errors import ConfigError
from hub.exchange.at_hand import Given
from hub.exchange.ground import Hub, Progress
from hub.exchange.pipeline import REPLAY, Result, run_exchange, silent
from hub.exchange.quarantine import read_originals
from hub.security import audit
from hub.store import quarantined
from hub.store.database import now
from hub.store.quarantined import Chosen


def replay(
    hub: Hub, chosen: Chosen, run_key: str, *, preview: bool = False, progress: Progress = silent
) -> Result:
    """Look at the entries of one exchange again. ``preview`` stores a plan and changes nothing else.

    ConfigError ``quarantine.original`` where nothing of them is kept: a full run looks at those.
    """
    if not chosen.originals and not chosen.entities:
        raise ConfigError(
            "quarantine.original",
            f"of these {chosen.entries} entries of {chosen.exchange} no original is kept",
            hint=f"read them again: cophub run {chosen.exchange} --full",
        )
    given = Given(read_originals(hub.keep, chosen.originals), entities=_ids(chosen.entities))
    mode = "plan" if preview else REPLAY
    result = run_exchange(hub, chosen.exchange, mode, run_key, progress=progress, given=given)
    if not preview and not result.repeated:
        told = {"entries": chosen.entries, "counts": dict(result.counts)}
        audit.note(hub.database, hub.actor, "quarantine.replayed", f"run:{result.run}", details=told)
    return result


def dismiss(hub: Hub, causes: Sequence[str], entries: Sequence[uuid.UUID], reason: str) -> int:
    """Take quarantined entries off the list, for a reason that the audit chain keeps; answers how many."""
    with hub.database.begin() as connection:
        count = quarantined.dismiss(connection, now(), causes=causes, entries=entries)
        if count:
            meant = [*causes, *map(str, entries)]
            told = {"entries": count}
            audit.record(
                connection,
                hub.actor,
                "quarantine.dismissed",
                f"quarantine:{','.join(meant)}",
                reason=reason,
                details=told,
            )
    return count


def _ids(keys: Sequence[str]) -> tuple[str, ...]:
    """Those keys of outbound entries that are ids of entities."""
    found = []
    for key in keys:
        try:
            found.append(str(uuid.UUID(key)))
        except ValueError:
            continue
    return tuple(found)
