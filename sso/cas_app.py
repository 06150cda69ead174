"""The endpoints of CAS, under /sso/cas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from hub.workspace.sso import PATH
from sso import cas, cas_answers, cas_saml
from sso.authorize import Refused
from sso.cas import Failure, Success
from sso.ground import Provider
from sso.server import Request as Asking

HERE: Final = f"{PATH}/cas"
CLOSED: Final = {"cache-control": "no-store", "pragma": "no-cache"}
Read = Callable[[Request], Awaitable[Asking]]


def routes(here: Provider, read: Read, page: str, few: Sequence[Any]) -> APIRouter:
    """``read`` reads a request's parameters; ``page`` is where the provider's pages are; ``few`` bounds what makes a
    row for somebody who has not logged in."""
    made = APIRouter(prefix=HERE)

    @made.get("/login", dependencies=few)
    async def login(request: Request) -> Response:
        """Kept, and shown to a person; without a service the portal is shown."""
        asking = await read(request)
        try:
            text = await run_in_threadpool(cas.asked, here, asking)
        except Refused as error:
            return _go(f"{page}/refused?error={quote(error.cause)}")
        return _go(f"{page}/ask?id={quote(text)}" if text else "/portal/todos")

    @made.get("/logout", dependencies=few)
    async def logout(request: Request) -> Response:
        asking = await read(request)
        return _go(f"{page}/logout?id={quote(await run_in_threadpool(cas.leaving, here, asking))}")

    async def asked(request: Request) -> tuple[Success | Failure, bool]:
        asking = await read(request)
        wishes_json = asking.payload.data.get("format", "XML").upper() == "JSON"
        return await run_in_threadpool(cas.validated, here, asking), wishes_json

    @made.get("/validate")
    async def validate(request: Request) -> Response:
        answer, _ = await asked(request)
        return Response(cas_answers.plain(answer), 200, CLOSED, "text/plain; charset=utf-8")

    @made.get("/serviceValidate")
    @made.get("/proxyValidate")
    async def service_validate(request: Request) -> Response:
        return _told(*await asked(request), attributes=False)

    @made.get("/p3/serviceValidate")
    @made.get("/p3/proxyValidate")
    async def with_attributes(request: Request) -> Response:
        return _told(*await asked(request), attributes=True)

    @made.post("/samlValidate")
    async def saml_validate(request: Request) -> Response:
        body, services = await _body(request, cas_saml.LIMIT), request.query_params.getlist(cas.TARGET)
        answer = await run_in_threadpool(cas_saml.answered, here, services, body)
        return Response(answer, 200, CLOSED, "text/xml; charset=utf-8")

    @made.get("/proxy")
    async def proxy(request: Request) -> Response:
        data = (await read(request)).payload.data
        whole = "pgt" in data and "targetService" in data
        answer = Failure("INVALID_REQUEST", "pgt and targetService are needed")
        if whole:
            answer = Failure("UNAUTHORIZED_SERVICE", "no service may have proxy tickets here")
        return Response(cas_answers.proxy(answer), 200, CLOSED, "application/xml")

    return made


async def _body(request: Request, limit: int) -> bytes:
    """A body, and of one that is longer than the limit a little more than that."""
    found = b""
    async for piece in request.stream():
        found += piece
        if len(found) > limit:
            break
    return found


def unable(here: Provider, path: str, status: int, identity: str) -> Response:
    """What a service is told when the hub cannot answer at a path; ``identity`` is the request's."""
    answer = Failure("INTERNAL_ERROR", f"the hub could not answer; its log tells why at request {identity}")
    if path.endswith("/samlValidate"):
        body = cas_saml.written(answer, here.issuer, here.now(), "", "")
        return Response(body, status, CLOSED, "text/xml; charset=utf-8")
    return _told(answer, False, attributes=False, status=status)


def _told(answer: Success | Failure, wishes_json: bool, *, attributes: bool, status: int = 200) -> Response:
    if wishes_json:
        return Response(cas_answers.in_json(answer, attributes=attributes), status, CLOSED, "application/json")
    return Response(cas_answers.xml(answer, attributes=attributes), status, CLOSED, "application/xml")


def _go(place: str) -> Response:
    return RedirectResponse(place, 303, {"cache-control": "no-store"})
