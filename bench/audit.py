"""How long it takes to verify an audit chain, on SQLite."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import insert

from hub.security.verify import verify
from hub.store import audit, tables
from hub.store.database import Database, now
from hub.store.migrate import migrate

BATCH = 20_000


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="entries of the chain")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def chained(rows: int) -> Iterator[dict[str, object]]:
    """Entries as ``audit.append`` makes them, without a transaction for each."""
    prev, moment = audit.START, audit.stamp(now())
    details = audit.canonical({"exchange": "suppliers", "counts": {"read": 1000, "updated": 3}})
    for seq in range(1, rows + 1):
        content = (moment, "anna", "", "run.applied", f"run:{seq:036d}", "", "f" * 64, "", details)
        digest = audit.digest_of(prev, seq, *content)
        yield dict(zip(audit.NAMES, (seq, *content, prev, digest), strict=True))
        prev = digest


def run(arguments: argparse.Namespace) -> int:
    """Make a chain, verify it, and say how long that took."""
    rows = arguments.rows
    with tempfile.TemporaryDirectory() as folder:
        database = Database("sqlite:///audit.sqlite", {}, folder=Path(folder))
        migrate(database)
        made = chained(rows)
        with database.begin() as connection:
            last: dict[str, object] = {}
            while batch := [one for _, one in zip(range(BATCH), made, strict=False)]:
                connection.execute(insert(tables.audit), batch)
                last = batch[-1]
            connection.execute(insert(tables.audit_head).values(id=1, seq=rows, hash=last["hash"]))
        begun, used = time.monotonic(), time.process_time()
        with database.bulk(write=False) as session:
            verdict = verify(audit.entries(session), head=audit.head(session))
        lasted, used = time.monotonic() - begun, time.process_time() - used
        database.close()
    assert verdict.whole, verdict.breaks
    assert verdict.entries == rows
    print(f"{rows:,} entries verified in {lasted:.1f} s ({used:.1f} s of CPU)")
    if arguments.json:
        print(json.dumps({"entries": rows, "seconds": round(lasted, 2), "cpu_seconds": round(used, 2)}))
    return 0
