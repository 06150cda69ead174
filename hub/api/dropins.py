"""Drop-in receivers: the addresses at which an OA takes to-dos of others. A system that pushes there changes only the
host; which one it is, its code says (``todos`` of its system file)."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from hub.api.ground import Ground, Here, caller, caller_by
from hub.api.paging import json_bytes
from hub.api.todos import AT_ONCE, reported
from hub.errors import AuthError, HubError, RecordRejected
from hub.security import access
from hub.security.access import Caller
from hub.security.rates import too_many
from hub.todos import dropins
from hub.todos.received import echoed
from hub.workspace.shape import Dropin

router = APIRouter(include_in_schema=False)
Given = Annotated[Any, Body()]
LASTS: Final = dt.timedelta(minutes=15)


# ------------------------------------------------------------ Seeyon: /seeyon/rest


@router.post("/seeyon/rest/token")
def token(request: Request, here: Here, body: Given) -> Response:
    """userName is anything, password a key of the hub with todos:write; answers a token for a quarter of an hour."""
    given = body if isinstance(body, Mapping) else {}
    return _token(request, here, str(given.get("password", "")))


@router.get("/seeyon/rest/token/{user}/{password}")
def older_token(request: Request, here: Here, user: str, password: str) -> Response:
    """The older form. The key stands in the address, which logs keep: better use the other one."""
    return _token(request, here, password)


def _token(request: Request, here: Ground, password: str) -> Response:
    try:
        who = caller_by(request, password)
        who.require("todos:write")
    except AuthError:
        return _json({"id": "-1", "bindingUser": None})
    return _json({"id": ticket(here, password, "seeyon"), "bindingUser": None, "userName": who.name})


def ticket(here: Ground, key: str, purpose: str, detail: str = "") -> str:
    """The key's public half and how long it holds (``LASTS``), signed: the key itself is not in it."""
    form = access.FORM.fullmatch(key)
    assert form is not None
    said = [purpose, form[1], int((here.hub.clock() + LASTS).timestamp()), detail]
    message = orjson.dumps(said)
    return base64.urlsafe_b64encode(orjson.dumps([*said, here.hub.signer.sign(message)])).decode().rstrip("=")


def holder(here: Ground, text: str, purpose: str, grant: str = "todos:write") -> tuple[Caller, str]:
    """Who has a ticket of that purpose, and its detail. AuthError ``key.refused``, ``key.grant``; Refused
    ``request.many``."""
    refused = AuthError("key.refused", "the token is unknown or expired", hint="ask for a new one")
    try:
        *said, signature = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        meant, identity, until, detail = said
        good = here.hub.signer.verify(orjson.dumps(said), signature)
    except (ValueError, TypeError, AttributeError, AuthError):
        raise refused from None
    if not good or meant != purpose or until < here.hub.clock().timestamp():
        raise refused
    who = access.caller_with(here.hub.database, identity, here.hub.clock())
    if wait := here.buckets.take(who.name):
        raise too_many(wait)
    who.require(grant)
    return who, detail


@router.post("/seeyon/rest/thirdpartyPending/receive")
def receive(request: Request, here: Here, body: Given) -> Response:
    """One to-do."""
    return _seeyon(request, here, [body], whole=True)


@router.post("/seeyon/rest/thirdpartyPending/receive/pendings")
def receive_several(request: Request, here: Here, body: Given) -> Response:
    """Several, below pendingList or as a bare list."""
    several = body.get("pendingList") if isinstance(body, Mapping) else body
    return _seeyon(request, here, several if isinstance(several, list) else [None], whole=True)


@router.post("/seeyon/rest/thirdpartyPending/updatePendingState")
def update_state(request: Request, here: Here, body: Given) -> Response:
    """The state of one."""
    return _seeyon(request, here, [body], whole=False)


def _seeyon(request: Request, here: Ground, several: Sequence[Any], *, whole: bool) -> Response:
    try:
        who, _ = holder(here, request.headers.get("token") or request.query_params.get("token") or "", "seeyon")
    except AuthError as error:
        return Response(json_bytes({"success": False, "errorMsgs": [_detail("", error)]}), 401,
                        media_type="application/json")  # fmt: skip
    if len(several) > AT_ONCE:
        return _json({"success": False, "errorMsgs": [{"taskId": "", "errorDetail": f"at most {AT_ONCE} at once"}]})
    zone, errors, items, ids = zone_of(here), [], [], []
    for given in several:
        identity = echoed(given.get("taskId")) if isinstance(given, Mapping) else ""
        try:
            system, rule, said = declared(here, "seeyon", given, "registerCode")
            items.append(dropins.seeyon(said, system, rule, zone, whole=whole))
            ids.append(identity)
        except HubError as error:
            errors.append(_detail(identity, error))
    for identity, result in zip(ids, reported(here, who, items), strict=True):
        if "error" in result:
            errors.append({"taskId": identity, "errorDetail": words_of(result["error"])})
    return _json({"success": not errors, "errorMsgs": errors})


