"""Reviews as the applying transaction keeps them: opened and closed with the quarantine, with the
candidates that resolve proposed."""

from __future__ import annotations

from hub.exchange.manifest import Manifest
from hub.exchange.runfile import RunFile
from hub.exchange.staging import stage
from hub.store import reviews
from hub.store.bulk import Bulk
from hub.store.database import now

MOST = 20


def keep_reviews(run: RunFile, session: Bulk, manifest: Manifest, *, changed: bool) -> None:
    """After the quarantine was written, and ``changed``: one open review per record, with MOST candidates at most. What
    several rules propose stands once, by the rule that is surest of it."""
    if changed:
        reviews.follow(session, manifest.source, now())
    if not run.one("SELECT count(*) FROM proposal"):
        return
    best = """SELECT * FROM proposal
        QUALIFY row_number() OVER (PARTITION BY key, entity, other_key ORDER BY score DESC, rule) = 1"""
    query = f"""SELECT key, row_number() OVER (PARTITION BY key ORDER BY score DESC, entity, other_key)
        AS number, entity, other_key, rule, score, why FROM ({best}) QUALIFY number <= {MOST}"""
    rows = stage(run, session, "proposed", reviews.CANDIDATES, query)
    reviews.propose(session, manifest.source, rows)
