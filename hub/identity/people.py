"""People: found by what they are called and where they belong, and shown with their posts."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.errors import ConfigError
from hub.exchange.shown import looked_up
from hub.identity.view import STATES, View
from hub.security.masking import is_classified
from hub.store import directory, persons, versions
from hub.store.directory import Place, Wanted
from hub.workspace.organization import LINE, Posts

Id = uuid.UUID
Row = Mapping[str, Any]
FEW: Final = 200
"""Organizations whose people are found first, whatever is looked for."""
WALKS: Final = 3
"""Pages of a list, each longer than the one before, that are walked past people of other organizations."""


def searched(view: View) -> list[str]:
    """Fields by whose beginnings people are found: none that is classified."""
    people = view.people
    fields = view.hub.workspace.models[people.model].fields
    return [name for name in people.search if not is_classified(fields[name].level)]


def search(
    view: View, wanted: Wanted, roots: frozenset[Id] | None, after: Place | None, limit: int
) -> tuple[list[Row], Place | None]:
    """A page of persons, and where it ends: field by field, in the order of its text."""
    if roots is None:
        found = _page(view, wanted, after, limit)
    elif view.people.organization is None:
        found = []
    else:
        found = _within(view, view.people.organization.of, wanted, roots, after, limit)
    return found, _end(found) if len(found) == limit else None


def _within(view: View, of: str, wanted: Wanted, roots: frozenset[Id], after: Place | None, limit: int) -> list[Row]:
    """Where the organizations are few, their people first. Where they are many, the list is walked past the others; if
    that does not soon fill the page, the people are few in spite of it."""
    tree = view.tree(view.dimension(LINE))
    near = tree.within(roots, FEW)
    if len(near) <= FEW:
        return _page(view, wanted, after, limit, near)
    found: list[Row] = []
    most = min(limit * 12, limit * 2 * (1 + len(tree.parents) // max(1, len(near))))
    for _ in range(WALKS):
        rows = _page(view, wanted, after, most, light=True)
        found += _belonging(view, rows, of, near.__contains__)[: limit - len(found)]
        if len(found) == limit or len(rows) < most:
            return _told(view, found)
        after, most = _end(rows), most * 2
    return _told(view, found) + _page(view, wanted, after, limit - len(found), near)


def _told(view: View, places: Sequence[Row]) -> list[Row]:
    rows = directory.told(view.hub.database, view.people, [row["_id"] for row in places])
    return [rows[row["_id"]] | {"_n": row["_n"], "_by": row["_by"]} for row in places if row["_id"] in rows]


def _page(
    view: View,
    wanted: Wanted,
    after: Place | None,
    limit: int,
    units: Collection[Id] | None = None,
    *,
    light: bool = False,
) -> list[Row]:
    found: list[Row] = []
    found += directory.matching(
        view.hub.database, view.people, wanted, after, limit, units, view.today, light=light
    )
    return found


def _end(rows: Sequence[Row]) -> Place:
    return rows[-1]["_n"], rows[-1]["_by"], rows[-1]["_id"]


def inside(view: View, rows: Sequence[Row], roots: frozenset[Id]) -> list[Row]:
    """Those who belong to one of the organizations, or to one below."""
    line = view.people.organization
    if line is None:
        return []
    tree = view.tree(line)
    return _belonging(view, rows, line.of, lambda unit: tree.inside(unit, roots))


def _belonging(view: View, rows: Sequence[Row], of: str, within: Callable[[Id | None], bool]) -> list[Row]:
    """Those whose organization, or that of a post of the day, is one that is meant."""
    there = [within(row[of]) for row in rows]
    if view.people.posts is None or all(there):
        return [row for row, known in zip(rows, there, strict=True) if known]
    places = view.places([row for row, known in zip(rows, there, strict=True) if not known])
    return [
        row for row, known in zip(rows, there, strict=True) if known or any(map(within, places.get(row["_id"], ())))
    ]


def brief(view: View, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Persons as lists show them."""
    people = view.people
    values = view.plain(people.model, rows)
    line = people.organization
    heads = _heads(view, rows)
    found = []
    for row in rows:
        key = view.key(people.model, row, values)
        told = {
            "id": row["_id"],
            "key": key,
            "name": (values.shown(people.name, row[people.name]) if people.name else None) or key,
            "state": STATES[row["_state"]],
            "called": {
                kind: values.shown(name, row[name]) for kind, name in people.receivers.items() if row[name] is not None
            },
            "updated_at": row["_updated_at"],
        }
        if line is not None:
            told["organization"] = heads.get(row[line.of])
        found.append(told)
    return found


def _heads(view: View, rows: Sequence[Row]) -> Mapping[Id, dict[str, Any]]:
    """The persons' organizations in short: found with them, or looked up."""
    line = view.people.organization
    if line is None:
        return {}
    joined = bool(rows) and "_u__id" in rows[0]
    if not joined or view.roots is not None:
        return view.heads(LINE, (row[line.of] for row in rows))
    units = {row["_u__id"]: row for row in rows if row["_u__id"] is not None}
    return view.heads_of(
        line, [{name[3:]: value for name, value in row.items() if name.startswith("_u_")} for row in units.values()]
    )


def person(view: View, called: str) -> Row:
    """The record of a person by key or id, of the day; who was merged away is his survivor. ConfigError
    ``person.unknown``: also of who may not be seen; ``id.ambiguous``."""
    people, found = view.people, _ids(view, called)
    if len(found) > 1:
        raise ConfigError("id.ambiguous", "several persons are called so", hint="ask by id")
    row = view.rows(people.model, found).get(found[0]) if found else None
    if row is None or row["_state"] > 2 or (view.roots is not None and not inside(view, [row], view.roots)):
        raise ConfigError("person.unknown", "there is no such person", hint="see /v1/people")
    return row


