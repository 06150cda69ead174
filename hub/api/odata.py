"""/v1/todos/odata: to-dos of many persons as an OData 4 feed, as Excel and BI tools read them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from hub.api.dashboards import scope_of
from hub.api.description import PROBLEM
from hub.api.ground import Here, caller, caller_by
from hub.api.paging import MOST, json_bytes
from hub.errors import AuthError, ConfigError, HubError
from hub.literals import digits
from hub.security.access import Caller
from hub.store import dashboards
from hub.todos import dashboards as shown
from hub.todos import odata

VERSION: Final = {"odata-version": "4.0"}
JSON: Final = "application/json;odata.metadata=minimal"
ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["code", "message"], "properties": {
        "code": {"type": "string"}, "message": {"type": "string"}, "target": {"type": "string"}}}},
}  # fmt: skip
FAILED: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "A problem, or an error of OData",
        "content": {"application/json": {"schema": ERROR}, **PROBLEM["default"]["content"]},
    }
}
router = APIRouter(prefix="/todos/odata", tags=["todos"], responses=FAILED)
OPTIONS: Final = ("$filter", "$select", "$orderby", "$top", "$skip", "$count", "$skiptoken", "$format")
Unit = Annotated[str | None, Query(description="Key or id of an organization: its people and all below it")]
Text = Annotated[str | None, Query(max_length=8000, json_schema_extra={"maxLength": odata.LONGEST})]


def _caller(request: Request) -> Caller:
    """By a key as a bearer, or, as Excel sends it, as the password of any user."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return caller(request)
    try:
        _, _, key = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        key = ""
    return caller_by(request, key)


def _served(request: Request, make: Callable[[Caller], Response]) -> Response:
    """The answer to whom may read, or an error in the protocol's form."""
    try:
        who = _caller(request)
        who.require("todos:read")
        return make(who)
    except (AuthError, ConfigError) as error:
        status = 401 if error.code == "key.refused" else 403 if isinstance(error, AuthError) else 400
        if error.code.endswith((".unknown", ".undeclared")):
            status = 404
        headers = VERSION | ({"www-authenticate": 'Basic realm="cophub"'} if status == 401 else {})
        return Response(json_bytes({"error": _told(error)}), status, headers, JSON)


def _told(error: HubError) -> Mapping[str, Any]:
    return {"code": error.code, "message": error.message, "target": error.where}


@router.get("", summary="The entity sets of the OData feed")
@router.get("/", include_in_schema=False)
def service(request: Request) -> Response:
    """The service document. Log in with a key as the password of any user, or as a bearer."""
    sets = [{"name": "Todos", "kind": "EntitySet", "url": "Todos"}]
    made = {"@odata.context": f"{_root(request)}$metadata", "value": sets}
    return _served(request, lambda _: _answer(made))


@router.get(
    "/$metadata",
    summary="What an entity of the OData feed has",
    response_class=Response,
    responses={200: {"content": {"application/xml": {"schema": {"type": "string"}}}}},
)
def metadata(request: Request) -> Response:
    """As XML (CSDL)."""
    made = Response(odata.metadata(), headers=VERSION, media_type="application/xml")
    return _served(request, lambda _: made)


@router.get("/Todos/$count", summary="How many entities there are", response_class=PlainTextResponse)
def counted(
    request: Request, here: Here, filter_: Annotated[Text, Query(alias="$filter")] = None, organization: Unit = None
) -> Response:
    """As text."""

    def make(who: Caller) -> Response:
        scope = scope_of(here, who, organization)
        found = dashboards.counted(here.hub.database, scope, odata.filtered(filter_))
        return Response(str(found), headers=VERSION, media_type="text/plain")

    return _served(request, make)


@router.get("/Todos", summary="To-dos of all persons that the key may see, as OData")
def todos(
    request: Request,
    here: Here,
    filter_: Annotated[Text, Query(alias="$filter")] = None,
    select: Annotated[Text, Query(alias="$select")] = None,
    orderby: Annotated[Text, Query(alias="$orderby")] = None,
    top: Annotated[int | None, Query(alias="$top", ge=0, le=2**31)] = None,
    skip: Annotated[int, Query(alias="$skip", ge=0, le=2**31)] = 0,
    count: Annotated[bool, Query(alias="$count")] = False,
    skiptoken: Annotated[str | None, Query(alias="$skiptoken", max_length=500)] = None,
    organization: Unit = None,
    language: Annotated[str, Query(description="Of titles; English without it", max_length=20)] = "",
) -> Response:
    """One entity for each to-do of each person. A page has at most 500; the next is at @odata.nextLink."""

    def make(who: Caller) -> Response:
        _known(request)
        scope, wanted, names = scope_of(here, who, organization), odata.filtered(filter_), odata.selected(select)
        order, backwards = odata.ordered(orderby)
        place = odata.placed(skiptoken, order) if skiptoken else None
        size = _size(request, top)
        rows = dashboards.listed(
            here.hub.database, scope, wanted, place, size, skip=0 if place else skip, order=order, backwards=backwards
        ) if size else []  # fmt: skip
        said: dict[str, Any] = {"@odata.context": f"{_root(request)}$metadata#Todos"}
        if count:
            said["@odata.count"] = dashboards.counted(here.hub.database, scope, wanted)
        lines = shown.lines(here.hub, scope, rows, language)
        said["value"] = [{name: one[name] for name in names} for one in map(odata.entity, lines)]
        left = None if top is None else top - len(rows)
        if len(rows) == size and size and left != 0:
            said["@odata.nextLink"] = _next(request, odata.token(dashboards.place(rows[-1], order)), left)
        return _answer(said)

    return _served(request, make)


def _known(request: Request) -> None:
    """Options of the protocol that are not understood may not be passed over."""
    for name in request.query_params:
        if name.startswith("$") and name not in OPTIONS:
            raise odata.refused(name, f"{name[:60]} is not understood")
    if request.query_params.get("$format", "json").partition(";")[0] not in ("json", JSON.partition(";")[0]):
        raise odata.refused("$format", "there is JSON only")


def _size(request: Request, top: int | None) -> int:
    """How many of a page: what is wanted, what the client prefers, and the most there is."""
    wanted = [MOST if top is None else min(top, MOST)]
    for one in request.headers.get("prefer", "").split(","):
        name, _, value = one.strip().partition("=")
        if name.removeprefix("odata.") == "maxpagesize" and (preferred := digits(value)):
            wanted.append(preferred)
    return min(wanted)


def _next(request: Request, token: str, left: int | None) -> str:
    gone = ("$skiptoken", "$skip", "$top")
    others = [(name, value) for name, value in request.query_params.multi_items() if name not in gone]
    others += [("$skiptoken", token)] + ([] if left is None else [("$top", str(left))])
    return f"{_root(request)}Todos?{urlencode(others, safe='$', quote_via=quote)}"


def _root(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/v1/todos/odata/"


def _answer(value: Mapping[str, Any]) -> Response:
    return Response(json_bytes(value), headers=VERSION, media_type=JSON)
