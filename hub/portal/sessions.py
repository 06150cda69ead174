"""Where somebody is logged in, and the end of it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hub.portal.ground import HOME, Form, Here, Me, language
from hub.portal.shown import Reader
from hub.security import sessions
from hub.security.accounts import actor_of, digest

router = APIRouter()
PAGE = f"{HOME}/sessions"


@router.get("/sessions")
def mine(request: Request, here: Here, me: Me) -> Response:
    """The reader's own."""
    hub, token = here.hub, digest(me.token)
    reader = Reader(language(request), hub.clock(), hub.workspace)
    found = sessions.listed(hub.database, me.account, here.ends, reader.moment, token)
    about = {"me": me, "form": me.form, "sessions": found, "time": reader.time}
    answer = here.pages.page("sessions.html", reader.language, about)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.post("/sessions")
def ended(here: Here, me: Me, given: Form) -> Response:
    """One of them, by its number, or all others."""
    hub, only = here.hub, given.get("number", "")[:100]
    sessions.end(
        hub.database, actor_of(me.account.name), me.account, here.ends, hub.clock(), only=only, but=digest(me.token)
    )
    return RedirectResponse(PAGE, 303)
