"""Log in at a provider and back, link an account to it, and what providers end again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from hub.errors import AuthError
from hub.portal.ground import (
    HOME,
    Form,
    Here,
    Me,
    cookie,
    language,
    onward,
    require_fresh,
    require_safe,
    set_cookie,
    stranger,
    visitor,
)
from hub.portal.login import Seconds, buttons, entered, leading
from hub.security.accounts import Origin, actor_of
from hub.security.rates import network, too_many
from sso.links import linked, opened

router = APIRouter()
PAGE = f"{HOME}/log-ins"
NO_STORE = {"cache-control": "no-store"}


@router.get("/login/with/{name}")
def start(
    request: Request, here: Here, name: str, next: Annotated[str, Query(max_length=2000)] = "",
    hint: Annotated[str, Query(max_length=200)] = "", oldest: Seconds = "",
) -> Response:  # fmt: skip
    """To the provider; the way back is bound to this browser."""
    require_safe(request)
    if wait := here.providers.strangers.take(network(request.client)):
        raise too_many(wait)
    browser = stranger(request)
    place = here.providers.start(name, browser, onward(next), hint=hint, oldest=int(oldest) if oldest else None)
    answer = RedirectResponse(place, 303, NO_STORE)
    set_cookie(request, answer, "form", browser)
    return answer


@router.get("/login/back/{name}")
def back(request: Request, here: Here, name: str) -> Response:
    """From the provider: a session of its own, or a link that its owner asked for."""
    require_safe(request)
    held = tuple(request.cookies.get(cookie(request, one), "") for one in ("form", "session"))
    found = here.providers.finish(name, held, dict(request.query_params))
    here.providers.strangers.refund(network(request.client))
    if found.account is None:
        row, link = opened(here.hub, found.claimed)
        by = Origin(found.methods, link.id, found.sid, before=True, proven_at=found.proven_at)
        return entered(request, here, row, by, found.onward)
    me = visitor(request)
    if me is None or me.account.id != found.account:
        raise AuthError("login.state", "somebody else is logged in by now", hint="begin again at the log-in")
    linked(here.hub, found.claimed, me.account, actor_of(me.account.name), new=False)
    return RedirectResponse(found.onward, 303, NO_STORE)


# ------------------------------------------------------------ one's own links


@router.post("/log-ins/link/{name}")
def link(request: Request, here: Here, me: Me, given: Form, name: str) -> Response:
    """Prove at a provider who one is there, and log in by it from then on."""
    require_fresh(here, me)
    place = here.providers.start(name, me.token, PAGE, me.account.id)
    return leading(request, here, place, buttons(here, language(request)).get(name, name))


# ------------------------------------------------------------ what providers end


async def _fields(request: Request) -> Mapping[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return dict(parse_qsl(body, max_num_fields=20)) if body.count("&") < 20 else {}


@router.post("/login/out/{name}")
def recalled(here: Here, name: str, given: Annotated[Mapping[str, str], Depends(_fields)]) -> Response:
    """A provider says that somebody logged out there (OpenID Connect Back-Channel Logout 1.0): 200, or 400 where its
    token is not taken. It comes from a server: there is no cookie, and no form of ours."""
    try:
        here.providers.logged_out(name, given.get("logout_token", ""))
    except AuthError as error:
        if error.code != "login.provider":
            raise
        told = {"error": "invalid_request", "error_description": error.message}
        return JSONResponse(told, 400, NO_STORE)
    return Response(status_code=200, headers=NO_STORE)
