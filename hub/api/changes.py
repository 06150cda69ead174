"""/v1/todos/changes: what changed in a list since its reader was here last."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from hub.api.ground import Ground, Here
from hub.api.paging import CURSOR, MOST, answered
from hub.api.todos import Reads, people_seen, systems_seen, whose_seen
from hub.security.access import Caller
from hub.todos import changes
from hub.todos.changes import View

router = APIRouter(prefix="/todos", tags=["todos"])
Box = Literal["to_do", "to_read", "initiated", "done"]


def view(here: Ground, who: Caller, person: str | None, box: Box | None, language: str) -> View:
    """What the caller follows: of a person, or of all that it may see."""
    his = None
    if person is None:
        people_seen(here, who)
    else:
        his = whose_seen(here, who, person)
    return View(his.person if his is not None else None, box or "", systems_seen(here, who), language, his)


@router.get("/changes", summary="What changed since, and what left the list")
def changed(
    request: Request,
    here: Here,
    who: Reads,
    person: Annotated[
        str | None, Query(description="Id or key of the person; without it all to-dos the key may see", max_length=200)
    ] = None,
    since: Annotated[
        str | None, Query(description="next of the answer before", max_length=500, json_schema_extra=CURSOR)
    ] = None,
    box: Annotated[Box | None, Query(description="Only this box: what goes to another one leaves")] = None,
    language: Annotated[str, Query(description="Of titles; without it all of them", max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = changes.AT_ONCE,
) -> Response:
    """Without since: all that is there. Keep `next`, and send it as `since` the next time; at once where `more` says
    so. `items` are there or changed, `removed` are there no more. `cursor.old` (410): forget all and begin anew."""
    seen = view(here, who, person, box, language)
    database = here.hub.database
    found = changes.page(database, seen, changes.since(database, seen, since), limit)
    return answered(
        request,
        {"items": found.items, "removed": found.removed, "next": found.next.text(seen), "more": found.more},
    )
