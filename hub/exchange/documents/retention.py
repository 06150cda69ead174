"""Contents that nobody wants any more."""

from __future__ import annotations

import datetime as dt
import itertools

from hub.exchange.documents.contents import Contents
from hub.store import documents
from hub.store.database import Database

BATCH = 500


def sweep(database: Database, contents: Contents, before: dt.datetime) -> int:
    """Remove contents that were stored before then and that no golden record, no earlier version and no system holds;
    answers how many, one batch at most."""
    gone = 0
    old = contents.stored_before(before)
    while gone < BATCH and (some := list(itertools.islice(old, BATCH))):
        gone += sum(contents.drop(one, before) for one in set(some) - documents.wanted(database, some))
    return gone
