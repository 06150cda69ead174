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
    """SQL that lays each field's holder (h) and fallback (f) beside ``g`` (golden), and ``own``."""
    parts = [" LEFT JOIN own ON own.entity = g._id"] if names else []
    for name in names:
        text, holder, other = sql_text(name), alias("holder", name), alias("fallback", name)
        parts.append(
            f" LEFT JOIN holding {holder} ON {holder}.origin = g._origin AND {holder}.field = {text}"
        )
        parts.append(f" LEFT JOIN fallback {other} ON {other}.entity = g._id AND {other}.field = {text}")
    return "".join(parts)


def alias(kind: str, field: str) -> str:
    return sql_name(f"{kind}_{field}")


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
    for name in scalars:
        taken_over(run, "merged", mapping, name, at[name])


def taken_over(run: RunFile, merged: str, mapping: str, name: str, place: int) -> None:
    """The value of another holder who lost is kept as said in vain; what came forward is no longer so."""
    quoted, text = sql_name(name), sql_text(name)
    run.sql(f"""INSERT INTO outvoting SELECT g._id, h.exchange,
        CAST(json_object({text}, {as_text("g." + quoted)}) AS VARCHAR)
        FROM golden g JOIN {merged} m ON m._id = g._id JOIN holding h ON h.origin = g._origin AND h.field = {text}
        WHERE m._pattern[{place}] NOT IN ('0', '-') AND h.exchange <> {sql_text(mapping)}
        AND g.{quoted} IS NOT NULL""")
    run.sql(f"""INSERT INTO outvoting SELECT f.entity, f.exchange, CAST(json_object({text}, NULL) AS VARCHAR)
        FROM fallback f JOIN {merged} m ON m._id = f.entity
        WHERE f.field = {text} AND m._pattern[{place}] = f.sign""")
