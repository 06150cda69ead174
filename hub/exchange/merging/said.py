"""What records say of contested fields beside what became golden.

Each record's shadow remembers it in ``outvoted``, JSON: ``field`` what it says in vain (of a list: all that
it says), ``~field`` what it only repeats of what the hub delivered. What a record said before is therefore
known: the golden value where the field's origin is its mapping, else what lies there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from hub.exchange.merging.claims import Claims
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.store import shadows
from hub.store.bulk import Bulk

Known = Mapping[int, Mapping[str, str]]


def hear(
    run: RunFile, session: Bulk, claims: Claims, mapping: str, fields: Sequence[str], known: Known, of: str
) -> None:
    """Of the entities in ``of`` (SELECT … AS entity): ``own`` (entity, said) is what this mapping's records
    said before, ``others`` what other sources' say, ``fallback`` the best of that per field; ``holding``
    tells each origin's holder and his claim."""
    staged = stage(run, session, "heard_entities", shadows.ENTITIES, of)
    take(run, "heard", shadows.outvoted(session, staged))
    me = sql_text(mapping)
    run.sql(f"""CREATE OR REPLACE TABLE own AS SELECT entity, max(outvoted) AS said FROM heard
        WHERE exchange = {me} GROUP BY entity""")
    run.sql(f"CREATE OR REPLACE TABLE others AS SELECT * FROM heard WHERE exchange <> {me}")
    _table(
        run,
        "claim",
        {"field": pa.string(), "exchange": pa.string(), "claim": pa.int32(), "sign": pa.string()},
        [
            (field, other, claim, claims.sign(other))
            for field in fields
            for other, claim in claims.by_field.get(field, {}).items()
        ],
    )
    _table(
        run,
        "holding",
        {"origin": pa.int32(), "field": pa.string(), "exchange": pa.string(), "claim": pa.int32()},
        [
            (origin, field, holder, claims.of(field, holder))
            for origin, holders in known.items()
            for field, holder in holders.items()
            if field in fields
        ],
    )
    run.sql(f"""CREATE OR REPLACE TABLE fallback AS SELECT DISTINCT ON (o.entity, c.field)
        o.entity, c.field, c.exchange, c.sign, c.claim, {of_field("o.outvoted", "c.field")} AS value
        FROM others o JOIN claim c USING (exchange)
        WHERE {of_field("o.outvoted", "c.field")} IS NOT NULL
        ORDER BY o.entity, c.field, c.claim, c.exchange""")


def of_field(said: str, field: str) -> str:
    """SQL of one field's text in what was said; ``field`` is SQL too."""
    return f"json_extract_string({said}, '$.\"' || {field} || '\"')"


def as_text(value: str) -> str:
    """SQL of a value as what was said keeps it: a number of JSON would be rounded to a double."""
    return f"to_json(CAST({value} AS VARCHAR))"


def _table(
    run: RunFile, name: str, types: Mapping[str, pa.DataType], rows: Sequence[tuple[object, ...]]
) -> None:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(types)
    run.table(
        name,
        pa.table(
            {
                key: pa.array(list(values), type_)
                for (key, type_), values in zip(types.items(), columns, strict=True)
            }
        ),
    )


def joins(names: Sequence[str]) -> str:
    """SQL that lays each field's ``holder`` and ``fallback`` beside ``g`` (golden), and ``own``.

    One join each for all fields: DuckDB's planning of a join per field takes longer than all else."""
    if not names:
        return ""
    return (
        " LEFT JOIN own ON own.entity = g._id"
        f" LEFT JOIN ({_across('holding', 'origin', ('exchange', 'claim'), names)}) holders"
        " ON holders.origin = g._origin"
        f" LEFT JOIN ({_across('fallback', 'entity', ('claim', 'value', 'sign'), names)}) fallbacks"
        " ON fallbacks.entity = g._id"
    )


def _across(table: str, key: str, columns: Sequence[str], names: Sequence[str]) -> str:
    """SQL of a table of (key, field, columns) with a struct of the columns per field."""
    struct = ", ".join(f"{column}: {column}" for column in columns)
    fields = ", ".join(
        f"any_value({{{struct}}}) FILTER (field = {sql_text(name)}) AS {sql_name(name)}" for name in names
    )
    return f"SELECT {key}, {fields} FROM {table} GROUP BY {key}"


def holder(field: str) -> str:
    """SQL of who holds a field's value (exchange, claim), beside ``joins``."""
    return f"holders.{sql_name(field)}"


def fallback(field: str) -> str:
    """SQL of the best that others say of a field (claim, value, sign), beside ``joins``."""
    return f"fallbacks.{sql_name(field)}"


def united(field: str) -> str:
    """The table of what all say of a list."""
    return sql_name(f"united_{field}")


def remember(
    run: RunFile, mapping: str, scalars: Sequence[str], lists: Sequence[str], fields: Sequence[str]
) -> None:
    """``outvote`` and ``outvoting`` of what ``merged`` decided (its _pattern has a sign per field)."""
    at = {name: number + 1 for number, name in enumerate(fields)}
    said = [
        f"{sql_text(name)}, CASE WHEN m._pattern[{at[name]}] <> '1' AND n.{sql_name(name)} IS NOT NULL "
        f"THEN {as_text('n.' + sql_name(name))} END"
        for name in scalars
    ]
    said += [f"{sql_text(name)}, CAST(coalesce(n.{sql_name(name)}, '[]') AS JSON)" for name in lists]
    run.sql(f"""INSERT INTO outvote SELECT n._id, nullif(CAST(json_merge_patch(
        json_merge_patch('{{}}', json_object({", ".join(said)})), coalesce(n._echo, '{{}}')) AS VARCHAR), '{{}}')
        FROM incoming n JOIN merged m ON m._id = n._id""")
    taken_over(run, mapping, {name: at[name] for name in scalars})


def taken_over(run: RunFile, mapping: str, places: Mapping[str, int]) -> None:
    """The value of another holder who lost is kept as said in vain; what came forward is no longer so.
    ``places``: where each field's sign is in the patterns of ``merged``."""
    if not places:
        return
    texts = " ".join(f"WHEN {sql_text(name)} THEN CAST(g.{sql_name(name)} AS VARCHAR)" for name in places)
    signs = " ".join(f"WHEN {sql_text(name)} THEN m._pattern[{place}]" for name, place in places.items())
    of = ", ".join(map(sql_text, places))
    run.sql(f"""INSERT INTO outvoting SELECT _id, exchange, CAST(json_object(field, to_json(text)) AS VARCHAR)
        FROM (SELECT g._id, h.exchange, h.field, CASE h.field {texts} END AS text, CASE h.field {signs} END AS sign
            FROM golden g JOIN merged m ON m._id = g._id JOIN holding h ON h.origin = g._origin
            WHERE h.field IN ({of}) AND h.exchange <> {sql_text(mapping)})
        WHERE sign NOT IN ('0', '-') AND text IS NOT NULL""")
    run.sql(f"""INSERT INTO outvoting SELECT f.entity, f.exchange, CAST(json_object(f.field, NULL) AS VARCHAR)
        FROM fallback f JOIN merged m ON m._id = f.entity
        WHERE f.field IN ({of}) AND CASE f.field {signs} END = f.sign""")
