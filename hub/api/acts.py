"""/v1/todos/…/acts: responses to to-dos and actions on them, in the name of a person."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.responses import Response

from hub.api.ground import Body, Ground, Here, allowed
from hub.api.paging import answered, json_bytes
from hub.api.todos import Reads, person_seen, systems_seen, told, visible
from hub.errors import HubError
from hub.security.access import Caller
from hub.store import acts
from hub.store.acts import Act
from hub.todos.acted import shown
from hub.todos.acting import Press, press

router = APIRouter(prefix="/todos", tags=["todos"])
Acts = Annotated[Caller, allowed("todos:act")]
AT_ONCE = 100
PATIENCE = 3.0
"""Seconds that an answer waits for the system; what takes longer goes on without it."""
Wait = Annotated[float, Query(ge=0, le=30, description="Seconds to wait for the system before it answers")]
Key = Annotated[
    str, Header(alias="Idempotency-Key", max_length=200, description="The same key is the same press, for ever")
]
Words = Annotated[str, Field(max_length=4000)]
Code = Annotated[str, Field(min_length=1, max_length=200)]


class Pressed(Body):
    """What the person chose. ``person`` is his key or id."""

    person: Annotated[str, Field(min_length=1, max_length=200)]
    response: Code
    comment: Words = ""
    reason: Annotated[str, Field(max_length=200)] = ""


class PressedOne(Pressed):
    """One of several; ``key`` is its Idempotency-Key."""

    todo: uuid.UUID
    key: Annotated[str, Field(max_length=200)] = ""


class Several(Body):
    """Each is judged by itself."""

    items: Annotated[list[PressedOne], Field(min_length=1, max_length=AT_ONCE)]


@router.post("/acts", summary="Respond to several to-dos, a verdict for each")
def many(here: Here, who: Acts, body: Several, wait: Wait = PATIENCE) -> Response:
    """The verdicts have the items' order: an act with its state, or ``refused`` with an error."""
    verdicts: list[Mapping[str, Any]] = [{}] * len(body.items)
    pressed: dict[int, Act] = {}
    for number, item in enumerate(body.items):
        try:
            pressed[number] = _pressed(here, who, item.todo, item, item.key)
        except HubError as error:
            verdicts[number] = {"todo": item.todo, "state": "refused", "error": told(error)}
    for number, one in zip(pressed, here.performing.now([*pressed.values()], wait), strict=True):
        verdicts[number] = shown(one)
    return Response(json_bytes({"items": verdicts}), media_type="application/json")


@router.post("/{identity}/acts", summary="Respond to a to-do, or take an action on it")
def act(
    here: Here, who: Acts, identity: uuid.UUID, body: Pressed, key: Key = "", wait: Wait = PATIENCE
) -> Response:
    """200 with state ``done`` or ``failed``; 202 while it is ``submitting``: the hub goes on until it is one of
    them. A press that repeats one, by its key or while that is on its way, answers the same act."""
    (one,) = here.performing.now([_pressed(here, who, identity, body, key)], wait)
    status = 202 if one.state == "submitting" else 200
    return Response(json_bytes(shown(one)), status, media_type="application/json")


@router.get("/{identity}/acts", summary="What was done with a to-do, the newest first")
def several(request: Request, here: Here, who: Reads, identity: uuid.UUID) -> Response:
    """With who brought it, in whose name, and what became of it."""
    visible(here, who, identity)
    return answered(request, {"items": [shown(one) for one in acts.of_todo(here.hub.database, identity)]})


def _pressed(here: Ground, who: Caller, identity: uuid.UUID, body: Pressed, key: str) -> Act:
    person = person_seen(here, who, body.person)
    wanted = Press(identity, person, body.response, body.comment, body.reason, key)
    return press(here.of(who), wanted, systems_seen(here, who))
