"""Departed holders: sources whose record is gone, and that supplied values of an entity all the same.

When the last record of an entity goes, the entity keeps its values: there is nothing better to say. When
another record comes to stand for it, what only departed sources said goes, as it would have gone had that
record been there before: the end does not depend on who came first. A field that the model requires, or that
is in its key, keeps its value and belongs to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from hub.exchange.merging.claims import HAND, TWIN
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.workspace.shape import ModelFile

Known = Mapping[int, Mapping[str, str]]


def strangers(known: Known, mapping: str) -> list[tuple[int, str]]:
    """Origins and the other mappings that supply fields by them."""
    return sorted(
        {
            (origin, holder)
            for origin, fields in known.items()
            for holder in fields.values()
            if holder not in (mapping, HAND) and not holder.endswith(TWIN)
        }
    )


def departed(run: RunFile, holders: Sequence[tuple[int, str]]) -> bool:
    """Make ``departed`` (entity, origin, exchange) of the entities at hand; answers whether there are any.
    ``heard`` has what records stand for them. Rows that were merged away are left as they are."""
    origins, names = zip(*holders, strict=True)
    run.table("supplying", pa.table({"origin": pa.array(origins, pa.int32()), "exchange": list(names)}))
    run.sql("""CREATE OR REPLACE TABLE departed AS SELECT g._id AS entity, g._origin AS origin, s.exchange
        FROM golden g JOIN supplying s ON s.origin = g._origin SEMI JOIN incoming n ON n._id = g._id
        ANTI JOIN heard h ON h.entity = g._id AND h.exchange = s.exchange
        WHERE g._state < 3 AND g._id NOT IN (SELECT entity FROM created)""")
    return bool(run.one("SELECT count(*) FROM departed"))


def part(run: RunFile, known: Known, model: ModelFile) -> dict[int, Mapping[str, str]]:
    """Leave the departed's values out of ``golden``; ``golden_before`` has the rows as they are, and ``parted``
    (_id, a flag per field) what was theirs. Answers what the rows' new, provisional origins (negative) say."""
    run.sql("CREATE OR REPLACE TABLE golden_before AS SELECT * FROM golden")
    run.sql("""CREATE OR REPLACE TABLE leaving_holders AS
        SELECT entity, origin, list(exchange ORDER BY exchange) AS gone FROM departed GROUP BY ALL""")
    provisional: dict[int, Mapping[str, str]] = {}
    flags = ", ".join(f"false AS {sql_name(name)}" for name in model.fields)
    run.sql(f"CREATE OR REPLACE TABLE parted AS SELECT entity AS _id, {flags} FROM leaving_holders")
    for number, (origin, gone) in enumerate(run.sql("SELECT DISTINCT origin, gone FROM leaving_holders"), 1):
        lost = [name for name, holder in known[origin].items() if holder in gone]
        provisional[-number] = {name: holder for name, holder in known[origin].items() if name not in lost}
        chosen = f"""SELECT entity FROM leaving_holders WHERE origin = {origin}
            AND gone = [{", ".join(map(sql_text, gone))}]"""
        present = [name for name in lost if name in model.fields]
        emptied = [f"{sql_name(name)} = NULL" for name in present if not kept(model, name)]
        run.sql(f"UPDATE golden SET {', '.join([f'_origin = {-number}', *emptied])} WHERE _id IN ({chosen})")
        if present:
            marked = ", ".join(f"{sql_name(name)} = true" for name in present)
            run.sql(f"UPDATE parted SET {marked} WHERE _id IN ({chosen})")
    return provisional


def kept(model: ModelFile, name: str) -> bool:
    """Whether a field is never emptied because its source is gone."""
    return model.fields[name].required or name in model.key


def parted_from(name: str, value: str, sign: str) -> tuple[str, str]:
    """A decision on what ``golden`` has left: what was the departed's and nobody takes belongs to nobody."""
    return value, f"CASE WHEN p.{sql_name(name)} AND {sign} = '0' THEN '-' ELSE {sign} END"


def left_behind(name: str, found: tuple[str, str]) -> tuple[str, str]:
    """The same of a field that we do not write: where it was the departed's, the others' word."""
    theirs, (value, sign) = f"p.{sql_name(name)}", found
    return (
        f"CASE WHEN {theirs} THEN {value} ELSE g.{sql_name(name)} END",
        f"CASE WHEN {theirs} THEN {sign} ELSE '0' END",
    )


def others_fields(model: ModelFile, fields: Sequence[str], known: Known) -> list[str]:
    """What this mapping does not write and others have supplied."""
    supplied = {name for holders in known.values() for name in holders}
    return [name for name in model.fields if name in supplied and name not in fields]
