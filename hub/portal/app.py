"""The portal as an ASGI application."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import traceback
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.bootstrap import Opened
from hub.errors import ConfigError, HubError
from hub.identity.trees import Trees
from hub.portal import (
    account,
    acts,
    administering,
    apps,
    deliveries,
    drift,
    exchanges,
    go,
    login,
    mappings,
    operators,
    passkeys,
    plans,
    providers,
    reports,
    reviews,
    second,
    sessions,
    setaside,
    stops,
    todos,
)
from hub.portal import live as stream
from hub.portal import sso as clients
from hub.portal.ground import HOME, Ground, Starter, language, visitor
from hub.portal.pages import FOREVER, HEADERS, Pages
from hub.portal.words import sentence
from hub.redact import Redactor
from hub.security.accounts import Ends
from hub.security.passwords import Passwords
from hub.security.rates import Buckets
from hub.todos.live import Live
from hub.todos.settling import Performing
from hub.workspace.strict import seconds
from sso.ground import Provider
from sso.tickets.broker import Broker
from sso.upstream.flow import Providers

log = logging.getLogger("hub.portal")
NAMES: Final = (1 / 30, 10)
"""Wrong passwords that one name may have: so many a second, so many at once."""
ADDRESSES: Final = (1 / 3, 30)
"""The same for all names from one address."""


class Headed:
    """Around the portal: its headers on every answer, also on errors."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the answer its headers."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(one for one in own if one[0] not in given)]
            await send(message)

        await self.app(scope, receive, sending)


def made(
    opened: Opened, status: Callable[[HubError], int], live: Live, performing: Performing, starter: Starter,
    sso: Provider | None = None,
) -> ASGIApp:  # fmt: skip
    """The portal over an open hub, which the caller closes after it; ``status`` is the HTTP status of an error,
    ``live`` tells of changes, ``performing`` tries what is pressed, ``starter``
    begins runs, ``sso`` is the provider where the hub is one."""
    rules = opened.hub.workspace.hub.portal
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.ground = here = Ground(
        opened.hub,
        Pages(has_apps=sso is not None, administers=partial(administering.pages_of, opened.hub.workspace.roles)),
        Passwords(),
        Ends(dt.timedelta(seconds=seconds(rules.idle)), dt.timedelta(seconds=seconds(rules.longest))),
        Buckets(*NAMES),
        Buckets(*ADDRESSES),
        status,
        live,
        performing,
        starter,
        Providers(opened.hub, opened.secrets.resolve),
        Trees(opened.hub.database),
        sso,
        None if sso is None else Broker(sso, opened.secrets.resolve),
    )
    opened.closing.callback(here.providers.close)
    app.include_router(login.router, prefix=HOME)
    app.include_router(providers.router, prefix=HOME)
    app.include_router(second.router, prefix=HOME)
    app.include_router(sessions.router, prefix=HOME)
    app.include_router(passkeys.router, prefix=HOME)
    app.include_router(account.router, prefix=HOME)
    app.include_router(operators.router, prefix=HOME)
    app.include_router(exchanges.router, prefix=HOME)
    app.include_router(plans.router, prefix=HOME)
    app.include_router(setaside.router, prefix=HOME)
    app.include_router(reviews.router, prefix=HOME)
    app.include_router(deliveries.router, prefix=HOME)
    app.include_router(stops.router, prefix=HOME)
    app.include_router(drift.router, prefix=HOME)
    app.include_router(reports.router, prefix=HOME)
    app.include_router(mappings.router, prefix=HOME)
    app.include_router(todos.router, prefix=HOME)
    app.include_router(acts.router, prefix=HOME)
    app.include_router(stream.router, prefix=HOME)
    if sso is not None:
        app.include_router(clients.router, prefix=f"{HOME}/sso")
        app.include_router(go.router, prefix=f"{HOME}/sso")
        app.include_router(apps.router, prefix=HOME)
    _answering(app, opened.redactor)

    @app.get("/")
    @app.get(HOME)
    @app.get(f"{HOME}/")
    def home() -> Response:
        return RedirectResponse(f"{HOME}/todos", 303)

    @app.get(f"{HOME}/static/{{name}}")
    def static(name: str) -> Response:
        if name not in here.pages.static:
            raise _unknown()
        content, kind = here.pages.static[name]
        return Response(content, headers={"cache-control": FOREVER}, media_type=kind)

    return Headed(app)


def _answering(app: FastAPI, redactor: Redactor) -> None:
    @app.exception_handler(HubError)
    def ours(request: Request, error: HubError) -> Response:
        error.message, error.where, error.hint = map(redactor, (error.message, error.where, error.hint))
        if error.code in ("login.needed", "login.again"):
            return _to_login(request, again=error.code == "login.again")
        return told(request, error)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> Response:
        return told(request, ConfigError("request.malformed", "the address holds what this page does not know"))

    @app.exception_handler(HTTPException)
    def routed(request: Request, error: HTTPException) -> Response:
        return told(request, _unknown())

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        identity = str(getattr(request.state, "request", "") or secrets.token_hex(8))
        # where it happened and not what it says: a driver's text may hold values of a record
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("request %s: %s\n%s", identity, type(error).__name__, frames)
        return told(request, HubError("internal", "something went wrong inside the hub"))


def _unknown() -> HubError:
    return ConfigError("page.unknown", "there is no such page", hint="begin at /portal/todos")


def _to_login(request: Request, *, again: bool = False) -> Response:
    """To the log-in, and from there back to the page; htmx takes the whole page there."""
    place = f"{HOME}/login?again=1&next={quote(second.ACCOUNT)}" if again else f"{HOME}/login?ended=1"
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=401)  # no page, and it is not asked for again
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": place})
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method == "GET" and not again:
        place = f"{HOME}/login?next={quote(here)}"
    return RedirectResponse(place, 303)


def told(request: Request, error: HubError) -> Response:
    """The page of an error: its sentence in the reader's language where there is one, its code, and what to do."""
    here: Ground = request.app.state.ground
    found = visitor(request) if error.code not in ("internal", "store.schema") else None
    spoken = language(request)
    filled = {
        "sentence": sentence("zh" if spoken.partition("-")[0].lower() == "zh" else "en", error.code),
        "error": error,
        "request": str(getattr(request.state, "request", "")),
        "me": found,
        "form": found.form if found else "",
    }
    answer = here.pages.page("error.html", spoken, filled, here.status(error))
    if "hx-request" in request.headers and error.code == "todo.unknown":
        answer.headers["hx-refresh"] = "true"  # it left while its page was open: the whole page says so
    return answer
