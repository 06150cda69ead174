"""The endpoints of tickets, under /sso."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from hub.workspace.sso import PATH
from sso.ground import Provider
from sso.server import Request as Asking
from sso.server import Server
from sso.tickets.redeemed import redeem, restored

CLOSED: Final = {"cache-control": "no-store", "pragma": "no-cache", "referrer-policy": "no-referrer"}
Read = Callable[[Request], Awaitable[Asking]]
Ran = Callable[[Request, Callable[[Asking], Any]], Awaitable[Response]]


def routes(here: Provider, server: Server, read: Read, ran: Ran, page: str) -> APIRouter:
    """``read`` reads a request's parameters, ``ran`` answers a client, ``page`` is where the provider's pages are."""
    made = APIRouter(prefix=PATH)

    @made.get("/go/{todo}")
    def go(todo: uuid.UUID) -> Response:
        """The deep link of a to-do; a page of the portal knows who is logged in."""
        return RedirectResponse(f"{page}/go/{todo}", 303, CLOSED)

    @made.get("/tickets/jwks")
    def jwks() -> Response:
        return JSONResponse(here.ticket_keys.published(), headers={"cache-control": "public, max-age=300"})

    @made.post("/tickets/redeem")
    async def redeemed(request: Request) -> Response:
        return await ran(request, lambda asking: redeem(here, server, asking))

    @made.get("/tickets/seeyon/{client}")
    @made.post("/tickets/seeyon/{client}")
    async def seeyon(request: Request, client: str) -> Response:
        asking = await read(request)
        found = await run_in_threadpool(restored, here, client, asking.form.get("ticket", ""))
        return PlainTextResponse(found, 200 if found else 403, CLOSED)

    return made