def _detail(identity: str, error: HubError) -> Mapping[str, Any]:
    return {"taskId": identity, "errorDetail": f"{error.code}: {error.message}"}


# ------------------------------------------------------------ Weaver: /rest/ofs


@router.post("/rest/ofs/{call}")
def ofs(request: Request, here: Here, call: str, body: Given) -> Response:
    """One to-do of one receiver. The protocol has no log-in: the system's file names the addresses it comes from,
    or the sender shows a key."""
    status, said = told_by_weaver(request, here, call, body)
    return Response(json_bytes(said), status, media_type="application/json")


def told_by_weaver(request: Request, here: Ground, call: str, given: Any) -> tuple[int, Mapping[str, str]]:
    """Take what one call of Weaver says, by REST or by SOAP; answers the HTTP status and the result's parts."""
    code = echoed(given.get("syscode")) if isinstance(given, Mapping) else ""
    said = {"syscode": code[:100], "dataType": "IsUse", "operType": "AutoEditWf"}
    if call.startswith("delete"):
        said["operType"] = "Del"
    try:
        if call not in dropins.WEAVER_CALLS and call not in dropins.WEAVER_DELETES:
            raise RecordRejected("todo.malformed", f"there is no call {call[:60]}", where="call")
        system, rule, found = declared(here, "weaver", given, "syscode")
        who = _known(request, here, rule, system)
        result = reported(here, who, [dropins.weaver(found, call, system, rule, zone_of(here))])[0]
        words = words_of(result["error"]) if "error" in result else str(result["result"])
        return 200, said | {"operResult": "0" if "error" in result else "1", "message": words}
    except RecordRejected as error:
        return 200, said | {"operResult": "0", "message": f"{error.code}: {error.message}"}
    except AuthError as error:
        return 401, said | {"operResult": "0", "message": f"{error.code}: {error.message}"}


def _known(request: Request, here: Ground, rule: Dropin, system: str) -> Caller:
    """Whom a sender without log-in is taken for: the system itself where its address is declared."""
    if request.headers.get("authorization"):
        who = caller(request)
        who.require("todos:write")
        return who
    address = request.client.host if request.client else ""
    if not any(_within(address, network) for network in rule.from_):
        with here.guessing(request):
            raise AuthError(
                "key.refused",
                "the address is not one of the system's, and no key is shown",
                hint=f"name it in todos.from of config/systems/{system}.yaml, or send a key (Authorization, Bearer)",
            )
    if wait := here.buckets.take(f"system:{system}"):
        raise too_many(wait)
    return Caller(f"system:{system}", frozenset({"todos:write"}), {"systems": frozenset({system})})


def _within(address: str, network: str) -> bool:
    try:
        found = ip_address(address)
        # a socket of both versions tells an address of IPv4 as ::ffff:10.1.2.3
        return (getattr(found, "ipv4_mapped", None) or found) in ip_network(network)
    except ValueError:
        return False


# ------------------------------------------------------------ all of them


def declared(here: Ground, speaks: str, given: Any, name: str) -> tuple[str, Dropin, Mapping[str, Any]]:
    """The system whose code a call has. RecordRejected ``todo.malformed``, ``system.unknown``."""
    if not isinstance(given, Mapping):
        raise RecordRejected("todo.malformed", "it is no JSON object", where=name)
    for system, found in sorted(here.hub.workspace.systems.items()):
        rule = found.todos
        if rule is not None and rule.speaks == speaks and rule.code == str(given.get(name, "")):
            return system, rule, given
    raise RecordRejected(
        "system.unknown",
        f"no system of the hub has this {name}",
        where=name,
        hint="declare todos: in its file below config/systems",
    )


def zone_of(here: Ground) -> ZoneInfo:
    return ZoneInfo(here.hub.workspace.hub.zone)


def words_of(error: Mapping[str, Any]) -> str:
    return f"{error['code']}: {error['message']}"


def _json(value: Mapping[str, Any]) -> Response:
    return Response(json_bytes(value), media_type="application/json")
