"""/scim/v2/CLIENT: the hub as a SCIM 2.0 server (RFC 7643, 7644, 9865). Errors have SCIM's own form, with the hub's
code at the beginning of ``detail``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hub.api.ground import Ground, Here
from hub.api.problems import Refused, status_of
from hub.api.tokens import Asking, asking
from hub.errors import AuthError, ConfigError, HubError, RecordRejected
from hub.security.access import Caller
from hub.workspace.scim_references import SCIM_CLIENT

PLACE = "/scim/v2"
MEDIA = "application/scim+json"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
router = APIRouter(include_in_schema=False)


@router.api_route(PLACE + "/{client}", methods=["GET", "POST"])
@router.api_route(PLACE + "/{client}/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def scim(request: Request, here: Here, client: str, path: str = "") -> Response:
    """One request of a client. Reading needs the grant scim:read, writing scim:write, for its system."""
    try:
        body = await request.body()
    except Refused as error:
        return refused(error)
    return await run_in_threadpool(_served, request, here, client, path, body)


def _served(request: Request, here: Ground, name: str, path: str, body: bytes) -> Response:
    try:
        found = asking(request, here)
        who, path = found.who, _whose(found, request, path)
        _require_client(here, name, who)
        base = f"{_address(here)}{PLACE}/{name}"
        from hub.identity.scim_server import Asked  # noqa: PLC0415 # its libraries take half a second to load

        query, headers = dict(request.query_params), list(request.headers.items())
        answer = here.scim().answer(name, who, Asked(request.method, base, f"/{path}", query, headers, body))
    except HubError as error:
        return refused(error)
    return _sent(answer.status, answer.body, answer.headers)


def _whose(found: Asking, request: Request, path: str) -> str:
    """The path, of which /Me is who asks (RFC 7644 §3.11). AuthError ``key.grant``: a person sees himself alone.
    RecordRejected ``scim.me``: a program is nobody."""
    mine = path.strip("/") == "Me"
    if found.me is None:
        if mine:
            raise RecordRejected(
                "scim.me", "who asks is a program and no person", hint="ask for /Users, or by the token of a person"
            )
        return path
    if not mine or request.method != "GET":
        raise AuthError("key.grant", "by the token of a person only GET /Me is answered", hint="ask by a key")
    return f"Users/{found.me}"


def _require_client(here: Ground, name: str, who: Caller) -> None:
    """ConfigError ``scim.unknown``: there is no such client, or not for that key."""
    system = here.hub.workspace.systems.get(name)
    if system is None or system.spec.name != SCIM_CLIENT or not who.place(here.hub.workspace, name):
        raise ConfigError(
            "scim.unknown",
            f"there is no SCIM client {name[:60]!r} for this key",
            hint="declare a system with connector: scim_client, and give the key --system",
        )


def _address(here: Ground) -> str:
    """ConfigError ``address.missing``."""
    address = here.hub.workspace.hub.address
    if not address:
        raise ConfigError(
            "address.missing",
            "the hub does not know its own address, which every SCIM resource names",
            where="config/hub.yaml",
            hint="write address: https://hub.example.com there",
        )
    return address


def refused(error: HubError) -> Response:
    """An error of the hub as SCIM tells errors (RFC 7644 §3.12)."""
    status = 501 if error.code == "scim.me" else status_of(error)
    headers = {"WWW-Authenticate": 'Bearer realm="cophub"'} if status == 401 else {}
    if status in (429, 503):
        headers["Retry-After"] = str(max(1, round(getattr(error, "wait", None) or 1)))
    body = {"schemas": [ERROR], "status": str(status), "detail": f"{error.code}: {error.message}"}
    return _sent(status, body, headers)


def _sent(status: int, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Response:
    content = b"" if body is None else orjson.dumps(body)
    others = {name: value for name, value in headers.items() if name != "Content-Type"}
    return Response(content, status, others, MEDIA if content else None)
