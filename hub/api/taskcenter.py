"""/v1/taskcenter: the hub as a task provider that SAP Task Center pulls (service provider interface 2.0). Its answers
and errors are those of that contract, not of this API."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hub.api.dropins import LASTS, holder, ticket
from hub.api.ground import Ground, Here, caller_by
from hub.api.paging import json_bytes
from hub.api.problems import Refused, status_of
from hub.api.todos import people_seen, systems_seen
from hub.errors import AuthError, ConfigError, HubError, RecordRejected
from hub.literals import integer
from hub.security import access
from hub.security.access import Caller
from hub.store import taskcenter as store
from hub.store.taskcenter import Task
from hub.todos.acting import Press, press
from hub.todos.taskcenter import Provider

router = APIRouter(prefix="/v1/taskcenter", include_in_schema=False)
TOKEN: Final = "taskcenter"
USER: Final = "user:"
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
MOST: Final = 1000
STATUS: Final = {
    "taskcenter.undeclared": 501, "acts.undeclared": 501, "acts.off": 501, "act.receiver": 403, "act.account": 403,
}  # fmt: skip
PATIENCE: Final = 1.0
"""Seconds that an answer waits for the system: Task Center wants one within 1.4."""
Who = tuple[Caller, str]
"""The key, and the user id it speaks for; empty: for nobody."""


@router.post("/oauth/token")
async def token(request: Request, here: Here) -> Response:
    """A key as an OAuth 2.0 client (client credentials): its text is the client's secret. ``scope=user:ID`` is for
    acting as that user."""
    return await run_in_threadpool(_token, request, here, await request.body())


def _token(request: Request, here: Ground, body: bytes) -> Response:
    form = {name: values[-1] for name, values in parse_qs(body[:10_000].decode("utf-8", "replace")).items()}
    if form.get("grant_type") != "client_credentials":
        return _json({"error": "unsupported_grant_type"}, 400)
    user = next((one.removeprefix(USER) for one in form.get("scope", "").split() if one.startswith(USER)), "")
    key = _secret(request.headers.get("authorization", "")) or form.get("client_secret", "")
    try:
        who = caller_by(request, key)
        who.require("todos:act" if user else "todos:read")
    except AuthError as error:
        return _json({"error": "invalid_client", "error_description": error.message}, 401)
    except HubError as error:
        return _failed(error)
    made = ticket(here, key, TOKEN, user)
    return _json({"access_token": made, "token_type": "bearer", "expires_in": int(LASTS.total_seconds()) - 60})


def _secret(authorization: str) -> str:
    """The password of HTTP Basic, which OAuth encodes once more (RFC 6749 §2.3.1)."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return unquote_plus(base64.b64decode(text, validate=True).decode().partition(":")[2])
    except (binascii.Error, UnicodeDecodeError):
        return ""


@router.get("/tasks")
def tasks(request: Request, here: Here) -> Response:
    """Tasks by ``modifiedAfter`` and ``lastId``, in that order; an empty list is the end."""

    def work() -> Response:
        who, _ = _who(request, here, "todos:read")
        asked, provider = request.query_params, _provider(request, here)
        last = provider.names.identity(asked["lastId"]) if asked.get("lastId") else None
        if asked.get("lastId") and last is None:
            raise _wrong("lastId", "it is no task of this provider")
        found = store.changed(
            here.hub.database, systems_seen(here, who), _moment(asked.get("modifiedAfter")), last,
            _number(asked.get("$top"), "$top", 100, MOST),
        )  # fmt: skip
        return _json({"value": provider.tasks(found)})

    return _answered(work)


@router.get("/tasks/{urn}")
def task(request: Request, here: Here, urn: str) -> Response:
    """One task."""

    def work() -> Response:
        who, _ = _who(request, here, "todos:read")
        provider = _provider(request, here)
        return _json(provider.tasks([_found(here, who, provider, urn)])[0])

    return _answered(work)


@router.get("/tasks/{urn}/description")
def description(request: Request, here: Here, urn: str) -> Response:
    """More than the subject, as plain text."""

    def work() -> Response:
        who, _ = _who(request, here, "todos:read")
        row, _ = _found(here, who, _provider(request, here), urn)
        return Response((row["content"] or {}).get("text", ""), media_type="text/plain; charset=utf-8")

    return _answered(work)


@router.get("/taskDefinitions")
def definitions(request: Request, here: Here) -> Response:
    """Definitions of the tasks that changed last."""

    def work() -> Response:
        who, _ = _who(request, here, "todos:read")
        asked = request.query_params
        skip = _number(asked.get("$skip"), "$skip", 0, 2**31)
        top = _number(asked.get("$top"), "$top", 100, MOST)
        found = _provider(request, here).definitions(systems_seen(here, who))
        return _json({"value": found[skip : skip + top]})

    return _answered(work)


