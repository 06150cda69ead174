"""Organizations in their trees, as they are or as they were on a day."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.errors import ConfigError
from hub.exchange.shown import looked_up
from hub.identity.trees import Tree
from hub.identity.view import STATES, View
from hub.security.masking import is_classified
from hub.store import directory
from hub.workspace.organization import LINE, Dimension

Id = uuid.UUID
Row = Mapping[str, Any]
FOUND: Final = 2_000


def organization(view: View, name: str, called: str) -> Id:
    """An organization by key or id. ConfigError ``organization.unknown``: also of what may not be seen;
    ``id.ambiguous``."""
    dimension = view.dimension(name)
    tree = view.tree(dimension)
    found = _ids(view, dimension, called)
    if len(found) > 1:
        raise ConfigError("id.ambiguous", f"several organizations are called {called!r}", hint="ask by id")
    if not found or found[0] not in tree.parents or not view.may(name, tree, found[0]):
        raise ConfigError(
            "organization.unknown", f"there is no organization {called!r}", hint="see /v1/organizations"
        )
    return found[0]


def _ids(view: View, dimension: Dimension, called: str) -> list[Id]:
    try:
        return [uuid.UUID(called)]
    except ValueError:
        looked_up(view.hub, view.hub.workspace.models[dimension.model], called)
        return directory.by_key(view.hub.database, dimension.model, called)


def listed(view: View, name: str, ids: Sequence[Id]) -> list[dict[str, Any]]:
    """Organizations in the order given, each with what lists show of it."""
    dimension = view.dimension(name)
    tree = view.tree(dimension)
    rows = view.rows(dimension.model, ids)
    values = view.plain(dimension.model, list(rows.values()))
    found = []
    for one in ids:
        if (row := rows.get(one)) is None:
            continue
        parent = tree.parents.get(one)
        shown = parent if parent is not None and parent in tree.parents and view.may(name, tree, parent) else None
        found.append(
            {
                **view.head(dimension, row, values),
                "parent": shown,
                "state": STATES[row["_state"]],
                "children": len(tree.below.get(one, ())),
                "updated_at": row["_updated_at"],
            }
        )
    return found


def tops(view: View, name: str) -> list[Id]:
    """Those above whom the reader sees nothing."""
    tree = view.tree(view.dimension(name))
    if view.roots is None:
        return tree.children(None)
    if name != LINE:
        return []
    return sorted(
        one for one in view.roots if one in tree.parents and not tree.inside(tree.parents[one], view.roots)
    )


def path(view: View, name: str, one: Id) -> list[Id]:
    """From the top, as far as the reader may see it, down to the organization."""
    tree = view.tree(view.dimension(name))
    return [each for each in tree.path(one) if view.may(name, tree, each)]


def search(view: View, name: str, text: str, below: Id | None) -> list[Id]:
    """Active organizations whose name or key contains a text, below one or everywhere; none is found by what is
    classified."""
    dimension = view.dimension(name)
    model = view.hub.workspace.models[dimension.model]
    fields = [
        one
        for one in dict.fromkeys([*([dimension.name] if dimension.name else []), *model.key])
        if model.fields[one].type == "text" and not is_classified(model.fields[one].level)
    ]
    if not fields:
        return []
    with view.hub.database.begin(reading=True) as connection:
        found = directory.named(connection, view.hub.database, dimension.model, fields, text, FOUND)
    tree = view.tree(dimension)
    return [
        one
        for one in found
        if one in tree.parents and view.may(name, tree, one) and (below is None or tree.inside(one, {below}))
    ]


def whole(view: View, name: str, one: Id) -> dict[str, Any]:
    """One organization with all values and its path."""
    dimension = view.dimension(name)
    row = view.rows(dimension.model, [one])[one]
    values = view.values(dimension.model, [row])
    fields = view.hub.workspace.models[dimension.model].fields
    above = path(view, name, one)
    heads = view.heads(name, above)
    return {
        **listed(view, name, [one])[0],
        "dimension": name,
        "version": row["_version"],
        "path": [heads[each] for each in above if each in heads],
        "values": {field: values.shown(field, row[field]) for field in fields},
    }


def changes(
    view: View, name: str, since: tuple[int, Id], limit: int
) -> tuple[list[dict[str, Any]], list[Id], tuple[int, Id], bool]:
    """Organizations that changed, those that are there no more or out of sight, where the reader stands now, and
    whether there is more."""
    dimension = view.dimension(name)
    with view.hub.database.begin(reading=True) as connection:
        rows = directory.changed(connection, view.hub.database, dimension.model, since, limit)
    tree = view.tree(dimension)
    there = [row["_id"] for row in rows if _seen(view, name, tree, row)]
    gone = [row["_id"] for row in rows if row["_id"] not in there]
    following = (rows[-1]["_seq"], rows[-1]["_id"]) if rows else since
    if view.roots is not None:
        gone = _were_seen(view, dimension, tree, gone)
    return listed(view, name, there), [] if since[0] == 0 else gone, following, len(rows) == limit


def _seen(view: View, name: str, tree: Tree, row: Row) -> bool:
    return bool(row["_state"] < 2 and row["_id"] in tree.parents and view.may(name, tree, row["_id"]))


def _were_seen(view: View, dimension: Dimension, tree: Tree, ids: Sequence[Id]) -> list[Id]:
    """Of those out of sight the ones that lay below what the reader may see once."""
    if dimension.parent is None or view.roots is None or not ids:
        return []
    with view.hub.database.begin(reading=True) as connection:
        pairs = directory.ever(connection, view.hub.database, dimension.model, dimension.parent, ids)
    return sorted({one for one, above in pairs if tree.inside(above, view.roots)})
