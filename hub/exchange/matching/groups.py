"""Which of the new records of a source stand together for one thing, though not every pair of them is alike.

Three records of one person may share a name, a telephone, and nothing: the second joins the first and the third.
Two groups are joined where a pair between them reaches ``at_least`` and where all pairs between them are, on
average, more likely the same than not (average linkage); a pair that was dropped or never compared speaks as much
against it as ``at_least`` does for it. So a chain of likenesses does not join strangers: its two ends speak against it.

The best two go first, and what is level goes by content: neither order nor ids decide.
"""

from __future__ import annotations

from hub.exchange.runfile import RunFile


def group(run: RunFile, forms: list[str], linking: float) -> None:
    """``together`` (l, r): the pairs of ``likely`` from ``linking`` on, and those that groups join. ``linking`` is in
    bits; ``forms`` are the columns of what is compared."""
    run.sql(f"""CREATE OR REPLACE TABLE member AS
        SELECT _row AS row, row_number() OVER (ORDER BY hash({", ".join(forms)}), _row) AS g FROM new_form
        WHERE _row IN (SELECT l FROM likely UNION ALL SELECT r FROM likely)""")
    run.sql("""CREATE OR REPLACE TABLE edge AS
        SELECT least(a.g, b.g) AS a, greatest(a.g, b.g) AS b, 1 AS known, strength AS sum, strength AS best
        FROM likely p JOIN member a ON a.row = p.l JOIN member b ON b.row = p.r""")
    while _join(run, linking, -abs(linking)):
        pass
    run.sql(f"""CREATE OR REPLACE TABLE together AS
        SELECT l, r FROM likely WHERE strength >= {linking} UNION
        SELECT a.row, b.row FROM member a JOIN member b ON a.g = b.g AND a.row < b.row""")
    run.sql("DROP TABLE member")
    run.sql("DROP TABLE edge")


def _join(run: RunFile, linking: float, absent: float) -> int:
    """Each two groups that are the nearest to each other become one; how many did."""
    run.sql(f"""CREATE OR REPLACE TABLE joined AS WITH size AS (
            SELECT g, count(*) AS n FROM member GROUP BY g),
        near AS (
            SELECT a, b, round((sum + {absent} * (x.n * y.n - known)) / (x.n * y.n), 6) AS mean
            FROM edge JOIN size x ON x.g = a JOIN size y ON y.g = b WHERE best >= {linking}),
        either AS (
            SELECT a, b, mean, a AS one FROM near WHERE mean > 0
            UNION ALL SELECT a, b, mean, b FROM near WHERE mean > 0),
        nearest AS (
            SELECT a, b FROM either QUALIFY row_number() OVER (PARTITION BY one ORDER BY mean DESC, a, b) = 1)
        SELECT a, b FROM nearest GROUP BY a, b HAVING count(*) = 2""")
    run.sql("UPDATE member SET g = j.a FROM joined j WHERE j.b = member.g")
    run.sql("""CREATE OR REPLACE TABLE edge AS SELECT least(a, b) AS a, greatest(a, b) AS b, sum(known) AS known,
            sum(sum) AS sum, max(best) AS best
        FROM (SELECT coalesce(x.a, e.a) AS a, coalesce(y.a, e.b) AS b, known, sum, best FROM edge e
            LEFT JOIN joined x ON x.b = e.a LEFT JOIN joined y ON y.b = e.b)
        WHERE a <> b GROUP BY ALL""")
    return int(run.one("SELECT count(*) FROM joined"))
