"""Keep with each link that a rule made which rule that was, and how sure."""

from __future__ import annotations

import datetime as dt
import uuid

from hub.exchange.manifest import Manifest
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.staging import rows, stage_keys
from hub.store import evidence
from hub.store.bulk import Bulk


def write_evidence(
    run: RunFile, session: Bulk, manifest: Manifest, run_id: uuid.UUID, moment: dt.datetime
) -> None:
    """In the applying transaction, of the links that it makes."""
    query = (
        "SELECT DISTINCT ON (e.key) e.* FROM evidence e "
        "SEMI JOIN shadowing s ON s.key = e.key AND s.entity = e.entity"
    )
    if not run.one("SELECT count(*) FROM evidence") or not run.one(f"SELECT count(*) FROM ({query})"):
        return
    keys = stage_keys(run, session, "evidence_keys", f"SELECT key FROM ({query})")
    fixed = {
        "source": str(manifest.source),
        "run_id": sql_text(str(run_id)),
        "at": f"TIMESTAMPTZ '{moment.isoformat()}'",
    }
    evidence.replace(session, manifest.source, keys, rows(run, session, evidence.COLUMNS, query, fixed))
