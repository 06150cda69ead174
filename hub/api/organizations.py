"""/v1/organizations: trees of organizations, as they are or as they were on a day."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from hub.api.direct import Direct
from hub.api.ground import Here, Reason
from hub.api.paging import CURSOR, LIMIT, MOST, Next, after, answered, json_bytes, listed
from hub.api.people import Day, Reads, clear, view
from hub.errors import RecordRejected
from hub.identity import organizations as found
from hub.identity.organizations import organization as organization_of
from hub.identity.view import View
from hub.literals import integer
from hub.workspace.organization import LINE

router = APIRouter(prefix="/organizations", tags=["people"])
often = APIRouter(prefix="/organizations", tags=["people"], route_class=Direct)
Tree = Annotated[str, Query(description="Which of the trees: line, or a name of people.dimensions", max_length=63)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Fields = Annotated[str | None, Query(description="Only these, by comma: id,name")]


class Seen(BaseModel):
    """In which tree, and when."""

    dimension: Annotated[
        str, Field(description="Which of the trees: line, or a name of people.dimensions", max_length=63)
    ] = LINE
    as_of: Annotated[
        dt.date | None, Field(description="As it was at the end of this day in the hub's zone")
    ] = None


class Below(Seen):
    """A page of what lies below."""

    limit: Annotated[int, Field(ge=1, le=MOST)] = LIMIT
    cursor: Annotated[str | None, Field(description="next of the page before", json_schema_extra=CURSOR)] = None
    fields: Annotated[str | None, Field(description="Only these, by comma: id,name")] = None


class Whole(Below):
    """And how far down."""

    depth: Annotated[int, Field(ge=0, le=100, description="How far down")] = 100


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


@often.get("/{organization}/path", summary="From the top down to an organization")
def path(request: Request, here: Here, who: Reads, organization: str, asked: Annotated[Seen, Query()]) -> Response:
    """As far as the key may see it."""
    seen = view(request, here, who, asked.as_of)
    ids = found.path(seen, asked.dimension, organization_of(seen, asked.dimension, organization))
    return answered(request, {"items": found.listed(seen, asked.dimension, ids)})


@often.get("/{organization}/children", summary="Organizations right below one")
def children(
    request: Request, here: Here, who: Reads, organization: str, asked: Annotated[Below, Query()]
) -> Response:
    """In the order in which they came."""
    seen = view(request, here, who, asked.as_of)
    tree = seen.tree(seen.dimension(asked.dimension))
    ids = tree.children(organization_of(seen, asked.dimension, organization))
    return _page(request, seen, asked.dimension, ids, asked.cursor, asked.limit, asked.fields)


@often.get("/{organization}/subtree", summary="An organization and all below it, with their depths")
def subtree(
    request: Request, here: Here, who: Reads, organization: str, asked: Annotated[Whole, Query()]
) -> Response:
    """Level by level: what is above comes first. A cursor holds as long as the tree does not change above it."""
    seen = view(request, here, who, asked.as_of)
    tree = seen.tree(seen.dimension(asked.dimension))
    place = after(request, asked.cursor, integer)
    start, depths = place[0] if place else 0, dict[uuid.UUID, int]()
    for number, (each, deep) in enumerate(tree.subtree(organization_of(seen, asked.dimension, organization))):
        if deep > asked.depth or len(depths) == asked.limit:
            break
        if number >= start:
            depths[each] = deep
    items = [{**item, "depth": depths[item["id"]]} for item in found.listed(seen, asked.dimension, list(depths))]
    return listed(request, items, asked.limit, [start + len(depths)] if depths else None, asked.fields)
