"""/v1/quarantine and /v1/reviews: what was not applied, and what a person decides."""

from __future__ import annotations

import dataclasses
import uuid
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field, StrictBool
from starlette.responses import Response

from hub.api.exchanges import accepted
from hub.api.ground import Body, Here, Reason, allowed, exchange_of, run_key, sight
from hub.api.paging import LIMIT, MOST, Next, after, answered, listed
from hub.errors import ConfigError
from hub.exchange.decisions import replay as replaying
from hub.exchange.decisions.deciding import decide, merge_candidates
from hub.exchange.keytokens import Keys
from hub.exchange.reconciling.comparison import compare
from hub.exchange.shown import models_shown
from hub.literals import instant
from hub.security.access import Caller
from hub.store import listing, quarantined
from hub.store.meant import find_review
from hub.store.reports import Entry, causes
from hub.store.reviews import Review

router = APIRouter()
Reads = Annotated[Caller, allowed("quarantine:read")]
Writes = Annotated[Caller, allowed("quarantine:write")]


class Again(Body):
    """Which entries to look at again."""

    cause: str = Field(description="The fingerprint of a cause")
    preview: StrictBool = Field(False, description="Only make a plan of it")


class Dismissal(Body):
    """Which entries to take off the list."""

    cause: str = Field(description="The fingerprint of a cause")
    reason: str = Field(min_length=1, max_length=1000, description="Why; it is kept")


class Decision(Body):
    """What a record is."""

    decision: Literal["link", "create", "reject", "merge"]
    entity: str | None = Field(None, description="With link; with reject only this one; with merge the survivor")
    reason: str = Field(min_length=1, max_length=1000, description="Why; it is kept")


@router.get("/quarantine", tags=["quarantine"], summary="Records that were set aside, the newest first")
def quarantine(
    request: Request,
    here: Here,
    who: Reads,
    exchange: Annotated[str | None, Query()] = None,
    code: Annotated[str | None, Query(description="This code, or those below it")] = None,
    cause: Annotated[str | None, Query(description="The fingerprint of a cause")] = None,
    closed: Annotated[bool, Query(description="Also what was settled since")] = False,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
    fields: Annotated[str | None, Query()] = None,
) -> Response:
    """One entry per record and reason. Its input is masked as its field is classified; originals are never sent."""
    seen = who.exchanges(here.hub.workspace) if exchange is None else {exchange_of(here, who, exchange)}
    rows = listing.quarantined(
        here.hub.database, seen, after(request, cursor, uuid.UUID), limit, code=code, cause=cause, closed=closed
    )
    keys = Keys(here.hub)
    items = [_entry(keys, row) for row in rows]
    return listed(request, items, limit, [rows[-1].id] if rows else None, fields)


@router.get("/quarantine/causes", tags=["quarantine"], summary="The same by cause, the most frequent first")
def by_cause(
    request: Request,
    here: Here,
    who: Reads,
    exchange: Annotated[str | None, Query()] = None,
    examples: Annotated[int, Query(ge=0, le=20)] = 3,
) -> Response:
    """Entries that one remedy helps share a cause. Each comes with its newest examples."""
    seen = who.exchanges(here.hub.workspace) if exchange is None else {exchange_of(here, who, exchange)}
    keys, found = Keys(here.hub), []
    for one in causes(here.hub.database, exchange, examples=examples):
        if one.exchange in seen:
            told = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
            found.append(told | {"examples": [_entry(keys, each) for each in one.examples]})
    return answered(request, {"items": found, "next": None})


@router.post("/quarantine/replays", status_code=202, tags=["quarantine"], summary="Look at entries again")
def replay(request: Request, here: Here, who: Writes, again: Again) -> Response:
    """Answers at once. Entries of the cause go through the mapping as it is now; with preview only a plan is made."""
    chosen = _chosen(here, who, again.cause)
    key = run_key(request, f"{who.name}/replay/{again.cause}")
    work = partial(replaying.replay, here.of(who), chosen, key, preview=again.preview)
    here.starter.start(key, chosen.exchange, work)
    return accepted(key, chosen.exchange)


