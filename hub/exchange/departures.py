"""Departures: what a target holds and its mapping no longer sends, and what becomes of it there.

``departing`` (key, kind, hash) is found by whoever reads: kind ``scope`` where the record is there and no
longer meets ``where``, ``absent`` where it is gone, or its entity is disabled or deleted; hash is that of a foreign
record where it was read. Each is left as it is, disabled (an update of the fields that the mapping names for it)
or deleted, as the mapping says. What waits for a grace is remembered with the moment it was first seen to
have left (table ``departure``): ``remembering`` (key, kind, since, hash) and ``forgetting`` (key) are parts of
the plan, written when it was sent.

What a target holds is ``held_there``: what it acknowledged, and creates that were begun and whose answer never came.
Those are looked up before anything is done to them; see ``delivering.sender``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.exchange.manifest import Manifest
from hub.exchange.runfile import HASH, RunFile, sql_text
from hub.exchange.staging import rows, stage_keys, take
from hub.mapping.disabling import body_sql
from hub.store import departures
from hub.store.bulk import Bulk
from hub.workspace.limits import AbsentStep
from hub.workspace.shape import Output
from hub.workspace.strict import seconds

SCOPE, ABSENT = "scope", "absent"
GONE = (AbsentStep(reaction="delete"),)
"""What leaves a target that is written as a whole is not in it any more."""


@dataclass(slots=True)
class Departures:
    """The reactions of one output, and those that are due. ``body`` is what disabling writes, as JSON."""

    run: RunFile
    session: Bulk
    number: int
    output: Output
    replaces: bool
    body: str = ""
    hash: int = 0
    moment: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def read(self) -> None:
        """``departed_before`` (key, kind, since, hash): what had left by the last run."""
        take(self.run, "departed_before", departures.departed(self.session, self.number))

    def due(self) -> str:
        """Query of the keys whose grace is over and whose reaction has not come yet."""
        reaction = self._reaction("b.kind", "b.since")
        return f"""SELECT key FROM (SELECT b.key, a.ends, {reaction} AS reaction FROM departed_before b
            JOIN held_there a ON a.key = b.key)
            WHERE reaction = 'delete' OR (reaction = 'disable' AND ends IS NULL)"""

    def react(self, query: str) -> None:
        """Put what is done to ``departing`` (the query) into ``sending``; ``mapped`` is what is sent still."""
        run = self.run
        self._disabling()
        run.sql(f"CREATE OR REPLACE TABLE departing AS {query}")
        run.sql(f"""CREATE OR REPLACE TABLE departed AS SELECT d.key, d.kind, d.hash, b.since,
                {self._reaction("d.kind", "b.since")} AS reaction
            FROM (SELECT * FROM departing SEMI JOIN held_there USING (key)) d
            LEFT JOIN departed_before b ON b.key = d.key AND b.kind = d.kind""")
        run.sql("""INSERT INTO sending BY NAME SELECT key, 'delete' AS operation, coalesce(a.hash, 0) AS hash,
                a.hash AS expected, a.foreign_id, a.foreign_key, a.foreign_key AS known, a.version, '{}' AS body
            FROM held_there a SEMI JOIN (FROM departed WHERE reaction = 'delete') USING (key)""")
        if self.body:
            run.sql(f"""INSERT INTO sending BY NAME SELECT key, 'disable' AS operation, {self.hash}::BIGINT AS hash,
                    a.hash AS expected, a.foreign_id, a.foreign_key, a.foreign_key AS known, a.version,
                    {sql_text(self.body)} AS body
                FROM held_there a SEMI JOIN (FROM departed WHERE reaction = 'disable') USING (key)
                WHERE a.hash IS DISTINCT FROM {self.hash}""")
        self._memory()

    def newly_absent(self) -> int:
        """Records that are missed for the first time, where their absence has a reaction."""
        if not self.chains[ABSENT]:
            return 0
        return int(
            self.run.one(f"""SELECT count(*) FROM departed d JOIN held_there a USING (key)
                WHERE d.kind = '{ABSENT}' AND d.since IS NULL AND a.ends IS NULL""")
        )

    @property
    def chains(self) -> dict[str, Sequence[AbsentStep]]:
        if self.replaces:
            return {SCOPE: GONE, ABSENT: GONE}
        return {SCOPE: self.output.out_of_scope.chain, ABSENT: self.output.absent.chain}

    def _disabling(self) -> None:
        """``body`` and ``hash``, in the types of ``mapped``."""
        if not self.output.disable:
            return
        types = {str(row[0]): str(row[1]) for row in self.run.sql("DESCRIBE mapped")}
        self.body = str(self.run.one(f"SELECT {body_sql(self.output.disable, types)}"))
        self.hash = int(self.run.one(f"SELECT {HASH.format(sql_text(self.body))}"))

    def _reaction(self, kind: str, since: str) -> str:
        """SQL of the last step that is due; NULL where none is."""
        words = []
        for name, chain in self.chains.items():
            cases = "".join(
                f" WHEN {self._over(step, since)} THEN {sql_text(step.reaction)}" for step in reversed(chain)
            )
            if cases:
                words.append(f"WHEN {sql_text(name)} THEN CASE{cases} END")
        return f"CASE {kind} {' '.join(words)} END" if words else "NULL::VARCHAR"

    def _over(self, step: AbsentStep, since: str) -> str:
        """What has been away for the time of grace; without one at once."""
        if not step.grace:
            return "true"
        limit = self.moment - dt.timedelta(seconds=seconds(step.grace))
        return f"coalesce({since} <= TIMESTAMPTZ '{limit.isoformat()}', false)"

    def _memory(self) -> None:
        """Remembered is what a grace is counted for, until it comes back or the target holds it no more."""
        waiting = [name for name, chain in self.chains.items() if any(step.grace for step in chain)]
        kinds = ", ".join(sql_text(name) for name in waiting) or "''"
        self.run.sql(f"""CREATE OR REPLACE TABLE remembering AS SELECT d.key, d.kind, d.since, d.hash FROM departed d
            LEFT JOIN departed_before b ON b.key = d.key AND b.kind = d.kind
            WHERE d.kind IN ({kinds}) AND (d.since IS NULL OR d.hash IS DISTINCT FROM b.hash)""")
        self.run.sql(f"""CREATE OR REPLACE TABLE forgetting AS SELECT b.key FROM departed_before b
            LEFT JOIN held_there a ON a.key = b.key LEFT JOIN departed d ON d.key = b.key
            WHERE a.key IS NULL OR b.key IN (SELECT _key FROM mapped)
                OR (d.key IS NOT NULL AND (d.kind <> b.kind OR d.kind NOT IN ({kinds})))""")


def write_departures(run: RunFile, session: Bulk, manifest: Manifest, moment: dt.datetime) -> None:
    """After a delivery: remember since when, forget what came back. What was ``refused`` is looked at again by the
    next run, and stays as it was."""
    for name in ("remembering", "forgetting"):
        run.sql(f"DELETE FROM {name} WHERE key IN (SELECT key FROM refused)")
    both = "SELECT key FROM remembering UNION SELECT key FROM forgetting"
    if not run.one(f"SELECT count(*) FROM ({both})"):
        return
    departures.forget(session, manifest.source, stage_keys(run, session, "no_departures", both))
    since = f"TIMESTAMPTZ '{moment.isoformat()}'"
    query = f"SELECT key, kind, coalesce(since, {since}) AS since, hash FROM remembering"
    fixed = {"source": str(manifest.source)}
    departures.remember(session, rows(run, session, departures.COLUMNS, query, fixed))
