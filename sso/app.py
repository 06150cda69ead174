"""The provider's endpoints as an ASGI application, mounted at /sso."""

from __future__ import annotations

import json
import logging
import math
import traceback
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from authlib.oauth2.rfc6749 import OAuth2Error
from fastapi import Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from hub.errors import HubError, Retriable
from hub.security.rates import network, too_many
from hub.workspace.sso import PATH
from sso import devices, tokens
from sso.authorize import Refused, asked, refused
from sso.cas_app import HERE as CAS
from sso.cas_app import routes, unable
from sso.discovery import metadata
from sso.ground import Provider
from sso.logout import leaving
from sso.server import Answer, served
from sso.server import Request as Asking
from sso.tickets.routes import routes as ticket_routes

log = logging.getLogger("sso")
PAGE: Final = "/portal/sso"
PARAMETERS: Final = 60
OPEN: Final = {"access-control-allow-origin": "*", "cache-control": "public, max-age=300"}
CLOSED: Final = {"cache-control": "no-store", "pragma": "no-cache"}
FORM: Final = "application/x-www-form-urlencoded"


async def _read(request: Request) -> Asking:
    """The parameters of a request: of its address for GET, of its body for POST, never of both."""
    pairs: list[tuple[str, str]] = []
    text = request.url.query
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        text = (await request.body()).decode("utf-8", "replace") if kind == FORM else ""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=PARAMETERS)
    except ValueError:
        pairs = []
    headers = {"Authorization": request.headers["authorization"]} if "authorization" in request.headers else {}
    return Asking(request.method, [(name, value.replace("\0", "")) for name, value in pairs], headers)


def _answer(answer: Answer) -> Response:
    status, body, headers = answer
    text = body if isinstance(body, str) else json.dumps(body)
    return Response(text, status, {**CLOSED, **{name.lower(): value for name, value in headers}}, "application/json")


def _told(error: OAuth2Error) -> Response:
    status, body, headers = error()
    found = {name.lower(): value for name, value in headers}
    if status == 401 and "www-authenticate" not in found:
        found["www-authenticate"] = "Basic"
    return _answer((status, dict(body), list(found.items())))


def made(here: Provider) -> FastAPI:
    """Over an open hub that is a provider."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    server = served(here)

    def counted(request: Request) -> None:
        """What makes a row for somebody who has not logged in. Retriable ``request.many``."""
        if wait := here.strangers.take(network(request.client)):
            raise too_many(wait)

    few = [Depends(counted)]

    async def served_by(request: Request, answers: Callable[[Asking], Answer]) -> Response:
        """An endpoint for clients, in a thread: what it answers, or an error of OAuth."""
        asking = await _read(request)
        if "Authorization" in asking.headers and "client_secret" in asking.form:
            return _answer((400, {"error": "invalid_request", "error_description": "two ways of proof"}, []))
        try:
            return _answer(await run_in_threadpool(answers, asking))
        except OAuth2Error as error:
            return _told(error)

    async def ran(request: Request, what: Callable[[Asking], Any]) -> Response:
        """The same, where all that it answers is JSON."""
        return await served_by(request, lambda asking: (200, what(asking) or {}, []))

    @app.post(f"{PATH}/token")
    async def token(request: Request) -> Response:
        return await served_by(request, server.create_token_response)

    @app.post(f"{PATH}/revoke")
    async def revoke(request: Request) -> Response:
        return await ran(request, lambda asking: tokens.revoke(here, server, asking))

    @app.post(f"{PATH}/introspect")
    async def introspect(request: Request) -> Response:
        return await ran(request, lambda asking: tokens.introspect(here, server, asking))

    @app.post(f"{PATH}/device", dependencies=few)
    async def device(request: Request) -> Response:
        return await ran(request, lambda asking: devices.begun(here, server, asking))

    @app.get(f"{PATH}/userinfo")
    @app.post(f"{PATH}/userinfo")
    async def userinfo(request: Request) -> Response:
        asking = await _read(request)
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            text = asking.form.get("access_token", "") if request.method == "POST" else ""
        if not text:
            return Response(status_code=401, headers={**CLOSED, "www-authenticate": "Bearer"})
        try:
            return _answer((200, await run_in_threadpool(tokens.userinfo, here, text.strip()), []))
        except OAuth2Error as error:
            told = f'Bearer error="{error.error}"'
            headers = {**CLOSED, "www-authenticate": told}
            return JSONResponse({"error": error.error}, error.status_code, headers)

    @app.get(f"{PATH}/authorize", dependencies=few)
    @app.post(f"{PATH}/authorize", dependencies=few)
    async def authorize(request: Request) -> Response:
        """Kept, and shown to a person; a request that cannot be granted goes back to a client that is known."""
        asking = await _read(request)
        try:
            text = await run_in_threadpool(asked, here, server, asking)
        except Refused as error:
            return _sent(here, error)
        return _go(f"{PAGE}/ask?id={quote(text)}")

    @app.get(f"{PATH}/logout", dependencies=few)
    @app.post(f"{PATH}/logout", dependencies=few)
    async def logout(request: Request) -> Response:
        asking = await _read(request)
        try:
            text = await run_in_threadpool(leaving, here, asking)
        except Refused as error:
            return _sent(here, error)
        return _go(f"{PAGE}/logout?id={quote(text)}")

    @app.get(f"{PATH}/.well-known/openid-configuration")
    @app.get(f"/.well-known/oauth-authorization-server{PATH}")
    def configuration() -> Response:
        return JSONResponse(metadata(here), headers=OPEN)

    @app.get(f"{PATH}/jwks")
    def jwks() -> Response:
        return JSONResponse(here.keys.published(), headers=OPEN)

    app.include_router(routes(here, _read, PAGE, few))
    app.include_router(ticket_routes(here, server, _read, ran, PAGE))

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        identity = str(getattr(request.state, "request", ""))
        # where it happened and not what it says: a driver's text may hold values of a record
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("request %s: %s\n%s", identity, type(error).__name__, frames)
        waits = isinstance(error, Retriable)
        if request.url.path.startswith(f"{CAS}/"):
            return unable(here, request.url.path, 503 if waits else 500, identity)
        body = {"error": "temporarily_unavailable" if waits else "server_error", "error_description": identity}
        return _answer((503 if waits else 500, body, []))

    @app.exception_handler(HubError)
    def foreseen(request: Request, error: HubError) -> Response:
        if error.code != "request.many":
            return unforeseen(request, error)
        told = {"error": "temporarily_unavailable", "error_description": f"{error.code}: {error.message}"}
        wait = error.wait if isinstance(error, Retriable) and error.wait else 1
        return _answer((429, told, [("Retry-After", str(math.ceil(wait)))]))

    return app


def _go(place: str) -> Response:
    return RedirectResponse(place, 303, {"cache-control": "no-store"})


def _sent(here: Provider, error: Refused) -> Response:
    """To the client where its address is known to be its own; else to a page that says so."""
    return _go(refused(here, error) if error.back else f"{PAGE}/refused?error={quote(error.cause)}")
