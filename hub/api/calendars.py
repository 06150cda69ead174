"""/v1/todos/calendar: a person's to-dos for calendar apps, by a secret address. No key: the address is the secret."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from hub.api.ground import Here
from hub.api.paging import tagged
from hub.security.rates import too_many
from hub.store import todos
from hub.todos import calendars, feed, ical
from hub.todos.substitutes import whose

router = APIRouter(prefix="/todos", tags=["todos"])
MOST = 500


@router.get(
    "/calendar/{secret}.ics",
    summary="A person's open to-dos as iCalendar",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}},
    openapi_extra={"security": []},
)
def calendar(
    request: Request,
    here: Here,
    secret: Annotated[str, Path(max_length=100)],
    show: Annotated[
        Literal["todos", "events"], Query(description="VTODO; or VEVENT of those with a date")
    ] = "todos",
    language: Annotated[str, Query(description="Of titles", max_length=20)] = "",
) -> Response:
    """The next 500 that are due, those without a date last. The address is made by `cophub todos calendar add`."""
    with here.guessing(request):
        row = calendars.find(here.hub, secret)
    if wait := here.buckets.take(f"calendar:{row.id}"):
        raise too_many(wait)
    his = whose(here.hub, row.person)
    rows = todos.listed(here.hub.database, his, todos.Wanted(order="due"), None, None, MOST)
    languages, title = here.hub.workspace.hub.languages, here.hub.workspace.hub.hub
    items = [feed.shown(one, language or languages[0], his) for one in rows]
    return tagged(request, ical.calendar(items, title, events=show == "events"), "text/calendar; charset=utf-8")
