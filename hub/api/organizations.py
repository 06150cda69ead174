"""/v1/organizations: trees of organizations, as they are or as they were on a day."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from hub.api.ground import Here, Reason
from hub.api.paging import LIMIT, MOST, Next, after, answered, json_bytes, listed
from hub.api.people import Day, Reads, clear, view
from hub.errors import RecordRejected
from hub.identity import organizations as found
from hub.identity.organizations import organization as organization_of
from hub.identity.view import View
from hub.literals import integer
from hub.workspace.organization import LINE

router = APIRouter(prefix="/organizations", tags=["people"])
Tree = Annotated[str, Query(description="Which of the trees: line, or a name of people.dimensions", max_length=63)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Fields = Annotated[str | None, Query(description="Only these, by comma: id,name")]


@router.get("", summary="Organizations: the tops of a tree, or those that a text is found in")
def organizations(
    request: Request,
    here: Here,
    who: Reads,
    q: Annotated[str | None, Query(description="Part of the name or key", min_length=1, max_length=100)] = None,
    below: Annotated[str | None, Query(description="Key or id: only it and what lies below", max_length=200)] = None,
    dimension: Tree = LINE,
    as_of: Day = None,
    limit: Limit = LIMIT,
    cursor: Next = None,
    fields: Fields = None,
) -> Response:
    """Each with the number of those right below it. A search is of today."""
    seen = view(request, here, who, None if q is not None else as_of)
    root = organization_of(seen, dimension, below) if below is not None else None
    if q is not None:
        ids = found.search(seen, dimension, q, root)
    else:
        ids = [root] if root is not None else found.tops(seen, dimension)
    return _page(request, seen, dimension, ids, cursor, limit, fields)


def _page(
    request: Request, seen: View, dimension: str, ids: Sequence[uuid.UUID], cursor: str | None, limit: int,
    fields: str | None,
) -> Response:  # fmt: skip
    place = after(request, cursor, uuid.UUID)
    ids = [each for each in ids if place is None or each > place[0]][:limit]
    return listed(request, found.listed(seen, dimension, ids), limit, [ids[-1]] if ids else None, fields)


@router.get("/changes", summary="Organizations that changed since, and those that are gone")
def changed(
    request: Request,
    here: Here,
    who: Reads,
    dimension: Tree = LINE,
    since: Annotated[str | None, Query(description="next of the answer before", max_length=500)] = None,
    limit: Limit = 200,
) -> Response:
    """As /v1/people/changes."""
    seen = view(request, here, who)
    start = (0, uuid.UUID(int=0)) if since is None else _since(since)
    items, removed, end, more = found.changes(seen, dimension, start, limit)
    following = base64.urlsafe_b64encode(json_bytes(list(end))).decode().rstrip("=")
    return answered(request, {"items": items, "removed": removed, "next": following, "more": more})


def _since(text: str) -> tuple[int, uuid.UUID]:
    try:
        seq, one = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return integer(str(seq)), uuid.UUID(one)
    except (ValueError, TypeError, AttributeError):
        raise RecordRejected(
            "cursor.malformed", "this is no cursor of changes", where="since", hint="take it from next, as it is"
        ) from None


@router.get("/{organization}", summary="One organization with its path, by key or id")
def one(
    request: Request,
    here: Here,
    who: Reads,
    organization: str,
    dimension: Tree = LINE,
    as_of: Day = None,
    unmask_reason: Reason = None,
) -> Response:
    """`path` leads from the top, as far as the key may see it, down to the organization."""
    seen = view(request, here, who, as_of)
    identity = organization_of(seen, dimension, organization)
    model = seen.dimension(dimension).model
    seen = clear(here, who, seen, identity, unmask_reason, model, {identity})
    return answered(request, found.whole(seen, dimension, identity))


@router.get("/{organization}/path", summary="From the top down to an organization")
def path(
    request: Request, here: Here, who: Reads, organization: str, dimension: Tree = LINE, as_of: Day = None
) -> Response:
    """As far as the key may see it."""
    seen = view(request, here, who, as_of)
    ids = found.path(seen, dimension, organization_of(seen, dimension, organization))
    return answered(request, {"items": found.listed(seen, dimension, ids)})


@router.get("/{organization}/children", summary="Organizations right below one")
def children(
    request: Request,
    here: Here,
    who: Reads,
    organization: str,
    dimension: Tree = LINE,
    as_of: Day = None,
    limit: Limit = LIMIT,
    cursor: Next = None,
    fields: Fields = None,
) -> Response:
    """In the order in which they came."""
    seen = view(request, here, who, as_of)
    tree = seen.tree(seen.dimension(dimension))
    ids = tree.children(organization_of(seen, dimension, organization))
    return _page(request, seen, dimension, ids, cursor, limit, fields)


@router.get("/{organization}/subtree", summary="An organization and all below it, with their depths")
def subtree(
    request: Request,
    here: Here,
    who: Reads,
    organization: str,
    dimension: Tree = LINE,
    depth: Annotated[int, Query(ge=0, le=100, description="How far down")] = 100,
    as_of: Day = None,
    limit: Limit = LIMIT,
    cursor: Next = None,
    fields: Fields = None,
) -> Response:
    """Level by level: what is above comes first. A cursor holds as long as the tree does not change above it."""
    seen = view(request, here, who, as_of)
    tree = seen.tree(seen.dimension(dimension))
    place = after(request, cursor, integer)
    start, depths = place[0] if place else 0, dict[uuid.UUID, int]()
    for number, (each, deep) in enumerate(tree.subtree(organization_of(seen, dimension, organization))):
        if deep > depth or len(depths) == limit:
            break
        if number >= start:
            depths[each] = deep
    items = [{**item, "depth": depths[item["id"]]} for item in found.listed(seen, dimension, list(depths))]
    return listed(request, items, limit, [start + len(depths)] if depths else None, fields)
