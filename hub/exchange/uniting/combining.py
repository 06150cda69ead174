"""What two entities are together, field by field, and what each is again when that is undone. Pure.

The survivor's values stand. Where it has none, the other's fill; where a mapping claims the other's
value more strongly, or as strongly and ranked higher, that one is taken. A source that has a record for
each of both is heard by the survivor's: the other (its twin) only fills.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub.exchange.merging.claims import TWIN, Claims
from hub.store.merges import Golden
from hub.workspace.shape import ModelField, ModelFile


@dataclass(frozen=True, slots=True)
class Chosen:
    """One field of a merge. ``taken`` is survivor, loser, both or nobody."""

    field: str
    survivor: Any
    loser: Any
    result: Any
    origin: str
    taken: str


def combine(
    model: ModelFile, survivor: Golden, loser: Golden, claims: Claims, twins: Collection[str]
) -> tuple[Golden, list[Chosen]]:
    """The survivor's next version, and how each field came about."""
    values, origins, chosen = {}, {}, []
    for name, declared in model.fields.items():
        mine, other = (_apart(one, name, declared, model, survivor, loser) for one in (survivor, loser))
        held, offered = survivor.origins.get(name, ""), loser.origins.get(name, "")
        taken = _taken(name, mine, other, held, offered, claims, twins)
        theirs = taken == "loser" or (
            taken == "both" and offered not in twins and _stronger(name, offered, held, claims)
        )
        value, origin = (other, offered) if theirs else (mine, held)
        if declared.many and mine is not None and other is not None:
            value = _united(mine, other)
        if theirs and origin in twins:
            origin += TWIN
        values[name] = value
        if origin:
            origins[name] = origin
        chosen.append(
            Chosen(name, survivor.values[name], loser.values[name], value, origin if value is not None else "", taken)
        )
    state = min(survivor.state, loser.state)
    return Golden(survivor.id, survivor.version + 1, state, origins, values), chosen


def _apart(
    one: Golden, name: str, declared: ModelField, model: ModelFile, survivor: Golden, loser: Golden
) -> Any:
    """A value; that the two refer to each other says nothing any more."""
    value = one.values[name]
    if declared.type == "ref" and declared.model == model.model and value in (survivor.id, loser.id):
        return None
    return value


def _taken(
    name: str, mine: Any, other: Any, held: str, offered: str, claims: Claims, twins: Collection[str]
) -> str:
    if other is None:
        return "survivor" if mine is not None else "nobody"
    if mine is None:
        return "loser"
    if mine == other:
        return "both"
    return "loser" if offered not in twins and _stronger(name, offered, held, claims) else "survivor"


def _united(mine: str, other: str) -> str:
    """Lists of both: the survivor's values, then what only the other has."""
    return _listed(dict.fromkeys((*_items(mine), *_items(other))))


def _items(text: str | None) -> list[str]:
    """The values of a stored list, each as JSON: they may be of any type."""
    return [json.dumps(one, ensure_ascii=False, sort_keys=True) for one in json.loads(text or "[]")]


def _listed(items: Iterable[str]) -> str:
    return json.dumps([json.loads(one) for one in items], ensure_ascii=False, separators=(",", ":"))


def _stronger(name: str, one: str, other: str, claims: Claims) -> bool:
    return claims.of(name, one) < claims.of(name, other)


def said_in_vain(
    outvoted: str | None, exchange: str, sides: Sequence[Golden], result: Golden, fields: Mapping[str, ModelField]
) -> str | None:
    """What a record's shadow keeps of what it says where another source won, and of lists all that it says:
    JSON, as ``said`` describes it."""
    said: dict[str, Any] = json.loads(outvoted or "{}")
    for name, declared in fields.items():
        if declared.many:
            for side in sides:
                if side.origins.get(name) == exchange and side.values[name] is not None:
                    said.setdefault(name, json.loads(side.values[name]))
            continue
        if result.origins.get(name) == exchange:
            said.pop(name, None)
            continue
        for side in sides:
            if side.origins.get(name) == exchange and side.values[name] is not None:
                said[name] = _plain(side.values[name])
    return json.dumps(said, ensure_ascii=False) if said else None


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | str):
        return value
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else str(value)


