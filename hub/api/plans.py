"""/v1/plans: what a run would do; approving, rejecting and applying it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from hub.api.exchanges import accepted
from hub.api.ground import Body, Here, Reason, allowed, exchange_of, plan_of, run_key, sight
from hub.api.paging import LIMIT, MOST, Next, after, answered, listed
from hub.exchange.contents import contents
from hub.exchange.judging import approval
from hub.exchange.pipeline import apply_plan
from hub.exchange.shown import models_shown
from hub.security.access import Caller
from hub.store import listing
from hub.store.plans import PlanRow
from hub.workspace.strict import seconds

router = APIRouter(prefix="/plans", tags=["plans"])
Reads = Annotated[Caller, allowed("plans:read")]
Writes = Annotated[Caller, allowed("plans:write")]


class Consent(Body):
    """Letting a held plan through."""

    reason: str = Field(min_length=1, max_length=1000, description="Why it may pass; it is kept")
    expires: str | None = Field(
        None, pattern=r"^\d+(ms|s|m|h|d)$", description="How long it holds: 30m, 4h; else as in hub.yaml"
    )


class Refusal(Body):
    """Closing a plan for good."""

    reason: str = Field(min_length=1, max_length=1000, description="Why it may not pass; it is kept")


@router.get("", summary="Stored plans, the newest first")
def plans(
    request: Request,
    here: Here,
    who: Reads,
    exchange: Annotated[str | None, Query()] = None,
    state: Annotated[Literal["open", "applied", "rejected", "expired"] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
    fields: Annotated[str | None, Query()] = None,
) -> Response:
    """What guards held stands in breaches."""
    seen = who.exchanges(here.hub.workspace) if exchange is None else {exchange_of(here, who, exchange)}
    rows = listing.stored_plans(here.hub.database, seen, after(request, cursor, uuid.UUID), limit, state)
    return listed(request, [_told(row) for row in rows], limit, [rows[-1].id] if rows else None, fields)


@router.get("/{plan}", summary="One plan with its changes")
def one(
    request: Request,
    here: Here,
    who: Reads,
    plan: str,
    changes: Annotated[int, Query(ge=0, le=1000, description="Changes of each kind")] = 20,
    unmask_reason: Reason = None,
) -> Response:
    """At most so many changes of each kind, with old and new values, masked as the key may see."""
    row = plan_of(here, who, plan)
    models = models_shown(here.hub.workspace, row.exchange)
    eyes = sight(here, who, models, f"plan:{row.id}", unmask_reason)
    found = contents(here.of(who), row, changes, eyes)
    return answered(request, _told(row) | {"stale": found.stale, "outputs": found.parts})


@router.post("/{plan}/approval", summary="Let a held plan through")
def approve(request: Request, here: Here, who: Writes, plan: str, consent: Consent) -> Response:
    """Signed by the hub for the key's name, which must not be the plan's author."""
    row, hub = plan_of(here, who, plan), here.of(who)
    lasts = seconds(consent.expires or hub.workspace.hub.approvals.expires)
    given = approval.approve(hub, row, consent.reason, dt.timedelta(seconds=lasts))
    told = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    return answered(request, told)


@router.post("/{plan}/rejection", summary="Close a plan for good")
def reject(request: Request, here: Here, who: Writes, plan: str, refusal: Refusal) -> Response:
    """It cannot be approved or applied any more."""
    row = plan_of(here, who, plan)
    approval.reject(here.of(who), row, refusal.reason)
    return answered(request, _told(plan_of(here, who, str(row.id))))


@router.post("/{plan}/runs", status_code=202, summary="Apply a plan")
def apply(request: Request, here: Here, who: Annotated[Caller, allowed("runs:write")], plan: str) -> Response:
    """Answers at once. What changed since the plan was made is refused and listed; a plan is applied once."""
    row = plan_of(here, who, plan)
    hub = here.of(who)
    approval.require_open(hub, row)
    key = run_key(request, f"{who.name}/plan/{row.id}")
    here.starter.start(key, row.exchange, partial(apply_plan, hub, row.id, key))
    return accepted(key, row.exchange)


def _told(row: PlanRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "exchange": row.exchange,
        "run": row.run_id,
        "state": row.state,
        "created_at": row.created_at,
        "applied_at": row.applied_at,
        "author": row.author,
        "expires_at": row.expires_at,
        "counts": row.counts,
        "breaches": row.breaches,
    }
