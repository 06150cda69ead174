"""Absence: what a complete snapshot no longer holds, and what sources report as deleted.

``absent`` (key, since) holds every record that is gone; ``gone`` (key) those to react to now, which are
those to unlink where a reaction does that; ``removing`` (_id, version, _state) the entities that follow.
An entity that another record still stands for, or comes to stand for now, stays as it is. Each grace counts
from the moment the hub first missed the record, by the hub's own clock.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from hub.exchange.extract import Extracted
from hub.exchange.runfile import RunFile
from hub.exchange.staging import stage, stage_keys, take
from hub.store import entities, shadows
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.workspace.limits import Absent, AbsentStep
from hub.workspace.strict import seconds

STATES = {"disable": 1, "delete": 2}


@dataclass(frozen=True, slots=True)
class Absence:
    """Records newly absent, entities to disable and delete now, and links to forget."""

    absent: int
    disabled: int
    deleted: int
    unlinked: int = 0

    def and_also(self, other: Absence) -> Absence:
        """Both together."""
        return Absence(
            self.absent + other.absent,
            self.disabled + other.disabled,
            self.deleted + other.deleted,
            self.unlinked + other.unlinked,
        )


def find_absent(
    run: RunFile,
    session: Bulk,
    database: Database,
    extracted: Extracted,
    source: int,
    model: str,
    rule: Absent,
    *,
    each: bool = False,
) -> Absence:
    """Make ``absent``, ``gone`` and ``removing``."""
    run.sql("CREATE OR REPLACE TABLE absent (key VARCHAR, since TIMESTAMPTZ)")
    run.sql("CREATE OR REPLACE TABLE gone (key VARCHAR)")
    run.sql("CREATE OR REPLACE TABLE removing (_id UUID, version INTEGER, _state SMALLINT)")
    snapshot = extracted.certificate.complete and extracted.read > 0
    if each:
        _items(run, snapshot)
    elif snapshot:
        run.sql("INSERT INTO absent SELECT key, absent_at FROM seen ANTI JOIN extracted USING (key)")
    if extracted.deleted:
        # What the same read gave as a record is there: on doubt nothing is deleted.
        record = "coalesce(s.parent, s.key)"
        run.sql(f"""INSERT INTO absent SELECT s.key, s.absent_at FROM seen s SEMI JOIN told ON told.key = {record}
            ANTI JOIN extracted e ON e.key = {record} ANTI JOIN absent a ON a.key = s.key""")
    newly = run.one("SELECT count(*) FROM absent WHERE since IS NULL")
    run.sql("INSERT INTO absent SELECT key, since FROM ended ANTI JOIN absent USING (key)")
    if not rule.chain or not run.one("SELECT count(*) FROM absent"):
        return Absence(newly, 0, 0)
    unlinks = any(step.reaction == "unlink" for step in rule.chain)
    run.sql("CREATE OR REPLACE TABLE leaving_all (_id UUID, version INTEGER, _state SMALLINT)")
    for step in rule.chain:
        due = f"SELECT key FROM absent WHERE {_due(step)}"
        if step.reaction in STATES and model:
            _remove(run, session, database, source, model, due, STATES[step.reaction])
        if step.reaction == "unlink" or not unlinks:
            run.sql(f"INSERT INTO gone {due} EXCEPT SELECT key FROM gone")
    run.sql("""INSERT INTO removing SELECT _id, any_value(version), max(_state) FROM leaving_all GROUP BY _id""")
    counts = dict(run.sql("SELECT _state, count(*) FROM removing GROUP BY 1"))
    unlinked = _linked(run, session, source) if unlinks else 0
    return Absence(newly, counts.get(1, 0), counts.get(2, 0), unlinked)


def _due(step: AbsentStep) -> str:
    """What has been gone for the time of grace; without one at once."""
    if not step.grace:
        return "true"
    limit = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds(step.grace))
    return f"since <= TIMESTAMPTZ '{limit.isoformat()}'"


def _linked(run: RunFile, session: Bulk, source: int) -> int:
    """Leave in ``gone`` what is linked still; answers how many that are."""
    keys = stage_keys(run, session, "gone_links", "SELECT key FROM gone")
    take(run, "linked_still", shadows.links(session, source, keys))
    run.sql("DELETE FROM gone WHERE key NOT IN (SELECT key FROM linked_still)")
    return int(run.one("SELECT count(*) FROM gone"))


def _items(run: RunFile, snapshot: bool) -> None:
    """Elements are gone with their record, or when the record was read again without them."""
    run.sql("""INSERT INTO absent SELECT s.key, s.absent_at FROM seen s SEMI JOIN fresh f ON f.key = s.parent
        WHERE s.key NOT IN (SELECT _key FROM mapped) AND s.key NOT IN (SELECT key FROM rejected)""")
    if snapshot:
        run.sql("""INSERT INTO absent SELECT s.key, s.absent_at FROM seen s
            WHERE coalesce(s.parent, s.key) NOT IN (SELECT key FROM extracted WHERE key IS NOT NULL)""")


def _remove(
    run: RunFile, session: Bulk, database: Database, source: int, model: str, due: str, state: int
) -> None:
    if not run.one(f"SELECT count(*) FROM ({due})"):
        return
    keys = stage_keys(run, session, "gone_keys", due)
    take(run, "leaving", entities.linked_to(session, database, model, source, keys, state))
    staged = stage(run, session, "leaving_entities", shadows.ENTITIES, "SELECT _id AS entity FROM leaving")
    take(run, "held_by_others", shadows.held_by_others(session, source, staged, keys))
    run.sql(
        f"INSERT INTO leaving_all SELECT DISTINCT _id, _version, {state} FROM leaving "
        "WHERE _id NOT IN (SELECT entity FROM held_by_others) AND _id NOT IN (SELECT entity FROM resolved)"
    )
