"""Origins: which mapping supplied each field of an entity. Few patterns serve many rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import func, insert, select

from hub.store.bulk import Bulk
from hub.store.entities import json_literal
from hub.store.tables import origin


def read(session: Bulk, model: str) -> dict[int, dict[str, str]]:
    """Origin id → field → mapping; 0 is nobody."""
    rows = session.run(select(origin.c.id, origin.c.fields).where(origin.c.model == model))
    return {0: {}} | {key: fields if isinstance(fields, dict) else json.loads(fields) for key, fields in rows}


def intern(session: Bulk, model: str, fields: Mapping[str, str]) -> int:
    """The id of a pattern, made where it is new. The model's lease makes us the only one who does."""
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    found = session.run(select(origin.c.id).where(origin.c.model == model, origin.c.digest == digest))
    if found:
        return int(found[0][0])
    highest = session.run(select(func.coalesce(func.max(origin.c.id), 0)).where(origin.c.model == model))
    identity = int(highest[0][0]) + 1
    session.run(insert(origin).values(model=model, id=identity, digest=digest, fields=json_literal(fields)))
    return identity
