"""Match rules of likeness: compare what shares a block, score each pair, link one to one.

A record is linked where its best entity reaches ``at_least``, no other entity comes as near as ``margin``,
and no other record does to that entity. All else from ``review`` on is for a person. Nothing depends on the
order of the records or on ids: what is level is a tie, and a tie is nobody's.

Pairs are scored while they are joined and only those that count are kept: memory follows the candidates,
not the comparisons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.exchange.matching import odds
from hub.exchange.matching.batch import OTHERS, Batch
from hub.exchange.matching.groups import group
from hub.exchange.matching.likeness import (
    SPOKEN,
    Part,
    block_key,
    crossed,
    form_columns,
    likenesses,
    parts,
    plain_form,
    score,
    spoken_forms,
    why,
)
from hub.exchange.matching.romanise import romanise, start
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import take
from hub.store import entities
from hub.workspace.matching import MatchRule
from hub.workspace.shape import ModelFile

CERTAIN = 0.999999
"""A probability of 1 has no odds."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One rule ready to run: ``compared`` fields score, all ``known`` ones have forms."""

    run: RunFile
    rule: MatchRule
    known: list[Part]

    @property
    def compared(self) -> list[Part]:
        return [part for part in self.known if part.name in self.rule.compared]

    @property
    def needed(self) -> float:
        """The score from which a pair is kept."""
        return min(one for one in (self.rule.at_least, self.rule.review) if one is not None)

    @property
    def linking(self) -> float:
        """The score that links; none does where a person decides."""
        return self.rule.at_least if self.rule.at_least is not None and self.rule.then == "link" else 2.0

    @property
    def gap(self) -> float:
        """How much stronger the best must be than the next one: in score, or of a rule with prior in bits."""
        margin = self.rule.margin
        if self.rule.prior is None:
            return margin
        return odds.bits(1.0 - margin) if 0.0 < margin < 0.5 else 0.0

    @property
    def told(self) -> str:
        """JSON of why a pair has its score, as SQL."""
        if self.rule.prior is None:
            return why(self.compared, {part.name: f"'weight', {part.weight}" for part in self.compared})
        return why(self.compared, {part.name: f"'bits', {odds.gained(part)}" for part in self.compared})

    def forms(self, side: str, query: str) -> None:
        """``side``: the rows of ``query`` (_row, fields) as forms, with a key per block pass."""
        run = self.run
        plain = ", ".join(f"{plain_form(part)} AS {part.column('n')}" for part in self.known)
        run.sql(f"CREATE OR REPLACE TABLE plain AS SELECT _row, {plain} FROM ({query})")
        spoken = [part for part in self.known if part.by in SPOKEN]
        for part in spoken:
            romanise(run, part.by, "plain", part.column("n"))
        joins = " ".join(
            f"LEFT JOIN romanised r{part.number} ON r{part.number}.kind = {sql_text(part.by)} "
            f"AND r{part.number}.text = {part.column('n')}"
            for part in spoken
        )
        columns = ", ".join(spoken_forms(part) if part in spoken else part.column("n") for part in self.known)
        by_name = {part.name: part for part in self.known}
        keys = [block_key(entry, by_name) for entry in self.rule.block]
        blocks = ", ".join(f"{sql} AS b{number}" for number, (sql, _) in enumerate(keys))
        run.sql(
            f"CREATE OR REPLACE TABLE {side} AS SELECT *, {blocks} FROM "
            f"(SELECT _row, {columns} FROM plain {joins})"
        )
        run.sql("DROP TABLE plain")

    def passes(self) -> list[bool]:
        """For each pass, whether its keys are lists."""
        by_name = {part.name: part for part in self.known}
        return [block_key(entry, by_name)[1] for entry in self.rule.block]

    def pairs(self, table: str, right: str, needed: float, *, within: bool = False) -> list[int]:
        """``table`` (l, r, strength, score, q0 …): the pairs of ``new_form`` and ``right`` that share a block and
        reach ``needed``. Answers for each pass how many of its blocks were too large."""
        run, passed = self.run, []
        kept = ", ".join(f"q{part.number} DOUBLE" for part in self.compared)
        left_type, right_type = (
            run.sql(f"SELECT typeof(_row) FROM {side} LIMIT 1") for side in ("new_form", right)
        )
        run.sql(
            f"CREATE OR REPLACE TABLE found (l {left_type[0][0] if left_type else 'VARCHAR'}, "
            f"r {right_type[0][0] if right_type else 'VARCHAR'}, strength DOUBLE, score DOUBLE, {kept})"
        )
        order = "AND l._row < r._row" if within else ""
        for source, crowds in self.sources("new_form", right, order):
            passed.append(crowds)
            run.sql(f"INSERT INTO found SELECT * FROM ({self.scored(source)}) WHERE score >= {needed}")
        run.sql(f"CREATE OR REPLACE TABLE {table} AS SELECT DISTINCT * FROM found")
        return passed

    def sources(self, left: str, right: str, order: str = "") -> Iterator[tuple[str, int]]:
        """For each pass the pairs ``l``, ``r`` that share its key, as a FROM clause good until the next one is
        asked for, and how many of its blocks were too large."""
        forms = ", ".join(form_columns(self.known))
        for number, many in enumerate(self.passes()):
            key = f"unnest(b{number})" if many else f"b{number}"
            a, b = (
                f"(SELECT _row, {forms}, {key} AS b FROM {side} WHERE b{number} IS NOT NULL)"
                for side in (left, right)
            )
            self.run.sql(f"""CREATE OR REPLACE TABLE crowded AS SELECT b FROM {b}
                GROUP BY b HAVING count(*) > {self.rule.most}""")
            crowds = self.run.one(f"SELECT count(*) FROM (SELECT b FROM {a} INTERSECT SELECT b FROM crowded)")
            yield (
                f"(SELECT * FROM {a} ANTI JOIN crowded USING (b)) l JOIN {b} r ON l.b = r.b {order}",
                int(crowds),
            )

    def together(self) -> None:
        """``together`` (l, r): which pairs within ``new_form`` are taken for the same; those that only a group
        joins are scored and added to ``likely``."""
        run, rule = self.run, self.rule
        if rule.prior is None or self.linking > 1 or not run.one("SELECT count(*) FROM likely"):
            run.sql(
                f"CREATE OR REPLACE TABLE together AS SELECT l, r FROM likely WHERE score >= {self.linking}"
            )
            return
        group(run, form_columns(self.known), odds.bits(min(self.linking, CERTAIN)))
        pairs = """(SELECT l, r FROM together ANTI JOIN likely USING (l, r)) t
            JOIN new_form l ON l._row = t.l JOIN new_form r ON r._row = t.r"""
        run.sql(f"INSERT INTO likely {self.scored(pairs)}")

    def scored(self, pairs: str) -> str:
        """SELECT of l, r, strength, score and likenesses of the pairs ``l``, ``r`` of a FROM clause."""
        alike = f"SELECT l._row AS l, r._row AS r, {likenesses(self.compared)} FROM {pairs}"
        alike = f"SELECT l, r, {crossed(self.compared)} FROM ({alike})"
        prior = self.rule.prior
        strong = score(self.compared) if prior is None else odds.strength(self.compared, prior)
        scored = "strength" if prior is None else odds.probability("strength")
        listed = ", ".join(f"q{part.number}" for part in self.compared)
        strengths = f"SELECT *, {strong} AS strength FROM ({alike})"
        return f"SELECT l, r, strength, {scored} AS score, {listed} FROM ({strengths})"


