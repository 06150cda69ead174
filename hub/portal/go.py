"""Opens a to-do in its system, logged in: the page that leads there."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.errors import ConfigError
from hub.portal.ground import Ground, Here, Me
from hub.portal.sso import onward
from hub.portal.todos import held
from hub.store.substitutes import Whose
from hub.todos import substitutes
from sso.tickets.broker import Broker, Visit

router = APIRouter()


@router.get("/go/{identity}")
def go(request: Request, here: Here, me: Me, identity: str) -> Response:
    """A ticket is made for who is logged in, whoever's to-do it is: he opens it as himself. A page leads on, since a
    policy of the browser may forbid that the answer to a log-in does."""
    whose: Whose = substitutes.whose(here.hub, me.person)
    row = held(here, whose, identity)
    kind, _, value = str(row["receiver"]).partition(":")
    own = kind == "account" and row["person"] == me.person
    attributes = {name: str(one["value"]) for name, one in (row["content"] or {}).get("attributes", {}).items()}
    visit = Visit(
        me.account.person, me.account.id, me.account.name, row["system"], value if own else "", row["source_id"],
        attributes,
    )  # fmt: skip
    place, fields = _broker(here).open(visit)
    answer = onward(request, here, row["system"], place, fields)
    answer.headers["referrer-policy"] = "no-referrer"
    return answer


def _broker(here: Ground) -> Broker:
    if here.broker is None:
        raise ConfigError("sso.off", "the hub is no provider", hint="write sso: {} in config/hub.yaml")
    return here.broker
