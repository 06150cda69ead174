"""The API as an ASGI application."""

from __future__ import annotations

import logging
import secrets
import threading
import traceback
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from hub.api import (
    acts,
    calendars,
    changes,
    dashboards,
    description,
    documents,
    drift,
    dropins,
    entities,
    events,
    exchanges,
    explain,
    feishu,
    odata,
    ofs,
    organizations,
    people,
    plans,
    scim,
    setaside,
    states,
    stream,
    substitutes,
    taskcenter,
    todos,
)
from hub.api.ground import STRANGERS, Ground, Starter
from hub.api.problems import Refused, invalid, problem
from hub.bootstrap import Opened
from hub.bus.accept import Door
from hub.errors import HubError
from hub.identity.trees import Trees
from hub.ready import failing, parts
from hub.redact import Redactor
from hub.security.rates import Buckets
from hub.todos.live import Live
from hub.todos.settling import Performing
from hub.workspace.strict import seconds

VERSION: Final = "v1"
DESCRIPTION: Final = """Unified master data, and the running of the exchanges that keep it.

Every answer is confined to what the key may see. Lists go on by `next`; every error is a problem (RFC 9457) with a
stable `code`, of which docs/reference/codes.md tells the meaning and the remedy."""
CORS: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": ["authorization", "content-type", "idempotency-key", "if-none-match", "last-event-id"],
    "expose_headers": ["etag", "link", "retry-after", "x-request-id"],
    "allow_credentials": False,  # a page sends its key by itself; no cookie of ours opens anything to others
    "max_age": 600,
}
log = logging.getLogger("hub.api")


def described() -> FastAPI:
    """The routes without a hub behind them: enough to say what they are."""
    api = FastAPI(
        title="COP Hub",
        version=VERSION,
        description=DESCRIPTION,
        openapi_url=f"/{VERSION}/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        responses=description.PROBLEM,
        redirect_slashes=False,
    )
    whole = APIRouter(prefix=f"/{VERSION}")
    for asked in (todos, people, organizations):
        whole.include_router(asked.often)  # first: each request is compared with one route after the other
    # before todos, which has /{identity}
    todo_parts = (changes, dashboards, odata, stream, calendars, substitutes, acts, drift, todos, states)
    for part in (entities, documents, exchanges, plans, setaside, events, *todo_parts, explain, people, organizations):
        whole.include_router(part.router)
    api.include_router(whole)
    for drop in (dropins, ofs, feishu, scim, taskcenter):
        api.include_router(drop.router)
    api.openapi = lambda: _openapi(api)  # type: ignore[method-assign] # FastAPI's way of changing it
    return api


def made(opened: Opened, ending: threading.Event | None = None) -> FastAPI:
    """The API over an open hub, which the caller closes after it. What is open for long ends with ``ending``."""
    rules, hub = opened.hub.workspace.hub.api, opened.hub
    api = described()
    pool = ThreadPoolExecutor(rules.runs, thread_name_prefix="run")
    performing = Performing(hub)
    api.state.ground = Ground(
        hub,
        opened.secrets,
        Buckets(rules.rate, rules.burst),
        Buckets(1.0, STRANGERS),
        Starter(pool),
        Door(hub, rules.largest),
        Live(hub.database, rules.listeners, ending or threading.Event()),
        performing,
    )
    api.state.trees = Trees(hub.database)
    _answering(api, opened.redactor)
    if rules.cors:
        api.add_middleware(CORSMiddleware, allow_origins=rules.cors, **CORS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        api.state.ground.live.close()
        performing.close()
        pool.shutdown(wait=True, cancel_futures=True)  # a run ends at its own border; what waits is told again

    api.router.lifespan_context = lifespan

    @api.get("/healthz", include_in_schema=False)
    def alive() -> dict[str, str]:
        return {"state": "alive"}

    @api.get("/readyz", include_in_schema=False)
    def ready() -> Response:
        found = parts(opened)
        bad = failing(found)
        state = "unready" if bad else "ready" if all(one.state == "ok" for one in found) else "degraded"
        return JSONResponse({"state": state, "parts": [one.said for one in found]}, 503 if bad else 200)

    return api


def limits(opened: Opened) -> dict[str, Any]:
    """What ``Guarded`` around the whole application keeps."""
    rules = opened.hub.workspace.hub.api
    return {"largest": rules.largest, "slowest": seconds(rules.slowest)}


def _answering(api: FastAPI, redactor: Redactor) -> None:
    """Every error leaves as a problem, and no text of one with a secret in it."""

    @api.exception_handler(HubError)
    def ours(request: Request, error: HubError) -> Response:
        error.message, error.where, error.hint = map(redactor, (error.message, error.where, error.hint))
        plan = getattr(error, "plan", "")
        return problem(error, _request(request), more={"plan": plan} if plan else {})

    @api.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> Response:
        body = getattr(request.scope.get("route"), "body_field", None)
        first, found = invalid(error.errors(), getattr(body and body.field_info, "annotation", None))
        return problem(first, _request(request), more={"errors": found})

    @api.exception_handler(HTTPException)
    def routed(request: Request, error: HTTPException) -> Response:
        code = {404: "route.unknown", 405: "route.method"}.get(error.status_code, "request.malformed")
        hint = f"see /{VERSION}/openapi.json"
        headers = error.headers
        if error.status_code == 405:
            headers = {"allow": ", ".join(sorted(_methods(api, request)))}
        return problem(
            Refused(code, f"{request.method} {request.url.path}: {error.detail}", hint=hint),
            _request(request),
            headers=headers,
        )

    @api.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        identity = _request(request)
        # where it happened and not what it says: a driver's text may hold values of a record
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("request %s: %s\n%s", identity, type(error).__name__, frames)
        told = HubError(
            "internal", "something went wrong inside the hub", hint="its log has the request's id"
        )
        told.exit_code = 70
        return problem(told, identity)


def _methods(api: FastAPI, request: Request) -> set[str]:
    """All that this address takes: the router names those of the first route alone."""
    routes = (route for route in api.routes if isinstance(route, Route))
    return {
        method
        for route in routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


def _request(request: Request) -> str:
    return str(getattr(request.state, "request", "") or secrets.token_hex(8))


def _openapi(api: FastAPI) -> dict[str, Any]:
    if api.openapi_schema is None:
        api.openapi_schema = description.completed(FastAPI.openapi(api))
    return api.openapi_schema
