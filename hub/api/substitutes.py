"""/v1/todos/substitutes: who stands in for whom."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from hub.api.ground import Body, Ground, Here, allowed
from hub.api.paging import LIMIT, MOST, Next, after, json_bytes, listed
from hub.api.todos import people_seen, systems_seen
from hub.errors import ConfigError
from hub.security.access import Caller
from hub.store import substitutes as stored
from hub.todos import substitutes
from hub.todos.people import person as person_of
from hub.todos.received import Moment

router = APIRouter(prefix="/todos/substitutes", tags=["todos"])
Reads = Annotated[Caller, allowed("todos:read")]
Writes = Annotated[Caller, allowed("substitutes:write")]


class Wish(Body):
    """Who stands in for whom; with ``todo`` for that one only, with ``systems`` for their to-dos only."""

    from_: str = Field(alias="from", min_length=1, max_length=200, description="Key or id of who is away")
    to: str = Field(min_length=1, max_length=200, description="Key or id of who stands in for him")
    since: Moment | None = Field(None, description="Without it: now")
    until: Moment
    systems: list[str] = Field([], max_length=100)
    todo: uuid.UUID | None = Field(None, description="Only this to-do: a delegation")
    reason: str = Field("", max_length=500)


@router.get("", summary="Who stands in for whom")
def show(
    request: Request,
    here: Here,
    who: Reads,
    person: Annotated[str | None, Query(description="Only of this person, on either side", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
) -> Response:
    """The newest first; ``state`` is coming, now, over or ended. A key that is confined to systems sees those that
    concern to-dos of theirs."""
    people_seen(here, who)
    place = after(request, cursor, uuid.UUID)
    whom = person_of(here.hub, person) if person is not None else None
    systems = systems_seen(here, who)
    rows = stored.listed(here.hub.database, whom, systems, place, limit)
    return listed(request, substitutes.shown(here.hub, rows, systems), limit, [rows[-1].id] if rows else None)


@router.post("", summary="Let somebody stand in for another, for a time", status_code=201)
def add(here: Here, who: Writes, body: Wish) -> Response:
    """Audited. It ends by its date. A key that is confined to systems may do so for their to-dos only."""
    people_seen(here, who)
    systems = _reach(here, who, body.systems)
    hub = here.of(who)
    away, to = person_of(hub, body.from_), person_of(hub, body.to)
    one = substitutes.add(hub, away, to, body.since, body.until, systems, body.reason, body.todo)
    (told,) = substitutes.shown(hub, [one])
    return Response(json_bytes(told), status_code=201, media_type="application/json")


@router.delete("/{identity}", summary="End a substitution before its date", status_code=204)
def end(here: Here, who: Writes, identity: uuid.UUID) -> Response:
    """Audited."""
    people_seen(here, who)
    with here.hub.database.begin(reading=True) as connection:
        found = stored.find(connection, identity)
    if found is not None and not _may(here, who, found.systems):
        hint = "see /v1/todos/substitutes"
        raise ConfigError("substitute.unknown", f"there is no substitution {identity}", hint=hint)
    substitutes.end(here.of(who), identity)
    return Response(status_code=204)


def _reach(here: Ground, who: Caller, asked: list[str]) -> list[str]:
    there = sorted(here.hub.workspace.systems)
    seen = [name for name in there if who.place(here.hub.workspace, name)]
    wanted = asked or ([] if len(seen) == len(there) else seen)
    for name in wanted:
        if name not in seen:
            raise ConfigError("system.unknown", f"the hub has no system {name!r} for this key", where="systems",
                              hint="name others, or none")  # fmt: skip
    return wanted


def _may(here: Ground, who: Caller, systems: object) -> bool:
    there = here.hub.workspace.systems
    named = list(systems) if isinstance(systems, list) and systems else list(there)
    return all(who.place(here.hub.workspace, name) for name in named)