def comparison(run: RunFile, rule: MatchRule, model: ModelFile) -> Comparison:
    """The rule over the model's fields."""
    start(run)
    return Comparison(run, rule, parts(rule, model))


def prepare(batch: Batch, rule: MatchRule) -> Comparison | None:
    """``new_form``: the loose records; None where there are none."""
    made = comparison(batch.run, rule, batch.model)
    present = {column.name for column in batch.compiled.columns}
    fields = ", ".join(
        batch.stored(part.name) if part.name in present else f"NULL::VARCHAR AS {sql_name(part.name)}"
        for part in made.known
    )
    batch.run.sql(
        f"CREATE OR REPLACE TABLE loose AS SELECT _key AS _row, _hash AS hash, {fields} FROM ({batch.loose()}) m"
    )
    if not batch.run.one("SELECT count(*) FROM loose"):
        return None
    made.forms("new_form", "SELECT * FROM loose")
    return made


def golden_forms(batch: Batch, made: Comparison) -> None:
    """``golden_form``: the entities there are."""
    names = [part.name for part in made.known]
    take(batch.run, "living", entities.living(batch.session, batch.database, batch.model.model, names))
    made.forms("golden_form", "SELECT _id AS _row, * FROM living")
    batch.run.sql("DROP TABLE living")


def match_alike(batch: Batch, rule: MatchRule) -> None:
    """One rule against the entities there are."""
    made, run = prepare(batch, rule), batch.run
    if made is None:
        return
    golden_forms(batch, made)
    passed = made.pairs("likely", "golden_form", 0.0 if batch.tracing else made.needed)
    run.sql("DROP TABLE golden_form")
    run.sql("DELETE FROM likely WHERE (l, r) IN (SELECT (key, entity) FROM rejected_pair)")
    _tell(batch, rule, passed)
    told = made.told
    if batch.tracing:
        run.sql(f"INSERT INTO traced SELECT l, r, NULL, {sql_text(rule.title)}, score, {told} FROM likely")
        run.sql(f"DELETE FROM likely WHERE score < {made.needed}")
    if not run.one("SELECT count(*) FROM likely"):
        return
    batch.claim("SELECT DISTINCT r AS entity FROM likely")
    assign(made)
    _judge(batch, rule, told)


