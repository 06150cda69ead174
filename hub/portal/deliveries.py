"""Pages of deliveries for who administers the system: per target what was sent, what failed, what waits and why."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError
from hub.exchange.keytokens import Keys
from hub.portal.administering import DECIDES, answered, place, required
from hub.portal.ground import HOME, Form, Here, Me
from hub.portal.setaside import by_cause
from hub.store import circuits, targets

router = APIRouter(prefix="/operators/deliveries")
SHOWN: Final = 50
DAY: Final = dt.timedelta(days=1)
"""Of which the numbers are."""
Status = Literal["done", "rejected", "retry", "unknown", "conflict"]
Text = Annotated[str, Query(max_length=200)]


@router.get("")
def deliveries(request: Request, here: Here, me: Me, exchange: Text = "", after: Text = "") -> Response:
    """Every target by the name of its exchange."""
    required(here, me, "deliveries")
    seen = [name for name in here.hub.workspace.mappings if exchange in ("", name)]
    found = targets.targets(here.hub.database, seen, place(after, str, int), SHOWN + 1)
    shown = found[:SHOWN]
    known = targets.standing(here.hub.database, [one.number for one in shown], here.hub.clock() - DAY)
    filled = {
        "rows": [(one, known.get(one.number) or targets.Standing()) for one in shown],
        "circuits": circuits.every(here.hub.database), "exchange": exchange, "after": after,
        "next": f"{shown[-1].exchange},{shown[-1].number}" if len(found) > SHOWN else "",
    }  # fmt: skip
    return answered(request, here, me, "deliveries", "op_deliveries", filled)


@router.get("/{number}")
def target(
    request: Request, here: Here, me: Me, number: int, status: Status = "done", after: Text = ""
) -> Response:
    """One target: whether it is asked at all, what stands aside by cause, what is in doubt, and its deliveries."""
    required(here, me, "deliveries")
    one = targets.target(here.hub.database, number) if number < 2**31 else None
    if one is None or one.exchange not in here.hub.workspace.mappings:
        raise ConfigError("page.unknown", f"there is no target {number}", hint="see the list of deliveries")
    keys = Keys(here.hub)
    found = targets.deliveries(here.hub.database, number, status, place(after, uuid.UUID), SHOWN + 1)
    known = targets.standing(here.hub.database, [number], here.hub.clock() - DAY)
    filled = {
        "one": one, "standing": known.get(number) or targets.Standing(),
        "circuit": circuits.every(here.hub.database).get(one.system), "status": status, "after": after,
        "rows": [(each, keys.shown(one.exchange, each.key)) for each in found[:SHOWN]],
        "next": str(found[SHOWN - 1].id) if len(found) > SHOWN else "",
        "doubts": [
            (each, keys.shown(one.exchange, each.key), keys.foreign(one.exchange, each.foreign_key))
            for each in targets.doubts(here.hub.database, number, SHOWN)
        ],
        "causes": by_cause(here, one.exchange, f"{one.system}.{one.resource}"),
    }  # fmt: skip
    return answered(request, here, me, "deliveries", "op_target", filled)


@router.post("/circuits")
def reset(here: Here, me: Me, form: Form) -> Response:
    """The system is asked again by the next run, as after ``cophub systems reset``."""
    required(here, me, "deliveries", DECIDES)
    system = here.hub.workspace.system(form.get("system", ""))
    circuits.reset(here.hub.database, system.name)
    number = form.get("number", "")
    known = number.isascii() and number.isdigit()
    return RedirectResponse(f"{HOME}/operators/deliveries" + (f"/{number}" if known else ""), 303)
