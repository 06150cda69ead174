"""Lists: keyset cursors, chosen fields, ETags.

A cursor is the place after the last row, with a mark of the query it belongs to: with another query it is
refused. It holds nothing that the list did not show; it is not secret and proves nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from hub.api.problems import Refused

LIMIT, MOST = 50, 500
CURSOR: Final[dict[str, Any]] = {"pattern": "^[A-Za-z0-9_-]+$"}
Next = Annotated[str | None, Query(description="next of the page before", json_schema_extra=CURSOR)]
"""Where a list goes on. The pattern is described and not asked for: ``after`` says better what is wrong."""


def json_bytes(value: Any) -> bytes:
    """JSON of what the store answers: ids and decimals as texts, instants in ISO 8601."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


def after(request: Request, cursor: str | None, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The place in a cursor, each part read as its kind; Refused ``cursor.malformed``, ``cursor.other``."""
    if cursor is None:
        return None
    try:
        mark, place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        found = tuple(kind(_text(part)) for kind, part in zip(kinds, place, strict=True))
    except (ValueError, TypeError):  # of base64, JSON and each kind
        raise Refused(
            "cursor.malformed", "this is no cursor", where="cursor", hint="take it from next, as it is"
        ) from None
    if mark != _mark(request):
        raise Refused(
            "cursor.other",
            "the cursor belongs to another query",
            where="cursor",
            hint="keep all other parameters as they were, or begin without a cursor",
        )
    return found


def _text(part: Any) -> str:
    if not isinstance(part, str):
        raise TypeError(type(part).__name__)
    return part


def listed(
    request: Request,
    items: Sequence[Mapping[str, Any]],
    limit: int,
    place: Sequence[Any] | None,
    fields: str | None = None,
) -> Response:
    """``items`` (at most ``limit``), and where to go on: ``place`` is that of the last of them."""
    chosen = [only(item, fields) for item in items]
    more = place if len(items) == limit else None
    cursor = None if more is None else _cursor(request, more)
    headers = {}
    if cursor is not None:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        headers["link"] = f'<{request.url.path}?{urlencode([*others, ("cursor", cursor)])}>; rel="next"'
    return answered(request, {"items": chosen, "next": cursor}, headers)


def answered(request: Request, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer with its ETag; 304 without a body where the caller has it already."""
    return tagged(request, json_bytes(value), "application/json", headers)


def tagged(request: Request, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of a media type with its ETag; 304 without a body where the caller has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    sent = {**(headers or {}), "etag": tag}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=sent)
    return Response(body, headers=sent, media_type=kind)


def only(item: Mapping[str, Any], fields: str | None) -> Mapping[str, Any]:
    """The fields asked for, in their order; a name with a dot means one of a nested object.
    Refused ``fields.unknown``."""
    if not fields:
        return item
    found: dict[str, Any] = {}
    for path in fields.split(","):
        name, _, inner = path.strip().partition(".")
        value = item.get(name)
        if name not in item or (inner and not (isinstance(value, Mapping) and inner in value)):
            raise Refused("fields.unknown", f"there is no field {path!r}", where="fields",
                          hint=f"one of {', '.join(item)}")  # fmt: skip
        if inner and isinstance(value, Mapping):
            found.setdefault(name, {})[inner] = value[inner]
        else:
            found[name] = value
    return found


def _cursor(request: Request, place: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json_bytes([_mark(request), [str(part) for part in place]])).decode().rstrip("=")


def _mark(request: Request) -> str:
    others = sorted(
        (name, value) for name, value in request.query_params.multi_items() if name not in ("cursor", "limit")
    )
    return hashlib.sha256(json_bytes([request.url.path, others])).hexdigest()[:12]
