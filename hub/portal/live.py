"""A page is told that its reader's list changed; what it then shows it asks for itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from hub.errors import AuthError, HubError
from hub.portal.ground import Ground, Here, Me, Visit, visited
from hub.todos import changes
from hub.todos.changes import Cursor, View
from hub.todos.live import Bell, Events, event
from hub.todos.substitutes import whose

router = APIRouter()


def begun(here: Here, me: Me) -> tuple[Visit, View, Cursor]:
    """In a thread: it asks the database."""
    view = View(me.person, whose=whose(here.hub, me.person))
    return me, view, changes.begin(here.hub.database)


@router.get("/stream")
async def stream(
    request: Request, here: Here, start: Annotated[tuple[Visit, View, Cursor], Depends(begun)]
) -> StreamingResponse:
    """``changes`` without values, whenever something of the reader's list is another. It ends with the session."""
    left = ExitStack()
    me, view, cursor = start
    bell = left.enter_context(here.live.listening(f"account:{me.account.name}", view))
    return Events(_events(request, here, bell, me, view, cursor), left)


async def _events(
    request: Request, here: Ground, bell: Bell, me: Visit, view: View, cursor: Cursor
) -> AsyncIterator[bytes]:
    def still() -> None:
        now = visited(request)
        if now is None or now.person != me.person or whose(here.hub, now.person) != view.whose:
            raise AuthError("login.needed", "the session has ended, or its person is another", hint="log in")

    yield event("", "open", b"1")
    try:
        async for _, page in here.live.told(bell, view, cursor, still):
            yield event("", "changes", b"1") if page else event("")
    except HubError:
        yield event("", "end", b"1")
