"""Effective dates: records that are not valid yet, and those that are no longer.

A version whose first day lies ahead is set aside (``future_dated``), sealed, and looked at again by the
first run on or after that day; what the entity is now is not touched. A record whose last day has passed is
out of scope, and its entity is treated as the mapping's ``absent`` says, counted from that day. The shadow
remembers the last day (``ends``), so that it passes without the source saying anything.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from hub.exchange.map import Mapped
from hub.exchange.runfile import RunFile, sql_name
from hub.exchange.staging import take
from hub.mapping.compile import Compiled
from hub.store import shadows
from hub.store.bulk import Bulk

FROM, TO = "effective.from", "effective.to"
STATE = "future_dated"
OUT = shadows.OUT


@dataclass(frozen=True, slots=True)
class Dated:
    """How many outputs are not valid yet, and how many no longer."""

    future: int = 0
    ended: int = 0


def set_aside(
    run: RunFile, session: Bulk, source: int, compiled: Compiled, mapped: Mapped, today: dt.date
) -> tuple[Dated, Mapped]:
    """``future`` (key, hash, day), ``ended`` (key, since) and ``last_day`` (key, ends) of what is mapped; ended
    outputs leave ``mapped`` as those do whose condition is false."""
    run.sql("CREATE OR REPLACE TABLE future (key VARCHAR, hash BIGINT, day VARCHAR)")
    run.sql("CREATE OR REPLACE TABLE ended (key VARCHAR, since TIMESTAMPTZ)")
    run.sql("CREATE OR REPLACE TABLE last_day (key VARCHAR, ends VARCHAR)")
    names = {column.name for column in compiled.effective}
    now = f"DATE '{today.isoformat()}'"
    if FROM in names:
        run.sql(f"""INSERT INTO future SELECT _key, _hash, CAST({sql_name(FROM)} AS VARCHAR) FROM mapped
            WHERE {sql_name(FROM)} > {now}""")
    if TO in names:
        last = sql_name(TO)
        run.sql(f"""INSERT INTO last_day SELECT _key, CAST({last} AS VARCHAR) FROM mapped
            WHERE {last} IS NOT NULL AND _key NOT IN (SELECT key FROM future)""")
        run.sql(f"""INSERT INTO ended SELECT _key, CAST({last} + 1 AS TIMESTAMPTZ) FROM mapped
            WHERE {last} < {now} AND _key NOT IN (SELECT key FROM future)""")
        run.sql("DELETE FROM mapped WHERE _key IN (SELECT key FROM ended)")
    dated = Dated(*(int(run.one(f"SELECT count(*) FROM {name}")) for name in ("future", "ended")))
    if TO in names:
        take(run, "past", shadows.past(session, source, today))
        run.sql("""INSERT INTO ended SELECT key, CAST(CAST(ends AS DATE) + 1 AS TIMESTAMPTZ) FROM past
            WHERE key NOT IN (SELECT key FROM ended) AND key NOT IN (SELECT _key FROM mapped)
            AND key NOT IN (SELECT key FROM rejected)""")
    kept = dataclasses.replace(
        mapped, mapped=mapped.mapped - dated.ended, out_of_scope=mapped.out_of_scope + dated.ended
    )
    return dated, kept


def hold_future(run: RunFile) -> None:
    """What is not valid yet gets its verdict before anything else looks at it."""
    run.sql(f"""INSERT INTO verdict BY NAME SELECT key, hash, '{STATE}' AS state, 'effective.future' AS code,
        '{FROM}' AS field, 'valid from ' || day AS message, CAST(to_json(day) AS VARCHAR) AS input FROM future""")