def _ids(view: View, called: str) -> list[Id]:
    people, database = view.people, view.hub.database
    try:
        identity = uuid.UUID(called)
    except ValueError:
        looked_up(view.hub, view.hub.workspace.models[people.model], called)
        return directory.by_key(database, people.model, called)
    with database.begin(reading=True) as connection:
        ends = persons.by_id(connection, database, people.model, [identity])
    return [ends.get(identity, identity)]


def whole(view: View, row: Row) -> dict[str, Any]:
    """One person with all values and posts."""
    people = view.people
    values = view.values(people.model, [row])
    fields = view.hub.workspace.models[people.model].fields
    return {
        **brief(view, [row])[0],
        "version": row["_version"],
        "values": {name: values.shown(name, row[name]) for name in fields},
        "posts": posts(view, [row["_id"]]).get(row["_id"], []),
    }


def posts(view: View, ids: Sequence[Id]) -> dict[Id, list[dict[str, Any]]]:
    """The posts of persons on the day, the main one first. A post with dates is known for days on which the hub did not
    know it yet; what begins later is nobody's to see."""
    declared = view.people.posts
    if declared is None or declared.model not in view.models:
        return {}
    with view.hub.database.begin(reading=True) as connection:
        rows = directory.posts_of(connection, view.hub.database, declared, ids)
    if view.moment is not None:
        then = versions.rows_of(view.hub.database, declared.model, [row["_id"] for row in rows], view.moment)
        dated = declared.from_ is not None
        rows = [dict(then.get(row["_id"], row)) for row in rows if row["_id"] in then or dated]
    there = [row for row in rows if _valid(row, declared, view.today)]
    return _shown(view, declared, there)


def _valid(row: Row, declared: Posts, day: dt.date) -> bool:
    first = row[declared.from_] if declared.from_ else None
    last = row[declared.to] if declared.to else None
    begun, over = first is None or first <= day, last is not None and last < day
    return bool(row["_state"] == 0 and begun and not over)


def _shown(view: View, declared: Posts, rows: Sequence[Row]) -> dict[Id, list[dict[str, Any]]]:
    values = view.values(declared.model, rows)
    trees = [name for name in view.people.trees if name in declared.in_]
    heads = {name: view.heads(name, (row[declared.in_[name]] for row in rows)) for name in trees}
    found: dict[Id, list[dict[str, Any]]] = {}
    for row in rows:
        told = {
            "id": row["_id"],
            "key": view.key(declared.model, row, values),
            "main": bool(row[declared.main]) if declared.main else None,
            "position": values.shown(declared.position, row[declared.position]) if declared.position else None,
            "from": row[declared.from_] if declared.from_ else None,
            "to": row[declared.to] if declared.to else None,
            "in": {name: heads[name].get(row[declared.in_[name]]) for name in trees},
        }
        found.setdefault(row[declared.person], []).append(told)
    for many in found.values():
        many.sort(key=lambda one: (not one["main"], str(one["from"] or ""), str(one["id"])))
    return found


@dataclass(frozen=True, slots=True)
class Since:
    """Where a reader of changes stands: the last commit and record of people, and of posts."""

    person: tuple[int, Id]
    post: tuple[int, Id]


NONE: Final = Id(int=0)
START: Final = Since((0, NONE), (0, NONE))


def changes(view: View, since: Since, limit: int) -> tuple[list[dict[str, Any]], list[Id], Since, bool]:
    """Persons that changed, by themselves or by their posts; those that are there no more, or out of the reader's
    sight; where he stands now; whether there is more."""
    people, database = view.people, view.hub.database
    with database.begin(reading=True) as connection:
        rows: list[Row] = list(directory.changed(connection, database, people.model, since.person, limit))
        moved: list[Row] = []
        found: Mapping[Id, Row] = {}
        if people.posts is not None:
            moved = list(directory.changed(connection, database, people.posts.model, since.post, limit))
    if people.posts is not None:
        others = {row[people.posts.person] for row in moved} - {row["_id"] for row in rows} - {None}
        found = versions.rows_of(database, people.model, others)
    following = Since(_place(rows, since.person), _place(moved, since.post))
    more = limit in (len(rows), len(moved))
    if moved:
        rows += [row for row in found.values() if row["_seq"] <= following.person[0]]  # the others come later
    there = [row for row in rows if row["_state"] < 2]
    gone = [row["_id"] for row in rows if row["_state"] >= 2]
    if view.roots is not None:
        seen = inside(view, there, view.roots)
        gone = _were_seen(view, [row["_id"] for row in rows if row not in seen])
        there = seen
    return brief(view, there), [] if since == START else gone, following, more


def _place(rows: Sequence[Row], before: tuple[int, Id]) -> tuple[int, Id]:
    return (rows[-1]["_seq"], rows[-1]["_id"]) if rows else before


def _were_seen(view: View, ids: Sequence[Id]) -> list[Id]:
    """Of persons who are out of sight those that were in it once: of others the reader hears nothing."""
    line = view.people.organization
    if line is None or view.roots is None or not ids:
        return []
    tree, roots = view.trees.of(line), view.roots
    with view.hub.database.begin(reading=True) as connection:
        pairs = directory.ever(connection, view.hub.database, view.people.model, line.of, ids)
    return sorted({person for person, unit in pairs if tree.inside(unit, roots)})