def spoken(field: ModelField, value: Any) -> Any:
    """A value out of that JSON as golden rows hold it."""
    if field.many and value is not None:
        return _listed(_items(json.dumps(value)))
    if value is None or field.type == "json":
        return value
    match field.type:
        case "integer":
            return int(value)
        case "decimal":
            return Decimal(str(value))
        case "boolean":
            return value if isinstance(value, bool) else str(value).lower() == "true"
        case "date":
            return dt.date.fromisoformat(str(value)[:10])
        case "datetime":
            return dt.datetime.fromisoformat(str(value))
        case "ref":
            return uuid.UUID(str(value))
    return value


# ---------------------------------------------------------------- undoing


@dataclass(frozen=True, slots=True)
class Voice:
    """A record of one side: what it said in vain right after the merge, and what now."""

    exchange: str
    after: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Apart:
    """What an undo knows. ``before`` and ``merged`` are the survivor before and right after the merge,
    ``now`` as it is; ``loser`` is the other as it was kept. Voices are those of each side's records."""

    model: ModelFile
    before: Golden
    merged: Golden
    now: Golden
    loser: Golden
    own: Sequence[Voice]
    moved: Sequence[Voice]


def take_apart(one: Apart) -> tuple[Golden, Golden]:
    """Both sides as they go on: as they were, with what was said since on the side whose source said it."""
    sides = {"own": _copy(one.before), "moved": _copy(one.loser)}
    speakers = {"own": {voice.exchange for voice in one.own}, "moved": {voice.exchange for voice in one.moved}}
    for name, declared in one.model.fields.items():
        changed = ""
        now, holder = one.now.values[name], one.now.origins.get(name, "")
        if declared.many and now != one.merged.values[name]:
            _part_lists(one, name, sides)
            continue
        if (now, holder) != (one.merged.values[name], one.merged.origins.get(name, "")):
            changed = "moved" if holder in speakers["moved"] - speakers["own"] else "own"
            _set(sides[changed], name, now, holder)
        for side, voices in (("own", one.own), ("moved", one.moved)):
            if side != changed:
                _listen(sides[side], name, declared, voices)
    own, moved = sides["own"], sides["moved"]
    state = one.now.state if one.now.state != one.merged.state else one.before.state
    return (
        Golden(one.now.id, one.now.version + 1, state, own[1], own[0]),
        Golden(one.loser.id, one.loser.version + 1, one.loser.state, moved[1], moved[0]),
    )


def _part_lists(
    one: Apart, name: str, sides: Mapping[str, tuple[dict[str, Any], dict[str, str]]]
) -> None:
    """What came into a list since goes to the side that says it, what left it leaves the side that does not."""
    then, now = (set(_items(row.values[name])) for row in (one.merged, one.now))
    says = {
        side: {item for voice in voices for item in _items(_list_of(voice.now, name))}
        for side, voices in (("own", one.own), ("moved", one.moved))
    }
    came = [item for item in _items(one.now.values[name]) if item not in then]
    for side, other in (("own", "moved"), ("moved", "own")):
        kept = [
            item
            for item in _items(sides[side][0][name])
            if item in now or item in says[side]
        ]
        mine = [item for item in came if item in says[side] or (side == "own" and item not in says[other])]
        whole = dict.fromkeys((*kept, *mine))
        sides[side][0][name] = _listed(whole) if whole or sides[side][0][name] is not None else None


def _list_of(said: str | None, name: str) -> str | None:
    found = json.loads(said or "{}").get(name)
    return json.dumps(found) if isinstance(found, list) else None


def _copy(one: Golden) -> tuple[dict[str, Any], dict[str, str]]:
    return dict(one.values), dict(one.origins)


def _set(side: tuple[dict[str, Any], dict[str, str]], name: str, value: Any, origin: str) -> None:
    side[0][name] = value
    side[1].pop(name, None)
    if origin:
        side[1][name] = origin


def _listen(
    side: tuple[dict[str, Any], dict[str, str]], name: str, declared: ModelField, voices: Sequence[Voice]
) -> None:
    """A source that went on speaking in vain after the merge is heard again where it was heard before."""
    for voice in voices:
        if side[1].get(name) != voice.exchange or voice.now == voice.after:
            continue
        then, now = (json.loads(text or "{}").get(name) for text in (voice.after, voice.now))
        if then != now and then is not None:
            _set(side, name, spoken(declared, now), voice.exchange)


def renewed(one: Golden, **changes: Any) -> Golden:
    """The same with some changes."""
    return dataclasses.replace(one, **changes)
