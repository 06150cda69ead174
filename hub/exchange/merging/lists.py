"""Lists that several sources write: the union of what all of them say, each value with its source.

Every record's own list stays beside its shadow (see ``said``), so a source removes only what it alone
supplied. The order is by claim, then by value: another order in a source changes nothing. Values that no
source ever said were set by hand and stay. A weak list counts where no other has a value. With
``range: all`` the best such mapping that has a record has the whole list, in its own order. A list that is
not there is an empty one: many systems leave out what is empty.
"""

from __future__ import annotations

from hub.exchange.merging.claims import NOBODY, STEP, STRENGTH, Claims
from hub.exchange.runfile import RunFile, sql_name, sql_text

WEAK = STRENGTH["weak"] * STEP


def unite(run: RunFile, claims: Claims, mapping: str, field: str, ours: str) -> None:
    """Table ``united_FIELD`` (entity, value, sign) of the entities of ``golden``; ``ours`` is a query of our
    records' lists now (entity, list)."""
    text, quoted = sql_text(field), sql_name(field)
    path, me = sql_text(f'$."{field}"'), sql_text(mapping)
    whole = ", ".join(sql_text(one) for name, one in sorted(claims.whole) if name == field) or "NULL"
    held = "LEFT JOIN holding h ON h.origin = g._origin AND h.field = " + text
    # A holder that wrote the field when nobody else did is not remembered yet: the golden list is his.
    run.sql(f"""CREATE OR REPLACE TABLE listed AS
        SELECT o.entity, o.exchange, json_extract(o.outvoted, {path}) IS NULL AS fresh,
            coalesce(json_extract(o.outvoted, {path}),
                CASE WHEN h.exchange = o.exchange THEN CAST(coalesce(g.{quoted}, '[]') AS JSON) END) AS list
        FROM others o JOIN golden g ON g._id = o.entity {held}""")
    run.sql(f"""INSERT INTO outvoting SELECT entity, exchange, CAST(json_object({text}, list) AS VARCHAR)
        FROM listed WHERE fresh AND list IS NOT NULL""")
    run.sql(f"""CREATE OR REPLACE TABLE speaking AS SELECT *, whole AND claim = min(CASE WHEN whole THEN claim END)
            OVER (PARTITION BY entity) AS rules, bool_or(whole) OVER (PARTITION BY entity) AS ruled,
            bool_or(claim < {WEAK} AND json_array_length(list) > 0) OVER (PARTITION BY entity) AS firm
        FROM (SELECT l.entity, l.exchange, c.claim, c.sign, l.list, coalesce(l.exchange IN ({whole}), false) AS whole
            FROM (SELECT entity, exchange, list FROM listed
                  UNION ALL SELECT entity, {me}, CAST(coalesce(list, '[]') AS JSON) FROM ({ours})) l
            JOIN claim c ON c.exchange = l.exchange AND c.field = {text} WHERE l.list IS NOT NULL)""")
    run.sql(f"""CREATE OR REPLACE TABLE valued AS SELECT entity, exchange, claim, sign,
            CASE WHEN whole THEN pos ELSE 0 END AS pos, v FROM (
            SELECT *, {_values("list")} FROM speaking
            WHERE CASE WHEN ruled THEN coalesce(rules, false) WHEN firm THEN claim < {WEAK} ELSE true END)""")
    run.sql(f"""INSERT INTO valued SELECT entity, '~', {NOBODY}, NULL, 0, v FROM (
            SELECT g._id AS entity, {_values(f"CAST(g.{quoted} AS JSON)")} FROM golden g
            WHERE g._id NOT IN (SELECT entity FROM speaking WHERE ruled))
        WHERE (entity, CAST(v AS VARCHAR)) NOT IN (SELECT (entity, CAST(v AS VARCHAR)) FROM (
            SELECT entity, {_values("list")} FROM listed WHERE list IS NOT NULL UNION ALL
            SELECT g._id, {_values(_before(field, mapping))}
            FROM golden g LEFT JOIN own ON own.entity = g._id {held}))""")
    run.sql(f"""CREATE OR REPLACE TABLE {sql_name("united_" + field)} AS
        SELECT entity, CAST(to_json(list(v ORDER BY claim, exchange, pos, CAST(v AS VARCHAR))) AS VARCHAR) AS value,
            coalesce(arg_min(sign, (claim, exchange)) FILTER (sign IS NOT NULL), '-') AS sign
        FROM (SELECT DISTINCT ON (entity, CAST(v AS VARCHAR)) * FROM valued
              ORDER BY entity, CAST(v AS VARCHAR), claim, exchange, pos) GROUP BY entity""")


def alone(quoted: str, *, whole: bool) -> str:
    """SQL of the only list (a field of ``mapped``, m) as ``unite`` would give it."""
    items = f"CAST(to_json(m.{quoted}) AS JSON[])"
    once = f"list_filter({items}, lambda x, i: list_position({items}, x) = i)"
    ordered = once if whole else f"list_sort({once})"
    return f"CASE WHEN len(m.{quoted}) > 0 THEN CAST(to_json({ordered}) AS VARCHAR) END"


def _before(field: str, mapping: str) -> str:
    """SQL of the list that our record said before."""
    path = sql_text(f'$."{field}"')
    return (
        f"coalesce(json_extract(own.said, {path}), "
        f"CASE WHEN h.exchange = {sql_text(mapping)} THEN CAST(g.{sql_name(field)} AS JSON) END)"
    )


def _values(json: str) -> str:
    items = f"CAST({json} AS JSON[])"
    return f"unnest({items}) AS v, generate_subscripts({items}, 1) AS pos"