def assign(made: Comparison) -> None:
    """``fates`` (key, entity, score, fate): each record's best entity of ``likely``, and whether it may have it."""
    gap = made.gap
    made.run.sql(f"""CREATE OR REPLACE TABLE fates AS WITH best AS (
            SELECT l, r, strength, score, max(strength) OVER (PARTITION BY l) AS best FROM likely),
        ranked AS (
            SELECT l, r, strength, score, best,
                row_number() OVER (PARTITION BY l ORDER BY strength DESC) AS place,
                nth_value(strength, 2) OVER (PARTITION BY l ORDER BY strength DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next
            FROM best),
        contended AS (  -- an entity's claimants are the records that have no clearly better one
            SELECT l, r, strength, score, place, next,
                max(strength) OVER (PARTITION BY r) AS most_of_entity,
                nth_value(strength, 2) OVER (PARTITION BY r ORDER BY strength DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next_of_entity
            FROM ranked WHERE place = 1 OR strength = best OR best - strength < {gap})
        SELECT l AS key, r AS entity, score, CASE
            WHEN score < {made.linking} THEN 'match.likely'
            WHEN strength - next < {gap} OR strength = next THEN 'match.ambiguous'
            WHEN r IN (SELECT entity FROM claimed) THEN 'match.collision'
            WHEN strength < most_of_entity OR strength - next_of_entity < {gap} OR strength = next_of_entity
            THEN 'match.collision' ELSE 'link' END AS fate
        FROM contended WHERE place = 1""")


def _judge(batch: Batch, rule: MatchRule, told: str) -> None:
    run, text = batch.run, sql_text(rule.title)
    run.sql(f"""INSERT INTO verdict SELECT d.key, n.hash, 'in_review', d.fate, {text}, CASE d.fate
            WHEN 'match.likely' THEN printf('an entity is alike (score %.3f), but not surely the same', d.score)
            WHEN 'match.ambiguous' THEN printf('several entities are as alike (score %.3f)', d.score)
            ELSE printf('another record of this source is as near to the entity (score %.3f)', d.score) END,
            (SELECT CAST(to_json(list(CAST(r AS VARCHAR) ORDER BY score DESC, r)) AS VARCHAR)
                FROM likely WHERE l = d.key)
        FROM fates d JOIN loose n ON n._row = d.key WHERE d.fate <> 'link'""")
    run.sql(f"""INSERT INTO proposal SELECT l, r, NULL, {text}, score, {told} FROM likely
        WHERE l IN (SELECT key FROM fates WHERE fate <> 'link')
        QUALIFY row_number() OVER (PARTITION BY l ORDER BY score DESC, r) <= {OTHERS}""")
    run.sql(f"""INSERT INTO matched SELECT p.l, p.r, {text}, p.score, {told} FROM likely p
        JOIN fates d ON d.key = p.l AND d.entity = p.r WHERE d.fate = 'link'""")


def collide_alike(batch: Batch, rule: MatchRule) -> None:
    """New records that are alike are not created side by side."""
    made, run = prepare(batch, rule), batch.run
    if made is None:
        return
    _tell(batch, rule, made.pairs("likely", "new_form", made.needed, within=True))
    made.together()
    run.sql("""CREATE OR REPLACE TABLE both_ways AS WITH told AS (
            SELECT p.*, t.l IS NOT NULL AS same FROM likely p LEFT JOIN together t ON t.l = p.l AND t.r = p.r)
        SELECT * FROM told UNION ALL SELECT r, l, * EXCLUDE (l, r) FROM told""")
    text = sql_text(rule.title)
    run.sql(f"""INSERT INTO verdict SELECT p.l, any_value(n.hash), 'in_review',
            CASE WHEN bool_or(same) THEN 'match.collision' ELSE 'match.likely' END, {text},
            printf('another new record of this source is alike (score %.3f)', max(score)), NULL
        FROM both_ways p JOIN loose n ON n._row = p.l GROUP BY p.l""")
    run.sql(f"""INSERT INTO proposal SELECT l, NULL, r, {text}, score, {made.told} FROM both_ways
        QUALIFY row_number() OVER (PARTITION BY l ORDER BY same DESC, score DESC, r) <= {OTHERS}""")


def _tell(batch: Batch, rule: MatchRule, passed: list[int]) -> None:
    """Nothing is left out in silence."""
    for entry, count in zip(rule.block, passed, strict=True):
        if count:
            name = entry if isinstance(entry, str) else " + ".join(entry)
            batch.notes.append(
                f"match {rule.title}: {count} values of the block {name} are shared by more than {rule.most} and "
                "were passed over: a finer block, or most, would compare them"
            )