@router.get("/taskDefinitions/{urn}")
def definition(request: Request, here: Here, urn: str) -> Response:
    """One definition."""

    def work() -> Response:
        who, _ = _who(request, here, "todos:read")
        known = _provider(request, here).definitions(systems_seen(here, who))
        found = next((one for one in known if one["urn"] == urn), None)
        if found is None:
            raise ConfigError(
                "definition.unknown", f"there is no task definition {urn[:300]}", hint="see /taskDefinitions"
            )
        return _json(found)

    return _answered(work)


@router.post("/tasks/{urn}/response")
async def respond(request: Request, here: Here, urn: str) -> Response:
    """A response by the user whom the token names: 200 with the task, or 202 while it is on its way."""
    return await run_in_threadpool(_acted, request, here, urn, "responses", await request.body())


@router.post("/tasks/{urn}/action")
async def act(request: Request, here: Here, urn: str) -> Response:
    """An action, in the same way."""
    return await run_in_threadpool(_acted, request, here, urn, "actions", await request.body())


def _acted(request: Request, here: Ground, urn: str, kind: str, body: bytes) -> Response:
    def work() -> Response:
        who, user = _who(request, here, "todos:act")
        provider = _provider(request, here)
        person = provider.person(user) if user else None
        if person is None:
            raise AuthError("person.unknown", "the token names no user that the hub knows", hint=f"scope={USER}ID")
        row, _ = _found(here, who, provider, urn)
        given = _object(body)
        code = given["code"]
        offered = provider.definition(row)["possibleActions" if kind == "actions" else "possibleResponses"]
        if code not in [one["code"] for one in offered]:
            raise RecordRejected("act.response", f"{code!r} is none of the {kind} of this task", where="code")
        wanted = Press(row["id"], person, code, given["comment"], given["reasonCode"],
                       request.headers.get("idempotency-key", "")[:200])  # fmt: skip
        (one,) = here.performing.now([press(here.of(who), wanted, systems_seen(here, who))], PATIENCE)
        if one.state == "failed":
            return _failed(Refused(one.code, one.message), 409)
        if one.state == "submitting":
            return Response(status_code=202)
        return _json(provider.tasks([_found(here, who, provider, urn)])[0])

    return _answered(work)


def _object(body: bytes) -> dict[str, str]:
    """``code``, ``comment`` and ``reasonCode`` of an operation."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, Mapping):
        raise _wrong("", "the body is a JSON object with code, comment and reasonCode")
    found = {name: given.get(name) or "" for name in ("code", "comment", "reasonCode")}
    for name, value in found.items():
        if not isinstance(value, str) or len(value) > 4000 or "\0" in value:
            raise _wrong(name, "it is no text of at most 4000 characters")
    return found


# ------------------------------------------------------------ what all have


def _who(request: Request, here: Ground, grant: str) -> Who:
    """Who asks, by a token or by the key itself."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthError("key.refused", "the request carries no token", hint="ask for one: /v1/taskcenter/oauth/token")
    if access.FORM.fullmatch(text.strip()):
        who, user = caller_by(request, text.strip()), ""
        who.require(grant)
    else:
        who, user = holder(here, text.strip(), TOKEN, grant)
    people_seen(here, who)
    return who, user


def _provider(request: Request, here: Ground) -> Provider:
    asked = request.query_params.get("languages", "")
    found = Provider(here.hub, [one for text in asked.split(",") if (one := text.strip())][:20])
    _ = found.rule
    return found


def _found(here: Ground, who: Caller, provider: Provider, urn: str) -> Task:
    identity: uuid.UUID | None = provider.names.identity(urn)
    found = None if identity is None else store.one(here.hub.database, systems_seen(here, who), identity)
    if found is None:
        raise ConfigError("todo.unknown", f"there is no task {urn[:300]}")
    return found


def _moment(text: str | None) -> dt.datetime:
    try:
        if text is None or not MOMENT.fullmatch(text):
            raise ValueError
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise _wrong("modifiedAfter", "it is no time (2026-11-27T08:15:00.000Z)") from None


def _number(text: str | None, name: str, default: int, most: int) -> int:
    if text is None:
        return default
    try:
        return integer(text, most=most)
    except ValueError:
        raise _wrong(name, f"it is no whole number up to {most}") from None


def _wrong(where: str, why: str) -> RecordRejected:
    return RecordRejected("request.malformed", f"{where}: {why}".removeprefix(": "), where=where)


def _answered(work: Callable[[], Response]) -> Response:
    try:
        return work()
    except HubError as error:
        return _failed(error)


def _failed(error: HubError, status: int = 0) -> Response:
    status = status or STATUS.get(error.code) or {422: 400}.get(found := status_of(error), found)
    said: dict[str, Any] = {"code": f"cophub.{error.code}", "message": error.message[:2000]}
    wait = getattr(error, "wait", None)
    headers = {"retry-after": str(max(1, round(wait)))} if wait and status in (429, 503) else None
    return _json({"error": said | ({"target": error.where} if error.where else {})}, status, headers)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json_bytes(value), status, headers, media_type="application/json")
