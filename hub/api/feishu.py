"""Feishu's addresses for third-party approvals: a system that syncs its approvals there syncs them here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.api.dropins import LASTS, Given, declared, holder, ticket, words_of
from hub.api.ground import Ground, Here, caller_by
from hub.api.paging import json_bytes
from hub.api.todos import AT_ONCE, reported
from hub.errors import AuthError, HubError, RecordRejected
from hub.security.access import Caller
from hub.store import todos
from hub.todos import feishu
from hub.workspace.shape import Dropin

router = APIRouter(prefix="/open-apis", include_in_schema=False)
MISSING, WRONG, SECRET, INVALID, NO_RIGHT = 99991661, 99991663, 10014, 1390001, 99991672
BEARER: Final = "t-"


@router.post("/auth/v3/tenant_access_token/internal")
def token(request: Request, here: Here, body: Given) -> Response:
    """app_id is the ``code`` of the system's file, app_secret a key of the hub with todos:write."""
    given = body if isinstance(body, Mapping) else {}
    app, secret = str(given.get("app_id", "")), str(given.get("app_secret", ""))
    try:
        who = caller_by(request, secret)
        who.require("todos:write")
        _system(here, app)
    except (AuthError, RecordRejected):
        return _answer(SECRET, "app secret invalid", status=200)
    held = f"{BEARER}{ticket(here, secret, 'feishu', app)}"
    seconds = int(LASTS.total_seconds())
    said = {"code": 0, "msg": "ok", "tenant_access_token": held, "expire": seconds}
    return Response(json_bytes(said), media_type="application/json")


@router.post("/approval/v4/external_instances")
def synced(request: Request, here: Here, body: Given) -> Response:
    """One approval with its tasks and copies."""
    try:
        who, system, rule = _known(request, here)
        given = _object(body)
        result = reported(here, who, [feishu.instance(given, system, rule)])[0]
    except HubError as error:
        return _wrong(error)
    if "error" in result:
        return _answer(INVALID, f"param is invalid: {words_of(result['error'])}")
    return _answer(0, "success", {"data": given})


@router.post("/approval/v4/external_instances/check")
def checked(request: Request, here: Here, body: Given) -> Response:
    """Which of these instances the hub does not know, or knows older; with the time that it has."""
    try:
        who, system, _ = _known(request, here)
        asked = _object(body).get("instances")
        if not isinstance(asked, list) or not asked or len(asked) > AT_ONCE:
            raise RecordRejected("todo.malformed", f"instances is a list of 1 to {AT_ONCE}", where="instances")
        given = [_object(one) for one in asked]
        wanted = [(feishu.key(one, system), feishu.changed(one)) for one in given]
        if not who.place(here.hub.workspace, system):
            raise AuthError("key.within", f"the key {who.name!r} is not for {system}")
    except HubError as error:
        return _wrong(error)
    with here.hub.database.begin(reading=True) as connection:
        known = todos.find(connection, sorted({key for key, _ in wanted}))
    stale = []
    for one, (key, changed) in zip(given, wanted, strict=True):
        stored = known.get(key)
        content = stored.row["registers"]["content"] if stored else None
        has = content[0] // 1000 if content else 0
        if has < changed:
            tasks = [{"task_id": task.get("task_id"), "update_time": str(has)} for task in one.get("tasks") or []]
            stale.append({"instance_id": one.get("instance_id"), "update_time": str(has), "tasks": tasks})
    return _answer(0, "success", {"diff_instances": stale})


def _known(request: Request, here: Ground) -> tuple[Caller, str, Dropin]:
    """Who asks, and for which system."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthError("key.refused", "the request carries no token", where="authorization")
    who, app = holder(here, text.strip().removeprefix(BEARER), "feishu")
    return who, *_system(here, app)


def _system(here: Ground, app: str) -> tuple[str, Dropin]:
    system, rule, _ = declared(here, "feishu", {"app_id": app}, "app_id")
    return system, rule


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RecordRejected("todo.malformed", "it is no JSON object", where="body")
    return value


def _wrong(error: HubError) -> Response:
    if not isinstance(error, AuthError | RecordRejected):
        raise error  # a limit, or ours: the API's own answer
    if isinstance(error, RecordRejected):
        return _answer(INVALID, f"param is invalid: {error.code}: {error.message}")
    code = MISSING if error.where == "authorization" else WRONG if error.code == "key.refused" else NO_RIGHT
    return _answer(code, f"{error.code}: {error.message}")


def _answer(code: int, words: str, data: Mapping[str, Any] | None = None, status: int = 400) -> Response:
    said = {"code": code, "msg": words, **({} if data is None else {"data": data})}
    # in ASCII: it may be the sender's own words, with halves of characters and numbers of any length
    return Response(json.dumps(said), 200 if code == 0 else status, media_type="application/json")
