"""Resolve: which entity does each record belong to, and what becomes of it?

The shadow knows the records the hub has linked before; match rules are tried in order for the
others. Nothing is merged on doubt: several candidates, a candidate that another record of the same
source already stands for, or a shared ``unique`` value become reviews. A record that refers to
something not there yet waits. What each situation leads to is written in the mapping (``reactions``).

``resolved`` (m = row of ``mapped``, key, hash, entity, is_new, situation) holds what goes on;
``verdict`` (key, hash, state, code, field, message, input) what a person decides about or what waits;
``ignored`` (key, hash, situation) what the mapping leaves alone; ``proposal`` (key, entity, other_key, rule,
score, why) the candidates of the records that a person decides about: an entity, or another record of the
batch; ``evidence`` (key, entity, rule, confidence, why) why a record was linked. ``why`` tells likeness
and weight per compared field, never a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hub import tracing
from hub.exchange.ids import new_entity_id
from hub.exchange.map import FEW
from hub.exchange.matching.batch import Batch
from hub.exchange.matching.decided import (
    DECIDED,
    consult,
    follow_merges,
    know_merges,
    one_speaker,
    step_back,
)
from hub.exchange.matching.effective import hold_future
from hub.exchange.matching.exact import collide_equal, match_equal
from hub.exchange.matching.fuzzy import collide_alike, match_alike
from hub.exchange.matching.reactions import doubts, ignore, react
from hub.exchange.matching.references import look_up, wait_for_missing
from hub.exchange.matching.unique import judge_unique
from hub.exchange.matching.until_free import Beside, find_free
from hub.exchange.matching.versions import judge_versions
from hub.exchange.merging.echo import Sender, know_created
from hub.exchange.staging import stage_keys, take
from hub.store import entities, shadows

VERDICTS = (
    "key VARCHAR, hash BIGINT, state VARCHAR, code VARCHAR, field VARCHAR, message VARCHAR, input VARCHAR"
)
PROPOSALS = "key VARCHAR, entity UUID, other_key VARCHAR, rule VARCHAR, score DOUBLE, why VARCHAR"
EVIDENCE = "key VARCHAR, entity UUID, rule VARCHAR, confidence DOUBLE, why VARCHAR"
TABLES = {
    "verdict": VERDICTS,
    "proposal": PROPOSALS,
    "traced": PROPOSALS,
    "matched": EVIDENCE,
    "ignored": "key VARCHAR, hash BIGINT, situation VARCHAR",
}
DOUBTFUL = "code IN ('match.ambiguous', 'match.likely')"
COLLIDING = "code IN ('match.collision', 'collision')"


@dataclass(frozen=True, slots=True)
class Resolved:
    """How many records came to which situation; ``notes`` are for the run's report."""

    linked: int
    unlinked: int
    unmatched: int
    ignored: int
    in_review: int
    waiting: int
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Resolver:
    """One resolution of a batch. ``links`` names a table that holds the links of the records at hand (key,
    entity); without it they are read. ``beside`` reads other systems
    for what is taken there."""

    batch: Batch
    links: str = ""
    sending: Sequence[Sender] = ()
    beside: Beside | None = None

    @tracing.traced("resolve")
    def resolve(self) -> Resolved:
        batch, run = self.batch, self.batch.run
        for name, columns in TABLES.items():
            run.sql(f"CREATE OR REPLACE TABLE {name} ({columns})")
        self._known()
        know_merges(run, batch.session, batch.model.model)
        step_back(run, batch.session, batch.source)
        follow_merges(run, batch.session, batch.source, "known")
        know_created(run, batch.session, batch.source, self.sending)
        look_up(batch)
        hold_future(run)
        consult(run, batch.session, batch.source)
        populated = entities.any_there(batch.session, batch.database, batch.model.model)
        if populated:
            for rule in batch.output.match:
                (match_alike if rule.fuzzy else match_equal)(batch, rule)
        for rule in batch.output.match:
            (collide_alike if rule.fuzzy else collide_equal)(batch, rule)
        doubts(batch, "ambiguous", DOUBTFUL)
        doubts(batch, "collision", COLLIDING)
        self._assign()
        one_speaker(run)
        self._react()
        find_free(batch, self.beside)
        judge_unique(batch, populated=populated)
        doubts(batch, "collision", "code = 'collision'")
        judge_versions(batch)
        wait_for_missing(batch)
        run.sql("""CREATE OR REPLACE TABLE evidence AS SELECT t.* FROM matched t
            SEMI JOIN resolved r ON r.key = t.key AND r.situation = 'unlinked'""")
        return self._count()

    def _known(self) -> None:
        """``known``: links of the records at hand."""
        run = self.batch.run
        if self.links:  # read already, with the shadows of what differs
            run.sql(f"CREATE TABLE known AS SELECT key, entity FROM {self.links} WHERE entity IS NOT NULL")
            return
        run.sql("CREATE OR REPLACE TABLE known (key VARCHAR, entity UUID)")
        if not run.one("SELECT count(*) FROM seen"):
            return
        wanted = None
        if run.one("SELECT count(*) FROM mapped") <= FEW * 10:
            wanted = stage_keys(run, self.batch.session, "wanted_links", "SELECT DISTINCT _key AS key FROM mapped")
        take(run, "known", shadows.links(self.batch.session, self.batch.source, wanted))

    def _assign(self) -> None:
        """``resolved``: everybody's entity; new ones get ids in the order of the records."""
        counts = "SELECT (SELECT count(*) FROM verdict) + (SELECT count(*) FROM ignored)"
        judged = (
            "WHERE m._key NOT IN (SELECT key FROM verdict) AND m._key NOT IN (SELECT key FROM ignored)"
            if self.batch.run.one(counts)
            else ""
        )
        plain = not self.batch.run.one("SELECT (SELECT count(*) FROM known) + (SELECT count(*) FROM matched)")
        fresh_id = new_entity_id("m.rowid")
        if plain:
            links = f"{fresh_id} AS entity, true AS is_new, 'unmatched' AS situation FROM mapped m"
        else:
            links = f"""coalesce(k.entity, t.entity, {fresh_id}) AS entity,
                k.entity IS NULL AND t.entity IS NULL AS is_new,
                CASE WHEN k.entity IS NOT NULL THEN 'linked' WHEN t.entity IS NOT NULL THEN 'unlinked'
                     ELSE 'unmatched' END AS situation
                FROM mapped m LEFT JOIN known k ON k.key = m._key LEFT JOIN matched t ON t.key = m._key"""
        self.batch.run.sql(
            f"CREATE OR REPLACE TABLE resolved AS SELECT m.rowid AS m, m._key AS key, m._hash AS hash, {links} {judged}"
        )

    def _react(self) -> None:
        """What the mapping says of the situations in which there is no doubt."""
        batch = self.batch
        for situation, going_on, code, message in (
            ("unmatched", "create", "match.none", "no entity matches and the mapping says unmatched: review"),
            ("unlinked", "link", "match.review", "an entity matches, and the mapping says unlinked: review"),
            ("linked", "update", "", ""),
        ):
            if getattr(self.batch.output, situation) == going_on:
                continue
            undecided = (
                f"situation = '{situation}' AND key NOT IN (SELECT key FROM decided_new) "
                f"AND key NOT IN (SELECT key FROM matched WHERE rule = '{DECIDED}')"
            )
            query = f"SELECT key, hash FROM resolved WHERE {undecided}"
            react(batch, situation, query)
            ignore(batch, situation, query)
            asked = "SELECT key FROM reaction WHERE word = 'review'"
            self.batch.run.sql(f"""INSERT INTO verdict SELECT key, hash, 'in_review', '{code}', '', '{message}', NULL
                FROM ({query}) WHERE key IN ({asked})""")
            self.batch.run.sql(f"""INSERT INTO proposal SELECT key, entity, NULL, rule, confidence, why FROM matched
                WHERE key IN ({asked})""")
            self.batch.run.sql(f"""DELETE FROM resolved WHERE {undecided}
                AND key IN (SELECT key FROM reaction WHERE word <> '{going_on}')""")

    def _count(self) -> Resolved:
        run = self.batch.run
        situations = dict(run.sql("SELECT situation, count(*) FROM resolved GROUP BY situation"))
        states = dict(run.sql("SELECT state, count(DISTINCT key) FROM verdict GROUP BY state"))
        return Resolved(
            situations.get("linked", 0),
            situations.get("unlinked", 0),
            situations.get("unmatched", 0),
            run.one("SELECT count(*) FROM ignored"),
            states.get("in_review", 0),
            states.get("waiting", 0),
            tuple(self.batch.notes),
        )
