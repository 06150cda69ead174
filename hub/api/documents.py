"""/v1/documents: what documents hold, whole or in ranges. Nothing of it is ever shown by a browser as a page."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from hub.api.ground import Ground, Here, Reason, allowed, sight
from hub.api.paging import LIMIT, MOST, Next, after, answered, listed
from hub.api.problems import Refused
from hub.errors import AuthError, ConfigError
from hub.exchange.shown import Values
from hub.security.access import Caller
from hub.store import listing
from hub.store.listing import Wanted
from hub.store.reports import Entity
from hub.store.reports import entities as by_key
from hub.workspace.shape import ModelFile

router = APIRouter(prefix="/documents", tags=["documents"])
Reads = Annotated[Caller, allowed("entities:read")]
RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
SAFE: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-cache",
    "accept-ranges": "bytes",
}
WHOLE: Final[dict[str, Any]] = {"application/octet-stream": {"schema": {"type": "string"}}}
BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "All of it", "content": WHOLE},
    206: {"description": "The range asked for", "content": WHOLE},
    304: {"description": "The caller has it"},
}


@router.get("", summary="The models of documents that the key may see")
def models(request: Request, here: Here, who: Reads) -> Response:
    """With the fields that say what a document holds."""
    shapes = here.hub.workspace.models
    found = [
        {"model": name, "title": shapes[name].title, "fields": fields}
        for name in sorted(who.models(here.hub.workspace))
        if (fields := _fields(shapes[name]))
    ]
    return answered(request, {"items": found, "next": None})


@router.get("/{model}", summary="The documents of a model")
def documents(
    request: Request,
    here: Here,
    who: Reads,
    model: str,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
    fields: Annotated[str | None, Query(description="Only these, by comma: id,size")] = None,
) -> Response:
    """Those that are not disabled or deleted, with the size of what they hold, and where it is had."""
    shape = _model(here, who, model)
    rows = listing.entities(
        here.hub.database, model, Wanted({}, "active", "created"), after(request, cursor, uuid.UUID), limit
    )
    items = [_told(here, shape, one) for _, one in rows]
    return listed(request, items, limit, [rows[-1][1].id] if rows else None, fields)


@router.get("/{model}/{identity}/content", summary="What a document holds", response_class=Response, responses=BYTES)
def content(
    request: Request,
    here: Here,
    who: Reads,
    model: str,
    identity: Annotated[uuid.UUID, Path(description="The id of the document")],
    field: Annotated[str | None, Query(description="Where a document holds several contents: which")] = None,
    unmask_reason: Reason = None,
) -> Response:
    """All of it, or one range (RFC 9110). A classified content needs a reason, which is recorded."""
    shape, hub = _model(here, who, model), here.of(who)
    found = by_key(hub.database, model, str(identity), 1)
    if not found:
        raise ConfigError("entity.unknown", f"there is no such {model}", hint=f"see /v1/documents/{model}")
    name = _field(shape, field)
    sha256 = found[0].values.get(name)
    shown = Values(hub, shape.fields, sight(here, who, {model}, f"entity:{found[0].id}", unmask_reason))
    if sha256 is not None and shown.shown(name, sha256) != sha256:
        raise AuthError(
            "document.classified",
            f"{name} of {model} is classified ({shape.fields[name].level})",
            hint="say why by unmask_reason; the roles decide who may",
        )
    size = hub.contents.size(sha256) if sha256 else None
    if sha256 is None or size is None:
        raise ConfigError("content.unknown", "the document has no content, or the content store does not have it")
    return _sent(request, here, found[0], shape, sha256, size)


def _sent(request: Request, here: Ground, one: Entity, shape: ModelFile, sha256: str, size: int) -> Response:
    tag = f'"{sha256}"'
    known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    headers = SAFE | {"etag": tag, "repr-digest": f"sha-256=:{digest}:", "content-disposition": _named(one, shape)}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    start, end, status = 0, size, 200
    if request.headers.get("if-range", tag) == tag and (asked := request.headers.get("range")):
        start, end, status = _range(asked, size)
        if status == 206:
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    pieces = here.hub.contents.pieces(sha256, start, end)
    return StreamingResponse(pieces, status, headers, "application/octet-stream")


def _range(text: str, size: int) -> tuple[int, int, int]:
    """First byte, the one behind the last, and the status. What is no single range of bytes is not heard (RFC 9110);
    Refused ``range.outside``."""
    found = RANGE.fullmatch(text.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size, 200
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
    if found[1] and found[2] and int(found[2]) < int(found[1]):
        return 0, size, 200
    if start >= end:
        raise Refused("range.outside", f"the document has {size} bytes", where="range")
    return start, end, 206


def _named(one: Entity, shape: ModelFile) -> str:
    """It is saved, never opened in place; under its key, where that is not classified."""
    text = "-".join(str(one.values.get(name) or "") for name in shape.key if shape.fields[name].level in ("L1", "L2"))
    name = text.rpartition("/")[2] or str(one.id)
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _told(here: Ground, shape: ModelFile, one: Entity) -> dict[str, Any]:
    shown = Values(here.hub, shape.fields)
    shown.learn([one.values])
    values = {name: shown.shown(name, value) for name, value in one.values.items()}
    url = f"/v1/documents/{shape.model}/{one.id}/content"
    contents = {
        name: {
            "url": url if len(_fields(shape)) == 1 else f"{url}?field={name}",
            "sha256": values[name],
            "size": here.hub.contents.size(one.values[name]) if values[name] == one.values[name] else None,
        }
        for name in _fields(shape)
        if one.values.get(name)
    }
    told = {"id": one.id, "version": one.version, "updated_at": one.updated_at}
    return told | {"values": values, "contents": contents}


def _fields(shape: ModelFile) -> list[str]:
    return [name for name, one in shape.fields.items() if one.type == "content" and not one.many]


def _field(shape: ModelFile, field: str | None) -> str:
    there = _fields(shape)
    if field is None and len(there) > 1:
        raise Refused("field.several", "the document holds several contents", where="field", hint=", ".join(there))
    if field is not None and field not in there:
        raise Refused("fields.unknown", f"there is no content {field!r}", where="field", hint=", ".join(there))
    return field or there[0]


def _model(here: Ground, who: Caller, model: str) -> ModelFile:
    shapes = here.hub.workspace.models
    if model not in who.models(here.hub.workspace) or not _fields(shapes[model]):
        raise ConfigError("model.unknown", f"there are no documents {model!r}", hint="see /v1/documents")
    return shapes[model]
