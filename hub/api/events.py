"""/v1/events: records that are pushed to the hub. They are stored before they are answered; the worker applies
them with the very mapping of the scheduled exchange."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hub.api.ground import Ground, Here, caller
from hub.api.paging import json_bytes
from hub.api.problems import Refused
from hub.bus.accept import Accepted
from hub.errors import AuthError

router = APIRouter(prefix="/events", tags=["events"])


@router.post(
    "/{system}/{resource:path}",
    status_code=202,
    summary="Push a record, an event or a list of them",
    responses={401: {"description": "The key, or the system's proof, does not hold"}},
)
async def push(request: Request, here: Here, system: str, resource: str) -> Response:
    """A CloudEvent (structured JSON; a type that ends in .deleted says that the record is gone), a bare record,
    or a list of them. The sender shows a key with the grant events:write, or signs in the way that the system's
    file declares under ``push``. The same id again is counted once."""
    body = await request.body()
    keyed = request.headers.get("authorization", "").lower().startswith("bearer ")
    accept = _keyed if keyed else _signed
    accepted = await run_in_threadpool(accept, request, here, system, resource, body)
    return Response(json_bytes(accepted), 202, media_type="application/json")


def _keyed(request: Request, here: Ground, system: str, resource: str, body: bytes) -> Accepted:
    who = caller(request)
    who.require("events:write")
    if not who.place(here.hub.workspace, system):
        raise AuthError("key.within", f"the key {who.name!r} is not for {system}", hint="use another key")
    identity = request.headers.get("idempotency-key", "")[:200]
    return here.door.pushed(f"{system}.{resource}", body, source=f"key:{who.name}", identity=identity)


def _signed(request: Request, here: Ground, system: str, resource: str, body: bytes) -> Accepted:
    with here.guessing(request):
        return _proven(request, here, system, resource, body)


def _proven(request: Request, here: Ground, system: str, resource: str, body: bytes) -> Accepted:
    known = here.hub.workspace.systems.get(system)
    if known is None or known.push is None:
        raise Refused(
            "webhook.undeclared",
            f"no system {system!r} pushes to this hub",
            hint=f"declare push: in config/systems/{system}.yaml, or send a key with events:write",
        )
    secrets = [here.secrets.resolve(one).reveal() for one in known.push.references]
    headers = {name.lower(): value for name, value in request.headers.items()}
    moment = here.hub.clock().timestamp()
    return here.door.webhook(f"{system}.{resource}", known.push, headers, body, secrets, moment)


