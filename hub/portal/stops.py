"""The page of what does not go on now, for who administers the system: switches, maintenance, and whom alerts reach."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.exchange.standing import windows
from hub.portal.administering import answered, required
from hub.portal.ground import Here, Me
from hub.store import alerts, switches

router = APIRouter(prefix="/operators/stops")
SHOWN: Final = 200
"""Alerts, at most: the longest first."""


@router.get("")
def stops(request: Request, here: Here, me: Me) -> Response:
    """What is stopped, since when and by whom; windows now and next; what people were told, and who takes no alerts."""
    required(here, me, "stops")
    database, hub = here.hub.database, here.hub
    filled = {
        "switches": list(switches.stopped(database).values()), "windows": windows(hub),
        "alerts": sorted(alerts.standing(database).values(), key=lambda one: (one.since, one.exchange))[:SHOWN],
        "channels": alerts.channels(database, sorted(hub.workspace.hub.alerts)),
    }  # fmt: skip
    return answered(request, here, me, "stops", "op_stops", filled)
