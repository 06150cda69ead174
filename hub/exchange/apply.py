"""Apply: golden rows, history, links, shadows, quarantine, outbox and watermark in one transaction.

The transaction begins by checking the fencing epoch of its leases and ends with the watermark: either
everything of the plan stands, or nothing (P1, P3, P6).
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hub import tracing
from hub.exchange.deletions import bury, spare_touched
from hub.exchange.issuing import issue, refuse_issued
from hub.exchange.manifest import Manifest
from hub.exchange.matching.evidence import write_evidence
from hub.exchange.matching.outside import write_outside
from hub.exchange.matching.reviews import keep_reviews
from hub.exchange.merging.claims import holders
from hub.exchange.quarantine import set_aside, write_held
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import rows, stage, stage_keys, take
from hub.failpoints import reach
from hub.store import documents, entities, marks, origins, shadows
from hub.store.bulk import Bulk
from hub.store.database import Database, now
from hub.store.journal import Lease, fence

MANY = 50_000
CHANGED = "source_changed (key VARCHAR)"
BACK = "source_back (entity UUID)"
LEAVING = "SELECT key FROM absent UNION SELECT key FROM outside"


@dataclass(frozen=True, slots=True)
class Applied:
    """What the transaction wrote; how many records it ``refused`` because they had changed since the plan,
    and how many of them were planned as changes (``unmade``). ``stayed`` are entities that were to be removed and
    are not, ``rereads`` says that the next run reads everything."""

    created: int
    updated: int
    removed: int
    refused: int
    unmade: int
    stayed: int = 0
    rereads: bool = False

    def notes(self) -> list[str]:
        """What happened beside the plan."""
        told = []
        if self.stayed:
            told.append(
                f"{self.stayed} entities were to be removed and stay: they changed since, or another record stands "
                "for them"
            )
        if self.rereads:
            told.append("for what was refused of a full plan the next run reads everything")
        return told


@tracing.traced("apply")
def apply(
    run: RunFile,
    database: Database,
    held: Sequence[Lease],
    manifest: Manifest,
    run_id: uuid.UUID,
    *,
    stored: bool,
    settle: Callable[[Bulk, uuid.UUID], None] | None = None,
    audited: Callable[[Bulk, Applied], None],
) -> Applied:
    """Write one output's plan. ``stored`` says that it was made by an earlier run: then every row is
    compared with what the plan saw, and what changed since is refused (P9). ``audited`` makes the entry of
    the audit chain, last: others wait for the chain's end."""
    with database.bulk(write=True) as session:
        fence(session, held)
        writer = _Writer(run, database, session, manifest, run_id)
        refused, unmade, stayed = writer.refuse_changed() if stored else (0, 0, 0)
        if manifest.snapshot is not None:
            spare_touched(run, session, manifest.exchange, manifest.source)
        applied = writer.golden(refused, unmade, stayed)
        issue(run, session, database, manifest, writer.moment)
        writer.shadows()
        write_outside(run, session, manifest, writer.moment)
        write_evidence(run, session, manifest, run_id, writer.moment)
        changed = write_held(run, session, manifest, run_id)
        keep_reviews(run, session, manifest, changed=changed)
        if manifest.mode == "events":
            bury(run, session, manifest.source)
        elif manifest.last and manifest.moves and not refused:  # what was refused is to be read again
            marks.move(session, manifest.exchange, manifest.mark(), run_id)
        # What a full read found may lie behind the watermark, where an incremental one does not look again.
        if manifest.full and (refused or stayed or manifest.counts.get("refused")):
            marks.read_all(session, manifest.exchange)
            applied = dataclasses.replace(applied, rereads=True)
        if settle is not None and manifest.last:
            settle(session, run_id)
        audited(session, applied)
        reach("before_commit")
    reach("after_commit")
    return applied


