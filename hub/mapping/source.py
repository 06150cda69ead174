"""The relation a mapping reads: raw JSON records made into ``r``, only what is read, all as text."""

from __future__ import annotations

import json

from hub.mapping.compile import Compiled
from hub.mapping.record import Path, Structure, literal, path_text, quoted, structure_text


def whole_structure(compiled: Compiled) -> dict[str, Structure]:
    """The structure of a record in which what ``with`` joins stands under its alias."""
    structure: dict[str, Structure] = json.loads(compiled.structure or "{}")
    for join in compiled.joins:
        structure[join.alias] = [dict(join.shape)] if join.many else dict(join.shape)
    return structure


def record_sql(compiled: Compiled, raw: str = "raw") -> str:
    """SQL that makes the record ``r`` of JSON text in ``raw``; a field that is missing is NULL."""
    return f"json_transform({raw}, {literal(structure_text(whole_structure(compiled)))})"


def shape_sql(compiled: Compiled, raw: str = "raw", record: str = "r") -> str:
    """SQL of the column ``shape``: what is wrong with the form of a record, else NULL. A text where a
    list should be gives NULL without a word; JSON is looked at again only where there is NULL."""
    cases = [_case(raw, record, path, inner) for path, inner in _nested(whole_structure(compiled), ())]
    return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS VARCHAR)"


def source_sql(compiled: Compiled, table: str, raw: str = "raw") -> str:
    """The relation ``evaluate`` takes: a query over ``table`` (or a query in brackets) with ``key``,
    ``hash`` and JSON text in the column ``raw``."""
    inner = f"(SELECT key, hash, {raw}, {record_sql(compiled, raw)} AS r FROM {table} AS t0)"
    return f"SELECT key, hash, r, {shape_sql(compiled, raw)} AS shape FROM {inner} AS t"


def _nested(structure: Structure, at: Path) -> list[tuple[Path, Structure]]:
    """The objects and lists of a record, outermost first; what is inside lists is left alone."""
    found: list[tuple[Path, Structure]] = []
    if isinstance(structure, dict):
        for name, inner in structure.items():
            if not isinstance(inner, str):
                found += [((*at, name), inner), *_nested(inner, (*at, name))]
    return found


def _case(raw: str, record: str, path: Path, inner: Structure) -> str:
    place = record + "".join(f".{quoted(part)}" for part in path)
    text = literal("$" + "".join("." + json.dumps(part, ensure_ascii=False) for part in path))
    wanted, spoken = ("ARRAY", "a list") if isinstance(inner, list) else ("OBJECT", "an object")
    empty = f"{place} IS NULL"
    if isinstance(inner, dict):
        leaves = [f"{place}.{quoted(name)} IS NULL" for name in inner]
        empty = f"({empty} OR ({' AND '.join(leaves)}))"
    wrong = (
        f"json_type({raw}, {text}) NOT IN ('{wanted}', 'NULL') AND json_extract_string({raw}, {text}) <> ''"
    )
    return f"WHEN {empty} AND {wrong} THEN {literal(f'{path_text(path)} is not {spoken}')}"
