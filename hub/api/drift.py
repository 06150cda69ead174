"""/v1/todos/check and /v1/todos/drift: whether the hub shows what a source has open."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field, StrictBool
from starlette.responses import Response

from hub.api.ground import Body, Ground, Here, allowed
from hub.api.paging import answered, json_bytes
from hub.api.todos import Reads, Writes, people_seen
from hub.errors import ConfigError
from hub.security.access import Caller
from hub.store import todo_drift
from hub.todos import drift
from hub.todos.drift import Listed
from hub.todos.received import Moment, Said, To, read
from hub.todos.reports import Key

router = APIRouter(prefix="/todos", tags=["todos"])
Heals = Annotated[Caller, allowed("todos:heal")]
AT_ONCE = 10_000


class Open(Body):
    """An open to-do of the source; ``receivers`` are those who have it to do, ``report`` is all of it."""

    id: str = Field(min_length=1, max_length=300)
    tenant: str = Field("", max_length=200)
    version: Said | None = None
    receivers: list[To] | None = Field(None, max_length=500)
    report: dict[str, Any] | None = Field(None, description="As of POST /v1/todos: what heals it")


class List(Body):
    """What a source has open. ``complete``: these are all; else nothing is taken for a ghost."""

    system: str = Field(min_length=1, max_length=200)
    began: Moment = Field(description="When the source made the list")
    complete: StrictBool = False
    items: list[Open] = Field(max_length=AT_ONCE)


class Wish(Body):
    """Which plan of which system is to be done."""

    system: str = Field(min_length=1, max_length=200)
    plan: str = Field(max_length=100, description="The plan that was looked at")
    many: StrictBool = Field(False, description="Also where it takes off more than usual")


@router.post("/check", summary="Compare what a source has open with what the hub shows")
def check(here: Here, who: Writes, body: List) -> Response:
    """Answers what differs: send again what says `send`. What a second check finds again is `confirmed`."""
    _system(here, who, body.system)
    moment = here.hub.clock()
    if body.began > moment:
        raise ConfigError("drift.order", "began lies in the future", where="began", hint="send when the list was made")
    items = []
    for one in body.items:
        key = Key(body.system, one.tenant, one.id)
        if one.report is not None and read(one.report, moment).key != key:
            raise ConfigError("todo.malformed", "the report is of another to-do", where="report", hint="see its id")
        names = [to.text for to in one.receivers] if one.receivers is not None else None
        items.append(Listed(key, one.version.at if one.version else None, names, one.report))
    found = drift.compare(here.hub, body.system, items, body.began, whole=body.complete)
    told = [dataclasses.asdict(one) | {"confirmed": one.confirmed} for one in found]
    return Response(json_bytes({"compared": len(items), "items": told}), media_type="application/json")


@router.get("/drift", summary="What differed in the last comparison with each source")
def show(
    request: Request, here: Here, who: Reads, system: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """Counts per system and kind; of one system also the plan that would heal it."""
    people_seen(here, who)
    if system is not None:
        _system(here, who, system)
    seen = [name for name in todo_drift.systems(here.hub.database) if who.place(here.hub.workspace, name)]
    counted = drift.told(here.hub, [system] if system is not None else seen)
    differences = drift.plan(here.hub, system).differences if system is not None else []
    told = [dataclasses.asdict(one) | {"confirmed": one.confirmed} for one in differences]
    return answered(request, {"systems": counted, "items": told})


@router.post("/drift/heal", summary="Do what the plan says")
def heal(here: Here, who: Heals, body: Wish) -> Response:
    """Exactly the plan that was looked at; audited."""
    _system(here, who, body.system)
    healed = drift.heal(here.of(who), body.system, body.plan, many=body.many)
    return Response(json_bytes({"healed": healed}), media_type="application/json")


def _system(here: Ground, who: Caller, name: str) -> None:
    if name not in here.hub.workspace.systems or not who.place(here.hub.workspace, name):
        message = f"the hub has no system {name!r} for this key"
        raise ConfigError("system.unknown", message, where="system", hint="use another key")
