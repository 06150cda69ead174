"""/v1/todos/stream: what changes in a list, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import StreamingResponse

from hub.api.changes import Box, view
from hub.api.ground import Ground, Here
from hub.api.paging import CURSOR, json_bytes
from hub.api.todos import Reads
from hub.errors import ConfigError, HubError
from hub.security import access
from hub.todos import changes
from hub.todos.changes import Cursor, View
from hub.todos.live import Bell, Events, content, event

router = APIRouter(prefix="/todos", tags=["todos"])


EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One event of the stream",
    "required": ["id"],
    "properties": {
        "event": {"enum": ["open", "changes", "end"]},
        "id": {"type": "string", "description": "Where to go on: Last-Event-ID"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


@dataclass(frozen=True, slots=True)
class Begun:
    """Who listens to what, and from where on."""

    key: str
    view: View
    cursor: Cursor
    still: Callable[[], None]


def begun(
    request: Request,
    here: Here,
    who: Reads,
    person: Annotated[
        str | None, Query(description="Id or key of the person; without it all to-dos the key may see", max_length=200)
    ] = None,
    since: Annotated[
        str | None,
        Query(description="A cursor of changes; without it from now on", max_length=500, json_schema_extra=CURSOR),
    ] = None,
    box: Annotated[Box | None, Query(description="Only this box: what goes to another one leaves")] = None,
    language: Annotated[str, Query(description="Of titles; without it all of them", max_length=20)] = "",
    last_event_id: Annotated[
        str | None, Header(description="The last event's id: goes on from there", json_schema_extra=CURSOR)
    ] = None,
) -> Begun:
    """In a thread: it asks the database."""
    seen, database = view(here, who, person, box, language), here.hub.database
    text = last_event_id or since
    cursor = changes.since(database, seen, text) if text else changes.begin(database)
    key = request.headers["authorization"].partition(" ")[2].strip()

    def still() -> None:
        """Whether it may go on. HubError."""
        now = access.caller_of(database, key, here.hub.clock())
        now.require("todos:read")
        if view(here, now, person, box, language) != seen:
            raise ConfigError("cursor.old", "the person, or what the key may see, is another now", hint="begin anew")

    return Begun(who.name, seen, cursor, still)


@router.get(
    "/stream",
    summary="What changes from now on, as server-sent events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": EVENT}}}},
)
async def stream(here: Here, start: Annotated[Begun, Depends(begun)]) -> Events:
    """`open` at first, then `changes` with the `items` and `removed` of /v1/todos/changes. Each event's id is a cursor
    of them: who comes back with Last-Event-ID misses nothing. `end` tells the code why it may not go on."""
    left = ExitStack()
    bell = left.enter_context(here.live.listening(start.key, start.view))
    return Events(_events(here, bell, start), left)


async def _events(here: Ground, bell: Bell, start: Begun) -> AsyncIterator[bytes]:
    seen, last = start.view, start.cursor
    yield event(last.text(seen), "open", b"{}")
    try:
        async for cursor, page in here.live.told(bell, seen, start.cursor, start.still):
            last = cursor
            yield event(last.text(seen), "changes", json_bytes(content(page))) if page else event(last.text(seen))
    except HubError as error:
        yield event(last.text(seen), "end", json_bytes({"code": error.code}))