class _Writer:
    """One transaction of one output's plan."""

    def __init__(
        self, run: RunFile, database: Database, session: Bulk, manifest: Manifest, run_id: uuid.UUID
    ) -> None:
        self.run, self.database, self.session = run, database, session
        self.manifest, self.run_id = manifest, run_id
        self.model = manifest.output
        self.columns = entities.columns(database, self.model)
        self.fields = list(database.models[self.model].fields)
        self.moment = now()

    # ------------------------------------------------------------ what changed since the plan

    def refuse_changed(self) -> tuple[int, int, int]:
        """Drop from the plan what is no longer as the plan saw it; answers how many records that are, how many
        of them had been planned as changes, and how many entities were to be removed and are not."""
        run = self.run
        staged = stage(
            run,
            self.session,
            "planned_entities",
            {"_id": self.columns["_id"]},
            "SELECT _id FROM updating UNION SELECT _id FROM removing",
        )
        take(run, "current", entities.versions(self.session, self.database, self.model, staged))
        run.sql("""CREATE OR REPLACE TABLE refused_entity AS
            SELECT _id FROM updating u ANTI JOIN current c ON c._id = u._id AND c._version = u._expected
            UNION SELECT _id FROM removing u ANTI JOIN current c ON c._id = u._id AND c._version = u.version""")
        self._refuse_held()
        keys = stage_keys(run, self.session, "planned_keys", "SELECT DISTINCT key FROM shadowing")
        take(run, "current_shadow", shadows.seen(self.session, self.manifest.source, keys))
        # What leaves the scope says no entity, and may take one away nevertheless.
        run.sql("""CREATE OR REPLACE TABLE seen_since AS SELECT s.key,
            coalesce(s.entity, CASE WHEN s.ends IS NOT NULL THEN c.entity END) AS entity FROM shadowing s
            LEFT JOIN current_shadow c USING (key) WHERE s.expected IS DISTINCT FROM c.hash""")
        run.sql(f"CREATE TABLE IF NOT EXISTS {CHANGED}")  # made where the source was read again
        run.sql(f"CREATE TABLE IF NOT EXISTS {BACK}")
        run.sql("""INSERT INTO seen_since SELECT key, entity FROM shadowing
            WHERE key IN (SELECT key FROM source_changed) AND key NOT IN (SELECT key FROM seen_since)""")
        run.sql("INSERT INTO refused_entity SELECT entity FROM seen_since WHERE entity IS NOT NULL")
        run.sql("INSERT INTO refused_entity SELECT entity FROM source_back")
        for fields in self.manifest.owned:
            self._refuse_taken(fields)
        refuse_issued(run, self.session, self.manifest)
        self._leave_standing()
        stayed = self._staying()
        for name in ("updating", "removing", "creation"):
            run.sql(f"DELETE FROM {name} WHERE _id IN (SELECT _id FROM refused_entity)")
        run.sql("DELETE FROM outvoting WHERE entity IN (SELECT _id FROM refused_entity)")
        run.sql("DELETE FROM stepping WHERE survivor IN (SELECT _id FROM refused_entity)")
        run.sql("""CREATE OR REPLACE TABLE refused AS SELECT key, hash, changes FROM shadowing
            WHERE entity IN (SELECT _id FROM refused_entity)""")
        run.sql(
            "DELETE FROM shadowing WHERE key IN (SELECT key FROM refused UNION SELECT key FROM seen_since)"
        )
        for name in ("gone", "outside", "taking"):
            run.sql(f"DELETE FROM {name} WHERE key IN (SELECT key FROM refused UNION SELECT key FROM seen_since)")
        run.sql("""DELETE FROM gone WHERE key IN (SELECT key FROM taking
            WHERE entity IN (SELECT _id FROM refused_entity))""")
        why = sql_text("the record or its entity changed after the plan was made")
        set_aside(run, "refused", "plan.changed", why, "SELECT key, hash FROM refused")
        why = sql_text("its entity was to be removed and stays: it changed since, or another record stands for it")
        set_aside(run, "refused", "plan.changed", why, "SELECT key, hash FROM staying ANTI JOIN refused USING (key)")
        refused, changes = run.sql("SELECT count(*), count(*) FILTER (changes) FROM refused")[0]
        return refused, changes, stayed

    def _staying(self) -> int:
        """``staying`` (key, hash): records that are gone and whose entities were to be removed and are not; answers
        how many entities that are."""
        run, source = self.run, self.manifest.source
        run.sql("CREATE OR REPLACE TABLE staying (key VARCHAR, hash BIGINT)")
        count = int(run.one("SELECT count(*) FROM removing WHERE _id IN (SELECT _id FROM refused_entity)"))
        if count:
            keys = stage_keys(run, self.session, "leaving_all_keys", LEAVING)
            take(run, "led_there", shadows.led_to(self.session, source, keys))
            take(run, "left_hash", shadows.hashes(self.session, source, keys))
            run.sql("""INSERT INTO staying SELECT key, hash FROM led_there JOIN left_hash USING (key)
                JOIN removing ON _id = entity WHERE _id IN (SELECT _id FROM refused_entity)""")
        return count

    def _refuse_held(self) -> None:
        """What is to be removed and a record stands for that was linked since: the entity's version need not tell."""
        run = self.run
        if not run.one("SELECT count(*) FROM removing"):
            return
        keys = stage_keys(run, self.session, "leaving_now", LEAVING)
        staged = stage(
            run, self.session, "removing_now", shadows.ENTITIES, "SELECT DISTINCT _id AS entity FROM removing"
        )
        take(run, "held_now", shadows.held_by_others(self.session, self.manifest.source, staged, keys))
        run.sql("INSERT INTO refused_entity SELECT entity FROM held_now")

    def _leave_standing(self) -> None:
        """Records that were to take an entity along and do not: nothing says that they were reacted to."""
        run, leaving = self.run, "SELECT key FROM outside UNION SELECT key FROM gone"
        leaving += " UNION SELECT key FROM shadowing WHERE entity IS NULL"
        if not run.one("SELECT count(*) FROM refused_entity") or not run.one(f"SELECT count(*) FROM ({leaving})"):
            return
        keys = stage_keys(run, self.session, "leading", leaving)
        take(run, "led_to", shadows.led_to(self.session, self.manifest.source, keys))
        stays = "SELECT key FROM led_to WHERE entity IN (SELECT _id FROM refused_entity)"
        run.sql(f"DELETE FROM shadowing WHERE entity IS NULL AND key IN ({stays})")
        for name in ("outside", "gone"):
            run.sql(f"DELETE FROM {name} WHERE key IN ({stays})")

    def _refuse_taken(self, fields: Sequence[str]) -> None:
        """What somebody else has by now, equal in all of ``fields``, is not taken or created once more."""
        run, names = self.run, [sql_name(name) for name in fields]
        present = {row[0] for row in run.sql("DESCRIBE creation")}
        if not present.issuperset(fields):
            return
        filled = " AND ".join(f"{name} IS NOT NULL" for name in names)
        listed = ", ".join(names)
        planned = f"SELECT _id, {listed} FROM creation WHERE {filled}"
        if len(fields) == 1:
            planned += f" UNION ALL SELECT _id, {listed} FROM updating WHERE {filled}"
        columns = {name: self.columns[name] for name in fields}
        values = stage(
            run,
            self.session,
            f"owned_{'_'.join(fields)}",
            columns,
            f"SELECT DISTINCT {listed} FROM ({planned})",
        )
        found = entities.candidates(self.session, self.database, self.model, values, fields)
        take(run, "owner", found)
        run.sql(f"""INSERT INTO refused_entity SELECT p._id FROM ({planned}) p JOIN owner o USING ({listed})
            WHERE o._id <> p._id AND o._id NOT IN (SELECT _id FROM updating)""")

    # ------------------------------------------------------------ golden rows

    def golden(self, refused: int, unmade: int, stayed: int) -> Applied:
        counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in ("creation", "updating", "removing"))
        created, updated, removed = self.run.sql(f"SELECT {counts}")[0]
        if created or updated or removed:
            seq = entities.next_seq(self.session, self.model)
            if created:
                self._create(created, seq)
            if updated:
                self._change(seq)
            if removed:
                self.run.sql("""CREATE OR REPLACE VIEW leaving_rows AS SELECT _id, version + 1 AS _version, _state
                    FROM removing WHERE _id NOT IN (SELECT _id FROM updating)""")  # those have the state already
                self._replace("leaving_rows", ["_state"], seq)
            entities.announce(
                self.session,
                self.model,
                {
                    "model": self.model,
                    "seq": seq,
                    "exchange": self.manifest.exchange,
                    "created": created,
                    "updated": updated,
                    "removed": removed,
                },
                self.moment,
            )
        return Applied(created, updated, removed, refused, unmade, stayed)

    def _create(self, count: int, seq: int) -> None:
        described = [row[0] for row in self.run.sql("DESCRIBE creation")]
        supplied = [name for name in self.fields if name in described]
        origin = origins.intern(self.session, self.model, {name: self.manifest.exchange for name in supplied})
        stamp = f"TIMESTAMPTZ '{self.moment.isoformat()}'"
        fixed = {
            "_version": "1",
            "_seq": str(seq),
            "_state": "0",
            "_origin": str(origin),
            "_created_at": stamp,
            "_updated_at": stamp,
        }
        columns = {name: self.columns[name] for name in ("_id", *fixed, *supplied)}
        entities.load(
            self.session,
            self.database,
            self.model,
            rows(self.run, self.session, columns, "SELECT * FROM creation", fixed),
            many=count > MANY,
        )

    def _change(self, seq: int) -> None:
        """Old versions go to history, new ones take their place."""
        run = self.run
        run.sql("CREATE OR REPLACE TABLE origin_of (_old_origin INTEGER, _pattern VARCHAR, _origin INTEGER)")
        for old, pattern in run.sql("SELECT DISTINCT _old_origin, _pattern FROM updating"):
            run.sql(
                f"INSERT INTO origin_of VALUES ({old}, {sql_text(pattern)}, {self._pattern(old, pattern)})"
            )
        values = ", ".join(sql_name(name) for name in self.fields)
        run.sql(f"""CREATE OR REPLACE VIEW changing AS SELECT _id, _expected + 1 AS _version, _state, _origin, {values}
            FROM updating JOIN origin_of USING (_old_origin, _pattern)""")
        self._replace("changing", ["_state", "_origin", *self.fields], seq)

    def _replace(self, query: str, names: list[str], seq: int) -> None:
        columns = {name: self.columns[name] for name in ("_id", "_version", *names)}
        staged: Any = stage(self.run, self.session, f"new_{query}", columns, f"SELECT * FROM {query}")
        entities.replace(
            self.session,
            self.database,
            self.model,
            staged,
            names,
            seq=seq,
            moment=self.moment,
            run_id=self.run_id,
        )

    def _pattern(self, old: int, pattern: str) -> int:
        """The origin after a merge: a sign per mapped field, see ``merge``."""
        before = origins.read(self.session, self.model)[old]
        signs = dict(zip(self.manifest.fields, pattern, strict=True))
        after = holders(before, signs, self.manifest.contestants, self.manifest.exchange)
        return origins.intern(self.session, self.model, after)

    # ------------------------------------------------------------ shadows

    def shadows(self) -> None:
        """Remember what was seen, so that the next run can leave it alone."""
        run, session = self.run, self.session
        query = "SELECT s.*, o.said AS outvoted FROM shadowing s LEFT JOIN outvote o ON o.entity = s.entity"
        fresh, again = run.sql("SELECT count(*) FILTER (expected IS NULL), count(expected) FROM shadowing")[0]
        if fresh:
            shadows.load(
                session,
                rows(
                    run,
                    session,
                    shadows.NEW,
                    f"{query} WHERE s.expected IS NULL",
                    {"source": str(self.manifest.source)},
                ),
                many=fresh > MANY,
            )
        if again:
            staged = stage(
                run, session, "seen_again", shadows.SEEN_AGAIN, f"{query} WHERE s.expected IS NOT NULL"
            )
            shadows.see_again(session, self.manifest.source, staged)
        if self.manifest.documents:
            keys = stage_keys(run, session, "versions_taken", "SELECT key FROM shadowing")
            documents.agree(session, self.manifest.documents, keys)
        self._outvotes()
        if run.one("SELECT count(*) FROM stepping"):
            behind = stage(run, session, "stepping_back", shadows.STEPPING, "SELECT * FROM stepping")
            shadows.step_back(session, self.manifest.source, behind)
        self._absences()

    def _outvotes(self) -> None:
        run, session = self.run, self.session
        if not run.one("SELECT count(*) FROM outvoting"):
            return
        staged = stage(
            run, session, "outvoted_entities", shadows.ENTITIES, "SELECT DISTINCT entity FROM outvoting"
        )
        take(run, "others_now", shadows.outvoted(session, staged))
        run.sql("""CREATE OR REPLACE TABLE outvoted_now AS SELECT o.source, o.key, nullif(CAST(json_merge_patch(
            coalesce(o.outvoted, '{}'), p.patch) AS VARCHAR), '{}') AS outvoted FROM others_now o
            JOIN (SELECT entity, exchange, '{' || string_agg(substr(patch, 2, length(patch) - 2), ',') || '}' AS patch
                  FROM outvoting GROUP BY entity, exchange) p USING (entity, exchange)""")
        shadows.outvote(
            session, stage(run, session, "outvotes", shadows.OUTVOTES, "SELECT * FROM outvoted_now")
        )

    def _absences(self) -> None:
        run, session, source = self.run, self.session, self.manifest.source
        if not run.one("SELECT count(*) FROM absent"):
            return
        newly = stage_keys(run, session, "newly_absent", "SELECT key FROM absent WHERE since IS NULL")
        shadows.mark_absent(session, source, newly, self.moment)
        gone = stage_keys(run, session, "now_gone", "SELECT key FROM gone")
        shadows.silence(session, source, gone)
        left = "SELECT key FROM gone UNION SELECT key FROM taking"
        shadows.put_out_of_scope(session, source, stage_keys(run, session, "now_out", left))
        if self.manifest.absent == "unlink":
            shadows.unlink(session, source, gone)
