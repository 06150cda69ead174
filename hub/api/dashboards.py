"""/v1/todos/all and /v1/todos/stats: to-dos of many persons, for dashboards, as far as the key may see."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from hub.api.ground import Ground, Here
from hub.api.paging import LIMIT, MOST, Next, after, answered, listed
from hub.api.todos import Reads, Several, people_model, systems_seen
from hub.errors import ConfigError
from hub.security.access import Caller, organization
from hub.store import dashboards
from hub.store.dashboards import Condition, Scope
from hub.todos import dashboards as shown
from hub.todos import feed
from hub.todos.received import Moment

router = APIRouter(prefix="/todos", tags=["todos"])
CSV = "text/csv; charset=utf-8"
Boxes = Annotated[list[Literal["to_do", "to_read", "initiated", "done"]] | None, Query(max_length=4)]
Unit = Annotated[str | None, Query(description="Key or id of an organization: its people and all below it")]
By = Annotated[list[Literal["system", "organization", "box", "age"]] | None, Query(max_length=4)]
CSV_TOO: Mapping[int | str, dict[str, Any]] = {
    200: {
        "description": "JSON, or with Accept: text/csv a table",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


def scope_of(here: Ground, who: Caller, unit: str | None) -> Scope:
    """What the caller may see of all to-dos, and the organization that it asks for."""
    people = people_model(here, who)
    within = None
    if unit is not None:
        if people.organization is None:
            raise ConfigError(
                "organization.unknown",
                "this hub does not say where people belong",
                where="config/hub.yaml: people",
                hint="declare people.organization",
            )
        within = organization(here.hub.database, people.organization.model, unit)
    return Scope(people.model, people.organization, systems_seen(here, who), who.organizations, within)


def _conditions(**values: Sequence[Any] | None) -> list[Condition]:
    return [(name, "in", found) for name, found in values.items() if found]


def _wants_csv(request: Request) -> bool:
    return "text/csv" in request.headers.get("accept", "")


@router.get("/all", summary="To-dos of all persons that the key may see", responses=dict(CSV_TOO))
def everybody(
    request: Request,
    here: Here,
    who: Reads,
    organization: Unit = None,
    box: Boxes = None,
    system: Several = None,
    definition: Several = None,
    status: Several = None,
    priority: Annotated[Literal["low", "medium", "high", "very_high"] | None, Query()] = None,
    due_before: Annotated[Moment | None, Query()] = None,
    language: Annotated[str, Query(description="Of titles; English without it", max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
    fields: Annotated[str | None, Query(description="Only these, by comma: id,title,organization")] = None,
) -> Response:
    """One line for each to-do of each person, the oldest first. CSV has all lines at once."""
    place = after(request, cursor, uuid.UUID, uuid.UUID)
    scope = scope_of(here, who, organization)
    wanted = _conditions(box=box, system=system, definition=definition, status=status)
    if priority is not None:
        wanted.append(("priority", "eq", feed.priority(priority)))
    if due_before is not None:
        wanted.append(("due", "lt", due_before))
    if _wants_csv(request):
        found = shown.csv_of(here.hub, scope, wanted, language)
        named = {"content-disposition": 'attachment; filename="todos.csv"'}
        return StreamingResponse(found, media_type=CSV, headers=named)
    rows = dashboards.listed(here.hub.database, scope, wanted, place, limit)
    last = dashboards.place(rows[-1]) if rows else None
    return listed(request, shown.lines(here.hub, scope, rows, language), limit, last, fields)


@router.get("/stats", summary="How many to-dos there are", responses=dict(CSV_TOO))
def stats(
    request: Request,
    here: Here,
    who: Reads,
    by: By = None,
    organization: Unit = None,
    box: Boxes = None,
    system: Several = None,
) -> Response:
    """Counted by any of system, organization, box and age (up to 1d, 3d, 7d, 30d, or older), by default by system and
    box; each to-do counts once for each person who has it."""
    scope, names = scope_of(here, who, organization), tuple(dict.fromkeys(by or ("system", "box")))
    rows = dashboards.stats(here.hub.database, scope, names, _conditions(box=box, system=system), here.hub.clock())
    return _told(request, here, scope, names, rows)


@router.get("/stats/history", summary="How many there were, hour by hour", responses=dict(CSV_TOO))
def history(
    request: Request,
    here: Here,
    who: Reads,
    since: Annotated[Moment | None, Query(alias="from", description="A week ago without it")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Now without it")] = None,
    by: By = None,
    organization: Unit = None,
    box: Boxes = None,
    system: Several = None,
) -> Response:
    """The worker counts once an hour; of days longer ago than a week the last count is kept."""
    scope, names = scope_of(here, who, organization), tuple(dict.fromkeys(by or ("system", "box")))
    end = until or here.hub.clock()
    span = (since or end - dt.timedelta(days=7), end)
    equal = {name: found for name, found in (("box", box), ("system", system)) if found}
    rows = dashboards.history(here.hub.database, scope, names, span, equal)
    return _told(request, here, scope, ("at", *names), rows)


def _told(
    request: Request, here: Ground, scope: Scope, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> Response:
    if "organization" in names:
        place = names.index("organization")
        known = shown.called(here.hub, scope, (row[place] for row in rows))
        rows = [[known.get(value, "") if n == place else value for n, value in enumerate(row)] for row in rows]
    head = (*names, "count")
    if _wants_csv(request):
        return Response(shown.csv_table(head, rows), media_type=CSV)
    return answered(request, {"items": [dict(zip(head, row, strict=True)) for row in rows]})
