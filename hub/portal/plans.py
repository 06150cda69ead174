"""Pages of plans for who administers the system: what a run would change, old beside new, and whether it may."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.exchange.contents import contents
from hub.exchange.judging import approval
from hub.exchange.pipeline import apply_plan
from hub.portal.administering import DECIDES, answered, place, required
from hub.portal.exchanges import acting, to_run
from hub.portal.ground import HOME, Form, Ground, Here, Me
from hub.store import listing
from hub.store.plans import PlanRow, consent_of
from hub.store.reports import find_plan
from hub.workspace.strict import seconds

router = APIRouter(prefix="/operators/plans")
SHOWN: Final = 50
CHANGES: Final = 20
"""Changes of each kind that a page shows."""
PLACE: Final = f"{HOME}/operators/plans"


@router.get("")
def plans(
    request: Request, here: Here, me: Me, state: Annotated[str, Query(pattern="^(open|all)$")] = "open",
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:  # fmt: skip
    """The newest first: those that wait for somebody, or all that are kept."""
    required(here, me, "plans")
    names = list(here.hub.workspace.mappings)
    wanted, at = "open" if state == "open" else None, place(after, uuid.UUID)
    rows = listing.stored_plans(here.hub.database, names, at, SHOWN + 1, wanted)
    more = rows[SHOWN - 1].id if len(rows) > SHOWN else ""
    filled = {"rows": rows[:SHOWN], "state": state, "after": after, "next": more}
    return answered(request, here, me, "plans", "op_plans", filled)


@router.get("/{identity}")
def plan(request: Request, here: Here, me: Me, identity: uuid.UUID) -> Response:
    """One of them. Values are masked: the clear needs a reason, which the API and the command line ask for."""
    required(here, me, "plans")
    row = _found(here, identity)
    told = contents(acting(here, me), row, CHANGES)
    filled = {
        "row": row, "parts": told.parts, "stale": told.stale, "plain": plain, "most": CHANGES,
        "approval": consent_of(here.hub.database, row.id) if row.breaches else None,
    }  # fmt: skip
    return answered(request, here, me, "plans", "op_plan", filled)


@router.post("/{identity}/approval")
def approve(here: Here, me: Me, identity: uuid.UUID, form: Form) -> Response:
    """Signed in the name of who presses it, who must not be the plan's author."""
    required(here, me, "plans", DECIDES)
    hub = acting(here, me)
    lasts = dt.timedelta(seconds=seconds(hub.workspace.hub.approvals.expires))
    approval.approve(hub, _found(here, identity), form.get("reason", ""), lasts)
    return RedirectResponse(f"{PLACE}/{identity}", 303)


@router.post("/{identity}/rejection")
def reject(here: Here, me: Me, identity: uuid.UUID, form: Form) -> Response:
    """It cannot be approved or applied any more."""
    required(here, me, "plans", DECIDES)
    approval.reject(acting(here, me), _found(here, identity), form.get("reason", ""))
    return RedirectResponse(f"{PLACE}/{identity}", 303)


@router.post("/{identity}/runs")
def apply(here: Here, me: Me, identity: uuid.UUID, form: Form) -> Response:
    """Does it, once; its run stands with the exchange."""
    required(here, me, "plans", DECIDES)
    row, hub = _found(here, identity), acting(here, me)
    approval.require_open(hub, row)
    key = f"portal/{me.account.name}/plan/{row.id}/{form.get('key', '')[:40]}"
    here.starter.start(key, row.exchange, partial(apply_plan, hub, row.id, key))
    return to_run(row.exchange, key)


def _found(here: Ground, identity: uuid.UUID) -> PlanRow:
    return find_plan(here.hub.database, str(identity))


def plain(value: Any) -> str:
    """A value in a cell."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
