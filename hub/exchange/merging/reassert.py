"""Strong fields are enforced in a full run, also where the record is what it was.

Nothing is read for mappings without strong fields, nor where no origin of the model (there are few) names
another holder of one of them.
"""

from __future__ import annotations

from hub.exchange.merging.claims import HAND, Claims
from hub.exchange.runfile import RunFile
from hub.exchange.staging import take
from hub.store import entities, origins
from hub.store.bulk import Bulk
from hub.store.database import Database


def drifted(
    run: RunFile, session: Bulk, database: Database, source: int, claims: Claims, mapping: str
) -> bool:
    """``reassert`` (key): records that are looked at again because a strong field of theirs does not stand in
    the entity; False where there is none."""
    model = claims.model
    strong = [name for name in claims.strong(mapping) if not model.fields[name].many]
    beaten: dict[str, list[int]] = {}
    by_hand: set[int] = set()
    for origin, holders in origins.read(session, model.model).items() if strong else ():
        for name in strong:
            holder = holders.get(name, mapping)
            if holder == HAND:
                by_hand.add(origin)
            elif holder != mapping and claims.of(name, mapping) < claims.of(name, holder):
                beaten.setdefault(name, []).append(origin)
    if not beaten and not by_hand:
        return False
    wire = entities.drifted(session, database, model.model, source, beaten, sorted(by_hand))
    take(run, "reassert", wire)
    return bool(run.one("SELECT count(*) FROM reassert"))
