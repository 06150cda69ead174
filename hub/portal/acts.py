"""Answering a to-do from its page: what is offered, the press of a button, and what became of it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError, HubError
from hub.portal.ground import HOME, Form, Here, Me
from hub.portal.todos import page
from hub.security.accounts import actor_of
from hub.todos.acting import Press, press

router = APIRouter(prefix="/todos")
PATIENCE: Final = 3.0
"""Seconds that a page waits for the system; what takes longer goes on without it."""


@router.post("/{identity}/acts")
def act(request: Request, here: Here, me: Me, given: Form, identity: str) -> Response:
    """Pressed twice it is one act: the form's key is of what the page showed. The page says what became of it."""
    told: HubError | None = None
    try:
        wanted = Press(
            _id(identity), me.person, given.get("response", ""), given.get("comment", "")[:4000],
            given.get("reason", ""), given.get("key", "")[:200],
        )  # fmt: skip
        here.performing.now([press(replace(here.hub, actor=actor_of(me.account.name)), wanted)], PATIENCE)
    except HubError as error:
        if not error.code.startswith(("act.", "acts.")):
            raise
        told = error
    if "hx-request" in request.headers or told is not None:
        return page(request, here, me, identity, told=told)
    return RedirectResponse(f"{HOME}/todos/{identity}", 303)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ConfigError("todo.unknown", "there is no such to-do in your list", hint="go back to the list") from None
