"""``until_free``: the first candidate that nobody has, for everybody who has none yet.

It is looked for when it is known who a record is, and before unique values are judged: who has a value keeps it, be the
record a new one of somebody who left. Candidates are tried in rounds over all records at once; of those who want the
same the first record has it. What finds nothing keeps its first candidate, and comes to review by that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from hub.exchange.matching.batch import Batch
from hub.exchange.runfile import sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.mapping.spares import spare
from hub.store import entities, issued
from hub.store.database import now
from hub.workspace.strict import seconds
from hub.workspace.until_free import UntilFree

Beside = Callable[[str], str]
"""``system.resource.field`` → SQL of its texts, read anew."""

ROUNDS = 9
WIDTH = 16
"""How many numbers behind a value are looked at first; each round four times as many."""
WIDE = "".join(map(chr, (0x3000, *range(0xFF01, 0xFF5F))))
NARROW = "".join(map(chr, (0x20, *range(0x21, 0x7F))))


def alike(text: str) -> str:
    """SQL of a value as directories compare it: without case, accents, width, and blanks around it."""
    return f"lower(strip_accents(trim(translate({text}, {sql_text(WIDE)}, {sql_text(NARROW)}))))"


def find_free(batch: Batch, beside: Beside | None = None) -> None:
    """Put what is free into ``mapped``. Without ``beside`` other systems are not asked."""
    for name, rule in batch.output.fields.items():
        if rule.until_free is not None:
            _Finder(batch, name, rule.until_free, beside).find()


@dataclass(frozen=True, slots=True)
class _Finder:
    """One field. ``free_row`` (entity, m, c0 …): who needs a value, with the candidates; ``free_found`` (entity,
    value): who has one by now."""

    batch: Batch
    name: str
    rule: UntilFree
    beside: Beside | None

    def find(self) -> None:
        run, quoted = self.batch.run, sql_name(self.name)
        self._own()
        names = [self.name, *(spare(self.name, number) for number in range(len(self.rule.then)))]
        columns = ", ".join(f"{self._cut(f'm.{sql_name(name)}')} AS c{at}" for at, name in enumerate(names))
        run.sql(f"""CREATE OR REPLACE TABLE free_row AS SELECT r.entity, r.m, {columns}
            FROM resolved r JOIN mapped m ON m.rowid = r.m ANTI JOIN free_found f ON f.entity = r.entity
            WHERE m.{quoted} IS NOT NULL QUALIFY row_number() OVER (PARTITION BY r.entity ORDER BY r.m) = 1""")
        if run.one("SELECT count(*) FROM free_row"):
            self._read_beside()
            self._read_held()
            for at in range(len(names)):
                self._try(f"SELECT entity, m, 0 AS n, c{at} AS value FROM free_row WHERE trim(c{at}) <> ''")
            for turn in range(ROUNDS):
                if not run.one("SELECT count(*) FROM free_row ANTI JOIN free_found USING (entity)"):
                    break
                self._number(WIDTH * 4**turn)
        run.sql(f"""UPDATE mapped SET {quoted} = f.value FROM resolved r JOIN free_found f ON f.entity = r.entity
            WHERE r.m = mapped.rowid AND mapped.{quoted} IS DISTINCT FROM f.value""")

    def _own(self) -> None:
        """``free_found``: what entities that are there have, or had last."""
        batch, run = self.batch, self.batch.run
        run.sql("CREATE OR REPLACE TABLE free_found (entity UUID, value VARCHAR)")
        if not run.one("SELECT count(*) FROM resolved WHERE NOT is_new"):
            return
        columns = {"_id": entities.columns(batch.database, batch.model.model)["_id"]}
        query = "SELECT DISTINCT entity AS _id FROM resolved WHERE NOT is_new"
        wanted = stage(run, batch.session, "free_own", columns, query)
        take(run, "own_value", issued.own(batch.session, batch.database, batch.model.model, self.name, wanted))
        run.sql("INSERT INTO free_found SELECT entity, arg_min(value, rank) FROM own_value GROUP BY entity")

    def _cut(self, text: str) -> str:
        """A candidate as long as it may be; a directory takes no name that ends with a dot or a blank."""
        return text if self.rule.longest is None else f"rtrim(left({text}, {self.rule.longest}), ' .')"

    def _read_held(self) -> None:
        """``free_held`` (value): what somebody in the hub has, or had and nobody may have yet."""
        batch, run = self.batch, self.batch.run
        take(run, "holder", issued.holders(batch.session, batch.database, batch.model.model, self.name))
        free = "false"
        if self.rule.reuse is not None:
            before = now() - dt.timedelta(seconds=seconds(self.rule.reuse))
            free = f"freed IS NOT NULL AND freed < {sql_text(before.isoformat())}::TIMESTAMPTZ"
        run.sql(f"""CREATE OR REPLACE TABLE free_held AS
            SELECT DISTINCT {alike('value')} AS value FROM holder WHERE NOT ({free})""")

    def _read_beside(self) -> None:
        """``free_beside`` (value): what other systems have."""
        run = self.batch.run
        run.sql("CREATE OR REPLACE TABLE free_beside (value VARCHAR)")
        if self.beside is not None:
            for place in self.rule.beside:
                run.sql(f"INSERT INTO free_beside SELECT DISTINCT {alike('value')} FROM ({self.beside(place)})")

    def _number(self, width: int) -> None:
        """The value with a number behind it: of one value as many as want one, and ``width`` more, are looked at."""
        longest = self.rule.longest
        value = "b.c0 || n.n" if longest is None else f"left(b.c0, {longest} - len(CAST(n.n AS VARCHAR))) || n.n"
        self.batch.run.sql(f"""CREATE OR REPLACE TABLE free_number AS
            SELECT b.c0, n.n, {value} AS value FROM (SELECT c0, count(*) AS wanted FROM free_row
                ANTI JOIN free_found USING (entity) GROUP BY c0) b,
            LATERAL (SELECT unnest(range(2, b.wanted + {width} + 2)) AS n) n""")
        self._taken("SELECT DISTINCT value FROM free_number")
        self._give("""SELECT w.entity, w.m, n.n, n.value FROM
            (SELECT entity, m, c0, row_number() OVER (PARTITION BY c0 ORDER BY m) AS place FROM free_row
                ANTI JOIN free_found USING (entity)) w
            JOIN (SELECT c0, n, value, row_number() OVER (PARTITION BY c0 ORDER BY n) AS place FROM free_number
                ANTI JOIN free_taken USING (value)) n USING (c0, place)""")

    def _try(self, query: str) -> None:
        """One candidate of everybody who has none yet."""
        self.batch.run.sql(
            f"CREATE OR REPLACE TABLE free_try AS SELECT * FROM ({query}) ANTI JOIN free_found USING (entity)"
        )
        self._taken("SELECT DISTINCT value FROM free_try")
        self._give("SELECT * FROM free_try ANTI JOIN free_taken USING (value)")

    def _give(self, query: str) -> None:
        """Of those who want the same value the first has it."""
        self.batch.run.sql(f"""INSERT INTO free_found SELECT entity, value FROM ({query})
            QUALIFY row_number() OVER (PARTITION BY {alike('value')} ORDER BY m) = 1""")

    def _taken(self, values: str) -> None:
        """``free_taken`` (value): those of the query's that somebody has, in the hub, in this batch or beside, however
        it is written."""
        self.batch.run.sql(f"""CREATE OR REPLACE TABLE free_taken AS SELECT value FROM ({values})
            WHERE {alike('value')} IN (SELECT value FROM free_held UNION ALL SELECT value FROM free_beside
                UNION ALL SELECT {alike('value')} FROM free_found)""")
