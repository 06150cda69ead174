"""What must come of a drawn history: reckoned from the last words alone, one thing and one field at a time, in
another way than the hub does it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hub.bootstrap import Opened
from tests.unit.exchange.histories import GONE, KINDS, Case, Source, Thing, Word, final


def by_name(case: Case) -> dict[str, Source]:
    return {one.name: one for one in case.sources}


def presence(case: Case, source: Source, thing: Thing) -> tuple[Word, bool, bool]:
    """What a source's last valid word is (GONE or with skip: it does not stand for the thing), whether a
    record of it is linked, and whether the thing is disabled where nobody stands for it."""
    last: Word = GONE
    linked = False
    said = [thing.words[n][1] for n, (name, _) in enumerate(case.turns) if name == source.name]
    if case.versioned:
        said = [final(case, source, [thing])[thing.mark][1]]
        linked = any(word for n, (_, word) in enumerate(thing.words) if case.turns[n][0] == source.name)
    for word in said:
        if "bad" in word and "skip" not in word:
            continue
        if not word:
            linked = linked and source.absent != "unlink"
            last = last if source.absent == "ignore" else GONE
        elif "skip" in word:
            linked = linked and source.scope != "unlink"
            last = word
        else:
            linked, last = True, word
    ends = source.absent if said and not said[-1] else source.scope if "skip" in last else "ignore"
    return last, linked, linked and ends == "disable"


def expected(case: Case, thing: Thing) -> dict[str, Any]:
    """The golden record, without what nobody can say of it: each field's value and holder (of some that claim
    it alike), and its state."""
    found = {name: presence(case, one, thing) for name, one in by_name(case).items()}
    said = {name: word for name, (word, _, _) in found.items() if word and "skip" not in word}
    there = any(name in said and final(case, one, [thing])[thing.mark][1] for name, one in by_name(case).items())
    state = 0 if there else int(any(disabled for _, _, disabled in found.values()))
    if not said:
        return {"state": state}
    result: dict[str, Any] = {"state": state}
    for name in case.ranks:
        speaking = sorted(
            (one for one in case.sources if one.name in said and name in one.strengths),
            key=lambda one: case.claim(one, name),
        )
        if name != "code" and KINDS[name].many:
            result[name] = union(case, name, [(one, said[one.name][name]) for one in speaking])
        else:
            firm = [one for one in speaking if said[one.name][name] is not None]
            best = [one for one in firm if case.claim(one, name) == case.claim(firm[0], name)]
            result[name] = [(plain(name, said[one.name][name]), one.name) for one in best] or [(None, None)]
    return result


def union(case: Case, name: str, lists: Sequence[tuple[Source, Any]]) -> list[Any]:
    """The golden list of what is said, the best claim first."""
    for source, said in lists:
        if name in source.whole:
            return list(said or [])
    if sum(name in one.strengths for one in case.sources) == 1:
        return list(lists[0][1] or []) if lists else []
    firm = [(one, said) for one, said in lists if one.strengths[name] != "weak" and said]
    found: list[Any] = []
    for _, said in firm or lists:
        found += [value for value in sorted(said or [], key=json.dumps) if value not in found]
    return found


def plain(name: str, value: Any) -> Any:
    """A word as golden rows hold it."""
    match name:
        case "price":
            return Decimal(value)
        case "day":
            return dt.date.fromisoformat(value)
        case "moment":
            return dt.datetime.fromisoformat(value)
    return value


def golden(opened: Opened, case: Case) -> dict[str, list[dict[str, Any]]]:
    """The golden records by mark, as ``expected`` gives them."""
    with opened.hub.database.begin() as connection:
        tables = opened.hub.database.tables
        rows = [dict(row) for row in connection.execute(tables["e_thing"].select()).mappings()]
        origins = {row["id"]: row["fields"] for row in connection.execute(tables["origin"].select()).mappings()}
    answer: dict[str, list[dict[str, Any]]] = {}
    marks = {row["_id"]: row["mark"] for row in rows}
    for row in rows:
        holders = origins.get(row["_origin"], {})
        if isinstance(holders, str):
            holders = json.loads(holders)
        one: dict[str, Any] = {"state": row["_state"]}
        for name in case.ranks:
            value = row[name]
            if name != "code" and KINDS[name].many:
                one[name] = json.loads(value or "[]")
            else:
                if name == "extra" and value is not None:
                    value = json.loads(value)
                if name == "parent":
                    value = marks.get(value, value)
                one[name] = (value, holders.get(name) if value is not None else None)
        answer.setdefault(row["mark"], []).append(one)
    return answer


def story(case: Case, thing: Thing) -> str:
    """A history as a person reads it."""
    lines = []
    for (name, mode), (version, what) in zip(case.turns, thing.words, strict=True):
        lines.append(f"  {name} ({mode}): v{version} {json.dumps(what, ensure_ascii=False) if what else 'gone'}")
    for source in case.sources:
        lines.append(f"  {source}")
    lines.append(f"  ranks {case.ranks}")
    return "\n".join(lines)