@router.post("/quarantine/dismissals", tags=["quarantine"], summary="Take entries off the list")
def dismiss(request: Request, here: Here, who: Writes, dismissal: Dismissal) -> Response:
    """They are not looked at again until their record changes."""
    _chosen(here, who, dismissal.cause)
    count = replaying.dismiss(here.of(who), [dismissal.cause], [], dismissal.reason)
    return answered(request, {"dismissed": count})


@router.get("/reviews", tags=["reviews"], summary="Records that a person decides about, the oldest first")
def reviews(
    request: Request,
    here: Here,
    who: Annotated[Caller, allowed("reviews:read")],
    exchange: Annotated[str | None, Query()] = None,
    state: Annotated[Literal["open", "decided", "superseded"], Query()] = "open",
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
    fields: Annotated[str | None, Query()] = None,
) -> Response:
    """Also those that were decided, by their state."""
    seen = who.exchanges(here.hub.workspace) if exchange is None else {exchange_of(here, who, exchange)}
    rows = listing.open_reviews(
        here.hub.database, seen, after(request, cursor, instant, uuid.UUID), limit, state
    )
    keys = Keys(here.hub)
    place = [rows[-1].opened_at, rows[-1].id] if rows else None
    return listed(request, [_review(keys, row) for row in rows], limit, place, fields)


@router.get("/reviews/{review}", tags=["reviews"], summary="A record beside its candidates, field by field")
def one_review(
    request: Request,
    here: Here,
    who: Annotated[Caller, allowed("reviews:read")],
    review: str,
    unmask_reason: Reason = None,
) -> Response:
    """What agrees and what does not, and how alike it is."""
    found = _found(here, who, review)
    models = models_shown(here.hub.workspace, found.exchange)
    eyes = sight(here, who, models, f"review:{found.id}", unmask_reason)
    compared = compare(here.of(who), found, eyes)
    told = {field.name: getattr(compared, field.name) for field in dataclasses.fields(compared)}
    keys = Keys(here.hub, eyes)
    return answered(request, told | {"review": _review(keys, found), "entry": _entry(keys, compared.entry)})


@router.post("/reviews/{review}/decision", tags=["reviews"], summary="Decide what a record is")
def decided(
    request: Request,
    here: Here,
    who: Annotated[Caller, allowed("reviews:write")],
    review: str,
    decision: Decision,
) -> Response:
    """Decided in the key's name. The record's run follows at once where it can; else note says why it waits."""
    found, hub = _found(here, who, review), here.of(who)
    if decision.decision == "merge":
        done = merge_candidates(hub, str(found.id), decision.entity, decision.reason)
    else:
        if decision.decision == "link" and decision.entity is None:
            raise ConfigError("review.entity", "link to which entity?", where="entity", hint="give its id or key")
        done = decide(hub, str(found.id), decision.decision, decision.entity, decision.reason)
    told = {
        "review": _review(Keys(here.hub), done.review),
        "run": done.result.run if done.result else None,
        "note": done.note,
    }
    return answered(request, told)


def _chosen(here: Here, who: Caller, cause: str) -> quarantined.Chosen:
    chosen = quarantined.chosen(here.hub.database, causes=[cause])
    if not chosen or chosen[0].exchange not in who.exchanges(here.hub.workspace):
        raise ConfigError("quarantine.unknown", f"nothing is set aside for {cause}", hint="see /v1/quarantine/causes")
    return chosen[0]


def _found(here: Here, who: Caller, review: str) -> Review:
    found = find_review(here.hub.database, review)
    if found.exchange not in who.exchanges(here.hub.workspace):
        raise ConfigError("review.unknown", f"there is no review {review}", hint="see /v1/reviews")
    return found


def _entry(keys: Keys, row: Entry) -> dict[str, Any]:
    told = {field.name: getattr(row, field.name) for field in dataclasses.fields(row) if field.name != "original"}
    key, position = keys.shown(row.exchange, row.key), keys.position(row.exchange, row.position)
    return told | {"key": key, "position": position}


def _review(keys: Keys, row: Review) -> dict[str, Any]:
    told = {field.name: getattr(row, field.name) for field in dataclasses.fields(row) if field.name != "source"}
    return told | {"key": keys.shown(row.exchange, row.key)}
