"""Errors as problems of RFC 9457: ``application/problem+json`` with the hub's stable code.

``type`` is ``urn:cophub:error:CODE``, ``title`` what kind of thing went wrong, ``detail`` what happened,
``where`` and ``hint`` where and what to do, ``instance`` the request's id, which the log has too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from hub.errors import AuthError, ConfigError, Fatal, Held, HubError, RecordRejected, Retriable
from hub.workspace.explain import fields_at, suggest

TYPE: Final = "application/problem+json"
UNKNOWN: Final = (".unknown", ".unread")
# Codes of ours whose status their class does not tell.
STATUS: Final = {
    "key.refused": 401,
    "login.needed": 401,
    "webhook.unsigned": 401,
    "webhook.late": 401,
    "webhook.forged": 401,
    "webhook.undeclared": 404,
    "event.large": 413,
    "internal": 500,
    "request.large": 413,
    "request.slow": 408,
    "request.many": 429,
    "stream.many": 429,
    "cursor.malformed": 400,
    "request.malformed": 400,
    "route.unknown": 404,
    "route.method": 405,
    "cursor.old": 410,
    "range.outside": 416,
    "plan.closed": 409,
    "plan.expired": 409,
    "plan.workspace": 409,
    "id.ambiguous": 409,
    "act.key": 409,
    "act.pending": 409,
    "act.closed": 409,
    "act.over": 409,
    "store.schema": 503,
    "workspace.invalid": 503,
}


class Refused(HubError):
    """A request that the API itself turns away; ``code`` has its status in ``STATUS``."""


def status_of(error: HubError) -> int:
    """The HTTP status of an error."""
    if error.code in STATUS:
        return STATUS[error.code]
    match error:
        case ConfigError() if error.code.endswith(UNKNOWN):
            return 404
        case ConfigError() | RecordRejected():
            return 422
        case AuthError():  # ours are about the caller; a system's, about our log-in there
            return 403
        case Held():
            return 409
        case Retriable():
            return 503
        case Fatal():
            return 500
    return 400


def problem(
    error: HubError,
    instance: str,
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The answer to an error, with ``more`` members; a wait the caller should keep becomes Retry-After."""
    status = status_of(error)
    sent = dict(headers or {})
    wait = getattr(error, "wait", None)
    if status in (429, 503) and "retry-after" not in sent:
        sent["retry-after"] = str(max(1, math.ceil(wait or 1)))
    if status == 401:
        sent["www-authenticate"] = 'Bearer realm="cophub"'
    body = {
        "type": f"urn:cophub:error:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "instance": f"urn:cophub:request:{instance}",
        "code": error.code,
        **{name: value for name, value in (("where", error.where), ("hint", error.hint)) if value},
        **(more or {}),
    }
    return Response(orjson.dumps(body), status, sent, TYPE)


def invalid(errors: Sequence[Mapping[str, Any]], body: Any = None) -> tuple[HubError, list[dict[str, str]]]:
    """What a request's validation says, without the values that it was given: they may be classified. ``body`` is the
    shape of the request's body, whose keys a misspelt one is compared with."""
    found = [
        {
            "where": ".".join(str(part) for part in one.get("loc", ())),
            "code": f"request.{one.get('type', 'invalid')}",
            "message": str(one.get("msg", "")),
        }
        for one in errors
    ]
    first = found[0] if found else {"where": "", "message": "the request cannot be read"}
    hint = _meant(errors[0], body) if errors else ""
    error = Refused(
        "request.malformed", first["message"], where=first["where"], hint=hint or "see /v1/openapi.json"
    )
    return error, found


def _meant(error: Mapping[str, Any], body: Any) -> str:
    """The keys that come close to one that there is not; "" where it is about something else."""
    place, *steps = error.get("loc") or ("",)
    if error.get("type") != "extra_forbidden" or place != "body" or body is None or not steps:
        return ""
    known = fields_at(body, steps[:-1]) or fields_at(body, steps[1:-1])  # of several shapes the first step is a name
    return suggest(steps[-1], known)
