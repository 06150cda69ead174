"""Whether a record belongs to organizations that a role is confined to."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from hub.identity.view import View
from hub.security.decisions import Within
from hub.store import directory
from hub.workspace.organization import LINE


def belonging(view: View, units: Iterable[uuid.UUID]) -> Within:
    """Of what belongs to some organizations of the line: whether one of them is among those named by key, or below."""
    there = list(units)

    def inside(organizations: Sequence[str]) -> bool:
        line = view.people.organization
        if line is None or not there:
            return False
        database = view.hub.database
        roots = {one for key in organizations for one in directory.by_key(database, line.model, key)}
        tree = view.trees.of(view.dimension(LINE))
        return any(tree.inside(unit, roots) for unit in there)

    return inside
