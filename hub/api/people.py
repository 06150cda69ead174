"""/v1/people: who is there, where they belong, and what they are called in every system."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import uuid
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from hub.api.direct import Direct
from hub.api.ground import Ground, Here, Reason, allowed
from hub.api.paging import CURSOR, LIMIT, MOST, after, answered, json_bytes, listed
from hub.api.problems import Refused
from hub.errors import ConfigError, RecordRejected
from hub.identity import accounts as of_systems
from hub.identity import people as found
from hub.identity.organizations import organization as organization_of
from hub.identity.people import Since
from hub.identity.trees import Trees
from hub.identity.view import View, moment_of
from hub.identity.within import belonging
from hub.literals import integer
from hub.security import clearance
from hub.security.access import Caller
from hub.security.masking import is_classified
from hub.store.directory import Wanted
from hub.workspace.organization import LINE

router = APIRouter(prefix="/people", tags=["people"])
often = APIRouter(prefix="/people", tags=["people"], route_class=Direct)
Reads = Annotated[Caller, allowed("people:read")]
Day = Annotated[dt.date | None, Query(description="As it was at the end of this day in the hub's zone")]
Called = Annotated[str | None, Field(max_length=200)]
STATES = {"active": 0, "disabled": 1, "all": None}


def view(request: Request, here: Ground, who: Caller, day: dt.date | None = None) -> View:
    """What the caller may see, on a day."""
    trees: Trees = request.app.state.trees
    workspace = here.hub.workspace
    systems = frozenset(name for name in workspace.systems if who.place(workspace, name))
    moment = moment_of(here.hub, day)
    return View(here.of(who), trees, who.models(workspace), systems, who.organizations, moment=moment, day=day)


def clear(
    here: Ground, who: Caller, seen: View, identity: uuid.UUID, reason: str | None, model: str, units: set[uuid.UUID]
) -> View:
    """The same, in the clear where the caller says why and its roles allow it of who belongs to these organizations."""
    if reason is None:
        return seen
    shown, roles = _with_references(seen, model), here.hub.workspace.roles
    within = belonging(seen, units)
    about = f"entity:{identity}"
    return replace(seen, sight=clearance.unmask(here.hub.database, roles, who.actor, shown, about, reason, within))


def _with_references(seen: View, model: str) -> set[str]:
    fields = seen.hub.workspace.models[model].fields
    return {model, *(field.model for field in fields.values() if field.model)}


class Search(BaseModel):
    """Who is looked for."""

    q: Annotated[
        str | None, Field(description="What one of the searched fields begins with", min_length=1, max_length=64)
    ] = None
    organization: Annotated[
        str | None, Field(description="Key or id: who belongs to it or to one below it", max_length=200)
    ] = None
    code: Called = None
    login: Called = None
    mail: Called = None
    phone: Called = None
    state: Literal["active", "disabled", "all"] = "active"
    limit: Annotated[int, Field(ge=1, le=MOST)] = LIMIT
    cursor: Annotated[str | None, Field(description="next of the page before", json_schema_extra=CURSOR)] = None
    fields: Annotated[str | None, Field(description="Only these, by comma: id,name")] = None


@often.get("", summary="People, by beginnings of names, by what they are called, by where they belong")
def people(request: Request, here: Here, who: Reads, asked: Annotated[Search, Query()]) -> Response:
    """Found field by field, in the order of what is found. Nobody is found by a value that is classified."""
    q, organization = asked.q, asked.organization
    place = after(request, asked.cursor, integer, str, uuid.UUID)
    seen = view(request, here, who)
    names = found.searched(seen)
    if q is not None and not names:
        raise Refused(
            "people.search",
            "this hub does not say by which fields people are found",
            where="q",
            hint="declare people.search in config/hub.yaml",
        )
    equal = _equal(seen, {"code": asked.code, "login": asked.login, "mail": asked.mail, "phone": asked.phone})
    roots = seen.roots if organization is None else frozenset({organization_of(seen, LINE, organization)})
    wanted = Wanted(q or "", names, equal, STATES[asked.state])
    begin = None if place is None else (place[0], place[1], place[2])
    rows, end = found.search(seen, wanted, roots, begin, asked.limit)
    return listed(request, found.brief(seen, rows), asked.limit, end, asked.fields)


def _equal(seen: View, called: dict[str, str | None]) -> dict[str, Any]:
    people = seen.people
    fields, equal = seen.hub.workspace.models[people.model].fields, {}
    for kind, value in called.items():
        if value is None:
            continue
        name = next((field for one, field in people.receivers.items() if one == kind), None)
        if name is None:
            raise Refused(
                "query.unknown", f"this hub does not say where people have a {kind}", where=kind,
                hint="declare it in people.receivers of config/hub.yaml",
            )  # fmt: skip
        if is_classified(fields[name].level):
            raise Refused(
                "query.classified",
                f"{kind} is classified ({fields[name].level}): nobody is looked for by it",
                where=kind,
                hint="ask for one person by key; each such question is recorded",
            )
        equal[name] = value
    return equal


@router.get("/changes", summary="People that changed since, and who left")
def changed(
    request: Request,
    here: Here,
    who: Reads,
    since: Annotated[str | None, Query(description="next of the answer before", max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
) -> Response:
    """Without since: all that are there. Keep `next`, and send it as `since` the next time; at once where `more` says
    so. `items` are there or changed, by themselves or by their posts; `removed` are there no more."""
    seen = view(request, here, who)
    mark = _mark(who)
    start = found.START if since is None else _since(since, mark)
    items, removed, end, more = found.changes(seen, start, limit)
    told = [mark, *end.person, *end.post]
    following = base64.urlsafe_b64encode(json_bytes(told)).decode().rstrip("=")
    return answered(request, {"items": items, "removed": removed, "next": following, "more": more})


def _mark(who: Caller) -> str:
    roots = None if who.organizations is None else sorted(map(str, who.organizations))
    return hashlib.sha256(orjson.dumps(roots)).hexdigest()[:12]


def _since(text: str, mark: str) -> Since:
    try:
        told, *places = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        person, one, post, other = places
        start = Since((integer(str(person)), uuid.UUID(one)), (integer(str(post)), uuid.UUID(other)))
    except (ValueError, TypeError, AttributeError):
        raise RecordRejected(
            "cursor.malformed", "this is no cursor of changes", where="since", hint="take it from next, as it is"
        ) from None
    if told != mark:
        raise ConfigError(
            "cursor.old", "the cursor is of another key", where="since", hint="read all anew: ask without since"
        )
    return start


@router.get("/{person}", summary="One person with all values and posts, by key or id")
def person(
    request: Request, here: Here, who: Reads, person: str, as_of: Day = None, unmask_reason: Reason = None
) -> Response:
    """Who was merged away is shown as whom he went into."""
    seen = view(request, here, who, as_of)
    row = found.person(seen, person)
    seen = clear(here, who, seen, row["_id"], unmask_reason, seen.people.model, seen.places([row])[row["_id"]])
    return answered(request, found.whole(seen, row))


@router.get("/{person}/posts", summary="The posts of a person, the main one first")
def posts(request: Request, here: Here, who: Reads, person: str, as_of: Day = None) -> Response:
    """Those of the day: what begins later is not told before."""
    seen = view(request, here, who, as_of)
    row = found.person(seen, person)
    return answered(request, {"items": found.posts(seen, [row["_id"]]).get(row["_id"], [])})


@router.get("/{person}/accounts", summary="What a person is called in every system")
def accounts(request: Request, here: Here, who: Reads, person: str, unmask_reason: Reason = None) -> Response:
    """In the systems that the key may see. A key that is classified is shown as a token."""
    seen = view(request, here, who)
    row = found.person(seen, person)
    seen = clear(here, who, seen, row["_id"], unmask_reason, seen.people.model, seen.places([row])[row["_id"]])
    return answered(request, {"items": of_systems.accounts(seen, row["_id"])})


@router.get("/{person}/accounts/{system}/{account:path}", summary="Why an account is linked to this person")
def why(request: Request, here: Here, who: Reads, person: str, system: str, account: str) -> Response:
    """The first reason is the decisive one."""
    seen = view(request, here, who)
    row = found.person(seen, person)
    reasons = of_systems.explain(seen, row["_id"], system, account)
    return answered(request, {"reasons": [asdict(one) for one in reasons]})
